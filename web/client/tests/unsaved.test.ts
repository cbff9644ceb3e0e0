import "fake-indexeddb/auto";

import { DELETED, Mesh, stateOf, type CallId, type ParticipantId, type PersonId, type ResourceId, type Writer } from "@callmesh/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { UnsavedStore } from "../src/unsaved.ts";

const STATE = stateOf("r1" as ResourceId);

/** As browsers have them, for one origin. */
class FakeLocks {
  readonly held = new Set<string>();

  async request(name: string, _: { ifAvailable: boolean }, act: (lock: object | null) => Promise<void> | undefined): Promise<void> {
    await Promise.resolve();
    if (this.held.has(name)) return act(null);
    this.held.add(name);
    await act({});
    this.held.delete(name);
  }
}

beforeEach(() => vi.stubGlobal("navigator", { locks: new FakeLocks() }));
afterEach(() => vi.unstubAllGlobals());

function id(participant: string, { call = "c", person = "u1" } = {}) {
  return { call: call as CallId, person: person as PersonId, participant: participant as ParticipantId };
}

/** A tab: its mesh, and what it keeps. */
async function tab(participant: string, where = {}, here: readonly string[] = []) {
  const mesh = new Mesh();
  mesh.writer = participant as Writer;
  const store = new UnsavedStore(mesh, undefined, (other) => here.includes(other));
  mesh.batch({ type: "batch", cursor: 1, saved: 1, whole: true, groups: [] }, 0);
  const left = await store.start(id(participant, where));
  const write = (values: Record<string, unknown>, now = Date.now() * 1_000): void => {
    const keys = new Map(Object.entries(values).map(([key, value]) => [key, (value ?? DELETED) as never]));
    for (const change of mesh.write(new Map([[STATE, keys]]), now)) store.changed(change);
  };
  return { mesh, store, left, write };
}

test("[S25] what was not saved is there for the next one of the same person, once", async () => {
  const first = await tab("p1", { call: "one" });
  first.mesh.versions.set(STATE, 3);
  first.write({ a: 1 });
  first.write({ a: 2, b: "x" });
  first.write({ b: undefined });
  await first.store.settled();
  first.store.close();

  expect((await tab("p9", { call: "one", person: "u2" })).left).toEqual([]);
  expect((await tab("p9", { call: "another" })).left).toEqual([]);
  const second = await tab("p2", { call: "one" });
  expect(second.left.map(({ entry, version }) => [entry.key, entry.value, version])).toEqual([["a", 2, 3], ["b", "x", 3], ["b", DELETED, 3]]); // prettier-ignore

  for (const change of second.mesh.replay(second.left)) second.store.changed(change);
  second.store.taken();
  await second.store.settled();
  expect(second.mesh.value(STATE, "a")).toBe(2);
  second.store.close();
  const third = await tab("p3", { call: "one" });
  expect(third.left.map(({ entry }) => entry.key)).toEqual(["a", "b", "b"]);
});

test("[S25, S5] a transaction that was overtaken in part is kept whole, and however much is written no more", async () => {
  const first = await tab("p1", { call: "seven" });
  first.write({ x: 1, y: 1 });
  first.write({ x: 2, closed: 2 });
  for (let number = 0; number < 20; number++) {
    first.write({ a: number, b: number });
    await first.store.settled();
  }
  first.store.close();
  const { left } = await tab("p2", { call: "seven" });
  const kept = left.map(({ entry: { key, value } }) => `${key}=${JSON.stringify(value)}`);
  expect(kept.sort()).toEqual(["a=19", "b=19", "closed=2", "x=1", "x=2", "y=1"]);
});

test("[S25] what is saved or denied is not kept", async () => {
  const { mesh, store, write } = await tab("p1", { call: "two" });
  write({ saved: 1 });
  write({ denied: 2 });
  write({ waiting: 3 });
  const [group] = mesh.outgoing()[0]!.groups;
  const [saved, denied] = group!.entries;
  mesh.batch({ type: "batch", cursor: 2, saved: 2, whole: false, groups: [{ state: STATE, entries: [saved!], version: 0 }] }, 0);
  const { time, writer } = denied!;
  mesh.deny({ type: "denied", reason: "no_right", why: "no", time, writer, places: [[STATE, "denied"]], now: 0 }, 0);
  store.heard();
  await store.settled();
  store.close();
  expect((await tab("p2", { call: "two" })).left.map(({ entry }) => entry.key)).toEqual(["waiting"]);
});

