/**
 * What participants tell each other while the hub is out of reach for some of them, without I/O.
 *
 * X1 Letters go from and to those who have lost the hub, over direct paths, and to nobody else. What
 *    an author may not let somebody read is not sent to them; what is not open to all comes from its
 *    author alone.
 * X2 A letter is taken in when its signature holds, nothing known here speaks against it, it is not
 *    ahead of the clock, and its author has room. What a peer should not have sent ends the exchange
 *    with that peer, until there is another path.
 * X3 Each tells the others which letters it has, whenever that is another set, and gets what it lacks:
 *    it depends on the keys that were written, not on how often.
 * X4 Who has the hub carries what it holds of those who have not, once over each link: what is about
 *    the call's own State first, since own writes may need it.
 * X5 What the hub has answered goes, here and, where it is a denial, at those who had it; and once the
 *    link has held for `SETTLED`, what is older than that.
 */

import { AHEAD, FOLLOWING, MICROSECONDS } from "./clock.ts";
import { bundle, encode, unbundle } from "./codec.ts";
import { BadInput, WireError } from "./errors.ts";
import { CALL, ROSTER, writesFor, type CallId, type ParticipantId, type StateId } from "./ids.ts";
import { MAX_LETTERS, nameOf, openLetter, type Held } from "./letters.ts";
import type { Change, Mesh } from "./mesh.ts";
import type { Denial, Have, Letter, Message, Stamped } from "./messages.ts";
import type { Participant } from "./participant.ts";
import { Standings, type Readable } from "./standing.ts";
import { sizeOf, valueOf, type Stamp } from "./state.ts";
import type { Json } from "./values.ts";

/**
 * Bytes of one message on a channel: larger ones go in pieces, each with a byte that says whether it
 * is the last.
 */
const PIECE = 48 * 1024;
/** With what the last piece of a bundle begins; the others with less, and no bundle by itself. */
export const LAST_PIECE = 1;
/** Bytes of what is put together out of pieces. */
const MAX_WHOLE = 2 * 1024 * 1024;
/** How often one tells at most that one has other letters; microseconds, as all times here. */
const HAVE_EVERY = MICROSECONDS;
/** How long the author has to reach somebody before others hand a letter on to them. */
const HAND_ON = 2 * HAVE_EVERY;
/** After the link is back, how long authors have to come back themselves before others carry. */
const CARRY_AFTER = 2 * MICROSECONDS;
export const SETTLED = 10 * MICROSECONDS;
/** How long somebody whom nobody reaches is shown as being here. */
export const GRACE = 45 * MICROSECONDS;
/** Letters of one author that are remembered as done with, and authors of whom some are. */
const MAX_DONE = MAX_LETTERS;
const MAX_AUTHORS = 1_000;
/** Letters that are sent to a peer, a second for long and at once. */
const SENDS = [60, 1_000] as const;
/** The same that are taken from one, where 16 KiB count as one more, and each message as a quarter. */
const TAKES = [240, 8_000] as const;
const BYTES = 16 * 1024;
const SMALL = 0.25;
/** Bytes of letters that are sent to a peer at a time: the rest waits for the next. */
const MAX_ROUND = 1024 * 1024;
/** Of a presence value; the hub may allow less. */
const PRESENCE_BYTES = 8 * 1024;
/** Stamps in one `void`. */
const MAX_VOID = 2_000;

/** A bucket that holds so many and fills by so many a second. */
class Bucket {
  readonly #perSecond: number;
  readonly #most: number;
  #left: number;
  #at: number;

  constructor([perSecond, most]: readonly [number, number], now: number) {
    this.#perSecond = perSecond;
    this.#most = this.#left = most;
    this.#at = now;
  }

