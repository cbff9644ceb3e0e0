/**
 * Letters: transactions that their author has signed, and what a replica holds of other people's.
 *
 * While the hub is away, or out of an author's reach, letters stand for what it would have sent. They
 * are a layer between what the hub has confirmed and one's own writes: nothing in it is saved, and
 * all of it goes when the hub has answered.
 */

import { unbundle } from "./codec.ts";
import { BadInput, WireError } from "./errors.ts";
import { stateId, writesFor, type CallId, type ParticipantId, type StateId } from "./ids.ts";
import type { Letter, Message } from "./messages.ts";
import { packedSize } from "./msgpack.ts";
import { Places } from "./places.ts";
import { DELETED, newer, type Entry, type Stamp } from "./state.ts";
import { checkKey, MAX_VALUE } from "./values.ts";

/** Letters of one author that are held; what is beyond waits for the hub. */
export const MAX_LETTERS = 2_000;
/** The same in bytes. */
export const MAX_LETTER_BYTES = 1024 * 1024;

/** What the signature of a letter is over. */
export function signedBytes(call: CallId, { author, epoch, open, write }: Omit<Letter, "signature">): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`callmesh letter 1\n${call}\n${author}\n${epoch}\n${open ? 1 : 0}\n`);
  const data = new Uint8Array(head.length + write.length);
  data.set(head);
  data.set(write, head.length);
  return data;
}

/** One entry of a letter, and the State it stands in. */
export interface Written {
  readonly state: StateId;
  readonly entry: Entry;
}

/** A letter that was opened. */
export class Held {
  readonly letter: Letter;
  readonly stamp: Stamp;
  writes: readonly Written[];
  /** When it came, microseconds of a clock that only runs forward. */
  since = 0;

  constructor(letter: Letter, stamp: Stamp, writes: readonly Written[]) {
    this.letter = letter;
    this.stamp = stamp;
    this.writes = writes;
  }

  get author(): ParticipantId {
    return this.letter.author as ParticipantId;
  }

  get name(): string {
    return nameOf(this.stamp);
  }
}

/** A stamp as one text: a writer has no space in it. */
export function nameOf({ time, writer }: Stamp): string {
  return `${time} ${writer}`;
}

/**
 * What is in a letter, which may come from anybody: one transaction of its author.
 *
 * Raises `WireError`; whether the signature holds is another question.
 */
export function openLetter(letter: Letter): Held {
  try {
    const writes = writesIn(read(letter.write));
    const [first] = writes;
    if (first === undefined) throw new WireError("a letter writes something");
    const { time, writer } = first.entry;
    const { size } = new Set(writes.map(({ state, entry }) => `${state}\n${entry.key}`));
    if (size < writes.length) throw new WireError("a letter writes a key once");
    if (writes.some(({ entry }) => entry.time !== time || entry.writer !== writer)) {
      throw new WireError("a letter is one transaction, with one stamp");
    }
    if (!writesFor(writer, letter.author as ParticipantId)) throw new WireError("a letter is written by its author");
    return new Held(letter, { time, writer }, writes);
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    throw new WireError(`not a letter: ${error.message}`, { cause: error });
  }
}

function read(write: Uint8Array): Message {
  const bundle = new Uint8Array(write.length + 1);
  bundle[0] = 0x91; // an array of one
  bundle.set(write, 1);
  const [message] = unbundle(bundle, null);
  if (message === undefined) throw new WireError("there is nothing in it");
  return message;
}

function writesIn(message: Message): Written[] {
  if (message.type !== "write") throw new WireError("a letter holds a write");
  return message.groups.flatMap(({ state, entries }) => {
    stateId(state);
    for (const { key, value, unreadable } of entries) {
      checkKey(key);
      if (unreadable !== undefined) throw new WireError(unreadable);
      if (value !== DELETED && packedSize(value) > MAX_VALUE) throw new WireError("a value is too large");
    }
    return entries.map((entry) => ({ state, entry }));
  });
}

interface Author {
  readonly letters: Map<string, Held>;
  size: number;
}

