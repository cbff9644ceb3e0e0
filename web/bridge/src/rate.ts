/** How much a frame may send over its port (A22), and how many streams it may open (A28). */

import { TooFast, type Bound } from "@callmesh/core";

/** A second, for long, and at once. An app with ten streams at 250 Hz sends some 2,600 messages. */
const MESSAGES = { perSecond: 5_000, burst: 20_000 };
/** Bytes, without those of streams, for which there is a window. A cache may be filled at once. */
const BYTES = { perSecond: 16 * 1024 * 1024, burst: 128 * 1024 * 1024 };
/** Streams that it opens: each is said to everybody in the call, by the page's own link. */
const OPENINGS = { perSecond: 8, burst: 64 };
/** Streams that it has open. */
const MOST_OPEN = 64;

/** Why a frame opens no further stream, and how many it may. */
export interface Hindrance {
  readonly bound: Bound;
  readonly most: number;
}

interface Bucket {
  readonly perSecond: number;
  readonly burst: number;
}

export class PortRate {
  #messages = MESSAGES.burst;
  #bytes = BYTES.burst;
  #openings = OPENINGS.burst;
  #at: number;
  #openedAt: number;

  /** `now` is microseconds. */
  constructor(now: number) {
    this.#at = this.#openedAt = now;
  }

  /** It opens a stream beside the `open` ones that it has, unless something is in the way. */
  opens(open: number, now: number): Hindrance | undefined {
    this.#openings = filled(OPENINGS, this.#openings, Math.max(0, now - this.#openedAt) / 1e6);
    this.#openedAt = now;
    if (open >= MOST_OPEN) return { bound: "open", most: MOST_OPEN };
    if (this.#openings < 1) return { bound: "rate", most: OPENINGS.perSecond };
    this.#openings--;
    return undefined;
  }

  /** So much has come. Raises `TooFast`. */
  took(messages: number, bytes: number, now: number): void {
    const passed = Math.max(0, now - this.#at) / 1e6;
    this.#at = now;
    this.#messages = filled(MESSAGES, this.#messages, passed) - Math.max(1, messages);
    this.#bytes = filled(BYTES, this.#bytes, passed) - bytes;
    if (this.#messages < 0) {
      throw new TooFast(`an app sends at most ${MESSAGES.perSecond} messages a second to its page for long: send less often, or several as one (A22)`);
    }
    if (this.#bytes < 0) {
      throw new TooFast(`an app sends at most ${BYTES.perSecond} bytes a second to its page for long: write less, or less often (A22)`);
    }
  }
}

function filled({ perSecond, burst }: Bucket, left: number, passed: number): number {
  return Math.min(burst, left + passed * perSecond);
}
