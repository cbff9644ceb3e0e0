/**
 * A session: one end of the conversation over one link, without the link.
 *
 * Bytes and time in, messages and bytes out. The hub, the Python client, the page and an app's frame
 * all run this class; who the link leads to is not its business. What the messages *mean* is the
 * business of `Mesh` on a participant's side.
 *
 *     opening ──hello/welcome──▶ open ──▶ over
 *        │ ╰─hello/waiting─▶ waiting ─╯       ▲
 *        ╰───────────────────────╰────────────╯
 */

import { MICROSECONDS } from "./clock.ts";
import { encode, unbundle } from "./codec.ts";
import { Broken, CallmeshError, fromWire, TimedOut, TooFast, WireError } from "./errors.ts";
import { MAX_BUNDLE, MAX_BUNDLE_BEFORE_JOINING, MAX_MESSAGES, MAX_PAYLOAD, STREAM_WINDOW, type Message } from "./messages.ts";

/** Microseconds, as all times here. */
export const OPENING_TIMEOUT = 10 * MICROSECONDS;
export const PING_EVERY = 15 * MICROSECONDS;
/** A client that hears nothing for so long takes the link for broken; every ping is answered. */
export const SILENCE = 40 * MICROSECONDS;
/** The same for who has slept, or has another network. */
export const PROMPT = 5 * MICROSECONDS;
/** Bytes of queued messages in one bundle; what is left over is for its head and for `relayed`. */
const ROOM = MAX_BUNDLE - 64;

export type Side = "hub" | "client";

export type SessionState =
  | { readonly kind: "opening"; readonly since: number }
  | { readonly kind: "waiting" }
  | { readonly kind: "open" }
  | { readonly kind: "over"; readonly reason: CallmeshError };

const ALLOWED: { readonly [S in Side]: { readonly [K in SessionState["kind"]]: readonly Message["type"][] } } = {
  hub: {
    opening: ["hello"],
    waiting: ["ping", "leave"],
    open: ["write", "command", "signal", "stream", "taken", "ping", "leave", "error", "cache", "letter", "ticket", "fetch"],
    over: [],
  },
  client: {
    opening: ["welcome", "waiting", "error"],
    waiting: ["welcome", "waiting", "pong", "error"],
    open: [
      "batch", "saved", "denied", "answer", "signal", "stream", "taken", "reach", "relayed", "pong", "error", "cache", "life",
      "link", "ice", "ticket", "kept", "surroundings", "fetched",
    ], // prettier-ignore
    over: [],
  },
};

const WHEN = { opening: "before joining", waiting: "while waiting", open: "from this side", over: "after the end" } as const;

/** `now` is microseconds of any clock that only runs forward. */
export class Session {
  readonly side: Side;
  /** Payload bytes of stream messages, sent (client) or received (hub) over this link. */
  streamed = 0;
  #state: SessionState;
  #heard: number;
  #pinged: number;
  #pings = 0;
  #out: Uint8Array[] = [];
  readonly #latest = new Map<string, Uint8Array>();
  #dropped = 0;
  #credited = 0;
  #creditTold = 0;

  constructor(side: Side, now: number) {
    this.side = side;
    this.#state = { kind: "opening", since: now };
    this.#heard = this.#pinged = now;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Messages in mode `latest` that a newer one replaced before they left. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Of the payload bytes `streamed`, how many have gone on. */
  get credited(): number {
    return this.#credited;
  }

  // --- in

  /**
   * The messages in one bundle, each allowed at this point.
   *
   * Raises `WireError`, `TooLarge`, `TooFast`, or what the peer named; the session is then over.
   */
  receive(data: Uint8Array, now: number): Message[] {
    this.#heard = now;
    try {
      return unbundle(data, this.#limit).map((message) => this.#admit(message));
    } catch (error) {
      if (error instanceof CallmeshError) this.end(error);
      throw error;
    }
  }

  get #limit(): number | null {
    // A snapshot is as large as the call is; the hub is who we chose to trust.
    if (this.side === "client") return null;
    return this.#state.kind === "open" ? MAX_BUNDLE : MAX_BUNDLE_BEFORE_JOINING;
  }

  #admit(message: Message): Message {
    const { kind } = this.#state;
    if (!ALLOWED[this.side][kind].includes(message.type)) {
      throw new WireError(`${message.type} is not expected ${WHEN[kind]}`);
    }
    switch (message.type) {
      case "welcome":
        this.#state = { kind: "open" };
        break;
      case "waiting":
        this.#state = { kind: "waiting" };
        break;
      case "error":
        throw fromWire(message.code, message.message);
      case "relayed":
        this.#credited = message.total;
        break;
      case "stream":
        if (this.side === "hub") this.#count(message.payload.length);
        break;
      default:
    }
    return message;
  }

