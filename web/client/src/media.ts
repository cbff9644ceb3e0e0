/** Audio and video of the participants; how they are drawn is the page's business. */

import type { ParticipantId } from "@callmesh/core";

import type { Quality } from "./quality.ts";

/** What there is of the connections to others. */
export interface MediaSource {
  setTracks(stream: MediaStream | undefined): void;
  hear(id: ParticipantId): number;
  measure(id: ParticipantId): Promise<Quality | undefined>;
  see(id: ParticipantId, pictures: boolean): void;
}

export class Media {
  readonly #remote = new Map<ParticipantId, MediaStream>();
  readonly #source: MediaSource;

  constructor(source: MediaSource) {
    this.#source = source;
  }

  /** What others get of one's own camera and microphone. Call it again when its tracks are others. */
  setLocal(stream: MediaStream | undefined): void {
    this.#source.setTracks(stream);
  }

  remote(id: ParticipantId): MediaStream | undefined {
    return this.#remote.get(id);
  }

  /** Whether the pictures of another are to come; those that are not, they do not send here. Sound comes always. */
  see(id: ParticipantId, pictures: boolean): void {
    this.#source.see(id, pictures);
  }

  /** The amplitude of what somebody says now, from 0 to 1; 0 where nothing has come since it was asked for last. */
  hear(id: ParticipantId): number {
    return this.#source.hear(id);
  }

  /** How well it goes between oneself and another, since it was measured last; undefined without a direct connection. */
  async measure(id: ParticipantId): Promise<Quality | undefined> {
    return this.#source.measure(id);
  }

  /** For who runs it. Tells whether that is new. */
  take(id: ParticipantId, stream: MediaStream | undefined): void {
    if (stream === undefined) this.#remote.delete(id);
    else this.#remote.set(id, stream);
  }
}
