/** The resource, as an app in a frame has it. */

import {
  appStream, CALL, checkFunction, Denied, keyOf, Listeners, presenceOf, readRecord, same, SharedPresence, SharedState, stateOf, streamOptions, type Access, type Capability,
  type DataStream, type Files, type Json, type messages, type Participant, type ParticipantId, type PersonId,
  type ReplicaAccess, type ResourceCache, type ResourceId, type ResourceRecord, type Roster, type Standings, type StreamOptions,
} from "@callmesh/core";

import type { FetchOptions } from "./frameFetch.ts";
import type { FrameFilesUser } from "./frameFiles.ts";
import { Leading, type ServiceParts } from "./leading.ts";
import { Pointer } from "./pointer.ts";
import { languageFor, sayIn } from "./speaking.ts";
import type { Size, Surroundings, Theme } from "./surroundings.ts";

export interface ResourceParts {
  readonly access: ReplicaAccess;
  readonly standings: Standings;
  readonly welcome: messages.Welcome;
  readonly roster: Roster;
  readonly cache: ResourceCache;
  readonly surroundings: Surroundings;
  stream(name: string, options: StreamOptions): DataStream;
  fetch(url: string | URL, options: FetchOptions): Promise<Response>;
  files(user: FrameFilesUser): Files;
}

/** `S` says which keys its state has, and what they hold; without it they hold JSON. */
export class Resource<S extends object = Record<string, Json>> {
  readonly id: ResourceId;
  /** What everybody shares. */
  readonly state: SharedState<S>;
  /** What each participant is doing now. */
  readonly presence: SharedPresence;
  /** What this participant keeps; it never leaves this device. */
  readonly cache: ResourceCache;
  readonly #parts: ResourceParts;
  readonly #participants = new Listeners<ReadonlyMap<ParticipantId, Participant>>();
  readonly #accesses = new Listeners<Access>();
  readonly #surrounded = new Listeners<Surroundings>();
  #surroundings: Surroundings;
  #rights: Json;
  #record: ResourceRecord;
  #enabled = false;
  /** How the page's link to the hub stands. */
  #link = "joined";
  #files: Files | undefined;
  #leading: Leading | undefined;
  #pointer: Pointer | undefined;

  constructor(parts: ResourceParts) {
    const { access, welcome, cache } = parts;
    this.#parts = parts;
    this.id = welcome.resource as ResourceId;
    this.state = new SharedState<S>(access, stateOf(this.id), {
      canWrite: (key) => !this.over && parts.standings.canWrite(this.id, key, this.me),
      isOpen: () => !this.over && parts.standings.isOpen(this.id, this.me),
      refusal: () => (this.outdated ? new Denied("outdated", "this app is older than its state: reload it") : undefined),
    });
    this.presence = new SharedPresence(access, presenceOf(this.id), () => this.me.id);
    this.cache = cache;
    this.#surroundings = parts.surroundings;
    this.#record = { app: "", title: "", owner: "", added: 0 };
    this.#rights = this.#rightsNow();
  }

  get app(): string {
    return this.#now.app;
  }

  get title(): string {
    return this.#now.title;
  }

  /** The person who added it. */
  get owner(): string {
    return this.#now.owner;
  }

  get me(): Participant {
    const { participant, person, name, role } = this.#parts.welcome;
    const id = participant as ParticipantId;
    const known = this.#parts.roster.participants.get(id);
    return known ?? { id, person: person as PersonId, name, role, offers: [], here: true };
  }

  /** Everybody in the call, oneself included; it changes as they come and go. Raises `Denied` where the app has not asked for it. */
  get participants(): ReadonlyMap<ParticipantId, Participant> {
    this.#ask("participants");
    return this.#parts.roster.participants;
  }

  /** Told when somebody comes, goes, or is another; and at once. Returns what ends it. */
  onParticipants(fn: (participants: ReadonlyMap<ParticipantId, Participant>) => void): () => void {
    checkFunction(fn, "onParticipants(fn)");
    this.#ask("participants");
    const stop = this.#participants.add(fn);
    fn(this.participants);
    return stop;
  }

  /** Whether the owner is in the call, in any tab or program whose link holds. Raises `Denied` where the app has not asked for participants. */
  get ownerHere(): boolean {
    return [...this.participants.values()].some(({ person, here }) => here && person === this.owner);
  }

  /** Told of `ownerHere` when it is otherwise, and at once: so another takes over what the owner made, and hands it back. */
  onOwner(fn: (here: boolean) => void): () => void {
    checkFunction(fn, "onOwner(fn)");
    let told: boolean | undefined;
    return this.onParticipants(() => {
      const here = this.ownerHere;
      if (here !== told && !this.over) fn((told = here));
    });
  }

  /** What this participant may do here: `edit` or `view`. Key rules narrow it: `state.canWrite(key)`. */
  get access(): Access {
    return this.#parts.standings.access(this.id, this.me);
  }

  /**
   * Told when access, the role or the rules are others, or the hub cannot save, and at once: what may be
   * written may be another.
   */
  onAccess(fn: (access: Access) => void): () => void {
    checkFunction(fn, "onAccess(fn)");
    const stop = this.#accesses.add(fn);
    fn(this.access);
    return stop;
  }

  /** Whether the state is of a later version than the app says it is written for: reload it. */
  get outdated(): boolean {
    return this.#parts.standings.outdated(this.id);
  }

  /**
   * Whether this participant waits to be let in. Then nobody else sees what is written here, and it is written in the call
   * when they are: in another frame, which begins anew.
   */
  get waiting(): boolean {
    return this.#link === "waiting";
  }

