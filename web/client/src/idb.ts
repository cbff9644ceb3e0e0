/** Where the caches of this device lie: IndexedDB, one row per value. */

import { createStore, promisifyRequest, type UseStore } from "idb-keyval";
import { DELETED, type CallId, type Json, type PersonId, type ResourceId, type Value } from "@callmesh/core";

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

type Job = (rows: IDBObjectStore) => void;

/** Writes behind, in order. What fails is told to `onError`, and kept in memory alone. */
export class IdbCacheStore {
  readonly #rows: UseStore = createStore("callmesh-cache", "rows");
  readonly #onError: (error: unknown) => void;
  #jobs: Job[] = [];
  #writing: Promise<void> | undefined;

  constructor(onError: (error: unknown) => void = () => undefined) {
    this.#onError = onError;
  }

  /** Everything in one cache, when what was put into it before is there. */
  async load(id: CacheId): Promise<[string, Json][]> {
    await this.settled();
    const rows = await this.#rows("readonly", (store) =>
      promisifyRequest(store.getAll(rangeOf(id)) as IDBRequest<Row[]>),
    );
    return rows.map(({ key, value }) => [key, value]);
  }

  put(id: CacheId, key: string, value: Value): void {
    const place = [...placeOf(id), key];
    this.#do((rows) => {
      if (value === DELETED) rows.delete(place);
      else rows.put({ key, value } satisfies Row, place);
    });
  }

  /** Delete a whole cache: its resource was removed. */
  clear(id: CacheId): void {
    this.#do((rows) => void rows.delete(rangeOf(id)));
  }

  /** Resolves when everything is written that was put until now. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #do(job: Job): void {
    this.#jobs.push(job);
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // what one turn puts is one transaction
    while (this.#jobs.length > 0) {
      const jobs = this.#jobs.splice(0);
      try {
        await this.#rows("readwrite", (store) => {
          for (const job of jobs) job(store);
          return promisifyRequest(store.transaction);
        });
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#writing = undefined;
  }
}

function placeOf({ call, person, resource }: CacheId): string[] {
  return [call, person, resource];
}

/** All keys that begin with the id: an array sorts after every text. */
function rangeOf(id: CacheId): IDBKeyRange {
  return IDBKeyRange.bound(placeOf(id), [...placeOf(id), []]);
}
