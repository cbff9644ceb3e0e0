/** DataStream: what apps and pages send and read through. */

import { unlessAborted, type Abort } from "./abort.ts";
import { BadInput, BadValue, Broken, Closed, Refused, TimedOut, type CallmeshError } from "./errors.ts";
import type { ParticipantId } from "./ids.ts";
import { keepNewest, type End, type Whole } from "./inbox.ts";
import { Listeners } from "./listeners.ts";
import type { Mode } from "./messages.ts";
import { Shelf, type Item } from "./shelf.ts";
import { payloadOf, readPayload, type Payload, type StreamMessage } from "./stream.ts";
import type { Json } from "./values.ts";

/** What makes bytes of an app's own messages, and messages of bytes. */
export interface Codec {
  encode(data: never): Uint8Array;
  decode(data: Uint8Array): unknown;
}

export interface StreamOptions {
  readonly mode?: Mode;
  /** Of the channels in mode `latest`: false and 0 unless said. */
  readonly ordered?: boolean;
  readonly maxRetransmits?: number;
  /** Who opens it later gets so many of the last messages that were sent to everybody. */
  readonly keep?: number;
  readonly codec?: Codec;
}

export interface SendOptions {
  /** The receivers; without it everybody else who has it open, with an empty list nobody. */
  readonly to?: readonly ParticipantId[];
  /** Stops the waiting; the message itself is on its way. */
  readonly signal?: Abort;
}

export interface ReadOptions {
  /** Ends the reading. */
  readonly signal?: Abort;
}

export interface ReadyOptions {
  /** Who must have it open. */
  readonly to?: readonly ParticipantId[];
  readonly signal?: Abort;
  /** Milliseconds; 10 s unless told otherwise. */
  readonly timeout?: number;
}

/** How a stream stands to one other participant. */
export interface Reach {
  readonly path: "direct" | "relay" | "connecting";
  /** Whether they have the stream open, so that what is sent reaches them. */
  readonly reads: boolean;
  /** Bytes that have not left, or are not known to have come. */
  readonly buffered: number;
  /** Payload bytes that have left for them. */
  readonly sent: number;
  /** Payload bytes that have come from them. */
  readonly received: number;
  /** Seconds, of the last measurement while something was sent. */
  readonly roundTrip: number | undefined;
  /** Messages, or parts, that left more than once, as the path was another one or lost them. */
  readonly resent: number;
  /** Mode `latest`: messages that a newer one replaced before they left. */
  readonly dropped: number;
  /**
   * Mode `latest`: messages of theirs that did not come, as far as can be seen. Mode `reliable`: how often the
   * stream was lost to them, as they took nothing for 30 s.
   */
  readonly lost: number;
  /** Mode `latest`: messages of theirs, or parts, that came after a newer one, and were dropped. */
  readonly late: number;
  /**
   * Mode `latest`: the share, 0 to 1, of what left for them that did not come in time, as they say every 5 s while
   * something is sent; 0 until then.
   */
  readonly loss: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Payload bytes a second, over the last 5 s; what takes less than one second counts as one. */
  readonly sentRate: number;
  readonly receivedRate: number;
  /** Messages a second, likewise. */
  readonly messagesSentRate: number;
  readonly messagesReceivedRate: number;
}

/** Whether what a sender sends is taken: it is; it is to wait; or not at all, as nobody has ever read here. */
export type Taking = "yes" | "wait" | "no";

/** Where a stream's messages go. */
export interface StreamPort {
  /** Sends it. Resolves when there is room for the next one. */
  send(payload: Payload, to: readonly ParticipantId[] | undefined): Promise<void>;
  /** Whom it reaches, and whether everybody has said whether they read it. */
  reach(): ReadonlyMap<ParticipantId, Reach>;
  settled(): boolean;
  /** What is taken is another: of one sender that is read apart, undefined where it is no more, or of all others. */
  turned(taking: Taking | undefined, sender: ParticipantId | undefined): void;
  /** Tells readers that it was all. Resolves when they have it. */
  end(): Promise<void>;
  /** The stream was closed. */
  closed(): void;
  after(milliseconds: number, fn: () => void): () => void;
  /** What was dropped on the way, besides what waits to be read. */
  readonly dropped: number;
}

const READY = 10_000;

/** One stream of a resource. Read it by iterating, or by `subscribe`: what is read once is gone. */
export class DataStream {
  readonly name: string;
  readonly mode: Mode;
  readonly codec: Codec | undefined;
  /** Resolves when it has ended, in whatever way. */
  readonly closed: Promise<void>;
  readonly #port: StreamPort;
  readonly #shelf: Shelf;
  readonly #subscribers = new Listeners<StreamMessage>();
  readonly #reaches = new Listeners<ReadonlyMap<ParticipantId, Reach>>();
  /** Who has ended it and has not begun anew, and why. */
  readonly #ended = new Map<ParticipantId, CallmeshError | undefined>();
  #waiting: (() => void)[] = [];
  #over: CallmeshError | undefined;
  #settleClosed: (() => void) | undefined;
  #ending: Promise<void> | undefined;
  /** Whether somebody has begun to read what is not read apart; whether nobody did, and too much came. */
  #wasRead = false;
  #full = false;
  /** For what too much waits: for that of senders that are read apart, and, where undefined, of all others. */
  readonly #held = new Set<ParticipantId | undefined>();

