/** A resource: an instance of an app in a call. */

import {
  accessKey, appStream, CALL, DELETED, Files, FILES, presenceOf, SharedPresence, SharedState, stateOf, type Access, streamOptions, type Away, type DataStream,
  type Participant, type ParticipantId, type PersonId, type ReplicaAccess, type ResourceCache, type ResourceId,
  type ResourceRecord, type Role, type Standings, type StreamOptions, type Value, type WAITING,
} from "@callmesh/core";

export interface ResourceUser {
  readonly access: ReplicaAccess;
  readonly standings: Standings;
  me(): Participant;
  stream(resource: ResourceId, name: string, options: StreamOptions): DataStream;
  /** Everybody else who is here. */
  others(): ReadonlyMap<ParticipantId, Participant>;
  /** What the hub keeps for those who are away. */
  readonly away: Away;
  loadCache(resource: ResourceId): Promise<ResourceCache>;
  clearCache(resource: ResourceId): void;
}

export class Resource {
  readonly id: ResourceId;
  readonly state: SharedState;
  readonly presence: SharedPresence;
  /** Whether it was added by this participant, since joining. */
  readonly adder: boolean;
  readonly #user: ResourceUser;
  #hidden = false;
  #record: ResourceRecord;
  #cache: Promise<ResourceCache> | undefined;
  #files: Files | undefined;

  constructor(id: ResourceId, record: ResourceRecord, adder: boolean, user: ResourceUser) {
    this.id = id;
    this.adder = adder;
    this.state = new SharedState(user.access, stateOf(id), {
      canWrite: (key) => user.standings.canWrite(id, key, user.me()),
      isOpen: () => user.standings.isOpen(id, user.me()),
      refusal: () => undefined, // apps in frames say a version, the page does not
    });
    this.presence = new SharedPresence(user.access, presenceOf(id), () => user.me().id);
    this.#record = record;
    this.#user = user;
  }

  /** What the call's own State says of it. */
  get record(): ResourceRecord {
    return this.#record;
  }

  get app(): string {
    return this.#record.app;
  }

  get title(): string {
    return this.#record.title;
  }

  /** The person who added it. */
  get owner(): string {
    return this.#record.owner;
  }

  /** When, microseconds since the epoch. */
  get added(): number {
    return this.#record.added;
  }

  /** What this participant may do here: `edit` or `view`. Key rules narrow it: `state.canWrite(key)`. */
  get access(): Access {
    return this.#user.standings.access(this.id, this.#user.me());
  }

  /** Whether it is gone because a host has hidden it from this participant. Shown again, it is a new one. */
  get hidden(): boolean {
    return this.#hidden;
  }

  /** What hosts have set, by role and by person. */
  get settings(): ReadonlyMap<string, Access> {
    return this.#user.standings.settings(this.id);
  }

  /**
   * Hosts: what a role, a person, or who waits to be let in may do here, from now on; undefined for the usual.
   * The hub denies it to anybody else.
   */
  setAccess(who: Role | PersonId | typeof WAITING, access: Access | undefined): void {
    const { access: replica } = this.#user;
    const setting = new Map<string, Value>([[accessKey(this.id, who), access ?? DELETED]]);
    replica.wrote(replica.mesh.write(new Map([[CALL, setting]]), replica.now()));
  }

  /** Which form its state has; an app that is written for an older one is to be reloaded. */
  get version(): number {
    return this.#user.standings.version(this.id);
  }

  /** What this participant keeps about it, loaded once. */
  get cache(): Promise<ResourceCache> {
    return (this.#cache ??= this.#user.loadCache(this.id));
  }

  /** Fast data between participants. Raises `BadName`, `BadValue`, or `Denied` where the app has not asked for streams. */
  stream(name: string, options: StreamOptions = {}): DataStream {
    this.#user.standings.checkCapability(this.id, "streams");
    return this.#user.stream(this.id, appStream(name), streamOptions(options));
  }

  /** Files between participants, peer to peer, or kept by the hub for who is away. Others can offer some once it was asked for. Raises `Denied` as streams do. */
  get files(): Files {
    const user = this.#user;
    if (this.#files === undefined) user.standings.checkCapability(this.id, "files");
    return (this.#files ??= new Files({
      stream: user.stream(this.id, FILES, {}),
      here: () => user.others(),
      now: () => user.access.now(),
      after: (milliseconds, fn) => user.access.after(milliseconds, fn),
      shelf: { away: user.away, resource: this.id, me: () => user.me().person },
    }));
  }

  /** For who runs it: it was taken back from this participant. */
  hide(): void {
    this.#hidden = true;
  }

  /** For who runs it: the call's own State says something else. */
  update(record: ResourceRecord): void {
    this.#record = record;
  }
}
