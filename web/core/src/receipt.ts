/** Own writes on their way to disk, and receipts for those who wait for them. */

import type { Denied } from "./errors.ts";
import type { StateId } from "./ids.ts";
import { Places } from "./places.ts";
import { newer, type Entry, type Stamp } from "./state.ts";

/** Own writes that the hub takes or denies as one. */
export class Transaction {
  readonly writes = new Places<Pending>();
  /**
   * Of how many keys it has the latest own write. It is kept whole, and sent again whole, as long as
   * there is one.
   */
  latest = 0;
  /** The how manieth it was to be sent last; 0 while it has to be. */
  sent = 0;
  /** How often it was stamped anew, as the clock here was ahead. */
  tries = 0;

  /** Which all of it have alike. */
  get stamp(): Stamp {
    for (const { entry } of this.writes) return entry;
    throw new Error("a transaction is not empty");
  }

  get settled(): boolean {
    return [...this.writes].every(({ settled }) => settled !== undefined);
  }
}

/** An own write that is not saved yet. */
export class Pending {
  readonly state: StateId;
  entry: Entry;
  readonly transaction: Transaction;
  /** The state version of the app that it was written for; 0 where that was not said. */
  readonly version: number;
  /** The cursor at which the hub was seen to have it, or something newer. */
  settled: number | undefined;

  constructor(state: StateId, entry: Entry, transaction: Transaction, version: number) {
    this.state = state;
    this.entry = entry;
    this.transaction = transaction;
    this.version = version;
  }

  /** Whether it is on a disk that has reached `saved`. */
  isSaved(saved: number): boolean {
    return this.settled !== undefined && this.settled <= saved;
  }
}

/**
 * Of the writes of one key, newest first, those that are sent again or stand if it is denied.
 *
 * The latest, what belongs to a transaction that is kept whole, and the newest of those that the hub
 * has and of those that it has not answered.
 */
export function worthKeeping(own: readonly Pending[]): Pending[] {
  const rest = own.slice(1);
  const settled = rest.find((pending) => pending.settled !== undefined);
  const unsettled = rest.find((pending) => pending.settled === undefined);
  return own.filter((pending, number) => {
    return number === 0 || pending.transaction.latest > 0 || pending === settled || pending === unsettled;
  });
}

interface Waiting {
  stamp: Stamp;
  settled: number | undefined;
}

/** Follows writes to disk. `done` when each was saved, or overtaken by what was; or denied. */
export class Receipt {
  readonly state: StateId;
  readonly denied: Denied[] = [];
  readonly #waiting = new Map<string, Waiting>();

  constructor(state: StateId, writes: Iterable<Pending>) {
    this.state = state;
    for (const { entry, settled } of writes) this.#waiting.set(entry.key, { stamp: entry, settled });
  }

  /** Whether the hub has answered for each. */
  get accepted(): boolean {
    return [...this.#waiting.values()].every(({ settled }) => settled !== undefined);
  }

  get done(): boolean {
    return this.#waiting.size === 0;
  }

  /** The hub has `entry`, as of `cursor`. */
  settle(entry: Entry, cursor: number): void {
    const waiting = this.#waiting.get(entry.key);
    if (waiting !== undefined && waiting.settled === undefined && !newer(waiting.stamp, entry)) {
      waiting.settled = cursor;
    }
  }

  /** The hub may have lost what was settled. */
  startOver(): void {
    for (const waiting of this.#waiting.values()) waiting.settled = undefined;
  }

  /** The hub's disk has reached `cursor`. */
  disk(cursor: number): void {
    for (const [key, { settled }] of this.#waiting) {
      if (settled !== undefined && settled <= cursor) this.#waiting.delete(key);
    }
  }

  /**
   * The write of `key` at `stamp` was not taken, and with it what it had replaced on its way.
   *
   * One that had been overtaken before it was denied counts as denied too, if `nothingLeft` of it
   * could be sent again: what overtook it may yet be lost.
   */
  deny(key: string, stamp: Stamp, error: Denied, nothingLeft: boolean): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined || newer(waiting.stamp, stamp)) return;
    if (waiting.settled !== undefined && !nothingLeft) return;
    this.#waiting.delete(key);
    this.denied.push(error);
  }

  /** What was stamped up to `old` is on its way once more, or what has overtaken it is. */
  waitOn(old: Stamp, { entry, settled }: Pending): void {
    const waiting = this.#waiting.get(entry.key);
    if (waiting === undefined || newer(waiting.stamp, old)) return;
    waiting.stamp = entry;
    waiting.settled = settled;
  }

  /** Nothing that is still waited for will ever be answered. */
  abandon(error: Denied): void {
    if (this.done) return;
    this.#waiting.clear();
    this.denied.push(error);
  }
}
