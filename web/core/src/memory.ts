/**
 * A hub and its links without a network: tests step them, cut them and hold them up.
 *
 * It keeps and tells State by the rules of every hub. What is taken, and who sees what, `HubRules` say.
 */

import { HybridClock } from "./clock.ts";
import { bundle, encode } from "./codec.ts";
import { HUB, ROSTER, type StateId } from "./ids.ts";
import { Ledger, type Kept } from "./ledger.ts";
import type { Mesh } from "./mesh.ts";
import { VERSION, type Batch, type Denial, type Message } from "./messages.ts";
import type { Participant } from "./participant.ts";
import { Session } from "./session.ts";
import { DELETED, newer, type Entry, type Value } from "./state.ts";
import { transactionsOf, type Written } from "./transactions.ts";
import type { Json } from "./values.ts";

export interface HubRules {
  /** Microseconds since the epoch. */
  now(): number;
  /** Why a transaction is not taken; undefined where it is. */
  refusal(me: Participant, transaction: readonly Written[]): readonly [reason: string, why: string] | undefined;
  /** Told of each entry that is taken, whether or not it wins. */
  taken(written: Written): void;
  /** Whether an entry is for somebody's eyes. */
  sees(me: Participant, state: StateId, entry: Entry): boolean;
}

/** One link, as the hub sees it. */
export interface Member {
  /** As it is now; its role may be another one later. */
  me: Participant;
  readonly session: Session;
  /** How far this link has come. */
  cursor: number;
  /** Of which change of rights it has been told. */
  rights: number;
  /** Whether something of its own may be among what it has seen and is not known to be saved. */
  waits: boolean;
  /** The last `saved` this link heard of. */
  told: number;
  /** Keys whose winner does not come by itself. */
  readonly owed: Map<string, StateId>;
  /** They leave after what was taken before them. */
  readonly denials: Uint8Array[];
}

export class LedgerHub {
  readonly ledger: Ledger;
  readonly #rules: HubRules;
  readonly #clock = new HybridClock();
  /** How often who may see what was another, and when last. */
  #rights = 0;
  #rightsAt = 0;

  constructor(kept: Kept, rules: HubRules) {
    this.ledger = new Ledger(kept);
    this.#rules = rules;
  }

  now(): number {
    return this.#rules.now();
  }

  /** The hub itself writes. */
  write(state: StateId, key: string, value: Value): void {
    this.#clock.saw(this.ledger.seen);
    this.ledger.accept(state, { key, time: this.#clock.stamp(this.now()), writer: HUB, value });
  }

  /** Being shown in the roster, a member always has a first batch to wait for. */
  join(me: Participant, session: Session, cursor: number): Member {
    this.write(ROSTER, me.id, me as unknown as Json);
    const known = cursor < this.#rightsAt ? 0 : cursor;
    return { me, session, cursor: known, rights: this.#rights, waits: true, told: 0, owed: new Map(), denials: [] };
  }

  /** Who may see what may be another: each is shown what there is for them, and no more what is not. */
  rightsChanged(): void {
    this.#rights++;
    this.#rightsAt = this.ledger.number;
  }

  receive(member: Member, message: Message): void {
    if (message.type !== "write") return;
    member.waits = true;
    for (const transaction of transactionsOf(message.groups)) this.#write(member, transaction);
  }

  /** All of it or nothing. What was taken before and is sent again is no new write. */
  #write(member: Member, transaction: readonly Written[]): void {
    const refused = this.#wasTaken(transaction) ? undefined : this.#rules.refusal(member.me, transaction);
    if (refused === undefined) {
      for (const written of transaction) this.#accept(member, written);
      return;
    }
    const [reason, why] = refused;
    const { time, writer } = (transaction[0] as Written).entry;
    const places = transaction.map(({ state, entry }) => [state, entry.key] as const);
    const denial: Denial = { type: "denied", reason, why, time, writer, places, now: this.now() };
    member.denials.push(encode(denial));
  }

  #wasTaken(transaction: readonly Written[]): boolean {
    let again = false;
    for (const { state, entry } of transaction) {
      const there = this.ledger.state(state).entries.get(entry.key);
      if (there === undefined || newer(entry, there)) return false;
      again ||= there.time === entry.time && there.writer === entry.writer;
    }
    return again;
  }

  #accept(member: Member, written: Written): void {
    const { state, entry } = written;
    this.#rules.taken(written);
    if (this.ledger.accept(state, entry)) return;
    if ((this.ledger.numberOf(state, entry.key) ?? 0) <= member.cursor) member.owed.set(entry.key, state);
  }

  /** Whether there is something to tell. */
  hasOutput(member: Member): boolean {
    const { ledger } = this;
    if (member.session.hasOutput || member.cursor !== ledger.number) return true;
    return member.rights !== this.#rights || member.owed.size > 0 || member.denials.length > 0 || (member.waits && member.told < ledger.saved);
  }

