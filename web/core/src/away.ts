/**
 * Files that the hub keeps for those who are away, from the side of who brings and fetches them.
 *
 * They go some MiB at a time; what was cut short goes on from where it is. Who can ask the hub is an `Away`.
 */

import { unlessAborted, type Abort } from "./abort.ts";
import { MICROSECONDS } from "./clock.ts";
import {
  Broken, CallmeshError, Closed, Declined, Denied, EndedByPeer, Refused, Restarting, TimedOut, TooFast, Unauthorized,
} from "./errors.ts"; // prettier-ignore
import { hashed, randomId, read, Sink, type Taker } from "./fileio.ts";
import { Incoming } from "./files.ts";
import type { ParticipantId, PersonId, ResourceId } from "./ids.ts";
import { complain, Listeners } from "./listeners.ts";
import type { FileAnswer, KeptFile as About } from "./messages.ts";
import { FileOffer, type FilesSide } from "./offers.ts";
import { checkFunction } from "./options.ts";
import { Queue } from "./queue.ts";

/** Bytes of a file that one request brings or fetches; proxies often let no more through. */
export const SLICE = 1024 * 1024;
/** How long one goes on without a byte. */
const GIVE_UP = 300 * MICROSECONDS;
/** Milliseconds until what was cut short is gone on with, and at most. */
const PAUSES = [250, 8_000] as const;
/** Milliseconds that whoever has taken a file waits for the hub to know it. */
const TOLD = 10_000;
/** What may be another time: the link may be about to come back. */
const AGAIN = [Broken, TimedOut, Restarting, Unauthorized, Closed, TooFast];

/** What is said of a file before it is brought. */
export interface Announced {
  readonly resource: string;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly type: string;
  readonly to: readonly string[];
  /** Seconds; 0 as long as the hub keeps any. */
  readonly lasts: number;
}

/** What the hub is asked for about one file. */
export type FileRequest =
  | { readonly ask: "announce"; readonly id: string; readonly said: Announced }
  | { readonly ask: "bring"; readonly id: string; readonly at: number; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly ask: "fetch"; readonly id: string; readonly at: number; readonly end: number }
  | { readonly ask: "answer"; readonly id: string; readonly answer: FileAnswer }
  | { readonly ask: "take_back"; readonly id: string };

/** How much of what is brought is there, and until when it is kept, or 0; bytes for who fetches. */
export interface FileReply {
  readonly at: number;
  readonly expires: number;
  readonly data: Uint8Array;
}

/** Who can ask the hub: the page by HTTP, a frame by way of its page. */
export interface Away {
  /** All that is kept, as far as one may see it. */
  readonly files: readonly About[];
  /** Told when that is something else. Returns what ends it. */
  onKept(fn: () => void): () => void;
  /** Why the call is over, if it is. */
  readonly ended: CallmeshError | undefined;
  /** Rejects with what the hub says, or with `Broken` where it does not answer. */
  request(asked: FileRequest): Promise<FileReply>;
}

export interface ShelfUser {
  readonly away: Away;
  readonly resource: ResourceId;
  me(): PersonId;
  now(): number;
  after(milliseconds: number, fn: () => void): () => void;
  /** There is something new to be offered. */
  moved(): void;
}

/** Pauses that grow, until nothing has moved for too long or the call is over. */
class Patience {
  readonly #user: ShelfUser;
  #since = 0;
  #pause: number = PAUSES[0];

  constructor(user: ShelfUser) {
    this.#user = user;
    this.moved();
  }

  moved(): void {
    this.#since = this.#user.now();
    this.#pause = PAUSES[0];
  }

