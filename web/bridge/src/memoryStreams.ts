/** Streams between participants in memory: each reader has a lane per sender, as by way of a hub's relay. */

import { EndedByPeer, HIGH_WATER, type Delivery, type End, type ParticipantId, type Payload, type Reach, type Whole } from "@callmesh/core";

import type { StreamConsumer, StreamHandle } from "./host.ts";

/** A participant, as far as streams care. */
export interface StreamSeat {
  readonly me: { readonly id: ParticipantId };
  /** Whether nothing comes from it and goes to it; whether nothing comes to it. */
  readonly isCut: boolean;
  readonly isSlow: boolean;
}

interface Post {
  readonly what: Whole | End;
  readonly size: number;
  readonly done: () => void;
}

/** What is on its way from one sender to one reader. */
interface Lane {
  readonly sender: Opened;
  readonly posts: Post[];
  size: number;
  /** Whether something has come, and whether it was all. */
  heard: boolean;
  ended: boolean;
}

/** A stream that somebody has open. */
interface Opened {
  readonly seat: StreamSeat;
  readonly name: string;
  readonly how: Delivery;
  readonly consumer: StreamConsumer;
  readonly lanes: Map<Opened, Lane>;
  readonly kept: Whole[];
  number: number;
}

const NO_MORE = "the sender did not end this stream, and sends no more";
const UNCOUNTED = {
  sent: 0, received: 0, roundTrip: undefined, resent: 0, dropped: 0, lost: 0, late: 0, loss: 0, messagesSent: 0, messagesReceived: 0,
  sentRate: 0, receivedRate: 0, messagesSentRate: 0, messagesReceivedRate: 0,
} as const; // prettier-ignore

export class MemoryStreams {
  readonly #opened = new Set<Opened>();
  readonly #seats: () => Iterable<StreamSeat>;
  readonly #flush: () => void;

  /** `seats` are all who are in the call; `flush` is told that something waits for a step. */
  constructor(seats: () => Iterable<StreamSeat>, flush: () => void) {
    this.#seats = seats;
    this.#flush = flush;
  }

  open(seat: StreamSeat, name: string, how: Delivery, consumer: StreamConsumer): StreamHandle {
    const opened: Opened = { seat, name, how, consumer, lanes: new Map(), kept: [], number: 0 };
    this.#opened.add(opened);
    for (const other of this.#others(opened)) {
      for (const { sender, ended } of other.lanes.values()) if (sender.seat === seat && ended) other.consumer.began(seat.me.id);
      for (const whole of other.kept) void this.#put(opened, other, whole, whole.payload.length);
    }
    this.#reached(opened);
    return {
      send: (payload, to) => this.#send(opened, payload, to),
      end: async () => {
        const end = { sender: seat.me.id, why: undefined };
        await Promise.all(this.#others(opened).map((other) => this.#put(other, opened, end, 0)));
      },
      turned: () => {
        this.#reached(opened);
        this.#flush();
      },
      reach: () => ({ settled: true, peers: this.#reach(opened) }),
      close: () => this.#close(opened),
    };
  }

  /** The same stream, as others have it open. */
  #others({ seat, name, how }: Opened): Opened[] {
    return [...this.#opened].filter((other) => other.seat !== seat && other.name === name && other.how.mode === how.mode);
  }

  async #send(opened: Opened, { json, payload }: Payload, to: readonly ParticipantId[] | undefined): Promise<void> {
    const whole: Whole = { sender: opened.seat.me.id, number: ++opened.number, json, payload };
    if (to === undefined) this.#keep(opened, whole);
    const readers = this.#others(opened).filter(({ seat }) => to?.includes(seat.me.id) ?? true);
    await Promise.all(readers.map((reader) => this.#put(reader, opened, whole, payload.length)));
  }

  #keep({ consumer: { keep }, kept }: Opened, whole: Whole): void {
    kept.push(whole);
    kept.splice(0, kept.length - keep);
  }

  /** Resolves when there is room for the next one. */
  async #put(reader: Opened, sender: Opened, what: Whole | End, size: number): Promise<void> {
    const lane: Lane = reader.lanes.get(sender) ?? { sender, posts: [], size: 0, heard: false, ended: false };
    reader.lanes.set(sender, lane);
    if (reader.how.mode === "latest" && !("why" in what)) for (const { done } of lane.posts.splice(0)) done();
    lane.size = lane.posts.reduce((sum, post) => sum + post.size, size);
    const gone = new Promise<void>((resolve) => void lane.posts.push({ what, size, done: resolve }));
    this.#flush();
    if (lane.size > HIGH_WATER || "why" in what) await gone;
  }

  /** Whether something could move now. */
  get isBusy(): boolean {
    return [...this.#opened].some((reader) => this.#moving(reader).length > 0);
  }

  #moving({ seat, consumer, lanes }: Opened): Lane[] {
    if (seat.isCut || seat.isSlow) return [];
    const moves = (from: StreamSeat): boolean => !from.isCut && consumer.takes(from.me.id) !== "wait";
    return [...lanes.values()].filter(({ sender, posts }) => posts.length > 0 && moves(sender.seat));
  }

  /** Bring on the next of each lane. */
  step(): void {
    for (const reader of this.#opened) for (const lane of this.#moving(reader)) this.#bring(reader, lane);
  }

  #bring({ consumer }: Opened, lane: Lane): void {
    const post = lane.posts.shift();
    if (post === undefined) return;
    lane.size -= post.size;
    post.done();
    if (consumer.takes(lane.sender.seat.me.id) === "no") return; // nobody reads there
    if (!("why" in post.what)) {
      lane.heard = true;
      lane.ended = false;
      consumer.receive(post.what);
    } else if (lane.heard && !lane.ended) {
      lane.ended = true;
      consumer.ended(post.what);
    }
  }

  #reach(opened: Opened): Map<ParticipantId, Reach> {
    const readers = new Map(this.#others(opened).map((other) => [other.seat, other]));
    const found = new Map<ParticipantId, Reach>();
    for (const seat of this.#seats()) {
      if (seat === opened.seat) continue;
      const reader = readers.get(seat);
      const reads = reader !== undefined && reader.consumer.takes(opened.seat.me.id) !== "no";
      found.set(seat.me.id, { ...UNCOUNTED, path: "relay", reads, buffered: reader?.lanes.get(opened)?.size ?? 0 });
    }
    return found;
  }

  #reached(opened: Opened): void {
    for (const other of this.#others(opened)) other.consumer.reachChanged();
  }

  /** Who read it is told that it was not all, where it should have been. */
  #close(opened: Opened): void {
    if (!this.#opened.delete(opened)) return;
    for (const { posts } of opened.lanes.values()) for (const { done } of posts) done();
    const why = opened.how.mode === "reliable" ? new EndedByPeer(NO_MORE) : undefined;
    for (const other of this.#others(opened)) {
      if (other.lanes.has(opened)) void this.#put(other, opened, { sender: opened.seat.me.id, why }, 0);
      other.consumer.reachChanged();
    }
  }

  /** Somebody has come or gone. */
  seatsChanged(): void {
    for (const { consumer } of this.#opened) consumer.reachChanged();
  }
}
