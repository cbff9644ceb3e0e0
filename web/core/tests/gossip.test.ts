/** What participants tell each other without the hub: letters, and replicas that edit at random. */

import { webcrypto } from "node:crypto";

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { bundle, encode, unbundle } from "../src/codec.ts";
import { WireError } from "../src/errors.ts";
import { Exchange, GRACE, SETTLED } from "../src/exchange.ts";
import { CALL, HUB, presenceOf, resourceId, ROSTER, stateOf, type CallId, type ParticipantId, type StateId, type Writer } from "../src/ids.ts";
import { Layer, openLetter, signedBytes } from "../src/letters.ts";
import { Mesh, type Change } from "../src/mesh.ts";
import type { Batch, Letter, Message } from "../src/messages.ts";
import { Standings } from "../src/standing.ts";
import { DELETED, newer, type Entry, type Value } from "../src/state.ts";
import type { Json } from "../src/values.ts";
import { bytes, vectors } from "./vectors.ts";

interface Case {
  readonly about: string;
  readonly hex: string;
}
const data = vectors<{ call: string; key: string; good: Case[]; not_signed: Case[]; rubbish: Case[] }>("letters");
const ED25519 = { name: "Ed25519" };

function letterIn({ hex }: Case): Letter {
  const [letter] = unbundle(bundle([bytes(hex)]));
  return letter as Letter;
}

async function isSigned(letter: Letter, call = data.call): Promise<boolean> {
  const key = await webcrypto.subtle.importKey("raw", Buffer.from(data.key, "base64url"), ED25519, false, ["verify"]);
  return webcrypto.subtle.verify(ED25519, key, letter.signature, signedBytes(call as CallId, letter));
}

describe("letters", () => {
  test.each(data.good)("[E3] signed by its author: $about", async (vector) => {
    const letter = letterIn(vector);
    expect(openLetter(letter).author).toBe("p1");
    expect(await isSigned(letter)).toBe(true);
    expect(await isSigned(letter, "other")).toBe(false);
  });

  test.each(data.not_signed)("[E3] not signed: $about", async (vector) => {
    expect(await isSigned(letterIn(vector))).toBe(false);
  });

  test.each(data.rubbish)("[E5] rubbish, whoever has signed it: $about", (vector) => {
    expect(() => openLetter(letterIn(vector))).toThrow(WireError);
  });

  test("[E1] [E5] what is held depends on the keys that are written, each author within its room", () => {
    const layer = new Layer();
    const put = (author: string, number: number, ...keys: string[]): void => layer.put(openLetter(letterBy(author, number, keys)));
    for (let number = 0; number < 100; number++) put("pa", number, "x", `k${number % 3}`);
    expect(layer.size).toBe(3);
    put("pa", 5, "x", "k1");
    expect(layer.size).toBe(3);
    for (let number = 0; number < 2_005; number++) put("pb", number, `b${number}`);
    expect(layer.size).toBe(2_003);
    for (const held of [...layer]) layer.drop(held);
    expect([layer.size, layer.empty]).toEqual([0, true]);
  });
});

const R1 = resourceId("r1");
const STATE = stateOf(R1);
const START = 1_700_000_000_000_000;
const HOUR = 3_600_000_000;

function letterBy(author: string, number: number, keys: readonly string[]): Letter {
  const entries = keys.map((key): Entry => ({ key, time: START + number, writer: author as Writer, value: number }));
  const write = encode({ type: "write", groups: [{ state: STATE, entries, version: 0 }] });
  return { type: "letter", author, epoch: 1, open: true, write, signature: new Uint8Array(64) };
}

/** A hub that takes everything but "closed", of whoever signed it; signatures are their authors' names. */
class World {
  now = START;
  away = false;
  readonly peers: Peer[] = [];
  readonly #entries = new Map<string, { state: StateId; entry: Entry; number: number }>();
  #number = 0;

  constructor(letters: string) {
    const names = Array.from(letters);
    for (const name of names) {
      const person = { id: `p${name}`, person: `u${name}`, name, role: name === "a" ? "host" : "guest", offers: [], key: name };
      this.accept(ROSTER, { key: `p${name}`, time: START, writer: HUB, value: { ...person, here: true } });
    }
    this.accept(CALL, { key: "resource/r1", time: START, writer: HUB, value: { app: "notes", title: "N", owner: "ua" } });
    const rule = { key: "secret/*", write: ["everyone"], change: ["everyone"], read: ["host"] };
    this.accept("apps" as StateId, { key: "notes", time: START, writer: HUB, value: { version: 1, keys: [rule] } });
    names.forEach((name, index) => this.peers.push(new Peer(this, name, [0, HOUR, -HOUR][index % 3]!)));
    for (const peer of this.peers) peer.connect();
    for (const one of this.peers) for (const other of this.peers) if (one !== other) one.meet(other);
    this.gossip();
  }

