/** One stream's way to one receiver: a channel of its own, or by way of the hub. */

import { encodePiece, LOW_WATER, Outgoing, type Mode, type Path, type Piece } from "@callmesh/core";

/** Bytes kept of what was given to a channel: if the path breaks, some of it may not have arrived. */
const DOUBTFUL = 2 * LOW_WATER;

export interface LaneUser {
  /** A new channel to the receiver; undefined if there is no direct path. */
  open(): RTCDataChannel | undefined;
  /** Send it by way of the hub. */
  relay(piece: Piece): void;
  /** There is room again. */
  room(): void;
}

interface Sent {
  readonly piece: Piece;
  readonly size: number;
}

type Way =
  | { readonly kind: "undecided" }
  | { readonly kind: "channel"; readonly channel: RTCDataChannel }
  | { readonly kind: "relay" };

export class Lane {
  readonly #outgoing: Outgoing;
  readonly #user: LaneUser;
  #way: Way = { kind: "undecided" };
  /** Mode `reliable`: the last pieces that went into the channel. Who has them knows their numbers. */
  #doubtful: Sent[] = [];
  /** Where they begin: those before are taken out together, now and then. */
  #first = 0;
  #doubt = 0;

  constructor(mode: Mode, user: LaneUser) {
    this.#outgoing = new Outgoing(mode);
    this.#user = user;
  }

  get full(): boolean {
    return this.#outgoing.full;
  }

  get dropped(): number {
    return this.#outgoing.dropped;
  }

  /** Take a piece; false if it is for the relay, where one message serves several receivers. */
  put(piece: Piece): boolean {
    if (this.#way.kind === "relay") return false;
    this.#outgoing.put(piece);
    this.#pump();
    return true;
  }

  /** The path to the receiver is this one now. */
  follow(path: Path["kind"]): void {
    if (path === "relay") this.#toRelay();
    if (path !== "direct" || this.#way.kind === "channel") return;
    // In mode `reliable` what goes direct would overtake what is on its way by the hub.
    if (this.#way.kind === "relay" && this.#outgoing.mode === "reliable") return;
    this.#toChannel();
  }

  /** The receiver is gone, or the stream is. */
  close(): void {
    if (this.#way.kind === "channel") release(this.#way.channel);
    this.#way = { kind: "relay" };
    while (this.#outgoing.take() !== undefined);
    this.#user.room();
  }

  #toChannel(): void {
    const channel = this.#user.open();
    if (channel === undefined) {
      this.#toRelay();
      return;
    }
    this.#way = { kind: "channel", channel };
    channel.onopen = channel.onbufferedamountlow = () => this.#pump();
    channel.onclose = channel.onerror = () => {
      if (this.#way.kind === "channel" && this.#way.channel === channel) this.#toRelay();
    };
    this.#pump();
  }

  #toRelay(): void {
    const way = this.#way;
    if (way.kind === "relay") return;
    this.#way = { kind: "relay" };
    if (way.kind === "channel") release(way.channel);
    for (const { piece } of this.#doubtful.splice(0).slice(this.#first)) this.#user.relay(piece);
    this.#first = 0;
    for (let piece = this.#outgoing.take(); piece; piece = this.#outgoing.take()) this.#user.relay(piece);
    this.#user.room();
  }

  #pump(): void {
    if (this.#way.kind !== "channel" || this.#way.channel.readyState !== "open") return;
    const { channel } = this.#way;
    const before = this.full;
    while (channel.bufferedAmount <= LOW_WATER) {
      const piece = this.#outgoing.take();
      if (piece === undefined) break;
      const data = encoded(piece);
      this.#remember({ piece, size: data.length });
      try {
        channel.send(data);
      } catch {
        if (this.#outgoing.mode === "latest") this.#user.relay(piece);
        this.#toRelay(); // closed just now; with it goes what is remembered
        return;
      }
    }
    if (before !== this.full) this.#user.room();
  }

  #remember(sent: Sent): void {
    if (this.#outgoing.mode === "latest") return;
    this.#doubtful.push(sent);
    this.#doubt += sent.size;
    while (this.#doubt > DOUBTFUL) this.#doubt -= this.#doubtful[this.#first++]?.size ?? 0;
    if (this.#first * 2 <= this.#doubtful.length) return;
    this.#doubtful.splice(0, this.#first);
    this.#first = 0;
  }
}

/** The piece that was encoded last: it mostly goes to several receivers, one after the other. */
let last: { readonly piece: Piece; readonly data: Uint8Array<ArrayBuffer> } | undefined;

function encoded(piece: Piece): Uint8Array<ArrayBuffer> {
  if (last?.piece !== piece) last = { piece, data: encodePiece(piece) };
  return last.data;
}

function release(channel: RTCDataChannel): void {
  channel.onopen = channel.onbufferedamountlow = channel.onclose = channel.onerror = null;
  channel.close();
}
