/** The resources of a call, and the streams, caches and States that belong to each. */

import {
  accessKey, ACTIVE, BadInput, CALL, checkKey, Denied, DELETED, displayName, HUB, issue, keyOf, newer, readRecord,
  resourceIn, stateOf, TimedOut, type Access, type Change, type HubWord, type Json, type ParticipantId, type ReplicaAccess,
  type ResourceId, type ResourceRecord, type Stamp, type Value,
} from "@callmesh/core";

import { Resource, type ResourceUser } from "./resource.ts";

/** Milliseconds that the hub may take to accept a resource. */
const ACCEPT_TIMEOUT = 10_000;

export interface AddOptions {
  /** What stands on its tab; without it the app's id. */
  readonly title?: string;
  /** Its first state, written in one transaction with it. */
  readonly state?: Readonly<Record<string, unknown>>;
  /** Hosts: what roles and persons may do with it, from the first moment on. */
  readonly access?: Readonly<Record<string, Access>>;
}

/** One that was removed, and can be restored. */
export interface RemovedResource extends ResourceRecord {
  readonly id: ResourceId;
  /** Who has removed it. */
  readonly by: ParticipantId;
}

export interface ResourcesUser extends ResourceUser {
  readonly access: ReplicaAccess;
  /** Told of each word of the hub. */
  onWord(fn: (word: HubWord) => void): () => void;
  /** A resource is gone. */
  dropped(id: ResourceId): void;
}

export class Resources {
  readonly #user: ResourcesUser;
  readonly #items = new Map<ResourceId, Resource>();
  readonly #added = new Set<ResourceId>();
  readonly #adding = new Set<ResourceId>();
  /** Removed here, and perhaps the hub says no. */
  readonly #leaving = new Set<ResourceId>();
  readonly #removed = new Map<ResourceId, RemovedResource>();

