import { expect, test } from "vitest";

import { bundle, encode } from "../src/codec.ts";
import { BadValue, TooLarge } from "../src/errors.ts";
import { presenceOf, resourceId, stateOf, type StateId, type Writer } from "../src/ids.ts";
import { openLetter } from "../src/letters.ts";
import { Mesh, type Change } from "../src/mesh.ts";
import { MAX_BUNDLE, type Batch, type Denial, type Group, type Letter } from "../src/messages.ts";
import { MAX_WRITE, type Unsaved } from "../src/outbox.ts";
import type { Receipt } from "../src/receipt.ts";
import { DELETED, type Entry, type Value } from "../src/state.ts";
import type { Json } from "../src/values.ts";
import { entryIn, valueIn, vectors, type EntryVector, type ValueVector } from "./vectors.ts";

interface GroupVector {
  readonly state: StateId;
  readonly entries: readonly EntryVector[];
  readonly version?: number;
}
interface UnsavedVector {
  readonly state: StateId;
  readonly entry: EntryVector;
  readonly version: number;
}
interface ChangeVector {
  readonly state: StateId;
  readonly cause: string;
  readonly denied?: string;
  readonly keys: { [key: string]: { old: ValueVector | null; new: ValueVector | null; writer: string } };
}
type Views = { readonly [state: string]: { readonly [key: string]: Json } };
type Step = { readonly changes?: readonly ChangeVector[] } & (
  | { do: "batch"; now: number; batch: { cursor: number; saved: number; whole: boolean; groups: GroupVector[] } }
  | { do: "write"; now: number; groups: { [state: string]: { [key: string]: ValueVector } } }
  | { do: "send"; writes?: GroupVector[][] }
  | { do: "letter"; groups: GroupVector[] }
  | { do: "deny"; now: number; denial: Omit<Denial, "type"> }
  | { do: "hub_time"; time: number; now: number }
  | { do: "version"; state: StateId; version: number }
  | { do: "replay"; writes: UnsavedVector[] }
  | { do: "unsaved"; writes: UnsavedVector[] }
  | { do: "saved"; cursor: number }
  | { do: "lost" }
  | { do: "receipt"; name: string }
  | {
      do: "expect";
      view?: Views;
      status?: { [state: string]: string };
      receipts?: { [name: string]: string };
      fates?: { [state: string]: { [key: string]: string | null } };
      set_aside?: string[];
      cursor?: number;
    }
);

function groupIn({ state, entries, version = 0 }: GroupVector): Group {
  return { state, entries: entries.map(entryIn), version };
}

function letterIn(groups: Group[]): Letter {
  const author = groups[0]!.entries[0]!.writer;
  return { type: "letter", author, epoch: 1, open: true, write: encode({ type: "write", groups }), signature: new Uint8Array() };
}

function unsavedIn({ state, entry, version }: UnsavedVector): Unsaved {
  return { state, entry: entryIn(entry), version };
}

/** Of a denial the vectors say the reason alone. */
function shown({ denied, ...change }: Change): unknown {
  return denied === undefined ? change : { ...change, denied: denied.reason };
}

function changeIn({ keys, ...change }: ChangeVector): unknown {
  const changed = Object.entries(keys).map(([key, { old, new: now, writer }]) => {
    return [key, { old: old === null ? undefined : valueIn(old), new: now === null ? undefined : valueIn(now), writer }];
  });
  return { ...change, keys: new Map(changed as [string, unknown][]) };
}

function viewOf(mesh: Mesh, state: StateId): { [key: string]: Json | undefined } {
  return Object.fromEntries(mesh.keys(state).map((key) => [key, mesh.value(state, key)]));
}

function becameOf(receipt: Receipt | undefined): string {
  const [denied] = receipt!.denied;
  return receipt!.done ? (denied?.reason ?? "saved") : "waiting";
}

/** A replica that takes the steps of a vector. */
class Replica {
  readonly mesh = new Mesh();
  readonly #receipts = new Map<string, Receipt>();

  constructor() {
    this.mesh.writer = "pa" as Writer;
  }

