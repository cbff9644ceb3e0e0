/**
 * MessagePack, as much of it as callmesh speaks.
 *
 * Writing is the library's. Reading is not: what comes from a link comes from anybody, and the
 * library takes text that is not UTF-8, rounds integers beyond 2⁵³, and sets aside the room that an
 * array's head asks for before it has seen the items.
 */

import { Encoder } from "@msgpack/msgpack";

import { WireError } from "./errors.ts";

/** What a State, a cache or a stream may hold. What callmesh hands out is frozen. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

const encoder = new Encoder();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Up to so many bytes of text it is quicker to read them one by one. */
const SHORT_TEXT = 24;

/** `value` as bytes. Safe integers stand as integers, all other numbers as 64-bit floats. */
export function pack(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/** How many bytes `pack` makes of `value`. */
export function packedSize(value: unknown): number {
  return encoder.encodeSharedRef(value).length;
}

/** How many bytes a text has in UTF-8. */
export function textSize(text: string): number {
  let size = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // Half of a surrogate pair counts two: the pair has four bytes.
    size += unit < 0x800 || (unit & 0xf800) === 0xd800 ? 1 : 2;
  }
  return size;
}

/** Reads one thing after the other, each of the type that is asked for. Raises `WireError`. */
export class Reader {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  /** Where the next thing begins. */
  at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  }

  /** Nothing may be left. */
  end(): void {
    if (this.at !== this.#data.length) throw new WireError("bytes after the end");
  }

  /** Passes over a nil, if there is one. */
  nil(): boolean {
    const found = this.#data[this.at] === 0xc0;
    if (found) this.at++;
    return found;
  }

  boolean(): boolean {
    const code = this.#byte();
    if (code !== 0xc2 && code !== 0xc3) throw new WireError("true or false is expected");
    return code === 0xc3;
  }

  /** An integer from 0 to 2⁵³-1. */
  number(): number {
    const code = this.#byte();
    if (!isInteger(code)) throw new WireError("an integer is expected");
    const value = this.#integer(code);
    if (value < 0) throw new WireError("an integer is negative");
    return value;
  }

  text(): string {
    const code = this.#byte();
    if (!isText(code)) throw new WireError("a text is expected");
    return this.#text(code);
  }

  /** A copy: what it was read from may be used again. */
  bytes(): Uint8Array {
    const code = this.#byte();
    if (!isBytes(code)) throw new WireError("bytes are expected");
    const size = this.#uint(1 << (code - 0xc4));
    const at = this.#take(size);
    return this.#data.slice(at, at + size);
  }

  /** Whether bytes come next. */
  get atBytes(): boolean {
    return isBytes(this.#data[this.at] ?? 0);
  }

  /** The head of an array: how many items follow. */
  array(): number {
    const code = this.#byte();
    if (!isArray(code)) throw new WireError("an array is expected");
    return this.#count(code);
  }

  list<T>(read: (reader: Reader) => T): T[] {
    const items: T[] = [];
    for (let left = this.array(); left > 0; left--) items.push(read(this));
    return items;
  }

  /** A JSON value, frozen, that nests at most `depth` deep. */
  json(depth: number): Json {
    const code = this.#byte();
    if (isInteger(code)) return this.#integer(code);
    if (isText(code)) return this.#text(code);
    if (code === 0xc0) return null;
    if (code === 0xc2 || code === 0xc3) return code === 0xc3;
    if (code === 0xca || code === 0xcb) return this.#float(code);
    if (!isArray(code) && !isMap(code)) throw new WireError("bytes and extensions are not JSON");
    if (depth === 0) throw new WireError("a value nests too deep");
    return isArray(code) ? this.#items(code, depth - 1) : this.#members(code, depth - 1);
  }

  /** Passes over one thing of any type. Not recursive: it may nest as deep as it likes. */
  skip(): void {
    for (let left = 1; left > 0; left--) left += this.#skipHead();
  }

  #skipHead(): number {
    const code = this.#byte();
    if (isArray(code)) return this.#count(code);
    if (isMap(code)) return this.#count(code) * 2;
    if (isText(code)) this.#take(this.#textSize(code));
    else if (isBytes(code)) this.#take(this.#uint(1 << (code - 0xc4)));
    else if (code >= 0xc7 && code <= 0xc9) this.#take(this.#uint(1 << (code - 0xc7)) + 1);
    else if (code >= 0xca && code <= 0xcb) this.#take(code === 0xca ? 4 : 8);
    else if (code >= 0xcc && code <= 0xd3) this.#take(1 << (code & 3));
    else if (code >= 0xd4 && code <= 0xd8) this.#take((1 << (code - 0xd4)) + 1);
    else if (code === 0xc1) throw new WireError("a reserved byte");
    return 0;
  }

  #items(code: number, depth: number): Json {
    const items: Json[] = [];
    for (let left = this.#count(code); left > 0; left--) items.push(this.json(depth));
    return Object.freeze(items);
  }

  #members(code: number, depth: number): Json {
    const members: { [name: string]: Json } = {};
    for (let left = this.#count(code); left > 0; left--) {
      const name = this.text();
      if (name === "__proto__") throw new WireError("__proto__ cannot be a member name");
      members[name] = this.json(depth);
    }
    return Object.freeze(members);
  }

  #text(code: number): string {
    const size = this.#textSize(code);
    const at = this.#take(size);
    if (size <= SHORT_TEXT) {
      const text = this.#ascii(at, at + size);
      if (text !== undefined) return text;
    }
    try {
      return utf8.decode(this.#data.subarray(at, at + size));
    } catch (error) {
      throw new WireError("a text is not UTF-8", { cause: error });
    }
  }

  #ascii(from: number, to: number): string | undefined {
    let text = "";
    for (let at = from; at < to; at++) {
      const code = this.#view.getUint8(at);
      if (code >= 0x80) return undefined;
      text += String.fromCharCode(code);
    }
    return text;
  }

  #textSize(code: number): number {
    return code < 0xc0 ? code & 0x1f : this.#uint(1 << (code - 0xd9));
  }

  #count(code: number): number {
    return code < 0xa0 ? code & 0x0f : this.#uint(code & 1 ? 4 : 2);
  }

  #float(code: number): number {
    const value =
      code === 0xca ? this.#view.getFloat32(this.#take(4)) : this.#view.getFloat64(this.#take(8));
    if (!Number.isFinite(value)) throw new WireError("NaN and Infinity are not JSON");
    return value;
  }

  #integer(code: number): number {
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 0x100;
    const value = code < 0xd0 ? this.#uint(1 << (code - 0xcc)) : this.#int(1 << (code - 0xd0));
    if (!Number.isSafeInteger(value)) throw new WireError("an integer is beyond 2⁵³");
    return value;
  }

  #uint(size: number): number {
    const at = this.#take(size);
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    return this.#view.getUint32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
  }

  #int(size: number): number {
    const at = this.#take(size);
    if (size === 1) return this.#view.getInt8(at);
    if (size === 2) return this.#view.getInt16(at);
    if (size === 4) return this.#view.getInt32(at);
    return this.#view.getInt32(at) * 2 ** 32 + this.#view.getUint32(at + 4);
  }

  #byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  #take(size: number): number {
    const at = this.at;
    if (size > this.#data.length - at) throw new WireError("cut short");
    this.at = at + size;
    return at;
  }
}

function isInteger(code: number): boolean {
  return code < 0x80 || code >= 0xe0 || (code >= 0xcc && code <= 0xd3);
}

function isText(code: number): boolean {
  return (code >= 0xa0 && code <= 0xbf) || (code >= 0xd9 && code <= 0xdb);
}

function isBytes(code: number): boolean {
  return code >= 0xc4 && code <= 0xc6;
}

function isArray(code: number): boolean {
  return (code >= 0x90 && code <= 0x9f) || code === 0xdc || code === 0xdd;
}

function isMap(code: number): boolean {
  return (code >= 0x80 && code <= 0x8f) || code === 0xde || code === 0xdf;
}
