/** Who may do what, as a participant's replica knows it: what the hub would say beforehand. */

import { CLOSED, readRules, type Capability, type Rules, type Standing } from "./app.ts";
import { BadInput, BadValue, Denied } from "./errors.ts";
import {
  APPS, CALL, personId, resourceId, resourceOf, stateOf, type ParticipantId, type PersonId, type ResourceId, type StateId,
} from "./ids.ts";
import type { Change } from "./mesh.ts";
import { accessOf, isAccess, isRole, mayEdit, ROLES, type Access, type Participant } from "./participant.ts";
import { accessKey, ACTIVE, keyOf, readRecord, versionKey, type ResourceRecord } from "./resource.ts";
import type { Entry } from "./state.ts";
import { checkKey, type Json, type JsonObject } from "./values.ts";

/** Whom an access setting may be for besides roles and persons: who waits to be let in. */
export const WAITING = "waiting";

/** What is read: a mesh, or what the hub has confirmed of one. */
export interface Readable {
  readonly versions: ReadonlyMap<StateId, number>;
  readonly readOnly: string | undefined;
  value(state: StateId, key: string): Json | undefined;
  keys(state: StateId): string[];
}

/** Reads a mesh. To be told, with `follow`, of each change of the call's own State. */
export class Standings {
  readonly #mesh: Readable;
  readonly #settings = new Map<ResourceId, ReadonlyMap<string, Access>>();
  readonly #rules = new WeakMap<object, Rules>();

  constructor(mesh: Readable) {
    this.#mesh = mesh;
  }

  /** What somebody may do with a resource, before the key rules narrow it. A Python half has its own, and no other. */
  access(resource: ResourceId, { person, role, half }: Pick<Participant, "person" | "role" | "half">): Access {
    if (half !== undefined) return half === resource ? "edit" : "hidden";
    return accessOf(person, role, this.settings(resource));
  }

  /** A change of any State. */
  follow({ state }: Pick<Change, "state">): void {
    if (state === CALL) this.#settings.clear();
  }

  /** What hosts have set for it, by role and person. */
  settings(resource: ResourceId): ReadonlyMap<string, Access> {
    const known = this.#settings.get(resource);
    if (known !== undefined) return known;
    const prefix = accessKey(resource, "");
    const settings = new Map<string, Access>();
    for (const key of this.#mesh.keys(CALL)) {
      if (!key.startsWith(prefix)) continue;
      const access = this.#mesh.value(CALL, key);
      if (isAccess(access)) settings.set(key.slice(prefix.length), access);
    }
    this.#settings.set(resource, settings);
    return settings;
  }

  /** Which form its state has. */
  version(resource: ResourceId): number {
    const version = this.#mesh.value(CALL, versionKey(resource));
    return typeof version === "number" ? version : 1;
  }

  /** Whether the hub has told what a resource's app asks for: to who has just added it, a moment after. */
  isTold(resource: ResourceId): boolean {
    return isObject(this.#told(resource));
  }

  #told(resource: ResourceId): Json | undefined {
    return this.#mesh.value(APPS, this.#record(resource)?.app ?? "");
  }

  /** Whether a resource's app has asked for something. */
  allows(resource: ResourceId, capability: Capability): boolean {
    const told = this.#told(resource);
    const asked = isObject(told) ? told["capabilities"] : undefined;
    return Array.isArray(asked) && asked.includes(capability);
  }

  /** Raises `Denied` unless the resource's app has asked for it. */
  checkCapability(resource: ResourceId, capability: Capability): void {
    const record = this.#record(resource);
    if (record === undefined || this.allows(resource, capability)) return;
    const words = `the app ${record.app} has not asked for ${capability}: add "${capability}" to "capabilities" in its manifest.json (A8)`;
    throw new Denied("no_capability", words);
  }

  /** Whether code that speaks an older state version than the resource has is to be reloaded (R10). */
  outdated(resource: ResourceId): boolean {
    const speaks = this.#mesh.versions.get(stateOf(resource)) ?? 0;
    return speaks > 0 && speaks < this.version(resource);
  }

