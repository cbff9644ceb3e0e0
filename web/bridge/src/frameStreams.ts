/** The streams of a frame: all of them go by way of the page. */

import {
  BadValue, CallmeshError, DataStream, openPiece, RelayQueue, streamName, type messages, type Mode,
  type ParticipantId, type Piece, type ResourceId, type Session,
} from "@callmesh/core";

export class FrameStreams {
  readonly #resource: ResourceId;
  readonly #flush: () => void;
  readonly #queue = new RelayQueue();
  readonly #opened = new Map<string, DataStream>();
  #waiting: (() => void)[] = [];

  constructor(resource: string, flush: () => void) {
    this.#resource = resource as ResourceId;
    this.#flush = flush;
  }

  /** Raises `BadName`, and `BadValue` if it is open in another mode. */
  open(name: string, mode?: Mode): DataStream {
    const known = this.#opened.get(streamName(name));
    if (known !== undefined && !known.closed) {
      if (mode === undefined || mode === known.mode) return known;
      throw new BadValue(`the stream ${name} is open already, in mode ${known.mode}`);
    }
    const stream = this.#make(name, mode ?? "reliable");
    this.#opened.set(name, stream);
    return stream;
  }

  #make(name: string, mode: Mode): DataStream {
    let dropped = 0;
    let number = 0;
    return new DataStream(name, mode, {
      send: async (piece: Piece, to: readonly ParticipantId[] = []) => {
        const id = { resource: this.#resource, name, mode };
        if (this.#queue.put(id, { ...piece, number: ++number }, to)) dropped++;
        this.#flush();
        if (mode === "reliable") await this.#room();
      },
      closed: () => void this.#opened.delete(name),
      get dropped() {
        return dropped;
      },
    });
  }

  async #room(): Promise<void> {
    while (this.#queue.full) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
  }

  /** What has come. Number 0 says that the page could not wait for this frame any longer. */
  receive({ peers, name, mode, number, json, payload }: messages.Stream): void {
    const stream = this.#opened.get(name);
    if (stream === undefined) return;
    if (number === 0) {
      stream.overflow();
      return;
    }
    try {
      stream.receive(openPiece({ number, json, payload }, (peers[0] ?? "") as ParticipantId), mode, payload.length);
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error; // what a peer should not have sent (D8)
    }
  }

  gone(id: ParticipantId): void {
    for (const stream of this.#opened.values()) stream.gone(id);
  }

  fill(session: Session): void {
    this.#queue.fill(session);
    if (!this.#queue.full) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  end(reason: CallmeshError): void {
    for (const stream of this.#opened.values()) stream.end(reason);
  }
}
