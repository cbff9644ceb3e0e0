/** The bytes of files: read and hashed block by block, and put together. */

import { sha256 } from "@noble/hashes/sha2.js";

import { Broken, StorageFailed, type CallmeshError } from "./errors.ts";

/** Bytes that are hashed at once, and after which what came goes into a blob, which a browser may keep on disk. */
const BLOCK = 4 * 1024 * 1024;

/** Who waits for a file. */
export interface Taker {
  resolve(blob: Blob): void;
  reject(why: CallmeshError): void;
  moved(): void;
}

/** What comes, until it is whole. */
export class Sink {
  readonly taker: Taker;
  readonly #hash = sha256.create();
  #blobs: Blob[] = [];
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #size = 0;

  constructor(taker: Taker) {
    this.taker = taker;
  }

  write(data: Uint8Array): void {
    this.#hash.update(data);
    this.#parts.push(data.slice());
    this.#size += data.length;
    if (this.#size >= BLOCK) this.#pack();
  }

  #pack(): void {
    this.#blobs.push(new Blob(this.#parts));
    this.#parts = [];
    this.#size = 0;
  }

  /** Raises `Broken`. */
  finish(wanted: string): Blob {
    if (hex(this.#hash.digest()) !== wanted) throw new Broken("what came is not what was offered: its hash is another");
    this.#pack();
    return new Blob(this.#blobs);
  }
}

/** Rejects with `StorageFailed`. */
export async function read(source: Blob, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  let data: Uint8Array<ArrayBuffer>;
  try {
    data = new Uint8Array(await source.slice(start, end).arrayBuffer());
  } catch (cause) {
    throw new StorageFailed("the file cannot be read", { cause });
  }
  if (data.length !== end - start) throw new StorageFailed("the file is shorter than it was");
  return data;
}

export async function hashed(source: Blob): Promise<string> {
  const hash = sha256.create();
  for (let at = 0; at < source.size; at += BLOCK) hash.update(await read(source, at, Math.min(at + BLOCK, source.size)));
  return hex(hash.digest());
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** 64 random bits: an id of one's own transfers, and no secret. */
export function randomId(): string {
  return Array.from({ length: 16 }, () => Math.floor(Math.random() * 16).toString(16)).join("");
}
