/**
 * The mesh as one participant sees it: replicas of a call's States, and own writes on their way.
 *
 * M1 What is seen of a key is the newer of what the hub has confirmed and one's own write that is
 *    not settled yet. A settled one is confirmed, or overtaken: what the hub says later goes before it.
 * M2 What the hub sends is taken as it comes, without comparing stamps: the hub has decided.
 * M3 An own write is kept, and sent again over every new link and after every whole batch, until it
 *    is saved or denied.
 * M4 An own write is settled at the cursor of the batch that brings its key at its stamp or a larger
 *    one: the hub has taken it or something newer. It is saved when the disk has reached that cursor.
 * M5 A denied write is taken out of the merge.
 * M6 Own presence is never saved: it is stamped and sent anew over every new link.
 */

import { HybridClock } from "./clock.ts";
import { Denied, TooLarge } from "./errors.ts";
import { CALL, isVolatile, presenceOf, stateOf, type ResourceId, type StateId, type Writer } from "./ids.ts";
import { MAX_BUNDLE, type Batch, type Denial, type Write } from "./messages.ts";
import { Places } from "./places.ts";
import { newestOfEach, Receipt, type Pending } from "./receipt.ts";
import { DELETED, newer, sizeOf, State, valueOf, type Entry, type Stamp, type Value } from "./state.ts";
import { frozen, same, type Json } from "./values.ts";

/** Bytes of one transaction. */
export const MAX_WRITE = MAX_BUNDLE - 1024;

export type Cause = "own" | "hub" | "denied";
export type Status = "synced" | "saving" | "offline";

/** One key's step from `old` to `new`; undefined where there is no value. */
export interface Changed {
  readonly old: Json | undefined;
  readonly new: Json | undefined;
  readonly writer: string;
}

/** What one transaction, batch or denial changed in one State. */
export interface Change {
  readonly state: StateId;
  readonly keys: ReadonlyMap<string, Changed>;
  readonly cause: Cause;
}

type Seen = Map<StateId, Map<string, Entry | undefined>>;

export class Mesh {
  /** What own writes are signed with. */
  writer = "" as Writer;
  readonly clock = new HybridClock();
  #cursor = 0;
  #saved = 0;
  #linked = false;
  readonly #confirmed = new Map<StateId, State>();
  readonly #pending = new Places<Pending>();
  /** What has to go out, with the number of the transaction it belongs to. */
  readonly #unsent = new Map<Pending, number>();
  #transaction = 0;
  readonly #receipts = new Set<Receipt>();

  /** How far this replica has come; 0 before the first batch. */
  get cursor(): number {
    return this.#cursor;
  }

  /** How far the hub's disk has come. */
  get saved(): number {
    return this.#saved;
  }

  /** Whether there is a link to the hub, and the first batch has come over it. */
  get linked(): boolean {
    return this.#linked;
  }

  // --- reading

  /** The register as this participant sees it (M1). */
  entry(state: StateId, key: string): Entry | undefined {
    const confirmed = this.#confirmed.get(state)?.entries.get(key);
    const pending = this.#pending.get(state, key);
    if (pending === undefined || pending.settled !== undefined) return confirmed;
    return newer(pending.entry, confirmed) ? pending.entry : confirmed;
  }

  value(state: StateId, key: string): Json | undefined {
    return valueOf(this.entry(state, key));
  }

