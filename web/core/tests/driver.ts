/**
 * A TypeScript participant at the end of a pipe: `tests/test_differential.py` drives it.
 *
 * One JSON command per line, one JSON answer per line. It keeps nothing but a mesh and a session, as
 * the simulated participants of both languages do.
 */

import { createInterface } from "node:readline";

import { bundle, encode } from "../src/codec.ts";
import type { ResourceId, StateId, Writer } from "../src/ids.ts";
import { Mesh, type Change } from "../src/mesh.ts";
import type { Message } from "../src/messages.ts";
import type { Unsaved } from "../src/outbox.ts";
import { Session } from "../src/session.ts";
import { DELETED, type Value } from "../src/state.ts";
import type { Json } from "../src/values.ts";

type Described = { readonly value: Json } | { readonly deleted: true };
type Groups = { readonly [state: string]: { readonly [key: string]: Described } };
type Command =
  | { readonly do: "start" | "reload"; readonly writer: string }
  | { readonly do: "drop"; readonly resource: string }
  | { readonly do: "connect" | "cut" | "send" }
  | { readonly do: "write"; readonly groups: Groups; readonly now: number }
  | { readonly do: "hear"; readonly hex: string; readonly now: number }
  | { readonly do: "learn"; readonly time: number; readonly now: number }
  | { readonly do: "look"; readonly states: readonly string[]; readonly keys: readonly string[] };

let mesh = new Mesh();
/** What was not saved before a reload. */
let left: Unsaved[] = [];
let session = new Session("client", 0);

function answer(command: Command): unknown {
  switch (command.do) {
    case "start":
      begin(command.writer);
      return null;
    case "reload":
      left = mesh.unsavedWrites();
      begin(command.writer);
      return left.map(({ state, entry: { key, time }, version }) => ({ state, key, time, version }));
    case "drop":
      mesh.drop(command.resource as ResourceId);
      return null;
    case "connect":
      session = new Session("client", 0);
      return null;
    case "cut":
      mesh.linkLost();
      return null;
    case "write":
      return mesh.write(new Map(Object.entries(command.groups).map(group)), command.now).map(described);
    case "send":
      return sent();
    case "hear":
      return session.receive(Buffer.from(command.hex, "hex"), command.now).flatMap((m) => heard(m, command.now).map(described));
    case "learn":
      mesh.clock.setBy(command.time, command.now);
      return null;
    case "look":
      return look(command.states, command.keys);
  }
}

function begin(writer: string): void {
  mesh = new Mesh();
  mesh.writer = writer as Writer;
}

function group([state, values]: [string, { readonly [key: string]: Described }]): [StateId, Map<string, Value>] {
  const writes = Object.entries(values).map(([key, described]): [string, Value] => {
    return [key, "value" in described ? described.value : DELETED];
  });
  return [state as StateId, new Map(writes)];
}

function sent(): string[] {
  for (const write of mesh.outgoing()) session.put(encode(write));
  const bundles: string[] = [];
  for (let parts = session.take(); parts.length > 0; parts = session.take()) {
    bundles.push(Buffer.from(bundle(parts)).toString("hex"));
  }
  return bundles;
}

function heard(message: Message, now: number): Change[] {
  switch (message.type) {
    case "welcome":
      mesh.clock.setBy(message.time, now);
      return [];
    case "batch":
      return [...mesh.batch(message, now), ...mesh.replay(left.splice(0))];
    case "saved":
      mesh.disk(message.cursor);
      return [];
    case "denied":
      return mesh.deny(message, now);
    default:
      return [];
  }
}

function described({ state, cause, keys, denied }: Change): unknown {
  const value = (json: Json | undefined): unknown => (json === undefined ? null : { value: json });
  const changed = [...keys].map(([key, { old, new: now, writer }]) => {
    return [key, { old: value(old), new: value(now), writer }] as const;
  });
  return { state, cause, keys: Object.fromEntries(changed), ...(denied && { denied: denied.reason }) };
}

function look(states: readonly string[], keys: readonly string[]): unknown {
  const views = states.map((state) => {
    const id = state as StateId;
    const view = Object.fromEntries(mesh.keys(id).map((key) => [key, mesh.value(id, key)]));
    const fates = Object.fromEntries(keys.map((key) => [key, mesh.statusOf(id, key) ?? null]));
    return [state, { view, fates, status: mesh.status(id) }] as const;
  });
  const { offset, seen, given } = mesh.clock;
  const { cursor, saved } = mesh;
  return { states: Object.fromEntries(views), clock: { offset, seen, given }, cursor, saved };
}

createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line) as Command))}\n`);
});
