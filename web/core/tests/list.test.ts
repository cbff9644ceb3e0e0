import fc from "fast-check";
import { expect, test } from "vitest";

import { BadName, BadValue } from "../src/errors.ts";
import type { Writer } from "../src/ids.ts";
import { between, isPosition, MAX_POSITION, OrderedList, type ListWrites, type Registers } from "../src/list.ts";
import { DELETED, State, valueOf, type Value } from "../src/state.ts";
import { frozen, type Json } from "../src/values.ts";
import { valueIn, vectors, type ValueVector } from "./vectors.ts";

type Step = { readonly ids: string[]; readonly writes?: { [key: string]: ValueVector } } & (
  | { do: "insert"; index: number; id: string; value: Json }
  | { do: "append"; id: string; value: Json }
  | { do: "move"; id: string; index: number; there: boolean }
  | { do: "set"; id: string; value: Json; there: boolean }
  | { do: "remove"; id: string; there: boolean }
  | { do: "ids" }
);
interface Vectors {
  readonly positions: { readonly value: Json; readonly valid: boolean }[];
  readonly between: { after: string | null; before: string | null; count: number; keys: string[] }[];
  readonly lists: { readonly name: string; readonly state: { [key: string]: Json }; readonly steps: Step[] }[];
}

const cases = vectors<Vectors>("lists");

/** A State of its own, which hears of the others' writes when they are merged into it. */
class Replica implements Registers {
  readonly name: Writer;
  readonly transactions: Map<string, Value>[] = [];
  readonly #state = new State();
  #time = 0;

  constructor(name = "pa", values: { [key: string]: Json } = {}) {
    this.name = name as Writer;
    this.transaction((writes) => {
      for (const [key, value] of Object.entries(values)) writes.set(key, value);
    });
    this.transactions.length = 0;
  }

  get(key: string): Json | undefined {
    return valueOf(this.#state.entries.get(key));
  }

  keys(): string[] {
    return [...this.#state.live()].map(({ key }) => key);
  }

  transaction(fn: (writes: ListWrites) => void): void {
    const written = new Map<string, Value>();
    fn({
      set: (key, value) => void written.set(key, frozen(value)),
      delete: (key) => {
        if (this.get(key) !== undefined) written.set(key, DELETED);
      },
    });
    this.transactions.push(written);
    this.#time++;
    for (const [key, value] of written) this.#state.merge({ key, value, time: this.#time, writer: this.name });
  }

  merge(other: Replica): void {
    for (const entry of other.#state.entries.values()) this.#state.merge(entry);
    this.#time = Math.max(this.#time, other.#time);
  }
}

function listOn(replica: Replica): OrderedList {
  let number = 0;
  return new OrderedList(replica, () => `i${number++}-${replica.name}`);
}

test.each(cases.positions)("[S21] $value can be a position: $valid", ({ value, valid }) => {
  expect(isPosition(value)).toBe(valid);
});

test.each(cases.between)("[S21] $count after $after and before $before", ({ after, before, count, keys }) => {
  expect(between(after ?? undefined, before ?? undefined, count)).toEqual(keys);
});

test.each(cases.lists)("[S21] $name", ({ state, steps }) => {
  const replica = new Replica("pa", state);
  let fresh = "";
  const items = new OrderedList(replica, () => fresh);
  for (const step of steps) {
    if (step.do === "insert" || step.do === "append") fresh = step.id;
    expect(carryOut(items, step)).toBe("there" in step ? step.there : "id" in step ? step.id : undefined);
    const written = replica.transactions.pop() ?? new Map<string, Value>();
    expect(replica.transactions).toEqual([]);
    expect(written).toEqual(new Map(Object.entries(step.writes ?? {}).map(([key, value]) => [key, valueIn(value)])));
    expect(items.ids()).toEqual(step.ids);
    expect(items.size).toBe(step.ids.length);
    expect(items.entries()).toEqual(step.ids.map((id) => [id, items.get(id)]));
    expect([...items]).toEqual(items.values());
    expect(items.values()).toEqual(step.ids.map((id) => items.get(id)));
    expect(step.ids.map((id) => items.indexOf(id))).toEqual([...step.ids.keys()]);
    expect(items.indexOf("nobody")).toBe(-1);
  }
});

function carryOut(items: OrderedList, step: Step): unknown {
  switch (step.do) {
    case "insert":
      return items.insert(step.index, step.value);
    case "append":
      return items.append(step.value);
    case "move":
      return items.move(step.id, step.index);
    case "set":
      return items.set(step.id, step.value);
    case "remove":
      return items.remove(step.id);
    case "ids":
      return undefined;
  }
}

const step = fc.record({
  who: fc.nat(1),
  action: fc.constantFrom("insert", "insert", "append", "move", "set", "remove", "junk", "merge"),
  index: fc.integer({ min: -3, max: 12 }),
  place: fc.nat(12),
  value: fc.constantFrom<Json>(null, 0, "", "a", "a0", "a0", "A".padEnd(27, "0"), "z".repeat(27), "a1".padEnd(128, "z")),
});

test("[S21] two end in the same order, and each has what a plain list has", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const replicas = [new Replica("pa"), new Replica("pb")] as const;
      const lists = replicas.map(listOn);
      for (const { who, action, index, place, value } of steps) {
        const replica = replicas[who]!;
        const items = lists[who]!;
        const plain = items.ids();
        const id = plain[place % plain.length] ?? "none";
        if (action === "merge") replica.merge(replicas[1 - who]!);
        else if (action === "junk") replica.transaction((writes) => writes.set(`${id}/at`, value));
        else {
          act(items, plain, action, index, id, value);
          expect(items.ids()).toEqual(plain);
        }
      }
      replicas[0].merge(replicas[1]);
      replicas[1].merge(replicas[0]);
      expect(lists[0]!.entries()).toEqual(lists[1]!.entries());
    }),
  );
});