  /** Whether somebody may write to a resource's state at all; key rules narrow it. */
  isOpen(resource: ResourceId, someone: Participant): boolean {
    if (this.#record(resource) === undefined || this.#mesh.readOnly !== undefined) return false;
    if (this.access(resource, someone) !== "edit") return false;
    const speaks = this.#mesh.versions.get(stateOf(resource)) ?? 0;
    return speaks === 0 || speaks === this.version(resource);
  }

  /** Whether somebody may write a key of a resource's state, as it stands. */
  canWrite(resource: ResourceId, key: string, someone: Participant): boolean {
    const record = this.#record(resource);
    if (record === undefined || !this.isOpen(resource, someone)) return false;
    const isNew = this.#mesh.value(stateOf(resource), key) === undefined;
    return this.#rulesOf(record.app).mayWrite(key, standingOf(record, someone), { isNew });
  }

  /** Whether somebody may bring its state to a later version: edit it, and read all of it. */
  mayMigrate(resource: ResourceId, someone: Participant): boolean {
    const record = this.#record(resource);
    if (record === undefined || this.access(resource, someone) !== "edit") return false;
    return this.#rulesOf(record.app).mayReadAll(standingOf(record, someone));
  }

  /** Whether somebody may write a key of the call's own State, as it stands. */
  canWriteCall(key: string, someone: Participant): boolean {
    const about = orNot(() => aboutIn(key));
    if (about === undefined || this.#mesh.readOnly !== undefined) return false; // no key that there can be
    const [kind, resource] = about;
    const record = resource === undefined ? undefined : kind === "resource" ? this.#kept(resource) : this.#record(resource);
    const edits = resource !== undefined && record !== undefined && this.access(resource, someone) === "edit";
    const host = someone.role === "host";
    if (kind === "version") return resource !== undefined && this.mayMigrate(resource, someone);
    if (!mayEdit(someone.role)) return false;
    switch (kind) {
      case "resource": // a new one is anybody's to add
        return host || record === undefined || (edits && record.owner === someone.person && this.#isOwned(record.app));
      case "active":
        return true;
      case "access":
        return host && record !== undefined;
      case "other":
        return host;
    }
  }

  /** Whether resources of an app belong to who added them; otherwise hosts alone change and remove them (J7). */
  #isOwned(app: string): boolean {
    const told = this.#mesh.value(APPS, app);
    return !isObject(told) || told["owned"] !== false;
  }

  // --- of letters

  /** Whether an entry is for somebody's eyes, as things stand here. */
  mayHave(state: StateId, entry: Entry, someone: Participant): boolean {
    const resource = subjectOf(state, entry);
    if (resource === undefined) return state === CALL;
    if (this.access(resource, someone) === "hidden") return false;
    const record = this.#record(resource);
    if (record === undefined || state !== stateOf(resource)) return record !== undefined || state === CALL;
    return this.#rulesOf(record.app).mayRead(entry.key, standingOf(record, someone));
  }

  /** Whether it is for everybody who may ever be in the call, as things stand here. */
  isForAll(state: StateId, entry: Entry): boolean {
    const resource = subjectOf(state, entry);
    if (resource === undefined) return state === CALL;
    const record = this.#record(resource);
    if (record === undefined || [...this.settings(resource).values()].includes("hidden")) return false;
    if (state !== stateOf(resource)) return true;
    const rules = this.#rulesOf(record.app);
    return ROLES.every((role) => rules.mayRead(entry.key, { ...NOBODY, role, owner: false }));
  }

  /** Whether nothing known here speaks against it: what is new is the hub's to judge. */
  mayHaveWritten(state: StateId, key: string, author: Participant): boolean {
    if (state === CALL) {
      const about = orNot(() => aboutIn(key));
      if (about === undefined || about[0] === "version") return false; // a migration waits for the hub
      const [kind, resource] = about;
      if (resource === undefined || this.#record(resource) !== undefined) return this.canWriteCall(key, author);
      return author.role === "host" || (kind === "resource" && mayEdit(author.role));
    }
    const resource = resourceOf(state);
    if (state.startsWith("presence/")) return key === author.id || key.startsWith(`${author.id}/`);
    if (resource === undefined || this.#record(resource) === undefined) return resource !== undefined;
    return this.canWrite(resource, key, author);
  }

  /** The key rules of its app, as the hub tells them. */
  rules(resource: ResourceId): Json | undefined {
    const told = this.#mesh.value(APPS, this.#record(resource)?.app ?? "");
    return isObject(told) ? told["keys"] : undefined;
  }

  #record(resource: ResourceId): ResourceRecord | undefined {
    const record = this.#kept(resource);
    return record?.removed === true ? undefined : record;
  }

  /** Also of one that was removed, and can be restored. */
  #kept(resource: ResourceId): ResourceRecord | undefined {
    return orNot(() => readRecord(this.#mesh.value(CALL, keyOf(resource))));
  }

  /** What the hub tells of an app. Values are frozen, so the same one has the same rules. */
  #rulesOf(app: string): Rules {
    const told = this.#mesh.value(APPS, app);
    if (!isObject(told)) return CLOSED;
    const known = this.#rules.get(told);
    if (known !== undefined) return known;
    const rules = orNot(() => readRules(told["keys"])) ?? CLOSED;
    this.#rules.set(told, rules);
    return rules;
  }
}

const NOBODY = { participant: "" as ParticipantId, person: "" as PersonId };

/** The resource that an entry is about, or names. */
function subjectOf(state: StateId, { key, value }: Entry): ResourceId | undefined {
  if (state !== CALL) return resourceOf(state);
  if (key === ACTIVE && typeof value === "string") return value as ResourceId;
  return orNot(() => aboutIn(key))?.[1];
}

/** What a key of the call's own State is about. Raises `BadInput` where it is none. */
function aboutIn(key: string): readonly [kind: "resource" | "version" | "access" | "active" | "other", resource?: ResourceId] {
  const [first, second = "", third = "", ...more] = checkKey(key).split("/");
  switch (first) {
    case "resource":
    case "version":
      return key === first ? ["other"] : [first, resourceId(key.slice(first.length + 1))];
    case "access":
      if (!isRole(third) && third !== WAITING) personId(third);
      if (more.length > 0) throw new BadValue("access stands under access/<resource>/<who>");
      return ["access", resourceId(second)];
    default:
      return [key === ACTIVE ? "active" : "other"];
  }
}

function standingOf(record: ResourceRecord, { id: participant, person, role }: Participant): Standing {
  return { participant, person, role, owner: record.owner === person };
}

function orNot<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof BadInput) return undefined;
    throw error;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
