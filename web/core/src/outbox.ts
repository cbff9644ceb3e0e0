/**
 * Own writes of one participant on their way to the hub's disk, and what became of them.
 *
 * Pure bookkeeping: what others see and what the hub has said is the business of `Mesh`, whose rules
 * M3 to M7 this carries out. What is kept depends on how many keys are written, not how often:
 *
 * O1 A transaction is kept, and sent, whole as long as it has the latest own write of some key: the
 *    hub is to take or deny all of it. When all of it was overtaken it is not sent (again).
 * O2 What was overtaken under a key stands again if what overtook it is denied, unless it has not
 *    reached the hub either (M5).
 */

import { AHEAD, type HybridClock } from "./clock.ts";
import type { Denied } from "./errors.ts";
import { CALL, isVolatile, type StateId, type Writer } from "./ids.ts";
import { MAX_BUNDLE, type Group, type Write } from "./messages.ts";
import { Places } from "./places.ts";
import { Pending, Receipt, Transaction, worthKeeping } from "./receipt.ts";
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

type Place = readonly [StateId, string];

export class Outbox {
  /** What own writes are signed with. */
  writer = "" as Writer;
  readonly #clock: HybridClock;
  /** By key, the latest first. */
  readonly #own = new Places<readonly Pending[]>();
  /** What is being put. */
  #transaction = new Transaction();
  readonly #unsent = new Set<Transaction>();
  #sent = 0;
  readonly #receipts = new Set<Receipt>();
  readonly #fates = new Places<Fate>();
  /** The places of fates, the oldest first. */
  readonly #fated = new Map<string, readonly [StateId, string]>();

  constructor(clock: HybridClock) {
    this.#clock = clock;
  }

  // --- what there is

  /** The latest own write of a key. */
  get(state: StateId, key: string): Pending | undefined {
    return this.#own.get(state, key)?.[0];
  }

  /** The keys of a State that were written and are not saved. */
  keysOf(state: StateId): Iterable<string> {
    return this.#own.of(state).keys();
  }

  /** The latest own write of each key. */
  *[Symbol.iterator](): Generator<Pending, void> {
    for (const [latest] of this.#own) if (latest !== undefined) yield latest;
  }

  /** Whether anything written to a State is not known to be on disk. */
  saving(state: StateId): boolean {
    return !isVolatile(state) && this.#own.of(state).size > 0;
  }

  /** What became of the last write of a key; undefined where there was none lately. */
  fate(state: StateId, key: string): Fate | undefined {
    const pending = this.get(state, key);
    if (pending === undefined) return this.#fates.get(state, key);
    return pending.settled === undefined ? "pending" : "accepted";
  }

  /** How many transactions have to go out. */
  get unsent(): number {
    return this.#unsent.size;
  }

  /** Every write that a restart here would lose, the oldest first; transactions are whole. */
  unsaved(): Unsaved[] {
    const found = this.#kept().flatMap(({ writes }) => [...writes]).filter(({ state }) => !isVolatile(state));
    return found.map(({ state, entry, version }) => ({ state, entry, version }));
  }

  /** What is not known to be saved, and presence: each transaction whole, the oldest first. */
  transactions(): { readonly stamp: Stamp; readonly write: Write }[] {
    return this.#kept().map(({ stamp, writes }) => ({ stamp, write: writeOf([...writes]) }));
  }

  /** The transactions that are sent again until they are saved (O1), the oldest first. */
  #kept(): Transaction[] {
    return [...new Set([...this].map(({ transaction }) => transaction))].sort(byStamp);
  }

  // --- in

  /** What is put from now on belongs to a new transaction. */
  begin(): void {
    this.#transaction = new Transaction();
  }

  put(state: StateId, entry: Entry, version: number): void {
    const pending = new Pending(state, entry, this.#transaction, version);
    this.#transaction.writes.set(state, entry.key, pending);
    this.#unsent.add(this.#transaction);
    // What is adopted or replayed may be an older one.
    this.#set(state, entry.key, [pending, ...this.#at(state, entry.key)].sort(latestFirst));
    this.#noteFate(state, entry.key, undefined);
  }

  /** Of one's own writes of a key, the latest first. */
  #at(state: StateId, key: string): readonly Pending[] {
    return this.#own.get(state, key) ?? [];
  }

