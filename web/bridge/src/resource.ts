/** The resource, as an app in a frame has it. */

import {
  CALL, keyOf, Listeners, presenceOf, readRecord, SharedPresence, SharedState, stateOf, type Access, type DataStream,
  type messages, type Mode, type Participant, type ParticipantId, type PersonId, type ResourceCache, type ResourceId,
  type ResourceRecord, type Roster,
} from "@callmesh/core";

export interface ResourceParts {
  readonly access: Access;
  readonly welcome: messages.Welcome;
  readonly roster: Roster;
  readonly cache: ResourceCache;
  stream(name: string, mode: Mode | undefined): DataStream;
}

export class Resource {
  readonly id: ResourceId;
  /** What everybody shares. */
  readonly state: SharedState;
  /** What each participant is doing now. */
  readonly presence: SharedPresence;
  /** What this participant keeps; it never leaves this device. */
  readonly cache: ResourceCache;
  readonly #parts: ResourceParts;
  readonly #participants = new Listeners<ReadonlyMap<ParticipantId, Participant>>();
  #record: ResourceRecord;
  #enabled = false;

  constructor(parts: ResourceParts) {
    const { access, welcome, cache } = parts;
    this.#parts = parts;
    this.id = welcome.resource as ResourceId;
    this.state = new SharedState(access, stateOf(this.id));
    this.presence = new SharedPresence(access, presenceOf(this.id), () => this.me.id);
    this.cache = cache;
    this.#record = { app: "", title: "", owner: "", added: 0 };
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
    const known = this.participants.get(id);
    return known ?? { id, person: person as PersonId, name, role, offers: [], here: true };
  }

  /** Everybody in the call, oneself included; it changes as they come and go. */
  get participants(): ReadonlyMap<ParticipantId, Participant> {
    return this.#parts.roster.participants;
  }

  /** Told when somebody comes, goes, or is another; and at once. Returns what ends it. */
  onParticipants(fn: (participants: ReadonlyMap<ParticipantId, Participant>) => void): () => void {
    const stop = this.#participants.add(fn);
    fn(this.participants);
    return stop;
  }

  /** Whether it is the one in view for this participant. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** Fast data between participants. Raises `BadName`. */
  stream(name: string, { mode }: { mode?: Mode } = {}): DataStream {
    return this.#parts.stream(name, mode);
  }

  /** As it stands; when it was removed, as it stood. */
  get #now(): ResourceRecord {
    const value = this.#parts.access.mesh.value(CALL, keyOf(this.id));
    if (value !== undefined) this.#record = readRecord(value);
    return this.#record;
  }

  // --- for who runs it

  participantsChanged(): void {
    this.#participants.tell(this.participants);
  }

  inView(enabled: boolean): void {
    this.#enabled = enabled;
  }
}
