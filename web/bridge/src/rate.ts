/** How much a frame may send over its port (A22). */

import { TooFast } from "@callmesh/core";

/** A second, for long, and at once. An app with ten streams at 250 Hz sends some 2,600 messages. */
const MESSAGES = { perSecond: 5_000, burst: 20_000 };
/** Bytes, without those of streams, for which there is a window. A cache may be filled at once. */
const BYTES = { perSecond: 16 * 1024 * 1024, burst: 128 * 1024 * 1024 };

interface Bucket {
  readonly perSecond: number;
  readonly burst: number;
}

export class PortRate {
  #messages = MESSAGES.burst;
  #bytes = BYTES.burst;
  #at: number;

  /** `now` is microseconds. */
  constructor(now: number) {
    this.#at = now;
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
