/** All streams of a call: who reads them, what of them comes, and where what is sent goes. */

import {
  BadValue, CallmeshError, Closed, DataStream, decodeFrame, delivery, encodeFrame, encodeMessage, encodePiece, isSameDelivery, label, Lane, modeOf, MOST_CHANNELS, MOST_STREAMS, NO_BYTES, readLabel, STALLED,
  tooMany, Turns, unbundle, type Delivery, type Frame, type Message, type messages, type ParticipantId, type Path, type Payload, type Piece, type Reach,
  type ResourceId, type Session, type StreamId, type StreamOptions,
} from "@callmesh/core";

import { Channel } from "./channel.ts";
import { Past } from "./past.ts";
import { KEEP_BYTES, Station, type Consumer, type Way } from "./station.ts";

/** Microseconds after which what is missing is asked for once more. */
const ASK_AGAIN = 1_000_000;
/** Participants up to which streams go direct, where the hub says nothing else. */
export const MESH = 8;
/** Bytes of what a peer says through the control channel at once. */
const MAX_WORDS = 16 * 1024;
/** Words that are said at once to one who asks, between two ticks: who asks more asks again. */
const ANSWERS = 256;
/** Bytes of what is kept that one gets at once, who opens streams again and again; and with each tick after that, for long. */
const GIVEN = 2 * KEEP_BYTES;
const GIVEN_ON = 512 * 1024;
const FROM_NO_FRAME = { ordered: false, retransmits: 0 } as const;
const LOST: Piece = { number: 0, json: false, payload: NO_BYTES, step: 0, part: 0, parts: 1 };

/** The piece of a stream that leaves next by way of the hub. */
interface Head {
  readonly station: Station;
  readonly number: number;
  readonly size: number;
}

export interface StreamsUser {
  /** Everybody else who is here. */
  here(): readonly ParticipantId[];
  /** Whether a resource is known to be hidden from somebody. */
  isHidden(resource: ResourceId, id: ParticipantId): boolean;
  path(id: ParticipantId): Path["kind"];
  open(id: ParticipantId, label: string, how: Delivery): RTCDataChannel | undefined;
  /** Say something through the control channel. */
  tell(id: ParticipantId, message: Message): void;
  /** Something waits for the relay. */
  flush(): void;
  now(): number;
  after(milliseconds: number, fn: () => void): () => void;
  /** At the end of this turn. */
  soon(fn: () => void): void;
}

/** A stream that is open here, by the page or a frame of it, and how it stands to each of the others. */
export interface OpenStream extends StreamId {
  readonly peers: ReadonlyMap<ParticipantId, Reach>;
}

export class Streams {
  readonly #user: StreamsUser;
  #mesh: number;
  #most = MOST_STREAMS;
  readonly #stations = new Map<string, Station>();
  readonly #past = new Past();
  readonly #channels = new Map<ParticipantId, Set<RTCDataChannel>>();
  readonly #met = new Set<ParticipantId>();
  /** What waits for the link besides what lanes have: of the same kind the newest. */
  readonly #words = new Map<string, messages.Taken | messages.Stream>();
  /** Who is not in the roster after the hub began anew, and may come back; since when. */
  readonly #away = new Map<ParticipantId, number>();
  /** Whether there is a link to the hub. */
  #linked = true;
  /** How often each was answered since the last tick. */
  readonly #answers = new Map<ParticipantId, number>();
  /** Bytes of what is kept that each was given lately. */
  readonly #given = new Map<ParticipantId, number>();
  readonly #turns = new Turns();
  /** How many pieces have left by way of the hub. */
  #turn = 0;
  /** What leaves at the end of this turn; undefined before the first of a turn. */
  #late: Set<Way> | undefined;
  /** Those who wait until there is room, or all has come. */
  #waiting: { readonly done: () => boolean; readonly resolve: () => void }[] = [];

  constructor(user: StreamsUser, mesh = MESH) {
    this.#user = user;
    this.#mesh = mesh;
  }

  // --- opening

  /** The stream of that name. Raises `BadName`, `BadValue` if it is open otherwise, and `TooFast` as `attach` does. */
  open(resource: ResourceId, name: string, options: StreamOptions = {}): DataStream {
    const { mode, ordered, maxRetransmits, codec } = options;
    const station = this.#stations.get(label(resource, name));
    const known = station?.stream;
    if (station === undefined || known === undefined || known.over) return this.#make(resource, name, options);
    if (mode !== undefined && mode !== known.mode) throw new BadValue(`the stream ${name} is open already, in mode ${known.mode}`);
    if (codec !== undefined && codec !== known.codec) throw new BadValue(`the stream ${name} is open already, with another codec`);
    const said = ordered !== undefined || maxRetransmits !== undefined;
    if (said && !isSameDelivery(station.how, delivery(known.mode, ordered, maxRetransmits))) throw otherwise(name);
    return known;
  }

