/** What goes by way of the hub, or of the page for a frame, within the window of a session. */

import { encode } from "./codec.ts";
import type { ParticipantId, ResourceId } from "./ids.ts";
import type { Mode, Stream } from "./messages.ts";
import type { Session } from "./session.ts";
import { HIGH_WATER, type Piece } from "./stream.ts";

/** A stream, as seen by who sends. */
export interface StreamId {
  readonly resource: ResourceId;
  readonly name: string;
  readonly mode: Mode;
}

interface Flying {
  readonly message: Stream;
  /** How far `relayed` must have come for it to have gone on. */
  readonly end: number;
}

/**
 * The stream messages of one participant that wait for the relay, in one order.
 *
 * What was on its way when a link broke goes out again over the next one: whoever has it already
 * knows its number.
 */
export class RelayQueue {
  /** The keys are the places in the queue: in mode `latest` a newer message takes that of an older. */
  readonly #waiting = new Map<string, Stream>();
  #flying: Flying[] = [];
  #size = 0;
  #count = 0;

  /** Whether `send` should wait. */
  get full(): boolean {
    return this.#size >= HIGH_WATER;
  }

  /**
   * `to`: the receivers; nobody named means everybody else. Tells whether it replaced one, in mode
   * `latest`, that had not left yet.
   */
  put({ resource, name, mode }: StreamId, piece: Piece, to: readonly ParticipantId[]): boolean {
    const message: Stream = { type: "stream", peers: to, resource, name, mode, ...piece };
    const place = mode === "latest" ? `${resource}/${name}>${to.join()}` : String(this.#count++);
    const old = this.#waiting.get(place);
    this.#waiting.set(place, message);
    this.#size += piece.payload.length - (old?.payload.length ?? 0);
    return old !== undefined;
  }

  /** Put on the session's link what it may take now. */
  fill(session: Session): void {
    this.#flying = this.#flying.filter(({ end }) => end > session.credited);
    for (const [place, message] of this.#waiting) {
      if (!session.mayStream) return;
      this.#waiting.delete(place);
      this.#size -= message.payload.length;
      session.put(encode(message));
      session.streamed += message.payload.length;
      if (message.mode === "reliable") this.#flying.push({ message, end: session.streamed });
    }
  }

  /** The link broke: what it carried, and nobody knows to have gone on, waits again, first. */
  linkLost(): void {
    const rest = [...this.#waiting];
    this.#waiting.clear();
    for (const { message } of this.#flying.splice(0)) {
      this.#waiting.set(String(this.#count++), message);
      this.#size += message.payload.length;
    }
    for (const [place, message] of rest) this.#waiting.set(place, message);
  }

  /** Forget what waits and does not pass. */
  keep(passes: (message: Stream) => boolean): void {
    for (const [place, message] of this.#waiting) {
      if (passes(message)) continue;
      this.#waiting.delete(place);
      this.#size -= message.payload.length;
    }
  }
}
