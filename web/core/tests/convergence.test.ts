import fc from "fast-check";
import { expect, test } from "vitest";

import { DELETED, newer, type Entry, type Stamp, type Value } from "../src/state.ts";
import type { Json } from "../src/values.ts";
import { STATE, World, type Client } from "./simulated.ts";

/** How many schedules there are of the first kind; `make soak` runs more. */
const SCHEDULES = Number(process.env["SCHEDULES"] ?? 400);
/** How far the four clients' clocks are off, microseconds. */
const HOUR = 3_600_000_000;
const SKEWS = [0, 2_000, -2_000, HOUR];
/** Where a clock jumps to in mid-run. */
const JUMPS = [...SKEWS, -HOUR, 2 * HOUR, 3_000_000];
const ACTIONS = [
  "set", "set", "wait", "wait", "delete", "delete", "several", "several", "closed", "cut", "connect", "commit", "crash",
  "collect", "jump", "send", "arrive", "answer", "hear", "step", "step", "step",
] as const;
/** Deletes are forgotten soon, before they are saved: older writes then count as new. */
const FORGETFUL = [
  "set", "set", "delete", "delete", "cut", "connect", "collect", "step", "step", "step", "step",
] as const;

function schedules(actions: readonly (typeof ACTIONS)[number][], keys: readonly string[], maxLength: number) {
  const step = fc.record({
    action: fc.constantFrom(...actions),
    client: fc.constantFrom(0, 1, 2, 3),
    key: fc.constantFrom(...keys),
    value: fc.nat(99),
    chance: fc.nat(99),
    pause: fc.nat(3_000),
  });
  return fc.array(step, { minLength: 1, maxLength, size: "max" });
}

type Step = ReturnType<typeof schedules> extends fc.Arbitrary<(infer S)[]> ? S : never;

function act(world: World, { action, client: index, key, value, chance, pause }: Step): void {
  const client = world.clients[index]!;
  world.now += pause;
  switch (action) {
    case "set":
      client.set(key, unique(world));
      break;
    case "several":
      client.write([...new Set([key, "abc"[value % 3]!, ...(chance < 40 ? ["closed"] : [])])], unique(world));
      break;
    case "jump":
      client.skew = JUMPS[value % JUMPS.length]!;
      break;
    case "wait":
      client.setAndWait(key, chance < 30 ? DELETED : unique(world));
      break;
    case "delete":
      client.set(key, DELETED);
      break;
    case "closed":
      client.setAndWait("closed", unique(world));
      break;
    case "commit":
      world.commit();
      break;
    case "crash":
      if (chance < 40) world.crash();
      break;
    case "collect":
      world.collect(world.now - value * 10);
      break;
    default:
      client[action]();
  }
}

/** Each write has a value of its own. */
function unique(world: World): number {
  return ++world.values;
}

/** What somebody sees who follows the change events and nothing else. */
function folded({ changes }: Client): Record<string, Json> {
  const seen = new Map<string, Json>();
  for (const change of changes.filter(({ state }) => state === STATE)) {
    for (const [key, changed] of change.keys) {
      expect(changed.old, `${key} before ${change.cause}`).toEqual(seen.get(key));
      if (changed.new === undefined) seen.delete(key);
      else seen.set(key, changed.new);
    }
  }
  return Object.fromEntries(seen);
}

/** What the hub has taken of later writes of the author to that key, deletes too. */
function later(world: World, key: string, value: number): Entry[] {
  const { client } = world.units.get(value)!;
  const taken = world.taken.map(({ entry }) => entry).filter((entry) => entry.key === key && entry.writer === client.mesh.writer);
  return taken.filter((entry) => entry.value === DELETED || (entry.value as number) > value);
}

/** The hub has taken what it took of a transaction whole: only a clock that was ahead makes it late. */
function checkWhole(world: World, from: number): void {
  const values = new Set(world.taken.slice(from).flatMap(({ state, entry }) => (state === STATE ? [entry.value] : [])));
  for (const value of values) {
    if (value === DELETED) continue;
    const taken = new Set(world.taken.filter(({ entry }) => entry.value === value).map(({ entry }) => entry.key));
    const missing = world.units.get(value as number)!.keys.filter((key) => !taken.has(key));
    for (const key of missing) expect(later(world, key, value as number), `half a transaction: no ${key}`).not.toHaveLength(0);
  }
}

/**
 * Whether what was written is there, or something newer, or was when its tombstone was let go of. What
 * the hub never took was overtaken before it came, maybe by one's own that was stamped anew.
 */
function survived(world: World, key: string, value: Value, sent: Stamp): boolean {
  if (value === DELETED) return true;
  const taken = world.taken.find(({ entry }) => entry.key === key && entry.value === value)?.entry;
  const stamp = taken ?? later(world, key, value as number).reduce<Stamp>((least, entry) => (newer(least, entry) ? entry : least), sent);
  const kept = world.hub.ledger.state(STATE).entries.get(key);
  return [kept, world.collected.get(key)].some((found) => found !== undefined && !newer(stamp, found));
}

