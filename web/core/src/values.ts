/** JSON values: what a State, a cache or a stream may hold, and how it stands on the wire. */

import { BadValue, TooLarge, WireError } from "./errors.ts";
import { pack, packedSize, Reader, textSize, type Json } from "./msgpack.ts";

export type { Json, JsonObject } from "./msgpack.ts";

export const MAX_DEPTH = 32;
/** Bytes of one encoded value. */
export const MAX_VALUE = 64 * 1024;
/** Bytes of one key. */
export const MAX_KEY = 256;

const HALF_A_PAIR = /\p{Cs}/u;
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const NO_PATH = /^$|^\/|\/$|\/\/|[\x00-\x1f\x7f]/;

/** `value` as bytes. Raises `BadValue` or `TooLarge`; never changes what it is given. */
export function encode(value: unknown, limit = MAX_VALUE): Uint8Array {
  const data = pack(copy(value, 0));
  withinLimit(data.length, limit);
  return data;
}

/** The value in `data`, frozen; it may come from anybody. Raises `BadValue` or `TooLarge`. */
export function decode(data: Uint8Array, limit = MAX_VALUE): Json {
  withinLimit(data.length, limit);
  try {
    const reader = new Reader(data);
    const value = reader.json(MAX_DEPTH);
    reader.end();
    return value;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new BadValue(`not a JSON value: ${error.message}`, { cause: error });
  }
}

/** A frozen copy of `value`, which nobody can change any more. Raises `BadValue` or `TooLarge`. */
export function frozen(value: unknown, limit = MAX_VALUE): Json {
  const result = copy(value, 0);
  withinLimit(packedSize(result), limit);
  return result;
}

/**
 * Raises `BadValue` unless `value` is JSON: plain objects and arrays, depth ≤ 32, finite numbers.
 *
 * The member name `__proto__` is refused: half the world's JavaScript breaks on it.
 */
export function check(value: unknown): asserts value is Json {
  copy(value, 0);
}

/** Whether two values are the same JSON. The order of members means nothing. */
export function same(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (isList(one)) {
    return isList(other) && one.length === other.length && one.every((item, n) => same(item, other[n]));
  }
  if (isList(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]))
  );
}

/** A key is a path, `shape/42/x`: segments without control characters, 1–256 bytes in UTF-8. */
export function checkKey(key: unknown): string {
  if (typeof key !== "string") throw new BadValue(`a key is a text, not ${nameOf(key)}`);
  if (HALF_A_PAIR.test(key)) {
    throw new BadValue("a key holds half a surrogate pair, which is no character");
  }
  const size = textSize(key);
  if (size > MAX_KEY) throw new TooLarge(`a key has at most ${MAX_KEY} bytes, this one has ${size}`);
  if (NO_PATH.test(key)) {
    throw new BadValue("a key is a path like shape/42/x: no empty segment, no control character");
  }
  return key;
}

function nameOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

function withinLimit(size: number, limit: number): void {
  if (size > limit) throw new TooLarge(`a value has at most ${limit} bytes, this one has ${size}`);
}

function copy(value: unknown, depth: number): Json {
  switch (typeof value) {
    case "boolean":
      return value;
    case "string":
      if (HALF_A_PAIR.test(value)) {
        throw new BadValue("a text holds half a surrogate pair, which is no character");
      }
      return value;
    case "number":
      if (!Number.isFinite(value)) throw new BadValue("NaN and Infinity are not JSON");
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw new BadValue("an integer lies between -(2⁵³-1) and 2⁵³-1; send larger ones as text");
      }
      return value + 0; // -0 would arrive as 0
    case "object":
      return value === null ? null : copyOfObject(value, depth);
    default:
      throw new BadValue(`${typeof value} is not JSON: use objects, arrays, text, numbers, booleans or null`);
  }
}

function copyOfObject(value: object, depth: number): Json {
  if (depth >= MAX_DEPTH) throw new BadValue(`a value nests at most ${MAX_DEPTH} deep`);
  // Array.from, not map: a hole in a sparse array is seen as what it reads as, undefined.
  if (Array.isArray(value)) return Object.freeze(Array.from(value, (item) => copy(item, depth + 1)));
  if (!isPlain(value)) throw new BadValue("only plain objects and arrays are JSON");
  const members: { [name: string]: Json } = {};
  for (const [name, item] of Object.entries(value)) {
    if (name === "__proto__" || HALF_A_PAIR.test(name)) {
      throw new BadValue(`${JSON.stringify(name)} cannot be a member name`);
    }
    members[name] = copy(item, depth + 1);
  }
  return Object.freeze(members);
}

/** Not `=== Object.prototype`: an object from another frame has another one. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return plain && Object.getOwnPropertySymbols(value).length === 0;
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}
