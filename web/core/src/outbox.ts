/**
 * Own writes of one participant on their way to the hub's disk, and what became of them.
 *
 * Pure bookkeeping: what others see and what the hub has said is the business of `Mesh`, whose rules
 * M3 to M7 this carries out. One pending write per key, however often it is written.
 */

import { AHEAD, type HybridClock } from "./clock.ts";
import type { Denied } from "./errors.ts";
import { CALL, isVolatile, type StateId, type Writer } from "./ids.ts";
import { MAX_BUNDLE, type Group, type Write } from "./messages.ts";
import { Places } from "./places.ts";
import { newestOfEach, Pending, Receipt } from "./receipt.ts";
import { DELETED, newer, sizeOf, type Entry, type Stamp } from "./state.ts";

/** Bytes of one transaction. */
export const MAX_WRITE = MAX_BUNDLE - 1024;
/** How often a write is stamped anew before the hub's "ahead" is taken for a denial. */
const MAX_TRIES = 3;
/** Keys of which it is remembered what became of one's last write. */
const MAX_FATES = 1_000;

export type Fate = "pending" | "accepted" | "saved" | "denied";

/** An own write that is not saved, with the state version it was written for. */
export interface Unsaved {
  readonly state: StateId;
  readonly entry: Entry;
  readonly version: number;
}

export class Outbox {
  /** What own writes are signed with. */
  writer = "" as Writer;
  readonly #clock: HybridClock;
  readonly #pending = new Places<Pending>();
  /** What has to go out, with the number of the transaction it belongs to. */
  readonly #unsent = new Map<Pending, number>();
  #transaction = 0;
  readonly #receipts = new Set<Receipt>();
  readonly #fates = new Places<Fate>();
  /** The places of fates, the oldest first. */
  readonly #fated = new Map<string, readonly [StateId, string]>();

  constructor(clock: HybridClock) {
    this.#clock = clock;
  }

  // --- what there is

  get(state: StateId, key: string): Pending | undefined {
    return this.#pending.get(state, key);
  }

  of(state: StateId): ReadonlyMap<string, Pending> {
    return this.#pending.of(state);
  }

  [Symbol.iterator](): Iterator<Pending> {
    return this.#pending[Symbol.iterator]();
  }

  /** Whether anything written to a State is not known to be on disk. */
  saving(state: StateId): boolean {
    return !isVolatile(state) && this.#pending.of(state).size > 0;
  }

  /** What became of the last write of a key; undefined where there was none lately. */
  fate(state: StateId, key: string): Fate | undefined {
    const pending = this.#pending.get(state, key);
    if (pending === undefined) return this.#fates.get(state, key);
    return pending.settled === undefined ? "pending" : "accepted";
  }

  /** How many entries have to go out. */
  get unsent(): number {
    return this.#unsent.size;
  }

