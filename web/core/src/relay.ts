/** What goes from a frame to its page, within the window of the session between them. */

import { encode } from "./codec.ts";
import type { ParticipantId, ResourceId } from "./ids.ts";
import { HIGH_WATER } from "./lane.ts";
import { MAX_PAYLOAD, type Mode, type Stream } from "./messages.ts";
import { Queue } from "./queue.ts";
import type { Session } from "./session.ts";
import type { Piece } from "./stream.ts";
import { QUICK } from "./turns.ts";

/** A stream, as seen by who sends. */
export interface StreamId {
  readonly resource: ResourceId;
  readonly name: string;
  readonly mode: Mode;
}

/**
 * The stream messages of one frame that wait. Those of mode `latest` go first, the small ones before all, and find room
 * where those of `reliable` fill the window, as they do while a reader is slow (D25): the page gives theirs back at once.
 */
export class RelayQueue {
  readonly #reliable = new Queue<Stream>();
  /** By stream and receivers: a newer message takes the place of an older. */
  readonly #latest = new Map<string, Queue<Stream>>();
  #size = 0;

  /** Whether `send` should wait. */
  get full(): boolean {
    return this.#size >= HIGH_WATER;
  }

  /**
   * `to`: the receivers; nobody named means everybody else. Tells whether it replaced a message, in mode
   * `latest`, that had not left yet.
   */
  put({ resource, name, mode }: StreamId, pieces: readonly Piece[], to: readonly ParticipantId[]): boolean {
    const place = `${resource}/${name}>${to.join()}`;
    const old = mode === "latest" ? this.#latest.get(place) : undefined;
    for (const { payload } of old ?? []) this.#size -= payload.length;
    const queue = mode === "latest" ? new Queue<Stream>() : this.#reliable;
    for (const piece of pieces) {
      queue.push({ type: "stream", peers: to, resource, name, mode, ...piece });
      this.#size += piece.payload.length;
    }
    if (mode === "latest") this.#latest.set(place, queue);
    return old !== undefined;
  }

  /** Put on the session's link what it may take now. */
  fill(session: Session): void {
    for (const quick of [true, false]) {
      for (const [place, queue] of this.#latest) {
        if (quick && (queue.head?.payload.length ?? 0) > QUICK) continue;
        while (this.#leave(session, queue, MAX_PAYLOAD));
        if (queue.length === 0) this.#latest.delete(place);
      }
    }
    while (this.#leave(session, this.#reliable, 0));
  }

  /** Let the first of a queue leave, if so much more than the window has room for it. */
  #leave(session: Session, queue: Queue<Stream>, more: number): boolean {
    const { head } = queue;
    if (head === undefined || head.payload.length > session.room + more) return false;
    queue.shift();
    this.#size -= head.payload.length;
    session.put(encode(head));
    session.streamed += head.payload.length;
    return true;
  }

  /** Forget what waits of a stream. */
  drop(name: string): void {
    for (const [place, queue] of this.#latest) if (queue.head?.name === name) this.#latest.delete(place);
    for (let left = this.#reliable.length; left > 0; left--) {
      const message = this.#reliable.shift();
      if (message !== undefined && message.name !== name) this.#reliable.push(message);
    }
    this.#size = 0;
    for (const queue of [this.#reliable, ...this.#latest.values()]) for (const { payload } of queue) this.#size += payload.length;
  }
}
