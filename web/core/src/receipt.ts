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

  /** The hub may have lost what was settled; what is `sentAgain` will be settled anew. */
  startOver(sentAgain: (key: string) => boolean): void {
    for (const [key, waiting] of this.#waiting) if (sentAgain(key)) waiting.settled = undefined;
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
