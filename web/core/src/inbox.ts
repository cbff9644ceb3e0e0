/** What has come of one stream, from all senders: what of it is new, whole, and in order. */

import { Broken, EndedByPeer, type CallmeshError } from "./errors.ts";
import type { ParticipantId } from "./ids.ts";
import type { Mode } from "./messages.ts";
import { HEAD, MAX_MESSAGE, MAX_PARTS, type Piece } from "./stream.ts";

/** Bytes of a sender after which it is told at once that they came; less is told now and then. */
export const ACK = 64 * 1024;
/** Bytes of one sender that are not acknowledged: no honest one has more under way. */
export const MOST_OWED = MAX_MESSAGE + 2 * 1024 * 1024;

/** Senders of whom it is remembered how they ended, for those who begin to read them apart. */
export const MOST_ENDED = 1_000;

/**
 * `due`: it is new, and its sender is to be told at once how far it has come. `old`: it was here before.
 * `mark`: its sender asks how far it has come. `gap`: what should have come before it did not, so it is passed
 * over. `lost`: its sender says that some of it will not come any more.
 */
export type Came = "new" | "due" | "old" | "mark" | "gap" | "lost";

/** A whole message as it travelled. */
export interface Whole {
  readonly sender: ParticipantId;
  readonly number: number;
  readonly json: boolean;
  readonly payload: Uint8Array;
}

/** A sender has sent all that it wanted to, or `why` not; or what had to arrive is lost, which `Broken` says. */
export interface End {
  readonly sender: ParticipantId;
  readonly why: CallmeshError | undefined;
}

/** What one sender has sent. */
export class Source {
  /** Under which opening of the stream it is read. */
  readonly opened: number;
  /** Mode `reliable`: all up to here has come. In `latest`, the largest number that has. */
  last = 0;
  /** Whether what came last came through a channel: by that way it is answered. */
  direct = false;
  /** Up to where it was told that all has come. */
  told = 0;
  /** Bytes that have come and were not acknowledged. */
  owed: number;
  /** Whether its readers were told that something is lost, and nothing has come since. */
  broken: boolean;
  /** When it was asked to send once more, until something comes. */
  asked: number | undefined;
  /** Payload bytes. */
  got = 0;
  /** Messages that came whole, and in time. */
  messages = 0;
  /** Mode `latest`: messages, or parts, that came after a newer one. */
  late = 0;
  /** Mode `latest`: messages that did not come, as far as can be seen. */
  lost = 0;
  /** The number of the first part of the message that came last, and what there is of it while it is not whole. */
  base = 0;
  parts: Map<number, Uint8Array> | undefined;
  size = 0;

  constructor(opened: number, owed = 0, broken = false) {
    this.opened = opened;
    this.owed = owed;
    this.broken = broken;
  }
}

export interface InboxUser {
  whole(message: Whole): void;
  end(end: End): void;
  /** A sender that has ended the stream has opened it again. */
  began(sender: ParticipantId): void;
}

export class Inbox {
  readonly mode: Mode;
  readonly sources = new Map<ParticipantId, Source>();
  readonly #user: InboxUser;
  /** Who has ended it and has not begun anew, the latest last. */
  readonly #ended = new Set<ParticipantId>();
  #opened: number;
  #late = 0;

  constructor(mode: Mode, opened: number, user: InboxUser) {
    this.mode = mode;
    this.#opened = opened;
    this.#user = user;
  }

  /** How often this stream was opened here, or begun anew after something was lost. */
  get opened(): number {
    return this.#opened;
  }

  /** Mode `latest`: messages, or parts, that came after a newer one. */
  get late(): number {
    return this.#late;
  }

