import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { defineConfig } from "vite";

import { notices } from "../../tools/notices.js";

// The app SDK: one file with a fixed name, which apps import as "callmesh/app", and the parts that only some of them
// load. With `--mode testing` it is "callmesh/testing" beside it, with `--mode react` "callmesh/react", which has React
// from the app.
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
      preserveEntrySignatures: "allow-extension", // its parts have from it what they need
      output: {
        entryFileNames: `${nameOf(mode)}.js`,
        chunkFileNames: ({ name }) => `${name.replace("frame", "").toLowerCase()}-[hash].js`,
        inlineDynamicImports: mode !== "production",
        experimentalMinChunkSize: 1_000, // what both parts need is not worth a request
      },
    },
  },
  plugins: mode === "production" ? [uplot(), notices(), anew()] : [anew()],
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

/** What is loaded later is asked for under another name where it did not come: browsers remember that of a module. */
function anew() {
  return {
    name: "callmesh:anew",
    enforce: "pre",
    load: (id) => (id.endsWith("vite/preload-helper.js") ? "export const __vitePreload = (load) => load();" : undefined),
    renderDynamicImport: () => ({ left: "((from) => import(from).catch(() => import(`${from}?${Date.now()}`)))(", right: ")" }),
  };
}
