// Writes the types of the app SDK beside it, in one file that needs no other: dist/sdk/app.d.ts. Beside it stand those of
// "callmesh/testing" and "callmesh/react", which name what "callmesh/app" has.
//
// The compiler declares each module. From what the SDK exports on, every declaration that another one names is
// taken over, once, under a name of its own.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

const root = join(import.meta.dirname, "..");
/** By entry, its values. Classes are declared as values, and `app` gives authors none of them to make: they are types. */
const ENTRIES = {
  app: ["connect"],
  testing: ["MemoryHub"],
  react: ["useAccess", "useCanWrite", "useList", "useParticipants", "usePresence", "useShared", "useStream", "useValue"],
};

const source = (name) => join(root, `web/bridge/src/${name}.ts`);
const sources = Object.keys(ENTRIES).map(source);
const declared = (file) => file.replace(/(?<!\.d)\.ts$/, ".d.ts");

/** A program of entries and all that they import; of `texts` where there are some, by path. */
function program(entries, options, texts = new Map()) {
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => texts.has(file) || fileExists(file);
  host.readFile = (file) => texts.get(file) ?? readFile(file);
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => {
      const found = ts.resolveModuleName(text, from, options, ts.sys).resolvedModule;
      const asDeclared = declared(found.resolvedFileName);
      const resolvedFileName = texts.has(asDeclared) ? asDeclared : found.resolvedFileName;
      const isExternalLibraryImport = resolvedFileName.includes("/node_modules/"); // our own packages are linked there
      return { resolvedModule: { resolvedFileName, extension: ts.Extension.Ts, isExternalLibraryImport } };
    });
  return ts.createProgram(entries, options, host);
}

/** The declarations of each module, by path. */
function declarations() {
  const file = join(root, "web/bridge/tsconfig.json");
  const changes = { noEmit: false, declaration: true, emitDeclarationOnly: true };
  const { options } = ts.getParsedCommandLineOfConfigFile(file, changes, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail });
  const texts = new Map();
  const { diagnostics } = program(sources, options).emit(undefined, (path, text) => texts.set(path, text));
  diagnostics.forEach(fail);
  return { texts, options };
}

function fail({ messageText }) {
  throw new Error(ts.flattenDiagnosticMessageText(messageText, "\n"));
}

/** The statement of a module that a node stands in. */
function statementOf(node) {
  while (!ts.isSourceFile(node.parent)) node = node.parent;
  return node;
}

class Roll {
  #checker;
  #program;
  #texts;
  /** By statement: what stands in it for which symbol. */
  #taken = new Map();
  #names = new Map();
  /** What another entry gives, by name; and what of it is named here. */
  #given = new Map();
  #imported = new Set();
  /** Names of the language and its library, which mean something else. */
  #used = new Set();

  constructor(texts, options) {
    this.#texts = texts;
    this.#program = program(sources.map(declared), options, texts);
    this.#checker = this.#program.getTypeChecker();
  }

  /** What an entry exports, by name. */
  exports(name) {
    const module = this.#checker.getSymbolAtLocation(this.#program.getSourceFile(declared(source(name))));
    return new Map(this.#checker.getExportsOfModule(module).map((symbol) => [symbol.name, this.#itself(symbol)]));
  }

  #itself(symbol) {
    const found = symbol.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(symbol) : symbol;
    return this.#checker.getExportSymbolOfSymbol(found);
  }

  /** The statements that declare a symbol at the top of one of our modules. */
  #statements(symbol) {
    const found = (symbol.declarations ?? []).filter((one) => !ts.isSourceFile(one));
    const foreign = found.find((one) => !this.#isKnown(one.getSourceFile()));
    if (foreign !== undefined) throw new Error(`${symbol.name} is of another package: ${foreign.getSourceFile().fileName}`);
    const own = found.filter((one) => this.#texts.has(one.getSourceFile().fileName));
    return own.map(statementOf).filter((statement, index) => isDeclaredBy(own[index], statement));
  }

  #isKnown(file) {
    return this.#texts.has(file.fileName) || this.#program.isSourceFileDefaultLibrary(file);
  }

