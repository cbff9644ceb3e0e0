/** Whose pictures come: everybody's, or a few while power is saved (G31). */

import { signal } from "@preact/signals";
import type { Call } from "@callmesh/client";
import type { ParticipantId } from "@callmesh/core";

/** Of so many, while power is saved: screens before all others, then who spoke last. */
export const MOST_PICTURES = 4;

export interface Scene {
  readonly others: readonly ParticipantId[];
  readonly speaking: ReadonlySet<ParticipantId>;
  readonly screens: readonly ParticipantId[];
  readonly saves: boolean;
}

export class Seeing {
  /** Of whom none comes. */
  readonly unseen = signal<ReadonlySet<ParticipantId>>(new Set());
  /** Who has spoken, the last one first. */
  #spoke: readonly ParticipantId[] = [];
  readonly #media: Pick<Call["media"], "see">;

  constructor(media: Pick<Call["media"], "see">) {
    this.#media = media;
  }

  look({ others, speaking, screens, saves }: Scene): void {
    const news = others.filter((id) => speaking.has(id) && !this.#spoke.slice(0, speaking.size).includes(id));
    this.#spoke = [...news, ...this.#spoke.filter((id) => !news.includes(id))];
    const ranked = new Set([...screens, ...this.#spoke, ...others].filter((id) => others.includes(id)));
    const seen = saves ? [...ranked].slice(0, MOST_PICTURES) : others;
    const unseen = others.filter((id) => !seen.includes(id));
    for (const id of others) this.#media.see(id, !unseen.includes(id));
    const before = this.unseen.peek();
    if (unseen.length !== before.size || unseen.some((id) => !before.has(id))) this.unseen.value = new Set(unseen);
  }
}
