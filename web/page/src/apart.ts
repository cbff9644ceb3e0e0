/** Apps outside of the call: before one is let in, and when it is over. */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Call, Resource } from "@callmesh/client";
import type { ResourceId } from "@callmesh/core";

import type { Catalog } from "./catalog.ts";
import type { Ground } from "./frame.ts";
import { Keeping } from "./keeping.ts";

/** Where they come from: a call, or the waiting area. */
export interface Source {
  readonly resources: { all(): Resource[] };
  courierHost(resource: Resource): ReturnType<Call["courierHost"]>;
}

export class Apart implements Ground {
  readonly catalog: Catalog;
  readonly syncs = signal(0);
  readonly resources = signal<readonly Resource[]>([]);
  readonly source: Source;
  readonly #wanted: (app: string) => boolean;
  readonly #keeping: Keeping;
  readonly #chosen = signal<ResourceId | undefined>(undefined);
  readonly viewed: ReadonlySignal<ResourceId | undefined> = computed(() => {
    const ids = this.resources.value.map(({ id }) => id);
    const chosen = this.#chosen.value;
    return chosen !== undefined && ids.includes(chosen) ? chosen : ids[0];
  });
  /** Those whose frames are loaded, in an order that never moves one: a frame that is moved loads anew. */
  readonly mounted: ReadonlySignal<readonly Resource[]> = computed(() => {
    const wanted = new Set([this.viewed.value, ...this.#keeping.loaded.value]);
    return this.resources.value.filter(({ id }) => wanted.has(id)).sort((a, b) => (a.id < b.id ? -1 : 1));
  });
  /** Keep nothing loaded any more. */
  readonly close: () => void;

  /** `wanted` says of which apps, `mostFrames` how many stay loaded. */
  constructor(source: Source, catalog: Catalog, mostFrames: ReadonlySignal<number>, wanted: (app: string) => boolean = () => true) {
    this.source = source;
    this.#wanted = wanted;
    this.#keeping = new Keeping(mostFrames);
    this.catalog = catalog;
    this.mirror();
    const stop = this.viewed.subscribe((viewed) => {
      if (viewed !== undefined) this.#keeping.look(viewed, new Set(this.resources.peek().map(({ id }) => id)));
    });
    this.close = () => {
      stop();
      this.#keeping.close();
    };
  }

  /** There may be others by now. */
  mirror(): void {
    this.resources.value = this.source.resources.all().filter(({ app }) => this.#wanted(app));
  }

  look(id: ResourceId): void {
    this.#chosen.value = id;
  }

  courierHost(resource: Resource): ReturnType<Call["courierHost"]> {
    return this.source.courierHost(resource);
  }

  attend(id: ResourceId, works: () => boolean): () => void {
    return this.#keeping.attend(id, works);
  }

  introduce(): boolean {
    return false;
  }

  isOutdated(): boolean {
    return false;
  }
}