test("[S25] what the hub saves at once never comes to the disk here, and a drag comes seldom", async () => {
  const { mesh, store, write } = await tab("p1", { call: "eight" });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const transactions = vi.spyOn(IDBDatabase.prototype, "transaction");
  const frame = async (): Promise<void> => {
    vi.advanceTimersByTime(16);
    for (let n = 0; n < 10; n++) await new Promise((resolve) => void setImmediate(resolve));
  };
  let cursor = 1;
  const save = (): void => {
    for (const { groups } of mesh.outgoing()) mesh.batch({ type: "batch", cursor: ++cursor, saved: cursor, whole: false, groups }, 0);
    store.heard();
  };
  write({ click: 1 });
  save();
  for (let n = 0; n < 10; n++) await frame();
  expect(transactions).not.toHaveBeenCalled();
  for (let n = 0; n < 60; n++) {
    write({ drag: n });
    await frame();
  }
  expect(transactions.mock.calls.length).toBeLessThanOrEqual(10);
  save();
  for (let n = 0; n < 10; n++) await frame();
  vi.useRealTimers();
  transactions.mockRestore();
  store.close();
  expect((await tab("p2", { call: "eight" })).left).toEqual([]);
});

test("[S25] who leaves keeps at once what is not saved", async () => {
  const { store, write } = await tab("p1", { call: "nine" });
  write({ last: "word" });
  store.close();
  await store.settled();
  expect((await tab("p2", { call: "nine" })).left.map(({ entry }) => entry.value)).toEqual(["word"]);
});

test("[S25] what was left behind long ago is not written again", async () => {
  const { store, write } = await tab("p1", { call: "three" });
  const warn = vi.spyOn(console, "warn").mockReturnValue();
  write({ old: 1 }, (Date.now() - 8 * 24 * 3_600_000) * 1_000);
  write({ recent: 1 });
  await store.settled();
  store.close();
  const { left, store: next } = await tab("p2", { call: "three" });
  expect(left.map(({ entry }) => entry.key)).toEqual(["recent"]);
  expect(warn.mock.calls).toEqual([[expect.stringMatching(/7 days ago.*dropped now: state\/r1 old$/)]]);
  warn.mockRestore();
  next.taken();
  await next.settled();
  next.close();
  expect((await tab("p3", { call: "three" })).left).toEqual([]);
});

test("[S25] a tab that lives sees to its own; when it has gone, one other does", async () => {
  const living = await tab("p1", { call: "four" });
  living.write({ a: 1 });
  await living.store.settled();
  const beside = await tab("p2", { call: "four" });
  expect(beside.left).toEqual([]);
  beside.store.taken();
  living.write({ b: 2 });
  await living.store.settled();
  living.store.close();
  const [third, fourth] = await Promise.all([tab("p3", { call: "four" }), tab("p4", { call: "four" })]);
  const taken = [third, fourth].map(({ left }) => left.map(({ entry }) => entry.key));
  expect(taken.sort()).toEqual([[], ["a", "b"]]);
});

test("[S25] where a browser has no locks, who is here lives", async () => {
  vi.stubGlobal("navigator", {});
  const first = await tab("p1", { call: "five" });
  first.write({ a: 1 });
  await first.store.settled();
  expect((await tab("p2", { call: "five" }, ["p1"])).left).toEqual([]);
  expect((await tab("p3", { call: "five" })).left.map(({ entry }) => entry.key)).toEqual(["a"]);
});

test("[S25] who leaves before it has begun holds nothing", async () => {
  const mesh = new Mesh();
  const store = new UnsavedStore(mesh);
  const starting = store.start(id("p1", { call: "six" }));
  store.close();
  await starting;
  await vi.waitFor(() => expect((navigator.locks as unknown as FakeLocks).held.size).toBe(0));
});
