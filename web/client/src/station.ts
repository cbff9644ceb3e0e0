/** One stream as this participant has it: all that read it here, and how far each of the others has come. */

import {
  HEAD, Inbox, MAX_MESSAGE, MAX_PARTS, pieces, Queue, type Counts, type DataStream, type Delivery, type Due, type End, type Lane, type messages, type ParticipantId, type Payload, type Piece, type Reach, type Source,
  type StreamId, type Taking, type Whole,
} from "@callmesh/core";

import type { Channel } from "./channel.ts";

/** Bytes that are kept for who comes later, with `HEAD` for each part: as much as one message may have. */
export const KEEP_BYTES = MAX_MESSAGE + MAX_PARTS * HEAD;

/** Who reads a stream here: the page, or a frame of it. */
export interface Consumer {
  receive(whole: Whole): void;
  ended(end: End): void;
  began(sender: ParticipantId): void;
  reachChanged(): void;
  takes(sender: ParticipantId): Taking;
  readonly keep: number;
}

/** The way to one receiver. */
export interface Way {
  readonly lane: Lane;
  readonly channel: Channel;
}

export class Station {
  readonly id: StreamId;
  readonly how: Delivery;
  readonly key: string;
  readonly inbox: Inbox;
  readonly ways = new Map<ParticipantId, Way>();
  readonly consumers = new Set<Consumer>();
  /** What the page itself reads and sends through. */
  stream: DataStream | undefined;
  /** When it had its turn last by way of the hub. */
  served = 0;
  #number: number;
  /** Who was told to send nothing. */
  readonly #refused = new Set<ParticipantId>();
  readonly #kept = new Queue<readonly Piece[]>();
  #keptSize = 0;

  constructor(id: StreamId, how: Delivery, key: string, number: number, opened: number) {
    this.id = id;
    this.how = how;
    this.key = key;
    this.#number = number;
    this.inbox = new Inbox(id.mode, opened, {
      whole: (whole) => {
        for (const consumer of this.consumers) if (consumer.takes(whole.sender) !== "no") consumer.receive(whole);
      },
      end: (end) => {
        for (const consumer of this.consumers) consumer.ended(end);
      },
      began: (sender) => {
        for (const consumer of this.consumers) consumer.began(sender);
      },
    });
  }

  /** How many messages, or parts of them, were sent. */
  get number(): number {
    return this.#number;
  }

  /** What is taken of a sender: it waits for the slowest that read it here, and is refused where nobody takes it. */
  takes(sender: ParticipantId): Taking {
    let taking: Taking = this.consumers.size > 0 ? "no" : "yes";
    for (const consumer of this.consumers) {
      const one = consumer.takes(sender);
      if (one === "wait") return one;
      if (one === "yes") taking = one;
    }
    return taking;
  }

  /** Up to where a sender is told that all has come: while too much waits to be read, no further. */
  acknowledged(sender: ParticipantId, source: Source): number {
    if (this.takes(sender) === "yes") {
      source.told = source.last;
      source.owed = 0;
    }
    return source.told;
  }

