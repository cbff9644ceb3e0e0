/** A table in IndexedDB that is written behind, in order: what one turn puts is one transaction. */

import { createStore, promisifyRequest, type UseStore } from "idb-keyval";

export type Job = (rows: IDBObjectStore) => void;

/** What fails is told to `onError`, and kept in memory alone. */
export class Rows {
  readonly #rows: UseStore;
  readonly #onError: (error: unknown) => void;
  #jobs: Job[] = [];
  #writing: Promise<void> | undefined;

  constructor(database: string, onError: (error: unknown) => void) {
    this.#rows = createStore(database, "rows");
    this.#onError = onError;
  }

  /** The rows in a range, when what was put into it before is there. */
  async load<Row>(range: IDBKeyRange): Promise<Row[]> {
    await this.settled();
    return this.#rows("readonly", (store) => promisifyRequest(store.getAll(range) as IDBRequest<Row[]>));
  }

  do(job: Job): void {
    this.#jobs.push(job);
    this.#writing ??= this.#write();
  }

  /** Resolves when everything is written that was put until now. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // the rest of this turn comes along
    while (this.#jobs.length > 0) {
      const jobs = this.#jobs.splice(0);
      try {
        await this.#rows("readwrite", (store) => {
          for (const job of jobs) job(store);
          store.transaction.commit(); // at once: the page may be left before its turn comes again
          return promisifyRequest(store.transaction);
        });
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#writing = undefined;
  }
}

/** All keys that begin with these texts: an array sorts after every text. */
export function rangeOf(...place: readonly string[]): IDBKeyRange {
  return IDBKeyRange.bound([...place], [...place, []]);
}
