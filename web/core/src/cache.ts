/** ResourceCache: what one participant keeps about one resource. Local, never sent. */

import { TooLarge } from "./errors.ts";
import { packedSize, textSize } from "./msgpack.ts";
import { DELETED, type Value } from "./state.ts";
import { checkKey, frozen, type Json } from "./values.ts";

/** Bytes of one resource's cache. */
export const MAX_CACHE = 16 * 1024 * 1024;
/** Bytes of one value: a cache may hold a downloaded page or a picture. */
export const MAX_ITEM = 4 * 1024 * 1024;

/** Told of every change, with `DELETED` for what is gone. */
export type Keep = (key: string, value: Value) => void;

interface Item {
  readonly value: Json;
  readonly size: number;
}

/**
 * A map of JSON values under string keys that nobody else ever sees.
 *
 * Whoever keeps the cache somewhere passes `keep`. Values are frozen copies.
 */
export class ResourceCache {
  readonly #items = new Map<string, Item>();
  readonly #keep: Keep;
  #bytes = 0;

  constructor(items: Iterable<readonly [string, Json]> = [], keep: Keep = () => undefined) {
    for (const [key, value] of items) this.#put(key, frozen(value, MAX_ITEM));
    this.#keep = keep;
  }

  get size(): number {
    return this.#items.size;
  }

  get(key: string): Json | undefined {
    return this.#items.get(key)?.value;
  }

  has(key: string): boolean {
    return this.#items.has(key);
  }

  /** Raises `BadValue` or `TooLarge`; what was there then stays. */
  set(key: string, value: unknown): this {
    const kept = frozen(value, MAX_ITEM);
    this.#put(checkKey(key), kept);
    this.#keep(key, kept);
    return this;
  }

  /** Tells whether there was something to delete. */
  delete(key: string): boolean {
    const old = this.#items.get(key);
    if (old === undefined) return false;
    this.#items.delete(key);
    this.#bytes -= old.size;
    this.#keep(key, DELETED);
    return true;
  }

  keys(): MapIterator<string> {
    return this.#items.keys();
  }

  *[Symbol.iterator](): Generator<[string, Json], void> {
    for (const [key, item] of this.#items) yield [key, item.value];
  }

  #put(key: string, value: Json): void {
    const size = textSize(key) + packedSize(value);
    const bytes = this.#bytes + size - (this.#items.get(key)?.size ?? 0);
    if (bytes > MAX_CACHE) {
      throw new TooLarge(`a resource's cache has at most ${MAX_CACHE} bytes; delete something first`);
    }
    this.#bytes = bytes;
    this.#items.set(key, { value, size });
  }
}