  take(member: Member): Uint8Array | undefined {
    const { ledger } = this;
    const parts = member.session.take();
    if (member.cursor !== ledger.number || member.rights !== this.#rights) {
      const whole = !ledger.follows(member.cursor);
      const anew = member.rights !== this.#rights;
      const written = whole || anew ? ledger.live() : ledger.since(member.cursor);
      parts.push(encode(this.#batch(member, ledger.number, { whole, hide: anew && !whole }, written)));
      if (anew && !whole) parts.push(encode(this.#batch(member, ledger.number, {}, ledger.since(member.cursor))));
      member.cursor = ledger.number;
      member.rights = this.#rights;
      member.told = ledger.saved;
    } else if (member.waits && member.told < ledger.saved) {
      member.told = ledger.saved;
      parts.push(encode({ type: "saved", cursor: ledger.saved }));
    }
    const owed = [...member.owed].flatMap(([key, state]) => {
      const entry = ledger.state(state).entries.get(key);
      return entry === undefined ? [] : [{ state, entry }];
    });
    member.owed.clear();
    if (owed.length > 0) parts.push(encode(this.#batch(member, member.cursor, {}, owed)));
    if (member.told >= member.cursor) member.waits = false;
    parts.push(...member.denials.splice(0));
    return parts.length > 0 ? bundle(parts) : undefined;
  }

  /** `hide`: what they may not see is told as deleted, as they may have seen it. */
  #batch({ me }: Member, cursor: number, { whole = false, hide = false }, written: Iterable<Pick<Written, "state" | "entry">>): Batch {
    const entries = new Map<StateId, Entry[]>();
    for (const { state, entry } of written) {
      const sees = this.#rules.sees(me, state, entry);
      const shown: Entry = sees ? entry : { key: entry.key, time: entry.time, writer: HUB, value: DELETED };
      if (sees || hide) entries.set(state, [...(entries.get(state) ?? []), shown]);
    }
    const groups = [...entries].map(([state, found]) => ({ state, entries: found, version: 0 }));
    return { type: "batch", cursor, saved: this.ledger.saved, whole, groups };
  }
}

/** The participant's side of a link. */
export interface LinkUser {
  readonly mesh: Mesh;
  /** The clock here, microseconds. */
  now(): number;
  hear(message: Message): void;
}

/** Both ends of the link between a participant and the hub; it moves one step at a time. */
export class MemoryLink {
  readonly #user: LinkUser;
  #hub: LedgerHub | undefined;
  #member: Member | undefined;
  #near = new Session("client", 0);
  #far = new Session("hub", 0);
  #up: Uint8Array[] = [];
  #down: Uint8Array[] = [];

  constructor(user: LinkUser) {
    this.#user = user;
  }

  /** As the hub has it; undefined while there is no link. */
  get member(): Member | undefined {
    return this.#member;
  }

  /** How many bundles are on their way, each way. */
  get up(): number {
    return this.#up.length;
  }

  get down(): number {
    return this.#down.length;
  }

  /** Whether something is on its way, or has to go. */
  get isBusy(): boolean {
    const [hub, member] = [this.#hub, this.#member];
    if (hub === undefined || member === undefined) return false;
    return this.up + this.down > 0 || this.#user.mesh.unsent > 0 || this.#near.hasOutput || hub.hasOutput(member);
  }

  connect(hub: LedgerHub, me: Participant): void {
    if (this.#member !== undefined) return;
    this.#hub = hub;
    this.#near = new Session("client", 0);
    this.#far = new Session("hub", 0);
    const { id, person, name, role } = me;
    this.#far.welcome(
      encode({
        type: "welcome", version: VERSION, call: "demo", participant: id, writer: id, person, name, role, time: hub.now(),
        resume: "", personProof: "", resource: null,
      }), // prettier-ignore
    );
    this.#member = hub.join(me, this.#far, this.#user.mesh.cursor);
  }

  /** The link breaks; what was on its way is lost. */
  cut(): void {
    this.#member = undefined;
    this.#up = [];
    this.#down = [];
    this.#user.mesh.linkLost();
  }

  // --- one step each; they tell whether anything moved

  /** The participant hands a bundle to the link. */
  send(): boolean {
    if (this.#member === undefined) return false;
    for (const write of this.#user.mesh.outgoing()) this.#near.put(encode(write));
    const parts = this.#near.take();
    if (parts.length > 0) this.#up.push(bundle(parts));
    return parts.length > 0;
  }

  /** The hub takes a bundle from the link. */
  arrive(): boolean {
    const [hub, member] = [this.#hub, this.#member];
    if (hub === undefined || member === undefined) return false;
    const data = this.#up.shift();
    if (data === undefined) return false;
    for (const message of this.#far.receive(data, hub.now())) hub.receive(member, message);
    return true;
  }

  /** The hub hands a bundle to the link. */
  answer(): boolean {
    const data = this.#member && this.#hub?.take(this.#member);
    if (data !== undefined) this.#down.push(data);
    return data !== undefined;
  }

  /** The participant takes a bundle from the link; how many bytes it had. */
  hear(): number {
    const data = this.#down.shift();
    if (data === undefined) return 0;
    for (const message of this.#near.receive(data, this.#user.now())) {
      if (message.type === "welcome") this.#user.mesh.clock.setBy(message.time, this.#user.now());
      this.#user.hear(message);
    }
    return data.length;
  }
}
