/** The hybrid clock: microseconds since the epoch, never backwards, never behind what was seen. */

export const MICROSECONDS = 1_000_000;
/** How far ahead of its own clock a hub takes a write. */
export const AHEAD = 5 * MICROSECONDS;
/** How far beyond the largest time accepted it takes one: room for writes in flight. */
export const FOLLOWING = 100;
/** Jumps of a clock that are remembered. */
const MAX_JUMPS = 16;

/** Stamps writes. Time is an argument: `now` is the local clock in microseconds, an integer. */
export class HybridClock {
  /** What to add to the local clock to read the hub's, learnt at joining. */
  offset = 0;
  /** The largest time heard of. */
  seen = 0;
  /** The largest time given out. */
  given = 0;
  /** What had been given out before each jump ahead, the latest last. */
  #jumps: readonly number[] = [];

  /**
   * Learn the hub's time. What was given out so far ahead of it that no hub takes it counts no longer;
   * no other time is given out twice.
   */
  setBy(hubTime: number, now: number): void {
    this.offset = hubTime - now;
    while (this.given > Math.max(hubTime + AHEAD, this.seen + FOLLOWING)) {
      this.given = this.#jumps.at(-1) ?? hubTime - 1;
      this.#jumps = this.#jumps.slice(0, -1);
    }
  }

  /** The hub's clock, as far as it is known here. */
  hubTime(now: number): number {
    return now + this.offset;
  }

  saw(time: number): void {
    if (time > this.seen) this.seen = time;
  }

  /** The time of a new write: `max(now, largest seen + 1)`, and later than the one before. */
  stamp(now: number): number {
    this.follow(Math.max(this.hubTime(now), this.seen + 1, this.given + 1));
    return this.given;
  }

  /** What is stamped next is later than `time`, also once `setBy` has taken a jump back. */
  follow(time: number): void {
    if (time <= this.given) {
      if (this.#jumps.length > 0) this.#keep(time);
      return;
    }
    if (time - this.given > AHEAD) this.#keep(this.given);
    this.given = time;
  }

  /** Remember that it was given out; of those that lie close together the last one does. */
  #keep(time: number): void {
    const before = this.#jumps.filter((other) => other < time);
    const after = this.#jumps.filter((other) => other > time);
    if (time - (before.at(-1) ?? -Infinity) <= AHEAD) before.pop();
    this.#jumps = [...before, time, ...after].slice(-MAX_JUMPS);
  }
}
