/** The streams of a frame, on the page's side: the page has their lanes, and the frame what is read and written. */

import {
  BOUNDS, delivery, encodeMessage, FILES, HUB_STATE, Inbox, MAX_PAYLOAD, MOST_STREAMS, NO_BYTES, Standings, streamName, STREAMS, TooFast, TooLarge, tooMany, WireError, type Delivery, type messages, type Mode, type ParticipantId, type Reach, type Taking, type Whole,
} from "@callmesh/core";

import type { CourierHost, StreamConsumer, StreamHandle } from "./host.ts";
import type { Hindrance } from "./rate.ts";

/** Bytes of stream messages that wait for a frame that does not answer before senders wait too. */
const MOST_WAITING = 4 * 1024 * 1024;
/** Streams of which a frame has not heard yet that they were not opened. */
const MOST_REFUSED = 1_000;
/** Senders of one stream that a frame may read apart. */
const MOST_APART = 1_000;

export interface StreamHostUser {
  put(encoded: Uint8Array): void;
  putLatest(slot: string, encoded: Uint8Array): void;
  /** So many payload bytes of the frame's have gone on. */
  credit(size: number): void;
  /** The frame opens a stream beside the `open` ones that it has, unless something is in the way (A28). */
  opens(open: number): Hindrance | undefined;
}

class Opened {
  readonly mode: Mode;
  handle: StreamHandle | undefined;
  /** Puts the parts of a large message of the frame's together; `joined` is what has become whole. */
  readonly parts: Inbox;
  joined: Whole | undefined;
  /** What the frame takes; and of those whom it reads apart. */
  taking: Taking = "yes";
  readonly apart = new Map<string, Taking>();
  /** Too much waits on the way to it. */
  behind = false;
  /** What the frame knows of its reach. */
  told = "";

  constructor(mode: Mode) {
    this.mode = mode;
    this.parts = new Inbox("latest", 1, { whole: (whole) => (this.joined = whole), end: () => undefined, began: () => undefined });
  }

  takes(sender: ParticipantId): Taking {
    const taking = this.apart.get(sender) ?? this.taking;
    return taking === "yes" && this.behind ? "wait" : taking;
  }
}

export class StreamHost {
  readonly #host: CourierHost;
  readonly #standings: Standings;
  readonly #user: StreamHostUser;
  readonly #opened = new Map<string, Opened>();
  readonly #refused = new Set<string>();
  /** Bytes that wait for the frame. */
  #waiting = 0;

  constructor(host: CourierHost, user: StreamHostUser) {
    this.#host = host;
    this.#standings = new Standings(host.mesh);
    this.#user = user;
  }