  /** Whether the call is over for this participant: what is here can be read, and not changed any more. */
  get over(): boolean {
    return this.#link === "left";
  }

  /** Whether it is the one in view for this participant. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** The language of who looks at it, as BCP 47 has it: `de-CH`. */
  get locale(): string {
    return this.#surroundings.locale;
  }

  /** How the page around it looks. Media queries say the same. */
  get theme(): Theme {
    return this.#surroundings.theme;
  }

  /** Of its frame, in CSS pixels; while that is not shown, the last it had. */
  get size(): Size {
    return this.#surroundings.size;
  }

  /** Whether it can be seen: in view, not scrolled away, and its tab in the foreground. */
  get visible(): boolean {
    return this.#surroundings.visible;
  }

  /** Told when locale, theme, size or visibility are others; and at once. Returns what ends it. */
  onSurroundings(fn: (surroundings: Surroundings) => void): () => void {
    checkFunction(fn, "onSurroundings(fn)");
    const stop = this.#surrounded.add(fn);
    fn(this.#surroundings);
    return stop;
  }

  /**
   * Speak the language of who looks at it, of those that the app has words in, else the first of these. The page says which it
   * is, and from where it is written, and its elements with `data-say` have their words; `fn` is given all of them, at once and
   * when the language is another. Returns what ends it.
   */
  speak<W extends object>(languages: Readonly<Record<string, W>>, fn?: (words: W, language: string) => void): () => void {
    let spoken: string | undefined;
    return this.onSurroundings(({ locale }) => {
      const language = languageFor(locale, Object.keys(languages));
      const words = languages[language];
      if (language === spoken || words === undefined) return;
      spoken = language;
      if ("document" in globalThis) sayIn(document, language, words as Record<string, unknown>);
      fn?.(words, language);
    });
  }

  /**
   * Fast data between participants. Raises `BadName`, `BadValue`, or `Denied` where the app has not asked for streams.
   * Where as many are open as a participant may have, sending on it and reading it rejects with `TooFast`.
   */
  stream(name: string, options: StreamOptions = {}): DataStream {
    this.#ask("streams");
    return this.#parts.stream(appStream(name), streamOptions(options));
  }

  /** Files between participants, peer to peer, or kept by the hub for who is away. Others can offer some once it was asked for. Raises `Denied` as streams do. */
  get files(): Files {
    if (this.#files === undefined) this.#ask("files");
    const { access } = this.#parts;
    return (this.#files ??= this.#parts.files({
      resource: this.id,
      me: () => this.me.person,
      here: () => new Map([...this.#parts.roster.participants].filter(([id, { here }]) => here && id !== this.me.id)),
      now: () => access.now(),
      after: (milliseconds, fn) => access.after(milliseconds, fn),
    }));
  }

  /**
   * What a host that the app's manifest names answers, by way of the hub, which notes it.
   *
   * Rejects with `Denied` where the app, the role or the host forbids it, with `BadValue`, `TooLarge`, `TooFast`, with
   * `Unreachable` where nothing was sent, `EndpointFailed` where it was, and no answer came that can be handed on, and
   * with `Broken` where the hub did not answer.
   */
  async fetch(url: string | URL, options: FetchOptions = {}): Promise<Response> {
    this.#ask("fetch");
    return this.#parts.fetch(url, options);
  }

  /** Follow the leader: who leads, what they look at, and whether one follows them. Over presence. */
  get leading(): Leading {
    return (this.#leading ??= new Leading(this.#services));
  }

  /** Where participants point. Over presence. */
  get pointer(): Pointer {
    return (this.#pointer ??= new Pointer(this.#services));
  }

  get #services(): ServiceParts {
    const { access, roster, standings } = this.#parts;
    const known = (): boolean => standings.allows(this.id, "participants");
    return {
      presence: this.presence,
      cache: this.cache,
      me: () => this.me.id,
      name: (id) => (known() ? roster.participants.get(id)?.name : undefined) ?? "",
      here: (id) => !known() || roster.participants.get(id)?.here === true,
      now: () => access.mesh.clock.hubTime(access.now()),
      after: (milliseconds, fn) => access.after(milliseconds, fn),
    };
  }

  /** Raises `Denied` unless the app's manifest asks for it (A8). */
  #ask(capability: Capability): void {
    this.#parts.standings.checkCapability(this.id, capability);
  }

  /** As it stands; when it was removed, as it stood. */
  get #now(): ResourceRecord {
    const value = this.#parts.access.mesh.value(CALL, keyOf(this.id));
    if (value !== undefined) this.#record = readRecord(value);
    return this.#record;
  }

  /** All that what may be written hangs on. */
  #rightsNow(): Json {
    const { access: { mesh }, standings } = this.#parts; // prettier-ignore
    return [this.access, this.over, this.me.role, this.outdated, mesh.readOnly !== undefined, standings.rules(this.id) ?? null];
  }

  // --- for who runs it

  surroundingsChanged(surroundings: Surroundings): void {
    this.#surroundings = surroundings;
    this.#surrounded.tell(surroundings);
  }

  participantsChanged(): void {
    this.#participants.tell(this.#parts.roster.participants);
    this.#leading?.changed();
    this.#pointer?.changed();
  }

  rightsChanged(): void {
    const rights = this.#rightsNow();
    if (same(rights, this.#rights)) return;
    this.#rights = rights;
    this.#accesses.tell(this.access);
  }

  linkIs(state: string): void {
    this.#link = state;
    this.rightsChanged();
  }

  inView(enabled: boolean): void {
    this.#enabled = enabled;
  }
}