/**
 * What a replica holds of other people's letters, by author, bounded for each.
 *
 * A letter is held as long as it has its author's latest write of some key: what is held depends on
 * the keys that are written, not on how often.
 */
export class Layer {
  readonly #authors = new Map<ParticipantId, Author>();
  readonly #at = new Places<ReadonlyMap<Held, Entry>>();

  get empty(): boolean {
    return this.#at.empty;
  }

  get size(): number {
    return [...this.#authors.values()].reduce((sum, { letters }) => sum + letters.size, 0);
  }

  /** The newest entry of a key. */
  get(state: StateId, key: string): Entry | undefined {
    let newest: Entry | undefined;
    for (const entry of this.#at.get(state, key)?.values() ?? []) if (newer(entry, newest)) newest = entry;
    return newest;
  }

  /** The keys of a State that letters write. */
  keysOf(state: StateId): Iterable<string> {
    return this.#at.of(state).keys();
  }

  /** The letters, the oldest of each author first. */
  *[Symbol.iterator](): Generator<Held, void> {
    for (const { letters } of this.#authors.values()) {
      yield* [...letters.values()].sort((a, b) => (newer(a.stamp, b.stamp) ? 1 : -1));
    }
  }

  holds({ author, name }: Held): boolean {
    return this.#authors.get(author)?.letters.has(name) === true;
  }

  /** Hold a letter; not one that is overtaken already, nor where its author has no room left. */
  put(held: Held): void {
    const author: Author = this.#authors.get(held.author) ?? { letters: new Map<string, Held>(), size: 0 };
    const latest = held.writes.filter((write) => this.#isLatest(write, held));
    const size = author.size + held.letter.write.length;
    const full = author.letters.size >= MAX_LETTERS || size > MAX_LETTER_BYTES;
    if (author.letters.has(held.name) || latest.length === 0 || full) return;
    this.#authors.set(held.author, author);
    author.letters.set(held.name, held);
    author.size = size;
    for (const { state, entry } of held.writes) {
      this.#at.set(state, entry.key, new Map(this.#at.get(state, entry.key)).set(held, entry));
    }
    for (const old of this.at(latest)) {
      if (old.author === held.author && !old.writes.some((write) => this.#isLatest(write, old))) this.drop(old);
    }
  }

  /** Whether its author has written nothing later there. */
  #isLatest({ state, entry }: Written, { author, stamp }: Held): boolean {
    for (const other of this.#at.get(state, entry.key)?.keys() ?? []) {
      if (other.author === author && newer(other.stamp, stamp)) return false;
    }
    return true;
  }

  /** Hold it no longer. Twice is fine. */
  drop(held: Held): void {
    const author = this.#authors.get(held.author);
    if (author?.letters.delete(held.name) !== true) return;
    author.size -= held.letter.write.length;
    if (author.letters.size === 0) this.#authors.delete(held.author);
    for (const write of held.writes) this.#takeOut(write, held);
  }

  #takeOut({ state, entry }: Written, held: Held): void {
    const left = new Map(this.#at.get(state, entry.key));
    left.delete(held);
    if (left.size > 0) this.#at.set(state, entry.key, left);
    else this.#at.delete(state, entry.key);
  }

  /** A State is not there any more: what letters write to it counts no longer. */
  dropState(gone: StateId): void {
    const found = new Set([...this.#at.of(gone).values()].flatMap((letters) => [...letters.keys()]));
    for (const held of found) {
      for (const write of held.writes) if (write.state === gone) this.#takeOut(write, held);
      held.writes = held.writes.filter(({ state }) => state !== gone);
      if (held.writes.length === 0) this.drop(held);
    }
  }

  /** The letters that write any of those keys. */
  at(places: Iterable<Written>): Set<Held> {
    const found = new Set<Held>();
    for (const { state, entry } of places) for (const held of this.#at.get(state, entry.key)?.keys() ?? []) found.add(held);
    return found;
  }

  /** Those that write one key. */
  atKey(state: StateId, key: string): Iterable<Held> {
    return this.#at.get(state, key)?.keys() ?? [];
  }
}