  /** Take a symbol over, and all that its declarations name. */
  take(symbol) {
    if (this.#given.has(symbol)) {
      this.#imported.add(symbol);
      return;
    }
    for (const statement of this.#statements(symbol)) {
      if (this.#taken.has(statement)) continue;
      const places = [];
      this.#taken.set(statement, places);
      this.#look(statement, places);
    }
  }

  #look(node, places) {
    const named = this.#named(node);
    if (named !== undefined) {
      places.push(named);
      this.take(named.symbol);
      if (!ts.isImportTypeNode(node)) return;
      node.typeArguments?.forEach((one) => this.#look(one, places));
    } else {
      ts.forEachChild(node, (child) => this.#look(child, places));
    }
  }

  /** What of a node is the name of something at the top of one of our modules. */
  #named(node) {
    if (ts.isImportTypeNode(node)) return { node, symbol: this.#symbol(node.qualifier), end: node.qualifier.end };
    const isPath = ts.isQualifiedName(node) || ts.isPropertyAccessExpression(node);
    if (!isPath && !ts.isIdentifier(node)) return undefined;
    const symbol = this.#symbol(isPath ? (node.right ?? node.name) : node);
    if (symbol === undefined) return undefined;
    if (this.#statements(symbol).length > 0) return { node, symbol, end: node.end };
    if (symbol.parent === undefined) this.#used.add(symbol.name);
    return undefined;
  }

  #symbol(name) {
    const symbol = this.#checker.getSymbolAtLocation(name);
    return symbol && this.#itself(symbol);
  }

  /** What is not declared anew, as another entry gives it. */
  give(exported) {
    for (const [name, symbol] of exported) {
      this.#given.set(symbol, name);
      this.#names.set(symbol, name);
    }
  }

  /** The names of what another entry gives and is named here. */
  get imported() {
    return [...this.#imported].map((symbol) => this.#given.get(symbol)).sort();
  }

  /** Give each symbol that was taken a name that no other has; the exported ones keep theirs. */
  name(exported) {
    for (const [name, symbol] of exported) this.#names.set(symbol, name);
    const taken = new Set([...exported.keys(), ...this.#given.values(), ...this.#used]);
    for (const { symbol } of [...this.#taken.values()].flat()) {
      if (this.#names.has(symbol)) continue;
      let name = symbol.name;
      for (let n = 1; taken.has(name); n++) name = `${symbol.name}$${n}`;
      taken.add(name);
      this.#names.set(symbol, name);
    }
  }

  /** Every statement that was taken, in the order of the modules. */
  text() {
    const statements = this.#program.getSourceFiles().flatMap((file) => file.statements.filter((one) => this.#taken.has(one)));
    return statements.map((one) => this.#rewritten(one)).join("\n");
  }

  #rewritten(statement) {
    const file = statement.getSourceFile();
    const edits = this.#taken.get(statement).map(({ node, symbol, end }) => [node.getStart(file), end, this.#names.get(symbol)]);
    for (const one of statement.modifiers ?? []) {
      if (one.kind === ts.SyntaxKind.ExportKeyword) edits.push([one.getStart(file), one.end + 1, ""]);
    }
    let text = file.text.slice(0, statement.end);
    for (const [start, end, name] of edits.sort(([a], [b]) => b - a)) text = text.slice(0, start) + name + text.slice(end);
    return text.slice(statement.jsDoc?.at(-1)?.pos ?? statement.getStart(file));
  }
}

/** Whether it is what the statement is there for, and nothing within that. */
function isDeclaredBy(node, statement) {
  return node === statement || (ts.isVariableDeclaration(node) && node.parent.parent === statement);
}

const { texts, options } = declarations();
for (const [name, values] of Object.entries(ENTRIES)) {
  const roll = new Roll(texts, options);
  const exported = roll.exports(name);
  if (name !== "app") roll.give(roll.exports("app"));
  for (const symbol of exported.values()) roll.take(symbol);
  roll.name(exported);
  const types = [...exported.keys()].filter((one) => !values.includes(one)).sort();
  const lines = [`/** The types of \`callmesh/${name}\`. */`];
  if (roll.imported.length > 0) lines.push(`import type { ${roll.imported.join(", ")} } from "callmesh/app";`);
  lines.push(roll.text(), "", `export { ${values.join(", ")} };`);
  if (types.length > 0) lines.push(`export type { ${types.join(", ")} };`);
  const to = join(root, `src/callmesh/page/dist/sdk/${name}.d.ts`);
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, [...lines, ""].join("\n"));
}
