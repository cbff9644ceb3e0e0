/** Resources: instances of apps in a call, and the life each of them leads. */

import { BadValue } from "./errors.ts";
import { characters, MAX_NAME, resourceId, type ResourceId } from "./ids.ts";

/** The key in the call's own State that names the resource in view for everybody. */
export const ACTIVE = "active";

/** What the keys of records begin with. */
export const RECORDS = "resource/";

/** The key in the call's own State that holds a resource's record. */
export function keyOf(resource: ResourceId): string {
  return RECORDS + resource;
}

/** The key that says what a role or a person may do with a resource. */
export function accessKey(resource: ResourceId, who: string): string {
  return `access/${resource}/${who}`;
}

/** The key that says which form the state of a resource has. */
export function versionKey(resource: ResourceId): string {
  return `version/${resource}`;
}

/** The resource whose record stands under `key`, if it is such a key. Raises `BadName`. */
export function resourceIn(key: string): ResourceId | undefined {
  return key.startsWith(RECORDS) ? resourceId(key.slice(RECORDS.length)) : undefined;
}

/** What the call's own State says about a resource. */
export interface ResourceRecord {
  readonly app: string;
  readonly title: string;
  /** The person who added it. */
  readonly owner: string;
  /** When, microseconds since the epoch: tabs stand in this order. */
  readonly added: number;
  /** Whether it is on its way out: not there any more, and still to be restored (R12). */
  readonly removed?: true;
}

/** A resource's record out of the call's own State. Raises `BadValue`. */
export function readRecord(value: unknown): ResourceRecord {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadValue("not a resource record: an object is expected");
  }
  const { app, title, owner, added = 0, removed = false, ...others } = value as { [name: string]: unknown };
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new BadValue(`not a resource record: it has no ${unknown}`);
  if (!isCount(added) || typeof removed !== "boolean") {
    throw new BadValue("not a resource record: added is a time in microseconds, removed is true or false");
  }
  return {
    app: text("app", app, 0, 40),
    title: text("title", title, 1, MAX_NAME),
    owner: text("owner", owner, 0, 64),
    added,
    ...(removed && { removed }),
  };
}

function text(name: string, value: unknown, least: number, most: number): string {
  if (typeof value === "string") {
    const count = characters(value);
    if (count >= least && count <= most) return value;
  }
  throw new BadValue(`not a resource record: ${name} has ${least}–${most} characters`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * - `add`: once, on the adder: set the first state.
 * - `setup`: on every participant, after a re-sync too: must be safe to repeat.
 * - `enable`, `disable`: it became the one in view, or is it no longer.
 * - `remove`: it is gone.
 */
export type LifeEvent = "add" | "setup" | "enable" | "disable" | "remove";

export type LifecycleState =
  | { readonly kind: "waiting"; readonly adder: boolean } // not set up yet
  | { readonly kind: "ready"; readonly inView: boolean }
  | { readonly kind: "removed" };

/**
 * What one resource's handlers are told, in which order, on one participant.
 *
 * `add` comes first, once, on the adder alone (R2). `setup` comes before any `enable`, and again
 * after a re-sync (R2). `enable` and `disable` alternate, `enable` first (R3). `remove` comes last,
 * once, after a `disable` if it was enabled; nothing comes after it (R4).
 */
export class Lifecycle {
  #state: LifecycleState;

  constructor({ adder = false } = {}) {
    this.#state = { kind: "waiting", adder };
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** The resource's state is there: at first, and after every re-sync. */
  synced(): LifeEvent[] {
    const state = this.#state;
    switch (state.kind) {
      case "waiting":
        this.#state = { kind: "ready", inView: false };
        return state.adder ? ["add", "setup"] : ["setup"];
      case "ready":
        return state.inView ? ["disable", "setup", "enable"] : ["setup"];
      case "removed":
        return [];
    }
  }

  /** The resource is now the one in view for this participant, or not. */
  view(inView: boolean): LifeEvent[] {
    if (this.#state.kind !== "ready" || this.#state.inView === inView) return [];
    this.#state = { kind: "ready", inView };
    return [inView ? "enable" : "disable"];
  }

  removed(): LifeEvent[] {
    const state = this.#state;
    this.#state = { kind: "removed" };
    if (state.kind !== "ready") return [];
    return state.inView ? ["disable", "remove"] : ["remove"];
  }
}
