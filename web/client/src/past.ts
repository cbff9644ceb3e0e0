/** What is still known of streams that were closed here. */

import { label, STALLED, type messages, type ResourceId } from "@callmesh/core";

/** Streams of which it is known how far they had come; of older ones, how far the furthest had. */
const MOST_CLOSED = 1_000;
/** Ends of one resource's streams that are said again over another link. */
const MOST_OFFS = 100;

/** How far a stream has counted, and how often it was opened. */
interface Count {
  readonly number: number;
  readonly opened: number;
}

/**
 * A stream that is opened again counts on from where it was, or from further on: so nothing that was said of it before is
 * taken for what is said of it now.
 */
export class Past {
  /** By label, the latest last. */
  readonly #closed = new Map<string, Count>();
  /** The largest of those that are not in there any more. */
  #forgotten: Count = { number: 0, opened: 0 };
  /** That streams were closed, and when: said again over another link, if that is soon. */
  readonly #offs = new Map<string, { readonly off: messages.Taken; readonly at: number }>();

  /** How far the stream with this label had come, at most. */
  count(place: string): Count {
    return this.#closed.get(place) ?? this.#forgotten;
  }

  /** It is open again: that it was closed counts no more. */
  opened(place: string): void {
    this.#offs.delete(place);
  }

  /** It was closed, of which `off` tells the others. The label of one of whose end nothing is said any more. */
  closed(off: messages.Taken, number: number, now: number): string | undefined {
    const place = label(off.resource as ResourceId, off.name);
    this.#closed.delete(place);
    this.#closed.set(place, { number, opened: off.opened });
    this.#forget();
    this.#offs.set(place, { off, at: now });
    const own = [...this.#offs].filter(([, said]) => said.off.resource === off.resource);
    if (own.length <= MOST_OFFS) return undefined;
    const [[oldest]] = own as [[string, unknown]];
    this.#offs.delete(oldest);
    return oldest;
  }

  #forget(): void {
    for (const [place, { number, opened }] of this.#closed) {
      if (this.#closed.size <= MOST_CLOSED) return;
      this.#closed.delete(place);
      this.#forgotten = { number: Math.max(number, this.#forgotten.number), opened: Math.max(opened, this.#forgotten.opened) };
    }
  }

  /** What is said again over another link. */
  get offs(): messages.Taken[] {
    return [...this.#offs.values()].map(({ off }) => off);
  }

  /** Let time pass while there is a link: what was said over it long ago was heard. */
  tick(now: number): void {
    for (const [place, { at }] of this.#offs) if (now - at >= STALLED) this.#offs.delete(place);
  }
}
