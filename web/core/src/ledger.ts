/**
 * The ledger: every State of a call in one order of acceptance, with one number per entry.
 *
 * A write moves its key to the end, so the ledger is as long as there are keys, however often they
 * were written. Whoever follows needs one integer, the cursor it has reached.
 */

import type { StateId } from "./ids.ts";
import { Places } from "./places.ts";
import { DELETED, newer, State, type Entry } from "./state.ts";

/** An accepted entry, its State and its number. */
export interface Record {
  readonly number: number;
  readonly state: StateId;
  readonly entry: Entry;
}

/** A record's place in the order: a list that can be walked from its end, which a Map cannot. */
interface Link {
  readonly record: Record;
  before: Link | undefined;
  after: Link | undefined;
}

/** What an earlier life of the call left behind. */
export interface Kept {
  readonly records: Iterable<Record>;
  /** Every number up to here may have been given out, and lost: none is used again. */
  readonly reserved: number;
}

/** Starts at the number after everything that an earlier life of the call may have given out. */
export class Ledger {
  readonly states = new Map<StateId, State>();
  readonly #links = new Places<Link>();
  #first: Link | undefined;
  #last: Link | undefined;
  #size = 0;
  #number: number;
  #saved: number;
  #horizon: number;
  #seen = 0;

  constructor({ records, reserved }: Kept = { records: [], reserved: 0 }) {
    this.#number = this.#saved = this.#horizon = reserved;
    for (const record of [...records].sort((one, other) => one.number - other.number)) this.#put(record);
  }

  /** The number of the latest entry. */
  get number(): number {
    return this.#number;
  }

  /** Everything up to here is safe, as far as whoever owns the ledger has said. */
  get saved(): number {
    return this.#saved;
  }

  /** The largest time accepted. */
  get seen(): number {
    return this.#seen;
  }

  /** How many registers there are, tombstones included. */
  get size(): number {
    return this.#size;
  }

  saveUpTo(number: number): void {
    this.#saved = Math.max(this.#saved, Math.min(number, this.#number));
  }

  /** The registers of one State; an empty one if nothing was ever written there. */
  state(state: StateId): State {
    return this.states.get(state) ?? new State();
  }

  /** Merge `entry` and number it. False if what is there wins. */
  accept(state: StateId, entry: Entry): boolean {
    if (!newer(entry, this.states.get(state)?.entries.get(entry.key))) return false;
    this.#number++;
    this.#put({ number: this.#number, state, entry });
    return true;
  }

  /** The number of the register under `key`; undefined if there is none. */
  numberOf(state: StateId, key: string): number | undefined {
    return this.#links.get(state, key)?.record.number;
  }

  /**
   * Whether a replica at `cursor` can be brought up to date by what came since.
   *
   * Not if the cursor is from an earlier life of the call, which may have lost numbers in a
   * crash and has lost its presence; nor if tombstones it has not seen are gone.
   */
  follows(cursor: number): boolean {
    return this.#horizon < cursor && cursor <= this.#number;
  }

  /** What was accepted after `cursor`, oldest first. Costs what it returns. */
  since(cursor: number): Record[] {
    const found: Record[] = [];
    let link = this.#last;
    while (link !== undefined && link.record.number > cursor) {
      found.push(link.record);
      link = link.before;
    }
    return found.reverse();
  }

  /** What a newcomer gets: the live keys, no tombstones. */
  *live(): Generator<Record, void> {
    for (const record of this.#records()) if (record.entry.value !== DELETED) yield record;
  }

  /** Forget a whole State: its resource was removed. */
  drop(state: StateId): void {
    for (const link of [...this.#links.of(state).values()]) this.#unlink(link);
    this.states.delete(state);
  }

  /** Let go of tombstones written before the time `before`. */
  collect(before: number): void {
    for (const { number, state, entry } of this.#records()) {
      if (entry.value !== DELETED || entry.time >= before) continue;
      this.#horizon = Math.max(this.#horizon, number);
      this.states.get(state)?.forget(entry.key);
      this.#unlink(this.#links.get(state, entry.key));
    }
  }

  /** Oldest first. The record that is at hand may be taken out. */
  *#records(): Generator<Record, void> {
    for (let link = this.#first; link !== undefined; ) {
      const { record, after } = link;
      yield record;
      link = after;
    }
  }

  #put(record: Record): void {
    const { state, entry } = record;
    this.#unlink(this.#links.get(state, entry.key));
    const link: Link = { record, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = link;
    else this.#last.after = link;
    this.#last = link;
    this.#size++;
    this.#links.set(state, entry.key, link);
    let registers = this.states.get(state);
    if (registers === undefined) this.states.set(state, (registers = new State()));
    registers.put(entry);
    this.#seen = Math.max(this.#seen, entry.time);
  }

  #unlink(link: Link | undefined): void {
    if (link === undefined) return;
    const { record, before, after } = link;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    this.#size--;
    this.#links.delete(record.state, record.entry.key);
  }
}
