/**
 * What one receiver of one stream has not got yet: what waits to leave, and what may be lost.
 *
 * E1 In mode `reliable` a piece is kept until its receiver has said that it came. What has left goes
 *    once more when the path is another one, or when the receiver asks for it.
 * E2 Each piece says by how much the number of the one before it, for this receiver, is smaller: who
 *    lacks that one takes nothing, and asks. So nothing is lost, doubled or overtaken, whatever the
 *    paths between do.
 * E3 Who acknowledges nothing though something is under way is asked now and then; after `STALLED` the
 *    stream is lost to them, whatever else they say, and they are told when they say something again.
 * E4 In mode `reliable` small messages that wait leave together through a channel. The first of a turn
 *    leaves at once, what follows in the same turn at its end.
 * E5 In mode `latest` what leaves in one turn after the first is packed, and goes at its end or when a
 *    packet is full. It has left then: nothing replaces it.
 */

import { MICROSECONDS } from "./clock.ts";
import { STREAM_WINDOW, type Mode } from "./messages.ts";
import { Meter } from "./meter.ts";
import { Queue } from "./queue.ts";
import { HEAD, NO_BYTES, PACK, PACKET, SMALL, type Piece } from "./stream.ts";

/** Bytes that one receiver has not acknowledged before `send` waits. */
export const HIGH_WATER = 1024 * 1024;
/** How long a receiver may acknowledge nothing of what is under way before the stream is lost. */
export const STALLED = 30 * MICROSECONDS;
/** How long nothing comes back before one asks, at first and at most. */
export const ASK = [2 * MICROSECONDS, 16 * MICROSECONDS] as const;
export const LEAST_WINDOW = STREAM_WINDOW / 2;
/** The round trip is measured so often, while something goes. */
export const MEASURE = 5 * MICROSECONDS;

/**
 * `unknown`: they have not said yet, and what is sent waits for their answer. `idle`: they have not opened
 * the stream, and nothing is sent. `lost`: they acknowledged nothing for too long, and do not know yet.
 */
export type Reading = "unknown" | "reads" | "idle" | "lost";

/** `open`: ask whether they read it. `mark`: ask how far they have come. `lose`: they have lost it just now. */
export type Due = "nothing" | "open" | "mark" | "lose";

/** What goes as one message of a channel, and the step of the first of it. */
export interface Frame {
  readonly pieces: readonly Piece[];
  readonly step: number;
}

export class Lane {
  readonly mode: Mode;
  reading: Reading = "unknown";
  /** How often they had opened it when they said something last. */
  opened = 0;
  /** Whether they are not here for the moment: what is sent waits for them. */
  away = false;
  /** Whether they came after the stream was opened: maybe once more, from far away. */
  late = false;
  /** Whether they read it, and get what is kept when that is due: they have had much (D16). */
  putOff = false;
  /** Whether it goes through a channel now. */
  direct = false;
  readonly waiting = new Queue<Piece>();
  /** Mode `reliable`: what has left and is not acknowledged. */
  readonly sent = new Queue<Piece>();
  /** Bytes of both, and of those that have left. */
  size = 0;
  flying = 0;
  /** Bytes that may be under way by the relay. */
  window = STREAM_WINDOW;
  /** The number of the last that was put here, and up to which it was acknowledged. */
  last = 0;
  acked = 0;
  /** That of the piece which was taken last. */
  step = 1;
  /** Mode `latest`: messages that a newer one replaced before they left. */
  dropped = 0;
  /** Pieces that went once more. */
  resent = 0;
  /** How often the stream was lost to them. */
  losses = 0;
  /** Payload bytes that have left. */
  out = 0;
  /** Messages that have left, to the last of their parts. */
  messages = 0;
  readonly meter = new Meter();
  /** Mode `latest`: the share of what left that did not come in time, as they said last. */
  loss = 0;
  /** Microseconds, measured last. */
  roundTrip: number | undefined;
  #before = 0;
  /** Whether they have come to read it, or acknowledged something, since the last tick. */
  #moved = true;
  /** Whether something went again since the last tick because they asked for it; and nothing came of it yet. */
  #heeded = false;
  #lacks = false;
  /** Mode `latest`: what has left, and goes with what leaves after it; its bytes, and the step of the first. */
  #pack: Piece[] = [];
  #packed = 0;
  #packStep = 1;
  #since = 0;
  #tryAt = 0;
  #measured = 0;
  #pause: number = ASK[0];
  /** The number up to which they were asked, when, and how many messages had left. */
  #marked: { readonly number: number; readonly at: number; readonly messages: number } | undefined;
  /** How many messages had left when they said something last, and how many had come. */
  #known = { left: 0, came: 0 };

