/**
 * The mesh as one participant sees it: replicas of a call's States, and own writes on their way.
 *
 * M1 What is seen of a key is what the hub has confirmed, what peers have sent while it was away if
 *    that is newer, or one's own newer write until that is settled.
 * M2 What the hub sends is taken as it comes, without comparing stamps: the hub has decided.
 * M3 An own write is kept, and sent again over every new link and after every whole batch, until it
 *    is saved or denied.
 * M4 An own write is settled at the cursor of the batch that brings its key at its stamp or a larger
 *    one: the hub has taken it or something newer. It is saved when the disk has reached that cursor.
 * M5 A denied transaction is taken out of the merge, in one step. The hub has told by then what it
 *    took before: older writes of a key that are not settled never reached it, and share its fate.
 * M6 Own presence is never saved: it is stamped and sent anew over every new link.
 * M7 What the hub found stamped ahead of its clock is stamped anew by that clock, and sent again.
 * M8 A value that cannot be read counts as none, and is set aside.
 * M9 A peer's letter is in the merge until the hub has answered all of it, or it is let go of. It
 *    settles and saves nothing, and moves no clock but for a write over it.
 */

import { AHEAD, HybridClock } from "./clock.ts";
import { Denied, TooLarge } from "./errors.ts";
import { HUB_STATE, isVolatile, presenceOf, READ_ONLY, stateOf, type ResourceId, type StateId, type Writer } from "./ids.ts";
import { Layer, type Held } from "./letters.ts";
import type { Batch, Denial, Group, Write } from "./messages.ts";
import { MAX_WRITE, Outbox, weigh, type Fate, type Unsaved } from "./outbox.ts";
import { Places } from "./places.ts";
import type { Receipt } from "./receipt.ts";
import { DELETED, newer, State, valueOf, type Entry, type Stamp, type Value } from "./state.ts";
import { frozen, same, type Json } from "./values.ts";

export type Cause = "own" | "hub" | "denied" | "peers";
export type Status = "synced" | "saving" | "read_only" | "offline";

/** One key's step from `old` to `new`; undefined where there is no value. */
export interface Changed {
  readonly old: Json | undefined;
  readonly new: Json | undefined;
  readonly writer: string;
}

/** What one transaction, batch, denial or letter changed in one State. */
export interface Change {
  readonly state: StateId;
  readonly keys: ReadonlyMap<string, Changed>;
  readonly cause: Cause;
  /** Why, where own writes were undone. */
  readonly denied?: Denied;
}

interface Own {
  readonly state: StateId;
  readonly key: string;
  readonly value: Value;
}
type Place = readonly [StateId, string];
type Seen = Map<StateId, Map<string, Entry | undefined>>;

export class Mesh {
  readonly clock = new HybridClock();
  /** The state version that own writes to a State are made for; 0 does not say. */
  readonly versions = new Map<StateId, number>();
  /** What the hub sent and cannot be read, and why (M8). */
  readonly setAside = new Places<string>();
  /** In an app's frame: whether the page, which has the link to the hub, has lost it. */
  away = false;
  #cursor = 0;
  #saved = 0;
  #linked = false;
  readonly #confirmed = new Map<StateId, State>();
  /** What peers have sent, and the hub has not answered (M9). */
  readonly letters = new Layer();
  readonly #outbox = new Outbox(this.clock);

  /** What own writes are signed with. */
  get writer(): Writer {
    return this.#outbox.writer;
  }

