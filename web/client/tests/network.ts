/** Participants with streams over a network that a test owns: links to a hub that hands on, direct paths, time. */

import {
  bundle, type Delivery, encodeMessage, Session, type Message, type Mode, type ParticipantId, type ResourceId,
} from "@callmesh/core";

import { Streams } from "../src/streams.ts";

export const R1 = "r1" as ResourceId;

/** A generator of numbers from 0 to 1 that a seed decides (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One direction of a data channel: what is under way in it is a list. */
export class FakeChannel {
  readonly ordered: boolean;
  readonly maxRetransmits: number | null;
  readyState = "open";
  binaryType = "";
  bufferedAmountLowThreshold = 0;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onbufferedamountlow: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  far: FakeChannel | undefined;
  readonly label: string;
  readonly underWay: Uint8Array<ArrayBuffer>[] = [];

  constructor(label: string, mode: Mode) {
    this.label = label;
    this.ordered = mode === "reliable";
    this.maxRetransmits = mode === "reliable" ? null : 0;
  }

  get bufferedAmount(): number {
    return this.underWay.reduce((sum, data) => sum + data.length, 0);
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== "open") throw new Error("closed");
    this.underWay.push(data);
  }

  /** It closes, with what was under way; whoever has it is told. */
  break(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.underWay.length = 0;
    this.onclose?.();
  }

  close(): void {
    this.readyState = "closed";
    this.underWay.length = 0;
  }

  arrive(at: number): void {
    const [data] = this.underWay.splice(at, 1);
    if (data !== undefined) this.far?.onmessage?.({ data: data.slice().buffer });
    this.onbufferedamountlow?.();
  }
}

export class Node {
  readonly id: ParticipantId;
  readonly streams: Streams;
  readonly channels = new Set<{ readonly to: ParticipantId; readonly channel: FakeChannel }>();
  /** What was said through control channels and is under way. */
  readonly words: { readonly to: ParticipantId; readonly data: Uint8Array }[] = [];
  session: Session | undefined;
  far: Session | undefined;
  stalled = false;
  /** It sees nobody, as after a hub that has begun anew. */
  blind = false;
  sent = 0;
  readonly #network: Network;

  constructor(network: Network, id: ParticipantId) {
    this.id = id;
    this.#network = network;
    this.streams = new Streams(
      {
        here: () => (this.blind ? [] : [...network.nodes.keys()].filter((peer) => peer !== id)),
        isHidden: () => false,
        path: (peer) => (network.isDirect(id, peer) ? "direct" : "relay"),
        open: (peer, label, how) => this.#open(peer, label, how),
        tell: (peer, message) => {
          if (network.isDirect(id, peer)) this.words.push({ to: peer, data: bundle([encodeMessage(message)]) });
        },
        flush: () => undefined,
        now: () => network.now,
        after: () => () => undefined,
        soon: queueMicrotask,
      },
      network.mesh,
    );
  }

  #open(peer: ParticipantId, label: string, { mode }: Delivery): RTCDataChannel | undefined {
    if (!this.#network.isDirect(this.id, peer)) return undefined;
    const channel = new FakeChannel(label, mode);
    const far = new FakeChannel(label, mode);
    channel.far = far;
    this.channels.add({ to: peer, channel });
    this.#network.nodes.get(peer)?.streams.accept(this.id, far as unknown as RTCDataChannel);
    return channel as unknown as RTCDataChannel;
  }