  take(step: Step): Change[] {
    const { mesh } = this;
    switch (step.do) {
      case "batch":
        return mesh.batch({ type: "batch", ...step.batch, groups: step.batch.groups.map(groupIn) }, step.now);
      case "write":
        return mesh.write(new Map(Object.entries(step.groups).map(writesIn)), step.now);
      case "letter":
        return mesh.takeIn(openLetter(letterIn(step.groups.map(groupIn))));
      case "deny":
        return mesh.deny({ type: "denied", ...step.denial }, step.now);
      case "replay":
        return mesh.replay(step.writes.map(unsavedIn));
      case "unsaved":
        expect(mesh.unsavedWrites()).toEqual(step.writes.map(unsavedIn));
        break;
      case "hub_time":
        mesh.clock.setBy(step.time, step.now);
        break;
      case "version":
        mesh.versions.set(step.state, step.version);
        break;
      case "saved":
        mesh.disk(step.cursor);
        break;
      case "lost":
        mesh.linkLost();
        break;
      case "receipt":
        this.#receipts.set(step.name, mesh.receipt("state/r1" as StateId));
        break;
      case "send": {
        const sent = mesh.outgoing().map(({ groups }) => groups);
        if (step.writes) expect(sent).toEqual(step.writes.map((write) => write.map(groupIn)));
        break;
      }
      case "expect":
        this.#expect(step);
    }
    return [];
  }