  /** Whether something of the frame's is not known to have come, or a file comes. */
  get works(): boolean {
    return [...this.#opened].some(([name, { mode, handle }]) => {
      const reach = mode === "reliable" ? [...(handle?.reach().peers.values() ?? [])] : [];
      return reach.some(({ buffered, receivedRate }) => buffered > 0 || (name === FILES && receivedRate > 0));
    });
  }

  // --- from the frame

  /** It opens or closes a stream, or has enough to read for now. */
  heard({ peers: [sender], resource, name, mode, number, word, ordered, retransmits }: messages.Taken): void {
    if (resource !== this.#host.resource) throw new WireError("a frame has the streams of its own resource alone (A2)");
    const opened = this.#opened.get(streamName(name));
    if (word === "open") {
      const how = mode === "latest" ? delivery(mode, ordered, retransmits) : delivery(mode);
      if (opened === undefined) this.#open(name, how, number);
      else if (opened.mode !== mode) throw new WireError("a frame has a stream in one mode");
    } else if (opened === undefined) {
      if (word === "off") this.#refused.delete(name);
    } else {
      this.#turn(name, opened, word, number > 0, sender);
    }
  }

  #open(name: string, how: Delivery, keep: number): void {
    this.#standings.checkCapability(this.#host.resource, name === FILES ? "files" : "streams"); // the SDK has asked before
    const opened = new Opened(how.mode);
    const handle = this.#try(name, how, {
      receive: (whole) => this.#receive(name, opened, whole),
      ended: ({ sender, why }) => {
        const payload = why === undefined ? NO_BYTES : new Uint8Array(1);
        this.#put(name, opened, { sender, number: why?.code === "broken" ? 0 : 1, json: false, payload }, 0);
      },
      began: (sender) => this.#put(name, opened, { sender, number: 2, json: false, payload: NO_BYTES }, 0),
      reachChanged: () => this.#tellReach(name, opened),
      takes: (sender) => opened.takes(sender),
      keep,
    });
    if (handle === undefined) return;
    opened.handle = handle;
    this.#opened.set(name, opened);
    this.#tellReach(name, opened);
  }

  /** Where too few are free, or it opens too many, it alone is refused. */
  #try(name: string, how: Delivery, consumer: StreamConsumer): StreamHandle | undefined {
    const hindrance = this.#user.opens(this.#opened.size);
    if (hindrance !== undefined) {
      this.#refuse(name, how.mode, hindrance);
      return undefined;
    }
    try {
      return this.#host.openStream(name, how, consumer);
    } catch (error) {
      if (!(error instanceof TooFast)) throw error;
      const most = Number(this.#host.mesh.value(HUB_STATE, STREAMS) ?? MOST_STREAMS);
      this.#refuse(name, how.mode, { bound: "free", most });
      return undefined;
    }
  }

  /** `came` says by which bound. */
  #refuse(name: string, mode: Mode, { bound, most }: Hindrance): void {
    if (this.#refused.size >= MOST_REFUSED) throw tooMany(most, bound);
    this.#refused.add(name);
    const { resource } = this.#host;
    const came = BOUNDS.indexOf(bound);
    this.#user.put(
      encodeMessage({ type: "taken", peers: [], resource, name, mode, opened: 1, number: most, word: "off", came, ordered: false, retransmits: 0 }),
    );
  }

  /** `last` of a hold: nobody there reads at all; of its end, where it is about one sender: nobody reads that one apart. */
  #turn(name: string, opened: Opened, word: messages.Word, last: boolean, sender: string | undefined): void {
    if (word === "off") {
      this.#opened.delete(name);
      opened.handle?.close();
      return;
    }
    const taking: Taking = word !== "hold" ? "yes" : last ? "no" : "wait";
    if (sender === undefined) opened.taking = taking;
    else if (taking === "yes" && last) opened.apart.delete(sender);
    else opened.apart.set(sender, taking);
    if (opened.apart.size > MOST_APART) throw new TooLarge(`a frame reads at most ${MOST_APART} senders of a stream apart`);
    opened.handle?.turned();
  }

  /** A message of the frame's, or a part of one. */
  send({ peers, resource, name, mode, ...piece }: messages.Stream): void {
    const { payload } = piece;
    if (resource !== this.#host.resource) throw new WireError("a frame has the streams of its own resource alone (A2)");
    if (payload.length > MAX_PAYLOAD) throw new TooLarge(`a part of a stream message has at most ${MAX_PAYLOAD} bytes`);
    const opened = this.#opened.get(streamName(name));
    if (opened === undefined && this.#refused.has(name)) {
      this.#user.credit(payload.length);
      return;
    }
    if (opened?.mode !== mode) throw new WireError("a frame sends on streams that it has opened");
    if (piece.parts === 0) {
      void this.#end(name, opened);
      return;
    }
    opened.parts.put(this.#host.me.id, piece);
    const whole = opened.joined;
    opened.joined = undefined;
    const gone = (): void => this.#user.credit(payload.length);
    if (whole === undefined) gone();
    else void opened.handle?.send(whole, peers.length > 0 ? (peers as readonly ParticipantId[]) : undefined).then(gone, gone);
  }

  async #end(name: string, opened: Opened): Promise<void> {
    await opened.handle?.end();
    this.#put(name, opened, { sender: this.#host.me.id, number: 1, json: false, payload: NO_BYTES }, 0);
  }

  // --- to the frame

  #receive(name: string, opened: Opened, whole: Whole): void {
    this.#put(name, opened, whole, 1);
    if (opened.mode === "latest") return;
    this.#waiting += whole.payload.length + 64;
    if (this.#waiting > MOST_WAITING) opened.behind = true;
  }

  #put(name: string, { mode }: Opened, { sender, ...rest }: Whole, parts: number): void {
    const { resource } = this.#host;
    const encoded = encodeMessage({ type: "stream", peers: [sender], resource, name, mode, ...rest, step: 1, part: 0, parts });
    if (mode === "latest" && parts === 1) this.#user.putLatest(`${sender}/${name}`, encoded);
    else this.#user.put(encoded);
  }

  /** All that waited has left. */
  left(): void {
    this.#waiting = 0;
    for (const opened of this.#opened.values()) {
      if (!opened.behind) continue;
      opened.behind = false;
      opened.handle?.turned();
    }
  }

  /** Let time pass: what the frame knows of its streams is renewed. */
  tick(): void {
    for (const [name, opened] of this.#opened) this.#tellReach(name, opened);
  }

  #tellReach(name: string, opened: Opened): void {
    if (this.#opened.get(name) !== opened || opened.handle === undefined) return;
    const { settled, peers } = opened.handle.reach();
    const rows = [...peers].map(([peer, reach]) => row(peer, reach));
    const told = JSON.stringify([settled, rows]);
    if (told === opened.told) return;
    opened.told = told;
    this.#user.putLatest(`reach ${name}`, encodeMessage({ type: "reach", name, mode: opened.mode, settled, peers: rows }));
  }

  close(): void {
    for (const { handle } of this.#opened.values()) handle?.close();
    this.#opened.clear();
  }
}

/** As it goes to the frame: in whole numbers. */
function row(peer: ParticipantId, reach: Reach): messages.ReachRow {
  return {
    peer,
    ...reach,
    roundTrip: Math.round((reach.roundTrip ?? 0) * 1e6),
    loss: Math.round(reach.loss * 1e6),
    sentRate: Math.round(reach.sentRate),
    receivedRate: Math.round(reach.receivedRate),
    messagesSentRate: Math.round(reach.messagesSentRate * 1e3),
    messagesReceivedRate: Math.round(reach.messagesReceivedRate * 1e3),
  };
}
