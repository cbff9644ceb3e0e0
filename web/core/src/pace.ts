/** At most once per frame: the first time at once. */

import type { Runtime } from "./replica.ts";

/** Milliseconds that lie between two sendings of what was written (S9). */
export const FRAME = 16;

export class Pace {
  readonly #after: Runtime["after"];
  readonly #act: () => void;
  #resting = false;
  #wanted = false;

  constructor(after: Runtime["after"], act: () => void) {
    this.#after = after;
    this.#act = act;
  }

  /** Act now, or when the frame is over. */
  ask(): void {
    if (this.#resting) {
      this.#wanted = true;
      return;
    }
    this.#resting = true;
    this.#after(FRAME, () => this.#rested());
    this.#act();
  }

  #rested(): void {
    this.#resting = false;
    if (!this.#wanted) return;
    this.#wanted = false;
    this.ask();
  }
}
