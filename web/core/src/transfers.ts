/** Files that travel: `resource.files`. */

import { sha256 } from "@noble/hashes/sha2.js";

import { MICROSECONDS } from "./clock.ts";
import { unlessAborted, type Abort, type DataStream } from "./datastream.ts";
import { BadValue, Broken, CallmeshError, Closed, Declined, EndedByPeer, StorageFailed, WireError } from "./errors.ts";
import {
  ANSWER_TIME, decodeWord, encodePart, fileName, keyOf, Outgoing, Receiving, type Incoming, type Offer, type Part, type Word,
} from "./files.ts"; // prettier-ignore
import type { ParticipantId } from "./ids.ts";
import { HIGH_WATER } from "./lane.ts";
import { complain, Listeners } from "./listeners.ts";
import { checkFunction, checkOptions } from "./options.ts";
import type { Participant } from "./participant.ts";

/** Bytes that are hashed at once, and after which what came goes into a blob, which a browser may keep on disk. */
const BLOCK = 4 * 1024 * 1024;
const TICK = 500;

export interface FilesUser {
  readonly stream: DataStream;
  /** The others who are in the call now. */
  here(): ReadonlyMap<ParticipantId, Participant>;
  /** Microseconds. */
  now(): number;
  after(milliseconds: number, fn: () => void): () => void;
}

export interface FileOptions {
  /** The receivers; without it everybody else who is here. */
  readonly to?: readonly ParticipantId[];
  /** Without it that of the `File`. */
  readonly name?: string;
  readonly type?: string;
  /** Milliseconds that an offer waits for an answer; 300 s unless told otherwise. */
  readonly patience?: number;
  /** Cancels it. */
  readonly signal?: Abort;
}

/** How far a file has come with one receiver. */
export interface Progress {
  /** Whom it was meant for. */
  readonly receiver: ParticipantId;
  /** Bytes that have left for them, or were there already. */
  readonly sent: number;
  readonly size: number;
  readonly over: boolean;
  /** Why it did not come, once it is over; undefined where it came and its hash is right. */
  readonly error: CallmeshError | undefined;
}

/** A file on its way. Iterate to see how far it is; `await transfer.done()` to know that it has come. */
export class Transfer {
  readonly name: string;
  readonly size: number;
  /** For who runs it: by whom it was meant for at first. */
  readonly ways = new Map<ParticipantId, Outgoing>();
  readonly #moved = new Listeners<undefined>();
  readonly #stop: (why: string) => void;

  constructor({ name, size }: Offer, stop: (why: string) => void) {
    this.name = name;
    this.size = size;
    this.#stop = stop;
  }

  get over(): boolean {
    return [...this.ways.values()].every((way) => way.over);
  }

  /** How far it has come with each receiver. */
  get progress(): ReadonlyMap<ParticipantId, Progress> {
    return new Map(
      [...this.ways].map(([receiver, { at, offer, over, why }]) => [receiver, { receiver, sent: at, size: offer.size, over, error: why }]),
    );
  }

  /** Of those with whom it is over: why it did not come, or undefined where it did. */
  get outcomes(): ReadonlyMap<ParticipantId, CallmeshError | undefined> {
    return new Map([...this.ways].flatMap(([id, { over, why }]) => (over ? [[id, why] as const] : [])));
  }

  /** Told whenever one receiver is further, and at once. Returns what ends it. */
  onProgress(fn: (progress: ReadonlyMap<ParticipantId, Progress>) => void): () => void {
    checkFunction(fn, "onProgress(fn)");
    const stop = this.#moved.add(() => fn(this.progress));
    fn(this.progress);
    return stop;
  }

