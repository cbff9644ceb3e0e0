/** A hub and its clients in one thread, with links that a test steps, cuts and stalls by hand. */

import { AHEAD, FOLLOWING } from "../src/clock.ts";
import { isVolatile, resourceId, stateOf, type ParticipantId, type PersonId, type Writer } from "../src/ids.ts";
import type { Kept } from "../src/ledger.ts";
import { LedgerHub, MemoryLink, type HubRules } from "../src/memory.ts";
import { Mesh, type Change } from "../src/mesh.ts";
import type { Denial, Message } from "../src/messages.ts";
import type { Receipt } from "../src/receipt.ts";
import { DELETED, newer, type Stamp, type Value } from "../src/state.ts";
import type { Written } from "../src/transactions.ts";
import type { Json } from "../src/values.ts";

export const STATE = stateOf(resourceId("r1"));
export const START = 1_700_000_000_000_000;
/** How many numbers a start and a commit set aside: none that was lost in a crash is used again. */
const BLOCK = 2 ** 28;

type Taken = Pick<Written, "state" | "entry">;

/** Everything is taken, but for the key "closed". */
function rules(world: World): HubRules {
  return {
    now: () => world.now,
    refusal: (_, transaction) => {
      if (transaction.some(({ entry }) => entry.key === "closed")) return ["no_right", "no_right"];
      const latest = Math.max(world.now + AHEAD, world.hub.ledger.seen + FOLLOWING);
      return transaction.some(({ entry }) => entry.time > latest) ? ["clock_ahead", "clock_ahead"] : undefined;
    },
    taken: (written) => void world.taken.push(written),
    sees: () => true,
  };
}

/** The hub's side: a call over a disk that survives its crashes. */
export class World {
  now = START;
  hub: LedgerHub;
  readonly clients: Client[] = [];
  /** How many values were written. */
  values = 0;
  /** By value, who wrote it and with it all the keys of a transaction. */
  readonly units = new Map<number, { readonly client: Client; readonly keys: readonly string[] }>();
  /** Every write that the hub ever took. */
  readonly taken: Taken[] = [];
  /** The largest stamp of a tombstone that was let go of, per key. */
  readonly collected = new Map<string, Stamp>();
  #disk: Kept = { records: [], reserved: 0 };

  constructor() {
    this.hub = this.#start();
  }

  /** Numbers are set aside before the first is given out, or two crashes in a row would use some twice. */
  #start(): LedgerHub {
    const kept = this.#disk;
    this.#disk = { records: kept.records, reserved: kept.reserved + BLOCK };
    return new LedgerHub(kept, rules(this));
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
  readonly #link: MemoryLink;

  constructor(world: World, name: string, skew: number) {
    this.#world = world;
    this.skew = skew;
    this.mesh.writer = `p${name}` as Writer;
    this.#link = new MemoryLink({ mesh: this.mesh, now: () => this.#now, hear: (message) => this.#act(message) });
  }

  get #now(): number {
    return this.#world.now + this.skew;
  }

  connect(): void {
    const id = this.mesh.writer as string as ParticipantId;
    this.#link.connect(this.#world.hub, { id, person: "u1" as PersonId, name: id, role: "host", offers: [], here: true });
  }

  /** The link breaks; what was on its way is lost. */
  cut(): void {
    this.#link.cut();
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

  send(): boolean {
    return this.#link.send();
  }

  arrive(): boolean {
    this.#look();
    return this.#link.arrive();
  }

  answer(): boolean {
    return this.#link.answer();
  }

  hear(): boolean {
    const size = this.#link.hear();
    this.received += size;
    this.#look();
    return size > 0;
  }

  #act(message: Message): void {
    switch (message.type) {
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
