/** What goes from a frame to its page, within the window of the session between them. */

import { encode } from "./codec.ts";
import type { ParticipantId, ResourceId } from "./ids.ts";
import { HIGH_WATER } from "./lane.ts";
import type { Mode, Stream } from "./messages.ts";
import { Queue } from "./queue.ts";
import type { Session } from "./session.ts";
import type { Piece } from "./stream.ts";
import { allowed, QUICK } from "./turns.ts";

/** A stream, as seen by who sends. */
export interface StreamId {
  readonly resource: ResourceId;
  readonly name: string;
  readonly mode: Mode;
}

/** The stream messages of one frame that wait, in one order; but small ones of mode `latest` go first (D25). */
export class RelayQueue {
  /** The keys are the places in the queue: in mode `latest` a newer message takes that of an older. */
  readonly #waiting = new Map<string, Queue<Stream>>();
  /** Those of them that go first. */
  readonly #quick = new Set<string>();
  #size = 0;
  #count = 0;

  /** Whether `send` should wait. */
  get full(): boolean {
    return this.#size >= HIGH_WATER;
  }

  /**
   * `to`: the receivers; nobody named means everybody else. Tells whether it replaced a message, in mode
   * `latest`, that had not left yet.
   */
  put({ resource, name, mode }: StreamId, pieces: readonly Piece[], to: readonly ParticipantId[]): boolean {
    const place = mode === "latest" ? `${resource}/${name}>${to.join()}` : String(this.#count++);
    const old = this.#waiting.get(place);
    for (const { payload } of old ?? []) this.#size -= payload.length;
    const queue = new Queue<Stream>();
    for (const piece of pieces) {
      queue.push({ type: "stream", peers: to, resource, name, mode, ...piece });
      this.#size += piece.payload.length;
    }
    this.#waiting.set(place, queue);
    if (mode === "latest" && (pieces[0]?.payload.length ?? 0) <= QUICK) this.#quick.add(place);
    else this.#quick.delete(place);
    return old !== undefined;
  }

  /** Put on the session's link what it may take now. */
  fill(session: Session): void {
    for (const place of this.#quick) this.#leave(session, place, allowed(QUICK));
    for (const place of this.#waiting.keys()) if (!this.#leave(session, place)) return;
  }

  /** Whether all of it has left. */
  #leave(session: Session, place: string, more = 0): boolean {
    const queue = this.#waiting.get(place);
    for (let message = queue?.head; message !== undefined; message = queue?.head) {
      const { length } = message.payload;
      if (length > session.room + more) return false;
      queue?.shift();
      this.#size -= length;
      session.put(encode(message));
      session.streamed += length;
    }
    this.#forget(place);
    return true;
  }

  #forget(place: string): void {
    this.#waiting.delete(place);
    this.#quick.delete(place);
  }

  /** Forget what waits of a stream. */
  drop(name: string): void {
    for (const [place, queue] of this.#waiting) {
      if (queue.head?.name !== name) continue;
      for (const { payload } of queue) this.#size -= payload.length;
      this.#forget(place);
    }
  }
}