  /** It sees nobody, or everybody again. */
  blink(blind: boolean): void {
    if (blind && !this.blind) for (const peer of this.#network.nodes.keys()) if (peer !== this.id) this.streams.part(peer, true);
    this.blind = blind;
    this.streams.follow();
  }

  // --- the link

  link(): void {
    this.session = new Session("client", 0);
    this.far = new Session("hub", 0);
    const welcome = encodeMessage({
      type: "welcome", version: 1, call: "c", participant: this.id, writer: this.id, person: "u1", name: "A", role: "host",
      time: 0, resume: "", personProof: "", resource: null,
    }); // prettier-ignore
    this.far.welcome(welcome);
    this.session.receive(bundle(this.far.take()), 0);
    this.streams.linkBack();
  }

  /** It breaks, with what was under way. */
  cut(): void {
    this.session = this.far = undefined;
    this.streams.linkLost();
  }

  up(): boolean {
    const { session, far } = this;
    if (session === undefined || far === undefined || this.stalled) return false;
    this.streams.fill(session);
    if (!session.hasOutput) return false;
    for (const message of far.receive(bundle(session.take()), 0)) this.#network.handOn(this, message);
    return true;
  }

  down(): boolean {
    const { session, far } = this;
    if (session === undefined || far?.hasOutput !== true || this.stalled) return false;
    for (const message of session.receive(bundle(far.take()), 0)) {
      if (message.type === "stream") this.streams.receive(message);
      else if (message.type === "taken") this.streams.heard(message);
    }
    return true;
  }

  direct(random: () => number, loss: number): boolean {
    const word = this.words.shift();
    if (word !== undefined) {
      this.#network.nodes.get(word.to)?.streams.told(this.id, word.data);
      return true;
    }
    const ways = [...this.channels].filter(
      ({ to, channel }) => channel.underWay.length > 0 && this.#network.nodes.get(to)?.stalled === false,
    );
    const way = ways[Math.floor(random() * ways.length)];
    if (way === undefined) return false;
    const { channel } = way;
    const at = channel.ordered ? 0 : Math.floor(random() * Math.min(3, channel.underWay.length));
    if (!channel.ordered && random() < loss) channel.underWay.splice(at, 1);
    else channel.arrive(at);
    return true;
  }
}

export class Network {
  readonly nodes = new Map<ParticipantId, Node>();
  readonly mesh: number;
  now = 1_000_000;
  readonly #direct = new Set<string>();
  readonly #random: () => number;

  constructor(count: number, random: () => number, mesh = 8) {
    this.mesh = mesh;
    this.#random = random;
    for (let n = 1; n <= count; n++) {
      const id = `p${n}` as ParticipantId;
      this.nodes.set(id, new Node(this, id));
    }
    for (const node of this.nodes.values()) {
      node.link();
      node.streams.follow();
    }
  }

  get all(): Node[] {
    return [...this.nodes.values()];
  }

  /** One leaves, and all see it. */
  leave(node: Node): void {
    this.nodes.delete(node.id);
    for (const { streams } of this.nodes.values()) streams.part(node.id);
  }

  isDirect(one: ParticipantId, other: ParticipantId): boolean {
    return this.#direct.has([one, other].sort().join());
  }

  connect(one: Node, other: Node): void {
    this.#direct.add([one.id, other.id].sort().join());
    one.streams.pathChanged(other.id);
    other.streams.pathChanged(one.id);
  }

  break(one: Node, other: Node): void {
    this.#direct.delete([one.id, other.id].sort().join());
    for (const [node, peer] of [[one, other], [other, one]] as const) {
      node.words.splice(0, node.words.length, ...node.words.filter(({ to }) => to !== peer.id));
      for (const way of [...node.channels]) {
        if (way.to !== peer.id) continue;
        node.channels.delete(way);
        way.channel.break();
      }
    } // prettier-ignore
    one.streams.pathChanged(other.id);
    other.streams.pathChanged(one.id);
  }

  /** What the hub does with what a participant sends: nothing is kept for who is not there. */
  handOn(from: Node, message: Message): void {
    if (message.type !== "stream" && message.type !== "taken") return;
    const to = message.peers.length > 0 ? message.peers : [...this.nodes.keys()];
    const encoded = encodeMessage({ ...message, peers: [from.id] });
    if (message.type === "stream") {
      from.sent++;
      from.far?.relayed(message.payload.length);
    }
    for (const id of to) {
      const { far } = this.nodes.get(id as ParticipantId) ?? {};
      if (id === from.id || far === undefined) continue;
      if (message.type === "stream" && message.mode === "reliable") far.put(encoded);
      else far.putLatest(`${message.type} ${from.id} ${message.name} ${"part" in message ? message.part : ""}`, encoded);
    }
  }

  tick(): void {
    this.now += 500_000;
    for (const node of this.all) if (!node.stalled) node.streams.tick();
  }

  async happen(loss: number): Promise<void> {
    const node = this.all[Math.floor(this.#random() * this.nodes.size)] as Node;
    const act = Math.floor(this.#random() * 3);
    if (act === 0) node.up();
    else if (act === 1) node.down();
    else node.direct(this.#random, loss);
    await Promise.resolve();
  }

  /** Everything that is under way arrives, again and again while time passes. */
  async settle(turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      for (let moved = true; moved; ) {
        moved = false;
        for (const node of this.all) {
          while (node.up() || node.down() || node.direct(this.#random, 0)) {
            moved = true;
            await Promise.resolve();
          }
        }
        for (let n = 0; n < 10; n++) await Promise.resolve();
      }
      this.tick();
    }
  }
}