  /** Take so many, if they are there. */
  takes(amount: number, now: number): boolean {
    const passed = Math.max(0, now - this.#at) / MICROSECONDS;
    this.#left = Math.min(this.#most, this.#left + passed * this.#perSecond);
    this.#at = now;
    if (this.#left < amount) return false;
    this.#left -= amount;
    return true;
  }
}

/**
 * Letters, by name, that are not taken in again: so many of each author, so that nobody who has many denied makes
 * others forget what was denied of somebody else.
 */
class Done {
  /** By author; true where that is so after the next link too. */
  readonly #of = new Map<string, Map<string, boolean>>();

  has(name: string): boolean {
    return this.#of.get(authorOf(name))?.has(name) === true;
  }

  add(name: string, final: boolean): void {
    const author = authorOf(name);
    const known = this.#of.get(author) ?? new Map<string, boolean>();
    this.#of.set(author, known.set(name, final));
    dropOldest(known, MAX_DONE);
    dropOldest(this.#of, MAX_AUTHORS);
  }

  linkLost(): void {
    for (const known of this.#of.values()) for (const [name, final] of known) if (!final) known.delete(name);
  }
}

/** The participant, also where one of their frames has written it. */
function authorOf(name: string): string {
  return name.slice(name.indexOf(" ") + 1).split(".", 1).join();
}

function dropOldest<T>(known: Map<string, T>, most: number): void {
  for (const oldest of known.keys()) {
    if (known.size <= most) return;
    known.delete(oldest);
  }
}

/** What the hub has confirmed of a mesh: rights that are read from it depend on no order. */
class Confirmed implements Readable {
  readonly versions = new Map<StateId, number>();
  readonly readOnly = undefined;
  readonly #mesh: Mesh;

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  value(state: StateId, key: string): Json | undefined {
    return valueOf(this.#mesh.confirmed(state, key));
  }

  keys(state: StateId): string[] {
    return this.#mesh.confirmedKeys(state);
  }
}

interface Rates {
  readonly takes: Bucket;
  readonly sends: Bucket;
}

/** Somebody who is reached directly. */
class Peer {
  readonly takes: Bucket;
  readonly sends: Bucket;
  away = false;
  reaches: readonly string[] = [];
  /** The letters it says it has, and those it was sent. */
  has = new Set<string>();
  sent = new Set<string>();
  parts: Uint8Array[] = [];
  size = 0;
  /** What it was told last. */
  told: Have | undefined;
  toldAt = 0;
  /** Of those denied, what it has to be told. */
  voids: Stamped[] = [];
  /** What it has told, and was not looked at yet. */
  voided: string[] = [];
  /** Why nothing is heard from it any more. */
  broken = "";

  constructor({ takes, sends }: Rates) {
    this.takes = takes;
    this.sends = sends;
  }
}

/** A letter that has to be signed. */
export interface Draft {
  readonly letter: Omit<Letter, "signature">;
  readonly name: string;
}

/** `now` is microseconds of a clock that only runs forward; `local` is the one stamps go by. */
export class Exchange {
  readonly call: CallId;
  /** Whether there is a key to sign with. */
  signs = false;
  readonly #mesh: Mesh;
  readonly #standings: Standings;
  readonly #confirmed: Standings;
  #me = "" as ParticipantId;
  #epoch = 0;
  #welcomed = 0;
  #linkedAt: number | undefined;
  #people = new Map<ParticipantId, Participant>();
  /** When each was in reach last. */
  readonly #seen = new Map<ParticipantId, number>();
  readonly #peers = new Map<ParticipantId, Peer>();
  readonly #own = new Map<string, Held>();
  /** What is taken from each, and sent to them: another path gives nothing anew. */
  readonly #rates = new Map<ParticipantId, Rates>();
  readonly #done = new Done();
  readonly #carried = new Set<string>();
  /** Whether somebody could not be sent all that they lack. */
  #behind = false;

  constructor(call: CallId, mesh: Mesh, standings: Standings) {
    this.call = call;
    this.#mesh = mesh;
    this.#standings = standings;
    this.#confirmed = new Standings(new Confirmed(mesh));
  }

  // --- how it stands

  get away(): boolean {
    return this.#linkedAt === undefined;
  }

  /** Whether anybody who is reached has lost the hub, oneself included. */
  get isNeeded(): boolean {
    return this.away || [...this.#peers.values()].some(({ away }) => away);
  }

  /** How many others are in reach, directly or by way of somebody. */
  get reached(): number {
    return this.#inReach().size;
  }

  #inReach(): Set<ParticipantId> {
    const found = new Set<ParticipantId>();
    for (const [id, { broken, reaches }] of this.#peers) {
      if (broken !== "") continue;
      found.add(id);
      for (const other of reaches) if (this.#people.has(other as ParticipantId)) found.add(other as ParticipantId);
    }
    found.delete(this.#me);
    return found;
  }

  /** The hub has let one in: letters carry the time of that. */
  welcome(me: ParticipantId, epoch: number, now: number): void {
    if (me !== this.#me || epoch !== this.#epoch) this.#own.clear();
    this.#me = me;
    this.#epoch = epoch;
    this.#welcomed = now;
  }

  /** A batch has come: there is a link. */
  linked(now: number): void {
    if (!this.away) return;
    this.#linkedAt = now;
    this.#carried.clear();
    this.followed();
  }

  linkLost(now: number): void {
    if (this.away) return;
    this.#linkedAt = undefined;
    this.#done.linkLost();
    for (const id of this.#people.keys()) this.#seen.set(id, now);
  }

  /** The roster is another. Who is missing from one that came whole may yet come back. */
  roster(people: Iterable<Participant>, whole: boolean): void {
    const now = new Map([...people].map((someone) => [someone.id, someone]));
    for (const [id, someone] of this.#people) {
      if (now.has(id)) continue;
      if (whole) now.set(id, { ...someone, here: false });
    }
    this.#people = now;
    for (const id of this.#rates.keys()) if (!now.has(id) && !this.#peers.has(id)) this.#rates.delete(id);
  }

  /** The call's own State, or what is told of apps, is another. */
  followed(): void {
    this.#confirmed.follow({ state: CALL });
  }

  /** Who is not here, as far as can be told while the hub is away. */
  lost(now: number): Set<ParticipantId> {
    if (!this.away) return new Set();
    for (const id of this.#inReach()) this.#seen.set(id, now);
    const gone = (id: ParticipantId): boolean => id !== this.#me && now - (this.#seen.get(id) ?? now) > GRACE;
    return new Set([...this.#people.keys()].filter(gone));
  }

  // --- paths

  /** There is a direct path to a participant, or another one than before. */
  opened(id: ParticipantId, now: number): void {
    const rates = this.#rates.get(id) ?? { takes: new Bucket(TAKES, now), sends: new Bucket(SENDS, now) };
    this.#rates.set(id, rates);
    this.#peers.set(id, new Peer(rates));
  }

  closed(id: ParticipantId, now: number): void {
    if (this.#peers.delete(id)) this.#seen.set(id, now);
  }

  // --- in

  /**
   * What came over a path. The letters in it whose signature has to be looked at.
   *
   * Raises nothing: a peer that sends what it should not is not listened to any more (X2).
   */
  hear(id: ParticipantId, data: Uint8Array, now: number, local: number): Held[] {
    const peer = this.#peers.get(id);
    if (peer === undefined || peer.broken !== "") return [];
    const found: Held[] = [];
    try {
      for (const message of this.#whole(peer, data, now)) {
        const held = this.#take(id, peer, message, now);
        if (held !== undefined && this.#wants(id, peer, held, now, local)) found.push(held);
      }
    } catch (error) {
      if (!(error instanceof BadInput)) throw error;
      peer.broken = error.message;
      peer.parts = [];
    }
    return found;
  }

  #whole(peer: Peer, data: Uint8Array, now: number): Message[] {
    const [last = LAST_PIECE + 1] = data;
    peer.size += data.length;
    if (last > LAST_PIECE || data.length > PIECE + 1) throw new WireError("not a piece of a bundle");
    if (!peer.takes.takes(SMALL + data.length / BYTES, now)) throw new WireError("too much at once");
    if (peer.size > MAX_WHOLE) throw new WireError("a bundle between participants is too large");
    peer.parts.push(data.slice(1));
    if (last === 0) return [];
    const whole = joined(peer.parts.splice(0));
    peer.size = 0;
    return unbundle(whole, MAX_WHOLE);
  }

  #take(id: ParticipantId, peer: Peer, message: Message, now: number): Held | undefined {
    switch (message.type) {
      case "have":
        if (message.away && !peer.away) peer.sent.clear(); // what it had let go of counts again
        peer.away = message.away;
        peer.reaches = message.reaches;
        peer.has = new Set(message.held.map(nameIn));
        return undefined;
      case "void":
        for (const stamp of message.stamps) if (writesFor(stamp[1], id)) peer.voided.push(nameIn(stamp));
        return undefined;
      case "letter": {
        if (!peer.takes.takes(1, now)) throw new WireError("too much at once");
        const held = openLetter(message);
        peer.has.add(held.name);
        held.since = now;
        return held;
      }
      default:
        throw new WireError("this is not said between participants");
    }
  }

  #wants(id: ParticipantId, peer: Peer, held: Held, now: number, local: number): boolean {
    const author = this.#people.get(held.author);
    if (author?.key === undefined || held.author === this.#me) return false;
    if (!held.letter.open && held.author !== id) return false;
    if (!this.away && (author.here || !peer.away)) return false; // who has the hub speaks for itself
    if (this.#done.has(held.name) || this.#mesh.letters.holds(held)) return false;
    if (this.#isAhead(held.stamp, now, local)) return false;
    return held.writes.every(({ state, entry }) => {
      if (state.startsWith("presence/") && sizeOf(entry) > PRESENCE_BYTES) return false;
      return this.#confirmed.mayHaveWritten(state, entry.key, author);
    });
  }

  /**
   * Whether it is so far ahead that no hub would take it: by one's own clock, or, where that was set
   * back meanwhile, by the time that has passed since the welcome.
   */
  #isAhead({ time }: Stamp, now: number, local: number): boolean {
    const { clock } = this.#mesh;
    const hub = Math.max(clock.hubTime(local), this.#epoch + now - this.#welcomed);
    return time > Math.max(hub + AHEAD, clock.seen + FOLLOWING);
  }

  /** What the letters of somebody are signed with, as the hub has said. */
  keyOf(id: ParticipantId): string | undefined {
    return this.#people.get(id)?.key;
  }

  /** Take in a letter whose signature holds. */
  admit(held: Held): Change[] {
    if (this.#done.has(held.name) || this.keyOf(held.author) === undefined) return [];
    return this.#mesh.takeIn(held);
  }

  /** What authors have said is denied goes (X5). */
  voided(): Change[] {
    const names = new Set<string>();
    for (const peer of this.#peers.values()) for (const name of peer.voided.splice(0)) names.add(name);
    return names.size > 0 ? this.#letGo([...this.#mesh.letters].filter(({ name }) => names.has(name)), names) : [];
  }

  /** The hub has denied a transaction; undefined where it is one's own, and others are told. */
  denied({ time, writer, reason }: Denial): Change[] | undefined {
    const name = nameOf({ time, writer });
    if (!writesFor(writer, this.#me)) {
      // What came too late to be carried its author may yet write again, at the same time.
      const final = reason !== "foreign_writer";
      return this.#letGo([...this.#mesh.letters].filter((held) => held.name === name), [name], final);
    }
    this.#own.delete(name);
    for (const peer of this.#peers.values()) {
      if (peer.has.has(name) || peer.sent.has(name)) peer.voids.push([time, writer]);
    }
    return undefined;
  }

  #letGo(letters: readonly Held[], names: Iterable<string>, final = true): Change[] {
    for (const name of names) this.#done.add(name, final);
    return this.#mesh.letLettersGo(letters);
  }

  /** Let time pass: what the hub has not answered by now does not stand (X5). */
  tick(now: number): Change[] {
    const since = this.#linkedAt;
    if (since === undefined || now - since < SETTLED) return [];
    if (now - since >= GRACE) {
      // Who has not come back is gone.
      for (const id of this.#people.keys()) if (this.#mesh.confirmed(ROSTER, id) === undefined) this.#people.delete(id);
    }
    if (this.#mesh.letters.empty) return [];
    const old = [...this.#mesh.letters].filter((held) => now - held.since >= SETTLED);
    return this.#letGo(old, old.map(({ name }) => name), false);
  }

  // --- out: to the hub

  /** What to give to the hub now; `first`, what has to be there before one's own (X4). */
  carried(now: number, { first }: { first: boolean }): Letter[] {
    if (this.#linkedAt === undefined || this.#mesh.letters.empty) return [];
    const patient = now - this.#linkedAt < CARRY_AFTER;
    const found = [...this.#mesh.letters].filter(({ name, author, writes }) => {
      if (this.#carried.has(name)) return false;
      const aboutCall = writes.some(({ state }) => state === CALL);
      const waits = patient || this.#people.get(author)?.here === true;
      return first ? aboutCall : aboutCall || !waits;
    });
    for (const { name } of found) this.#carried.add(name);
    return found.map(({ letter }) => letter);
  }

  /** Whether there may be something to give to the hub. */
  get carries(): boolean {
    return !this.away && [...this.#mesh.letters].some(({ name }) => !this.#carried.has(name));
  }

  // --- out: to peers

  /** One's own transactions that somebody may need, and that are not signed yet. */
  unsigned(): Draft[] {
    if (!this.signs || this.#peers.size === 0 || this.#epoch === 0 || !this.isNeeded) return [];
    return this.#mesh.transactions().flatMap(({ stamp, write }) => {
      const name = nameOf(stamp);
      const written = write.groups.flatMap(({ state, entries }) => entries.map((entry) => [state, entry] as const));
      const migrates = written.some(([state, { key }]) => state === CALL && key.startsWith("version/"));
      if (this.#own.has(name) || migrates) return [];
      const open = written.every(([state, entry]) => this.#standings.isForAll(state, entry));
      return [{ name, letter: { type: "letter", author: this.#me, epoch: this.#epoch, open, write: encode(write) } }];
    });
  }

  signed({ letter, name }: Draft, signature: Uint8Array): void {
    if (letter.epoch === this.#epoch) this.#own.set(name, openLetter({ ...letter, signature }));
  }

  /** What to send now over the direct paths that are `ready`, in pieces. */
  outgoing(now: number, ready: (peer: ParticipantId) => boolean = () => true): { readonly to: ParticipantId; readonly data: Uint8Array<ArrayBuffer> }[] {
    if (this.#peers.size === 0) return [];
    const have = this.#have();
    this.#behind = false;
    const found = [...this.#peers].flatMap(([to, peer]) => {
      if (peer.broken !== "") return [];
      if (!ready(to)) {
        this.#behind = true;
        return [];
      }
      return pieces([...words(peer, have, now), ...this.#lettersFor(to, peer, now)]).map((data) => ({ to, data }));
    });
    this.#forget();
    return found;
  }

  /** What is saved or overtaken, and those who need it have it. */
  #forget(): void {
    if (this.#own.size <= (this.#behind ? MAX_LETTERS : 0)) return;
    const kept = new Set(this.#mesh.transactions().map(({ stamp }) => nameOf(stamp)));
    for (const name of this.#own.keys()) if (!kept.has(name)) this.#own.delete(name);
  }

  #have(): Have {
    const letters = this.isNeeded ? [...this.#mesh.letters] : [];
    const held = letters.map(({ stamp }): Stamped => [stamp.time, stamp.writer]);
    const reaches = [...this.#peers].flatMap(([id, { broken }]) => (broken === "" ? [id] : [])).sort();
    return { type: "have", away: this.away, reaches, held };
  }

  /** The letters that somebody lacks, and may have (X1). */
  #lettersFor(id: ParticipantId, peer: Peer, now: number): Uint8Array[] {
    const someone = this.#people.get(id);
    if (someone === undefined || !(this.away || peer.away)) return [];
    const found: Uint8Array[] = [];
    const letters = [...this.#own.values(), ...this.#mesh.letters];
    const names = new Set(letters.map(({ name }) => name));
    for (const name of peer.sent) if (!names.has(name)) peer.sent.delete(name);
    let room = MAX_ROUND;
    for (const held of letters) {
      const { name, author, letter, since, writes } = held;
      const own = author === this.#me;
      if (peer.has.has(name) || peer.sent.has(name) || author === id) continue;
      if (!own && (!letter.open || now - since < HAND_ON)) continue;
      if (!writes.every(({ state, entry }) => this.#standings.mayHave(state, entry, someone))) continue;
      if (room <= 0 || !peer.sends.takes(1, now)) {
        this.#behind = true; // the rest waits for the next time
        break;
      }
      peer.sent.add(name);
      room -= letter.write.length;
      found.push(encode(letter));
    }
    return found;
  }
}

/** What somebody has not been told of how one stands here, and of what was denied (X3, X5). */
function words(peer: Peer, have: Have, now: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const { told } = peer;
  const turned = told?.away !== have.away || told.reaches.join() !== have.reaches.join();
  const other = told?.held.map(nameIn).sort().join() !== have.held.map(nameIn).sort().join();
  if (turned || (other && now - peer.toldAt >= HAVE_EVERY)) {
    peer.told = have;
    peer.toldAt = now;
    found.push(encode(have));
  }
  const voids = peer.voids.splice(0, MAX_VOID);
  if (voids.length > 0) found.push(encode({ type: "void", stamps: voids }));
  return found;
}

/** Encoded messages as they go over a channel. */
function pieces(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer>[] {
  const groups: Uint8Array[][] = [];
  let room = 0;
  for (const part of parts) {
    if (groups.length === 0 || part.length > room) {
      groups.push([]);
      room = PIECE - 16;
    }
    room -= part.length;
    groups.at(-1)?.push(part);
  }
  return groups.flatMap((group) => cut(bundle(group)));
}

function cut(whole: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const count = Math.ceil(whole.length / PIECE);
  return Array.from({ length: count }, (_, number) => {
    const data = whole.subarray(number * PIECE, (number + 1) * PIECE);
    const piece = new Uint8Array(data.length + 1);
    piece[0] = number === count - 1 ? 1 : 0;
    piece.set(data, 1);
    return piece;
  });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function nameIn([time, writer]: Stamped): string {
  return nameOf({ time, writer });
}
