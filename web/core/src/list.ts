/**
 * Ordered lists in a State: everybody may insert, move, edit and remove at the same time.
 *
 * An item is two registers, `<id>/at` and `<id>/value`, so that moving it and editing it do not
 * conflict. `at` is its position: a text between those of its neighbours (fractional indexing by
 * David Greenspan; `vectors/lists.json` holds Python's port of it to the same keys). All are ASCII:
 * both languages order them alike.
 */

import { generateNKeysBetween } from "fractional-indexing";

import { BadName } from "./errors.ts";
import type { Json } from "./values.ts";

/** Characters of a position. Some 700 items go one after the other into one gap; then their neighbours move up. */
export const MAX_POSITION = 128;

/** The one integer that is no position: nothing would fit in before it. */
const SMALLEST = "A".padEnd(27, "0");
const POSITION = /^[A-Za-z][0-9A-Za-z]+$/;
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const A = 65;
const LOWER_A = 97;

/** Where a list lives: a State, or a part of one, with the keys relative to the list. */
export interface Registers {
  get(key: string): Json | undefined;
  keys(): Iterable<string>;
  transaction(fn: (writes: ListWrites) => void): void;
}

export interface ListWrites {
  set(key: string, value: unknown): void;
  delete(key: string): void;
}

interface Slot {
  /** Undefined where there is no position, or what is none. */
  readonly at: string | undefined;
  readonly id: string;
}

// In browsers and in Node; the core has no types of either.
declare const crypto: { getRandomValues(room: BigUint64Array): BigUint64Array };

/**
 * Items in order of position, ties by id; those without a position stand last.
 *
 * `newId` gives an id that nobody has: 1–64 letters, digits, - or _. An index is that of a plain
 * list: negative ones count from the end, none is out of range. What asks for an item tells whether
 * it is there: somebody else may have removed it a moment ago.
 */
export class OrderedList {
  readonly #state: Registers;
  readonly #newId: () => string;

  constructor(state: Registers, newId: () => string = randomId) {
    this.#state = state;
    this.#newId = newId;
  }

  get size(): number {
    return this.#unordered().length;
  }

  /** The values, in order. */
  *[Symbol.iterator](): Generator<Json, void> {
    yield* this.values();
  }

  values(): Json[] {
    return this.entries().map(([, value]) => value);
  }

  /** Where an item stands; -1 where it is not there. */
  indexOf(id: string): number {
    return this.ids().indexOf(id);
  }

  has(id: string): boolean {
    return this.get(id) !== undefined;
  }

  ids(): string[] {
    return this.#slots().map(({ id }) => id);
  }

  /** Ids and values. */
  entries(): [string, Json][] {
    return this.ids().map((id) => [id, this.get(id) as Json]);
  }

  get(id: string): Json | undefined {
    return ID.test(id) ? this.#state.get(`${id}/value`) : undefined;
  }

  /** Put a new item before the one at `index`; returns its id. */
  insert(index: number, value: unknown): string {
    const id = this.#newId();
    if (!ID.test(id)) throw new BadName("the id of an item is 1–64 letters, digits, - or _");
    const slots = this.#slots();
    this.#state.transaction((writes) => {
      place(writes, slots, clamped(index, slots.length), id);
      writes.set(`${id}/value`, value);
    });
    return id;
  }

  append(value: unknown): string {
    return this.insert(this.size, value);
  }

  /** Put an item where it then has this index; tells whether it is there. */
  move(id: string, index: number): boolean {
    const slots = this.#slots();
    const now = slots.findIndex((slot) => slot.id === id);
    if (now < 0) return false;
    const then = Math.min(clamped(index, slots.length), slots.length - 1);
    slots.splice(now, 1);
    if (then !== now) this.#state.transaction((writes) => place(writes, slots, then, id));
    return true;
  }

  /** Give an item another value; tells whether it is there. */
  set(id: string, value: unknown): boolean {
    if (!this.has(id)) return false;
    this.#state.transaction((writes) => writes.set(`${id}/value`, value));
    return true;
  }

  /** Tells whether it was there. */
  remove(id: string): boolean {
    if (!this.has(id)) return false;
    this.#state.transaction((writes) => {
      writes.delete(`${id}/value`);
      writes.delete(`${id}/at`);
    });
    return true;
  }

  #unordered(): string[] {
    const ids: string[] = [];
    for (const key of this.#state.keys()) {
      const [id = "", name, ...more] = key.split("/");
      if (name === "value" && more.length === 0 && ID.test(id)) ids.push(id);
    }
    return ids;
  }

  #slots(): Slot[] {
    const slots = this.#unordered().map((id) => ({ at: positionIn(this.#state.get(`${id}/at`)), id }));
    return slots.sort((a, b) => inOrder(a.at, b.at) || inOrder(a.id, b.id));
  }
}