  #make(resource: ResourceId, name: string, { mode = "reliable", ordered, maxRetransmits, keep = 0, codec }: StreamOptions): DataStream {
    const id: StreamId = { resource, name, mode };
    const how = delivery(mode, ordered, maxRetransmits);
    const stream = new DataStream(
      id.name,
      id.mode,
      {
        send: (payload, to) => this.send(station, payload, to),
        reach: () => this.reach(station),
        settled: () => station.settled,
        turned: () => this.turned(station),
        end: () => this.end(station),
        closed: () => {
          station.stream = undefined;
          this.detach(station, consumer);
        },
        after: (milliseconds, fn) => this.#user.after(milliseconds, fn),
        get dropped() {
          return station.dropped;
        },
      },
      codec,
    );
    const consumer: Consumer = {
      receive: (whole) => stream.receive(whole),
      ended: (end) => stream.ended(end),
      began: (sender) => stream.began(sender),
      reachChanged: () => stream.reachChanged(),
      takes: (sender) => stream.takes(sender),
      keep,
    };
    const station = this.attach(id, how, consumer);
    station.stream = stream;
    return stream;
  }

  /**
   * One more reads a stream here, and may send on it. Raises `BadName`, `BadValue` if it is open in another mode, and
   * `TooFast` where too few are free.
   */
  attach(id: StreamId, how: Delivery, consumer: Consumer): Station {
    const key = label(id.resource, id.name);
    const known = this.#stations.get(key);
    if (known !== undefined) {
      if (known.id.mode !== id.mode) throw new BadValue(`the stream ${id.name} is open already, in mode ${known.id.mode}`);
      if (!isSameDelivery(known.how, how)) throw otherwise(id.name);
      known.consumers.add(consumer);
      return known;
    }
    this.#findRoom(id.resource);
    const { number, opened } = this.#past.count(key);
    const station = new Station(id, how, key, number, opened + 1);
    this.#stations.set(key, station);
    this.#past.opened(key);
    station.consumers.add(consumer);
    for (const peer of this.#met) this.#meet(station, peer);
    this.#say([...this.#met], station, "open");
    return station;
  }

  /** No app takes the streams of all: others find some free, however many it opens. */
  #findRoom(resource: ResourceId): void {
    let free = this.#most - this.#stations.size;
    for (const { id } of this.#stations.values()) if (id.resource === resource) free--;
    if (free <= 0) throw tooMany(this.#most);
  }

  /** One reads it no more. */
  detach(station: Station, consumer: Consumer): void {
    station.consumers.delete(consumer);
    if (station.consumers.size > 0 || this.#stations.get(station.key) !== station) return;
    this.#stations.delete(station.key);
    const { opened } = station.inbox;
    const off: messages.Taken = { type: "taken", peers: [], ...station.id, opened, number: 0, word: "off", came: 0, ...FROM_NO_FRAME };
    this.#silence(this.#past.closed(off, station.number, this.#user.now()));
    this.#say([...station.ways.keys()], station, "off");
    for (const { channel, lane } of station.ways.values()) {
      channel.close();
      lane.turn("idle"); // nobody waits for it any more
    }
    station.ways.clear();
    this.#settle();
  }

  all(): OpenStream[] {
    return [...this.#stations.values()].map((station) => ({ ...station.id, peers: this.reach(station) }));
  }

  reach(station: Station): Map<ParticipantId, Reach> {
    return station.reach((peer) => this.#user.path(peer), this.#user.now());
  }

  // --- in

  /** A message by way of the hub. */
  receive({ peers: [sender], resource, name, mode, ...piece }: messages.Stream): void {
    const station = this.#stations.get(`${resource}/${name}`);
    if (sender !== undefined && station?.id.mode === mode) this.#arrive(station, sender as ParticipantId, piece, false);
  }

  /** A channel that a peer has opened. One that is no stream's is closed. */
  accept(sender: ParticipantId, channel: RTCDataChannel): void {
    const channels = this.#channels.get(sender) ?? new Set();
    this.#channels.set(sender, channels);
    try {
      if (channels.size >= MOST_CHANNELS) throw new BadValue("too many channels");
      readLabel(channel.label);
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      channel.close();
      return;
    }
    const mode = modeOf(channel.ordered, channel.maxRetransmits);
    channels.add(channel);
    channel.onclose = () => void channels.delete(channel);
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      const station = this.#stations.get(channel.label);
      if (!(data instanceof ArrayBuffer) || station?.id.mode !== mode) return;
      dropRubbish(() => {
        for (const piece of decodeFrame(new Uint8Array(data))) this.#arrive(station, sender, piece, true);
      });
    };
  }

  #arrive(station: Station, sender: ParticipantId, piece: Piece, direct: boolean): void {
    if (this.#user.isHidden(station.id.resource, sender)) return;
    const source = station.inbox.source(sender);
    source.direct = direct;
    if (station.takes(sender) === "no") {
      this.#reply(sender, station); // it has not heard yet that nothing is taken
      return;
    }
    switch (station.inbox.put(sender, piece)) {
      case "new":
      case "old":
        break;
      case "gap":
        if (source.asked !== undefined) break; // it was asked for; `tick` asks again
        source.asked = this.#user.now();
        this.#say([sender], station, "again");
        break;
      case "due":
        if (station.takes(sender) === "yes") this.#say([sender], station, "taken");
        break;
      default:
        this.#reply(sender, station);
    }
  }

  /** What its readers take is another: all who send are told, but for those who wait on. */
  turned(station: Station): void {
    this.#say([...station.ways.keys()].filter((peer) => station.takes(peer) !== "wait"), station, "taken");
  }

  // --- what readers say

  /** By way of the hub. */
  heard(taken: messages.Taken): void {
    const [peer] = taken.peers;
    if (peer !== undefined) this.#heard(peer as ParticipantId, taken);
  }

  /** Through the control channel. */
  told(peer: ParticipantId, data: Uint8Array): void {
    dropRubbish(() => {
      for (const message of unbundle(data, MAX_WORDS)) if (message.type === "taken") this.#heard(peer, message);
    });
  }

  #heard(peer: ParticipantId, taken: messages.Taken): void {
    const station = this.#stations.get(`${taken.resource}/${taken.name}`);
    if (station?.id.mode !== taken.mode) {
      if (taken.word === "open") this.#sayOff(peer, taken);
      return;
    }
    const lane = station.ways.get(peer)?.lane;
    if (lane === undefined) return; // the roster does not show them yet
    const before = lane.reading;
    const gives = (size: number): boolean => this.#gives(peer, size);
    if (station.follow(lane, peer, taken, this.#user.now(), gives) === "lose") this.#transmit(station, peer, LOST);
    if (taken.word === "open") this.#reply(peer, station);
    if (lane.reading !== before) this.#reachChanged(station);
    this.#drain(peer);
    this.#settle();
  }

  /** Whether one gets what is kept now, or is to wait: nobody has it sent on and on (D16). */
  #gives(peer: ParticipantId, size: number): boolean {
    const given = (this.#given.get(peer) ?? 0) + size;
    if (given > GIVEN) return false;
    this.#given.set(peer, given);
    return true;
  }

  #reachChanged(station: Station): void {
    for (const consumer of station.consumers) consumer.reachChanged();
  }

  /** Answer who asks. Nobody makes others say more than they may, by asking on and on. */
  #reply(peer: ParticipantId, station: Station): void {
    if (this.#mayAnswer(peer)) this.#say([peer], station, "taken");
  }

  #mayAnswer(peer: ParticipantId): boolean {
    const said = this.#answers.get(peer) ?? 0;
    this.#answers.set(peer, said + 1);
    return said < ANSWERS;
  }

  /**
   * Tell senders how far one has come with what they have sent.
   *
   * By the way on which that came: a channel may be dead and not know it yet. What is not about that goes by both.
   */
  #say(peers: readonly ParticipantId[], station: Station, asked: messages.Word): void {
    const { inbox, id } = station;
    const relayed = new Map<string, { word: messages.Word; opened: number; number: number; came: number; peers: ParticipantId[] }>();
    for (const peer of peers) {
      const word = station.word(peer, asked);
      const both = word !== "taken" && word !== "again";
      const source = inbox.sources.get(peer);
      const opened = source?.opened ?? inbox.opened;
      const number = source === undefined ? 0 : station.acknowledged(peer, source);
      const came = source?.messages ?? 0;
      const direct = this.#user.path(peer) === "direct";
      const asItCame = source?.direct === true;
      if (direct && (asItCame || both || !this.#linked)) {
        this.#user.tell(peer, { type: "taken", peers: [], ...id, opened, number, word, came, ...FROM_NO_FRAME });
      }
      if (direct && asItCame && !both) continue;
      const key = `${word} ${opened} ${number} ${came}`;
      const group = relayed.get(key) ?? { word, opened, number, came, peers: [] };
      relayed.set(key, group);
      group.peers.push(peer);
    }
    for (const group of relayed.values()) this.#put({ type: "taken", ...id, ...group, ...FROM_NO_FRAME });
  }

  /** No such stream is open here. */
  #sayOff(peer: ParticipantId, { resource, name, mode }: messages.Taken): void {
    if (!this.#mayAnswer(peer)) return;
    const { opened } = this.#past.count(`${resource}/${name}`);
    const off: messages.Taken = {
      type: "taken", peers: [peer], resource, name, mode, opened, number: 0, word: "off", came: 0, ...FROM_NO_FRAME,
    }; // prettier-ignore
    if (this.#user.path(peer) === "direct") this.#user.tell(peer, off);
    if (this.#linked) this.#put(off); // else they ask again, by the next link
  }

  /** Of a stream whose end is not said again nothing waits for the next link. */
  #silence(forgotten: string | undefined): void {
    if (this.#linked || forgotten === undefined) return;
    for (const [key, { resource, name }] of this.#words) if (`${resource}/${name}` === forgotten) this.#words.delete(key);
  }

  #put(message: messages.Taken | messages.Stream): void {
    const key = `${message.type} ${message.resource}/${message.name} ${message.mode} ${message.peers.join()}`;
    this.#words.delete(key);
    this.#words.set(key, message);
    this.#user.flush();
  }

  // --- out

  /** Send to those named, or to everybody else who has it open. Resolves when there is room for the next one. */
  async send(station: Station, payload: Payload, to?: readonly ParticipantId[]): Promise<void> {
    const sent = station.numbered(payload);
    if (to === undefined) station.keep(sent);
    const full = this.#post(station, sent, to);
    if (full.length > 0) await this.#until(() => !full.some((lane) => lane.full));
  }

  #post(station: Station, sent: readonly Piece[], to?: readonly ParticipantId[]): Lane[] {
    const full: Lane[] = [];
    let relayed = false;
    for (const [peer, way] of station.ways) {
      const { lane } = way;
      if (!lane.takes || to?.includes(peer) === false || this.#user.isHidden(station.id.resource, peer)) continue;
      for (const piece of sent) lane.put(piece);
      if (!lane.direct) relayed = true;
      else if (this.#late !== undefined && lane.mayWait) this.#late.add(way);
      else {
        this.#drainDirect(way);
        this.#beginTurn();
      }
      if (lane.full) full.push(lane);
    }
    if (relayed) this.#user.flush();
    return full;
  }

  #beginTurn(): void {
    if (this.#late !== undefined) return;
    this.#late = new Set();
    this.#user.soon(() => {
      const late = this.#late;
      this.#late = undefined;
      for (const way of late ?? []) if (way.lane.direct) this.#drainDirect(way);
    });
  }

  /** Tell readers that it was all. Resolves when they have it. */
  async end(station: Station): Promise<void> {
    if (station.consumers.size > 1) return; // others here go on
    this.#post(station, [station.ending()]);
    await this.#until(() => {
      for (const { lane } of station.ways.values()) if (lane.takes && lane.size > 0) return false;
      return true;
    });
  }

  async #until(done: () => boolean): Promise<void> {
    if (done()) return;
    await new Promise<void>((resolve) => void this.#waiting.push({ done, resolve }));
  }

  #settle(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ done }) => !done());
    for (const one of waiting) if (!this.#waiting.includes(one)) one.resolve();
  }

  #drain(peer: ParticipantId): void {
    for (const station of this.#stations.values()) {
      const way = station.ways.get(peer);
      if (way === undefined || way.lane.waiting.length === 0) continue;
      if (way.lane.direct) this.#drainDirect(way);
      else this.#user.flush();
    }
  }

  #drainDirect(way: Way): void {
    const { lane, channel } = way;
    if (lane.reading !== "reads") return;
    const packs = this.#late !== undefined && lane.mode === "latest";
    if (!packs) leave(channel, lane.unpack());
    while (lane.waiting.length > 0 && channel.hasRoom) {
      const pieces = lane.takeFrame();
      const [first] = pieces;
      if (packs && first !== undefined) leave(channel, lane.pack(first, lane.step));
      else leave(channel, [{ pieces, step: lane.step }]);
    }
    if (lane.packed) this.#late?.add(way);
  }

  /** Put on the session what its window lets through: streams take turns (D25). */
  fill(session: Session): void {
    for (const message of this.#words.values()) session.put(encodeMessage(message));
    this.#words.clear();
    let next = this.#turns.choose(this.#heads(), session.room);
    for (; next !== undefined; next = this.#turns.choose(this.#heads(), session.room)) this.#relayOne(session, next);
    this.#settle();
  }

  /** What each stream has for the relay now: first of the one that has had no turn for longest. */
  #heads(): Head[] {
    const found: Head[] = [];
    for (const station of this.#stations.values()) {
      let head: Piece | undefined;
      for (const { lane } of station.ways.values()) {
        const { head: own } = lane.waiting;
        if (own !== undefined && lane.mayRelay && own.number < (head?.number ?? Infinity)) head = own;
      }
      if (head !== undefined) found.push({ station, number: head.number, size: head.payload.length });
    }
    return found.sort((one, other) => one.station.served - other.station.served);
  }

  /** Send one piece by way of the hub, to all who lack it. */
  #relayOne(session: Session, { station, number }: Head): void {
    station.served = ++this.#turn;
    const groups = new Map<number, { piece: Piece; peers: ParticipantId[] }>();
    for (const [peer, { lane }] of station.ways) {
      if (!lane.mayRelay || lane.waiting.head?.number !== number) continue;
      const piece = lane.take() as Piece;
      const group = groups.get(lane.step);
      if (group === undefined) groups.set(lane.step, { piece, peers: [peer] });
      else group.peers.push(peer);
    }
    const { size } = this.#met;
    for (const [step, { piece, peers }] of groups) {
      session.streamed += piece.payload.length;
      const to = peers.length === size ? [] : peers;
      session.put(encodeMessage({ type: "stream", peers: to, ...station.id, ...piece, step }));
    }
  }

  /** Send a piece beside the others. */
  #transmit(station: Station, peer: ParticipantId, piece: Piece): void {
    const way = station.ways.get(peer);
    if (way?.lane.direct === true) {
      if (way.channel.hasRoom) way.channel.send(encodePiece(piece, piece.step));
    } else this.#put({ type: "stream", peers: [peer], ...station.id, ...piece });
  }

  // --- time, the link, and the paths

  /** Let time pass: for what nobody has answered. */
  tick(): void {
    const now = this.#user.now();
    this.#answers.clear();
    for (const [peer, given] of this.#given) {
      if (given > GIVEN_ON) this.#given.set(peer, given - GIVEN_ON);
      else this.#given.delete(peer);
    }
    if (this.#linked) this.#past.tick(now);
    for (const [id, since] of this.#away) if (now - since >= STALLED) this.#forget(id);
    for (const station of [...this.#stations.values()]) {
      for (const [peer, { lane }] of station.ways) {
        const due = lane.due(now);
        if (due === "open") this.#say([peer], station, "open");
        else if (due === "mark") this.#transmit(station, peer, lane.mark(now));
        else if (due === "lose") this.#reachChanged(station);
        // As one who opens it now.
        if (lane.putOff && (this.#given.get(peer) ?? 0) + station.keptSize <= GIVEN) this.#say([peer], station, "open");
        lane.meter.note(now, station.counts(peer, lane));
      }
      for (const [peer, source] of station.inbox.sources) {
        if (source.asked !== undefined && now - source.asked >= ASK_AGAIN) {
          source.asked = now;
          this.#say([peer], station, "again");
        } else if (source.owed > 0 && station.takes(peer) === "yes") this.#say([peer], station, "taken");
      }
    }
    this.#settle();
  }

  linkLost(): void {
    this.#linked = false;
    this.#words.clear();
  }

  /** The link is back: what was under way over the last one may be lost. */
  linkBack(): void {
    this.#linked = true;
    for (const off of this.#past.offs) this.#put(off);
    for (const station of this.#stations.values()) {
      for (const [peer, { lane }] of station.ways) {
        if (lane.direct) continue;
        lane.rewind();
        this.#say([peer], station, lane.reading === "unknown" ? "open" : "again");
      }
    }
    this.#user.flush();
  }

  /** Follow the roster: who is here is met, and how many they are says whether paths are direct. */
  follow(): void {
    for (const peer of this.#user.here()) {
      if (this.#met.has(peer)) continue;
      this.#met.add(peer);
      this.#away.delete(peer);
      for (const station of this.#stations.values()) this.#greet(station, peer);
    }
    for (const peer of this.#met) this.pathChanged(peer);
  }

  /** Up to how many participants streams go direct; beyond, the hub fans them out. And how many may be open. */
  limit(mesh: number, streams = MOST_STREAMS): void {
    this.#mesh = mesh;
    this.#most = streams;
    for (const peer of this.#met) this.pathChanged(peer);
  }

  /** Somebody is here: as before, if they were away for a moment only. */
  #greet(station: Station, peer: ParticipantId): void {
    const known = station.ways.get(peer)?.lane;
    const lane = known ?? this.#meet(station, peer);
    if (known === undefined) lane.late = true;
    lane.away = false;
    lane.rewind();
    this.#say([peer], station, lane.reading === "unknown" ? "open" : "again");
  }

  #meet(station: Station, peer: ParticipantId): Lane {
    const { resource, name, mode } = station.id;
    station.inbox.began(peer);
    const lane = new Lane(mode);
    lane.direct = this.#isDirect(peer);
    const channel = new Channel({
      open: () => this.#user.open(peer, label(resource, name), station.how),
      room: () => {
        const way = station.ways.get(peer);
        if (way?.lane.direct === true) this.#drainDirect(way);
        this.#settle();
      },
      lost: () => lane.rewind(),
    });
    station.ways.set(peer, { lane, channel });
    station.giveKept(lane);
    return lane;
  }

  #isDirect(peer: ParticipantId): boolean {
    return this.#user.path(peer) === "direct" && this.#met.size < this.#mesh;
  }

  /** Go by the path that there is now: on from what was acknowledged. */
  pathChanged(peer: ParticipantId): void {
    const direct = this.#isDirect(peer);
    for (const station of this.#stations.values()) {
      const way = station.ways.get(peer);
      if (way === undefined || way.lane.direct === direct) continue;
      way.lane.direct = direct;
      way.lane.rewind();
      if (!direct) way.channel.close();
      this.#say([peer], station, way.lane.reading === "unknown" ? "open" : "taken");
      this.#reachChanged(station);
    }
    this.#drain(peer);
  }

  /** A participant is gone; `away` where they may be back in a moment, as the hub begins anew. */
  part(id: ParticipantId, away = false): void {
    this.#met.delete(id);
    this.#channels.delete(id);
    if (!away) {
      this.#forget(id);
      return;
    }
    this.#away.set(id, this.#user.now());
    for (const station of this.#stations.values()) {
      const way = station.ways.get(id);
      if (way === undefined) continue;
      way.channel.close();
      way.lane.away = true;
      way.lane.direct = false;
    }
  }

  #forget(id: ParticipantId): void {
    this.#away.delete(id);
    for (const station of this.#stations.values()) {
      const way = station.ways.get(id);
      way?.channel.close();
      way?.lane.turn("idle"); // nobody waits for it any more
      station.ways.delete(id);
      station.gone(id);
      this.#reachChanged(station);
    }
    this.#settle();
  }

  /** A resource is gone, and its streams with it. */
  drop(resource: ResourceId): void {
    const gone = new Closed("this resource was removed");
    for (const station of [...this.#stations.values()]) {
      if (station.id.resource !== resource) continue;
      station.stream?.end(gone);
      for (const consumer of [...station.consumers]) this.detach(station, consumer);
    }
  }

  /** The call is over: nobody waits any more. */
  stop(reason: CallmeshError): void {
    for (const { stream } of [...this.#stations.values()]) stream?.end(reason);
    this.#stations.clear();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}

function otherwise(name: string): BadValue {
  return new BadValue(`the stream ${name} is open already, and delivers otherwise`);
}

function leave(channel: Channel, frames: readonly Frame[]): void {
  for (const { pieces, step } of frames) channel.send(encoded(pieces, step));
}

/** What a peer should not have sent is dropped, and nothing else suffers (D8). */
function dropRubbish(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof CallmeshError)) throw error;
  }
}

/** What was encoded last: it mostly goes to several receivers, one after the other. */
let last: { readonly first: Piece | undefined; readonly count: number; readonly step: number; readonly data: Uint8Array<ArrayBuffer> } | undefined;

function encoded(frame: readonly Piece[], step: number): Uint8Array<ArrayBuffer> {
  const [first] = frame;
  const count = frame.length;
  if (last?.first !== first || last?.step !== step || last.count !== count) last = { first, count, step, data: encodeFrame(frame, step) };
  return last.data;
}