  set writer(writer: Writer) {
    this.#outbox.writer = writer;
  }

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
    let entry = this.confirmed(state, key);
    const sent = this.letters.empty ? undefined : this.letters.get(state, key);
    if (sent !== undefined && newer(sent, entry)) entry = sent;
    const pending = this.#outbox.get(state, key);
    if (pending === undefined || pending.settled !== undefined) return entry;
    return newer(pending.entry, entry) ? pending.entry : entry;
  }

  /** The register as the hub has confirmed it. */
  confirmed(state: StateId, key: string): Entry | undefined {
    return this.#confirmed.get(state)?.entries.get(key);
  }

  /** The live keys of a State as the hub has confirmed them. */
  confirmedKeys(state: StateId): string[] {
    return [...(this.#confirmed.get(state)?.live() ?? [])].map(({ key }) => key);
  }

  value(state: StateId, key: string): Json | undefined {
    return valueOf(this.entry(state, key));
  }

  /** The live keys of a State. */
  keys(state: StateId): string[] {
    const known = new Set(this.#confirmed.get(state)?.entries.keys());
    for (const key of this.letters.keysOf(state)) known.add(key);
    for (const key of this.#outbox.keysOf(state)) known.add(key);
    return [...known].filter((key) => this.value(state, key) !== undefined);
  }

  /** Whether everything here is safe on the hub's disk. */
  status(state: StateId): Status {
    if (!this.#linked || this.away) return "offline";
    if (this.readOnly !== undefined && !isVolatile(state)) return "read_only";
    return this.#outbox.saving(state) ? "saving" : "synced";
  }

  /** Why the hub saves nothing at the moment, in its words; undefined while it does. */
  get readOnly(): string | undefined {
    const said = this.value(HUB_STATE, READ_ONLY);
    return typeof said === "string" ? said : undefined;
  }

  /** How many transactions have to go out. */
  get unsent(): number {
    return this.#outbox.unsent;
  }

  /** The keys of a State of which an own write is not saved yet. */
  underWay(state: StateId): Iterable<string> {
    return this.#outbox.keysOf(state);
  }

  /** What became of one's own last write of a key; undefined where there was none lately. */
  statusOf(state: StateId, key: string): Fate | undefined {
    return this.#outbox.fate(state, key);
  }

  // --- own writes

  /**
   * Write values, or `DELETED`, as one transaction. Raises `BadValue` or `TooLarge`, and then
   * nothing is written. Keys are taken as they are: `checkKey` is the caller's.
   *
   * `now` is the local clock, microseconds. Applied here at once, sent with the next `outgoing`.
   */
  write(groups: ReadonlyMap<StateId, ReadonlyMap<string, Value>>, now: number): Change[] {
    const writes = [...groups].flatMap(([state, group]) => {
      return [...group].map(([key, value]): Own => ({ state, key, value: kept(value) }));
    });
    const size = writes.reduce((sum, write) => sum + weigh(write.state, write), 0);
    if (size > MAX_WRITE) {
      throw new TooLarge(`a transaction has at most ${MAX_WRITE} bytes; write it in several steps`);
    }
    for (const { state, key } of writes) {
      this.#outbox.follow(state, key);
      const sent = this.letters.get(state, key);
      if (sent !== undefined) this.clock.follow(sent.time);
    }
    const time = this.clock.stamp(now);
    const before = this.#look(writes.map(({ state, key }) => [state, key]));
    this.#outbox.begin();
    for (const { state, key, value } of writes) {
      this.#outbox.put(state, { key, time, writer: this.writer, value }, this.versions.get(state) ?? 0);
    }
    return this.#changes(before, "own");
  }

  /**
   * Take entries that somebody else stamped and wants carried to the hub: an app's frame. The clock
   * here follows only when the hub has taken them: whoever stamped them must not be able to spoil it.
   */
  adopt(groups: readonly Group[]): Change[] {
    const before = this.#look(groups.flatMap(placesOf));
    const writes = groups.flatMap(({ state, entries, version }) => entries.map((entry) => ({ state, entry, version })));
    for (const transaction of transactionsOf(writes, ({ entry }) => `${entry.time} ${entry.writer}`)) {
      this.#put(transaction.filter(({ state, entry }) => !this.#outbox.has(state, entry)));
    }
    return this.#changes(before, "own");
  }

  /** Every own write that a restart here would lose, the oldest first. */
  unsavedWrites(): Unsaved[] {
    return this.#outbox.unsaved();
  }

  /**
   * Take back what was unsaved before a restart: at its time, now in this writer's name.
   *
   * What is newer stays, and what is there already is not written again. One time is one transaction,
   * as it was, and taken or denied whole. Where this writer has something on its way with that very
   * time, it and what comes after it are later by as little as that takes.
   */
  replay(writes: readonly Unsaved[]): Change[] {
    const before: Seen = new Map<StateId, Map<string, Entry | undefined>>();
    const own = writes.map((write): Unsaved => ({ ...write, entry: { ...write.entry, writer: this.writer } }));
    own.sort((a, b) => a.entry.time - b.entry.time);
    const taken = this.#outbox.times();
    let last = 0;
    for (const transaction of transactionsOf(own, ({ entry }) => entry.time)) {
      const lost = transaction.filter(({ state, entry }) => !isSame(entry, this.entry(state, entry.key)));
      this.#look(lost.map(({ state, entry }) => [state, entry.key]), before);
      let time = Math.max(transaction[0]?.entry.time ?? 0, last + 1);
      while (taken.has(time)) time++;
      if (!this.#put(lost, time)) continue;
      last = time;
      this.clock.follow(time); // no later one of this writer has it
    }
    return this.#changes(before, "own");
  }

  /** Take a transaction that was stamped before, whole, unless something newer stands everywhere; whether it was. */
  #put(transaction: readonly Unsaved[], time?: number): boolean {
    if (!transaction.some(({ state, entry }) => newer(entry, this.entry(state, entry.key)))) return false;
    this.#outbox.begin();
    for (const { state, entry, version } of transaction) {
      this.#outbox.put(state, time === undefined ? entry : { ...entry, time }, version);
    }
    return true;
  }

  /** What has to be sent now: transactions whole, as many to a message as fit. */
  outgoing(): Write[] {
    return this.#linked ? this.#outbox.take() : [];
  }

  /** Own transactions that are not known to be saved, and presence: what peers may need. */
  transactions(): { readonly stamp: Stamp; readonly write: Write }[] {
    return this.#outbox.transactions();
  }

  /**
   * Follow everything this participant has written to `state` and that is not saved yet. `letGo` of it
   * when nobody waits for it any more.
   */
  receipt(state: StateId): Receipt {
    return this.#outbox.receipt(state);
  }

  /** Follow no longer. Twice is fine. */
  letGo(receipt: Receipt): void {
    this.#outbox.letGo(receipt);
  }

  /** How many receipts are followed. */
  get receipts(): number {
    return this.#outbox.followed;
  }

  // --- from the hub

  linkLost(): void {
    this.#linked = false;
  }

  /** Apply a batch as one step (M2). */
  batch({ whole, groups, cursor, saved }: Batch, now: number): Change[] {
    const relinked = !this.#linked;
    this.#linked = true;
    const before = this.#look(groups.flatMap(placesOf));
    if (whole) {
      for (const [state, { entries }] of this.#confirmed) this.#look([...entries.keys()].map((key) => [state, key]), before);
      for (const { state, entry } of this.#outbox) this.#look([[state, entry.key]], before);
      this.#confirmed.clear();
      this.setAside.clear();
      this.#outbox.startOver();
    }
    this.#cursor = cursor;
    for (const { state, entries } of groups) for (const entry of entries) this.#confirm(state, entry);
    if (!this.letters.empty) this.#dropAnswered(before);
    const changes = this.#changes(before, "hub");
    if (relinked || whole) {
      const overLetters = this.#stayOverLetters();
      this.#outbox.sendAgain(now, relinked);
      changes.push(...this.#changes(overLetters, "peers"));
    }
    this.disk(saved);
    for (const [state, keys] of before) for (const key of keys.keys()) this.#forgetTombstone(state, key);
    return changes;
  }

  #dropAnswered(touched: Seen): void {
    for (const [state, keys] of touched) {
      for (const key of keys.keys()) {
        for (const held of [...this.letters.atKey(state, key)]) if (this.#isAnswered(held)) this.letters.drop(held);
      }
    }
  }

  // --- from peers

  /** A peer's letter, if the hub has not answered all of it, and there is room (M9). */
  takeIn(held: Held): Change[] {
    if (this.#isAnswered(held)) return [];
    const before = this.#look(held.writes.map(({ state, entry }) => [state, entry.key]));
    this.letters.put(held);
    return this.#changes(before, "peers");
  }

  /** Letters that count no longer. */
  letLettersGo(letters: readonly Held[]): Change[] {
    const before = this.#look(letters.flatMap(({ writes }) => writes.map(({ state, entry }): Place => [state, entry.key])));
    for (const held of letters) this.letters.drop(held);
    const changes = this.#changes(before, "peers");
    for (const [state, keys] of before) for (const key of keys.keys()) this.#forgetTombstone(state, key);
    return changes;
  }

  /**
   * What is stamped anew from here on stays over the letters that it stands over.
   *
   * Not over those later than `latest`, where the hub would take neither. How those keys stand.
   */
  #stayOverLetters(latest = Infinity): Seen {
    const before = this.#look([]);
    for (const { state, entry, settled } of this.letters.empty ? [] : this.#outbox) {
      const sent = this.letters.get(state, entry.key);
      if (sent === undefined) continue;
      this.#look([[state, entry.key]], before);
      if (settled === undefined && newer(entry, sent) && sent.time < latest) this.clock.follow(sent.time);
    }
    return before;
  }

  /** Whether the hub has each of its entries, or something newer there. */
  #isAnswered({ writes }: Held): boolean {
    return writes.every(({ state, entry }) => {
      const there = this.confirmed(state, entry.key);
      return there !== undefined && !newer(entry, there);
    });
  }

  #confirm(state: StateId, entry: Entry): void {
    this.clock.saw(entry.time);
    this.#outbox.settle(state, entry, this.#cursor);
    if (entry.unreadable === undefined) this.setAside.delete(state, entry.key);
    else this.setAside.set(state, entry.key, entry.unreadable);
    let confirmed = this.#confirmed.get(state);
    if (confirmed === undefined) this.#confirmed.set(state, (confirmed = new State()));
    confirmed.put(entry);
  }

  /** The hub's disk has reached `cursor`: what was settled up to there is saved. */
  disk(cursor: number): void {
    this.#saved = Math.max(this.#saved, cursor);
    for (const { state, entry } of this.#outbox.disk(this.#saved)) this.#forgetTombstone(state, entry.key);
  }

  /** One own transaction was not taken: undo it (M5), or send it at a better time (M7). */
  deny(denial: Denial, now: number): Change[] {
    const places = denial.places.map(([state, key]): Place => [state as StateId, key]);
    if (denial.reason === "clock_ahead" && denial.writer === this.writer) {
      this.clock.setBy(denial.now, now);
      const overLetters = this.#stayOverLetters(denial.now + AHEAD);
      if (this.#outbox.tryAgain(places, denial, now)) return this.#changes(overLetters, "peers");
    }
    const before = this.#look(places);
    const why = new Denied(denial.reason, denial.why, places[0]?.[1] ?? "");
    this.#outbox.deny(places, denial, why);
    return this.#changes(before, "denied", why);
  }

  /** Forget the States of a resource that was removed, and own writes to it. */
  drop(resource: ResourceId): void {
    for (const state of [stateOf(resource), presenceOf(resource)]) {
      this.#confirmed.delete(state);
      this.letters.dropState(state);
      this.versions.delete(state);
      for (const key of [...this.setAside.of(state).keys()]) this.setAside.delete(state, key);
      this.#outbox.drop(state, new Denied("no_resource", "this resource was removed"));
    }
  }

  /** A confirmed delete is needed only to hold back an older write, own or a peer's. */
  #forgetTombstone(state: StateId, key: string): void {
    const confirmed = this.#confirmed.get(state);
    if (confirmed?.entries.get(key)?.value !== DELETED) return;
    if (this.#outbox.get(state, key) === undefined && this.letters.get(state, key) === undefined) confirmed.forget(key);
  }

  // --- changes

  /** How keys stand now, added to what was `seen` before. */
  #look(places: readonly Place[], seen: Seen = new Map<StateId, Map<string, Entry | undefined>>()): Seen {
    for (const [state, key] of places) {
      const entries = seen.get(state) ?? new Map<string, Entry | undefined>();
      if (!entries.has(key)) entries.set(key, this.entry(state, key));
      seen.set(state, entries);
    }
    return seen;
  }

  #changes(before: Seen, cause: Cause, denied?: Denied): Change[] {
    const changes: Change[] = [];
    for (const [state, entries] of before) {
      const keys = new Map<string, Changed>();
      for (const [key, old] of entries) {
        const now = this.entry(state, key);
        const changed = { old: valueOf(old), new: valueOf(now), writer: (now ?? old)?.writer ?? "" };
        if (!same(changed.old, changed.new)) keys.set(key, changed);
      }
      if (keys.size > 0) changes.push({ state, keys, cause, ...(denied && { denied }) });
    }
    return changes;
  }
}

/** Whether this is that write, whoever it was that wrote it. */
function isSame(entry: Entry, seen: Entry | undefined): boolean {
  return entry.time === seen?.time && same(valueOf(entry), valueOf(seen));
}

/** Writes of one stamp are one transaction. */
function transactionsOf(writes: readonly Unsaved[], stampOf: (write: Unsaved) => unknown): Iterable<Unsaved[]> {
  const found = new Map<unknown, Unsaved[]>();
  for (const write of writes) {
    const known = found.get(stampOf(write));
    if (known === undefined) found.set(stampOf(write), [write]);
    else known.push(write);
  }
  return found.values();
}

function kept(value: Value): Value {
  return value === DELETED ? DELETED : frozen(value);
}

function placesOf({ state, entries }: Group): Place[] {
  return entries.map(({ key }): Place => [state, key]);
}