  constructor(mode: Mode) {
    this.mode = mode;
  }

  /** Whether `send` should wait: only ever in mode `reliable`. */
  get full(): boolean {
    return this.size >= HIGH_WATER && this.mode === "reliable";
  }

  /** Whether what is sent concerns them. */
  get takes(): boolean {
    return this.reading === "reads" || this.reading === "unknown";
  }

  /** Whether something should leave by way of the hub now. */
  get mayRelay(): boolean {
    return !this.direct && !this.away && this.waiting.length > 0 && this.reading === "reads" && this.flying < this.window;
  }

  put(piece: Piece): void {
    if (this.mode === "latest" && piece.part === 0 && this.waiting.length > 0) {
      this.dropped++;
      this.waiting.clear();
      this.size = 0;
    }
    this.waiting.push(piece);
    this.size += piece.payload.length + HEAD;
    this.last = piece.number;
  }

  /** What leaves now; `step` is its step. */
  take(): Piece | undefined {
    const piece = this.waiting.shift();
    if (piece === undefined) return undefined;
    const size = piece.payload.length;
    this.step = piece.number - this.#before;
    this.#before = piece.number;
    this.out += size;
    if (piece.part + 1 >= piece.parts) this.messages++;
    if (this.mode === "reliable") {
      this.sent.push(piece);
      this.flying += size + HEAD;
    } else {
      this.size -= size + HEAD;
    }
    return piece;
  }

  /** What leaves now as one message of a channel; `step` is that of its first piece (E4). */
  takeFrame(): Piece[] {
    const first = this.take();
    if (first === undefined) return [];
    const { step } = this;
    const frame: Piece[] = [];
    let size = 0;
    for (let piece: Piece | undefined = first; piece !== undefined; piece = size < PACK ? this.#takeAfter(piece) : undefined) {
      frame.push(piece);
      size += piece.payload.length + HEAD;
    }
    this.step = step;
    return frame;
  }

