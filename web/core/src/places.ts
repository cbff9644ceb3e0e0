/** A map under two keys, a State and a key in it. One text of both would need a character neither has. */

import type { StateId } from "./ids.ts";

export class Places<T> {
  readonly #states = new Map<StateId, Map<string, T>>();

  get(state: StateId, key: string): T | undefined {
    return this.#states.get(state)?.get(key);
  }

  set(state: StateId, key: string, value: T): void {
    const keys = this.#states.get(state);
    if (keys === undefined) this.#states.set(state, new Map([[key, value]]));
    else keys.set(key, value);
  }

  delete(state: StateId, key: string): void {
    const keys = this.#states.get(state);
    if (keys?.delete(key) && keys.size === 0) this.#states.delete(state);
  }

  clear(): void {
    this.#states.clear();
  }

  /** What there is in one State. */
  of(state: StateId): ReadonlyMap<string, T> {
    return this.#states.get(state) ?? NOTHING;
  }

  get empty(): boolean {
    return this.#states.size === 0;
  }

  *[Symbol.iterator](): Generator<T, void> {
    for (const keys of this.#states.values()) yield* keys.values();
  }
}

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();
