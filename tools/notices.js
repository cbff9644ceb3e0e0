import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A vite plugin. Minifying drops the licence texts of what is bundled: this puts them beside it. */
export function notices() {
  return {
    name: "callmesh:notices",
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((output) => output.moduleIds ?? []);
      const roots = modules.flatMap((id) => /.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id) ?? []);
      const source = [...new Set(roots)].sort().map(notice).join("\n");
      this.emitFile({ type: "asset", fileName: "licenses.txt", source });
    },
  };
}

function notice(root) {
  const { name, version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const file = readdirSync(root).find((entry) => /^licen[cs]e/i.test(entry));
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(root, file), "utf8") : ""}`;
}