  constructor(user: ResourcesUser) {
    this.#user = user;
    user.onWord(() => this.#forget());
  }

  get(id: ResourceId): Resource | undefined {
    return this.#items.get(id);
  }

  /** In no order: asked for with every change. */
  ids(): Iterable<ResourceId> {
    return this.#items.keys();
  }

  /** In the order in which they were added. */
  all(): Resource[] {
    return [...this.#items.values()].sort((a, b) => a.added - b.added || (a.id < b.id ? -1 : 1));
  }

  /**
   * Add a resource; resolves when the hub has accepted it.
   *
   * Rejects with `BadName`, `BadValue`, `TooLarge`, `Denied`, `TimedOut`, or why the call has ended.
   */
  async add(app: string, { title = app, state = {}, access: settings = {} }: AddOptions = {}): Promise<Resource> {
    const { access } = this.#user;
    const id = issue("r", crypto.getRandomValues(new Uint8Array(8))) as ResourceId;
    const added = access.now() + access.mesh.clock.offset;
    const record = { app, title: displayName(title), owner: this.#user.me().person, added };
    const own = new Map<string, Value>([[keyOf(id), record]]);
    for (const [who, level] of Object.entries(settings)) own.set(accessKey(id, who), level);
    const groups = new Map([[CALL, own]]);
    const first = Object.entries(state).filter(([, value]) => value !== undefined);
    const checked = first.map(([key, value]) => [checkKey(key), value as Json] as const);
    if (first.length > 0) groups.set(stateOf(id), new Map(checked));
    this.#added.add(id);
    this.#adding.add(id);
    try {
      access.wrote(access.mesh.write(groups, access.now()));
      await this.#accepted(id);
    } finally {
      this.#adding.delete(id);
    }
    const resource = this.#items.get(id);
    if (resource === undefined) throw new Denied("no_resource", "it was removed at once");
    return resource;
  }

  /**
   * Remove a resource for everybody. Who may not will see it come back. `restorable`: the hub keeps it for 30 s, in which
   * `restore` brings it back.
   */
  remove(id: ResourceId, { restorable = false } = {}): void {
    const record = this.#items.get(id)?.record;
    if (record !== undefined) this.#put(id, restorable ? { ...record, removed: true } : DELETED);
  }

  /** What was removed, and can be restored by hosts and, while they may edit it, by its owner. */
  get removed(): RemovedResource[] {
    return [...this.#removed.values()];
  }

  /** Bring back one of `removed`, with its state. If the hub says no, it is gone again. */
  restore(id: ResourceId): void {
    const found = this.#removed.get(id);
    if (found === undefined) return;
    const { app, title, owner, added } = found;
    this.#put(id, { app, title, owner, added });
  }

  #put(id: ResourceId, record: Value): void {
    const { access } = this.#user;
    access.wrote(access.mesh.write(new Map([[CALL, new Map([[keyOf(id), record]])]]), access.now()));
  }

  /** The one in view for everybody. */
  get active(): ResourceId | undefined {
    const id = this.#user.access.mesh.value(CALL, ACTIVE);
    return typeof id === "string" ? this.#items.get(id as ResourceId)?.id : undefined;
  }

  // --- for who runs it

  /** Whether whoever adds this resource is waiting to be told what is wrong with it. */
  isAdding(id: ResourceId | undefined): boolean {
    return id !== undefined && this.#adding.has(id);
  }

  /** Take a change in; tell whether it changed which there are, or what is said of them. */
  follow(change: Change): boolean {
    if (change.state !== CALL) return false;
    let changed = false;
    for (const [key, { new: value, writer }] of change.keys) {
      const id = resourceOrNot(key);
      if (id === undefined) continue;
      changed = true;
      const record = value === undefined ? undefined : recordOrNot(value);
      if (record === undefined) this.#lose(id, writer === HUB);
      else if (record.removed === true) this.#setAside(id, { ...record, id, by: writer.split(".")[0] as ParticipantId });
      else this.#have(id, record);
    }
    return changed;
  }

  #have(id: ResourceId, record: ResourceRecord): void {
    const known = this.#items.get(id);
    this.#leaving.delete(id);
    this.#removed.delete(id);
    if (known !== undefined) known.update(record);
    else this.#items.set(id, new Resource(id, record, this.#added.has(id), this.#user));
  }

  /** It was removed, and may come back with all that is known of it here. */
  #setAside(id: ResourceId, removed: RemovedResource): void {
    this.#removed.set(id, removed);
    if (this.#items.delete(id)) this.#user.dropped(id);
  }

  /** It was removed, or is hidden from this participant now: then its cache stays, as it may come back. */
  #lose(id: ResourceId, byHub: boolean): void {
    const lost = this.#items.get(id);
    const wasRemoved = this.#removed.delete(id);
    if (lost === undefined && !wasRemoved) return;
    const hidden = byHub && !wasRemoved; // what was removed goes for good by the hub's hand
    this.#items.delete(id);
    if (hidden) lost?.hide();
    if (hidden) this.#user.access.mesh.drop(id);
    else this.#leaving.add(id);
    this.#user.dropped(id);
  }

  /** What was removed is forgotten when nobody can bring it back any more. */
  #forget(): void {
    if (this.#leaving.size === 0 || this.#user.access.mesh.status(CALL) !== "synced") return;
    for (const id of this.#leaving) {
      this.#user.access.mesh.drop(id);
      this.#user.clearCache(id);
    }
    this.#leaving.clear();
  }

  async #accepted(id: ResourceId): Promise<void> {
    const { access } = this.#user;
    const stamp = access.mesh.entry(CALL, keyOf(id));
    const stops: (() => void)[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        const look = (word: HubWord): void => {
          const answer = stamp === undefined ? undefined : answerTo(keyOf(id), stamp, word);
          if (answer === true) resolve();
          else if (answer !== undefined) reject(answer);
        };
        stops.push(this.#user.onWord(look));
        stops.push(access.onReceipts(() => access.ended !== undefined && reject(access.ended)));
        stops.push(access.after(ACCEPT_TIMEOUT, () => reject(new TimedOut("the hub has not answered yet"))));
        if (access.ended !== undefined) reject(access.ended);
      });
    } finally {
      for (const stop of stops) stop();
    }
  }
}

/** What a word of the hub means for a write: true, an error, or nothing. */
function answerTo(key: string, stamp: Stamp, word: HubWord): true | Denied | undefined {
  switch (word.type) {
    case "batch": {
      const entries = word.groups.filter(({ state }) => state === CALL).flatMap((group) => group.entries);
      return entries.some((entry) => entry.key === key && !newer(stamp, entry)) ? true : undefined;
    }
    case "denied":
      return word.places.some(([state, place]) => state === CALL && place === key) && !newer(stamp, word)
        ? new Denied(word.reason, word.why, key)
        : undefined;
    case "saved":
      return undefined;
  }
}

export function resourceOrNot(key: string): ResourceId | undefined {
  try {
    return resourceIn(key);
  } catch (error) {
    if (error instanceof BadInput) return undefined;
    throw error;
  }
}

function recordOrNot(value: Json): ResourceRecord | undefined {
  try {
    return readRecord(value);
  } catch (error) {
    if (error instanceof BadInput) return undefined;
    throw error;
  }
}