  /** Every write that a restart here would lose, the oldest first. */
  unsaved(): Unsaved[] {
    const found = [...this.#pending].filter(({ state }) => !isVolatile(state)).sort(byStamp);
    return found.map(({ state, entry, version }) => ({ state, entry, version }));
  }

  // --- in

  /** What is put from now on belongs to a new transaction. */
  begin(): void {
    this.#transaction++;
  }

  put(state: StateId, entry: Entry, version: number): void {
    const old = this.#pending.get(state, entry.key);
    const unsent = old !== undefined && this.#unsent.delete(old);
    const sent = old === undefined ? [] : [...(unsent ? [] : [old]), ...old.earlier];
    const pending = new Pending(state, entry, version, newestOfEach(sent));
    this.#pending.set(state, entry.key, pending);
    this.#unsent.set(pending, this.#transaction);
    this.#noteFate(state, entry.key, undefined);
  }

  /** What is stamped next is later than what is pending there, even by a wrong clock. */
  follow(state: StateId, key: string): void {
    const pending = this.#pending.get(state, key);
    if (pending === undefined || pending.settled !== undefined || pending.entry.time <= this.#clock.given) return;
    // The clock was set back behind what is under way: the next stamp must be nobody's there.
    for (const own of this.#pending) if (own.settled === undefined) this.#clock.follow(own.entry.time);
  }

  /** Follow everything that was written to `state` and is not saved yet. */
  receipt(state: StateId): Receipt {
    const receipt = new Receipt(state, isVolatile(state) ? [] : this.#pending.of(state).values());
    if (!receipt.done) this.#receipts.add(receipt);
    return receipt;
  }

  /** Nobody waits for it any more. Twice is fine. */
  letGo(receipt: Receipt): void {
    this.#receipts.delete(receipt);
  }

  /** How many receipts are followed. */
  get followed(): number {
    return this.#receipts.size;
  }

  // --- out

  /** What has to be sent now: transactions whole, as many to a message as fit. */
  take(): Write[] {
    const messages: Pending[][] = [];
    let room = 0;
    for (const transaction of this.#takeUnsent()) {
      const size = transaction.reduce((sum, { state, entry }) => sum + weigh(state, entry), 0);
      if (messages.length === 0 || size > room) {
        messages.push([]);
        room = MAX_WRITE;
      }
      room -= size;
      messages.at(-1)?.push(...transaction);
    }
    return messages.map(writeOf);
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

  /** All that is not known to have arrived goes out again, presence with a new stamp. */
  sendAgain(now: number, newLink: boolean): void {
    if (newLink) this.#correct(now); // the hub has just told its time
    for (const pending of this.#pending) {
      if (!isVolatile(pending.state) || pending.entry.value === DELETED) continue;
      pending.entry = this.#stamped(pending, this.#clock.stamp(now));
      pending.settled = undefined;
    }
    this.#unsent.clear();
    let last: Stamp | undefined;
    for (const pending of [...this.#pending].filter(({ settled }) => settled === undefined).sort(byStamp)) {
      if (!equal(pending.entry, last)) this.#transaction++; // one stamp, one transaction
      last = pending.entry;
      this.#unsent.set(pending, this.#transaction);
      pending.earlier = pending.settledEarlier();
    }
  }

  // --- what the hub says

  /** The hub has `entry`: what was written there up to its stamp is settled (M4). */
  settle(state: StateId, entry: Entry, cursor: number): void {
    const pending = this.#pending.get(state, entry.key);
    for (const own of pending === undefined ? [] : [pending, ...pending.earlier]) {
      if (own.settled === undefined && !newer(own.entry, entry)) own.settled = cursor;
    }
    for (const receipt of this.#receipts) if (receipt.state === state) receipt.settle(entry, cursor);
  }

  /** What the hub had said counts no longer: it may have lost it. */
  startOver(): void {
    for (const pending of this.#pending) {
      for (const own of [pending, ...pending.earlier]) own.settled = undefined;
    }
    for (const receipt of this.#receipts) receipt.startOver();
  }

  /** The hub's disk has reached `saved`. Returns what is done with. */
  disk(saved: number): Pending[] {
    const done: Pending[] = [];
    for (const pending of this.#pending) {
      pending.earlier = pending.earlier.filter((own) => !own.isSaved(saved));
      const kept = isVolatile(pending.state) && pending.entry.value !== DELETED; // for the next link (M6)
      if (pending.isSaved(saved) && !kept) done.push(pending);
    }
    for (const pending of done) this.#forget(pending, "saved");
    for (const receipt of this.#receipts) receipt.disk(saved);
    this.#closeReceipts();
    return done;
  }

  /** The write of `stamp` was denied, and older ones that were not answered never arrived. */
  takeOut(state: StateId, key: string, stamp: Stamp, why: Denied): void {
    const pending = this.#pending.get(state, key);
    if (pending !== undefined) pending.earlier = pending.settledEarlier();
    if (pending !== undefined && equal(pending.entry, stamp)) {
      this.#forget(pending, "denied");
      const [next] = pending.earlier;
      if (next !== undefined) {
        next.earlier = pending.earlier.slice(1);
        this.#pending.set(state, key, next);
      }
    }
    const nothingLeft = this.#pending.get(state, key) === undefined;
    for (const receipt of this.#receipts) if (receipt.state === state) receipt.deny(key, stamp, why, nothingLeft);
    this.#closeReceipts();
  }

  /** Forget a State: of what was written to it nobody will say anything any more. */
  drop(state: StateId, why: Denied): void {
    for (const pending of [...this.#pending.of(state).values()]) this.#forget(pending, undefined);
    for (const key of [...this.#fates.of(state).keys()]) this.#noteFate(state, key, undefined);
    for (const receipt of this.#receipts) if (receipt.state === state) receipt.abandon(why);
    this.#closeReceipts();
  }

  #forget(pending: Pending, fate: Fate | undefined): void {
    this.#pending.delete(pending.state, pending.entry.key);
    this.#unsent.delete(pending);
    this.#noteFate(pending.state, pending.entry.key, fate);
  }

  #noteFate(state: StateId, key: string, fate: Fate | undefined): void {
    const place = `${state}\n${key}`; // neither has a line break
    this.#fated.delete(place);
    if (fate === undefined) {
      this.#fates.delete(state, key);
      return;
    }
    this.#fated.set(place, [state, key]);
    this.#fates.set(state, key, fate);
    if (this.#fated.size <= MAX_FATES) return;
    for (const [oldest, [oldState, oldKey]] of this.#fated) {
      this.#fated.delete(oldest);
      this.#fates.delete(oldState, oldKey);
      return;
    }
  }

  #closeReceipts(): void {
    for (const receipt of this.#receipts) if (receipt.done) this.#receipts.delete(receipt);
  }

  // --- clocks that were ahead (M7)

  /** Send what was stamped ahead of the hub's clock again, by that clock; false after many. */
  tryAgain(places: readonly (readonly [StateId, string])[], stamp: Stamp, now: number): boolean {
    const found = places.flatMap(([state, key]) => {
      const pending = this.#pending.get(state, key);
      return pending !== undefined && equal(pending.entry, stamp) ? [pending] : [];
    });
    if (found.some(({ tries }) => tries >= MAX_TRIES)) return false;
    this.#stampAnew(found, now);
    // Also those that a later write of one's own stands for by now.
    for (const [state, key] of places) this.#waitOn(state, key, stamp);
    return true;
  }

  /** Stamp anew what a clock here gave out so far ahead of the hub's that it would not do. */
  #correct(now: number): void {
    const latest = this.#clock.hubTime(now) + AHEAD;
    const ahead = [...this.#pending].filter(({ state, entry, settled }) => {
      return settled === undefined && entry.writer === this.writer && entry.time > latest && !isVolatile(state);
    });
    ahead.sort(byStamp);
    while (ahead.length > 0) {
      const stamp: Stamp = (ahead[0] as Pending).entry;
      const together = ahead.splice(0, ahead.findLastIndex(({ entry }) => equal(entry, stamp)) + 1);
      this.#stampAnew(together, now);
      for (const { state, entry } of together) this.#waitOn(state, entry.key, stamp);
    }
  }

  #stampAnew(writes: readonly Pending[], now: number): void {
    const time = this.#clock.stamp(now);
    this.begin();
    for (const pending of writes) {
      pending.entry = this.#stamped(pending, time);
      pending.tries++;
      pending.earlier = pending.settledEarlier();
      this.#unsent.delete(pending);
      this.#unsent.set(pending, this.#transaction);
    }
  }

  #stamped({ entry: { key, value } }: Pending, time: number): Entry {
    return { key, time, writer: this.writer, value };
  }

  #waitOn(state: StateId, key: string, stamp: Stamp): void {
    const now = this.#pending.get(state, key)?.entry ?? stamp;
    for (const receipt of this.#receipts) if (receipt.state === state) receipt.waitOn(key, stamp, now);
  }
}

/** At least the bytes that an entry adds to a message: stamp, writer and its State's head included. */
export function weigh(state: StateId, entry: Pick<Entry, "key" | "value">): number {
  return sizeOf(entry) + state.length + 32;
}

function equal(one: Stamp, other: Stamp | undefined): boolean {
  return one.time === other?.time && one.writer === other.writer;
}

/** In the order of writing. */
function byStamp({ entry: a }: Pending, { entry: b }: Pending): number {
  return newer(a, b) ? 1 : newer(b, a) ? -1 : 0;
}

/** The call's own State first: a resource is there before its state. */
function writeOf(writes: readonly Pending[]): Write {
  const groups = new Map<string, Group & { readonly entries: Entry[] }>();
  for (const { state, entry, version } of writes) {
    const group = groups.get(`${version} ${state}`);
    if (group === undefined) groups.set(`${version} ${state}`, { state, entries: [entry], version });
    else group.entries.push(entry);
  }
  const all = [...groups.values()];
  const isOwn = ({ state }: Group): boolean => state === CALL;
  return { type: "write", groups: [...all.filter(isOwn), ...all.filter((group) => !isOwn(group))] };
}
