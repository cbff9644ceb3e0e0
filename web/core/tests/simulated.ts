/** A hub and its clients in one thread, with links that a test steps, cuts and stalls by hand. */

import { HybridClock } from "../src/clock.ts";
import { bundle, encode } from "../src/codec.ts";
import { HUB, isVolatile, resourceId, ROSTER, stateOf, type StateId, type Writer } from "../src/ids.ts";
import { Ledger, type Kept } from "../src/ledger.ts";
import { Mesh, type Change } from "../src/mesh.ts";
import { AHEAD } from "../src/clock.ts";
import type { Batch, Denial, Message } from "../src/messages.ts";
import type { Receipt } from "../src/receipt.ts";
import { Session } from "../src/session.ts";
import { DELETED, newer, type Entry, type Stamp, type Value } from "../src/state.ts";
import type { Json } from "../src/values.ts";

export const STATE = stateOf(resourceId("r1"));
export const START = 1_700_000_000_000_000;
/** How many numbers a start and a commit set aside: none that was lost in a crash is used again. */
const BLOCK = 2 ** 28;

/** One link, as the hub sees it. */
interface Member {
  readonly session: Session;
  /** How far this link has come. */
  cursor: number;
  /** Whether something of its own may be among what it has seen and is not known to be saved. */
  waits: boolean;
  /** The last `saved` this link heard of. */
  told: number;
  /** Keys whose winner does not come by itself. */
  readonly owed: Map<string, StateId>;
  /** They leave after what was taken before them. */
  readonly denials: Uint8Array[];
}

export interface Written {
  readonly state: StateId;
  readonly entry: Entry;
}

/** As much of a hub as the rules need: everything is taken, but for the key "closed". */
export class Hub {
  readonly ledger: Ledger;
  readonly #taken: Written[];
  readonly #clock = new HybridClock();

  /** Of what it takes it tells in `taken`, whether or not it wins. */
  constructor(kept: Kept, taken: Written[]) {
    this.ledger = new Ledger(kept);
    this.#taken = taken;
  }

  /** Being shown in the roster, a member always has a first batch to wait for. */
  join(id: string, session: Session, cursor: number, now: number): Member {
    this.#clock.saw(this.ledger.seen);
    this.ledger.accept(ROSTER, { key: id, time: this.#clock.stamp(now), writer: HUB, value: true });
    return { session, cursor, waits: true, told: 0, owed: new Map(), denials: [] };
  }

  receive(member: Member, message: Message, now: number): void {
    if (message.type !== "write") return;
    member.waits = true;
    const transactions = new Map<string, Written[]>();
    for (const { state, entries } of message.groups) {
      for (const entry of entries) {
        const stamp = `${entry.time} ${entry.writer}`;
        transactions.set(stamp, [...(transactions.get(stamp) ?? []), { state, entry }]);
      }
    }
    for (const transaction of transactions.values()) this.#write(member, transaction, now);
  }

  /** All of it or nothing. */
  #write(member: Member, transaction: readonly Written[], now: number): void {
    const reason = this.#refusal(transaction, now);
    if (reason === undefined) {
      for (const { state, entry } of transaction) this.#accept(member, state, entry);
      return;
    }
    const { time, writer } = transaction[0]!.entry;
    const places = transaction.map(({ state, entry }) => [state, entry.key] as const);
    const denial: Denial = { type: "denied", reason, why: reason, time, writer, places, now };
    member.denials.push(encode(denial));
  }

  #refusal(transaction: readonly Written[], now: number): string | undefined {
    if (transaction.some(({ entry }) => entry.key === "closed")) return "no_right";
    const latest = Math.max(now + AHEAD, this.ledger.seen + 100);
    return transaction.some(({ entry }) => entry.time > latest) ? "clock_ahead" : undefined;
  }

