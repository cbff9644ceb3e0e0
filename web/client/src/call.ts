/** A call, as one of its participants has it. */

import {
  ACTIVE, APPS, bundle, CALL, CallmeshError, CallOver, Closed, Declined, Denied, DIRECT, DOOR, encodeMessage, HUB_STATE, LAST_PIECE, Listeners, mayEdit, MOST_STREAMS, Removed, Replica,
  ResourceCache, ROSTER, Roster, SharedState, Standings, stateOf, STREAMS, Unauthorized, UnreadableReport, VERSION, Wake, type CallId, type Change, type HubWord, type Json, type JsonObject, type Mesh, type Message, type messages,
  type Participant, type ParticipantId, type Path, type PersonId, type ResourceId, type Role, type Session,
  type StateId, type Status, type Writer,
} from "@callmesh/core";

import { Away } from "./away.ts";
import { courierHost, type HostOfCourier } from "./courierHost.ts";
import { Fetching } from "./fetching.ts";
import { Hosting } from "./hosting.ts";
import { IdbCacheStore } from "./idb.ts";
import { Link } from "./link.ts";
import { Media } from "./media.ts";
import { sessionKey } from "./keys.ts";
import { Peering } from "./peering.ts";
import { Peers } from "./peers.ts";
import type { Resource } from "./resource.ts";
import { resourceOrNot, Resources } from "./resources.ts";
import { after, every, now, onNetwork, soon } from "./runtime.ts";
import { MESH, Streams, type OpenStream } from "./streams.ts";
import { Tickets } from "./tickets.ts";
import { UnsavedStore } from "./unsaved.ts";
import { WaitingArea } from "./waiting.ts";

export interface CallOptions {
  readonly id: CallId;
  readonly socket: string;
  readonly name: string;
  readonly role: Role | null;
  readonly token: string | null;
  readonly person: string | null;
  readonly media: boolean;
  /** Told that one waits to be let in, and whenever a host says something. */
  readonly onWaiting?: (waiting: messages.Waiting, area: WaitingArea) => void;
  /** Told that the link broke meanwhile; it comes back. */
  readonly onLost?: () => void;
}

/** What roles, access, rules and the hub's being read-only stand in, besides the roster. */
const RIGHTS: readonly StateId[] = [CALL, APPS, HUB_STATE];

export type LinkState = "joined" | "reconnecting" | "left";

/** What `on` tells of, and what it passes. */
export interface CallEvents {
  readonly participants: undefined;
  readonly resources: undefined;
  readonly active: undefined;
  readonly link: undefined;
  readonly status: undefined;
  readonly media: undefined;
  /** Roles, access or rules are others: what may be written may be too. */
  readonly rights: undefined;
  /** For hosts: who waits, or who is kept out, is another. */
  readonly door: undefined;
  /** A host has turned one's microphone off: who; empty where it was the operator. */
  readonly muted: PersonId | "";
  /** A whole batch has come over a later link: what was here counts no longer (R2). */
  readonly resync: undefined;
  /** Something to show: a denied write, or why the call has ended here. */
  readonly error: CallmeshError;
}
export type CallEvent = keyof CallEvents;

export class Call {
  readonly id: CallId;
  readonly resources: Resources;
  readonly state: SharedState;
  readonly media: Media;
  /** What hosts do: let people in, take them out, give roles. */
  readonly hosting: Hosting;
  /** What apps fetch by way of the hub. */
  readonly fetching: Fetching;
  /** Resolves when one is in, and the call's state is there. */
  readonly opened: Promise<void>;
  readonly #options: CallOptions;
  readonly #replica: Replica;
  readonly #link: Link;
  readonly #standings: Standings;
  readonly #roster = new Roster();
  readonly #unreadable = new UnreadableReport();
  readonly #peers: Peers;
  readonly #peering: Peering;
  /** Whether the batch that is taken in is one. */
  #whole = false;
  #reached = 0;
  readonly #streams: Streams;
  readonly #tickets = new Tickets(() => this.#put({ type: "ticket", ticket: "", expires: 0 }));
  readonly #away: Away;
  readonly #caches: IdbCacheStore | undefined;
  readonly #unsaved: UnsavedStore | undefined;
  /** Whether a whole batch has come before. */
  #inStep = false;
  readonly #listeners = new Map<CallEvent, Listeners<CallEvents[CallEvent]>>();
  readonly #outgoing: (messages.Signal | messages.Command | messages.Ticket)[] = [];
  readonly #stopTicks: () => void;
  readonly #stopNetwork: () => void;
  readonly #wake = new Wake();
  #settleOpened: { resolve: () => void; reject: (reason: CallmeshError) => void } | undefined;
  #welcome: messages.Welcome | undefined;
  /** Proves who this is to the hub, as it said last. */
  #person: string | null;
  #frames = 0;
  /** When a host turned one's microphone off last. */
  #muted: Json | undefined;
  /** While one waits to be let in. */
  #area: WaitingArea | undefined;
  #shown: { link: LinkState; status: Status; active: ResourceId | undefined };

