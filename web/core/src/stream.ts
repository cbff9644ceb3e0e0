/**
 * DataStreams without I/O: how a message travels.
 *
 * A stream belongs to a resource. Each sender opens a channel of its own to each receiver, labelled
 * `<resource>/<name>`; whoever has no channel is reached by way of the hub, with the same numbers.
 */

import { BadName, BadValue, TooFast, TooLarge, WireError } from "./errors.ts";
import { resourceId, streamName, type ParticipantId, type ResourceId } from "./ids.ts";
import { MAX_PAYLOAD, type Mode } from "./messages.ts";
import { Reader } from "./msgpack.ts";
import { decode, encode, type Json } from "./values.ts";

/** Bytes a channel's own buffer is kept filled to. */
export const LOW_WATER = 256 * 1024;
/** A channel is filled up again when it holds no more bytes: once for many messages. */
export const REFILL = 128 * 1024;
/** Bytes that a message, or a part of one, counts besides its payload while it is kept. */
export const HEAD = 64;
/** Bytes of one message, which travels in parts of `MAX_PAYLOAD`. */
export const MAX_MESSAGE = 16 * 1024 * 1024;
export const MAX_PARTS = Math.ceil(MAX_MESSAGE / MAX_PAYLOAD);
export const MAX_RETRANSMITS = 0xffff;
/** Bytes that leave together through a channel, where several small messages wait. */
export const PACK = 8 * 1024;
/** Bytes that leave together in mode `latest`: one packet holds them, so none is lost for others. */
export const PACKET = 1024;
/** Bytes of a message that leaves together with others. */
export const SMALL = 1024;
/** The first byte of several pieces: that of an array with its length in two more. */
const SEVERAL = 0xdc;
export const NO_BYTES = new Uint8Array(0);

/** A message, or a part of one, as in `messages.Stream`. */
export interface Piece {
  readonly number: number;
  readonly json: boolean;
  readonly payload: Uint8Array;
  readonly step: number;
  readonly part: number;
  readonly parts: number;
}

/** What a reader of a stream gets. */
export interface StreamMessage {
  /** A frozen JSON value, or bytes: what was sent. */
  readonly data: Json | Uint8Array;
  readonly sender: ParticipantId;
  readonly number: number;
}

/** How the channels of a stream are to deliver, as W3C has it. */
export interface Delivery {
  readonly mode: Mode;
  readonly ordered: boolean;
  readonly maxRetransmits: number | undefined;
}

/** What is not said is as the mode has it. Raises `BadValue`. */
export function delivery(mode: Mode, ordered?: boolean, maxRetransmits?: number): Delivery {
  if (mode === "reliable") {
    if (ordered !== undefined || maxRetransmits !== undefined) {
      throw new BadValue("all of a reliable stream arrives, in order: say how only in latest");
    }
    return { mode, ordered: true, maxRetransmits };
  }
  if (maxRetransmits !== undefined && !(Number.isInteger(maxRetransmits) && maxRetransmits >= 0 && maxRetransmits <= MAX_RETRANSMITS)) {
    throw new BadValue(`maxRetransmits is a number from 0 to ${MAX_RETRANSMITS}`);
  }
  return { mode, ordered: ordered ?? false, maxRetransmits: maxRetransmits ?? 0 };
}

export function isSameDelivery(one: Delivery, other: Delivery): boolean {
  return one.mode === other.mode && one.ordered === other.ordered && one.maxRetransmits === other.maxRetransmits;
}

/** The mode of a channel that a peer opened: no channel of `latest` sends on and on. */
export function modeOf(ordered: boolean, maxRetransmits: number | null): Mode {
  return ordered && maxRetransmits === null ? "reliable" : "latest";
}

/** What no further stream is opened for: too few are free, a frame opens them too fast, or has too many (A28). */
export type Bound = "free" | "rate" | "open";

export const BOUNDS: readonly Bound[] = ["free", "rate", "open"];

