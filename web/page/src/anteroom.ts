/** What the page shows of apps while one waits to be let in. */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Call, Resource, WaitingArea } from "@callmesh/client";
import type { ResourceId } from "@callmesh/core";

import type { Catalog } from "./catalog.ts";
import type { Ground } from "./frame.ts";

export class Anteroom implements Ground {
  readonly catalog: Catalog;
  readonly syncs = signal(0);
  readonly resources = signal<readonly Resource[]>([]);
  readonly #area: WaitingArea;
  readonly #chosen = signal<ResourceId | undefined>(undefined);
  readonly viewed: ReadonlySignal<ResourceId | undefined> = computed(() => {
    const ids = this.resources.value.map(({ id }) => id);
    const chosen = this.#chosen.value;
    return chosen !== undefined && ids.includes(chosen) ? chosen : ids[0];
  });

  constructor(area: WaitingArea, catalog: Catalog) {
    this.#area = area;
    this.catalog = catalog;
  }

  /** The hub has said how it stands. */
  mirror(): void {
    this.resources.value = this.#area.resources.all();
  }

  look(id: ResourceId): void {
    this.#chosen.value = id;
  }

  courierHost(resource: Resource): ReturnType<Call["courierHost"]> {
    return this.#area.courierHost(resource);
  }

  introduce(): boolean {
    return false;
  }

  isOutdated(): boolean {
    return false;
  }
}
