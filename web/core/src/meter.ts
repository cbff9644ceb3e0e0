/** How fast something goes: what was counted over the last seconds, by a clock that is passed in. */

import { MICROSECONDS } from "./clock.ts";

/** Over how long a rate is taken. */
export const WINDOW = 5 * MICROSECONDS;
/** What goes in a shorter time than this counts as if it had taken so long. */
export const LEAST = MICROSECONDS;

/** Bytes and messages out, bytes and messages in: since the beginning, or in a second. */
export type Counts = readonly [number, number, number, number];

const NONE: Counts = [0, 0, 0, 0];

/** Told now and then how far the counts are: nothing is done for a single message. */
export class Meter {
  #noted: (readonly [number, Counts])[] = [];

  note(now: number, counts: Counts): void {
    this.#noted.push([now, this.#noted.length > 0 ? counts : NONE]);
    while ((this.#noted[1]?.[0] ?? Infinity) <= now - WINDOW) this.#noted.shift();
  }

  /** In a second. */
  rates(now: number, counts: Counts): Counts {
    const [since, before] = this.#noted[0] ?? [now, NONE];
    const seconds = Math.max(now - since, LEAST) / MICROSECONDS;
    const rate = (index: 0 | 1 | 2 | 3): number => Math.max(0, counts[index] - before[index]) / seconds;
    return [rate(0), rate(1), rate(2), rate(3)];
  }
}