/**
 * Position an item that is not among `slots`, and its neighbours where they leave no room.
 *
 * Those who insert in the same place at the same time get the same position.
 */
function place(writes: ListWrites, slots: readonly Slot[], index: number, id: string): void {
  const [start, positions] = room(slots.map(({ at }) => at), index);
  const placed = [...slots.slice(0, index), { at: undefined, id }, ...slots.slice(index)];
  for (const [n, slot] of placed.slice(start, start + positions.length).entries()) {
    const at = positions[n];
    if (slot.at !== at) writes.set(`${slot.id}/at`, at);
  }
}

function clamped(index: number, length: number): number {
  const whole = Math.trunc(index) || 0; // NaN is the beginning, as for a plain array
  return whole >= 0 ? Math.min(whole, length) : Math.max(0, whole + length);
}

function randomId(): string {
  const [number = 0n] = crypto.getRandomValues(new BigUint64Array(1));
  return `i${number.toString(36)}`;
}

/** What has no position stands last. */
function inOrder(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  return a !== undefined && (b === undefined || a < b) ? -1 : 1;
}

// --- room for one more

type Ats = readonly (string | undefined)[];

/** Positions for a new item at `index` and for as few around it as needed; where they begin. */
function room(ats: Ats, index: number): [number, string[]] {
  let [low, high] = crowd(ats, index);
  for (;;) {
    const count = high - low + 1;
    const positions = between(ats[low - 1], ats[high], count);
    if (positions.length === count && positions.every(isPosition)) return [low, positions];
    // Too long, or at the end of what there is. The whole list always fits.
    low = Math.max(0, low - count);
    high = Math.min(ats.length, high + count);
  }
}

/** The fewest items on one side of a gap that have to give way: those that stand on one spot. */
function crowd(ats: Ats, index: number): [number, number] {
  let low = index;
  let high = index;
  while (low > 0 && !standsBefore(ats[low - 1], ats[index])) low--;
  if (low === index || ats[index - 1] === undefined) return [low, index];
  while (high < ats.length && !standsBefore(ats[index - 1], ats[high])) high++;
  return index - low <= high - index ? [low, index] : [index, high];
}

function standsBefore(at: string | undefined, other: string | undefined): boolean {
  return at !== undefined && (other === undefined || at < other);
}

// --- positions

/** Whether it can be a position: an integer, and a fraction that does not end in 0. */
export function isPosition(value: unknown): value is string {
  if (typeof value !== "string" || value.length > MAX_POSITION || !POSITION.test(value)) return false;
  const integer = 1 + digitsAfter(value.charCodeAt(0));
  if (value.length < integer || value === SMALLEST) return false;
  return value.length === integer || !value.endsWith("0");
}

/** How many digits follow the head of an integer: a and Z have one, z and A 26. */
function digitsAfter(head: number): number {
  return head >= LOWER_A ? head - LOWER_A + 1 : A + 26 - head;
}

/** Positions in order; undefined for no bound. Empty, or with what is no position, where there is no room. */
export function between(after: string | undefined, before: string | undefined, count: number): string[] {
  try {
    return generateNKeysBetween(after, before, count);
  } catch {
    return []; // below the smallest of all
  }
}

function positionIn(value: Json | undefined): string | undefined {
  return isPosition(value) ? value : undefined;
}
