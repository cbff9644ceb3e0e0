// Hocuspocus, saving to SQLite: PORT FOLDER. Its own SQLite extension does the same with a driver that
// has to be compiled; this one comes with Node.
import { DatabaseSync } from "node:sqlite";
import { Database } from "@hocuspocus/extension-database";
import { Server } from "@hocuspocus/server";

const [port, folder] = process.argv.slice(2);
const kept = new DatabaseSync(`${folder}/hocuspocus.sqlite`);
kept.exec("CREATE TABLE IF NOT EXISTS documents (name TEXT PRIMARY KEY, data BLOB NOT NULL)");
const read = kept.prepare("SELECT data FROM documents WHERE name = ?");
const write = kept.prepare("INSERT INTO documents VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET data = excluded.data");

await new Server({
  port: Number(port),
  address: "127.0.0.1",
  quiet: true,
  extensions: [
    new Database({
      fetch: async ({ documentName }) => read.get(documentName)?.data ?? null,
      store: async ({ documentName, state }) => void write.run(documentName, state),
    }),
  ],
}).listen();