function checkSettled(world: World): void {
  const view = world.view();
  expect(view).not.toHaveProperty("closed");
  for (const client of world.clients) {
    expect(client.view()).toEqual(view);
    expect(folded(client)).toEqual(view);
    expect(client.mesh.status(STATE)).toBe("synced");
    for (const { key, value, receipt, stamp } of client.awaited) {
      expect(receipt.done).toBe(true);
      if (key === "closed") expect(receipt.denied).not.toHaveLength(0);
      if (receipt.denied.length === 0) expect(survived(world, key, value, stamp), key).toBe(true);
    }
  }
}

function run(schedule: readonly Step[]): void {
  const world = new World();
  for (const [index, skew] of SKEWS.entries()) world.client(String(index), skew);
  for (const step of schedule) {
    const before = world.taken.length;
    act(world, step);
    if (world.taken.length > before) checkWhole(world, before);
    for (const client of world.clients) {
      expect(client.mesh.receipts).toBeLessThanOrEqual(client.awaited.length);
      for (const { receipt, key, value, stamp } of client.awaited) {
        if (!receipt.done || receipt.denied.length > 0) continue;
        expect(survived(world, key, value, stamp), `${key} was told to be saved`).toBe(true);
      }
    }
  }
  world.settle();
  checkSettled(world);
}

test("[S13, S5, S6, S10, S11, S12, L3] replicas that edit at random end in the same State, and lose nothing that was saved", () => {
  fc.assert(fc.property(schedules(ACTIONS, ["a", "b", "c"], 200), run), { numRuns: SCHEDULES });
});

test("[S7, S13] so do they when the hub forgets deletes at once", () => {
  fc.assert(fc.property(schedules(FORGETFUL, ["a", "b"], 50), run), { numRuns: SCHEDULES * 4 });
});

test("[S7] an older write that the hub takes after it forgot a delete is seen by who deleted", () => {
  const world = new World();
  const [deleter, late] = [world.client("1"), world.client("2")];
  world.settle();
  late.cut();
  late.set("a", 1);
  world.now += 1_000;
  for (const [key, value] of [["a", DELETED], ["b", 2]] as const) {
    deleter.set(key, value);
    deleter.step();
  }
  world.collect(world.now + 1_000);
  late.connect();
  for (let round = 0; round < 3; round++) for (const client of world.clients) client.step();
  expect(deleter.view()).toEqual({ a: 1, b: 2 });
  expect(folded(deleter)).toEqual({ a: 1, b: 2 });
  world.settle();
  checkSettled(world);
});

test("[S8] a crash of the hub takes nothing for saved that it lost", () => {
  const world = new World();
  const client = world.client("1");
  world.settle();
  client.setAndWait("a", 1);
  client.step();
  world.crash();
  client.connect();
  client.answer();
  client.hear();
  expect(client.awaited[0]?.receipt.done).toBe(false);
  world.settle();
  expect(client.awaited[0]?.receipt.done).toBe(true);
  expect(world.view()).toEqual({ a: 1 });
});

function bytesToNewcomer(writes: number): number {
  const world = new World();
  world.crash(); // its numbers then have one length on the wire
  const writer = world.client("1");
  for (let number = 0; number < writes; number++) {
    world.now += 100;
    writer.set(`key/${number % 20}`, 100 + (number % 20));
    if (number % 50 === 49) world.settle();
  }
  world.settle();
  const newcomer = world.client("2");
  world.settle();
  expect(Object.keys(newcomer.view())).toHaveLength(20);
  return newcomer.received;
}

test("[S14] a newcomer's bytes do not depend on how often the keys were written", () => {
  expect(bytesToNewcomer(20_000)).toBe(bytesToNewcomer(20));
});

test("[L1] a reader that stalled gets the present, once", () => {
  const world = new World();
  const [writer, reader] = [world.client("1"), world.client("2")];
  world.settle();
  for (let number = 0; number < 1_000; number++) {
    world.now += 100;
    writer.set(`key/${number % 20}`, number);
    writer.step();
  }
  const before = reader.received;
  world.settle();
  expect(reader.view()).toEqual(writer.view());
  expect(reader.received - before).toBeLessThan(2_000);
});

test("[S2] a clock that is an hour wrong wins nothing", () => {
  const world = new World();
  const [wrong, right] = [world.client("1", 3_600_000_000), world.client("2")];
  world.settle();
  wrong.set("a", "early");
  world.now += 1_000;
  right.set("a", "late");
  world.settle();
  expect(wrong.view()).toEqual({ a: "late" });
});

test("[S1, S13] a list of all writes agrees: sorted, the last of each key", () => {
  const actions = ["set", "set", "delete", "cut", "connect", "commit", "jump", "step", "step", "step"] as const;
  const property = fc.property(schedules(actions, ["a", "b", "c"], 150), (schedule) => {
    const world = new World();
    for (const [index, skew] of SKEWS.entries()) world.client(String(index), skew);
    for (const step of schedule) act(world, step);
    world.settle();
    const sorted = [...world.taken].sort(({ entry: a }, { entry: b }) => (newer(a, b) ? 1 : -1));
    const last = new Map(sorted.filter(({ state }) => state === STATE).map(({ entry }) => [entry.key, entry.value]));
    const expected = Object.fromEntries([...last].filter(([, value]) => value !== DELETED));
    for (const client of world.clients) expect(client.view()).toEqual(expected);
  });
  fc.assert(property, { numRuns: SCHEDULES });
});
