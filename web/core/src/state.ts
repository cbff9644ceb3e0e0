/**
 * State: a map of JSON values under string keys, last writer wins per key.
 *
 * A State is a set of registers. Merging is commutative, associative and idempotent: order,
 * repetition and delay never matter.
 */

import type { Writer } from "./ids.ts";
import { packedSize, textSize, type Json } from "./msgpack.ts";

/** What stands for a value that was deleted; on the wire an empty byte string, which no JSON value is. */
export const DELETED: unique symbol = Symbol("deleted");

/** A frozen JSON value, or `DELETED`. */
export type Value = Json | typeof DELETED;

/** What orders writes to one key. */
export interface Stamp {
  /** Hybrid clock, microseconds since the epoch. */
  readonly time: number;
  readonly writer: string;
}

/** One register: on the wire `[key, time, writer, value]`. */
export interface Entry extends Stamp {
  readonly key: string;
  readonly writer: Writer;
  readonly value: Value;
  /** Why what came cannot be read, where it cannot: then it has no value. */
  readonly unreadable?: string;
}

/** Whether `stamp` wins: the larger time, and on a tie the larger writer. */
export function newer(stamp: Stamp, than: Stamp | undefined): boolean {
  if (than === undefined || stamp.time > than.time) return true;
  return stamp.time === than.time && stamp.writer > than.writer;
}

/** What an entry holds; undefined if it was deleted. */
export function valueOf(entry: Entry | undefined): Json | undefined {
  return entry === undefined || entry.value === DELETED ? undefined : entry.value;
}

/** Bytes an entry answers for when a State is measured. */
export function sizeOf(entry: Pick<Entry, "key" | "value">): number {
  return textSize(entry.key) + (entry.value === DELETED ? 2 : packedSize(entry.value)) + 32;
}

/** The registers themselves, tombstones included. */
export class State {
  readonly entries = new Map<string, Entry>();

  /** Bytes of all entries. Goes through them all. */
  get size(): number {
    let size = 0;
    for (const entry of this.entries.values()) size += sizeOf(entry);
    return size;
  }

  /** Take `entry` if it wins over what is there; tell whether it did. */
  merge(entry: Entry): boolean {
    if (!newer(entry, this.entries.get(entry.key))) return false;
    this.put(entry);
    return true;
  }

  /** Take `entry` as it comes, without comparing stamps: the hub has decided. */
  put(entry: Entry): void {
    this.entries.delete(entry.key);
    this.entries.set(entry.key, entry);
  }

  /** Drop a register altogether, as if it had never been. */
  forget(key: string): void {
    this.entries.delete(key);
  }

  *live(): Generator<Entry, void> {
    for (const entry of this.entries.values()) if (entry.value !== DELETED) yield entry;
  }
}
