/** Those who want to be told of something. */

/** Told in order, also of what a listener causes while it is being told. */
export class Listeners<T> {
  readonly #listeners = new Set<(value: T) => void>();
  /** Them, as whoever tells goes through them: made anew when there are others, not for every value. */
  #all: readonly ((value: T) => void)[] = [];
  readonly #queue: T[] = [];
  #telling = false;

  get size(): number {
    return this.#listeners.size;
  }

  /** Returns what takes the listener out again. */
  add(listener: (value: T) => void): () => void {
    const own = (value: T): void => listener(value); // the same function may be added twice
    this.#listeners.add(own);
    this.#all = [...this.#listeners];
    return () => {
      if (this.#listeners.delete(own)) this.#all = [...this.#listeners];
    };
  }

  /** An error that a listener throws is not for whoever tells, nor for the other listeners. */
  tell(value: T): void {
    this.#queue.push(value);
    if (this.#telling) return;
    this.#telling = true;
    while (this.#queue.length > 0) this.#tellAll(this.#queue.shift() as T);
    this.#telling = false;
  }

  clear(): void {
    this.#listeners.clear();
    this.#all = [];
  }

  #tellAll(value: T): void {
    for (const listener of this.#all) {
      if (!this.#listeners.has(listener)) continue;
      try {
        listener(value);
      } catch (error) {
        complain(error);
      }
    }
  }
}

/** Lets an error that nobody waits for show up as what it is: an unhandled one. */
export function complain(error: unknown): void {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever it was
  void Promise.reject(error);
}
