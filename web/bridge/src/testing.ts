/** For the tests of apps, `callmesh/testing`: a call in memory, whose links a test cuts and holds up. */

import {
  accessKey, APPS, CALL, DELETED, displayName, isVolatile, keyOf, LedgerHub, presenceOf, ROLES, stateOf, TimedOut, type Access, type Json, type Kept, type Participant, type ParticipantId, type PersonId,
  ROSTER, type ResourceId, type Role, type Value,
} from "@callmesh/core";

import type { Handlers } from "./frame.ts";
import { defaultsOf, MemoryRights, toldOf, type Manifest } from "./memoryRights.ts";
import { Seat } from "./memorySeat.ts";
import { MemoryStreams } from "./memoryStreams.ts";
import type { Resource } from "./resource.ts";
import { after, now } from "./runtime.ts";

export type { Manifest } from "./memoryRights.ts";

/** How many numbers a start sets aside: none that was lost is used again. */
const BLOCK = 2 ** 28;
const RESOURCE = "r1" as ResourceId;
const APP: Manifest = { id: "app", name: "App", version: "1", capabilities: ["streams", "files", "participants", "fetch"] };

export interface MemoryHubOptions {
  /** The app's `manifest.json`. Without it: an app that asks for everything and has no key rules. */
  readonly manifest?: Manifest;
  /** Decides whose message comes first; without it each comes at once. */
  readonly seed?: number;
}

export interface JoinOptions<S extends object = Record<string, Json>> {
  /** `host` unless said. */
  readonly role?: Role;
  /** Who it is; somebody new unless said. */
  readonly person?: string;
  /** What the app gives to `connect`. */
  readonly handlers?: Handlers<S>;
}

/**
 * A call without a network, under the rules of every hub, about one resource of one app.
 *
 * Each link keeps its order, as every link does; a `seed` decides whose message comes first.
 */
export class MemoryHub {
  readonly seed: number | undefined;
  readonly #manifest: Manifest;
  readonly #rights: MemoryRights;
  readonly #streams: MemoryStreams;
  readonly #seats = new Map<ParticipantId, Seat>();
  #hub: LedgerHub;
  #kept: Kept = { records: [], reserved: 0 };
  #count = 0;
  #turn = 0;
  #next: (() => void) | undefined;

