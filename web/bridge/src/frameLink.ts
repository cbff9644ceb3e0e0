/** One frame's port: the session of a hub, on the page's side (A3). */

import {
  bundle, CALL, CallmeshError, Closed, DELETED, encodeMessage, fetchFailed, keyOf, MAX_BUNDLE, MAX_ITEM, MAX_WRITE,
  presenceOf, Session, stateOf, Standings, STREAM_WINDOW, TooFast, TooLarge, transactionsOf, unbundle, VERSION, WireError, type HubWord, type LifeEvent, type Message,
  type messages, type Writer,
} from "@callmesh/core";

import { AwayHost } from "./awayHost.ts";
import { isAboutFiles } from "./awayWords.ts";
import type { CourierHost } from "./host.ts";
import type { PortRate } from "./rate.ts";
import { refusal, weigh } from "./refusal.ts";
import { after, every } from "./runtime.ts";
import { StreamHost } from "./streamHost.ts";
import { View } from "./view.ts";

/**
 * Milliseconds that lie between two bundles: posting one costs each side more than what is in it, and
 * what comes is drawn once per frame at most. The first goes at once.
 */
const GAP = 8;
/** Bytes from which on it is cheaper to hand a bundle over than to copy it. */
const LARGE = 16 * 1024;
/** Milliseconds after which a frame is told how its streams stand, where they stand otherwise. */
const STREAMS = 1_000;
/** Seconds after which a frame that has nothing to answer is asked something, and in which one that is seen has to answer. */
const ASK = 4;
const PATIENCE = 8;
/** Things that a frame fetches at a time. */
const MOST_FETCHES = 64;
/** A value in a cache may be larger than a bundle of everything else. */
const MAX_CACHE_BUNDLE = MAX_ITEM + 64 * 1024;

export interface FrameEvents {
  connected(): void;
  /** It does not answer any more, though it is seen; or it does again. */
  hangs(hangs: boolean): void;
  ended(error: CallmeshError): void;
}

export class FrameLink {
  readonly #host: CourierHost;
  readonly #port: MessagePort;
  readonly #events: FrameEvents;
  readonly #session: Session;
  readonly #writer: Writer;
  readonly #view: View;
  readonly #streams: StreamHost;
  readonly #away: AwayHost;
  readonly #stops: (() => void)[];
  /** Bundles sent, and answered: one at a time is on its way, so a hung frame is a slow reader. */
  #sent = 0;
  #answered = 0;
  #scheduled = false;
  /** When the last bundle went, and what ends the rest after it. */
  #sentAt = -Infinity;
  #endRest: (() => void) | undefined;
  #asked = false;
  /** Seconds of silence: nothing to answer, or no answer. */
  #quiet = 0;
  #silent = 0;
  #hangs = false;
  readonly #standings: Standings;
  readonly #rate: PortRate;
  /** How many things it fetches now. */
  #fetching = 0;
  #surroundings: messages.Surroundings | undefined;
  /** What the frame knows of the page's own link. */
  #linkTold = "joined";