  accept(state: StateId, entry: Entry): void {
    const old = this.#entries.get(`${state} ${entry.key}`);
    if (newer(entry, old?.entry)) this.#entries.set(`${state} ${entry.key}`, { state, entry, number: ++this.#number });
  }

  batch(cursor: number): Batch {
    const groups = [...this.#entries.values()]
      .filter(({ number }) => number > cursor)
      .map(({ state, entry }) => ({ state, entries: [entry], version: 0 }));
    return { type: "batch", cursor: this.#number, saved: this.#number, whole: cursor === 0, groups };
  }

  /** The hub hears a write, or a letter. */
  hear(from: Peer, message: Message): void {
    const groups = message.type === "write" ? message.groups : message.type === "letter" ? openLetter(message).writes.map(({ state, entry }) => ({ state, entries: [entry], version: 0 })) : [];
    const transactions = new Map<string, { state: StateId; entry: Entry }[]>();
    for (const { state, entries } of groups) {
      for (const entry of entries) {
        const stamp = `${entry.time} ${entry.writer}`;
        transactions.set(stamp, [...(transactions.get(stamp) ?? []), { state, entry }]);
      }
    }
    for (const transaction of transactions.values()) {
      const { entry } = transaction[0]!;
      const places = transaction.map(({ state, entry: { key } }) => [state, key] as const);
      if (!transaction.some(({ entry: { key } }) => key === "closed")) for (const written of transaction) this.accept(written.state, written.entry);
      else from.take({ type: "denied", reason: "no_right", why: "no", time: entry.time, writer: entry.writer, places, now: this.now });
    }
    for (const peer of this.peers) if (peer.linked) peer.take(this.batch(peer.mesh.cursor));
  }

  gossip(): void {
    for (let round = 0; round < 5; round++) {
      let moved = true;
      while (moved) moved = this.peers.map((peer) => [peer.tell(), peer.listen()].includes(true)).includes(true);
      this.now += 1_000_000;
    }
  }

  settle(): void {
    this.away = false;
    for (let round = 0; round < 4; round++) {
      for (const peer of this.peers) peer.connect();
      for (const peer of this.peers) peer.send();
      this.gossip();
    }
    this.now += SETTLED;
    for (const peer of this.peers) peer.changes.push(...peer.exchange.tick(this.now));
    this.gossip();
  }

  fall(): void {
    this.away = true;
    for (const peer of this.peers) peer.cut();
  }
}

class Peer {
  readonly mesh = new Mesh();
  readonly changes: Change[] = [];
  readonly standings = new Standings(this.mesh);
  readonly exchange = new Exchange("demo" as CallId, this.mesh, this.standings);
  readonly paths = new Map<Peer, Uint8Array[]>();
  readonly world: World;
  readonly name: string;
  readonly skew: number;
  linked = false;
  sent = 0;

  constructor(world: World, name: string, skew: number) {
    this.world = world;
    this.name = name;
    this.skew = skew;
    this.mesh.writer = `p${name}` as Writer;
    this.exchange.signs = true;
  }

  get id(): ParticipantId {
    return `p${this.name}` as ParticipantId;
  }

  get local(): number {
    return this.world.now + this.skew;
  }

  connect(): void {
    if (this.linked || this.world.away) return;
    this.linked = true;
    this.mesh.clock.setBy(this.world.now, this.local);
    this.exchange.welcome(this.id, this.world.now, this.world.now);
    this.take(this.world.batch(0));
  }

  cut(): void {
    this.linked = false;
    this.mesh.linkLost();
    this.exchange.linkLost(this.world.now);
  }

  take(message: Message): void {
    if (message.type === "denied") {
      const changes = this.exchange.denied(message);
      this.changes.push(...(changes ?? this.mesh.deny(message, this.local)));
    } else if (message.type === "batch") {
      this.changes.push(...this.mesh.batch(message, this.local));
      this.standings.follow({ state: CALL });
      this.exchange.roster(this.mesh.keys(ROSTER).map((key) => this.mesh.value(ROSTER, key) as never), message.whole);
      this.exchange.followed();
      this.exchange.linked(this.world.now);
    }
  }

  send(): void {
    if (!this.linked) return;
    const now = this.world.now;
    const first = this.exchange.carried(now, { first: true });
    for (const message of [...first, ...this.mesh.outgoing(), ...this.exchange.carried(now, { first: false })]) this.world.hear(this, message);
  }

  meet(other: Peer): void {
    if (this.paths.has(other)) return;
    this.paths.set(other, []);
    this.exchange.opened(other.id, this.world.now);
    other.meet(this);
  }

  part(other: Peer): void {
    if (!this.paths.delete(other)) return;
    this.exchange.closed(other.id, this.world.now);
    other.part(this);
  }

  write(keys: readonly string[], value: Value, state = STATE): void {
    this.changes.push(...this.mesh.write(new Map([[state, new Map(keys.map((key) => [key, value]))]]), this.local));
  }

  tell(): boolean {
    for (const draft of this.exchange.unsigned()) this.exchange.signed(draft, this.signature());
    const out = this.exchange.outgoing(this.world.now);
    for (const { to, data: piece } of out) {
      for (const message of unbundle(piece.slice(1))) if (message.type === "letter") this.sent++;
      this.world.peers.find(({ id }) => id === to)!.paths.get(this)?.push(piece);
    }
    return out.length > 0;
  }

  signature(): Uint8Array {
    return new Uint8Array(64).fill(this.name.charCodeAt(0));
  }

  listen(): boolean {
    for (const [from, path] of this.paths) {
      const piece = path.shift();
      if (piece === undefined) continue;
      this.hearFrom(from, piece);
      return true;
    }
    return false;
  }

  hearFrom(from: Peer, piece: Uint8Array): void {
    for (const held of this.exchange.hear(from.id, piece, this.world.now, this.local)) {
      const signed = held.letter.signature[0] === this.exchange.keyOf(held.author)?.charCodeAt(0);
      if (signed) this.changes.push(...this.exchange.admit(held));
    }
    this.changes.push(...this.exchange.voided());
  }

  view(state = STATE): Record<string, Json> {
    return Object.fromEntries(this.mesh.keys(state).sort().map((key): [string, Json] => [key, this.mesh.value(state, key)!]));
  }
}

/** What somebody sees who follows the change events and nothing else. */
function folded({ changes }: Peer): Record<string, Json> {
  const seen = new Map<string, Json>();
  for (const { keys, state } of changes) {
    if (state !== STATE) continue;
    for (const [key, changed] of keys) {
      expect(changed.old).toEqual(seen.get(key));
      if (changed.new === undefined) seen.delete(key);
      else seen.set(key, changed.new);
    }
  }
  return Object.fromEntries([...seen].sort());
}

const ACTIONS = ["write", "write", "write", "delete", "pair", "tell", "tell", "tell", "listen", "listen", "listen", "cut", "connect", "send", "send", "fall", "rise", "part", "meet", "late", "forge", "replay"] as const;

function schedules(actions: readonly (typeof ACTIONS)[number][]) {
  const step = fc.record({
    action: fc.constantFrom(...actions),
    peer: fc.nat(3),
    other: fc.nat(3),
    key: fc.constantFrom("a", "b", "c", "d"),
    pause: fc.nat(3_000),
  });
  return fc.array(step, { minLength: 1, maxLength: 150, size: "max" });
}
type Step = ReturnType<typeof schedules> extends fc.Arbitrary<(infer S)[]> ? S : never;

class Run {
  readonly world = new World("abcd");
  readonly #letters: Uint8Array[] = [];
  #value = 0;

  act({ action, peer: one, other: two, key, pause }: Step): void {
    const { world } = this;
    const [peer, other] = [world.peers[one]!, world.peers[two]!];
    world.now += pause;
    switch (action) {
      case "write":
        { peer.write([key], ++this.#value); return; }
      case "delete":
        { peer.write([key], DELETED); return; }
      case "pair":
        { peer.write(["x", "y"], ++this.#value); return; }
      case "tell":
        return void peer.tell();
      case "listen":
        for (const path of peer.paths.values()) this.#letters.push(...path);
        return void peer.listen();
      case "fall":
        { world.fall(); return; }
      case "rise":
        world.away = false;
        return;
      case "part":
        { peer.part(other); return; }
      case "meet":
        if (peer !== other) peer.meet(other);
        return;
      case "late":
        world.now += 3_000_000;
        for (const each of world.peers) each.changes.push(...each.exchange.tick(world.now));
        return;
      case "forge":
        { this.#bring(peer, other, bundle([encode({ ...letterBy(`p${"abcd"[(one + 1) % 4]!}`, world.now - START, ["a"]), signature: peer.signature() })])); return; }
      case "replay": {
        const letter = this.#letters[this.#value % Math.max(1, this.#letters.length)];
        if (letter !== undefined) this.#bring(peer, other, letter.slice(1));
        return;
      }
      default:
        peer[action]();
    }
  }

  #bring(peer: Peer, other: Peer, whole: Uint8Array): void {
    const piece = new Uint8Array(whole.length + 1).fill(1, 0, 1);
    piece.set(whole, 1);
    if (other.paths.has(peer)) other.hearFrom(peer, piece);
  }

  check(): void {
    for (const peer of this.world.peers) {
      const { x, y } = peer.view();
      expect(x, "half a transaction was seen").toBe(y);
      expect(peer.mesh.letters.size).toBeLessThanOrEqual(4 * 6);
    }
  }

  checkSame(): void {
    const [first, ...others] = this.world.peers;
    for (const other of others) expect(other.view()).toEqual(first!.view());
    for (const peer of this.world.peers) expect(folded(peer)).toEqual(peer.view());
  }
}

test("[E1] [E3] [E8] [S13] replicas that edit at random, with and without the hub, end in the same State", () => {
  fc.assert(
    fc.property(schedules(ACTIONS), (steps) => {
      const run = new Run();
      for (const step of steps) {
        run.act(step);
        run.check();
      }
      run.world.settle();
      run.checkSame();
      for (const { mesh } of run.world.peers) expect([mesh.letters.size, mesh.unsent, mesh.status(STATE)]).toEqual([0, 0, "synced"]);
    }),
    { numRuns: Number(process.env["SCHEDULES"] ?? 150) },
  );
});

test("[E1] they are in step while the hub is away", () => {
  const quiet = ["write", "write", "delete", "pair", "tell", "listen", "listen", "part", "meet", "forge", "replay"] as const;
  fc.assert(
    fc.property(schedules(quiet), (steps) => {
      const run = new Run();
      run.world.fall();
      for (const step of steps) run.act(step);
      for (const one of run.world.peers) for (const other of run.world.peers) if (one !== other) one.meet(other);
      run.world.gossip();
      run.checkSame();
      for (const { mesh } of run.world.peers) expect(mesh.status(STATE)).toBe("offline");
      run.world.settle();
      run.checkSame();
    }),
    { numRuns: 100 },
  );
});

describe("a call without its hub", () => {
  test("[E2] letters save nothing; [E8] what the hub denies goes", () => {
    const world = new World("abc");
    const [a, b, c] = world.peers as [Peer, Peer, Peer];
    world.fall();
    b.write(["x"], 1);
    b.write(["closed"], 1);
    const receipt = b.mesh.receipt(STATE);
    world.gossip();
    expect(a.view()).toEqual({ x: 1, closed: 1 });
    expect([b.mesh.statusOf(STATE, "x"), b.mesh.status(STATE), receipt.done]).toEqual(["pending", "offline", false]);
    a.write(["x"], 2);
    world.gossip();
    expect([b.view(), b.mesh.statusOf(STATE, "x")]).toEqual([{ x: 2, closed: 1 }, "pending"]);
    world.settle();
    expect(receipt.done).toBe(true);
    for (const peer of [a, b, c]) expect(peer.view()).toEqual({ x: 2 });
  });

  test("[E8] an author tells that something was denied, though others have no hub", () => {
    const world = new World("ab");
    const [a, b] = world.peers as [Peer, Peer];
    world.fall();
    b.write(["closed"], 1);
    world.gossip();
    expect(a.view()).toEqual({ closed: 1 });
    world.away = false;
    b.connect();
    b.send();
    world.gossip();
    expect([a.view(), a.exchange.away]).toEqual([{}, true]);
  });

  test("[E8] what was carried and is denied goes, and what nobody answers after a while", () => {
    const world = new World("ab");
    const [a, b] = world.peers as [Peer, Peer];
    world.fall();
    b.write(["x"], 1);
    b.write(["y"], 1);
    world.gossip();
    world.away = false;
    a.connect();
    const { time, writer } = a.mesh.entry(STATE, "x")!;
    a.take({ type: "denied", reason: "no_right", why: "no", time, writer, places: [[STATE, "x"]], now: world.now });
    expect(a.view()).toEqual({ y: 1 });
    world.now += SETTLED - 1;
    expect(a.exchange.tick(world.now)).toEqual([]);
    world.now += 1;
    expect(a.exchange.tick(world.now).map(({ keys }) => [...keys.keys()])).toEqual([["y"]]);
    expect(a.view()).toEqual({});
  });

  test("[E1] what the hub says was deleted stays so, whatever an older letter says", () => {
    const world = new World("ab");
    const [a, b] = world.peers as [Peer, Peer];
    b.cut();
    b.write(["x", "y"], 1);
    b.exchange.linkLost(world.now);
    a.cut();
    world.gossip();
    expect(a.view()).toEqual({ x: 1, y: 1 });
    world.accept(STATE, { key: "x", time: world.now + 1, writer: HUB, value: DELETED });
    a.linked = true;
    a.take(world.batch(a.mesh.cursor));
    expect(a.view()).toEqual({ y: 1 });
    a.take(world.batch(a.mesh.cursor));
    expect(a.view()).toEqual({ y: 1 });
  });

  test("[E4] what somebody may not read is not sent to them, nor handed on", () => {
    const world = new World("abc");
    const [a, b, c] = world.peers as [Peer, Peer, Peer];
    world.fall();
    b.write(["secret/1"], 1);
    world.gossip();
    expect([a.view(), c.view()]).toEqual([{ "secret/1": 1 }, {}]);
    a.write(["access/r1/uc"], "hidden", CALL);
    a.tell();
    a.write(["x"], 1);
    world.gossip();
    expect([b.view()["x"], c.view()["x"]]).toEqual([1, undefined]);
  });

  test("[E1] what one lacks comes by way of another; nobody is sent what they have", () => {
    const world = new World("abc");
    const [, b, c] = world.peers as [Peer, Peer, Peer];
    world.fall();
    b.part(c);
    b.write(["x"], 1);
    world.gossip();
    expect([c.view(), c.exchange.reached]).toEqual([{ x: 1 }, 2]);
    b.meet(c);
    world.gossip();
    const before = world.peers.reduce((sum, { sent }) => sum + sent, 0);
    for (let n = 0; n < 20; n++) {
      b.write([`k${n}`], n);
      world.gossip();
    }
    expect(world.peers.reduce((sum, { sent }) => sum + sent, 0) - before).toBeLessThanOrEqual(44);
  });

  test("[E6] who has the hub carries; what is about the call before what needs it", () => {
    const world = new World("abc");
    const [a, b] = world.peers as [Peer, Peer];
    world.fall();
    a.write(["resource/rn"], { app: "notes", title: "New", owner: "ua" }, CALL);
    a.write(["x"], 1);
    world.gossip();
    world.away = false;
    b.connect();
    const first = b.exchange.carried(world.now, { first: true });
    expect(first.map((letter) => openLetter(letter).writes[0]?.entry.key)).toEqual(["resource/rn"]);
    expect(b.exchange.carried(world.now, { first: false })).toEqual([]);
    world.now += 3_000_000;
    expect(b.exchange.carried(world.now, { first: false })).toEqual([]); // the roster says she is here
    expect(b.exchange.carries).toBe(true);
  });

  test.each([[], [2], [1], [1, 0xc1], [1, 0x91, 0x91, 0xa5, 0x6c, 0x65, 0x61, 0x76, 0x65]])("[E5] rubbish of a peer ends what is heard from it: %j", (...piece) => {
    const world = new World("abc");
    const [a, b, c] = world.peers as [Peer, Peer, Peer];
    world.fall();
    a.hearFrom(b, new Uint8Array(piece));
    b.write(["b"], 1);
    c.write(["c"], 1);
    for (const peer of [b, c]) peer.tell();
    for (let n = 0; n < 8; n++) a.listen();
    expect(a.view()).toEqual({ c: 1 });
  });

  test("[E5] what a peer sends is bounded", () => {
    const world = new World("ab");
    const [a, b] = world.peers as [Peer, Peer];
    world.fall();
    for (let n = 0; n < 100; n++) a.hearFrom(b, new Uint8Array(48 * 1024));
    b.write(["x"], 1);
    world.gossip();
    expect(a.view()).toEqual({});
  });

  test("[E5] another path gives nothing anew", () => {
    const world = new World("ab");
    const [a, b] = world.peers as [Peer, Peer];
    world.fall();
    for (let n = 0; n < 5; n++) {
      a.part(b);
      a.meet(b);
      for (let m = 0; m < 10_000; m++) a.hearFrom(b, new Uint8Array([1, ...bundle([])]));
    }
    b.write(["x"], 1);
    world.gossip();
    expect(a.view()).toEqual({});
    a.part(b);
    world.now += 10_000_000;
    a.meet(b);
    world.gossip();
    expect(a.view()).toEqual({ x: 1 });
  });

  test("[E5] who has many denied makes nobody forget what was denied of others", () => {
    const world = new World("abc");
    const [a, b, c] = world.peers as [Peer, Peer, Peer];
    world.fall();
    const letter = { ...letterBy("pb", world.now - START, ["x"]), signature: b.signature() };
    const { time, writer } = openLetter(letter).stamp;
    a.take({ type: "denied", reason: "no_right", why: "", time, writer, places: [[STATE, "x"]], now: world.now });
    for (let many = 0; many < 5; many++) {
      const stamps = Array.from({ length: 2_000 }, (_, n) => [2_000 * many + n, `pc.${(n % 7) + 1}`] as const);
      a.hearFrom(c, new Uint8Array([1, ...bundle([encode({ type: "void", stamps })])]));
    }
    a.hearFrom(b, new Uint8Array([1, ...bundle([encode(letter)])]));
    expect(a.mesh.entry(STATE, "x")).toBeUndefined();
  });

  test("[E5] nobody is driven ahead of the clock", () => {
    const world = new World("ab");
    const [a, b] = world.peers as [Peer, Peer];
    world.fall();
    for (const ahead of [6_000_000, 4_000_000]) {
      const letter = { ...letterBy("pb", world.now - START + ahead, ["x"]), signature: b.signature() };
      const whole = bundle([encode(letter)]);
      a.hearFrom(b, new Uint8Array([1, ...whole]));
    }
    expect(a.mesh.entry(STATE, "x")?.time).toBe(world.now + 4_000_000);
    expect(a.mesh.clock.seen).toBeLessThan(world.now);
    a.write(["x"], "mine");
    expect(a.view()).toEqual({ x: "mine" });
  });

  test("[E1] [P1] presence is in step too, each under its own id", () => {
    const world = new World("ab");
    const [a, b] = world.peers as [Peer, Peer];
    world.fall();
    const presence = presenceOf(R1);
    b.write(["pb/at"], 1, presence);
    b.write(["pa/at"], 2, presence);
    world.gossip();
    expect(a.view(presence)).toEqual({ "pb/at": 1 });
  });

  test("[E9] whom nobody reaches is lost after a while", () => {
    const world = new World("abc");
    const [a, b, c] = world.peers as [Peer, Peer, Peer];
    world.fall();
    a.part(c);
    world.gossip();
    world.now += 2 * GRACE;
    expect([...a.exchange.lost(world.now)]).toEqual([]);
    b.part(c);
    world.gossip();
    world.now += GRACE;
    expect([...a.exchange.lost(world.now)]).toEqual(["pc"]);
  });
});

test("[E8] however many were denied, all of it is told: a message has room for so many, the rest goes with the next", () => {
  const [one, other] = new World("ab").peers as [Peer, Peer];
  const stamps = Array.from({ length: 2_005 }, (_, number): [number, string] => [number + 1, one.mesh.writer]);
  const have = bundle([encode({ type: "have", away: false, reaches: [], held: stamps })]);
  one.exchange.hear(other.id, new Uint8Array([1, ...have]), one.world.now, one.local);
  for (const [time, writer] of stamps) {
    one.exchange.denied({ type: "denied", reason: "no_right", why: "no", time, writer, places: [], now: 0 });
  }
  const told: number[] = [];
  for (let round = 0; round < 3; round++) {
    for (const { data: piece } of one.exchange.outgoing(one.world.now)) {
      for (const message of unbundle(piece.slice(1))) if (message.type === "void") told.push(message.stamps.length);
    }
  }
  expect(told).toEqual([2_000, 5]);
});