  /** What a sender is told: to send nothing where nothing is taken; then to begin anew. */
  word(sender: ParticipantId, asked: messages.Word): messages.Word {
    if (asked === "off") return asked;
    if (this.takes(sender) === "no") {
      this.#refused.add(sender);
      return "hold";
    }
    if (this.#refused.delete(sender)) this.inbox.reopen(sender);
    return asked;
  }

  /** A sender left. */
  gone(sender: ParticipantId): void {
    this.#refused.delete(sender);
    this.inbox.gone(sender);
  }

  /** A message as it travels, with the next numbers. */
  numbered(payload: Payload): Piece[] {
    const sent = pieces(this.#number + 1, payload);
    this.#number += sent.length;
    return sent;
  }

  /** The last of all. */
  ending(): Piece {
    const [end] = this.numbered({ json: false, payload: new Uint8Array() }) as [Piece];
    return { ...end, parts: 0 };
  }

  keep(sent: readonly Piece[]): void {
    let most = 0;
    for (const { keep } of this.consumers) most = Math.max(most, keep);
    if (most === 0) return;
    this.#kept.push(sent);
    this.#keptSize += sizeOf(sent);
    while (this.#kept.length > most || this.#keptSize > KEEP_BYTES) this.#keptSize -= sizeOf(this.#kept.shift() ?? []);
  }

  /** A newcomer gets the last messages. */
  giveKept(lane: Lane): void {
    for (const message of this.#kept) for (const piece of message) lane.put(piece);
  }

  /** Bytes of what is kept. */
  get keptSize(): number {
    return this.#keptSize;
  }

  get settled(): boolean {
    for (const { lane } of this.ways.values()) if (lane.reading === "unknown") return false;
    return true;
  }

  get dropped(): number {
    let sum = this.inbox.late;
    for (const { lane } of this.ways.values()) sum += lane.dropped;
    return sum;
  }

  reach(path: (peer: ParticipantId) => Reach["path"], now: number): Map<ParticipantId, Reach> {
    return new Map([...this.ways].map(([peer, { lane }]) => [peer, this.#reach(peer, lane, path(peer), now)]));
  }

  /** Bytes and messages out, bytes and messages in. */
  counts(peer: ParticipantId, { out, messages }: Lane): Counts {
    const source = this.inbox.sources.get(peer);
    return [out, messages, source?.got ?? 0, source?.messages ?? 0];
  }

  #reach(peer: ParticipantId, lane: Lane, path: Reach["path"], now: number): Reach {
    const { reading, size: buffered, roundTrip, resent, dropped, losses, loss } = lane;
    const counts = this.counts(peer, lane);
    const [sent, messagesSent, received, messagesReceived] = counts;
    const [sentRate, messagesSentRate, receivedRate, messagesReceivedRate] = lane.meter.rates(now, counts);
    const source = this.inbox.sources.get(peer);
    return {
      path: lane.direct || path === "connecting" ? path : "relay",
      reads: reading === "reads",
      buffered,
      sent,
      received,
      roundTrip: roundTrip === undefined ? undefined : roundTrip / 1e6,
      resent,
      dropped,
      lost: this.id.mode === "latest" ? (source?.lost ?? 0) : losses,
      late: source?.late ?? 0,
      loss,
      messagesSent,
      messagesReceived,
      sentRate,
      receivedRate,
      messagesSentRate,
      messagesReceivedRate,
    };
  }

  /**
   * One says how far they have come; whether the lane goes on with it. `lose`: they are to be told that it was lost.
   * `gives` says whether they get what is kept now.
   */
  follow(lane: Lane, peer: ParticipantId, { word, opened, number, came }: messages.Taken, now: number, gives: (size: number) => boolean): Due {
    if (opened < lane.opened) return "nothing";
    const anew = opened > lane.opened && lane.opened > 0;
    if (anew && word !== "off") this.inbox.began(peer);
    lane.putOff = false;
    if (word === "off" || word === "hold") {
      lane.turn("idle");
      if (word === "hold") lane.opened = opened;
      else if (lane.opened > 0) this.inbox.end(peer, this.id.mode === "reliable"); // else they say that they have never opened it
      return "nothing";
    }
    if (lane.reading === "unknown" && lane.late && number > 0 && number < this.#number) {
      lane.turn("lost"); // who was here before, and missed what was sent meanwhile
      lane.last = this.#number;
      lane.opened = opened;
    }
    if (lane.reading === "lost") {
      if (!anew && number !== lane.last) return "lose";
      lane.restart(opened);
    } else if (lane.reading === "idle" || (lane.reading === "reads" && anew)) {
      if (!gives(this.#keptSize)) {
        lane.turn("idle");
        lane.opened = opened;
        lane.putOff = true;
        return "nothing";
      }
      lane.restart(opened);
      this.giveKept(lane);
    } else {
      lane.turn("reads");
    }
    lane.opened = opened;
    lane.acknowledge(number, now, came);
    if (word === "again") lane.again();
    return "nothing";
  }
}

function sizeOf(sent: readonly Piece[]): number {
  return sent.reduce((sum, { payload }) => sum + payload.length + HEAD, 0);
}