  /** Keep this of one's own writes of a key, the latest first. */
  #set(state: StateId, key: string, own: readonly Pending[]): void {
    const before = this.get(state, key)?.transaction;
    const now = own[0]?.transaction;
    if (now !== before) {
      if (now !== undefined) now.latest++;
      if (before !== undefined) before.latest--;
    }
    if (own.length > 0) this.#own.set(state, key, own.length > 1 ? worthKeeping(own) : own);
    else this.#own.delete(state, key);
    if (before !== undefined && before !== now && before.latest === 0) this.#overtaken(before);
  }

  /** Nothing of it is the latest: it is not sent any more, and is forgotten if it was not. */
  #overtaken(transaction: Transaction): void {
    const never = this.#unsent.delete(transaction);
    for (const { state, entry } of transaction.writes) {
      const own = this.#at(state, entry.key);
      this.#set(state, entry.key, own.filter((other) => !never || other.transaction !== transaction));
    }
  }

  /** Those that own writes on their way have. */
  times(): Set<number> {
    return new Set([...this.#own].flatMap((own) => own.map(({ entry }) => entry.time)));
  }

  /** What is stamped next is later than what is pending there, even by a wrong clock. */
  follow(state: StateId, key: string): void {
    const pending = this.get(state, key);
    if (pending === undefined || pending.settled !== undefined || pending.entry.time <= this.#clock.given) return;
    // The clock was set back behind what is under way: the next stamp must be nobody's there.
    for (const own of this) if (own.settled === undefined) this.#clock.follow(own.entry.time);
  }

  /** Whether this very write is kept here. */
  has(state: StateId, entry: Entry): boolean {
    return this.#at(state, entry.key).some((own) => equal(own.entry, entry));
  }

  /** Follow everything that was written to `state` and is not saved yet. */
  receipt(state: StateId): Receipt {
    const latest = [...this.#own.of(state).values()].flatMap((own) => own.slice(0, 1));
    const receipt = new Receipt(state, isVolatile(state) ? [] : latest);
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
    for (const transaction of this.#unsent) {
      transaction.sent = ++this.#sent;
      const writes = [...transaction.writes];
      const size = writes.reduce((sum, { state, entry }) => sum + weigh(state, entry), 0);
      if (messages.length === 0 || size > room) {
        messages.push([]);
        room = MAX_WRITE;
      }
      room -= size;
      messages.at(-1)?.push(...writes);
    }
    this.#unsent.clear();
    return messages.map(writeOf);
  }

  /** All that is not known to have arrived goes out again, presence with a new stamp. */
  sendAgain(now: number, newLink: boolean): void {
    if (newLink) this.#correct(now); // the hub has just told its time
    for (const { state, entry, version } of [...this]) {
      if (!isVolatile(state) || entry.value === DELETED) continue;
      this.#set(state, entry.key, []);
      this.begin();
      this.put(state, { ...entry, time: this.#clock.stamp(now), writer: this.writer }, version);
    }
    this.#unsent.clear();
    for (const transaction of this.#kept()) {
      if (transaction.settled) continue; // in the order of writing
      transaction.sent = 0;
      this.#unsent.add(transaction);
    }
    for (const { state, entry } of [...this]) this.#dropUnanswered(state, entry.key);
  }

  /** What the hub has not answered, and is not sent again, does not stand any more. */
  #dropUnanswered(state: StateId, key: string): void {
    const own = this.#at(state, key);
    this.#set(state, key, own.filter(({ settled, transaction }) => settled !== undefined || transaction.latest > 0));
  }

  // --- what the hub says

  /** The hub has `entry`: what was written there up to its stamp is settled (M4). */
  settle(state: StateId, entry: Entry, cursor: number): void {
    for (const own of this.#at(state, entry.key)) {
      if (own.settled === undefined && !newer(own.entry, entry)) own.settled = cursor;
    }
    for (const receipt of this.#receipts) if (receipt.state === state) receipt.settle(entry, cursor);
  }

  /** What the hub had said counts no longer: it may have lost it. */
  startOver(): void {
    for (const own of this.#own) for (const pending of own) pending.settled = undefined;
    for (const receipt of this.#receipts) receipt.startOver();
  }

  /** The hub's disk has reached `saved`. Returns what is done with. */
  disk(saved: number): Pending[] {
    const done: Pending[] = [];
    for (const [latest, ...rest] of [...this.#own]) {
      if (latest === undefined) continue;
      const kept = isVolatile(latest.state) && latest.entry.value !== DELETED; // for the next link (M6)
      if (latest.isSaved(saved) && !kept) done.push(latest);
      else if (rest.length > 0) this.#set(latest.state, latest.entry.key, [latest, ...rest.filter((own) => !own.isSaved(saved))]);
    }
    for (const { state, entry } of done) {
      this.#set(state, entry.key, []);
      this.#noteFate(state, entry.key, "saved");
    }
    for (const receipt of this.#receipts) receipt.disk(saved);
    this.#closeReceipts();
    return done;
  }

  /** The transaction of `stamp` was denied; what was sent before it has its answer too (M5). */
  deny(places: readonly Place[], stamp: Stamp, why: Denied): void {
    const denied = this.#find(places, stamp);
    for (const [state, key] of places) {
      if (denied?.writes.get(state, key) !== undefined) this.#takeOut(state, key, denied);
      const nothingLeft = this.get(state, key) === undefined;
      for (const receipt of this.#receipts) if (receipt.state === state) receipt.deny(key, stamp, why, nothingLeft);
    }
    this.#closeReceipts();
  }

  #takeOut(state: StateId, key: string, denied: Transaction): void {
    const { sent } = denied;
    const before = this.get(state, key);
    const own = this.#at(state, key).filter(({ transaction }) => transaction !== denied);
    this.#set(state, key, own);
    if (before?.transaction === denied) this.#noteFate(state, key, "denied");
    const answered = ({ transaction }: Pending): boolean => transaction.sent > 0 && transaction.sent < sent;
    this.#set(state, key, own.filter((other) => other.settled !== undefined || !answered(other)));
  }

  /** The transaction of that stamp, if anything is left of it. */
  #find(places: readonly Place[], stamp: Stamp): Transaction | undefined {
    for (const [state, key] of places) {
      const found = this.#at(state, key).find(({ entry }) => equal(entry, stamp));
      if (found !== undefined) return found.transaction;
    }
    return undefined;
  }

  /** Forget a State: of what was written to it nobody will say anything any more. */
  drop(state: StateId, why: Denied): void {
    for (const key of [...this.#own.of(state).keys()]) {
      for (const { transaction } of this.#at(state, key)) transaction.writes.delete(state, key);
      this.#set(state, key, []);
    }
    for (const key of [...this.#fates.of(state).keys()]) this.#noteFate(state, key, undefined);
    for (const receipt of this.#receipts) if (receipt.state === state) receipt.abandon(why);
    this.#closeReceipts();
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
  tryAgain(places: readonly Place[], stamp: Stamp, now: number): boolean {
    const found = this.#find(places, stamp);
    if (found !== undefined && found.latest > 0) {
      if (found.tries >= MAX_TRIES) return false;
      this.#stampAnew(found, now);
    }
    // Also those that a later write of one's own stands for by now.
    for (const [state, key] of places) this.#waitOn(state, key, stamp);
    return true;
  }

  /** Stamp anew what a clock here gave out so far ahead of the hub's that it would not do. */
  #correct(now: number): void {
    const latest = this.#clock.hubTime(now) + AHEAD;
    for (const transaction of this.#kept()) {
      const { time, writer } = transaction.stamp;
      const lasts = [...transaction.writes].some(({ state }) => !isVolatile(state));
      if (writer === this.writer && lasts && !transaction.settled && time > latest) this.#stampAnew(transaction, now);
    }
  }

  /** By the clock as it is now; after it what has overtaken some of it, and is under way. */
  #stampAnew(transaction: Transaction, now: number): void {
    const all = this.#overtaking(transaction);
    const anew = [...all].sort(byStamp).map((again) => ({ again, old: again.stamp }));
    for (const { state, entry } of anew.flatMap(({ again }) => [...again.writes])) {
      this.#dropUnanswered(state, entry.key);
      for (const own of this.#at(state, entry.key)) {
        if (!all.has(own.transaction)) this.#clock.follow(own.entry.time); // what is older may keep its stamp
      }
    }
    for (const { again } of anew) {
      // All, before any are compared: the new stamp may be the later one.
      const time = this.#clock.stamp(now);
      again.tries++;
      again.sent = 0;
      for (const own of again.writes) own.entry = { ...own.entry, time, writer: this.writer };
    }
    for (const { again, old } of anew) {
      for (const { state, entry } of again.writes) this.#set(state, entry.key, [...this.#at(state, entry.key)].sort(latestFirst));
      this.#unsent.delete(again);
      this.#unsent.add(again);
      for (const { state, entry } of again.writes) this.#waitOn(state, entry.key, old);
    }
  }

  /**
   * Itself, and what is on its way of later transactions that have overtaken some of it.
   *
   * Their order stays. What has been answered is not written again: what it has overtaken goes.
   */
  #overtaking(transaction: Transaction): Set<Transaction> {
    const start = transaction.stamp;
    const found = new Set([transaction]);
    for (const { writes } of found) {
      for (const own of [...writes]) {
        const { state, entry } = own;
        const later = this.#at(state, entry.key).filter((other) => newer(other.entry, start));
        if (later.some((other) => other.settled !== undefined || other.entry.writer !== this.writer)) {
          writes.delete(state, entry.key);
          this.#set(state, entry.key, this.#at(state, entry.key).filter((other) => other !== own));
        } else for (const other of later) found.add(other.transaction);
      }
    }
    return found;
  }

  #waitOn(state: StateId, key: string, stamp: Stamp): void {
    const latest = this.get(state, key);
    if (latest === undefined) return;
    for (const receipt of this.#receipts) if (receipt.state === state) receipt.waitOn(stamp, latest);
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
function byStamp({ stamp: a }: Transaction, { stamp: b }: Transaction): number {
  return newer(a, b) ? 1 : newer(b, a) ? -1 : 0;
}

function latestFirst({ entry: a }: Pending, { entry: b }: Pending): number {
  return newer(a, b) ? -1 : newer(b, a) ? 1 : 0;
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
