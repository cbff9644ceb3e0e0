/** Who speaks: of everybody in the call, by how loud they are (G23). */

import { signal } from "@preact/signals";
import type { Call } from "@callmesh/client";
import type { ParticipantId } from "@callmesh/core";

import { Level, loudness } from "./level.ts";

/** As `loudness` has it: what is loud enough to begin with, and to go on with. */
const BEGINS = 0.45;
const GOES_ON = 0.35;
/** Of so many readings so many are loud, where somebody speaks and has not only coughed. */
const READINGS = 3;
const LOUD = 2;
/** Milliseconds between two readings, also where power is saved, and of silence after which somebody does not speak any more. */
const PAUSE = 200;
const LONG_PAUSE = 500;
const SILENCE = 1_200;

/** Whether one speaks. Time is an argument, in milliseconds. */
export class Speech {
  #loud: readonly boolean[] = [];
  #speaks = false;
  #last = 0;

  hear(level: number, now: number): boolean {
    const isLoud = level > (this.#speaks ? GOES_ON : BEGINS);
    this.#loud = [...this.#loud, isLoud].slice(-READINGS);
    if (isLoud) this.#last = now;
    if (this.#speaks) this.#speaks = now - this.#last < SILENCE;
    else this.#speaks = this.#loud.filter(Boolean).length >= LOUD;
    return this.#speaks;
  }
}

type Listened = Pick<Call, "me" | "participants" | "media">;

export class Speaking {
  /** Another set only where others speak: whoever shows it draws nothing anew otherwise. */
  readonly now = signal<ReadonlySet<ParticipantId>>(new Set());
  readonly #call: Listened;
  readonly #own: () => MediaStreamTrack | undefined;
  readonly #speeches = new Map<ParticipantId, Speech>();
  #level: { readonly track: MediaStreamTrack; readonly of: Level } | undefined;

  /** `own`: what one's own microphone gives, while it is on. */
  constructor(call: Listened, own: () => MediaStreamTrack | undefined) {
    this.#call = call;
    this.#own = own;
  }

  /** Listen, while the page can be seen; less often where power is saved. Returns what ends it. */
  start(saves = false): () => void {
    const timer = setInterval(() => document.hidden || this.listen(performance.now()), saves ? LONG_PAUSE : PAUSE);
    return () => {
      clearInterval(timer);
      this.#level?.of.close();
      this.#level = undefined;
    };
  }

  listen(now: number): void {
    const { me, participants, media } = this.#call;
    const speaking = new Set<ParticipantId>();
    for (const id of participants.keys()) {
      const level = id === me.id ? this.#ownLevel() : loudness(media.hear(id));
      let speech = this.#speeches.get(id);
      if (speech === undefined) this.#speeches.set(id, (speech = new Speech()));
      if (speech.hear(level, now)) speaking.add(id);
    }
    for (const id of this.#speeches.keys()) if (!participants.has(id)) this.#speeches.delete(id);
    const before = this.now.peek();
    if (speaking.size !== before.size || [...speaking].some((id) => !before.has(id))) this.now.value = speaking;
  }

  #ownLevel(): number {
    const track = this.#own();
    if (this.#level?.track !== track) {
      this.#level?.of.close();
      this.#level = track && { track, of: new Level(track) };
    }
    return this.#level?.of.read() ?? 0;
  }
}