/** No further stream is opened: `most` is what is allowed. */
export function tooMany(most: number, bound: Bound = "free"): TooFast {
  switch (bound) {
    case "rate":
      return new TooFast(`an app opens at most ${most} streams a second for long: send several things over one (A28)`);
    case "open":
      return new TooFast(`an app has at most ${most} streams open: close one first, or send several things over one (A28)`);
    default:
      return new TooFast(
        `of the ${most} streams that a participant may have (limits.streams) a resource opens another only while more are free than it has: close one first`,
      );
  }
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

/** What travels, and whether it is JSON. */
export interface Payload {
  readonly json: boolean;
  readonly payload: Uint8Array;
}

/** `data`, bytes or a JSON value, as what travels. Raises `BadValue` or `TooLarge`. */
export function payloadOf(data: unknown): Payload {
  if (!(data instanceof Uint8Array)) return { json: true, payload: encode(data, MAX_MESSAGE) };
  if (data.length > MAX_MESSAGE) {
    throw new TooLarge(`a stream message has at most ${MAX_MESSAGE} bytes; send it as several`);
  }
  return { json: false, payload: data.slice() };
}

/** What a reader gets. Raises `BadValue` or `TooLarge` for what a peer should not have sent. */
export function readPayload({ json, payload }: Payload): Json | Uint8Array {
  return json ? decode(payload, MAX_MESSAGE) : payload;
}

/** A message as it travels: whole, or in parts that are numbered from `number` on. */
export function pieces(number: number, { json, payload }: Payload): Piece[] {
  if (payload.length <= MAX_PAYLOAD) return [{ number, json, payload, step: 1, part: 0, parts: 1 }];
  const parts = Math.ceil(payload.length / MAX_PAYLOAD);
  return Array.from({ length: parts }, (_, part) => {
    const bytes = payload.subarray(part * MAX_PAYLOAD, (part + 1) * MAX_PAYLOAD);
    return { number: number + part, json, payload: bytes, step: 1, part, parts };
  });
}

const head = new DataView(new ArrayBuffer(48));

/**
 * The bytes of a piece to one whose last number was `step` smaller. By hand: every message makes one.
 */
export function encodePiece(piece: Piece, step: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(piece.payload.length + head.byteLength);
  return data.subarray(0, putPiece(data, 0, piece, step));
}

/** One message of a channel: a piece, or several that follow on each other, the first of them with its step. */
export function encodeFrame(pieces: readonly Piece[], step: number): Uint8Array<ArrayBuffer> {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return encodePiece(first, step);
  let size = 3;
  for (const { payload } of pieces) size += payload.length + head.byteLength;
  const data = new Uint8Array(size);
  data[0] = SEVERAL;
  data[1] = pieces.length >> 8;
  data[2] = pieces.length;
  let at = 3;
  for (const piece of pieces) at = putPiece(data, at, piece, piece === first ? step : 1);
  return data.subarray(0, at);
}

/** Returns where it ends. */
function putPiece(data: Uint8Array, from: number, { number, json, payload, part, parts }: Piece, step: number): number {
  const whole = step === 1 && parts === 1;
  head.setUint8(0, whole ? 0x93 : 0x96);
  let at = putNumber(1, number);
  head.setUint8(at++, json ? 0xc3 : 0xc2);
  at = putSize(at, payload.length);
  const start = at;
  if (!whole) at = putNumber(putNumber(putNumber(at, step), part), parts);
  for (let index = 0; index < start; index++) data[from + index] = head.getUint8(index);
  data.set(payload, from + start);
  for (let index = start; index < at; index++) data[from + index + payload.length] = head.getUint8(index);
  return from + at + payload.length;
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
export function decodeFrame(data: Uint8Array): Piece[] {
  const reader = new Reader(data);
  const found = data[0] === SEVERAL ? reader.list(readPiece) : [readPiece(reader)];
  reader.end();
  return found;
}

function readPiece(reader: Reader): Piece {
  const fields = reader.array();
  if (fields < 3) throw new WireError("not a stream message: it has too few fields");
  const found = {
    number: reader.number(),
    json: reader.boolean(),
    payload: reader.bytes(),
    step: fields > 3 ? reader.number() : 1,
    part: fields > 4 ? reader.number() : 0,
    parts: fields > 5 ? reader.number() : 1,
  };
  for (let left = fields - 6; left > 0; left--) reader.skip();
  return found;
}