  constructor({ manifest = APP, seed }: MemoryHubOptions = {}) {
    this.seed = seed;
    this.#manifest = manifest;
    this.#rights = new MemoryRights(() => this.#hub, manifest);
    this.#streams = new MemoryStreams(
      () => this.#seats.values(),
      () => this.#soon(),
    );
    this.#hub = this.#start();
  }

  /** Numbers are set aside before the first is given out. */
  #start(): LedgerHub {
    const kept = this.#kept;
    this.#kept = { records: kept.records, reserved: kept.reserved + BLOCK };
    const hub = new LedgerHub(kept, {
      now,
      refusal: (me, transaction) => this.#rights.refusal(me, transaction),
      taken: ({ state }) => state === CALL && this.#rightsChanged(),
      sees: (me, state, entry) => this.#rights.sees(me, state, entry),
    });
    hub.write(APPS, this.#manifest.id, toldOf(this.#manifest));
    return hub;
  }

  // --- who is there

  /** Somebody comes, at any time. Resolves to what `connect()` gives the app there. */
  async join<S extends object = Record<string, Json>>(name: string, options: JoinOptions<S> = {}): Promise<Resource<S>> {
    const { role = "host", handlers = {} } = options;
    const number = ++this.#count;
    const person = (options.person ?? `u${number}`) as PersonId;
    const me: Participant = { id: `p${number}` as ParticipantId, person, name: displayName(name), role, offers: ["rtc"], here: true };
    const adder = this.#hub.ledger.state(CALL).entries.get(keyOf(RESOURCE)) === undefined;
    if (adder) this.#add(person);
    const chance = this.seed === undefined ? () => 0 : chances(this.seed * 1_000 + number);
    const seat: Seat = new Seat({
      me, adder, chance, resource: RESOURCE, stateVersion: this.#manifest.state?.version ?? 1,
      openStream: (...how) => this.#streams.open(...how),
      flush: () => this.#soon(),
    }); // prettier-ignore
    this.#seats.set(me.id, seat);
    seat.connect(this.#hub);
    this.#soon();
    await until(() => seat.replica.mesh.linked);
    const resource = await seat.open(handlers as unknown as Handlers);
    this.#streams.seatsChanged();
    return resource as unknown as Resource<S>;
  }

  /** They leave for good. */
  leave(...who: readonly Pick<Resource, "me">[]): void {
    for (const seat of this.#those(who)) {
      seat.close();
      this.#seats.delete(seat.me.id);
      this.#forget(seat.me.id);
    }
    this.#streams.seatsChanged();
    this.#soon();
  }

  #forget(id: ParticipantId): void {
    const state = presenceOf(RESOURCE);
    for (const { key } of [...this.#hub.ledger.state(state).live()]) if (key.startsWith(`${id}/`)) this.#hub.write(state, key, DELETED);
    this.#hub.write(ROSTER, id, DELETED);
  }

  /** The app of one is loaded anew, as by a reload: what is in the cache stays. Resolves to what `connect()` gives then. */
  async reload<S extends object = Record<string, Json>>(who: Pick<Resource<S>, "me">, handlers: Handlers<S> = {}): Promise<Resource<S>> {
    const [seat] = this.#those([who]);
    return (await seat?.reopen(handlers as unknown as Handlers)) as unknown as Resource<S>;
  }

  // --- the links

  /** Those have no way to the hub, and know it, until what this resolves to is called: then they come back by themselves. */
  async partition(...who: readonly Pick<Resource, "me">[]): Promise<() => void> {
    const seats = this.#those(who);
    for (const seat of seats) {
      seat.isCut = true;
      this.#cut(seat);
    }
    await until(() => !seats.some((seat) => seat.isLate));
    return () => {
      for (const seat of seats) {
        seat.isCut = false;
        if (this.#seats.has(seat.me.id)) seat.connect(this.#hub);
      }
      this.#soon();
    };
  }

  /** Nothing that the hub says reaches those until what this gives is called; what they say does reach it. */
  slow(...who: readonly Pick<Resource, "me">[]): () => void {
    const seats = this.#those(who);
    for (const seat of seats) seat.isSlow = true;
    return () => {
      for (const seat of seats) seat.isSlow = false;
      this.#soon();
    };
  }

  /** Stop the hub, and start it anew over what it has saved; links are cut and come back. */
  restart(): void {
    for (const seat of this.#seats.values()) seat.cut();
    this.#hub = this.#start();
    this.#rights.changed();
    for (const seat of this.#seats.values()) if (!seat.isCut) seat.connect(this.#hub);
    this.#soon();
  }

  #cut(seat: Seat): void {
    seat.cut();
    this.#hub.write(ROSTER, seat.me.id, { ...seat.me, here: false });
    this.#soon();
  }

  #those(who: readonly Pick<Resource, "me">[]): Seat[] {
    return who.map(({ me }) => {
      const seat = this.#seats.get(me.id);
      if (seat === undefined) throw new TypeError(`${me.name} is not in this call: give what join() of this hub resolved to`);
      return seat;
    });
  }

  // --- what hosts do

  /** What a role or a person may do with the resource; undefined: as their role says. */
  setAccess(who: Role | PersonId, access: Access | undefined): void {
    this.#write(accessKey(RESOURCE, who), access ?? DELETED);
  }

  /** Make a person something else. */
  setRole(person: PersonId, role: Role): void {
    for (const { me, way } of this.#seats.values()) {
      if (me.person !== person) continue;
      if (way.member !== undefined) way.member.me = { ...way.member.me, role };
      this.#hub.write(ROSTER, me.id, { ...me, role });
    }
    this.#rightsChanged();
    this.#soon();
  }

  /** Take the resource out of the call. */
  remove(): void {
    this.#write(keyOf(RESOURCE), DELETED);
  }

  #add(owner: PersonId): void {
    const { id, name, access } = this.#manifest;
    this.#write(keyOf(RESOURCE), { app: id, title: name, owner, added: now() });
    for (const role of ROLES) {
      const given = role === "host" ? undefined : access?.[role];
      if (given !== undefined) this.#write(accessKey(RESOURCE, role), given);
    }
    if (access?.guest !== undefined || access?.observer !== undefined) this.#write(accessKey(RESOURCE, owner), "edit");
    for (const [key, value] of defaultsOf(this.#manifest)) this.#hub.write(stateOf(RESOURCE), key, value);
  }

  #write(key: string, value: Value): void {
    this.#hub.write(CALL, key, value);
    this.#rightsChanged();
    this.#soon();
  }

  /** Who may see what may be another: all are told everything anew. */
  #rightsChanged(): void {
    this.#rights.changed();
    this.#hub.rightsChanged();
  }

  // --- turns

  #soon(): void {
    this.#next ??= after(0, () => this.#take());
  }

  /** One turn: what is due arrives, in the order of its moments. While apps talk to their pages, it waits. */
  #take(): void {
    this.#next = undefined;
    const seats = [...this.#seats.values()];
    if (seats.some((seat) => seat.isTalking)) {
      this.#soon();
      return;
    }
    const turn = ++this.#turn;
    const due = seats.flatMap((seat) => [...seat.arriving(turn)]);
    for (const { act } of due.sort((one, other) => one.at - other.at)) act();
    this.#streams.step();
    this.#save();
    if (this.#isMoving) this.#soon();
  }

  #save(): void {
    const { ledger } = this.#hub;
    if (ledger.saved === ledger.number) return;
    const records = ledger.since(0).filter(({ state }) => !isVolatile(state));
    this.#kept = { records, reserved: Math.max(this.#kept.reserved, ledger.number + BLOCK) };
    ledger.saveUpTo(ledger.number);
  }

  get #isMoving(): boolean {
    return this.#streams.isBusy || [...this.#seats.values()].some(({ way, isSlow }) => (isSlow ? way.up > 0 : way.isBusy));
  }

  /**
   * Wait until all who have a way to the hub are in step with it, all is saved, and all streams have come.
   *
   * Rejects with `TimedOut`, which names who is not.
   */
  async settled({ timeout = 10_000 }: { readonly timeout?: number } = {}): Promise<void> {
    const names = (): string => [...this.#seats.values()].flatMap((seat) => (seat.isLate ? [seat.me.name] : [])).join(", ");
    const done = (): boolean => names() === "" && !this.#streams.isBusy && this.#hub.ledger.saved === this.#hub.ledger.number;
    // Twice in a row: between two looks everything that was just begun shows.
    await until(done, timeout, () => `not in step after ${timeout / 1_000} s: ${names()}`);
    await pause();
    await until(done, timeout, () => `not in step after ${timeout / 1_000} s: ${names()}`);
  }

  /** Everybody leaves. Twice is fine. */
  close(): void {
    this.leave(...[...this.#seats.values()]);
    this.#next?.();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    after(1, resolve);
  });
}

async function until(done: () => boolean, timeout = 10_000, why = (): string => "the hub does not answer"): Promise<void> {
  const end = now() + timeout * 1_000;
  while (!done()) {
    if (now() > end) throw new TimedOut(why());
    await pause();
  }
}

/** Numbers from 0 up to 1, the same for the same seed: mulberry32. */
function chances(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
