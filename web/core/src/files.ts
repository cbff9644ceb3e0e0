/**
 * Files without I/O: what the two sides of a transfer say, and what each makes of it.
 *
 * All of it goes through one `reliable` stream of the resource, which apps cannot open:
 *
 *     sender     offer ─────▶ (again, while nothing is heard) ──▶ part part part …    cancel
 *     receiver          ◀──── accept, from which byte on                     done │ refuse
 *
 * A receiver that lacks something says `accept` again, with where it stands; the sender goes on from there.
 * So whatever was lost on the way, by a restart on either side too, is sent again.
 */

import { MICROSECONDS } from "./clock.ts";
import { EndedByPeer, fromWire, TimedOut, WireError, type CallmeshError } from "./errors.ts";
import { characters, seen, type ParticipantId, type PersonId } from "./ids.ts";
import type { Kept, KeptFile } from "./messages.ts";
import { Queue } from "./queue.ts";
import type { JsonObject } from "./values.ts";

/** The name of the stream; apps cannot take one that begins with a dot. */
export const FILES = ".files";
/** Bytes of a file in one message. */
export const PART = 56 * 1024;
/** Bytes of a file that a receiver takes unless it says otherwise. */
export const MAX_SIZE = 1024 ** 3;
/** Offers and transfers of one sender that a receiver has open. */
export const MAX_OFFERS = 16;
/** Answers that a receiver gives again when it is offered the same once more. */
export const REMEMBERED = 256;
/** After which one says again what was not answered. */
export const REMIND = 10 * MICROSECONDS;
/** How long an offer waits for an answer. */
export const ANSWER_TIME = 300 * MICROSECONDS;
/** How long one waits for the other side, or for the same person anew, to be in the call. */
export const ABSENCE = 60 * MICROSECONDS;
/** Bytes of a file's name, in UTF-8. */
const MAX_FILE_NAME = 120;
const MAX_WHY = 400;
/** Bytes of a reason that are sent. */
const MAX_REASON = 200;

export interface Offer {
  readonly word: "offer";
  /** Chosen by the sender, for all receivers. */
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly type: string;
}

/** `accept`: `at` is the first byte that is wanted. `done`: all came, and its hash is right. */
export type Word =
  | Offer
  | { readonly word: "accept"; readonly id: string; readonly at: number }
  | { readonly word: "done"; readonly id: string }
  | { readonly word: "refuse"; readonly id: string; readonly code: string; readonly why: string }
  | { readonly word: "cancel"; readonly id: string; readonly why: string };

export interface Part {
  readonly word: "part";
  readonly id: string;
  readonly at: number;
  readonly data: Uint8Array;
}

const PART_HEAD = 16;

export function encodePart(id: string, at: number, data: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(PART_HEAD + data.length);
  for (let index = 0; index < 8; index++) encoded[index] = Number.parseInt(id.slice(2 * index, 2 * index + 2), 16);
  new DataView(encoded.buffer).setBigUint64(8, BigInt(at));
  encoded.set(data, PART_HEAD);
  return encoded;
}

/** What a peer said. Raises `WireError`. */
export function decodeWord(data: unknown): Word | Part {
  if (data instanceof Uint8Array) return decodePart(data);
  if (typeof data !== "object" || data === null || Array.isArray(data)) throw new WireError("not a word about a file");
  const { word, id, name, size, sha256, type = "", at, code, why } = data as JsonObject;
  if (typeof id === "string" && /^[0-9a-f]{16}$/.test(id)) {
    if (word === "offer" && isText(name, 1024) && isSize(size) && isText(sha256, 64) && isText(type, 128)) {
      if (/^[0-9a-f]{64}$/.test(sha256)) return { word, id, name, size, sha256, type };
    }
    if (word === "accept" && isSize(at)) return { word, id, at };
    if (word === "done") return { word, id };
    if (word === "refuse" && isText(code, 40) && isText(why, MAX_WHY)) return { word, id, code, why };
    if (word === "cancel" && isText(why, MAX_WHY)) return { word, id, why };
  }
  throw new WireError("not a word about a file");
}

