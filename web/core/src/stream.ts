/**
 * DataStreams without I/O: what goes through a channel, what waits to go, what has come.
 *
 * A stream belongs to a resource. Each sender opens a channel of its own to each receiver, labelled
 * `<resource>/<name>`; whoever has no channel is reached by way of the hub, with the same numbers.
 */

import { BadName, Broken, TooLarge, WireError, type CallmeshError } from "./errors.ts";
import { resourceId, streamName, type ParticipantId, type ResourceId } from "./ids.ts";
import { MAX_PAYLOAD, type Mode } from "./messages.ts";
import { Reader } from "./msgpack.ts";
import { decode, encode, type Json } from "./values.ts";

/** Bytes that may wait for one receiver before `send` waits too. */
export const HIGH_WATER = 1024 * 1024;
/** Bytes a channel's own buffer is kept filled to. */
export const LOW_WATER = 256 * 1024;
/** A channel is filled up again when it holds no more bytes: once for many messages. */
export const REFILL = 128 * 1024;
/** Mode `latest`: messages that may wait for the app to read them. */
export const INBOX = 1024;
/** Mode `reliable`: bytes of them. A burst of small ones, however many, is no slow reader. */
export const INBOX_BYTES = 8 * 1024 * 1024;
/** Bytes that a message counts besides its payload, wherever such bytes are counted. */
const HEAD = 64;

/** What one channel message holds: `[number, json, payload]`. */
export interface Piece {
  /** Counts this sender's messages on this stream, from 1. */
  readonly number: number;
  readonly json: boolean;
  readonly payload: Uint8Array;
}

/** What a reader of a stream gets. */
export interface StreamMessage {
  /** A frozen JSON value, or bytes: what was sent. */
  readonly data: Json | Uint8Array;
  readonly sender: ParticipantId;
  readonly number: number;
}

/** The label of a stream's data channels. */
export function label(resource: ResourceId, name: string): string {
  return `${resource}/${streamName(name)}`;
}

/** Which stream a channel that a peer opened belongs to. Raises `BadName`. */
export function readLabel(text: string): { resource: ResourceId; name: string } {
  const slash = text.indexOf("/");
  if (slash < 0) throw new BadName("a stream's channel is labelled <resource>/<name>");
  return { resource: resourceId(text.slice(0, slash)), name: streamName(text.slice(slash + 1)) };
}

/** `data`, bytes or a JSON value, as what travels. Raises `BadValue` or `TooLarge`. */
export function piece(number: number, data: unknown): Piece {
  if (!(data instanceof Uint8Array)) return { number, json: true, payload: encode(data, MAX_PAYLOAD) };
  if (data.length > MAX_PAYLOAD) {
    throw new TooLarge(`a stream message has at most ${MAX_PAYLOAD} bytes; send it in parts`);
  }
  return { number, json: false, payload: data.slice() };
}

const head = new DataView(new ArrayBuffer(16));

/** The bytes of a piece. By hand: every message makes one, and the payload is copied once. */
export function encodePiece({ number, json, payload }: Piece): Uint8Array<ArrayBuffer> {
  head.setUint8(0, 0x93);
  let at = putNumber(1, number);
  head.setUint8(at++, json ? 0xc3 : 0xc2);
  at = putSize(at, payload.length);
  const data = new Uint8Array(at + payload.length);
  for (let index = 0; index < at; index++) data[index] = head.getUint8(index);
  data.set(payload, at);
  return data;
}

/** Returns where it ends. */
function putNumber(at: number, number: number): number {
  if (number < 0x80) {
    head.setUint8(at, number);
    return at + 1;
  }
  if (number < 0x10000) {
    const narrow = number < 0x100;
    head.setUint8(at, narrow ? 0xcc : 0xcd);
    if (narrow) head.setUint8(at + 1, number);
    else head.setUint16(at + 1, number);
    return at + (narrow ? 2 : 3);
  }
  const wide = number >= 2 ** 32;
  head.setUint8(at, wide ? 0xcf : 0xce);
  if (wide) head.setUint32(at + 1, Math.floor(number / 2 ** 32));
  head.setUint32(at + (wide ? 5 : 1), number >>> 0);
  return at + (wide ? 9 : 5);
}

