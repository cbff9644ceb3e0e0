/** A resource: an instance of an app in a call. */

import {
  presenceOf, SharedPresence, SharedState, stateOf, type Access, type DataStream, type Mode, type ParticipantId,
  type ResourceCache, type ResourceId, type ResourceRecord,
} from "@callmesh/core";

export interface ResourceUser {
  readonly access: Access;
  me(): ParticipantId;
  stream(resource: ResourceId, name: string, mode: Mode | undefined): DataStream;
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
  #record: ResourceRecord;
  #cache: Promise<ResourceCache> | undefined;

  constructor(id: ResourceId, record: ResourceRecord, adder: boolean, user: ResourceUser) {
    this.id = id;
    this.adder = adder;
    this.state = new SharedState(user.access, stateOf(id));
    this.presence = new SharedPresence(user.access, presenceOf(id), () => user.me());
    this.#record = record;
    this.#user = user;
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

  /** What this participant keeps about it, loaded once. */
  get cache(): Promise<ResourceCache> {
    return (this.#cache ??= this.#user.loadCache(this.id));
  }

  /** Fast data between participants. Raises `BadName`. */
  stream(name: string, { mode }: { mode?: Mode } = {}): DataStream {
    return this.#user.stream(this.id, name, mode);
  }

  /** For who runs it: the call's own State says something else. */
  update(record: ResourceRecord): void {
    this.#record = record;
  }
}
