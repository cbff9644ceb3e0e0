import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { defineConfig } from "vite";

import { notices } from "../../tools/notices.js";

// The app SDK: one file with a fixed name, which apps import as "callmesh/app". With `--mode testing` it is
// "callmesh/testing" beside it, with `--mode react` "callmesh/react", which has React from the app.
export default defineConfig(({ mode }) => ({
  build: {
    outDir: "../../src/callmesh/page/dist/sdk",
    emptyOutDir: mode === "production",
    target: "es2022",
    modulePreload: false,
    // Not vite's library mode, which leaves the white space in.
    rollupOptions: {
      input: join(import.meta.dirname, `src/${nameOf(mode)}.ts`),
      external: ["react"],
      preserveEntrySignatures: "strict",
      output: { entryFileNames: `${nameOf(mode)}.js`, inlineDynamicImports: true },
    },
  },
  plugins: mode === "production" ? [uplot(), notices()] : [],
}));

function nameOf(mode) {
  return mode === "production" ? "app" : mode;
}

/** Puts uPlot beside the SDK as it comes, for apps that draw charts: "callmesh/uplot". */
function uplot() {
  const dist = join(dirname(createRequire(import.meta.url).resolve("uplot/package.json")), "dist");
  const copies = { "uplot.js": "uPlot.esm.js", "uplot.css": "uPlot.min.css" };
  return {
    name: "callmesh:uplot",
    generateBundle() {
      for (const [fileName, original] of Object.entries(copies)) {
        this.emitFile({ type: "asset", fileName, source: readFileSync(join(dist, original)) });
      }
    },
  };
}