function decodePart(data: Uint8Array): Part {
  if (data.length <= PART_HEAD || data.length > PART_HEAD + PART) throw new WireError("not a part of a file");
  const at = new DataView(data.buffer, data.byteOffset).getBigUint64(8);
  if (at > BigInt(Number.MAX_SAFE_INTEGER)) throw new WireError("not a part of a file");
  const id = Array.from(data.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { word: "part", id, at: Number(at), data: data.subarray(PART_HEAD) };
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value.length <= 2 * most && characters(value) <= most;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** What the hub keeps now, where it kept that before (F7). */
export function keptAfter(before: readonly KeptFile[], { files, whole, gone }: Omit<Kept, "type">): readonly KeptFile[] {
  const found = new Map((whole ? [] : before).map((file) => [file.id, file]));
  for (const file of files) found.set(file.id, file);
  for (const id of gone) found.delete(id);
  return [...found.values()];
}

const DEVICE = /^(?:CON|PRN|AUX|NUL|COM[1-9]|LPT[1-9])$/i;
const utf8 = new TextEncoder();

/** The name under which a file can lie in a folder of any system: no path, nothing unseen. */
export function fileName(text: string): string {
  const last = text.replaceAll("\\", "/").split("/").at(-1) ?? "";
  const shown = seen(last).replace(/[<>:"|?*]/g, "_");
  const name = trimmed(shown.split(" ").filter(Boolean).join(" "));
  const dot = name.lastIndexOf(".");
  let [stem, ending] = dot < 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot)];
  if (utf8.encode(ending).length > 17) [stem, ending] = [name, ""];
  stem = trimmed(cut(stem, MAX_FILE_NAME - utf8.encode(ending).length));
  if (DEVICE.test((stem.split(".")[0] ?? "").trimEnd())) stem = `_${stem}`;
  return stem === "" ? ending.slice(1) || "file" : stem + ending;
}

function trimmed(text: string): string {
  return text.replace(/^[. ]+|[. ]+$/g, "");
}

/** As many whole characters as fit. */
function cut(text: string, bytes: number): string {
  let room = bytes;
  let kept = "";
  for (const character of text) {
    room -= utf8.encode(character).length;
    if (room < 0) break;
    kept += character;
  }
  return kept;
}

export function refusal(id: string, error: CallmeshError): Word {
  return { word: "refuse", id, code: error.code, why: cut(error.message, MAX_WHY) };
}

export function cancellation(id: string, why: string): Word {
  return { word: "cancel", id, why: cut(why, MAX_REASON) };
}

/** `opening`: the receiver sees where it puts it. `sent`: all has left, and the receiver has not said that it is right. */
export type Stage = "offered" | "opening" | "running" | "sent" | "over";

/** One side of one transfer. */
class Half {
  peer: ParticipantId;
  readonly person: PersonId;
  offer: Offer;
  stage: Stage = "offered";
  /** The next byte. */
  at = 0;
  /** Why it came to nothing, once it is over. */
  why: CallmeshError | undefined;
  protected moved: number;
  protected said: number;
  #absent: number | undefined;

  constructor(peer: ParticipantId, person: PersonId, offer: Offer, now: number) {
    this.peer = peer;
    this.person = person;
    this.offer = offer;
    this.moved = this.said = now;
  }

  get over(): boolean {
    return this.stage === "over";
  }

  /** Whether the other side is not in the call. */
  get absent(): boolean {
    return this.#absent !== undefined;
  }

  end(why: CallmeshError | undefined): void {
    if (this.over) return;
    this.stage = "over";
    this.why = why;
  }

  /** Note whether the other side is in the call; false where it was away for too long. */
  present(here: boolean, now: number): boolean {
    this.#absent = here ? undefined : (this.#absent ?? now);
    return this.#absent === undefined || now - this.#absent < ABSENCE;
  }
}

/** What is sent to one receiver. */
export class Outgoing extends Half {
  readonly #patience: number;

  constructor(peer: ParticipantId, person: PersonId, offer: Offer, now: number, patience = ANSWER_TIME) {
    super(peer, person, offer, now);
    this.#patience = patience;
  }

  hear(word: Word, now: number): void {
    if (this.over) return;
    const { size } = this.offer;
    if (word.word === "accept" && word.at <= size) {
      this.at = word.at;
      this.moved = now;
      this.stage = word.at === size ? "sent" : "running";
    } else if (word.word === "done") {
      this.at = size;
      this.end(undefined);
    } else if (word.word === "refuse") {
      this.end(fromWire(word.code, word.why));
    }
  }

  /** Where the part that leaves next begins and ends; undefined while none should leave. */
  get next(): { readonly at: number; readonly end: number } | undefined {
    if (this.stage !== "running") return undefined;
    return { at: this.at, end: Math.min(this.at + PART, this.offer.size) };
  }

  /** A part has left: the next follows, unless the receiver asked for another one. */
  left(at: number, end: number, now: number): void {
    if (this.stage !== "running" || this.at !== at) return;
    this.at = end;
    this.moved = this.said = now;
    if (end === this.offer.size) this.stage = "sent";
  }

  /** The receiver is another participant of the same person now. */
  move(peer: ParticipantId, now: number): Offer {
    this.peer = peer;
    this.moved = now;
    return this.again(now);
  }

  /** The receiver does not read at the moment, or may have lost something: ask anew. */
  again(now: number): Offer {
    if (this.stage === "running") this.stage = "offered";
    this.said = now;
    return this.offer;
  }

  /** Let time pass: what is to be said now. */
  due(now: number): Word | undefined {
    if (this.stage !== "offered" && this.stage !== "sent") return undefined;
    if (now - this.moved >= this.#patience) {
      this.end(new TimedOut(`${this.offer.name} was not answered in time`));
      return { word: "cancel", id: this.offer.id, why: "nobody answered in time" };
    }
    return now - this.said >= REMIND ? this.again(now) : undefined;
  }
}

/** What is offered, or comes, from one sender. */
export class Incoming extends Half {
  accept(at: number, now: number): Word {
    this.stage = "running";
    this.at = at;
    this.moved = this.said = now;
    return { word: "accept", id: this.offer.id, at };
  }

  /** Whether a part is the next one. One beyond the size ends it: see `why`. */
  wants({ at, data }: Part, now: number): boolean {
    if (this.stage !== "running") return false;
    if (at + data.length > this.offer.size) {
      this.end(new WireError("more came than was offered"));
      return false;
    }
    if (at !== this.at) return false; // it was on its way when another was asked for
    this.at += data.length;
    this.moved = this.said = now;
    return true;
  }

  /** Let time pass: what is to be said now. */
  due(now: number): Word | undefined {
    if (this.over) return undefined;
    const { id, name } = this.offer;
    if (now - this.moved >= 2 * ANSWER_TIME) {
      this.end(new TimedOut(`${name} did not go on`));
      return { word: "refuse", id, code: TimedOut.code, why: "it did not go on in time" };
    }
    if (this.stage !== "running" || now - this.said < REMIND) return undefined;
    this.said = now;
    return { word: "accept", id, at: this.at };
  }
}

/** All that comes to one participant: bounded, whatever others send. */
export class Receiving {
  limit: number;
  /** By sender and id. */
  readonly open = new Map<string, Incoming>();
  /** Offers that nobody was told of yet. */
  readonly news = new Queue<Incoming>();
  readonly #answers = new Map<string, Word>();

  constructor(limit = MAX_SIZE) {
    this.limit = limit;
  }

  /** Take an offer in, or that it is withdrawn; what to answer at once. */
  hear(sender: ParticipantId, person: PersonId, word: Word, now: number): Word | undefined {
    const key = keyOf(sender, word.id);
    const known = this.open.get(key);
    if (word.word === "cancel") {
      this.open.delete(key);
      known?.end(new EndedByPeer(word.why || "the sender does not go on"));
      return undefined;
    }
    if (word.word !== "offer") return undefined;
    const found = known ?? this.#cameBack(sender, person, word);
    if (found !== undefined) return found.stage === "running" ? found.accept(found.at, now) : undefined;
    return this.#answers.get(key) ?? this.#admit(sender, person, word, now);
  }

  #admit(sender: ParticipantId, person: PersonId, offer: Offer, now: number): Word | undefined {
    const { id, size } = offer;
    if (size > this.limit) return { word: "refuse", id, code: "too_large", why: `files of at most ${this.limit} bytes are taken` };
    let open = 0;
    for (const { peer } of this.open.values()) if (peer === sender) open++;
    if (open >= MAX_OFFERS) return { word: "refuse", id, code: "too_fast", why: `${MAX_OFFERS} offers of yours are open already` };
    const incoming = new Incoming(sender, person, { ...offer, name: fileName(offer.name) }, now);
    this.open.set(keyOf(sender, id), incoming);
    this.news.push(incoming);
    return undefined;
  }

  /** The same content from the same person, whose earlier presence is gone. */
  #cameBack(sender: ParticipantId, person: PersonId, { id, sha256, size }: Offer): Incoming | undefined {
    for (const [key, found] of this.open) {
      const isSame = found.offer.sha256 === sha256 && found.offer.size === size && found.person === person;
      if (!isSame || !found.absent) continue;
      this.open.delete(key);
      found.peer = sender;
      found.offer = { ...found.offer, id };
      this.open.set(keyOf(sender, id), found);
      return found;
    }
    return undefined;
  }

  /** Whose next part it is. */
  part(sender: ParticipantId, part: Part, now: number): Incoming | undefined {
    const found = this.open.get(keyOf(sender, part.id));
    return found?.wants(part, now) === true ? found : undefined;
  }

  /** It is over here, well or not; what to tell the sender, now and if it asks again. */
  close(incoming: Incoming, why: CallmeshError | undefined): Word {
    incoming.end(why);
    const { id } = incoming.offer;
    const answer: Word = why === undefined ? { word: "done", id } : refusal(id, why);
    const key = keyOf(incoming.peer, id);
    if (this.open.get(key) === incoming) this.open.delete(key);
    this.#answers.set(key, answer);
    for (const old of this.#answers.keys()) {
      if (this.#answers.size <= REMEMBERED) break;
      this.#answers.delete(old);
    }
    return answer;
  }

  /** Let time pass; what is to be said to whom. */
  tick(here: (id: ParticipantId) => boolean, now: number): { readonly to: ParticipantId; readonly word: Word }[] {
    const said: { to: ParticipantId; word: Word }[] = [];
    for (const incoming of this.open.values()) {
      const isHere = here(incoming.peer);
      if (!incoming.present(isHere, now)) incoming.end(new EndedByPeer("the sender left the call"));
      const word = isHere ? incoming.due(now) : undefined;
      if (word !== undefined) said.push({ to: incoming.peer, word });
    }
    for (const [key, found] of this.open) if (found.over) this.open.delete(key);
    for (let left = this.news.length; left > 0; left--) {
      const found = this.news.shift();
      if (found?.over === false) this.news.push(found);
    }
    return said;
  }

  /** Something that a sender sent was lost: ask them to go on from where they are. */
  lost(sender: string, now: number): { readonly to: ParticipantId; readonly word: Word }[] {
    const running = [...this.open.values()].filter(({ stage, peer }) => stage === "running" && peer === sender);
    return running.map((found) => ({ to: found.peer, word: found.accept(found.at, now) }));
  }
}

export function keyOf(sender: ParticipantId, id: string): string {
  return `${sender} ${id}`;
}