  #expect(step: Extract<Step, { do: "expect" }>): void {
    const { view = {}, status = {}, receipts = {}, fates = {}, set_aside: aside, cursor } = step;
    for (const [state, values] of Object.entries(view)) expect(viewOf(this.mesh, state as StateId)).toEqual(values);
    for (const [state, word] of Object.entries(status)) expect(this.mesh.status(state as StateId)).toBe(word);
    for (const [name, word] of Object.entries(receipts)) expect(becameOf(this.#receipts.get(name))).toBe(word);
    for (const [state, words] of Object.entries(fates)) {
      for (const [key, word] of Object.entries(words)) {
        expect(this.mesh.statusOf(state as StateId, key) ?? null, key).toBe(word);
      }
    }
    if (aside !== undefined) expect([...this.mesh.setAside.of(STATE).keys()].sort()).toEqual(aside);
    if (cursor !== undefined) expect(this.mesh.cursor).toBe(cursor);
  }
}

function writesIn([state, group]: [string, { [key: string]: ValueVector }]): [StateId, Map<string, Value>] {
  return [state as StateId, new Map(Object.entries(group).map(([key, value]) => [key, valueIn(value)]))];
}

const { mesh: cases } = vectors<{ mesh: { name: string; rules: string; steps: Step[] }[] }>("state");

// [S2, S5, S6, S7, S8, S9, S10, S11, S12, S13, S15, S16, S17, S23, S24, S25, E2, J14, P1]: each names its own.
test.each(cases)("$rules: $name", ({ steps }) => {
  const replica = new Replica();
  for (const [at, step] of steps.entries()) {
    const changes = replica.take(step);
    if (step.changes) expect(changes.map(shown), `step ${at}`).toEqual(step.changes.map(changeIn));
  }
});

// --- what the vectors do not show

const RESOURCE = resourceId("r1");
const STATE = stateOf(RESOURCE);

function linked(): Mesh {
  const mesh = new Mesh();
  mesh.writer = "pa" as Writer;
  mesh.batch(batch(10, []), 0);
  return mesh;
}

function batch(cursor: number, entries: readonly Entry[], { whole = false, saved = 0 } = {}): Batch {
  return { type: "batch", cursor, saved, whole, groups: entries.length > 0 ? [{ state: STATE, entries, version: 0 }] : [] };
}

function set(mesh: Mesh, key: string, value: Value, now = 100): Change[] {
  return mesh.write(new Map([[STATE, new Map([[key, value]])]]), now);
}

function entry(key: string, time: number, value: Value, writer = "pb"): Entry {
  return { key, time, writer: writer as Writer, value };
}

test("[S3, S5] a transaction with a value that is none writes nothing", () => {
  const mesh = linked();
  const values = new Map<string, Value>([["a", 1], ["b", NaN]]);
  expect(() => mesh.write(new Map([[STATE, values]]), 100)).toThrow(BadValue);
  expect([mesh.keys(STATE), mesh.outgoing(), mesh.status(STATE)]).toEqual([[], [], "synced"]);
});

test("[S3] a value is kept as it was when it was set", () => {
  const mesh = linked();
  const list = [1];
  set(mesh, "list", list);
  list.push(2);
  expect(mesh.value(STATE, "list")).toEqual([1]);
});

test("[S9, W4] a transaction has one message, and a message fits into a bundle, also with long keys of short characters", () => {
  const mesh = linked();
  mesh.writer = `p${"z".repeat(24)}.999999999` as Writer;
  const write = (count: number) => {
    const values = Array.from({ length: count }, (_, n) => [`${"語".repeat(80)}${n}`, null] as const);
    mesh.write(new Map([[STATE, new Map(values)]]), 1_700_000_000_000_000);
  };
  expect(() => write(4_000)).toThrow(TooLarge);
  expect(mesh.outgoing()).toEqual([]);
  write(3_000);
  mesh.write(new Map([[STATE, new Map([["other", "x".repeat(60_000)]])]]), 0);
  for (let n = 0; n < 12; n++) set(mesh, `large/${n}`, "x".repeat(60_000));
  const sizes = mesh.outgoing().map((message) => bundle([encode(message)]).length);
  expect(sizes.length).toBe(2);
  expect(Math.max(...sizes)).toBeLessThan(MAX_BUNDLE);
  expect(MAX_WRITE).toBeLessThan(MAX_BUNDLE);
});

test("[S8] a crash of the hub unsettles what a receipt waits for", () => {
  const mesh = linked();
  set(mesh, "k", 1);
  const receipt = mesh.receipt(STATE);
  mesh.batch(batch(11, [entry("k", 100, 1, "pa")]), 0);
  mesh.linkLost();
  mesh.batch(batch(1_000, [], { whole: true, saved: 999 }), 0);
  expect(receipt.done).toBe(false);
  mesh.batch(batch(1_001, [entry("k", 100, 1, "pa")], { saved: 1_001 }), 0);
  expect([receipt.done, receipt.denied]).toEqual([true, []]);
});

test("[S7] a delete that is settled and not saved gives way to what the hub says", () => {
  const mesh = linked();
  mesh.batch(batch(11, [entry("k", 50, "theirs")]), 0);
  set(mesh, "k", DELETED);
  mesh.batch(batch(12, [entry("k", 100, DELETED, "pa")]), 0);
  const changes = mesh.batch(batch(13, [entry("k", 90, "older")]), 0);
  expect(changes).toEqual([
    { state: STATE, cause: "hub", keys: new Map([["k", { old: undefined, new: "older", writer: "pb" }]]) },
  ]);
  mesh.disk(13);
  expect([mesh.value(STATE, "k"), mesh.status(STATE)]).toEqual(["older", "synced"]);
});

test("[A3] a frame's entry is carried to the hub as it was stamped", () => {
  const mesh = linked();
  mesh.batch(batch(11, [entry("old", 50, 1)]), 0);
  const entries = [entry("k", 900, "framed", "pa.1"), entry("old", 40, 2, "pa.1")];
  const changes = mesh.adopt([{ state: STATE, entries, version: 2 }]);
  expect(changes.map(({ cause, keys }) => [cause, [...keys.keys()]])).toEqual([["own", ["k"]]]);
  expect(mesh.outgoing()).toEqual([{ type: "write", groups: [{ state: STATE, entries: [entries[0]], version: 2 }] }]);
  set(mesh, "j", 1);
  expect(mesh.entry(STATE, "j")?.time).toBe(100);
  set(mesh, "k", 1);
  expect(mesh.entry(STATE, "k")?.time).toBe(901);
});

test("[R5] what is written to a resource that is dropped is denied, not waited for", () => {
  const mesh = linked();
  set(mesh, "k", 1);
  mesh.write(new Map([[presenceOf(RESOURCE), new Map([["pa", 1]])]]), 0);
  const receipt = mesh.receipt(STATE);
  mesh.drop(RESOURCE);
  expect(receipt.denied.map(({ reason }) => reason)).toEqual(["no_resource"]);
  expect([receipt.done, mesh.outgoing(), mesh.keys(STATE), mesh.keys(presenceOf(RESOURCE))]).toEqual([true, [], [], []]);
});

test("[S14] a replica keeps no tombstones", () => {
  const mesh = linked();
  mesh.batch(batch(11, [entry("k", 50, 1)]), 0);
  mesh.batch(batch(12, [entry("k", 60, DELETED)]), 0);
  expect([mesh.entry(STATE, "k"), mesh.keys(STATE)]).toEqual([undefined, []]);
});

test("[S8] there is nothing to wait for when nothing was written, or presence alone", () => {
  const mesh = linked();
  expect(mesh.receipt(STATE).done).toBe(true);
  mesh.write(new Map([[presenceOf(RESOURCE), new Map([["pa", 1]])]]), 0);
  expect(mesh.receipt(presenceOf(RESOURCE)).done).toBe(true);
});
