/** Where the caches of this device lie: IndexedDB, one row per value. */

import { DELETED, type CallId, type Json, type PersonId, type ResourceId, type Value } from "@callmesh/core";

import { rangeOf, Rows } from "./rows.ts";

/** Whose cache: two resources, two calls and two persons on one device have separate ones (C2). */
export interface CacheId {
  readonly call: CallId;
  readonly person: PersonId;
  readonly resource: ResourceId;
}

interface Row {
  readonly key: string;
  readonly value: Json;
}

export class IdbCacheStore {
  readonly #rows: Rows;

  constructor(onError: (error: unknown) => void = () => undefined) {
    this.#rows = new Rows("callmesh-cache", onError);
  }

  /** Everything in one cache, when what was put into it before is there. */
  async load({ call, person, resource }: CacheId): Promise<[string, Json][]> {
    const rows = await this.#rows.load<Row>(rangeOf(call, person, resource));
    return rows.map(({ key, value }) => [key, value]);
  }

  put({ call, person, resource }: CacheId, key: string, value: Value): void {
    const place = [call, person, resource, key];
    this.#rows.do((rows) => {
      if (value === DELETED) rows.delete(place);
      else rows.put({ key, value } satisfies Row, place);
    });
  }

  /** Delete a whole cache: its resource was removed. */
  clear({ call, person, resource }: CacheId): void {
    this.#rows.do((rows) => void rows.delete(rangeOf(call, person, resource)));
  }

  /** Resolves when everything is written that was put until now. */
  settled(): Promise<void> {
    return this.#rows.settled();
  }
}