  /** The newest of each receiver, whenever it is another; ends when it is over for all. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Progress, void> {
    const seen = new Map<ParticipantId, string>();
    for (;;) {
      const news = [...this.progress.values()].filter((now) => seen.get(now.receiver) !== `${now.sent} ${now.over}`);
      for (const now of news) {
        seen.set(now.receiver, `${now.sent} ${now.over}`);
        yield now;
      }
      if (news.length > 0) continue;
      if (this.over) return;
      await this.#next();
    }
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#moved.add(() => {
        stop();
        resolve();
      });
    });
  }

  /**
   * Resolves when every receiver has it, whole and with the right hash.
   *
   * Rejects with why one does not get it, once it is over for all: `Declined` or another refusal, `TooLarge`,
   * `Broken`, `EndedByPeer`, `TimedOut`, `Closed`; or with the signal's reason. See `outcomes` for each.
   */
  async done({ signal }: { readonly signal?: Abort } = {}): Promise<void> {
    while (!this.over) await unlessAborted(this.#next(), signal);
    for (const why of this.outcomes.values()) if (why !== undefined) throw why;
  }

  /** Send nothing more of it: receivers get `EndedByPeer`. */
  cancel(why = "the sender does not go on"): void {
    this.#stop(why);
  }

  /** For who runs it. */
  tell(): void {
    this.#moved.tell(undefined);
  }
}

/** A file that somebody offers. Take it with `blob()`, or `refuse` it. */
export class FileOffer {
  readonly #incoming: Incoming;
  readonly #files: FilesSide;
  readonly #progress = new Listeners<number>();

  constructor(incoming: Incoming, files: FilesSide) {
    this.#incoming = incoming;
    this.#files = files;
  }

  /** A plain name, safe in any folder. */
  get name(): string {
    return this.#incoming.offer.name;
  }

  /** Bytes. */
  get size(): number {
    return this.#incoming.offer.size;
  }

  /** A media type as the sender says it; it may be anything. */
  get type(): string {
    return this.#incoming.offer.type;
  }

  get sender(): ParticipantId {
    return this.#incoming.peer;
  }

  /** Bytes that have come. */
  get received(): number {
    return this.#incoming.at;
  }

  /** Whether it has come, or will not any more. */
  get over(): boolean {
    return this.#incoming.over;
  }

  /** Told how many bytes have come, and at once. Returns what ends it. */
  onProgress(fn: (received: number) => void): () => void {
    checkFunction(fn, "onProgress(fn)");
    const stop = this.#progress.add(fn);
    fn(this.received);
    return stop;
  }

