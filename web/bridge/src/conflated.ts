/** What one shows of oneself as fast as it changes, and others see at a bounded rate: the newest of several. */

import { Ended, type Json, type SharedPresence } from "@callmesh/core";

type After = (milliseconds: number, fn: () => void) => () => void;

export class Conflated {
  readonly #presence: SharedPresence;
  readonly #key: string;
  readonly #every: number;
  readonly #after: After;
  #rests = false;
  /** What came meanwhile; undefined for nothing to show. */
  #next: { readonly value: Json | undefined } | undefined;

  /** `every` is milliseconds. */
  constructor(presence: SharedPresence, key: string, every: number, after: After) {
    this.#presence = presence;
    this.#key = key;
    this.#every = every;
    this.#after = after;
  }

  /** The first is shown at once. */
  show(value: Json | undefined): void {
    if (this.#rests) {
      this.#next = { value };
      return;
    }
    this.#write(value);
    this.#rests = true;
    this.#after(this.#every, () => {
      this.#rests = false;
      const next = this.#next;
      this.#next = undefined;
      if (next !== undefined) this.#showLate(next.value);
    });
  }

  /** Where it is all over meanwhile there is nobody to show it to. */
  #showLate(value: Json | undefined): void {
    try {
      this.show(value);
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
    }
  }

  #write(value: Json | undefined): void {
    if (value !== undefined) this.#presence.set(this.#key, value);
    else if (this.#presence.get(this.#key) !== undefined) this.#presence.delete(this.#key);
  }
}
