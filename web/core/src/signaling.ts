/**
 * How two participants find a path to each other, without I/O.
 *
 * Direct is one `RTCPeerConnection` per pair, which carries everything between the two. Signals are
 * JSON text: `{"description": {"type", "sdp"}}` or `{"candidate": {…}}`, as W3C names them.
 */

import { MICROSECONDS } from "./clock.ts";
import { WireError } from "./errors.ts";
import type { ParticipantId } from "./ids.ts";
import type { Json, JsonObject } from "./values.ts";

/** How long a pair tries for a direct path before it takes the relay; microseconds. */
export const PATIENCE = 5 * MICROSECONDS;
/** Both sides open this negotiated channel; when it opens, the path is there. */
export const CONTROL_LABEL = "callmesh";
export const CONTROL_ID = 0;

export type Path =
  | { readonly kind: "connecting"; readonly since: number }
  | { readonly kind: "direct" }
  | { readonly kind: "relay"; readonly why: string };

/**
 * The path from one participant to another.
 *
 * G1 The participant with the smaller id makes the first offer; the other one is polite and, in
 *    perfect negotiation, gives way when offers cross.
 * G2 Where one side has no WebRTC, the path is the relay from the start.
 * G3 A path that is not direct within `PATIENCE`, or breaks, is the relay; when it opens after
 *    all, it is direct.
 */
export class Pair {
  readonly peer: ParticipantId;
  /** Whether this side makes the first offer. */
  readonly offers: boolean;
  #path: Path;

  constructor(me: ParticipantId, peer: ParticipantId, { rtc, now }: { rtc: boolean; now: number }) {
    this.peer = peer;
    this.offers = me < peer;
    this.#path = rtc ? { kind: "connecting", since: now } : { kind: "relay", why: "one side has no WebRTC" };
  }

  get polite(): boolean {
    return !this.offers;
  }

  get path(): Path {
    return this.#path;
  }

  opened(): void {
    this.#path = { kind: "direct" };
  }

  failed(why: string): void {
    this.#path = { kind: "relay", why };
  }

  /** Let time pass; tells whether the pair has given up on a direct path just now. */
  tick(now: number): boolean {
    if (this.#path.kind !== "connecting" || now - this.#path.since < PATIENCE) return false;
    this.failed("no direct path was found in time");
    return true;
  }
}

/** What a peer signals: a session description, or a candidate; null for the last one. */
export type PeerSignal =
  | { readonly description: { readonly type: "offer" | "answer"; readonly sdp: string } }
  | { readonly candidate: JsonObject | null };

/** A peer's signal. Raises `WireError`. */
export function readSignal(text: string): PeerSignal {
  const { description, candidate } = parse(text);
  if (isObject(description)) {
    const { type, sdp } = description;
    if ((type === "offer" || type === "answer") && typeof sdp === "string") return { description: { type, sdp } };
    throw new WireError("not a signal: a description is an offer or an answer, with its sdp");
  }
  if (candidate === null || isObject(candidate)) return { candidate };
  throw new WireError("a signal holds a description or a candidate");
}

function parse(text: string): JsonObject {
  try {
    const signal: unknown = JSON.parse(text);
    if (isObject(signal as Json)) return signal as JsonObject;
  } catch (error) {
    throw new WireError("not a signal: it is not JSON", { cause: error });
  }
  throw new WireError("not a signal: an object is expected");
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
