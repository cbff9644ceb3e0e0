/** An app's end of its port: the session of a client, a replica, and the life of its resource (A3). */

import {
  APPS, bundle, CALL, CallmeshError, Closed, complain, DELETED, encodeMessage, EndedByPeer, HUB_STATE, Pace, PING_EVERY, Replica, ResourceCache,
  Roster, Session, Standings, stateOf, UnreadableReport, VERSION, WireError, type Capability, type Change, type Json, type LifeEvent, type Message,
  type messages, type ParticipantId, type ResourceId, type StateId, type Writer,
} from "@callmesh/core";

import { after, now } from "./runtime.ts";
import { FrameFetches } from "./frameFetch.ts";
import type { FrameFiles, FrameFilesUser } from "./frameFiles.ts";
import type { FrameStreams } from "./frameStreams.ts";
import { bringUpToDate, type Schema } from "./migrating.ts";
import { LOADS, Parts, type Part } from "./parts.ts";
import { Resource } from "./resource.ts";
import { UNKNOWN, type Surroundings } from "./surroundings.ts";

/**
 * Told of the life of the resource; `setup` must be safe to repeat.
 *
 * An app is written for one `version` of its state: that of the manifest it was loaded with, unless it
 * says another. A resource whose state is older is brought up to it before `setup`, by the steps in
 * `migrate`; one that is newer is read, and not written.
 */
export type Handlers<S extends object = Record<string, Json>> = Schema & {
  readonly [E in LifeEvent]?: (resource: Resource<S>) => unknown;
};

/** Bytes from which on it is cheaper to hand a bundle over than to copy it. */
const LARGE = 16 * 1024;
/** What access, rules and the hub's being read-only stand in, besides the roster. */
const RIGHTS: readonly StateId[] = [CALL, APPS, HUB_STATE];
/** Milliseconds that an app waits for parts of the SDK, which a hub that is going away may never send. */
const PATIENCE = 5_000;
/** Parts of the SDK, with the capabilities that need them. */
const PARTS: readonly (readonly [Part, ...Capability[]])[] = [
  ["streams", "streams", "files"],
  ["files", "files"],
];

export class Frame {
  /** Resolves when everything is there. */
  readonly ready: Promise<Resource>;
  readonly #port: MessagePort;
  readonly #handlers: Handlers;
  /** The state version that the app is written for; 0 where nobody says. */
  readonly #version: number;
  readonly #session = new Session("client", now());
  readonly #replica: Replica;
  readonly #standings: Standings;
  readonly #roster = new Roster();
  readonly #unreadable = new UnreadableReport();
  readonly #pace = new Pace(after, () => this.#letWrites());
  readonly #parts: Parts;
  #streams: FrameStreams | undefined;
  #fetches: FrameFetches | undefined;
  #files: FrameFiles | undefined;
  #welcome: messages.Welcome | undefined;
  #resource: Resource | undefined;
  #surroundings: Surroundings = UNKNOWN;
  /** When what the app has asked for is there. */
  #loaded = Promise.resolve();
  #begin: () => void = () => undefined;
  #settle: { resolve: (resource: Resource) => void; reject: (reason: CallmeshError) => void } | undefined;
  #life: Promise<void> | undefined;
  #handled = 0;
  /** Handlers that are to be told, and are not yet. */
  #due = 0;
  #stopAsking: () => void = () => undefined;
  #writes = false;
  #scheduled = false;

