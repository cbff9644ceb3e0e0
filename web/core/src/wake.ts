/** Whether a machine has slept: timers stand still then, and some clocks do. */

import { MICROSECONDS } from "./clock.ts";

/** A longer time between two ticks is sleep; it may have taken the network with it. */
export const SLEPT = 20 * MICROSECONDS;

/** Told the time twice a second, by a clock that only runs forward and by that on the wall. */
export class Wake {
  #last: { readonly steady: number; readonly wall: number } | undefined;

  /** Whether it has slept since the last tick. */
  tick(steady: number, wall: number): boolean {
    const last = this.#last;
    this.#last = { steady, wall };
    return last !== undefined && Math.max(steady - last.steady, wall - last.wall) >= SLEPT;
  }
}
