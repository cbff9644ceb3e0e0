/** Follow the leader: what one participant looks at, the others see (A21). */

import { frozen, Listeners, type Json, type ParticipantId, type ResourceCache, type SharedPresence } from "@callmesh/core";

import { Conflated } from "./conflated.ts";

/** Milliseconds between what others see of a view. */
const EVERY = 100;
/** Microseconds that a lead may have begun ahead of the time here: who claims more does not lead. */
const AHEAD = 10_000_000;
const KEY = "callmesh/lead";
/** Bytes of a view, encoded: with what is around it, as many as presence may have. */
const MAX_SHOWN = 4_000;

/** Who leads, and what they look at. */
export interface Leader {
  readonly id: ParticipantId;
  /** Empty where the app has not asked for participants. */
  readonly name: string;
  readonly me: boolean;
  /** As the leader's app says it: whatever it needs to show the same. */
  readonly view: Json;
}

export interface ServiceParts {
  readonly presence: SharedPresence;
  readonly cache: ResourceCache;
  readonly me: () => ParticipantId;
  /** As far as the app may know names. */
  readonly name: (id: ParticipantId) => string;
  /** Whether they are in the call now. */
  readonly here: (id: ParticipantId) => boolean;
  /** By the hub's clock, microseconds. */
  readonly now: () => number;
  readonly after: (milliseconds: number, fn: () => void) => () => void;
}

interface Lead {
  readonly id: ParticipantId;
  readonly since: number;
  readonly view: Json;
}

/** `resource.leading`: who began last leads. */
export class Leading {
  readonly #parts: ServiceParts;
  readonly #shown: Conflated;
  readonly #listeners = new Listeners<Leader | undefined>();
  /** Since when one leads; 0 where one does not. */
  #since = 0;
  #view: Json = null;
  #told = "";

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#shown = new Conflated(parts.presence, KEY, EVERY, parts.after);
    parts.presence.subscribe(() => this.changed());
  }

  /** Who leads, oneself among them; undefined while nobody does. */
  get leader(): Leader | undefined {
    const lead = this.#lead;
    if (lead === undefined) return undefined;
    const { id, view } = lead;
    return { id, name: this.#parts.name(id), me: id === this.#parts.me(), view };
  }

  /** Whether one leads oneself. */
  get leads(): boolean {
    return this.#since > 0;
  }

  /** Whether one follows who leads. */
  get follows(): boolean {
    const lead = this.#lead;
    return lead !== undefined && lead.id !== this.#parts.me() && this.#parts.cache.get(KEY) !== markOf(lead);
  }

  /**
   * Lead, or, while one does, look at something else. Others see it ten times a second at most.
   *
   * Raises `BadValue`, and `TooLarge` beyond 4,000 bytes.
   */
  lead(view: Json): void {
    this.#view = frozen(view, MAX_SHOWN);
    this.#since ||= this.#parts.now();
    this.#shown.show([this.#since, this.#view]);
    this.changed();
  }

  /** Lead no longer. */
  stop(): void {
    if (this.#since === 0) return;
    this.#since = 0;
    this.#shown.show(undefined);
    this.changed();
  }

  /** Follow who leads, or look elsewhere until somebody leads anew. Kept in the cache. */
  follow(on = true): void {
    const lead = this.#lead;
    if (on) this.#parts.cache.delete(KEY);
    else if (lead !== undefined) this.#parts.cache.set(KEY, markOf(lead));
    this.changed();
  }

  /** Told who leads when it is somebody else, their view is another, or one follows or not; and at once. */
  subscribe(fn: (leader: Leader | undefined) => void): () => void {
    const stop = this.#listeners.add(fn);
    fn(this.leader);
    return stop;
  }

  /** For who runs it: presence or participants are others. */
  changed(): void {
    const lead = this.#lead;
    if (this.#since > 0 && lead?.id !== this.#parts.me()) {
      this.#since = 0; // somebody else has begun
      this.#shown.show(undefined);
    }
    const { leader } = this;
    const told = JSON.stringify([leader, this.follows, this.leads]);
    if (told === this.#told) return;
    this.#told = told;
    this.#listeners.tell(leader);
  }

  get #lead(): Lead | undefined {
    const me = this.#parts.me();
    const leads = this.#since > 0 ? [{ id: me, since: this.#since, view: this.#view }] : [];
    for (const [id, own] of this.#parts.presence.all()) {
      const lead = id === me || !this.#parts.here(id) ? undefined : readLead(id, own[KEY]);
      if (lead !== undefined && lead.since <= this.#parts.now() + AHEAD) leads.push(lead);
    }
    return leads.sort((one, other) => other.since - one.since || (one.id < other.id ? 1 : -1))[0];
  }
}

function readLead(id: ParticipantId, value: Json | undefined): Lead | undefined {
  const [since, view] = Array.isArray(value) ? (value as Json[]) : [];
  return typeof since === "number" && since > 0 && since % 1 === 0 && view !== undefined ? { id, since, view } : undefined;
}

function markOf({ id, since }: Lead): string {
  return `${id} ${since}`;
}