  /** The next one, if it is as small as this one, and comes right after it. */
  #takeAfter(piece: Piece): Piece | undefined {
    const { head } = this.waiting;
    if (head?.number !== piece.number + 1 || this.mode === "latest" || !isSmall(piece) || !isSmall(head)) return undefined;
    return this.take();
  }

  /** Whether what waits would rather leave together with what may follow in this turn. */
  get mayWait(): boolean {
    return this.mode === "reliable" && this.size - this.flying < PACK;
  }

  /** Mode `latest`: what goes now that this one has left as well (E5). */
  pack(piece: Piece, step: number): Frame[] {
    const small = isSmall(piece);
    const size = piece.payload.length + 12; // with its head, about
    if (this.#pack.length > 0 && small && step === 1 && this.#packed + size <= PACKET) {
      this.#pack.push(piece);
      this.#packed += size;
      return [];
    }
    const before = this.unpack();
    if (!small) return [...before, { pieces: [piece], step }];
    this.#pack = [piece];
    this.#packed = size;
    this.#packStep = step;
    return before;
  }

  /** What was packed goes. */
  unpack(): Frame[] {
    if (this.#pack.length === 0) return [];
    const frame = { pieces: this.#pack, step: this.#packStep };
    this.#pack = [];
    return [frame];
  }

  get packed(): boolean {
    return this.#pack.length > 0;
  }

  /** What left may be lost: all that is not acknowledged goes once more. */
  rewind(): void {
    this.resent += this.sent.length;
    this.waiting.prepend(this.sent);
    this.flying = 0;
    this.#pack = [];
    this.#before = this.acked;
    this.#marked = undefined;
  }

  /** They lack something that was under way: heeded once between two ticks (E3). */
  again(): void {
    if (this.#heeded) return;
    this.rewind();
    this.#heeded = true;
    this.#lacks = this.mode === "reliable" && this.waiting.length > 0;
    if (!this.direct) this.window = Math.max(LEAST_WINDOW, Math.floor(this.window / 2));
  }

  /** All up to `said` has come, `came` messages; what was never sent cannot have. */
  acknowledge(said: number, now: number, came = 0): void {
    const number = Math.min(said, this.last);
    this.#measure(number, now, came);
    if (number <= this.acked) return;
    this.acked = number;
    this.#before = Math.max(this.#before, number);
    this.#moved = true;
    this.#lacks = false;
    const before = this.size;
    this.flying -= this.#letGo(this.sent, number);
    this.#letGo(this.waiting, number);
    this.window = Math.min(HIGH_WATER, this.window + before - this.size);
  }

  #letGo(queue: Queue<Piece>, number: number): number {
    let sum = 0;
    for (let { head } = queue; head !== undefined && head.number <= number; head = queue.head) {
      queue.shift();
      sum += head.payload.length + HEAD;
    }
    this.size -= sum;
    return sum;
  }

  #measure(number: number, now: number, came: number): void {
    if (this.#marked === undefined) return;
    const { messages } = this.#marked;
    if (this.mode === "latest") {
      const left = messages - this.#known.left;
      this.loss = left > 0 ? Math.min(1, Math.max(0, 1 - (came - this.#known.came) / left)) : 0;
      this.#known = { left: messages, came };
    } else if (number < this.#marked.number) {
      return;
    }
    this.roundTrip = now - this.#marked.at;
    this.#marked = undefined;
  }

  // --- how they stand to it

  /** They read it, or do not: then nothing is kept for them. */
  turn(reading: Reading): void {
    this.#moved ||= reading !== this.reading;
    this.reading = reading;
    if (!this.takes) this.#clear();
  }

  /** They have opened it anew, and begin with what is sent from now on. */
  restart(opened: number): void {
    this.#clear();
    this.acked = this.#before = 0;
    this.#known = { left: this.messages, came: 0 };
    this.opened = opened;
    this.turn("reads");
    this.#moved = true;
  }

  #clear(): void {
    this.waiting.clear();
    this.sent.clear();
    this.size = this.flying = 0;
    this.#pack = [];
    this.#marked = undefined;
    this.#lacks = false;
  }

  /** Let time pass (E3). */
  due(now: number): Due {
    this.#heeded = false;
    if (this.#moved || !this.#waitsForThem) {
      this.#moved = false;
      this.#since = now;
      this.#pause = ASK[0];
      this.#tryAt = now + this.#pause;
      return this.#dueMeasuring(now);
    }
    if (now - this.#since >= STALLED && this.reading !== "lost") return this.#giveUp();
    if (now < this.#tryAt) return "nothing";
    this.#pause = Math.min(2 * this.#pause, ASK[1]);
    this.#tryAt = now + this.#pause;
    if (this.reading === "reads" && this.flying === 0) return "nothing"; // they have asked, and nothing could leave
    return this.reading === "unknown" ? "open" : "mark";
  }

  get #waitsForThem(): boolean {
    if (this.away) return false;
    return this.reading === "reads" ? this.flying > 0 || this.#lacks : this.reading !== "idle";
  }

  #dueMeasuring(now: number): Due {
    const goes = this.mode === "latest" ? this.messages > this.#known.left && this.reading === "reads" : this.flying > 0;
    if (!goes || now - this.#measured < MEASURE) return "nothing";
    this.#measured = now;
    return "mark";
  }

  #giveUp(): Due {
    if (this.reading === "unknown") {
      this.turn("idle");
      return "nothing";
    }
    this.turn("lost");
    this.losses++;
    return "lose";
  }

  /** A piece of no content, which is answered at once with how far they have come. */
  mark(now: number): Piece {
    const number = this.reading === "lost" ? this.last : this.#before;
    if (this.#marked?.number !== number || this.mode === "latest") this.#marked = { number, at: now, messages: this.messages };
    return { number, json: false, payload: NO_BYTES, step: 0, part: 0, parts: 1 };
  }
}

function isSmall({ parts, payload }: Piece): boolean {
  return parts === 1 && payload.length <= SMALL;
}
