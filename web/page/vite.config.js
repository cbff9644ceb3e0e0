import { join } from "node:path";
import { defineConfig } from "vite";

import { notices } from "../../tools/notices.js";

// The call page. The hub serves it at more than one address, so every link in it is relative.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../../src/callmesh/page/dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the page's Content-Security-Policy allows no data: addresses
    modulePreload: { polyfill: false },
    // The call page; its stage alone, for other pages; the page of `callmesh dev`, and what is in its frames.
    rollupOptions: { input: ["index.html", "stage.html", "dev.html", "seat.html"].map((name) => join(import.meta.dirname, name)) },
  },
  plugins: [notices()],
});
