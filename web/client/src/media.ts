/** Audio and video of the participants; how they are drawn is the page's business. */

import type { ParticipantId } from "@callmesh/core";

export class Media {
  readonly #remote = new Map<ParticipantId, MediaStream>();
  readonly #send: (stream: MediaStream | undefined) => void;

  constructor(send: (stream: MediaStream | undefined) => void) {
    this.#send = send;
  }

  /** What others get of one's own camera and microphone. Call it again when its tracks are others. */
  setLocal(stream: MediaStream | undefined): void {
    this.#send(stream);
  }

  remote(id: ParticipantId): MediaStream | undefined {
    return this.#remote.get(id);
  }

  /** For who runs it. Tells whether that is new. */
  take(id: ParticipantId, stream: MediaStream | undefined): void {
    if (stream === undefined) this.#remote.delete(id);
    else this.#remote.set(id, stream);
  }
}
