/** Files that travel: `resource.files`. */

import { unlessAborted, type Abort } from "./abort.ts";
import { Keeping, KeptFile, Shelf, type ShelfUser } from "./away.ts";
import { MICROSECONDS } from "./clock.ts";
import type { DataStream } from "./datastream.ts";
import { BadValue, Broken, CallmeshError, Closed, EndedByPeer, WireError } from "./errors.ts";
import { hashed, randomId, read, Sink, type Taker } from "./fileio.ts";
import {
  ANSWER_TIME, cancellation, decodeWord, encodePart, fileName, keyOf, Outgoing, Receiving, type Incoming, type Offer, type Part, type Word,
} from "./files.ts"; // prettier-ignore
import type { ParticipantId, PersonId } from "./ids.ts";
import { HIGH_WATER } from "./lane.ts";
import { complain, Listeners } from "./listeners.ts";
import { FileOffer } from "./offers.ts";
import { checkFunction, checkOptions } from "./options.ts";
import type { Participant } from "./participant.ts";

const TICK = 500;

export interface FilesUser {
  readonly stream: DataStream;
  /** The others who are in the call now. */
  here(): ReadonlyMap<ParticipantId, Participant>;
  /** Microseconds. */
  now(): number;
  after(milliseconds: number, fn: () => void): () => void;
  /** What the hub keeps for those who are away; undefined where that is nothing. */
  readonly shelf?: Pick<ShelfUser, "away" | "resource" | "me"> | undefined;
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

export interface KeepOptions {
  /** The persons (`participant.person`) it is for; without it everybody who ever comes. */
  readonly to?: readonly PersonId[];
  /** Without it that of the `File`. */
  readonly name?: string;
  readonly type?: string;
  /** Milliseconds that it is kept, in whole seconds; without it as long as the hub keeps any. */
  readonly lasts?: number;
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
  readonly #shelf: Shelf | undefined;
  readonly #pumping = new Set<ParticipantId>();
  #sent: Sent[] = [];
  #ended: CallmeshError | undefined;
  #stopTicking: () => void = () => undefined;

  constructor(user: FilesUser) {
    this.#user = user;
    const { shelf } = user;
    if (shelf !== undefined) {
      const [moved, now] = [() => this.#offers.tell(undefined), () => user.now()];
      this.#shelf = new Shelf({ ...shelf, now, after: (milliseconds, fn) => user.after(milliseconds, fn), moved });
    }
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
      this.#say(way.peer, cancellation(id, why));
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
      const why = error instanceof CallmeshError ? error : new Broken(`${offer.name} was not sent: ${String(error)}`);
      this.#say(way.peer, cancellation(offer.id, why.message));
      way.end(why); // whoever waits for it has to know
    }
  }

  /** Tell of what is over, and let go of it. */
  #swept(): void {
    const sent = this.#sent;
    this.#sent = sent.filter(({ transfer }) => !transfer.over);
    for (const { transfer } of sent) transfer.tell();
  }

  // --- for those who are away

  /**
   * Leave a file with the hub, for persons, or for all who ever come. They are offered it whenever they are here,
   * whether or not the sender is. Returns at once: `await keeping.done()` to know that it is kept.
   *
   * Throws `BadValue` for nobody, `Closed` where nothing is kept.
   */
  keep(what: Blob | Uint8Array, options: KeepOptions = {}): Keeping {
    checkOptions(options, ["to", "name", "type", "lasts"], "files.keep(file, options)");
    if (this.#shelf === undefined) throw new Closed("nothing is kept here");
    if (this.#ended !== undefined) throw this.#ended;
    const source = what instanceof Blob ? what : new Blob([new Uint8Array(what)]);
    const { to, type = source.type, lasts = 0 } = options;
    if (to?.length === 0) throw new BadValue("nobody to keep it for; leave out `to` for everybody");
    if (!(lasts >= 0 && lasts < Infinity)) throw new BadValue("`lasts` is a number of milliseconds");
    const name = fileName(options.name ?? (source as { name?: string }).name ?? "file");
    return new Keeping(this.#shelf, source, { name, type: type.slice(0, 128), to: [...(to ?? [])], lasts: Math.ceil(lasts / 1_000) });
  }

  /**
   * What the hub keeps here: one's own, what is for oneself, and for hosts all of it. Each can be taken as an offer
   * can, as often as one likes, and taken back.
   */
  get kept(): readonly KeptFile[] {
    const shelf = this.#shelf;
    return shelf === undefined ? [] : shelf.files.map((about) => new KeptFile(shelf, about));
  }

  // --- receiving

  /** Told of each offer, also of those that wait or are kept. Who is told first has it. Returns what ends it. */
  onOffer(fn: (offer: FileOffer) => void): () => void {
    checkFunction(fn, "onOffer(fn)");
    const look = (): void => {
      for (let offer = this.#next(); offer !== undefined; offer = this.#next()) fn(offer);
    };
    const stop = this.#offers.add(look);
    look();
    return stop;
  }

  /** What others offer, or left with the hub for who comes later, each once. Ends with the call or the resource. */
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
    return this.#shelf?.next();
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
        if (stream.over || !(error instanceof Broken)) this.#end(error);
        else for (const { to, word } of this.#receiving.lost(error.sender, this.#user.now())) this.#say(to, word);
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
      const ways = this.#sent.flatMap(({ transfer, offer }) => (offer.id === word.id ? [...transfer.ways.values()] : [])).filter((way) => way.peer === sender);
      if (word.word === "accept" && ways.every((way) => way.over)) this.#say(sender, cancellation(word.id, "it is not sent any more"));
      for (const way of ways) way.hear(word, this.#user.now());
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
    this.#shelf?.end(reason);
    for (const { transfer } of this.#sent) for (const way of transfer.ways.values()) way.end(reason);
    for (const incoming of this.#receiving.open.values()) incoming.end(reason);
    this.#swept();
    this.#settle();
    this.#offers.tell(undefined);
  }
}