type Action = "insert" | "append" | "move" | "set" | "remove";

/** Do the same to a list and to a plain one. */
function act(items: OrderedList, plain: string[], action: Action, index: number, id: string, value: Json): void {
  switch (action) {
    case "insert":
      plain.splice(index, 0, items.insert(index, value));
      break;
    case "append":
      plain.push(items.append(value));
      break;
    case "move":
      if (!items.move(id, index)) break;
      plain.splice(plain.indexOf(id), 1);
      plain.splice(index >= 0 ? index : Math.max(0, index + plain.length + 1), 0, id);
      break;
    case "set":
      expect(items.set(id, value)).toBe(plain.includes(id));
      break;
    case "remove":
      if (items.remove(id)) plain.splice(plain.indexOf(id), 1);
  }
}

test("[S21] an item is moved and edited at the same time", () => {
  const [ada, ben] = [new Replica("pa"), new Replica("pb")];
  const items = listOn(ada);
  const [first, second] = [items.append("one"), items.append("two")];
  ben.merge(ada);
  items.move(first, 1);
  listOn(ben).set(first, "edited");
  ada.merge(ben);
  expect(items.entries()).toEqual([[second, "two"], [first, "edited"]]);
});

test("[S21] a gap takes any number of items: positions stay short, neighbours move up", () => {
  const replica = new Replica();
  const items = listOn(replica);
  const plain = [items.append(0), items.append(1)];
  for (let n = 0; n < 1_000; n++) plain.splice(1 + (n % 2), 0, items.insert(1 + (n % 2), n));
  expect(items.ids()).toEqual(plain);
  expect(plain.every((id) => isPosition(replica.get(`${id}/at`)))).toBe(true);
  expect(replica.transactions.filter((written) => written.size > 2).length).toBeLessThanOrEqual(5);
});

test("[S21] hostile positions cost a bounded time: thousands without one, behind the largest of all", () => {
  const values = Array.from({ length: 4_000 }, (_, n) => [`i${String(n).padStart(4, "0")}/value`, n] as const);
  const ats = { "i0000/at": "z".repeat(MAX_POSITION), "i0001/at": "z".repeat(27) };
  const items = listOn(new Replica("pa", { ...Object.fromEntries(values), ...ats }));
  const before = items.ids();
  const last = items.append("last");
  expect(items.ids()).toEqual([...before, last]);
});

test("[S21] an index is what a plain array takes", () => {
  const items = listOn(new Replica());
  const plain: string[] = [];
  for (const index of [0.5, -0.5, NaN, 1.9, -1.9, Infinity, -Infinity]) plain.splice(index, 0, items.insert(index, 0));
  expect(items.ids()).toEqual(plain);
});

test("[S21] what is no value or no id changes nothing", () => {
  const replica = new Replica("pa", { "a/at": "a0", "b/at": "a0", "a/value": 1, "b/value": 2 });
  expect(() => listOn(replica).insert(1, undefined)).toThrow(BadValue);
  expect(() => new OrderedList(replica, () => "a/b").append(1)).toThrow(BadName);
  expect(replica.transactions).toEqual([]);
});

test("[S21] without an id source, ids are random", () => {
  const items = new OrderedList(new Replica());
  const ids = [items.append(1), items.append(2)];
  for (const id of ids) expect(id).toMatch(/^i[0-9a-z]{1,13}$/);
  expect(new Set(ids).size).toBe(2);
});