  /** `stateVersion` is that of the manifest which this frame was loaded with; 0 where nobody says. */
  constructor(port: MessagePort, handlers: Handlers, stateVersion = 0, loads = LOADS) {
    this.#port = port;
    this.#parts = new Parts(loads);
    this.#handlers = handlers;
    this.#version = handlers.version ?? stateVersion;
    if (stateVersion > 0 && this.#version !== stateVersion) warnOfVersions(this.#version, stateVersion);
    this.ready = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.#replica = new Replica({ now, after, flush: () => this.#pace.ask() });
    this.#standings = new Standings(this.#replica.mesh);
    this.#replica.onChange((change) => this.#changed(change));
    port.onmessage = ({ data }: MessageEvent<unknown>) => this.#receive(data);
    const hello: messages.Hello = {
      type: "hello", version: VERSION, call: "", name: "", role: null, token: null, person: null, resume: null,
      cursor: 0, offers: [], key: "",
    }; // prettier-ignore
    this.#post([encodeMessage(hello)]);
    this.#ask();
  }

  /** Whether something waits to be told to the page, or to a handler that is not running yet. */
  get isBusy(): boolean {
    return this.#due > 0 || this.#session.hasOutput || this.#replica.mesh.unsent > 0;
  }

  /** Ask for the hub's time, now and then: the clock here stands still while the device sleeps. */
  #ask(): void {
    this.#stopAsking = after(PING_EVERY / 1_000, () => {
      this.#put(encodeMessage({ type: "ping", number: this.#handled }));
      this.#ask();
    });
  }

  // --- from the page

  #receive(data: unknown): void {
    if (this.#files?.away.heard(data) === true) return;
    try {
      if (!(data instanceof Uint8Array)) throw new WireError("bytes are expected");
      for (const message of this.#session.receive(data, now())) this.#act(message);
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      this.#end(error);
      return;
    }
    this.#handled++;
    this.#put(encodeMessage({ type: "ping", number: this.#handled }));
  }

  #act(message: Message): void {
    switch (message.type) {
      case "welcome":
        this.#welcome = message;
        this.#replica.mesh.writer = message.writer as Writer;
        this.#replica.mesh.clock.setBy(message.time, now());
        break;
      case "cache":
        this.#ready(message);
        break;
      case "life":
        this.#live(message.event);
        break;
      case "pong":
        this.#replica.mesh.clock.setBy(message.time, now());
        break;
      case "link":
        this.#replica.hubAway(message.state !== "joined");
        this.#resource?.linkIs(message.state);
        break;
      case "surroundings":
        this.#surround(message);
        break;
      case "fetched":
        this.#fetches?.heard(message);
        break;
      case "stream":
        this.#streams?.receive(message);
        break;
      case "taken":
        this.#streams?.refused(message);
        break;
      case "reach":
        this.#streams?.reached(message);
        break;
      case "batch":
        for (const sentence of this.#unreadable.of(message)) console.warn(sentence);
        this.#replica.hear(message);
        break;
      default:
        this.#replica.hear(message);
    }
  }

  #surround({ locale, theme, width, height, visible }: messages.Surroundings): void {
    this.#surroundings = { locale, theme, size: { width, height }, visible };
    this.#resource?.surroundingsChanged(this.#surroundings);
  }

  /** The cache is the last thing that comes before life begins. */
  #ready({ items }: messages.Cache): void {
    const welcome = this.#welcome;
    if (welcome === undefined || this.#resource !== undefined) throw new WireError("cache is not expected now");
    const known = items.flatMap(([key, value]) => (value === DELETED ? [] : [[key, value] as const]));
    const cache = new ResourceCache(known, (key, value) => {
      this.#put(encodeMessage({ type: "cache", items: [[key, value]] }));
    });
    const fetches = (this.#fetches = new FrameFetches(welcome.resource ?? "", (wish) => this.#put(encodeMessage(wish))));
    if (this.#version > 0) this.#replica.mesh.versions.set(stateOf(welcome.resource as ResourceId), this.#version);
    const resource = (this.#resource = new Resource({
      access: this.#replica,
      standings: this.#standings,
      welcome,
      roster: this.#roster,
      cache,
      surroundings: this.#surroundings,
      stream: (name, options) => this.#openStreams().open(name, options),
      files: (user) => this.#openFiles(user).files,
      fetch: (url, options) => fetches.fetch(url, options),
    }));
    this.#loaded = new Promise((resolve) => {
      const stop = after(PATIENCE, resolve);
      this.#begin = () => {
        stop();
        resolve();
      };
    });
    void this.#load();
    void this.#loaded.then(() => this.#settle?.resolve(resource));
  }

  /** What the app's manifest asks for, and is not here yet. */
  async #load(): Promise<void> {
    const resource = this.#resource?.id;
    if (resource === undefined || !this.#standings.isTold(resource)) return;
    const asked = PARTS.filter(([, ...capabilities]) => capabilities.some((capability) => this.#standings.allows(resource, capability)));
    await Promise.all(asked.map(([part]) => this.#parts.load(part)));
    this.#begin();
  }

  #openStreams(): FrameStreams {
    if (this.#streams !== undefined) return this.#streams;
    const { FrameStreams } = this.#parts.get("streams");
    this.#streams = new FrameStreams(this.#welcome?.resource ?? "", {
      me: this.#welcome?.participant as ParticipantId,
      put: (encoded) => this.#session.put(encoded),
      flush: () => this.#soon(),
    });
    return this.#streams;
  }

  #openFiles(user: FrameFilesUser): FrameFiles {
    const { FrameFiles } = this.#parts.get("files");
    return (this.#files ??= new FrameFiles(user, this.#openStreams(), (asked) => this.#port.postMessage(asked)));
  }

  #changed(change: Change): void {
    this.#standings.follow(change);
    if (change.state === APPS) void this.#load();
    const { changed } = this.#roster.follow(change);
    if (changed) this.#resource?.participantsChanged();
    if (changed || RIGHTS.includes(change.state)) this.#resource?.rightsChanged();
  }

  // --- life

  #live(event: LifeEvent): void {
    // What the app does once it is connected comes before the first handler.
    this.#life ??= this.#loaded.then(() => new Promise((resolve) => void after(0, resolve)));
    this.#due++;
    this.#life = this.#life.then(() => this.#run(event)).catch(complain);
  }

  async #run(event: LifeEvent): Promise<void> {
    const resource = this.#resource;
    this.#due--;
    if (resource === undefined || this.#replica.ended !== undefined) return;
    if (event === "setup" && !(await this.#isUpToDate(resource))) return;
    if (event === "enable" || event === "disable") resource.inView(event === "enable");
    await this.#handlers[event]?.(resource);
  }

  /** A state that the app cannot bring to its version is none that it can work with: that ends it here. */
  async #isUpToDate(resource: Resource): Promise<boolean> {
    try {
      await bringUpToDate(this.#replica, this.#standings, resource, this.#version, this.#handlers.migrate);
      return true;
    } catch (error) {
      console.error(error); // at once: the page is about to take this frame away
      const why = error instanceof Error ? error.message : String(error);
      this.#fail(new EndedByPeer(`could not be brought to its new version: ${why}`));
      return false;
    }
  }

  // --- to the page

  #put(encoded: Uint8Array): void {
    this.#session.put(encoded);
    this.#soon();
  }

  #letWrites(): void {
    this.#writes = true;
    this.#soon();
  }

  #soon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#session.state.kind !== "open") return;
    this.#streams?.fill(this.#session);
    if (this.#writes) for (const write of this.#replica.mesh.outgoing()) this.#session.put(encodeMessage(write));
    this.#writes = false;
    for (let parts = this.#session.take(); parts.length > 0; parts = this.#session.take()) this.#post(parts);
  }

  #post(parts: readonly Uint8Array[]): void {
    const data = bundle(parts);
    this.#port.postMessage(data, data.length < LARGE ? [] : [data.buffer]);
  }

  /** Tell the page why it is over. */
  #fail(reason: EndedByPeer): void {
    this.#session.put(encodeMessage({ type: "error", code: reason.code, message: reason.message }));
    this.#send();
    this.#end(new Closed(reason.message));
  }

  #end(reason: CallmeshError): void {
    this.#stopAsking();
    this.#session.end(reason);
    this.#port.close();
    this.#replica.end(reason);
    this.#streams?.end(reason);
    this.#fetches?.end(reason);
    this.#files?.away.end(reason);
    this.#settle?.reject(reason);
    if (!(reason instanceof Closed)) complain(reason);
  }
}

function warnOfVersions(version: number, manifest: number): void {
  console.warn(`connect() says version ${version}, and the manifest of this app has state version ${manifest}: make them the same`);
}
