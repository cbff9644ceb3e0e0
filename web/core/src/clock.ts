/** The hybrid clock: microseconds since the epoch, never backwards, never behind what was seen. */

export const MICROSECONDS = 1_000_000;

/** Stamps writes. Time is an argument: `now` is the local clock in microseconds, an integer. */
export class HybridClock {
  /** What to add to the local clock to read the hub's, learnt at joining. */
  offset = 0;
  /** The largest time seen or given out. */
  seen = 0;

  /** Learn the hub's time. */
  setBy(hubTime: number, now: number): void {
    this.offset = hubTime - now;
  }

  saw(time: number): void {
    if (time > this.seen) this.seen = time;
  }

  /** The time of a new write: `max(now, largest seen + 1)`. */
  stamp(now: number): number {
    this.seen = Math.max(now + this.offset, this.seen + 1);
    return this.seen;
  }
}
