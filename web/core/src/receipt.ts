/** Receipts: what became of writes that somebody waits for. */

import type { Denied } from "./errors.ts";
import type { StateId } from "./ids.ts";
import { newer, type Entry, type Stamp } from "./state.ts";

/** An own write that is not saved yet. */
export interface Pending {
  readonly state: StateId;
  entry: Entry;
  /** The cursor at which the hub was seen to have it, or something newer. */
  settled: number | undefined;
  /**
   * Older writes of the key, newest first, that were sent and are not saved: the newest that the hub
   * has, and the newest that it has not answered. They stand if this one is denied.
   */
  earlier: readonly Pending[];
}

/** Of those that are settled, and of those that are not, the first. */
export function newestOfEach(earlier: readonly Pending[]): Pending[] {
  const settled = earlier.find((pending) => pending.settled !== undefined);
  const unsettled = earlier.find((pending) => pending.settled === undefined);
  return earlier.filter((pending) => pending === settled || pending === unsettled);
}

interface Waiting {
  readonly stamp: Stamp;
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

  /** The write of `key` at `stamp` was not taken, and with it what it had replaced on its way. */
  deny(key: string, stamp: Stamp, error: Denied): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined || waiting.settled !== undefined || newer(waiting.stamp, stamp)) return;
    this.#waiting.delete(key);
    this.denied.push(error);
  }

  /** Nothing that is still waited for will ever be answered. */
  abandon(error: Denied): void {
    if (this.done) return;
    this.#waiting.clear();
    this.denied.push(error);
  }
}
