import fc from "fast-check";
import { expect, test } from "vitest";

import { History, MAX_HISTORY, type Edit } from "../src/history.ts";
import { DELETED, type Value } from "../src/state.ts";
import { same, type Json } from "../src/values.ts";
import { valueIn, vectors, type ValueVector } from "./vectors.ts";

type Writes = { readonly [key: string]: ValueVector };
type Seen = { readonly value: Json } | null;
type Step =
  | { do: "wrote"; now: number; keys: { [key: string]: { old: Seen; new: Seen } } }
  | { do: "lost"; keys: string[] }
  | { do: "undo" | "redo"; writes: Writes }
  | { do: "clear" }
  | { do: "expect"; undo: boolean; redo: boolean };
interface Case {
  readonly name: string;
  readonly limit?: number;
  readonly merge?: number;
  readonly steps: readonly Step[];
}

const { cases } = vectors<{ cases: Case[] }>("history");

function editsIn(keys: { [key: string]: { old: Seen; new: Seen } }): Map<string, Edit> {
  return new Map(Object.entries(keys).map(([key, edit]) => [key, { old: edit.old?.value, new: edit.new?.value }]));
}

function writesIn(writes: Writes): Map<string, Value> {
  return new Map(Object.entries(writes).map(([key, value]) => [key, valueIn(value)]));
}

function take(history: History, step: Step): void {
  switch (step.do) {
    case "wrote":
      history.wrote(editsIn(step.keys), step.now);
      break;
    case "lost":
      history.lost(step.keys.values());
      break;
    case "undo":
    case "redo":
      expect(history[step.do]()).toEqual(writesIn(step.writes));
      break;
    case "clear":
      history.clear();
      break;
    case "expect":
      expect([history.canUndo, history.canRedo]).toEqual([step.undo, step.redo]);
  }
}

test.each(cases)("[S20] $name", ({ limit = 100, merge = 0, steps }) => {
  const history = new History({ limit, merge });
  for (const step of steps) take(history, step);
});

type Log = [number, Map<string, Edit>][];

/** A map that two write: the naive model, which remembers everything. */
class Shared {
  readonly values = new Map<string, Json>([["a", 0], ["b", 0]]);
  readonly history: History;
  readonly #writers = new Map<string, "me" | "other">();
  /** Key → number of the other's last write. */
  readonly #theirs = new Map<string, number>();
  readonly #done: Log = [];
  readonly #undone: Log = [];
  #number = 0;

  constructor(merge = 0) {
    this.history = new History({ limit: 1_000, merge });
  }

  put(writer: "me" | "other", writes: Iterable<readonly [string, Value]>): void {
    for (const [key, value] of writes) {
      this.#writers.set(key, writer);
      if (value === DELETED) this.values.delete(key);
      else this.values.set(key, value);
    }
  }

  mine(writes: readonly (readonly [string, Value])[]): void {
    const edits = new Map(
      writes.map(([key, value]) => [key, { old: this.values.get(key), new: value === DELETED ? undefined : value }]),
    );
    this.put("me", writes);
    this.history.wrote(edits, ++this.#number);
    if (![...edits.values()].some(changes)) return;
    this.#done.push([this.#number, edits]);
    this.#undone.length = 0;
  }

  other(writes: readonly (readonly [string, Value])[]): void {
    this.#number++;
    this.put("other", writes);
    this.history.lost(writes.map(([key]) => key));
    for (const [key] of writes) this.#theirs.set(key, this.#number);
  }

  undo(): void {
    this.#move(this.history.undo(), this.#expected(this.#done, this.#undone, "old"));
  }

  redo(): void {
    this.#move(this.history.redo(), this.#expected(this.#undone, this.#done, "new"));
  }

  #move(writes: ReadonlyMap<string, Value>, expected: ReadonlyMap<string, Value>): void {
    expect(writes).toEqual(expected);
    for (const key of writes.keys()) expect(this.#writers.get(key)).toBe("me");
    this.put("me", writes);
  }

  #expected(source: Log, target: Log, side: "old" | "new"): Map<string, Value> {
    for (let step = source.pop(); step !== undefined; step = source.pop()) {
      target.push(step);
      const [number, edits] = step;
      const own = [...edits].filter(([key, edit]) => changes(edit) && (this.#theirs.get(key) ?? 0) < number);
      if (own.length > 0) return new Map(own.map(([key, edit]) => [key, valueOr(edit[side])]));
    }
    return new Map();
  }
}

function changes(edit: Edit): boolean {
  return !same(edit.old, edit.new);
}

function valueOr(value: Json | undefined): Value {
  return value === undefined ? DELETED : value;
}

const transactions = fc.uniqueArray(
  fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom<Value>(DELETED, 0, 1, "x", null)),
  { minLength: 1, selector: ([key]) => key },
);

test("[S20] undo is never of what somebody else wrote last, and of all that is still one's own", () => {
  const step = fc.record({ action: fc.constantFrom("mine", "other", "undo", "redo"), writes: transactions });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const shared = new Shared();
      for (const { action, writes } of steps) shared[action](writes);
    }),
  );
});

test("[S20] undoing all leads to the start, and redoing all to the end", () => {
  fc.assert(
    fc.property(fc.array(transactions, { maxLength: 20, size: "max" }), fc.nat(3), (steps, merge) => {
      const shared = new Shared(merge);
      const start = new Map(shared.values);
      for (const writes of steps) shared.mine(writes);
      const end = new Map(shared.values);
      for (let round = 0; round < 2; round++) {
        while (shared.history.canUndo) shared.put("me", shared.history.undo());
        expect(shared.values).toEqual(start);
        while (shared.history.canRedo) shared.put("me", shared.history.redo());
        expect(shared.values).toEqual(end);
      }
    }),
  );
});

test("[S20] a history has a largest size: the oldest steps go first", () => {
  const history = new History({ merge: 0 });
  const big = "x".repeat(60_000);
  for (let n = 0; n < 99; n++) history.wrote(new Map([[`k${n}`, { old: undefined, new: big }]]), n);
  let undone = 0;
  while (history.undo().size > 0) undone++;
  expect(undone * 60_000).toBeLessThanOrEqual(MAX_HISTORY);
  expect(undone * 60_000).toBeGreaterThan(MAX_HISTORY - 61_000);
});
