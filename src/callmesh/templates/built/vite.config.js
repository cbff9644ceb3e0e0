import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// An app is plain files in a folder that is called as the app is. The hooks for React are built into it.
export default defineConfig({
  base: "./",
  resolve: {
    alias: { "callmesh/react": fileURLToPath(new URL("callmesh-react.js", import.meta.url)) },
  },
  build: {
    outDir: "dist/my-app",
    target: "es2022",
    modulePreload: false,
    rollupOptions: { external: ["callmesh/app"] }, // the hub gives it to every app
  },
});