  constructor(host: CourierHost, port: MessagePort, rate: PortRate, events: FrameEvents) {
    this.#host = host;
    this.#port = port;
    this.#events = events;
    this.#session = new Session("hub", host.now());
    this.#writer = host.writer();
    this.#standings = new Standings(host.mesh);
    this.#rate = rate;
    this.#view = new View(host.mesh, host.resource, host.me.id);
    this.#streams = new StreamHost(host, {
      put: (encoded) => {
        this.#session.put(encoded);
        this.#soon();
      },
      putLatest: (slot, encoded) => {
        this.#session.putLatest(slot, encoded);
        this.#soon();
      },
      credit: (size) => {
        this.#session.relayed(size);
        this.#soon();
      },
      opens: (open) => rate.opens(open, host.now()),
    });
    this.#away = new AwayHost(host, (data) => port.postMessage(data));
    this.#stops = [
      host.onChange((change) => {
        this.#view.changed(change);
        this.#soon();
      }),
      host.onWord((word) => this.#heard(word)),
      every(STREAMS, () => {
        this.#streams.tick();
        this.#watch();
      }),
      host.onLink(() => this.#soon()),
    ];
    port.onmessage = ({ data }: MessageEvent<unknown>) => this.#receive(data);
  }

  /** Whether the frame is still to be told something, or has not said that it was. */
  get isBusy(): boolean {
    const waits = this.#session.hasMessages || this.#view.hasOutput || this.#host.link !== this.#linkTold;
    return this.#session.state.kind === "open" && (waits || this.#answered !== this.#sent);
  }

  /** Whether the hub has not taken what it wrote, it fetches, or its files and reliable streams are under way. */
  get works(): boolean {
    const { mesh, resource } = this.#host;
    const state = stateOf(resource);
    const writes = [...mesh.underWay(state)].some((key) => mesh.statusOf(state, key) === "pending");
    return writes || this.#fetching > 0 || this.#away.works || this.#streams.works;
  }

  life(event: LifeEvent): void {
    if (this.#session.state.kind !== "open") return;
    this.#session.put(encodeMessage({ type: "life", event }));
    this.#soon();
  }

  /** Where the frame is shown, and how (A18). */
  surround(surroundings: messages.Surroundings): void {
    this.#surroundings = surroundings;
    if (this.#session.state.kind !== "open") return;
    this.#session.putLatest("surroundings", encodeMessage(surroundings));
    this.#soon();
  }

  /** What waits is sent, whether or not the frame has answered. */
  close(): void {
    if (this.#session.state.kind === "open") this.#send();
    this.#stop(new Closed("the page has closed this frame"));
  }

  // --- from the frame

  #receive(data: unknown): void {
    if (this.#session.state.kind === "over") return;
    try {
      if (this.#session.state.kind === "open" && isAboutFiles(data)) {
        this.#rate.took(1, 0, this.#host.now()); // their bytes have a bound of their own
        this.#away.heard(data);
        return;
      }
      if (!(data instanceof Uint8Array)) throw new WireError("bytes are expected");
      const messages = this.#read(data);
      const streamed = messages.reduce((size, message) => size + (message.type === "stream" ? message.payload.length : 0), 0);
      this.#rate.took(messages.length, data.length - streamed, this.#host.now());
      for (const message of messages) this.#act(message);
      this.#soon();
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      this.#end(error);
    }
  }

  #read(data: Uint8Array): Message[] {
    if (data.length <= MAX_BUNDLE || this.#session.state.kind !== "open") {
      return this.#session.receive(data, this.#host.now());
    }
    const found = unbundle(data, MAX_CACHE_BUNDLE);
    if (found.some(({ type }) => type !== "cache")) throw new TooLarge(`a bundle has at most ${MAX_BUNDLE} bytes`);
    return found;
  }

  #act(message: Message): void {
    switch (message.type) {
      case "hello":
        this.#welcome();
        break;
      case "write":
        this.#write(message);
        break;
      case "stream":
        this.#streams.send(message);
        break;
      case "taken":
        this.#streams.heard(message);
        break;
      case "cache":
        for (const [key, value] of message.items) this.#host.cache.put(key, value);
        break;
      case "fetch":
        this.#fetch(message);
        break;
      case "ping":
        this.#pinged(message.number);
        break;
      case "leave":
        this.#stop(new Closed("the app has left"));
        break;
      default:
        throw new WireError(`a frame sends no ${message.type} (A2)`);
    }
  }

  #welcome(): void {
    const { me, callId, resource, mesh, cache } = this.#host;
    const { id: participant, person, name, role } = me;
    const time = mesh.clock.hubTime(this.#host.now());
    this.#session.welcome(
      encodeMessage({
        type: "welcome", version: VERSION, call: callId, participant, writer: this.#writer, person, name, role, time,
        resume: "", personProof: "", resource,
      }), // prettier-ignore
    );
    this.#putBatch();
    if (this.#surroundings !== undefined) this.#session.put(encodeMessage(this.#surroundings));
    this.#session.put(encodeMessage({ type: "cache", items: [...cache.items()] }));
    this.#events.connected();
  }

  #write({ groups }: messages.Write): void {
    if (weigh(groups) > MAX_WRITE) throw new TooLarge("a frame wrote more than fits into one message");
    for (const transaction of transactionsOf(groups)) {
      const refused = refusal(this.#host, this.#view, this.#writer, transaction);
      if (refused !== undefined) {
        this.#session.put(encodeMessage(refused));
        continue;
      }
      for (const { state, entry } of transaction) this.#view.hold(state, entry);
      const taken = transaction.map(({ state, entry, version }) => ({ state, entries: [entry], version }));
      this.#host.wrote(this.#host.mesh.adopt(taken));
    }
  }

  #fetch(wish: messages.Fetch): void {
    const { resource } = this.#host;
    if (wish.resource !== resource) throw new WireError("a frame fetches for its own resource alone (A2)");
    this.#standings.checkCapability(resource, "fetch"); // the SDK has asked before
    if (this.#fetching >= MOST_FETCHES) {
      this.#fetched(fetchFailed(wish, new TooFast(`an app fetches at most ${MOST_FETCHES} things at a time (A20)`)));
      return;
    }
    this.#fetching++;
    void this.#host
      .fetch(wish)
      .then((fetched) => this.#fetched(fetched))
      .finally(() => this.#fetching--);
  }

  #fetched(fetched: messages.Fetched): void {
    if (this.#session.state.kind !== "open") return;
    this.#session.put(encodeMessage(fetched));
    this.#soon();
  }

  /** A number for the first time says that so many bundles were handled. Once more, it asks for the time. */
  #pinged(number: number): void {
    this.#asked ||= number <= this.#answered;
    if (number <= this.#sent) this.#answered = Math.max(this.#answered, number);
  }

  /** Once a second. One that cannot be seen may be slowed down by the browser, as may its page. */
  #watch(): void {
    if (this.#session.state.kind !== "open" || this.#surroundings?.visible !== true) {
      this.#silent = 0;
      return;
    }
    const answered = this.#answered === this.#sent;
    this.#silent = answered ? 0 : this.#silent + 1;
    this.#quiet = answered ? this.#quiet + 1 : 0;
    if (this.#quiet >= ASK) {
      this.#quiet = 0;
      this.#asked = true; // the time, which every frame answers as any bundle
      this.#soon();
    }
    if (this.#hangs === this.#silent >= PATIENCE) return;
    this.#hangs = !this.#hangs;
    this.#events.hangs(this.#hangs);
  }

  // --- to the frame

  #heard(word: HubWord): void {
    if (word.type === "batch") this.#view.heard(word);
    if (word.type === "denied" && this.#session.state.kind === "open") {
      for (const denial of this.#view.denied(word, this.#writer)) this.#session.put(encodeMessage(denial));
    }
    this.#soon();
  }

  #putBatch(): void {
    const news = this.#view.take();
    if (news !== undefined) this.#session.put(encodeMessage(news));
  }

  /** With all that is sent goes the hub's time, as it is known here. */
  #putTime(): void {
    if (!this.#asked && !this.#session.hasOutput) return;
    this.#asked = false;
    const time = this.#host.mesh.clock.hubTime(this.#host.now());
    this.#session.put(encodeMessage({ type: "pong", number: this.#answered, time }));
  }

  #putLink(): void {
    const { link } = this.#host;
    if (link === this.#linkTold) return;
    this.#linkTold = link;
    this.#session.put(encodeMessage({ type: "link", state: link }));
  }

  #soon(): void {
    if (this.#scheduled || this.#session.state.kind !== "open") return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  get #maySend(): boolean {
    return this.#session.state.kind === "open" && this.#answered === this.#sent;
  }

  /** Milliseconds until what waits should go; undefined where nothing does. */
  get #rest(): number | undefined {
    const news = this.#session.hasMessages || this.#view.hasOutput || this.#asked || this.#host.link !== this.#linkTold;
    if (this.#session.owed >= STREAM_WINDOW / 2) return 0; // soon the frame can send no more
    if (news) return GAP - (this.#host.now() - this.#sentAt) / 1_000;
    // A credit goes along with what comes next: alone, it would make that wait.
    return this.#session.owed > 0 ? GAP : undefined;
  }

  /** Not the timer alone says that the rest is over: in a page that nobody looks at it is late. */
  #turn(): void {
    const rest = this.#maySend ? this.#rest : undefined;
    if (rest === undefined) return;
    if (rest <= 0) this.#send();
    else this.#endRest ??= after(Math.min(rest, GAP), () => this.#rested());
  }

  #rested(): void {
    this.#endRest = undefined;
    if (this.#maySend) this.#send();
  }

  #send(): void {
    // A batch comes after what was to be told before it, a denial above all.
    this.#putBatch();
    this.#putLink();
    this.#putTime();
    const parts = this.#session.take();
    if (parts.length === 0) return;
    if (!this.#session.hasOutput) this.#streams.left();
    const data = bundle(parts);
    this.#sent++;
    this.#sentAt = this.#host.now();
    this.#port.postMessage(data, data.length < LARGE ? [] : [data.buffer]);
  }

  // --- the end

  #end(error: CallmeshError): void {
    if (this.#session.state.kind === "over" && this.#stops.length === 0) return;
    this.#port.postMessage(bundle([encodeMessage({ type: "error", code: error.code, message: error.message })]));
    this.#stop(error);
    this.#events.ended(error);
  }

  #stop(reason: CallmeshError): void {
    this.#session.end(reason);
    for (const stop of this.#stops.splice(0)) stop();
    this.#streams.close();
    this.#away.close();
    this.#endRest?.();
    this.#port.onmessage = null;
    this.#port.close();
    this.#clearPresence();
  }

  /** What the frame has shown of itself is not what its participant is doing any more (P2). */
  #clearPresence(): void {
    const { mesh, me, resource } = this.#host;
    if (mesh.value(CALL, keyOf(resource)) === undefined) return;
    const state = presenceOf(resource);
    const own = mesh.keys(state).filter((key) => key.startsWith(`${me.id}/`));
    if (own.length === 0) return;
    const gone = new Map(own.map((key) => [key, DELETED] as const));
    this.#host.wrote(mesh.write(new Map([[state, gone]]), this.#host.now()));
  }
}
