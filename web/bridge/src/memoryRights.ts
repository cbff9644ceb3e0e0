/** What a hub in memory takes, and who sees what: the roles, access and key rules of every hub. */

import {
  AHEAD, APPS, BadManifest, CALL, HUB_STATE, keyOf, mayEdit, presenceOf, resourceOf, ROSTER, Standings, valueOf, versionKey,
  writesFor, type Capability, type Entry, type Json, type KeyRule, type LedgerHub, type Participant, type ResourceId, type StateId, type Who, type Written,
} from "@callmesh/core";

import { badForm } from "./refusal.ts";

/** How far beyond the largest time accepted a write may be. */
const FOLLOWING = 100;

/** Of a `manifest.json`, what a hub in memory goes by. */
export interface Manifest {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly owned?: boolean;
  readonly capabilities?: readonly string[];
  readonly keys?: readonly { readonly key: string; readonly write?: readonly string[]; readonly change?: readonly string[]; readonly read?: readonly string[] }[];
  readonly access?: { readonly guest?: string; readonly observer?: string };
  readonly state?: { readonly version?: number; readonly defaults?: { readonly [key: string]: unknown } };
}

/** What a hub tells of an app. Raises `BadManifest`. */
export function toldOf({ id, version, keys = [], capabilities = [], owned = true }: Manifest): Json {
  const words: readonly Capability[] = ["streams", "files", "participants", "fetch", "documents"];
  const [wrong] = capabilities.filter((one) => !words.some((word) => word === one));
  if (wrong !== undefined) throw new BadManifest(`the manifest of ${id} asks for ${wrong}; the words are ${words.join(", ")}`);
  return { version, keys: keys.map((rule) => spelledOut(id, rule as KeyRule)), capabilities: [...capabilities], owned };
}

const WHO = ["everyone", "host", "guest", "observer", "owner", "self"];

/** Every list of a rule, as the hub tells it. */
function spelledOut(id: string, { key, ...rule }: KeyRule): Json {
  const named = key.split("/").some((segment) => segment === "{person}" || segment === "{participant}");
  const read = rule.read ?? ["everyone"];
  const write: readonly Who[] = rule.write ?? (named ? ["self"] : read);
  const change = rule.change ?? write;
  const [wrong] = [...read, ...write, ...change].filter((one) => !WHO.includes(one));
  if (wrong !== undefined) throw new BadManifest(`the rule for ${key} in the manifest of ${id} says ${wrong}; the words are ${WHO.join(", ")}`);
  return { key, write: [...write], change: [...change], read: [...read] };
}

type Refusal = readonly [reason: string, why: string] | undefined;

export class MemoryRights {
  readonly #hub: () => LedgerHub;
  readonly #standings: Standings;
  readonly #manifest: Manifest;

  constructor(hub: () => LedgerHub, manifest: Manifest) {
    this.#hub = hub;
    this.#manifest = manifest;
    this.#standings = new Standings({
      versions: new Map(),
      readOnly: undefined,
      value: (state, key) => valueOf(hub().ledger.state(state).entries.get(key)),
      keys: (state) => [...hub().ledger.state(state).live()].map(({ key }) => key),
    });
  }

  /** Something of the call's own State is another. */
  changed(): void {
    this.#standings.follow({ state: CALL });
  }

  sees(me: Participant, state: StateId, entry: Entry): boolean {
    return [ROSTER, APPS, HUB_STATE].includes(state) || this.#standings.mayHave(state, entry, me);
  }

  refusal(me: Participant, transaction: readonly Written[]): Refusal {
    const steps = transaction.filter(({ state, entry }) => state === CALL && entry.key.startsWith("version/"));
    for (const written of [...steps, ...transaction.filter((one) => !steps.includes(one))]) {
      const found = badForm(written.entry) ?? this.#stamp(me, written.entry) ?? this.#right(me, written, steps);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #stamp(me: Participant, { writer, time }: Entry): Refusal {
    const hub = this.#hub();
    if (!writesFor(writer, me.id)) return ["foreign_writer", "a write is signed with one's own participant id (J4)"];
    if (time <= Math.max(hub.now() + AHEAD, hub.ledger.seen + FOLLOWING)) return undefined;
    return ["clock_ahead", "this device's clock is too far ahead (J5)"];
  }

  #right(me: Participant, { state, entry, version }: Written, steps: readonly Written[]): Refusal {
    if (state === CALL) return this.#callRight(me, entry);
    const resource = resourceOf(state);
    if (resource === undefined) return ["no_right", `the ${state} State is the hub's own`];
    const access = this.#standings.access(resource, me);
    const record = this.#value(keyOf(resource));
    if (record === undefined || access === "hidden") return ["no_resource", "this resource is not in the call any more"];
    if (state === presenceOf(resource)) {
      return entry.key.startsWith(`${me.id}/`) ? undefined : ["no_right", "presence is one's own: its key begins with one's participant id"];
    }
    const { name } = this.#manifest;
    if (access !== "edit") return ["no_right", `you may look at ${name}, and not change it`];
    const step = steps.find(({ entry: { key } }) => key === versionKey(resource));
    const current = step === undefined ? this.#standings.version(resource) : valueOf(step.entry);
    if (version !== 0 && version !== current) return ["outdated", `${name} is at version ${JSON.stringify(current)} of its state: reload the app`];
    if (step !== undefined && (me.role === "host" || isOwner(record, me))) return undefined; // a migration touches everything
    if (this.#standings.canWrite(resource, entry.key, me)) return undefined;
    return ["no_right", `a key rule in the manifest of ${name} lets nobody like you write ${entry.key}`];
  }

  #callRight(me: Participant, { key, value }: Entry): Refusal {
    if (!mayEdit(me.role)) return ["no_right", "observers change nothing"];
    if (!key.startsWith("version/")) return this.#standings.canWriteCall(key, me) ? undefined : ["no_right", "only a host changes that"];
    const resource = key.slice("version/".length) as ResourceId;
    if (!this.#standings.mayMigrate(resource, me)) return ["no_right", "who brings a state to a new version edits it, and reads all of it"];
    const most = this.#manifest.state?.version ?? 1;
    if (typeof value !== "number" || value > most) return ["bad_value", `${this.#manifest.id} is at state version ${most} on this hub (R9)`];
    const current = this.#standings.version(resource);
    return value > current ? undefined : ["outdated", `${this.#manifest.name} is at version ${current} already`];
  }

  #value(key: string): Json | undefined {
    return valueOf(this.#hub().ledger.state(CALL).entries.get(key));
  }
}

function isOwner(record: Json, { person }: Participant): boolean {
  return (record as { readonly owner?: Json }).owner === person;
}

/** What a new resource begins with. */
export function defaultsOf({ state }: Manifest): [string, Json][] {
  return Object.entries(state?.defaults ?? {}) as [string, Json][];
}

