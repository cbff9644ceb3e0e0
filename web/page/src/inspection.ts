/** What can be seen of a call by one of its participants, as an inspector shows it: read, and never changed. */

import type { Call, Resource } from "@callmesh/client";
import {
  CALL, Meter, presenceOf, sizeOf, stateOf, type Access, type Change, type Counts, type HubWord, type Json, type Mode, type ParticipantId, type Reach, type ResourceId, type StateId,
} from "@callmesh/core";

import { say } from "./say.ts";

/** Keys of one State that are shown; the others can be found by what they begin with. */
export const MOST_KEYS = 200;
/** Writes that were not taken, the latest. */
const MOST_DENIED = 50;
const MOST_TEXT = 400;

/** What one State costs. */
export interface Cost {
  readonly keys: number;
  /** As the hub counts them, which bounds them. */
  readonly bytes: number;
  /** Entries that came from the hub, a second, over the last 5 s. */
  readonly writes: number;
}

export interface ResourceCost extends Cost {
  readonly id: ResourceId;
  readonly title: string;
  readonly app: string;
}

/** One key of a State. */
export interface KeyRow {
  readonly key: string;
  readonly text: string;
  /** The name of who wrote it, or their id where it is not known any more. */
  readonly writer: string;
  /** Microseconds since the epoch. */
  readonly time: number;
}

export interface PresenceRow {
  readonly who: string;
  readonly key: string;
  readonly text: string;
}

export interface StreamRow {
  readonly name: string;
  readonly mode: Mode;
  readonly peers: readonly { readonly who: string; readonly reach: Reach }[];
}

/** A write that the hub did not take. */
export interface DeniedRow {
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The title of the resource. */
  readonly where: string;
  readonly key: string;
  readonly reason: string;
  readonly why: string;
}

/** All about one resource, or about the call itself. */
export interface Detail {
  readonly version: number | undefined;
  readonly access: Access | undefined;
  readonly keys: readonly KeyRow[];
  /** How many keys more there are, of those that were asked for. */
  readonly more: number;
  readonly presence: readonly PresenceRow[];
  readonly streams: readonly StreamRow[];
}

/** What is known of a State's size until it changes. */
interface Size {
  readonly keys: number;
  readonly bytes: number;
}

export class Inspection {
  readonly #call: Call;
  readonly #stops: (() => void)[];
  readonly #sizes = new Map<StateId, Size>();
  readonly #meters = new Map<StateId, { readonly meter: Meter; counts: Counts }>();
  /** Those who were here, too: what they wrote stays. */
  readonly #names = new Map<string, string>();
  #denied: readonly DeniedRow[] = [];
  #count = 0;

  constructor(call: Call) {
    this.#call = call;
    this.#stops = [call.onChange((change) => this.#changed(change)), call.onWord((word) => this.#heard(word))];
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Let time pass: rates are of what was counted until now, microseconds. */
  tick(now: number): void {
    for (const { id, name } of this.#call.participants.values()) this.#names.set(id, name);
    for (const { meter, counts } of this.#meters.values()) meter.note(now, counts);
  }

  // --- what it tells

  /** Of each resource what it costs, in the order in which they were added. */
  costs(now: number): ResourceCost[] {
    return this.#call.resources.all().map(({ id, title, app }) => ({ id, title, app, ...this.cost(stateOf(id), now) }));
  }

  /** What one State costs. */
  cost(state: StateId, now: number): Cost {
    const known = this.#meters.get(state);
    const [, writes] = known?.meter.rates(now, known.counts) ?? [0, 0];
    return { ...this.#size(state), writes };
  }

  /** The writes that were not taken, the latest first. */
  get denied(): readonly DeniedRow[] {
    return this.#denied;
  }

  /** All about a resource; without one, of the call's own State. Keys are those that hold `wanted`. */
  detail(id: ResourceId | undefined, wanted = ""): Detail {
    const resource = id && this.#call.resources.get(id);
    const state = id === undefined ? CALL : stateOf(id);
    const found = this.#call.mesh.keys(state).filter((key) => key.includes(wanted));
    const keys = found.sort().slice(0, MOST_KEYS).flatMap((key) => this.#keyRow(state, key));
    return {
      version: resource?.version,
      access: resource?.access,
      keys,
      more: Math.max(0, found.length - MOST_KEYS),
      presence: resource === undefined ? [] : this.#presence(resource),
      streams: resource === undefined ? [] : this.#streams(resource),
    };
  }

  #keyRow(state: StateId, key: string): KeyRow[] {
    const { mesh } = this.#call;
    const [entry, value] = [mesh.entry(state, key), mesh.value(state, key)];
    if (entry === undefined || value === undefined) return [];
    return [{ key, text: shown(value), writer: this.#name(entry.writer), time: entry.time }];
  }

  #presence({ id }: Resource): PresenceRow[] {
    const state = presenceOf(id);
    return this.#call.mesh.keys(state).sort().flatMap((place) => {
      const slash = place.indexOf("/");
      const value = this.#call.mesh.value(state, place);
      return value === undefined ? [] : [{ who: this.#name(place.slice(0, slash)), key: place.slice(slash + 1), text: shown(value) }];
    }); // prettier-ignore
  }

  #streams({ id }: Resource): StreamRow[] {
    return this.#call.streams
      .filter(({ resource }) => resource === id)
      .map(({ name, mode, peers }) => ({
        name,
        mode,
        peers: [...peers].map(([peer, reach]) => ({ who: this.#name(peer), reach })),
      }));
  }

  /** A writer is a participant, or a frame of one: `p1.2`. */
  #name(writer: string): string {
    const [id = writer] = writer.split(".");
    if (id === "hub") return say("inspector-hub");
    return this.#call.participants.get(id as ParticipantId)?.name ?? this.#names.get(id) ?? writer;
  }

  #size(state: StateId): Size {
    let size = this.#sizes.get(state);
    if (size === undefined) {
      const { mesh } = this.#call;
      const keys = mesh.keys(state);
      const bytes = keys.reduce((sum, key) => sum + sizeOf({ key, value: mesh.value(state, key) ?? null }), 0);
      this.#sizes.set(state, (size = { keys: keys.length, bytes }));
    }
    return size;
  }

  // --- what it follows

  #changed({ state }: Change): void {
    this.#sizes.delete(state);
  }

  #heard(word: HubWord): void {
    if (word.type === "denied") this.#note(word.places, word.reason, word.why);
    if (word.type !== "batch") return;
    if (word.whole) this.#sizes.clear();
    else for (const { state, entries } of word.groups) this.#counted(state, entries.length);
  }

  #counted(state: StateId, entries: number): void {
    const known = this.#meters.get(state) ?? { meter: new Meter(), counts: [0, 0, 0, 0] as Counts };
    const [, before] = known.counts;
    known.counts = [0, before + entries, 0, 0];
    this.#meters.set(state, known);
  }

  #note([[state, key] = [CALL, ""]]: readonly (readonly [string, string])[], reason: string, why: string): void {
    const id = state.split("/")[1] as ResourceId | undefined;
    const title = id === undefined ? say("inspector-call") : (this.#call.resources.get(id)?.title ?? id);
    const where = state.startsWith("presence/") ? say("inspector-presence-of", { title }) : title;
    this.#denied = [{ id: ++this.#count, at: Date.now(), where, key, reason, why }, ...this.#denied].slice(0, MOST_DENIED);
  }
}

/** A value as text, cut short. */
function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;
}

/** Microseconds since the epoch; only runs forward. */
export function nowMicros(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1_000);
}