  /**
   * Take it. The blob has no type: whoever shows it should decide as what.
   *
   * Rejects with `Broken` where the hash is wrong, `EndedByPeer`, or the signal's reason, which stops it.
   */
  async blob({ signal }: { readonly signal?: Abort } = {}): Promise<Blob> {
    if (this.#incoming.why !== undefined) throw this.#incoming.why;
    if (this.#incoming.stage !== "offered") throw new BadValue(`${this.name} was answered already`);
    const taken = new Promise<Blob>((resolve, reject) => {
      this.#files.take(this.#incoming, { resolve, reject, moved: () => this.#progress.tell(this.received) });
    });
    try {
      return await unlessAborted(taken, signal);
    } finally {
      if (!this.over) this.#files.close(this.#incoming, new Closed("it was given up"));
    }
  }

  /** Do not take it; its sender gets `Declined` with these words. */
  refuse(why = "not wanted"): void {
    if (!this.over) this.#files.close(this.#incoming, new Declined(why));
  }
}

interface FilesSide {
  take(incoming: Incoming, taker: Taker): void;
  close(incoming: Incoming, why: CallmeshError | undefined): void;
}

interface Taker {
  resolve(blob: Blob): void;
  reject(why: CallmeshError): void;
  moved(): void;
}

/** What comes, until it is whole. */
class Sink {
  readonly taker: Taker;
  readonly #hash = sha256.create();
  #blobs: Blob[] = [];
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #size = 0;

  constructor(taker: Taker) {
    this.taker = taker;
  }

  write(data: Uint8Array): void {
    this.#hash.update(data);
    this.#parts.push(data.slice());
    this.#size += data.length;
    if (this.#size >= BLOCK) this.#pack();
  }

  #pack(): void {
    this.#blobs.push(new Blob(this.#parts));
    this.#parts = [];
    this.#size = 0;
  }

  /** Raises `Broken`. */
  finish(wanted: string): Blob {
    if (hex(this.#hash.digest()) !== wanted) throw new Broken("what came is not what was offered: its hash is another");
    this.#pack();
    return new Blob(this.#blobs);
  }
}

interface Sent {
  readonly transfer: Transfer;
  readonly offer: Offer;
  readonly source: Blob;
}

/** Files between the participants of one resource, by way of its streams. */
export class Files {
  readonly #user: FilesUser;
  readonly #receiving = new Receiving();
  readonly #sinks = new Map<Incoming, Sink>();
  readonly #offers = new Listeners<undefined>();
  readonly #pumping = new Set<ParticipantId>();
  #sent: Sent[] = [];
  #ended: CallmeshError | undefined;
  #stopTicking: () => void = () => undefined;

  constructor(user: FilesUser) {
    this.#user = user;
    this.#tick();
    void this.#read().catch(complain);
  }

  /** Bytes of the largest file that is taken; larger ones are refused. 1 GiB at first. */
  get limit(): number {
    return this.#receiving.limit;
  }

  set limit(size: number) {
    this.#receiving.limit = size;
  }

  // --- sending

  /**
   * Offer a file to those named, or to all who are here. Resolves once it is offered; it goes as each of them
   * takes it. Who has not answered within `patience`, also because nothing there takes files, does not get it.
   *
   * Rejects with `BadValue` for nobody, `StorageFailed` where it cannot be read, or the signal's reason.
   */
  async send(what: Blob | Uint8Array, options: FileOptions = {}): Promise<Transfer> {
    checkOptions(options, ["to", "name", "type", "patience", "signal"], "files.send(file, options)");
    const source = what instanceof Blob ? what : new Blob([new Uint8Array(what)]);
    const { to, type = source.type, patience = ANSWER_TIME / 1_000, signal } = options;
    const name = fileName(options.name ?? (source as { name?: string }).name ?? "file");
    const hash = await unlessAborted(hashed(source), signal);
    if (this.#ended !== undefined) throw this.#ended;
    const here = this.#user.here();
    const chosen = [...new Set(to ?? here.keys())];
    const strangers = chosen.filter((id) => !here.has(id));
    if (chosen.length === 0 || strangers.length > 0) throw new BadValue(`not in the call now: ${strangers.join(", ") || "nobody to send to"}`);
    const offer: Offer = { word: "offer", id: randomId(), name, size: source.size, sha256: hash, type: type.slice(0, 128) };
    const transfer = new Transfer(offer, (why) => this.#cancel(transfer, offer, why));
    for (const id of chosen) {
      const { person } = here.get(id) as Participant;
      transfer.ways.set(id, new Outgoing(id, person, offer, this.#user.now(), (patience / 1_000) * MICROSECONDS));
      this.#say(id, offer);
    }
    this.#sent.push({ transfer, offer, source });
    const stop = (): void => transfer.cancel();
    signal?.addEventListener("abort", stop);
    if (signal !== undefined) void transfer.done().catch(() => undefined).then(() => signal.removeEventListener("abort", stop)); // prettier-ignore
    return transfer;
  }

  #cancel(transfer: Transfer, { id }: Offer, why: string): void {
    for (const way of transfer.ways.values()) {
      if (way.over) continue;
      this.#say(way.peer, { word: "cancel", id, why: why.slice(0, 200) });
      way.end(new Closed("this transfer was cancelled"));
    }
    this.#swept();
  }

  /** Without waiting for room. */
  #say(peer: ParticipantId, word: Word): void {
    this.#user.stream.send(word, { to: [peer] }).catch(() => undefined); // then it has ended, which the reading tells
  }

  /** All that goes to one receiver takes turns, part by part. */
  async #pump(peer: ParticipantId): Promise<void> {
    if (this.#pumping.has(peer)) return;
    this.#pumping.add(peer);
    try {
      for (;;) {
        const ready = this.#sent.flatMap((sent) =>
          [...sent.transfer.ways.values()].filter((way) => way.peer === peer && way.stage === "running").map((way) => ({ sent, way })),
        );
        if (ready.length === 0) break;
        for (const { sent, way } of ready) {
          if (this.#user.stream.reaches.has(peer)) await this.#sendPart(sent, way);
          else way.again(this.#user.now());
        }
      }
    } finally {
      this.#pumping.delete(peer);
      this.#swept();
    }
  }

  async #sendPart({ transfer, offer, source }: Sent, way: Outgoing): Promise<void> {
    const part = way.next;
    if (part === undefined) return;
    try {
      const data = await read(source, part.at, part.end);
      if (way.next?.at !== part.at) return; // it was cancelled, or another part was asked for
      const sent = this.#user.stream.send(encodePart(offer.id, part.at, data), { to: [way.peer] });
      way.left(part.at, part.end, this.#user.now());
      transfer.tell();
      await sent;
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      if (error instanceof StorageFailed) this.#say(way.peer, { word: "cancel", id: offer.id, why: error.message.slice(0, 200) });
      way.end(error);
    }
  }

  /** Tell of what is over, and let go of it. */
  #swept(): void {
    const sent = this.#sent;
    this.#sent = sent.filter(({ transfer }) => !transfer.over);
    for (const { transfer } of sent) transfer.tell();
  }

  // --- receiving

  /** Told of each offer, also of those that wait. Who is told first has it. Returns what ends it. */
  onOffer(fn: (offer: FileOffer) => void): () => void {
    checkFunction(fn, "onOffer(fn)");
    const look = (): void => {
      for (let offer = this.#next(); offer !== undefined; offer = this.#next()) fn(offer);
    };
    const stop = this.#offers.add(look);
    look();
    return stop;
  }

  /** What others offer, each once. Ends with the call or the resource. */
  async *offers({ signal }: { readonly signal?: Abort } = {}): AsyncGenerator<FileOffer, void> {
    while (signal?.aborted !== true) {
      const offer = this.#next();
      if (offer !== undefined) yield offer;
      else if (this.#ended !== undefined) return;
      else await this.#moved(signal);
    }
  }

  #next(): FileOffer | undefined {
    for (let incoming = this.#receiving.news.shift(); incoming !== undefined; incoming = this.#receiving.news.shift()) {
      if (!incoming.over) return new FileOffer(incoming, { take: (...given) => this.#take(...given), close: (...given) => this.#close(...given) });
    }
    return undefined;
  }

  #moved(signal: Abort | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        stop();
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const stop = this.#offers.add(done);
      signal?.addEventListener("abort", done);
    });
  }

  #take(incoming: Incoming, taker: Taker): void {
    this.#sinks.set(incoming, new Sink(taker));
    this.#say(incoming.peer, incoming.accept(0, this.#user.now()));
    if (incoming.offer.size === 0) this.#finish(incoming);
  }

  #finish(incoming: Incoming): void {
    const sink = this.#sinks.get(incoming);
    try {
      const blob = sink?.finish(incoming.offer.sha256);
      this.#close(incoming, undefined);
      if (blob !== undefined) sink?.taker.resolve(blob);
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      this.#close(incoming, error);
    }
  }

  /** It is over: its sender is told, and who waits for it. */
  #close(incoming: Incoming, why: CallmeshError | undefined): void {
    this.#say(incoming.peer, this.#receiving.close(incoming, why));
    this.#settle();
  }

  /** Those that are over wait no more. */
  #settle(): void {
    for (const [incoming, { taker }] of this.#sinks) {
      if (!incoming.over) continue;
      this.#sinks.delete(incoming);
      if (incoming.why !== undefined) taker.reject(incoming.why);
    }
  }

  async #read(): Promise<void> {
    const { stream } = this.#user;
    while (this.#ended === undefined) {
      try {
        for await (const { sender, data } of stream) this.#heard(sender, data);
        this.#end(new Closed("the call, or this resource, is over"));
      } catch (error) {
        if (!(error instanceof CallmeshError)) throw error;
        if (stream.over) this.#end(error);
        else for (const { to, word } of this.#receiving.lost(this.#user.now())) this.#say(to, word);
      }
    }
  }

  #heard(sender: ParticipantId, data: unknown): void {
    let word: Word | Part;
    try {
      word = decodeWord(data);
    } catch (error) {
      if (error instanceof WireError) return; // what a peer should not have said
      throw error;
    }
    if (word.word === "part") this.#came(sender, word);
    else if (word.word === "offer" || word.word === "cancel") this.#offered(sender, word);
    else {
      for (const { transfer, offer } of this.#sent) {
        for (const way of transfer.ways.values()) if (way.peer === sender && offer.id === word.id) way.hear(word, this.#user.now());
      }
      void this.#pump(sender).catch(complain);
    }
  }

  #offered(sender: ParticipantId, word: Word): void {
    const person = this.#user.here().get(sender)?.person;
    if (person === undefined) return; // it is offered again, should they come back
    const answer = this.#receiving.hear(sender, person, word, this.#user.now());
    const buffered = this.#user.stream.stats.get(sender)?.buffered ?? 0;
    if (answer !== undefined && buffered < HIGH_WATER) this.#say(sender, answer); // who does not take it will ask again
    this.#settle();
    this.#offers.tell(undefined);
  }

  #came(sender: ParticipantId, part: Part): void {
    const before = this.#receiving.open.get(keyOf(sender, part.id));
    const incoming = this.#receiving.part(sender, part, this.#user.now());
    if (incoming === undefined) {
      if (before?.why instanceof WireError) this.#close(before, before.why);
      return;
    }
    const sink = this.#sinks.get(incoming);
    sink?.write(part.data);
    sink?.taker.moved();
    if (incoming.at === incoming.offer.size) this.#finish(incoming);
  }

  // --- time and end

  /** Ask again for what was not answered; give up on who is gone for long. */
  #tick(): void {
    const known = this.#user.stream.stats;
    for (const { to, word } of this.#receiving.tick((id) => known.has(id), this.#user.now())) this.#say(to, word);
    for (const { transfer } of this.#sent) {
      for (const way of transfer.ways.values()) if (!way.over) this.#remind(transfer, way, known.has(way.peer));
    }
    this.#swept();
    this.#settle();
    if (this.#ended === undefined) this.#stopTicking = this.#user.after(TICK, () => this.#tick());
  }

  #remind(transfer: Transfer, way: Outgoing, isPresent: boolean): void {
    const now = this.#user.now();
    if (!way.present(isPresent, now)) {
      way.end(new EndedByPeer("the receiver left the call"));
    } else if (isPresent) {
      const word = way.due(now);
      if (word !== undefined) this.#say(way.peer, word);
    } else {
      const taken = new Set([...transfer.ways.values()].map(({ peer }) => peer));
      const other = [...this.#user.here().values()].find(({ id, person }) => person === way.person && !taken.has(id));
      if (other !== undefined) this.#say(other.id, way.move(other.id, now));
    }
  }

  #end(reason: CallmeshError): void {
    this.#ended = reason;
    this.#stopTicking();
    for (const { transfer } of this.#sent) for (const way of transfer.ways.values()) way.end(reason);
    for (const incoming of this.#receiving.open.values()) incoming.end(reason);
    this.#swept();
    this.#settle();
    this.#offers.tell(undefined);
  }
}

async function read(source: Blob, start: number, end: number): Promise<Uint8Array> {
  let data: Uint8Array;
  try {
    data = new Uint8Array(await source.slice(start, end).arrayBuffer());
  } catch (cause) {
    throw new StorageFailed("the file cannot be read", { cause });
  }
  if (data.length !== end - start) throw new StorageFailed("the file is shorter than it was");
  return data;
}

async function hashed(source: Blob): Promise<string> {
  const hash = sha256.create();
  for (let at = 0; at < source.size; at += BLOCK) hash.update(await read(source, at, Math.min(at + BLOCK, source.size)));
  return hex(hash.digest());
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** 64 random bits: an id of one's own transfers, and no secret. */
function randomId(): string {
  return Array.from({ length: 16 }, () => Math.floor(Math.random() * 16).toString(16)).join("");
}
