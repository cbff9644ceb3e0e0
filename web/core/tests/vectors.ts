/** What both languages have to agree on: `vectors/*.json`. */

import { readFileSync } from "node:fs";

import type { Writer } from "../src/ids.ts";
import { DELETED, type Entry, type Value } from "../src/state.ts";
import type { Json } from "../src/values.ts";

/** A file of `vectors/`. What is in it is told by its own `about`, and by the type that is asked for. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller knows the file
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../vectors/${name}.json`, import.meta.url), "utf8")) as T;
}

export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

export function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

/** `hex` are bytes that are no value. */
export type ValueVector = { readonly value: Json } | { readonly deleted: true } | { readonly hex: string };
export interface EntryVector {
  readonly key: string;
  readonly time: number;
  readonly writer: string;
  readonly value: ValueVector;
}

export function valueIn(vector: ValueVector): Value {
  return "value" in vector ? vector.value : DELETED;
}

export function entryIn({ key, time, writer, value }: EntryVector): Entry {
  const entry: Entry = { key, time, writer: writer as Writer, value: valueIn(value) };
  return "hex" in value ? { ...entry, unreadable: "it is no value" } : entry;
}
