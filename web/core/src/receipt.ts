/** Own writes on their way to disk, and receipts for those who wait for them. */

import type { Denied } from "./errors.ts";
import type { StateId } from "./ids.ts";
import { newer, type Entry, type Stamp } from "./state.ts";

/** An own write that is not saved yet. */
export class Pending {
  readonly state: StateId;
  entry: Entry;
  /** The state version of the app that it was written for; 0 where that was not said. */
  readonly version: number;
  /** The cursor at which the hub was seen to have it, or something newer. */
  settled: number | undefined;
  /**
   * Older writes of the key, newest first, that were sent and are not saved: the newest that the hub
   * has, and the newest that it has not answered. They stand if this one is denied.
   */
  earlier: readonly Pending[];
  /** How often it was stamped anew, as the clock here was ahead. */
  tries = 0;

  constructor(state: StateId, entry: Entry, version: number, earlier: readonly Pending[]) {
    this.state = state;
    this.entry = entry;
    this.version = version;
    this.earlier = earlier;
  }

  /** Whether it is on a disk that has reached `saved`. */
  isSaved(saved: number): boolean {
    return this.settled !== undefined && this.settled <= saved;
  }

  /** The older writes that the hub was seen to have. */
  settledEarlier(): readonly Pending[] {
    return this.earlier.filter(({ settled }) => settled !== undefined);
  }
}

/** Of those that are settled, and of those that are not, the first. */
export function newestOfEach(earlier: readonly Pending[]): Pending[] {
  const settled = earlier.find((pending) => pending.settled !== undefined);
  const unsettled = earlier.find((pending) => pending.settled === undefined);
  return earlier.filter((pending) => pending === settled || pending === unsettled);
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

  /** What was stamped up to `old` is on its way once more, as of `stamp`. */
  waitOn(key: string, old: Stamp, stamp: Stamp): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined || newer(waiting.stamp, old)) return;
    waiting.stamp = stamp;
    waiting.settled = undefined;
  }

  /** Nothing that is still waited for will ever be answered. */
  abandon(error: Denied): void {
    if (this.done) return;
    this.#waiting.clear();
    this.denied.push(error);
  }
}
