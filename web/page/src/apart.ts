/** Apps outside of the call: before one is let in, and when it is over. */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Call, Resource } from "@callmesh/client";
import type { ResourceId } from "@callmesh/core";

import type { Catalog } from "./catalog.ts";
import type { Ground } from "./frame.ts";

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
  readonly #chosen = signal<ResourceId | undefined>(undefined);
  readonly viewed: ReadonlySignal<ResourceId | undefined> = computed(() => {
    const ids = this.resources.value.map(({ id }) => id);
    const chosen = this.#chosen.value;
    return chosen !== undefined && ids.includes(chosen) ? chosen : ids[0];
  });

  /** `wanted` says of which apps. */
  constructor(source: Source, catalog: Catalog, wanted: (app: string) => boolean = () => true) {
    this.source = source;
    this.#wanted = wanted;
    this.catalog = catalog;
    this.mirror();
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

  attend(): () => void {
    return () => undefined; // one at a time is loaded
  }

  introduce(): boolean {
    return false;
  }

  isOutdated(): boolean {
    return false;
  }
}