  constructor(name: string, mode: Mode, port: StreamPort, codec?: Codec) {
    this.name = name;
    this.mode = mode;
    this.codec = codec;
    this.#port = port;
    this.#shelf = new Shelf(mode);
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
  }

  /** Whether it has ended here. */
  get over(): boolean {
    return this.#over !== undefined;
  }

  /** Mode `latest`: messages that a newer one replaced, here or at the reader, or that came late. */
  get dropped(): number {
    return this.#shelf.dropped + this.#port.dropped;
  }

  // --- writing

  /**
   * Send bytes or a JSON value. Resolves when the next one may be sent: in mode `latest` at once, in `reliable`
   * while less than 1 MiB is not acknowledged by one of those who read it.
   *
   * Rejects with `BadValue`, `TooLarge`, or `Closed`.
   */
  async send(data: unknown, { to, signal }: SendOptions = {}): Promise<void> {
    if (this.#over !== undefined) throw this.#over;
    if (signal?.aborted === true) throw signal.reason;
    if (to?.length === 0) return;
    const sent = this.#port.send(payloadOf(this.codec === undefined ? data : this.codec.encode(data as never)), to);
    await (signal === undefined ? sent : unlessAborted(sent, signal));
  }

  // --- whom it reaches

  /** Who has it open, as far as they have said: what is sent reaches them. */
  get reaches(): ReadonlySet<ParticipantId> {
    return new Set([...this.#port.reach()].flatMap(([id, { reads }]) => (reads ? [id] : [])));
  }

  /** How it stands to each of the others. */
  get stats(): ReadonlyMap<ParticipantId, Reach> {
    return this.#port.reach();
  }

  /** Told when it reaches others, or by another path; and at once. Returns what ends it. */
  onReach(fn: (reach: ReadonlyMap<ParticipantId, Reach>) => void): () => void {
    const stop = this.#reaches.add(fn);
    fn(this.stats);
    return stop;
  }

  /**
   * Resolves, with whom it reaches, when everybody who is here has said whether they read it, and those in `to`
   * do. Nothing need wait for it: in mode `reliable` what is sent before reaches them too.
   *
   * Rejects with `TimedOut`, `Closed`, or the signal's reason.
   */
  async ready({ to = [], signal, timeout = READY }: ReadyOptions = {}): Promise<ReadonlySet<ParticipantId>> {
    const stops: (() => void)[] = [];
    const settled = new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (this.#over !== undefined) reject(this.#over);
        const reaches = this.reaches;
        if (this.#port.settled() && to.every((id) => reaches.has(id))) resolve();
      };
      stops.push(this.#reaches.add(look));
      stops.push(this.#port.after(timeout, () => reject(new TimedOut(`stream ${this.name} does not reach everybody yet`))));
      look();
    });
    try {
      await unlessAborted(settled, signal);
    } finally {
      for (const stop of stops) stop();
    }
    return this.reaches;
  }

  // --- reading

  /** Be told of every message; at once of those that wait. Returns what ends it. */
  subscribe(fn: (message: StreamMessage) => void): () => void {
    const stop = this.#subscribers.add(fn);
    this.#wasRead = true;
    this.#tell();
    return stop;
  }

  /** Ends when the stream is closed. Throws `Broken`, once, where something was lost; `TooFast` where it was not opened. */
  [Symbol.asyncIterator](): AsyncGenerator<StreamMessage, void> {
    return this.messages();
  }

  /** The same, which `signal` may end. */
  messages({ signal }: ReadOptions = {}): AsyncGenerator<StreamMessage, void> {
    return this.#messages(undefined, signal);
  }

  /**
   * What one sender sends, which other readers here do not get meanwhile. Ends when they have closed the stream,
   * and throws `EndedByPeer` if they were cut short. Where several read one apart, each message is for one of them,
   * and the end for all.
   */
  of(sender: ParticipantId, { signal }: ReadOptions = {}): AsyncGenerator<StreamMessage, void> {
    return this.#messages(sender, signal);
  }

  async *#messages(from: ParticipantId | undefined, signal: Abort | undefined): AsyncGenerator<StreamMessage, void> {
    const stop = (): void => this.#wake();
    signal?.addEventListener("abort", stop);
    if (from !== undefined) this.#readApart(from);
    else this.#wasRead = true;
    try {
      while (signal?.aborted !== true) {
        const item = this.#take(from);
        if (item?.kind === "message") yield item.message;
        else if (item !== undefined) {
          if (item.why !== undefined) throw item.why;
          return;
        } else if (this.#over !== undefined) {
          if (this.#over instanceof Refused) throw this.#over;
          return;
        } else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
      }
    } finally {
      signal?.removeEventListener("abort", stop);
      if (from !== undefined) this.#readTogether(from);
    }
  }

  #readApart(from: ParticipantId): void {
    if (!this.#shelf.readApart(from)) return;
    if (this.#ended.has(from)) this.#shelf.end(from, this.#ended.get(from), false);
    else if (this.#full) this.#shelf.end(from, overflow(), false);
    if (this.#shelf.isOver(from)) this.#held.add(from);
    this.#turned(from, this.takes(from)); // it waits for others here no more
    this.#look(undefined);
  }

  #readTogether(from: ParticipantId): void {
    if (!this.#shelf.readTogether(from)) return;
    this.#held.delete(from);
    this.#turned(from, undefined);
    this.#look(undefined);
    this.#tell(); // what is left of it is for others here
  }

  #take(from?: ParticipantId): Item | undefined {
    const item = this.#shelf.take(from);
    if (item !== undefined || from !== undefined || !this.#full) {
      this.#look(from);
      return item;
    }
    this.#full = false;
    this.#held.delete(undefined);
    this.#turned(undefined, "yes");
    return { kind: "end", why: overflow(), size: 0 };
  }

  /** See whether too much waits for the readers of one sender, or of all others; where nobody ever did, it stays so. */
  #look(from: ParticipantId | undefined): void {
    const over = this.#shelf.isOver(from);
    if (over === this.#held.has(from) || (from === undefined && this.#full)) return;
    if (over) this.#held.add(from);
    else this.#held.delete(from);
    if (from === undefined) this.#full = over && !this.#wasRead;
    this.#turned(from, from === undefined && this.#full ? "no" : over ? "wait" : "yes");
  }

  #turned(sender: ParticipantId | undefined, taking: Taking | undefined): void {
    if (this.#over === undefined) this.#port.turned(taking, sender);
  }

  // --- the end

  /**
   * Send what is left, then end: readers see that it was all. Nothing more is read here.
   *
   * Resolves when everybody has everything. Twice is fine.
   */
  close(): Promise<void> {
    if (this.#ending === undefined) {
      const sent = this.#over === undefined ? this.#port.end() : Promise.resolve();
      this.#over ??= new Closed("this stream was closed");
      this.#wake();
      this.#ending = sent.finally(() => this.#finish());
    }
    return this.#ending;
  }

  /** End it now: what has not left does not, and readers of this sender get `EndedByPeer`. */
  abort(): void {
    this.#over ??= new Closed("this stream was aborted");
    this.#finish();
  }

  #finish(): void {
    if (this.#settleClosed === undefined) return;
    this.#settleClosed();
    this.#settleClosed = undefined;
    this.#wake();
    this.#port.closed();
    this.#reaches.tell(new Map());
  }

  // --- for who runs the stream

  receive({ sender, number, json, payload }: Whole): void {
    this.#ended.delete(sender);
    try {
      const data = this.codec === undefined ? readPayload({ json, payload }) : decoded(this.codec, payload);
      this.#shelf.put({ data: data as Json | Uint8Array, sender, number }, payload.length);
    } catch (error) {
      if (!(error instanceof BadInput)) throw error; // what a peer should not have sent is dropped (D8)
    }
    this.#tell();
    this.#look(this.#shelf.isApart(sender) ? sender : undefined);
  }

  takes(sender: ParticipantId): Taking {
    if (this.#shelf.isApart(sender)) return this.#held.has(sender) ? "wait" : "yes";
    return this.#full ? "no" : this.#held.has(undefined) ? "wait" : "yes";
  }

  /** A sender has ended it; or what it sent and had to arrive is lost, which every reader is told. */
  ended({ sender, why }: End): void {
    const lost = why instanceof Broken;
    if (!lost) keepNewest(this.#ended.set(sender, why));
    this.#shelf.end(sender, why, lost);
    this.#wake();
  }

  /** A sender that had ended it has opened it again. */
  began(sender: ParticipantId): void {
    this.#ended.delete(sender);
  }

  /** Whom it reaches is another. */
  reachChanged(): void {
    this.#reaches.tell(this.stats);
  }

  end(reason: CallmeshError): void {
    this.#over ??= reason;
    this.#finish();
  }

  #tell(): void {
    this.#wake(); // also who reads one sender apart, while others subscribe
    if (this.#subscribers.size === 0) return;
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      if (next.kind === "message") this.#subscribers.tell(next.message);
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function overflow(): Broken {
  return new Broken("too many messages waited to be read: nobody read here");
}

function decoded(codec: Codec, payload: Uint8Array): unknown {
  try {
    return codec.decode(payload);
  } catch (cause) {
    throw new BadValue("the codec cannot read it", { cause });
  }
}
