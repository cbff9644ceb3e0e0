/** Whose screen stands in the place of the stage, for this participant (G22). */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { ParticipantId, ResourceId } from "@callmesh/core";

export class Watching {
  readonly #chosen = signal<ParticipantId | undefined>(undefined);
  readonly #stops: (() => void)[];
  /** Who shows a screen, the last one last. */
  readonly screens: ReadonlySignal<readonly ParticipantId[]>;
  /** Undefined while the stage has its place. */
  readonly watched: ReadonlySignal<ParticipantId | undefined>;

  /** `active`: what everybody is shown on the stage. */
  constructor(
    screens: ReadonlySignal<readonly ParticipantId[]>,
    active: ReadonlySignal<ResourceId | undefined>,
    me: () => ParticipantId,
  ) {
    this.screens = screens;
    this.watched = computed(() => screens.value.find((id) => id === this.#chosen.value));
    let known: readonly ParticipantId[] = [];
    let shown = active.peek();
    this.#stops = [
      screens.subscribe((now) => {
        const begun = now.filter((id) => !known.includes(id) && id !== me());
        known = now;
        if (begun.length > 0) this.watch(begun.at(-1));
      }),
      active.subscribe((now) => {
        if (now !== shown && now !== undefined) this.watch(undefined); // what was shown last is what everybody looks at
        shown = now;
      }),
    ];
  }

  watch(id: ParticipantId | undefined): void {
    this.#chosen.value = id;
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }
}
