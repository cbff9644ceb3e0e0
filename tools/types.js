// Writes the types of the app SDK beside it, in one file that needs no other: dist/sdk/app.d.ts.
import { join } from "node:path";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";

const root = join(import.meta.dirname, "..");
const VALUES = ["connect"];

/** Classes are declared as values, and the SDK gives authors none of them to make: they are types. */
function typesAlone() {
  const renderChunk = (code) =>
    code.replace(/^export \{ (.*) \};$/m, (_, names) => {
      const types = names.split(", ").filter((name) => !VALUES.includes(name));
      return `export { ${VALUES.join(", ")} };\nexport type { ${types.join(", ")} };`;
    });
  return { name: "callmesh:types-alone", renderChunk };
}

const bundle = await rollup({
  input: join(root, "web/bridge/src/app.ts"),
  plugins: [dts({ tsconfig: join(root, "web/bridge/tsconfig.json"), respectExternal: true }), typesAlone()],
  onwarn({ message }) {
    throw new Error(message);
  },
});
await bundle.write({ file: join(root, "src/callmesh/page/dist/sdk/app.d.ts"), banner: "/** The types of `callmesh/app`. */" });
await bundle.close();
