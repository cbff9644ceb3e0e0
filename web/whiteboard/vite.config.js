import { defineConfig } from "vite";

import { notices } from "../../tools/notices.js";

// The built-in app "whiteboard". The hub serves an app under the hash of its content: names need none.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../../src/callmesh/apps/whiteboard",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    rollupOptions: {
      external: ["callmesh/app"], // the hub gives it to every app
      output: { entryFileNames: "whiteboard.js", assetFileNames: "whiteboard[extname]", inlineDynamicImports: true },
    },
  },
  plugins: [notices()],
});
