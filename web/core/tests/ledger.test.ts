import fc from "fast-check";
import { expect, test } from "vitest";

import { resourceId, stateOf, type StateId, type Writer } from "../src/ids.ts";
import { Ledger } from "../src/ledger.ts";
import { DELETED, type Entry, type Value } from "../src/state.ts";

const STATE = stateOf(resourceId("r1"));
const OTHER = stateOf(resourceId("r2"));

function entry(key: string, time: number, value: Value = time): Entry {
  return { key, time, writer: "p1" as Writer, value };
}

function ledger(...writes: (readonly [key: string, value?: Value])[]): Ledger {
  const found = new Ledger();
  for (const [at, [key, value]] of writes.entries()) found.accept(STATE, entry(key, at + 1, value));
  return found;
}

function keys(records: Iterable<{ entry: Entry }>): string[] {
  return [...records].map(({ entry }) => entry.key);
}

test("[L1] a write moves its key to the end, and has the next number", () => {
  const found = ledger(["a"], ["b"], ["c"], ["a"]);
  expect(keys(found.since(0))).toEqual(["b", "c", "a"]);
  expect(found.since(0).map(({ number }) => number)).toEqual([2, 3, 4]);
  expect(keys(found.since(2))).toEqual(["c", "a"]);
  expect(found.since(4)).toEqual([]);
  expect([found.number, found.size, found.numberOf(STATE, "a"), found.numberOf(STATE, "x")]).toEqual([4, 3, 4, undefined]);
});

test("[S1] what is older than what is there, or the same, is not taken", () => {
  const found = ledger(["a"], ["b"]);
  expect(found.accept(STATE, entry("b", 1))).toBe(false);
  expect(found.accept(STATE, entry("b", 2))).toBe(false);
  expect(found.accept(OTHER, entry("b", 1))).toBe(true);
  expect([found.number, found.seen]).toEqual([3, 2]);
});

test("[S14] a key written often costs what a key written once costs", () => {
  const found = new Ledger();
  for (let time = 1; time <= 10_000; time++) found.accept(STATE, entry(`k${time % 7}`, time));
  expect([found.size, found.since(0).length, found.state(STATE).entries.size]).toEqual([7, 7, 7]);
});

test("[S14] a newcomer gets the live keys and no tombstones", () => {
  const found = ledger(["a"], ["b"], ["a", DELETED]);
  expect(keys(found.live())).toEqual(["b"]);
  expect(keys(found.since(0))).toEqual(["b", "a"]);
});

test("[L3] who is from before a collected tombstone does not follow", () => {
  const found = ledger(["a"], ["a", DELETED], ["b"], ["c", DELETED]);
  expect([0, 1, 2, 4, 5].map((cursor) => found.follows(cursor))).toEqual([false, true, true, true, false]);
  found.collect(3);
  expect(keys(found.since(0))).toEqual(["b", "c"]);
  expect([1, 2, 3].map((cursor) => found.follows(cursor))).toEqual([false, false, true]);
  found.collect(100);
  expect(keys(found.since(0))).toEqual(["b"]);
});

test("[L3] numbers start after everything that may have been given out", () => {
  const first = ledger(["a"], ["b"]);
  const second = new Ledger({ records: first.since(0).toReversed(), reserved: 100 });
  expect([second.number, second.saved, second.seen]).toEqual([100, 100, 2]);
  expect(keys(second.live())).toEqual(["a", "b"]);
  expect([2, 100].map((cursor) => second.follows(cursor))).toEqual([false, false]);
  second.accept(STATE, entry("c", 3));
  expect(second.number).toBe(101);
  expect(second.follows(101)).toBe(true);
});

test("[R5] a State that is dropped is gone", () => {
  const found = ledger(["a"], ["b"]);
  found.accept(OTHER, entry("c", 3));
  found.drop(STATE);
  found.drop("state/r9" as StateId);
  expect(keys(found.since(0))).toEqual(["c"]);
  expect([found.size, found.state(STATE).entries.size]).toEqual([1, 0]);
});

test("saved never goes back, nor beyond what there is", () => {
  const found = ledger(["a"], ["b"]);
  found.saveUpTo(1);
  expect(found.saved).toBe(1);
  found.saveUpTo(9);
  found.saveUpTo(1);
  expect(found.saved).toBe(2);
});

test("[L1] the order is that of the numbers, whatever was written and let go of", () => {
  const step = fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.boolean(), fc.nat(9));
  fc.assert(
    fc.property(fc.array(step), fc.nat(60), (steps, cursor) => {
      const found = new Ledger();
      for (const [at, [key, gone, chance]] of steps.entries()) {
        found.accept(STATE, entry(key, at + 1, gone ? DELETED : at));
        if (chance === 0) found.collect(at);
      }
      const all = found.since(0);
      expect(all).toEqual(all.toSorted((one, other) => one.number - other.number));
      expect(all).toHaveLength(found.size);
      expect(new Set(keys(all))).toEqual(new Set(found.state(STATE).entries.keys()));
      expect(found.since(cursor)).toEqual(all.filter(({ number }) => number > cursor));
    }),
  );
});