  /** The live keys of a State. */
  keys(state: StateId): string[] {
    const known = new Set(this.#confirmed.get(state)?.entries.keys());
    for (const key of this.#pending.of(state).keys()) known.add(key);
    return [...known].filter((key) => this.value(state, key) !== undefined);
  }

  /** Whether everything here is safe on the hub's disk. */
  status(state: StateId): Status {
    if (!this.#linked) return "offline";
    return !isVolatile(state) && this.#pending.of(state).size > 0 ? "saving" : "synced";
  }

  // --- own writes

  /**
   * Write values, or `DELETED`, as one transaction. Raises `BadValue` or `TooLarge`, and then
   * nothing is written. Keys are taken as they are: `checkKey` is the caller's.
   *
   * `now` is the local clock, microseconds. Applied here at once, sent with the next `outgoing`.
   */
  write(groups: ReadonlyMap<StateId, ReadonlyMap<string, Value>>, now: number): Change[] {
    const writes = [...groups].map(([state, group]) => [state, [...group].map(keptWrite)] as const);
    const size = sum(writes, ([state, group]) => sum(group, (write) => weight(state, write)));
    if (size > MAX_WRITE) {
      throw new TooLarge(`a transaction has at most ${MAX_WRITE} bytes; write it in several steps`);
    }
    const time = this.clock.stamp(now);
    this.#transaction++;
    const before = this.#look(groups, (group) => group.keys());
    for (const [state, group] of writes) {
      for (const { key, value } of group) this.#put(state, { key, time, writer: this.writer, value });
    }
    return this.#changes(before, "own");
  }

  /** Take entries that somebody else stamped and wants carried to the hub: an app's frame. */
  adopt(groups: ReadonlyMap<StateId, readonly Entry[]>): Change[] {
    this.#transaction++;
    const before = this.#look(groups, keysOf);
    for (const [state, entries] of groups) {
      for (const entry of entries) {
        this.clock.saw(entry.time);
        if (newer(entry, this.entry(state, entry.key))) this.#put(state, entry);
      }
    }
    return this.#changes(before, "own");
  }

  /** What has to be sent now: transactions whole, as many to a message as fit. */
  outgoing(): Write[] {
    if (!this.#linked) return [];
    const messages: Pending[][] = [];
    let room = 0;
    for (const transaction of this.#takeUnsent()) {
      const size = sum(transaction, ({ state, entry }) => weight(state, entry));
      if (messages.length === 0 || size > room) {
        messages.push([]);
        room = MAX_WRITE;
      }
      room -= size;
      messages.at(-1)?.push(...transaction);
    }
    return messages.map(writeOf);
  }

  /** Follow everything this participant has written to `state` and that is not saved yet. */
  receipt(state: StateId): Receipt {
    const receipt = new Receipt(state, isVolatile(state) ? [] : this.#pending.of(state).values());
    if (!receipt.done) this.#receipts.add(receipt);
    return receipt;
  }

  // --- from the hub

  linkLost(): void {
    this.#linked = false;
  }

  /** Apply a batch as one step (M2). */
  batch(batch: Batch, now: number): Change[] {
    const { whole, groups } = batch;
    const relinked = !this.#linked;
    const touched = groups.map(({ state, entries }) => [state, entries] as const);
    const before = this.#look(touched, keysOf);
    if (whole) this.#look(this.#confirmed, (state) => state.entries.keys(), before);
    this.#linked = true;
    if (whole) this.#startOver();
    this.#cursor = batch.cursor;
    for (const [state, entries] of touched) this.#confirm(state, entries);
    if (relinked || whole) this.#sendAgain(now);
    this.disk(batch.saved);
    const changes = this.#changes(before, "hub");
    for (const [state, keys] of before) {
      for (const key of keys.keys()) this.#forgetTombstone(state, key);
    }
    return changes;
  }

  /** The hub's disk has reached `cursor`: what was settled up to there is saved. */
  disk(cursor: number): void {
    this.#saved = Math.max(this.#saved, cursor);
    for (const pending of [...this.#pending]) {
      const { state, entry, settled } = pending;
      pending.earlier = pending.earlier.filter((own) => own.settled === undefined || own.settled > this.#saved);
      const kept = isVolatile(state) && entry.value !== DELETED; // for the next link (M6)
      if (kept || settled === undefined || settled > this.#saved) continue;
      this.#forget(pending);
      this.#forgetTombstone(state, entry.key);
    }
    for (const receipt of this.#receipts) receipt.disk(this.#saved);
    this.#closeReceipts();
  }

  /** One own entry was not taken: undo it (M5). */
  deny(denial: Denial): Change[] {
    const { key, reason, why } = denial;
    const state = denial.state as StateId;
    const before = this.#look([[state, [key]]], (keys) => keys);
    const pending = this.#pending.get(state, key);
    if (pending !== undefined) this.#takeOut(pending, denial);
    for (const receipt of this.#receipts) {
      if (receipt.state === state) receipt.deny(key, denial, new Denied(reason, why, key));
    }
    this.#closeReceipts();
    return this.#changes(before, "denied");
  }

  /** Older writes that are not settled never reached the hub: it has told by now what it took. */
  #takeOut(pending: Pending, denied: Stamp): void {
    const { state, entry } = pending;
    pending.earlier = pending.earlier.filter(({ settled }) => settled !== undefined);
    if (entry.time !== denied.time || entry.writer !== denied.writer) return;
    this.#forget(pending);
    const next = pending.earlier[0];
    if (next !== undefined) this.#pending.set(state, entry.key, next);
  }

  /** Forget the States of a resource that was removed, and own writes to it. */
  drop(resource: ResourceId): void {
    for (const state of [stateOf(resource), presenceOf(resource)]) {
      this.#confirmed.delete(state);
      for (const pending of [...this.#pending.of(state).values()]) this.#forget(pending);
      // Of what has not left the hub will say nothing.
      for (const receipt of this.#receipts) {
        if (receipt.state === state) receipt.abandon(new Denied("no_resource", "this resource was removed"));
      }
    }
    this.#closeReceipts();
  }

  // --- own writes on their way

  #put(state: StateId, entry: Entry): void {
    const old = this.#pending.get(state, entry.key);
    const unsent = old !== undefined && this.#unsent.delete(old);
    const sent = old === undefined ? [] : [...(unsent ? [] : [old]), ...old.earlier];
    const pending = { state, entry, settled: undefined, earlier: newestOfEach(sent) };
    this.#pending.set(state, entry.key, pending);
    this.#unsent.set(pending, this.#transaction);
  }

  #forget(pending: Pending): void {
    this.#pending.delete(pending.state, pending.entry.key);
    this.#unsent.delete(pending);
  }

  #takeUnsent(): Iterable<Pending[]> {
    const transactions = new Map<number, Pending[]>();
    for (const [pending, number] of this.#unsent) {
      const transaction = transactions.get(number);
      if (transaction === undefined) transactions.set(number, [pending]);
      else transaction.push(pending);
    }
    this.#unsent.clear();
    return transactions.values();
  }

  /** All that is not known to have arrived goes out again (M3, M6). */
  #sendAgain(now: number): void {
    for (const pending of this.#pending) {
      const { state, entry } = pending;
      if (isVolatile(state) && entry.value !== DELETED) {
        pending.entry = { ...entry, time: this.clock.stamp(now), writer: this.writer };
        pending.settled = undefined;
      }
    }
    this.#unsent.clear();
    let last: Entry | undefined;
    for (const pending of this.#unsettled()) {
      const { entry } = pending;
      if (entry.time !== last?.time || entry.writer !== last.writer) this.#transaction++; // one stamp, one transaction
      last = entry;
      this.#unsent.set(pending, this.#transaction);
      pending.earlier = pending.earlier.filter(({ settled }) => settled !== undefined);
    }
  }

  /** In the order of writing. */
  #unsettled(): Pending[] {
    const unsettled = [...this.#pending].filter(({ settled }) => settled === undefined);
    return unsettled.sort(({ entry: a }, { entry: b }) => (newer(a, b) ? 1 : newer(b, a) ? -1 : 0));
  }

  #closeReceipts(): void {
    for (const receipt of this.#receipts) if (receipt.done) this.#receipts.delete(receipt);
  }

  // --- what the hub has confirmed

  #startOver(): void {
    this.#confirmed.clear();
    for (const pending of this.#pending) {
      for (const own of [pending, ...pending.earlier]) own.settled = undefined;
    }
    for (const receipt of this.#receipts) receipt.startOver();
  }

  #confirm(state: StateId, entries: readonly Entry[]): void {
    let confirmed = this.#confirmed.get(state);
    if (confirmed === undefined) this.#confirmed.set(state, (confirmed = new State()));
    for (const entry of entries) {
      confirmed.put(entry);
      this.clock.saw(entry.time);
      this.#settle(state, entry);
    }
  }

  /** The hub has `entry`: what this participant wrote there up to its stamp is settled (M4). */
  #settle(state: StateId, entry: Entry): void {
    const pending = this.#pending.get(state, entry.key);
    for (const own of pending === undefined ? [] : [pending, ...pending.earlier]) {
      if (own.settled === undefined && !newer(own.entry, entry)) own.settled = this.#cursor;
    }
    for (const receipt of this.#receipts) if (receipt.state === state) receipt.settle(entry, this.#cursor);
  }

  /** A confirmed delete is needed only to hold back an older write of one's own. */
  #forgetTombstone(state: StateId, key: string): void {
    const confirmed = this.#confirmed.get(state);
    if (confirmed?.entries.get(key)?.value !== DELETED) return;
    if (this.#pending.get(state, key) === undefined) confirmed.forget(key);
  }

  // --- changes

  /** How the keys of `touched` stand now, added to `seen`. */
  #look<T>(
    touched: Iterable<readonly [StateId, T]>,
    keys: (group: T) => Iterable<string>,
    seen: Seen = new Map<StateId, Map<string, Entry | undefined>>(),
  ): Seen {
    for (const [state, group] of touched) {
      const entries = seen.get(state) ?? new Map<string, Entry | undefined>();
      for (const key of keys(group)) entries.set(key, this.entry(state, key));
      seen.set(state, entries);
    }
    return seen;
  }

  #changes(before: Seen, cause: Cause): Change[] {
    const changes: Change[] = [];
    for (const [state, entries] of before) {
      const keys = new Map<string, Changed>();
      for (const [key, old] of entries) {
        const now = this.entry(state, key);
        const changed = { old: valueOf(old), new: valueOf(now), writer: (now ?? old)?.writer ?? "" };
        if (!same(changed.old, changed.new)) keys.set(key, changed);
      }
      if (keys.size > 0) changes.push({ state, keys, cause });
    }
    return changes;
  }
}

function keysOf(entries: readonly Entry[]): string[] {
  return entries.map(({ key }) => key);
}

function keptWrite([key, value]: readonly [string, Value]): { key: string; value: Value } {
  return { key, value: value === DELETED ? DELETED : frozen(value) };
}

/** At least the bytes that an entry adds to a message: stamp, writer and its State's head included. */
function weight(state: StateId, entry: Pick<Entry, "key" | "value">): number {
  return sizeOf(entry) + state.length + 32;
}

function writeOf(writes: readonly Pending[]): Write {
  const groups = new Map<StateId, Entry[]>();
  for (const { state, entry } of writes) {
    const group = groups.get(state);
    if (group === undefined) groups.set(state, [entry]);
    else group.push(entry);
  }
  // The call's own State goes first: a resource is there before its state.
  const ordered = [...groups].sort(([a], [b]) => Number(b === CALL) - Number(a === CALL));
  return { type: "write", groups: ordered.map(([state, entries]) => ({ state, entries })) };
}

function sum<T>(items: Iterable<T>, size: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += size(item);
  return total;
}
