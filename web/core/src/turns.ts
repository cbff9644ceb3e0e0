/**
 * Whose message leaves next by way of the hub, where several streams have something that waits.
 *
 * What is small goes before what is large, so that a file that fills the window holds up no trace and
 * no pointer: until a large one that waits has let `MAX_PAYLOAD` bytes go first.
 */

import { MAX_PAYLOAD } from "./messages.ts";
import { HEAD } from "./stream.ts";

/** Bytes of a message, or of a part of one, that goes before larger ones. */
export const QUICK = 8 * 1024;

/** Bytes beyond the window that a message may make: what is small finds room in a full one. */
function allowed(size: number): number {
  return size <= QUICK ? MAX_PAYLOAD : 0;
}

export class Turns {
  /** Bytes of small ones that have left before a large one that waits. */
  #gotIn = 0;

  /** One of those that wait, with their sizes; undefined while it has no room in the window. */
  choose<T extends { readonly size: number }>(waiting: Iterable<T>, room: number): T | undefined {
    let small: T | undefined;
    let large: T | undefined;
    for (const one of waiting) {
      if (one.size > QUICK) large ??= one;
      else small ??= one;
    }
    if (large === undefined) this.#gotIn = 0;
    const chosen = small !== undefined && this.#gotIn < MAX_PAYLOAD ? small : large;
    if (chosen === undefined || chosen.size > room + allowed(chosen.size)) return undefined;
    if (chosen === large) this.#gotIn = 0;
    else if (large !== undefined) this.#gotIn += chosen.size + HEAD;
    return chosen;
  }
}
