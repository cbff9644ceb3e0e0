import { defineConfig } from "vite";

// An app is plain files in a folder that is called as the app is.
export default defineConfig({
  base: "./",
  build: {
    outDir: "dist/my-app",
    target: "es2022",
    modulePreload: false,
    rollupOptions: { external: ["callmesh/app"] }, // the hub gives it to every app
  },
});
