import fc from "fast-check";
import { expect, test } from "vitest";

import type { Writer } from "../src/ids.ts";
import { DELETED, sizeOf, State, type Entry } from "../src/state.ts";
import type { Json } from "../src/values.ts";
import { entryIn, vectors, type EntryVector } from "./vectors.ts";

interface Merge {
  readonly name: string;
  readonly entries: readonly EntryVector[];
  readonly live: { readonly [key: string]: Json };
}

function live(state: State): unknown {
  return Object.fromEntries([...state.live()].map(({ key, value }) => [key, value]));
}

function merged(entries: readonly Entry[]): State {
  const state = new State();
  for (const entry of entries) state.merge(entry);
  return state;
}

function orders<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, at) => orders(items.toSpliced(at, 1)).map((rest) => [item, ...rest]));
}

test.each(vectors<{ merge: Merge[] }>("state").merge)("[S1] $name", ({ entries, live: expected }) => {
  for (const order of orders(entries.map(entryIn))) expect(live(merged(order))).toEqual(expected);
});

// A stamp has one value: no writer stamps twice alike.
const ENTRY = fc
  .record({ key: fc.constantFrom("a", "b"), time: fc.nat(5), writer: fc.constantFrom("p1", "p1.10", "p1.9", "p2") })
  .map(({ key, time, writer }): Entry => {
    return { key, time, writer: writer as Writer, value: time % 3 === 0 ? DELETED : `${writer} at ${time}` };
  });

test("[S1] order and repetition do not matter", () => {
  fc.assert(
    fc.property(fc.array(ENTRY), fc.array(fc.nat(), { minLength: 1 }), (entries, picks) => {
      const again = [...entries, ...picks.flatMap((pick) => entries.slice(pick % (entries.length + 1)))];
      const shuffled = again.toSorted((one, other) => one.time - other.time || (one.key < other.key ? 1 : -1));
      expect(live(merged(shuffled.toReversed()))).toEqual(live(merged(entries)));
    }),
  );
});

test("[S7] put takes an entry as it comes", () => {
  const state = merged([entryIn({ key: "k", time: 5, writer: "p1", value: { value: 1 } })]);
  state.put(entryIn({ key: "k", time: 4, writer: "p1", value: { value: 2 } }));
  expect(live(state)).toEqual({ k: 2 });
});

test("a State's size is that of its entries, as Python counts them", () => {
  const entries = [
    entryIn({ key: "k", time: 5, writer: "p1", value: { value: "four" } }),
    entryIn({ key: "gone", time: 5, writer: "p1", value: { deleted: true } }),
  ];
  expect(entries.map(sizeOf)).toEqual([1 + 5 + 32, 4 + 2 + 32]);
  const state = merged(entries);
  expect(state.size).toBe(38 + 38);
  state.forget("k");
  expect(state.size).toBe(38);
});