  /** Made when it is met: what it was told once of `opened` stands, whatever others do. */
  source(sender: ParticipantId): Source {
    let found = this.sources.get(sender);
    if (found === undefined) this.sources.set(sender, (found = new Source(this.#opened)));
    return found;
  }

  /** Take a piece in. */
  put(sender: ParticipantId, piece: Piece): Came {
    const source = this.source(sender);
    if (this.mode === "latest") return this.#putLatest(source, sender, piece);
    const { number, step, payload } = piece;
    if (number === 0) return source.owed > MOST_OWED ? "old" : this.#lose(sender, source);
    if (number - step > source.last) return "gap";
    if (number <= source.last) return step > 0 ? "old" : "mark";
    if (source.owed > MOST_OWED) return "old"; // it goes on though it is not to
    source.last = number;
    source.asked = undefined;
    source.broken = false;
    source.got += payload.length;
    source.owed += payload.length + HEAD;
    this.#take(source, sender, piece);
    return source.owed >= ACK || piece.parts === 0 ? "due" : "new";
  }

  #take(source: Source, sender: ParticipantId, piece: Piece): void {
    const { number, json, payload, parts } = piece;
    this.#ended.delete(sender); // it has opened the stream again
    if (parts === 1) {
      source.parts = undefined;
      source.messages++;
      this.#user.whole({ sender, number, json, payload });
    } else if (parts === 0) {
      this.end(sender, false);
    } else {
      this.#join(source, sender, piece);
    }
  }

  #putLatest(source: Source, sender: ParticipantId, piece: Piece): Came {
    const { number, step, part, parts, payload } = piece;
    const base = number - part;
    if (step === 0 || number === 0) return "mark";
    if (base < source.base || (base === source.base && source.parts === undefined)) {
      this.#late++;
      source.late++;
      return "old";
    }
    if (base > source.base) {
      if (source.parts !== undefined || (part === 0 && number - step > source.last)) source.lost++;
      source.parts = undefined;
    }
    source.last = Math.max(source.last, number);
    source.got += payload.length;
    if (parts === 1) source.base = base;
    this.#take(source, sender, piece);
    return "new";
  }

  #join(source: Source, sender: ParticipantId, { number, json, payload, part, parts }: Piece): void {
    const base = number - part;
    if (parts > MAX_PARTS || part >= parts || base < 1) return; // what a peer should not have sent (D8)
    if (source.parts === undefined || source.base !== base) {
      source.base = base;
      source.parts = new Map();
      source.size = 0;
    }
    if (!source.parts.has(part)) {
      source.parts.set(part, payload);
      source.size += payload.length;
    }
    if (source.size > MAX_MESSAGE) source.parts = undefined;
    if (source.parts?.size !== parts) return;
    const whole = joined(source.parts, parts, source.size);
    source.parts = undefined;
    source.messages++;
    this.#user.whole({ sender, number: base + parts - 1, json, payload: whole });
  }

  /**
   * Messages that had to arrive will not: this participant did not take them in time. What a sender sends from now on
   * is taken. Its readers are told once until something comes.
   */
  #lose(sender: ParticipantId, { owed, broken }: Source): Came {
    if (!broken) this.#user.end({ sender, why: lostOf(sender) });
    this.#opened++;
    this.sources.set(sender, new Source(this.#opened, broken ? owed : owed + HEAD, true));
    return "lost";
  }

  /** Begin anew with a sender: what it sends is taken now. */
  reopen(sender: ParticipantId): void {
    this.#opened++;
    this.sources.set(sender, new Source(this.#opened));
  }

  /** A sender has ended the stream, or was `cut` short. */
  end(sender: ParticipantId, cut: boolean): void {
    if (this.#ended.has(sender) || !this.sources.has(sender)) return;
    keepNewest(this.#ended.add(sender));
    const why = cut ? new EndedByPeer("the sender did not end this stream, and sends no more") : undefined;
    this.#user.end({ sender, why });
  }

  /** A sender is here, or has opened the stream again: an end of before counts no more. */
  began(sender: ParticipantId): void {
    this.source(sender);
    if (this.#ended.delete(sender)) this.#user.began(sender);
  }

  /** A sender left. Who comes back as the same one is told that this begins anew. */
  gone(sender: ParticipantId): void {
    this.end(sender, true);
    if (this.sources.delete(sender)) this.#opened++;
  }
}

/** Of those who have ended a stream, the latest are remembered. */
export function keepNewest(ended: Set<ParticipantId> | Map<ParticipantId, unknown>): void {
  for (const sender of ended.keys()) {
    if (ended.size <= MOST_ENDED) return;
    ended.delete(sender);
  }
}

/** What readers get where messages of one sender that had to arrive will not. */
export function lostOf(sender: ParticipantId): Broken {
  return new Broken(`messages of ${sender} are lost: for too long, none was acknowledged or read`, { sender });
}

function joined(parts: ReadonlyMap<number, Uint8Array>, count: number, size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (let part = 0; part < count; part++) {
    const payload = parts.get(part);
    if (payload === undefined) continue;
    whole.set(payload, at);
    at += payload.length;
  }
  return whole;
}