  #accept(member: Member, state: StateId, entry: Entry): void {
    this.#taken.push({ state, entry });
    if (this.ledger.accept(state, entry)) return;
    if (this.ledger.numberOf(state, entry.key)! <= member.cursor) member.owed.set(entry.key, state);
  }

  take(member: Member): Uint8Array | undefined {
    const { ledger } = this;
    const parts = member.session.take();
    if (member.cursor !== ledger.number) {
      const whole = !ledger.follows(member.cursor);
      parts.push(encode(this.#batch(ledger.number, whole, whole ? ledger.live() : ledger.since(member.cursor))));
      member.cursor = ledger.number;
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
    if (owed.length > 0) parts.push(encode(this.#batch(member.cursor, false, owed)));
    if (member.told >= member.cursor) member.waits = false;
    parts.push(...member.denials.splice(0));
    return parts.length > 0 ? bundle(parts) : undefined;
  }

  #batch(cursor: number, whole: boolean, written: Iterable<Written>): Batch {
    const entries = new Map<StateId, Entry[]>();
    for (const { state, entry } of written) entries.set(state, [...(entries.get(state) ?? []), entry]);
    const groups = [...entries].map(([state, found]) => ({ state, entries: found, version: 0 }));
    return { type: "batch", cursor, saved: this.ledger.saved, whole, groups };
  }
}

/** The hub's side: a call over a disk that survives its crashes. */
export class World {
  now = START;
  hub: Hub;
  readonly clients: Client[] = [];
  /** How many values were written. */
  values = 0;
  /** By value, who wrote it and with it all the keys of a transaction. */
  readonly units = new Map<number, { readonly client: Client; readonly keys: readonly string[] }>();
  /** Every write that the hub ever took. */
  readonly taken: Written[] = [];
  /** The largest stamp of a tombstone that was let go of, per key. */
  readonly collected = new Map<string, Stamp>();
  #disk: Kept = { records: [], reserved: 0 };

  constructor() {
    this.hub = this.#start();
  }

  /** Numbers are set aside before the first is given out, or two crashes in a row would use some twice. */
  #start(): Hub {
    const kept = this.#disk;
    this.#disk = { records: kept.records, reserved: kept.reserved + BLOCK };
    return new Hub(kept, this.taken);
  }

  client(name: string, skew = 0): Client {
    const client = new Client(this, name, skew);
    this.clients.push(client);
    client.connect();
    return client;
  }

  commit(): void {
    const { ledger } = this.hub;
    const records = ledger.since(0).filter(({ state }) => !isVolatile(state));
    this.#disk = { records, reserved: ledger.number + BLOCK };
    ledger.saveUpTo(ledger.number);
  }

  /** The process dies: what was not committed is lost, and so is every link. */
  crash(): void {
    for (const client of this.clients) client.cut();
    this.hub = this.#start();
  }

  collect(before: number): void {
    for (const { entry } of this.hub.ledger.since(0)) {
      if (entry.value !== DELETED || entry.time >= before) continue;
      if (newer(entry, this.collected.get(entry.key))) this.collected.set(entry.key, entry);
    }
    this.hub.ledger.collect(before);
  }

  /** What the hub holds. */
  view(): Record<string, Json> {
    const entries = [...this.hub.ledger.state(STATE).live()];
    return Object.fromEntries(entries.map(({ key, value }) => [key, value as Json]));
  }

  /** Reconnect everybody, deliver everything, save everything. */
  settle(): void {
    for (let round = 0; round < 4; round++) {
      for (const client of this.clients) client.connect();
      this.#deliver();
      this.commit();
    }
    this.#deliver();
  }

  #deliver(): void {
    let moved = true;
    while (moved) moved = this.clients.map((client) => client.step()).includes(true);
  }
}

/** What somebody waits for: a write, and what will become of it. */
interface Awaited {
  readonly key: string;
  readonly value: Value;
  readonly receipt: Receipt;
  /** Of it, or of one's own that has overtaken it, as it was sent last: a clock may have been ahead. */
  stamp: Stamp;
}

/** A participant: `Mesh` and `Session`, and both ends of its link. */
export class Client {
  readonly mesh = new Mesh();
  readonly changes: Change[] = [];
  readonly denials: Denial[] = [];
  readonly awaited: Awaited[] = [];
  received = 0;
  readonly #world: World;
  /** How far the clock here is off, microseconds. */
  skew: number;
  #member: Member | undefined;
  #near = new Session("client", 0);
  #far = new Session("hub", 0);
  #up: Uint8Array[] = [];
  #down: Uint8Array[] = [];

  constructor(world: World, name: string, skew: number) {
    this.#world = world;
    this.skew = skew;
    this.mesh.writer = `p${name}` as Writer;
  }

  get #now(): number {
    return this.#world.now + this.skew;
  }

  connect(): void {
    if (this.#member !== undefined) return;
    this.#near = new Session("client", 0);
    this.#far = new Session("hub", 0);
    const id = this.mesh.writer;
    this.#far.welcome(
      encode({
        type: "welcome", version: 1, call: "demo", participant: id, writer: id, person: "u1", name: id,
        role: "host", time: this.#world.now, resume: "", personProof: "", resource: null,
      }),
    );
    this.#member = this.#world.hub.join(id, this.#far, this.mesh.cursor, this.#world.now);
  }

  /** The link breaks; what was on its way is lost. */
  cut(): void {
    this.#member = undefined;
    this.#up = [];
    this.#down = [];
    this.mesh.linkLost();
  }

  set(key: string, value: Value): void {
    this.write([key], value);
  }

  /** One transaction, which may overlap others. */
  write(keys: readonly string[], value: Value): void {
    this.#look();
    if (value !== DELETED) this.#world.units.set(value as number, { client: this, keys });
    this.changes.push(...this.mesh.write(new Map([[STATE, new Map(keys.map((key) => [key, value]))]]), this.#now));
  }

  /** Write, and wait for what becomes of it. */
  setAndWait(key: string, value: Value): void {
    this.set(key, value);
    this.awaited.push({ key, value, receipt: this.mesh.receipt(STATE), stamp: this.mesh.entry(STATE, key)! });
  }

  /** Follow what is waited for, before the hub has taken it and before it is overtaken. */
  #look(): void {
    for (const awaited of this.awaited) {
      const entry = this.mesh.entry(STATE, awaited.key);
      if (this.mesh.statusOf(STATE, awaited.key) !== "pending" || entry?.writer !== this.mesh.writer) continue;
      if (entry.value === awaited.value || newer(awaited.stamp, entry)) awaited.stamp = entry;
    }
  }

  view(): Record<string, Json> {
    return Object.fromEntries(this.mesh.keys(STATE).map((key) => [key, this.mesh.value(STATE, key)!]));
  }

  // --- the link, one step at a time; each tells whether anything moved

  step(): boolean {
    return [this.send(), this.arrive(), this.answer(), this.hear()].includes(true);
  }

  /** The client hands a bundle to the link. */
  send(): boolean {
    if (this.#member === undefined) return false;
    for (const write of this.mesh.outgoing()) this.#near.put(encode(write));
    const parts = this.#near.take();
    if (parts.length > 0) this.#up.push(bundle(parts));
    return parts.length > 0;
  }

  /** The hub takes a bundle from the link. */
  arrive(): boolean {
    this.#look();
    const data = this.#up.shift();
    if (data === undefined || this.#member === undefined) return false;
    for (const message of this.#far.receive(data, this.#world.now)) {
      this.#world.hub.receive(this.#member, message, this.#world.now);
    }
    return true;
  }

  /** The hub hands a bundle to the link. */
  answer(): boolean {
    const data = this.#member && this.#world.hub.take(this.#member);
    if (data !== undefined) this.#down.push(data);
    return data !== undefined;
  }

  /** The client takes a bundle from the link. */
  hear(): boolean {
    const data = this.#down.shift();
    if (data === undefined) return false;
    this.received += data.length;
    for (const message of this.#near.receive(data, this.#now)) this.#act(message);
    this.#look();
    return true;
  }

  #act(message: Message): void {
    switch (message.type) {
      case "welcome":
        this.mesh.clock.setBy(message.time, this.#now);
        break;
      case "batch":
        this.changes.push(...this.mesh.batch(message, this.#now));
        break;
      case "saved":
        this.mesh.disk(message.cursor);
        break;
      case "denied":
        this.denials.push(message);
        this.changes.push(...this.mesh.deny(message, this.#now));
        break;
      default:
    }
  }
}
