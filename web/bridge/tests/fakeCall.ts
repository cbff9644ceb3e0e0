/** A call without a network: a replica of its own, and a hub that answers when the test says so. */

import {
  APPS, CALL, DELETED, HUB, keyOf, Listeners, newer, Replica, ResourceCache, ROSTER, tooMany, type Capability, type Delivery, type Entry, type messages,
  type Mode, type ParticipantId, type Payload, type PersonId, type Reach, type ResourceId, type StateId, type Value, type Writer,
} from "@callmesh/core";

import type { CourierHost, StreamConsumer, StreamHandle } from "../src/host.ts";
import { hostOver, type CallInMemory } from "../src/hostOver.ts";
import { FakeAway } from "./fakeAway.ts";

export const RESOURCE = "r1" as ResourceId;
export const ME = { id: "p1", person: "u1", name: "Ada", role: "host", offers: [], here: true } as const;

export interface Sent {
  readonly name: string;
  readonly mode: Mode;
  readonly payload: Payload;
  readonly to: readonly ParticipantId[] | undefined;
}

export class FakeCall implements CallInMemory {
  readonly me = { ...ME, id: ME.id as string as ParticipantId, person: ME.person as string as PersonId };
  readonly callId = "demo";
  readonly resource = RESOURCE;
  time = 1_700_000_000_000_000;
  readonly replica = new Replica({ now: () => this.time, after: () => () => undefined, flush: () => undefined });
  /** Those that frames have open, by name. */
  readonly consumers = new Map<string, StreamConsumer>();
  /** How many of them there may be. */
  most = 100;
  /** What frames did with their streams. */
  readonly done: string[] = [];
  readonly reach = new Map<ParticipantId, Reach>();
  readonly deliveries = new Map<string, Delivery>();
  readonly links = new Listeners<undefined>();
  link = "joined";
  readonly away = new FakeAway();
  readonly cache = new ResourceCache();
  readonly sent: Sent[] = [];
  /** What frames have asked the hub to fetch, and what comes of it. */
  readonly fetched: messages.Fetch[] = [];
  answer: Partial<messages.Fetched> = {};
  fetches: Promise<unknown> = Promise.resolve();
  /** Which version of its state the resource has, as far as a test plays the hub. */
  version = 1;
  /** What sending waits for. */
  room: Promise<void> = Promise.resolve();
  #hub = new Map<string, { state: StateId; entry: Entry }>();
  #cursor = 0;
  #frames = 0;

  constructor() {
    this.replica.mesh.writer = ME.id as string as Writer;
    this.hubWrites(CALL, { [keyOf(RESOURCE)]: { app: "poll", title: "Poll", owner: ME.person, added: 1 } }, { whole: true });
    this.hubWrites(ROSTER, { [ME.id]: ME });
    this.ask("streams", "files", "participants", "fetch");
  }

  get host(): CourierHost {
    return hostOver(this);
  }

  now(): number {
    return this.time;
  }

  writer(): Writer {
    return `${ME.id}.${++this.#frames}` as Writer;
  }

  async fetch(wish: messages.Fetch): Promise<messages.Fetched> {
    this.fetched.push(wish);
    await this.fetches;
    return { type: "fetched", number: wish.number, status: 200, headers: [], body: new Uint8Array(), code: "", reason: "", why: "", ...this.answer };
  }

  openStream(name: string, how: Delivery, consumer: StreamConsumer): StreamHandle {
    if (this.consumers.size >= this.most) throw tooMany(this.most);
    this.consumers.set(name, consumer);
    this.deliveries.set(name, how);
    const { mode } = how;
    const note = (what: string): void => void this.done.push(`${name} ${what}`);
    return {
      send: ({ json, payload }, to) => {
        this.sent.push({ name, mode, payload: { json, payload }, to });
        return this.room;
      },
      end: () => {
        note("end");
        return Promise.resolve();
      },
      turned: () => undefined,
      reach: () => ({ settled: true, peers: this.reach }),
      close: () => void this.consumers.delete(name),
    };
  }

  /** The call's link to the hub breaks. */
  cut(): void {
    this.replica.mesh.linkLost();
    this.#turn("reconnecting");
  }

  /** It is back: the hub tells what there is. */
  comeBack(): void {
    this.resync();
    this.#turn("joined");
  }

  #turn(link: string): void {
    this.link = link;
    this.links.tell(undefined);
  }

  /** What the call has sent to the hub by now, which has not answered. */
  outgoing(): messages.Group[] {
    return this.replica.mesh.outgoing().flatMap(({ groups }) => groups);
  }

  /** The hub takes everything that was sent; saved unless told otherwise. */
  accept(groups = this.outgoing(), { saved = true } = {}): void {
    this.#cursor++;
    for (const { state, entries } of groups) for (const entry of entries) this.#put(state, entry);
    this.#tell(groups, { saved, whole: false });
  }

  /** The hub takes none of it. */
  denyAll(groups: readonly messages.Group[], reason: string): void {
    const entries = groups.flatMap((group) => group.entries);
    const { time, writer } = entries[0] as Entry;
    const places = groups.flatMap(({ state, entries: own }) => own.map(({ key }) => [state, key] as const));
    this.replica.hear({ type: "denied", reason, why: reason, time, writer, places, now: time });
  }

  /** The hub says that its disk has all. */
  save(): void {
    this.replica.hear({ type: "saved", cursor: this.#cursor });
  }

  deny(groups = this.outgoing()): void {
    for (const { state, entries } of groups) {
      for (const { key, time, writer } of entries) {
        const places = [[state, key] as const];
        this.replica.hear({ type: "denied", reason: "no_right", why: "not yours", time, writer, places, now: time });
      }
    }
  }

  /** Somebody else writes, by way of the hub. */
  hubWrites(state: StateId, values: Record<string, Value>, { whole = false } = {}): void {
    this.time += 1_000;
    const entries = Object.entries(values).map(([key, value]): Entry => ({ key, value, time: this.time, writer: HUB }));
    this.#cursor++;
    for (const entry of entries) this.#put(state, entry);
    this.#tell([{ state, entries, version: 0 }], { saved: true, whole });
  }

  /** What a later hub has there, and nobody here can read. */
  hubWritesRubbish(state: StateId, key: string): void {
    this.time += 1_000;
    this.#cursor++;
    const entries = [{ key, value: DELETED, time: this.time, writer: HUB, unreadable: "bytes are no value" } as const];
    this.#tell([{ state, entries, version: 0 }], { saved: true, whole: false });
  }

  /** The app's manifest asks for these and nothing else. */
  ask(...capabilities: Capability[]): void {
    this.hubWrites(APPS, { poll: { version: 1, keys: [], capabilities } });
  }

  /** The hub starts over: a whole batch of what it has. */
  resync(): void {
    this.#cursor++;
    const groups = [...this.#hub.values()].map(({ state, entry }) => ({ state, entries: [entry], version: 0 }));
    this.#tell(groups.filter(({ entries: [entry] }) => entry?.value !== DELETED), { saved: true, whole: true });
  }

  #put(state: StateId, entry: Entry): void {
    const place = `${state}\n${entry.key}`;
    if (newer(entry, this.#hub.get(place)?.entry)) this.#hub.set(place, { state, entry });
  }

  #tell(groups: readonly messages.Group[], { saved, whole }: { saved: boolean; whole: boolean }): void {
    const cursor = this.#cursor;
    this.replica.hear({ type: "batch", cursor, saved: saved ? cursor : cursor - 1, whole, groups });
  }
}