function putSize(at: number, size: number): number {
  const narrow = size < 0x100; // no payload has 64 KiB
  head.setUint8(at, narrow ? 0xc4 : 0xc5);
  if (narrow) head.setUint8(at + 1, size);
  else head.setUint16(at + 1, size);
  return at + (narrow ? 2 : 3);
}

/** What a peer sent through a channel. Raises `WireError`. */
export function decodePiece(data: Uint8Array): Piece {
  const reader = new Reader(data);
  const fields = reader.array();
  if (fields < 3) throw new WireError("not a stream message: it has too few fields");
  const found = { number: reader.number(), json: reader.boolean(), payload: reader.bytes() };
  for (let left = fields - 3; left > 0; left--) reader.skip();
  reader.end();
  return found;
}

/** What a reader gets. Raises `BadValue` or `TooLarge` for what a peer should not have sent. */
export function openPiece({ number, json, payload }: Piece, sender: ParticipantId): StreamMessage {
  return { data: json ? decode(payload, MAX_PAYLOAD) : payload, sender, number };
}

/** What waits for one receiver of one stream. */
export class Outgoing {
  readonly mode: Mode;
  readonly #waiting: Piece[] = [];
  #size = 0;
  #dropped = 0;

  constructor(mode: Mode) {
    this.mode = mode;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Mode `latest`: messages that a newer one replaced before they left. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether `send` should wait: only ever in mode `reliable`. */
  get full(): boolean {
    return this.#size >= HIGH_WATER;
  }

  put(piece: Piece): void {
    if (this.mode === "latest" && this.#waiting.length > 0) {
      this.take();
      this.#dropped++;
    }
    this.#waiting.push(piece);
    this.#size += piece.payload.length;
  }

  take(): Piece | undefined {
    const piece = this.#waiting.shift();
    this.#size -= piece?.payload.length ?? 0;
    return piece;
  }
}

/** What has come for the reader of one stream, from all senders. */
export class Inbox {
  readonly #waiting: StreamMessage[] = [];
  readonly #sizes: number[] = [];
  #size = 0;
  readonly #last = new Map<ParticipantId, number>();
  #dropped = 0;
  #broken: CallmeshError | undefined;

  get length(): number {
    return this.#waiting.length;
  }

  /** Mode `latest`: messages the reader was too slow for, or that came after a newer one. */
  get dropped(): number {
    return this.#dropped;
  }

  get broken(): CallmeshError | undefined {
    return this.#broken;
  }

  /** Take a message of `size` bytes in. A reader too slow for `reliable` is told so, with `Broken`. */
  put(message: StreamMessage, mode: Mode, size = 0): void {
    if (message.number <= (this.#last.get(message.sender) ?? 0)) {
      if (mode === "latest") this.#dropped++;
      return;
    }
    this.#last.set(message.sender, message.number);
    while (this.#isFull(mode, size)) {
      if (mode === "reliable") {
        this.overflow();
        return;
      }
      this.take();
      this.#dropped++;
    }
    this.#waiting.push(message);
    this.#sizes.push(size + HEAD);
    this.#size += size + HEAD;
  }

  #isFull(mode: Mode, size: number): boolean {
    if (mode === "latest" && this.#waiting.length >= INBOX) return true;
    return this.#waiting.length > 0 && this.#size + size + HEAD > INBOX_BYTES;
  }

  /** Messages that had to arrive are lost: nobody read them in time. */
  overflow(): void {
    this.#broken ??= new Broken("too many messages wait to be read: the reader is too slow");
  }

  take(): StreamMessage | undefined {
    this.#size -= this.#sizes.shift() ?? 0;
    return this.#waiting.shift();
  }

  /** A sender left: its numbers may start anew. */
  gone(sender: ParticipantId): void {
    this.#last.delete(sender);
  }
}