  #count(size: number): void {
    this.streamed += size;
    if (this.streamed - this.#credited > STREAM_WINDOW + MAX_PAYLOAD) {
      throw new TooFast("more stream data than the window allows; wait for relayed");
    }
  }

  // --- out

  /** Queue a message that must arrive. */
  put(encoded: Uint8Array): void {
    this.#out.push(encoded);
  }

  /** Queue a message that replaces what has not left yet in the same slot. */
  putLatest(slot: string, encoded: Uint8Array): void {
    if (this.#latest.delete(slot)) this.#dropped++;
    this.#latest.set(slot, encoded);
  }

  /** The hub lets the peer in. */
  welcome(encoded: Uint8Array): void {
    this.put(encoded);
    this.#state = { kind: "open" };
  }

  /** The hub has the peer wait. */
  wait(): void {
    this.#state = { kind: "waiting" };
  }

  get hasOutput(): boolean {
    return this.hasMessages || this.owed > 0;
  }

  /** Whether messages wait, and not a credit alone. */
  get hasMessages(): boolean {
    return this.#out.length > 0 || this.#latest.size > 0;
  }

  /** Hub: bytes that have gone on, and the peer does not know. */
  get owed(): number {
    return this.side === "hub" ? this.#credited - this.#creditTold : 0;
  }

  /**
   * The encoded messages that should leave now; they count as gone.
   *
   * No more than fit into a bundle, which a message too large for any has for itself: take again
   * while there is output.
   */
  take(): Uint8Array[] {
    const taken = this.#takeRelayed();
    let room = ROOM;
    let count = 0;
    for (const encoded of this.#out) {
      if (taken.length > 0 && (encoded.length > room || taken.length >= MAX_MESSAGES)) break;
      taken.push(encoded);
      room -= encoded.length;
      count++;
    }
    this.#out.splice(0, count);
    for (const [slot, encoded] of this.#latest) {
      if (taken.length > 0 && (encoded.length > room || taken.length >= MAX_MESSAGES)) break;
      taken.push(encoded);
      room -= encoded.length;
      this.#latest.delete(slot);
    }
    return taken;
  }

  #takeRelayed(): Uint8Array[] {
    if (this.side === "client" || this.#credited <= this.#creditTold) return [];
    this.#creditTold = this.#credited;
    return [encode({ type: "relayed", total: this.#credited })];
  }

  // --- streams

  /** Client: payload bytes of streams that may still be put on this link now. */
  get room(): number {
    return STREAM_WINDOW - (this.streamed - this.#credited);
  }

  /** Hub: so many payload bytes of this peer's have gone on. */
  relayed(size: number): void {
    this.#credited += size;
  }

  // --- time and end

  /** Let time pass: raises `TimedOut` or `Broken`; the session is then over. */
  tick(now: number): void {
    const state = this.#state;
    if (state.kind === "opening" && now - state.since > OPENING_TIMEOUT) {
      this.#fail(new TimedOut("nobody said hello"));
    }
    if ((state.kind !== "open" && state.kind !== "waiting") || this.side === "hub") return;
    if (now - this.#heard > SILENCE) this.#fail(new Broken("nothing was heard from the hub for too long"));
    if (now - this.#pinged >= PING_EVERY) {
      this.#pinged = now;
      this.#pings++;
      this.put(encode({ type: "ping", number: this.#pings }));
    }
  }

  /** Client: the link may be broken since one slept; it is asked at once. */
  awake(now: number): void {
    this.#heard = Math.min(this.#heard, now - SILENCE + PROMPT);
    this.#pinged = now - PING_EVERY;
  }

  #fail(error: CallmeshError): never {
    this.end(error);
    throw error;
  }

  /** End it, once: what was queued is dropped. */
  end(reason: CallmeshError): void {
    if (this.#state.kind === "over") return;
    this.#state = { kind: "over", reason };
    this.#out = [];
    this.#latest.clear();
  }
}