  /** Use `join`. */
  constructor(options: CallOptions) {
    this.id = options.id;
    this.#options = options;
    this.#person = options.person;
    this.opened = new Promise((resolve, reject) => (this.#settleOpened = { resolve, reject }));
    this.#replica = new Replica({ now, after, flush: () => this.#wrote() });
    this.hosting = new Hosting(this.#replica, (command) => this.#put(command));
    this.fetching = new Fetching(options.socket, this.#tickets);
    this.#standings = new Standings(this.#replica.mesh);
    this.state = new SharedState(this.#replica, CALL, {
      canWrite: (key) => this.#standings.canWriteCall(key, this.me),
      isOpen: () => mayEdit(this.me.role) && this.mesh.readOnly === undefined,
      refusal: () => undefined,
    });
    this.#peering = new Peering({
      call: this.id,
      replica: this.#replica,
      standings: this.#standings,
      tell: (peer, data) => this.#peers.tell(peer, data),
      ready: (peer) => this.#peers.ready(peer),
      flush: () => this.#link.wrote(),
    });
    this.#peers = this.#makePeers();
    this.#streams = this.#makeStreams();
    this.#away = new Away(options.socket, this.#tickets);
    this.resources = this.#makeResources();
    this.media = new Media({
      setTracks: (stream) => this.#peers.setTracks(stream),
      hear: (id) => this.#peers.hear(id),
      measure: (id) => this.#peers.measure(id),
      see: (id, pictures) => this.#peers.see(id, pictures),
    });
    if (typeof indexedDB !== "undefined") {
      this.#caches = new IdbCacheStore((error) => this.#cacheFailed(error));
      const isHere = (id: ParticipantId): boolean => this.#roster.participants.get(id)?.here === true;
      this.#unsaved = new UnsavedStore(this.#replica.mesh, (error) => this.#cacheFailed(error), isHere);
    }
    this.#shown = { link: "reconnecting", status: "offline", active: undefined };
    this.#replica.onChange((change) => this.#changed(change));
    this.#replica.onWord((word) => this.#heard(word));
    this.#stopTicks = every(500, () => this.#tick());
    this.#stopNetwork = onNetwork(() => this.#awake(false));
    this.#link = new Link(options.socket, {
      hello: () => this.#hello(),
      receive: (messages) => this.#receive(messages),
      fill: (session, writes) => this.#fill(session, writes),
      lost: () => this.#lost(),
      turned: () => this.#turned(),
    });
  }

  // --- who, and how it stands

  get me(): Participant {
    const welcome = this.#welcome;
    if (welcome === undefined) throw new Closed("not joined yet");
    const id = welcome.participant as ParticipantId;
    const { name, role } = welcome;
    const known = this.#roster.participants.get(id);
    return known ?? { id, person: welcome.person as PersonId, name, role, offers: this.#offers, here: true };
  }

  /** Proves to the hub, at the next visit, that this is the same person. */
  get personProof(): string {
    return this.#welcome?.personProof ?? "";
  }

  /** Everybody, oneself included; it changes as they come and go. */
  get participants(): ReadonlyMap<ParticipantId, Participant> {
    return this.#roster.participants;
  }

  get mesh(): Mesh {
    return this.#replica.mesh;
  }

  get link(): LinkState {
    const { state } = this.#link;
    if (state === "over") return "left";
    return state === "joined" ? "joined" : "reconnecting";
  }

  /** Whether everything written here is safe on the hub's disk. */
  get status(): Status {
    let status = this.mesh.status(CALL);
    for (const id of this.resources.ids()) {
      if (status !== "synced") break;
      status = this.mesh.status(stateOf(id));
    }
    return status;
  }

  /** How many others see what is written here while the hub is away, and one's own, theirs. */
  get reached(): number {
    return this.#peering.exchange.reached;
  }

  /** How another participant is reached. */
  path(id: ParticipantId): Path["kind"] {
    return this.#peers.path(id);
  }

  /** The resource in view for everybody. */
  get active(): ResourceId | undefined {
    return this.resources.active;
  }

  show(id: ResourceId): void {
    this.state.set(ACTIVE, id);
  }

  on<E extends CallEvent>(event: E, fn: (value: CallEvents[E]) => void): () => void {
    let listeners = this.#listeners.get(event);
    if (listeners === undefined) this.#listeners.set(event, (listeners = new Listeners()));
    return listeners.add(fn as (value: CallEvents[CallEvent]) => void);
  }

  /** Go, for good. What was written is sent before. */
  async leave(): Promise<void> {
    await this.#link.leave();
  }

  /** What the app frame of a resource needs of this call. */
  courierHost(resource: Resource): Promise<HostOfCourier> {
    const writer = (): Writer => `${this.me.id}.${++this.#frames}` as Writer;
    return courierHost(this, this.#replica, this.#streams, this.#away, resource, writer);
  }

  // --- for who looks on, as the inspector does

  /** Told of what changes, in whichever State. */
  onChange(fn: (change: Change) => void): () => void {
    return this.#replica.onChange(fn);
  }

  /** Told of each word of the hub, when it is in the mesh. */
  onWord(fn: (word: HubWord) => void): () => void {
    return this.#replica.onWord(fn);
  }

  /** The streams that are open here, in frames too, and how each stands to the others. */
  get streams(): readonly OpenStream[] {
    return this.#streams.all();
  }

  /** For who runs it: it is over. */
  fail(error: CallmeshError): void {
    this.#link.fail(error);
  }

  // --- what it is made of

  #makePeers(): Peers {
    return new Peers({
      me: () => this.me,
      signal: (peer, data) => this.#put({ type: "signal", peer, data }),
      pathChanged: (peer) => {
        this.#streams.pathChanged(peer);
        this.#tell("participants");
      },
      channel: (peer, channel) => this.#streams.accept(peer, channel),
      media: (peer, stream) => {
        this.media.take(peer, stream);
        this.#tell("media");
      },
      reached: (peer, open) => this.#peering.reached(peer, open),
      word: (peer, data) => this.#word(peer, data),
    });
  }

  #makeStreams(): Streams {
    return new Streams({
      here: () => this.#others(),
      isHidden: (resource, id) => this.#isHidden(resource, id),
      path: (id) => this.#peers.path(id),
      open: (id, label, how) => this.#peers.open(id, label, how),
      tell: (id, message) => this.#peers.tell(id, bundle([encodeMessage(message)])),
      flush: () => this.#link.soon(),
      now,
      after,
      soon,
    });
  }

  #makeResources(): Resources {
    return new Resources({
      access: this.#replica,
      standings: this.#standings,
      me: () => this.me,
      onWord: (fn) => this.#replica.onWord(fn),
      stream: (resource, name, options) => this.#streams.open(resource, name, options),
      others: () => new Map(this.#others().map((id) => [id, this.#roster.participants.get(id) as Participant])),
      away: this.#away,
      loadCache: (resource) => this.#loadCache(resource),
      clearCache: (resource) => this.#caches?.clear({ call: this.id, person: this.me.person, resource }),
      dropped: (resource) => this.#streams.drop(resource),
    });
  }

  /** Everybody else who is here. */
  #others(): ParticipantId[] {
    const { id: me } = this.me;
    return [...this.#roster.participants.values()].flatMap(({ id, here }) => (here && id !== me ? [id] : []));
  }

  #isHidden(resource: ResourceId, id: ParticipantId): boolean {
    const other = this.#roster.participants.get(id);
    return other !== undefined && this.#standings.access(resource, other) === "hidden";
  }

  async #loadCache(resource: ResourceId): Promise<ResourceCache> {
    const caches = this.#caches;
    if (caches === undefined) return new ResourceCache();
    const id = { call: this.id, person: this.me.person, resource };
    const items = await caches.load(id).catch((error: unknown) => {
      this.#cacheFailed(error);
      return [];
    });
    return new ResourceCache(items, (key, value) => caches.put(id, key, value));
  }

  #cacheFailed(cause: unknown): void {
    this.#tell("error", new CallmeshError("this browser does not keep what apps store here", { cause }));
  }

  /** The network may be another one, as after a sleep. */
  #awake(slept: boolean): void {
    this.#link.awake();
    this.#peers.networkChanged(slept);
  }

  #tick(): void {
    if (this.#wake.tick(now(), Date.now() * 1_000)) this.#awake(true);
    this.#peers.tick();
    this.#streams.tick();
    this.#peering.tick();
    const lost = this.#roster.lose(this.#peering.exchange.lost(now()));
    if (lost || this.#reached !== this.reached) this.#tell("participants");
    this.#reached = this.reached;
  }

  #wrote(): void {
    this.#link.wrote();
    this.#peering.soon();
  }

  // --- the link

  #put(message: messages.Signal | messages.Command | messages.Ticket): void {
    if (this.#link.state !== "joined") return; // signals begin anew, the rest is sent again
    this.#outgoing.push(message);
    this.#link.soon();
  }

  get #offers(): string[] {
    if (typeof RTCPeerConnection === "undefined") return [];
    return this.#options.media ? ["rtc", "restart", "media"] : ["rtc", "restart"];
  }

  #hello(): messages.Hello {
    const { id: call, name, role, token } = this.#options;
    const person = this.#person;
    const resume = this.#welcome?.resume ?? null;
    const { cursor } = this.mesh;
    const key = this.#offers.length > 0 ? (sessionKey()?.public ?? "") : "";
    return { type: "hello", version: VERSION, call, name, role, token, person, resume, cursor, offers: this.#offers, key };
  }

  #receive(received: readonly Message[]): void {
    for (const message of received) {
      if (message.type === "welcome") this.#enter(message);
      else if (message.type === "waiting") this.#wait(message);
      else if (message.type === "answer") this.hosting.heard(message);
      else if (message.type === "signal") this.#peers.receive(message.peer as ParticipantId, message.data);
      else if (message.type === "ticket") this.#tickets.heard(message);
      else if (message.type === "kept") this.#away.heard(message);
      else if (message.type === "ice") this.#peers.configure(message);
      else if (message.type === "stream") this.#streams.receive(message);
      else if (message.type === "taken") this.#streams.heard(message);
      // Never ahead of the hub: the word was on its way for a while.
      else if (message.type === "pong") this.mesh.clock.setBy(message.time, now());
      else if (message.type !== "denied" || !this.#peering.denied(message)) this.#take(message);
    }
  }

  /** Something came through a control channel: a piece of a letter's bundle, or a bundle. */
  #word(peer: ParticipantId, data: Uint8Array): void {
    if ((data[0] ?? 0) > LAST_PIECE) this.#streams.told(peer, data);
    else this.#peering.heard(peer, data);
  }

  #take(message: Message): void {
    this.#whole = message.type === "batch" && message.whole;
    this.#replica.hear(message);
  }

  #wait(waiting: messages.Waiting): void {
    if (this.#welcome !== undefined) throw new Unauthorized("you were away for too long; join again");
    this.mesh.clock.setBy(waiting.time, now());
    if (waiting.personProof !== "") this.#person = waiting.personProof; // whose link breaks is nobody new
    this.#area ??= new WaitingArea(this.id, waiting, (error) => this.#tell("error", error));
    this.#area.heard(waiting);
    this.#options.onWaiting?.(waiting, this.#area);
  }

  #enter(welcome: messages.Welcome): void {
    const before = this.#welcome?.participant ?? welcome.participant;
    if (before !== welcome.participant) throw new Unauthorized("you were away for too long; join again");
    this.#welcome = welcome;
    this.#peering.exchange.welcome(welcome.participant as ParticipantId, welcome.time, now());
    this.#person = welcome.personProof;
    this.mesh.writer = welcome.writer as Writer;
    this.mesh.clock.setBy(welcome.time, now());
  }

  #fill(session: Session, writes: boolean): void {
    for (const message of this.#outgoing.splice(0)) session.put(encodeMessage(message));
    this.#streams.fill(session);
    if (writes) this.#peering.fill(session);
  }

  #lost(): void {
    this.#replica.linkLost();
    this.#peering.linkLost();
    this.#streams.linkLost();
  }

  #turned(): void {
    const { reason } = this.#link;
    if (reason !== undefined) this.#end(reason);
    else if (this.#link.state === "joined") this.#joined();
    else if (this.#link.state === "pausing" && this.#settleOpened !== undefined) this.#options.onLost?.();
    this.#compare();
  }

  #joined(): void {
    this.hosting.askAgain();
    this.#tickets.askAgain();
    if (this.#settleOpened === undefined) {
      this.#peers.retry();
      this.#streams.linkBack();
    }
    this.#area?.leave((left) => this.#replica.wrote(this.mesh.replay(left)));
    this.#area = undefined;
    if (this.#settleOpened !== undefined) void this.#takeUp();
    this.#settleOpened?.resolve();
    this.#settleOpened = undefined;
  }

  /** What the same person had written here before a reload, and was not saved, is written again (S25). */
  async #takeUp(): Promise<void> {
    const { id: participant, person } = this.me;
    try {
      const left = await this.#unsaved?.start({ call: this.id, person, participant });
      if (left === undefined || this.#replica.ended !== undefined) return;
      this.#replica.wrote(this.mesh.replay(left));
      this.#unsaved?.taken();
    } catch (error) {
      this.#cacheFailed(error);
    }
  }

  #end(reason: CallmeshError): void {
    this.#stopTicks();
    this.#stopNetwork();
    this.#peering.close();
    if (reason instanceof Declined || reason instanceof Removed || reason instanceof CallOver) void this.#area?.forget();
    else this.#area?.close(); // the next try takes it up, as after a reload
    this.#unsaved?.close();
    this.#replica.end(reason);
    this.hosting.fail(reason);
    this.#tickets.end(reason);
    this.#streams.stop(reason);
    this.#peers.close();
    if (this.#settleOpened !== undefined) this.#settleOpened.reject(reason);
    else if (!(reason instanceof Closed)) this.#tell("error", reason);
    this.#settleOpened = undefined;
  }

  // --- what changes

  #changed(change: Change): void {
    this.#standings.follow(change);
    this.#unsaved?.changed(change);
    const { changed, gone } = this.#roster.follow(change);
    for (const id of gone) {
      this.#streams.part(id, this.#whole);
      this.#peers.part(id);
    }
    if (change.state === CALL) this.#peering.exchange.followed();
    if (changed) {
      this.#peering.exchange.roster(this.#roster.said, this.#whole);
      this.#peers.meet(this.participants.values());
      this.#streams.follow();
      this.#tell("participants");
      this.#followMute();
    }
    if (change.state === HUB_STATE) this.#streams.limit(this.#told(DIRECT, MESH), this.#told(STREAMS, MOST_STREAMS));
    if (change.state === DOOR) this.#tell("door");
    if (this.resources.follow(change)) this.#tell("resources");
    if (changed || RIGHTS.includes(change.state)) this.#tell("rights");
    this.#compare();
  }

  #followMute(): void {
    const shown = this.mesh.value(ROSTER, this.me.id) as Partial<JsonObject> | undefined;
    const { time, by } = (shown?.["muted"] ?? {}) as Partial<JsonObject>;
    const before = this.#muted;
    this.#muted = time;
    if (time !== undefined && time !== before) this.#tell("muted", by as PersonId);
  }

  #heard(word: HubWord): void {
    if (word.type === "batch") this.#peering.linked();
    this.#compare();
    this.#unsaved?.heard();
    if (word.type === "batch") for (const sentence of this.#unreadable.of(word)) console.warn(sentence);
    if (word.type === "batch" && word.whole) {
      if (this.#inStep) this.#tell("resync");
      this.#inStep = true;
    }
    if (word.type === "denied" && !this.#isTriedAgain(word)) this.#tellDenied(word);
  }

  #tellDenied({ places, reason, why }: messages.Denial): void {
    const [[state, key] = [CALL, ""]] = places;
    const resource = state === CALL ? resourceOrNot(key) : (state.split("/")[1] as ResourceId | undefined);
    if (!this.resources.isAdding(resource)) this.#tell("error", new Denied(reason, why, key));
  }

  /** What was stamped by a clock that is ahead is on its way once more (S17). */
  #isTriedAgain({ reason, writer, places }: messages.Denial): boolean {
    const own = reason === "clock_ahead" && writer === this.mesh.writer;
    return own && places.every(([state, key]) => this.mesh.statusOf(state as StateId, key) === "pending");
  }

  /** What the hub tells of itself. */
  #told(key: string, otherwise: number): number {
    return Number(this.mesh.value(HUB_STATE, key) ?? otherwise);
  }

  /** Tells of what is computed, when it comes out otherwise. */
  #compare(): void {
    const old = this.#shown;
    const shown = (this.#shown = { link: this.link, status: this.status, active: this.active });
    if (shown.link !== old.link) this.#tell("link");
    if (shown.status !== old.status) this.#tell("status");
    if (shown.active !== old.active) this.#tell("active");
  }

  #tell<E extends CallEvent>(event: E, ...[value]: CallEvents[E] extends undefined ? [] : [CallEvents[E]]): void {
    this.#listeners.get(event)?.tell(value);
  }
}
