/**
 * How two participants find a path to each other, without I/O.
 *
 * Direct is one `RTCPeerConnection` per pair, which carries everything between the two. Signals are
 * JSON text: `{"description": {"type", "sdp"}}` or `{"candidate": {…}}`, as W3C names them,
 * `{"again": true}`, which asks who makes the offers for another path, or `{"negotiate": true}`, which asks
 * them for another offer over this one.
 */

import { MICROSECONDS } from "./clock.ts";
import { WireError } from "./errors.ts";
import type { ParticipantId } from "./ids.ts";
import type { Json, JsonObject } from "./values.ts";

/** How long a pair tries for a direct path before it takes the relay; microseconds. */
export const PATIENCE = 5 * MICROSECONDS;
/** How long a path that broke is tried for before it is tried once more, at first and at most. */
export const MEND = [10 * MICROSECONDS, 60 * MICROSECONDS] as const;
/** How long it is tried for at least, though the other side asks. */
export const ASKED = 5 * MICROSECONDS;
/** How often ICE is restarted before another connection takes the place of the old one. */
export const RESTARTS = 2;
/** How long an offer waits for its answer before it is sent once more: either may be lost with a link to the hub. */
export const REPEAT = 3 * MICROSECONDS;
/** Signals, or candidates, of one participant that may wait here: what comes beyond is dropped. */
export const MOST_SIGNALS = 64;
/** Participants that the roster does not show yet, of whom signals are kept. */
export const MOST_EARLY = 64;
/** Channels that one participant may have open to here: one more is closed. */
export const MOST_CHANNELS = 256;
/** How long a connection stands before another one of theirs may take its place. */
export const ANEW = 2 * MICROSECONDS;
/** Both sides open this negotiated channel; when it opens, the path is there. */
export const CONTROL_LABEL = "callmesh";
export const CONTROL_ID = 0;

export type Path =
  | { readonly kind: "connecting"; readonly since: number }
  | { readonly kind: "direct" }
  | { readonly kind: "relay"; readonly why: string };

/**
 * What to do for a direct path. `restart`: restart ICE, so that the connection and all that is on it live on;
 * `renew`: make another connection; `ask`: ask the other side to.
 */
export type Mend = "nothing" | "restart" | "renew" | "ask";

/**
 * The path from one participant to another.
 *
 * G1 The participant with the smaller id makes the offers. The other one asks for them, so none cross.
 * G2 Where one side has no WebRTC, the path is the relay from the start.
 * G3 A path that is not direct within `PATIENCE`, or breaks, is the relay; when it opens after
 *    all, it is direct.
 * G4 A path that broke, or was not found, is sought again: at once, and then with growing pauses.
 *    Who makes the offers restarts ICE where both sides can, and makes another connection
 *    otherwise; the other one asks for it.
 */
export class Pair {
  readonly peer: ParticipantId;
  /** Whether this side makes the offers. */
  readonly offers: boolean;
  readonly #rtc: boolean;
  #path: Path;
  /** Since it was direct. */
  #tries = 0;
  /** When it was sought last, and when it is next. */
  #tried = 0;
  #again = 0;

  constructor(me: ParticipantId, peer: ParticipantId, { rtc, now }: { rtc: boolean; now: number }) {
    this.peer = peer;
    this.offers = me < peer;
    this.#rtc = rtc;
    this.#path = rtc ? { kind: "connecting", since: now } : { kind: "relay", why: "one side has no WebRTC" };
  }

  get path(): Path {
    return this.#path;
  }

  opened(): void {
    this.#path = { kind: "direct" };
    this.#tries = this.#again = 0;
  }

  failed(why: string): void {
    this.#path = { kind: "relay", why };
  }

  /** The other side has begun anew: the path is to come. */
  renewed(now: number): void {
    this.failed("the peer began anew");
    this.#try(now);
  }

  /** The other side has lost the path, and cannot make one; whether it was direct here. */
  asked(now: number): boolean {
    this.#again = Math.min(this.#again, Math.max(now, this.#tried + ASKED));
    if (!this.offers || this.#path.kind !== "direct") return false;
    this.failed("the peer asks for another path");
    return true;
  }

  /** The network is another one, or the hub is back: what is not direct is sought at once. */
  hurry(): void {
    this.#tries = this.#again = 0;
  }

  /** What is due now; `restarts`: both sides can restart ICE, and the connection lives. */
  mend(now: number, restarts: boolean): Mend {
    if (!this.#rtc || this.#path.kind !== "relay" || now < this.#again) return "nothing";
    const tries = this.#tries;
    this.#try(now);
    if (!this.offers) return "ask";
    return restarts && tries < RESTARTS ? "restart" : "renew";
  }

  #try(now: number): void {
    this.#tried = now;
    this.#again = now + Math.min(MEND[0] * 2 ** this.#tries, MEND[1]);
    this.#tries = Math.min(this.#tries + 1, 16);
  }

  /** Let time pass; tells whether the pair has given up on a direct path just now. */
  tick(now: number): boolean {
    if (this.#path.kind !== "connecting" || now - this.#path.since < PATIENCE) return false;
    this.failed("no direct path was found in time");
    this.#try(now); // and goes on being sought
    return true;
  }
}

/** What a peer signals: a session description; a candidate, null for the last one; or that it asks for another path. */
export type PeerSignal =
  | { readonly description: { readonly type: "offer" | "answer"; readonly sdp: string } }
  | { readonly candidate: JsonObject | null }
  | { readonly again: true }
  | { readonly negotiate: true };

/** A peer's signal. Raises `WireError`. */
export function readSignal(text: string): PeerSignal {
  const { description, candidate, again, negotiate } = parse(text);
  if (isObject(description)) {
    const { type, sdp } = description;
    if ((type === "offer" || type === "answer") && typeof sdp === "string") return { description: { type, sdp } };
    throw new WireError("not a signal: a description is an offer or an answer, with its sdp");
  }
  if (candidate === null || isObject(candidate)) return { candidate };
  if (again === true) return { again };
  if (negotiate === true) return { negotiate };
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
