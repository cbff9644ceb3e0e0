/** Which frames stay loaded, of those that were looked at (G30). The others keep their cache and state. */

import { signal, type ReadonlySignal } from "@preact/signals";
import type { ResourceId } from "@callmesh/core";

export class Keeping {
  /** The one looked at last first. One that was unloaded is loaded again when it is looked at, and not before. */
  readonly loaded = signal<readonly ResourceId[]>([]);
  readonly #most: ReadonlySignal<number>;
  readonly #working = new Map<ResourceId, () => boolean>();
  /** Ends it. */
  readonly close: () => void;

  constructor(most: ReadonlySignal<number>) {
    this.#most = most;
    this.close = most.subscribe(() => this.#keep(this.loaded.peek()));
  }

  /** One is in view; `there` are all that there are. */
  look(id: ResourceId, there: ReadonlySet<ResourceId>): void {
    const others = this.loaded.peek().filter((other) => other !== id && there.has(other));
    this.#keep([id, ...others]);
  }

  /** A frame is loaded, which says whether it has work under way. Returns what ends that. */
  attend(id: ResourceId, works: () => boolean): () => void {
    this.#working.set(id, works);
    return () => {
      if (this.#working.get(id) === works) this.#working.delete(id);
    };
  }

  #keep(ids: readonly ResourceId[]): void {
    const most = this.#most.peek();
    const working = ids.slice(most).filter((id) => this.#working.get(id)?.() === true);
    this.loaded.value = [...ids.slice(0, most), ...working.slice(0, most)];
  }
}