  /** Rejects with `error` where it is none that passes. */
  async wait(error: unknown): Promise<void> {
    const user = this.#user;
    if (user.away.ended !== undefined) throw user.away.ended;
    if (!AGAIN.some((kind) => error instanceof kind) || user.now() - this.#since > GIVE_UP) throw known(error);
    await new Promise<void>((resolve) => void user.after(this.#pause, resolve));
    this.#pause = Math.min(this.#pause * 2, PAUSES[1]);
  }
}

/** How far a file has come on its way to the hub. */
export interface Brought {
  /** Bytes that are there. */
  readonly sent: number;
  readonly size: number;
  readonly over: boolean;
  /** Why it is not kept, once it is over. */
  readonly error: CallmeshError | undefined;
}

/** A file that is brought to the hub, and then kept. Iterate to see how far it is; `await keeping.done()` to know that it is kept. */
export class Keeping {
  readonly id = randomId();
  readonly name: string;
  readonly size: number;
  readonly #shelf: Shelf;
  readonly #source: Blob;
  readonly #said: Omit<Announced, "sha256">;
  readonly #moved = new Listeners<undefined>();
  readonly #bringing: Promise<void>;
  #at = 0;
  #keptUntil = 0;
  #error: CallmeshError | undefined;

  /** Use `resource.files.keep`. */
  constructor(shelf: Shelf, source: Blob, said: Pick<Announced, "name" | "type" | "to" | "lasts">) {
    this.name = said.name;
    this.size = source.size;
    this.#shelf = shelf;
    this.#source = source;
    this.#said = { ...said, resource: shelf.user.resource, size: source.size };
    shelf.bringing.add(this);
    this.#bringing = this.#bring();
  }

  /** Until when the hub keeps it, microseconds since the epoch; 0 before it does. */
  get keptUntil(): number {
    return this.#keptUntil;
  }

  get progress(): Brought {
    return { sent: this.#at, size: this.size, over: this.#over, error: this.#error };
  }

  get #over(): boolean {
    return this.#error !== undefined || this.#keptUntil > 0;
  }

  /** Told whenever more of it is there, and at once. Returns what ends it. */
  onProgress(fn: (progress: Brought) => void): () => void {
    checkFunction(fn, "onProgress(fn)");
    const stop = this.#moved.add(() => fn(this.progress));
    fn(this.progress);
    return stop;
  }

  /** The newest, whenever it is another; ends when it is over. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Brought, void> {
    for (let told = ""; ; ) {
      const now = this.progress;
      const said = `${now.sent} ${now.over}`;
      if (said !== told) yield now;
      told = said;
      if (now.over) return;
      if (this.progress.sent === now.sent && !this.#over) await this.#next();
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
   * Resolves when the hub keeps it, on disk.
   *
   * Rejects with why it does not: `TooLarge`, `Denied` (`full`, `no_right`), `StorageFailed`, `TimedOut`, `Closed` …;
   * or with the signal's reason, and then it is brought all the same.
   */
  async done({ signal }: { readonly signal?: Abort } = {}): Promise<void> {
    while (!this.#over) await unlessAborted(this.#next(), signal);
    if (this.#error !== undefined) throw this.#error;
  }

  /** Which persons have `taken` or `refused` it. */
  get answers(): ReadonlyMap<PersonId, FileAnswer> {
    return answersOf(this.#shelf.files.find(({ id }) => id === this.id));
  }

  /** Keep it no longer, or do not bring it to its end: nobody is offered it any more. */
  async takeBack(): Promise<void> {
    const wasKept = this.#keptUntil > 0;
    this.end(new Closed("this file was taken back"));
    await this.#bringing; // else what is on its way to the hub may come after this
    try {
      await this.#shelf.takeBack(this.id);
    } catch (error) {
      if (wasKept || !(error instanceof Refused)) throw error; // it had not come as far as to be there
    }
  }

  /** For who runs it: bring no more of it. */
  end(why: CallmeshError): void {
    if (this.#over) return;
    this.#error = why;
    this.#moved.tell(undefined);
  }

  async #bring(): Promise<void> {
    const patience = new Patience(this.#shelf.user);
    try {
      const said = { ...this.#said, sha256: await hashed(this.#source) };
      while (!this.#over) await this.#goOn(said, patience).catch((error: unknown) => (this.#over ? undefined : patience.wait(error)));
    } catch (error) {
      this.end(known(error));
    }
    this.#shelf.bringing.delete(this);
    this.#moved.tell(undefined);
  }

  async #goOn(said: Announced, patience: Patience): Promise<void> {
    const { id } = this;
    const { away } = this.#shelf.user;
    this.#note(await away.request({ ask: "announce", id, said }), patience);
    while (!this.#over) {
      const at = this.#at;
      const data = await read(this.#source, at, Math.min(at + SLICE, this.size));
      try {
        this.#note(await away.request({ ask: "bring", id, at, data }), patience);
      } catch (error) {
        const isFinal = error instanceof Denied || error instanceof Unauthorized || error instanceof TooFast;
        if (isFinal || !(error instanceof Refused)) throw error;
        throw new Broken("the hub does not know of it any more", { cause: error }); // announce it anew
      }
    }
  }

  #note({ at, expires }: FileReply, patience: Patience): void {
    if (this.#error !== undefined) return;
    if (at > this.#at || expires > 0) patience.moved();
    this.#at = Math.min(at, this.size);
    this.#keptUntil = expires;
    this.#moved.tell(undefined);
  }
}

/** What the hub keeps in one resource. */
export class Shelf implements FilesSide {
  readonly user: ShelfUser;
  readonly bringing = new Set<Keeping>();
  readonly #news = new Queue<{ readonly incoming: Incoming; readonly until: number }>();
  readonly #offered = new Map<string, Incoming>();
  readonly #stop: () => void;

  constructor(user: ShelfUser) {
    this.user = user;
    this.#stop = user.away.onKept(() => this.#look());
    this.#look();
  }

  get files(): readonly About[] {
    const { away, resource } = this.user;
    return away.files.filter((file) => file.resource === resource);
  }

  /** What is kept may be something else by now. */
  #look(): void {
    const there = new Map(this.files.map((file) => [file.id, file]));
    for (const [id, incoming] of this.#offered) {
      if (there.has(id)) continue;
      this.#offered.delete(id);
      incoming.end(new EndedByPeer("it is not kept any more"));
    }
    for (const [id, file] of there) {
      if (this.#offered.has(id) || !this.#isForMe(file)) continue;
      const incoming = this.incoming(file);
      this.#offered.set(id, incoming);
      this.#news.push({ incoming, until: file.expires });
    }
    this.user.moved();
  }

  #isForMe({ person, to, answers }: About): boolean {
    const me = this.user.me();
    return person !== me && (to.length === 0 || to.includes(me)) && !answers.some(([who]) => who === me);
  }

  incoming({ id, name, size, sha256, type, sender, person }: About): Incoming {
    return new Incoming(sender as ParticipantId, person as PersonId, { word: "offer", id, name, size, sha256, type }, this.user.now());
  }

  /** The next that is offered. */
  next(): FileOffer | undefined {
    for (let found = this.#news.shift(); found !== undefined; found = this.#news.shift()) {
      if (!found.incoming.over) return new FileOffer(found.incoming, this, found.until);
    }
    return undefined;
  }

  take(incoming: Incoming, taker: Taker): void {
    incoming.accept(0, this.user.now());
    this.#take(incoming, new Sink(taker)).catch(complain);
  }

  async #take(incoming: Incoming, sink: Sink): Promise<void> {
    const { id, sha256 } = incoming.offer;
    let blob: Blob;
    try {
      await this.#fetch(incoming, sink);
      blob = sink.finish(sha256);
    } catch (error) {
      const why = known(error);
      incoming.end(why);
      sink.taker.reject(incoming.why ?? why);
      return;
    }
    incoming.end(undefined);
    const told = new Promise<void>((resolve) => void this.user.after(TOLD, resolve));
    await Promise.race([this.#answer(id, "taken"), told]);
    sink.taker.resolve(blob);
  }

  async #fetch(incoming: Incoming, sink: Sink): Promise<void> {
    const { id, size } = incoming.offer;
    const patience = new Patience(this.user);
    while (incoming.at < size) {
      const at = incoming.at;
      try {
        const { data } = await this.user.away.request({ ask: "fetch", id, at, end: Math.min(at + SLICE, size) });
        if (data.length === 0) throw new Broken("it came to an end too early");
        if (incoming.why !== undefined) throw incoming.why;
        if (at + data.length > size) throw new EndedByPeer("more came than was offered");
        sink.write(data);
        incoming.at += data.length;
        patience.moved();
        sink.taker.moved();
      } catch (error) {
        if (incoming.why !== undefined) throw incoming.why;
        await patience.wait(error);
      }
    }
  }

  /** It is not wanted. */
  close(incoming: Incoming, why: CallmeshError | undefined): void {
    incoming.end(why);
    if (why instanceof Declined) void this.#answer(incoming.offer.id, "refused");
  }

  /** Tell the hub; who cannot is offered it again at the next visit. */
  async #answer(id: string, answer: FileAnswer): Promise<void> {
    const patience = new Patience(this.user);
    for (;;) {
      try {
        await this.user.away.request({ ask: "answer", id, answer });
        return;
      } catch (error) {
        try {
          await patience.wait(error);
        } catch {
          return;
        }
      }
    }
  }

  async takeBack(id: string): Promise<void> {
    await this.user.away.request({ ask: "take_back", id });
  }

  /** The resource is gone, or the call over. */
  end(reason: CallmeshError): void {
    this.#stop();
    for (const keeping of this.bringing) keeping.end(reason);
    for (const incoming of this.#offered.values()) incoming.end(reason);
  }
}

/** A file that the hub keeps: an offer that can be taken as often as one likes. */
export class KeptFile extends FileOffer {
  readonly id: string;
  /** The persons whom it is for; nobody named means everybody. */
  readonly to: readonly PersonId[];
  /** Which persons have `taken` or `refused` it: all for who brought it and hosts. */
  readonly answers: ReadonlyMap<PersonId, FileAnswer>;
  readonly #shelf: Shelf;

  constructor(shelf: Shelf, about: About) {
    super(shelf.incoming(about), shelf, about.expires);
    this.id = about.id;
    this.to = about.to as readonly PersonId[];
    this.answers = answersOf(about);
    this.#shelf = shelf;
  }

  /** Keep it no longer. Rejects with `Refused` for anybody but who brought it, and hosts. */
  async takeBack(): Promise<void> {
    await this.#shelf.takeBack(this.id);
  }
}

function known(error: unknown): CallmeshError {
  return error instanceof CallmeshError ? error : new Broken("this file cannot go on", { cause: error });
}

function answersOf(about: About | undefined): ReadonlyMap<PersonId, FileAnswer> {
  return new Map(about?.answers as readonly (readonly [PersonId, FileAnswer])[] | undefined);
}
