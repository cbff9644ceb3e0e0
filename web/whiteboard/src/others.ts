/** Others on the board, by their presence: where they point, what they have selected, who leads. */

import type { Json, Resource } from "callmesh/app";

import { readNumbers } from "./camera.ts";
import type { Box } from "./elements.ts";

type Id = string;

export interface Pointer {
  readonly id: Id;
  readonly name: string;
  readonly place: readonly [number, number];
}

export interface Lead {
  readonly id: Id;
  readonly name: string;
  readonly page: string;
  readonly box: Box;
}

/** Milliseconds between what others see of a pointer or a view. */
const EVERY = { laser: 40, lead: 100 };
const MOST_SELECTED = 40;

export class Others {
  readonly #resource: Resource;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #next = new Map<string, Json | undefined>();
  #since = 0;

  constructor(resource: Resource) {
    this.#resource = resource;
  }

  // --- what others see of me

  laser(page: string, place: readonly [number, number] | undefined): void {
    this.#set("laser", place && [page, Math.round(place[0]), Math.round(place[1])], EVERY.laser);
  }

  selected(page: string, ids: readonly string[]): void {
    this.#set("selected", ids.length > 0 ? [page, ...ids.slice(0, MOST_SELECTED)] : undefined, EVERY.lead);
  }

  get leads(): boolean {
    return this.#since > 0;
  }

  /** Who led last leads. */
  lead(page: string, { x, y, w, h }: Box): void {
    this.#since ||= Date.now();
    this.#set("lead", [page, x, y, w, h, this.#since], EVERY.lead);
  }

  stopLeading(): void {
    this.#since = 0;
    this.#set("lead", undefined, 0);
  }

  /** The newest of several in a row, after some time. */
  #set(key: string, value: Json | undefined, every: number): void {
    this.#next.set(key, value);
    if (this.#timers.has(key)) return;
    const write = (): void => {
      this.#timers.delete(key);
      const { presence } = this.#resource;
      const next = this.#next.get(key);
      if (next !== undefined) presence.set(key, next);
      else if (presence.get(key) !== undefined) presence.delete(key);
    };
    this.#timers.set(key, setTimeout(write, every));
  }

  // --- what I see of others

  #all(key: string): { id: Id; name: string; page: string; rest: Json[] }[] {
    const { presence, participants, me } = this.#resource;
    return [...presence.all()].flatMap(([id, own]) => {
      const value = own[key];
      const [page, ...rest] = Array.isArray(value) ? (value as Json[]) : [];
      const name = participants.get(id)?.name;
      return id === me.id || name === undefined || typeof page !== "string" ? [] : [{ id, name, page, rest }];
    });
  }

  lasers(page: string): Pointer[] {
    return this.#all("laser").flatMap(({ id, name, page: there, rest }) => {
      const [x, y] = readNumbers(rest, 2) ?? [];
      return there === page && x !== undefined && y !== undefined ? [{ id, name, place: [x, y] as const }] : [];
    });
  }

  selections(page: string): { name: string; ids: string[] }[] {
    const here = this.#all("selected").filter((one) => one.page === page);
    return here.map(({ name, rest }) => ({ name, ids: rest.filter((id) => typeof id === "string") }));
  }

  /** Who leads, if not I. */
  leader(): Lead | undefined {
    const leading = this.#all("lead").flatMap(({ id, name, page, rest }) => {
      const [x = 0, y = 0, w = 0, h = 0, since = 0] = readNumbers(rest, 5) ?? [];
      return w > 0 && h > 0 ? [{ id, name, page, box: { x, y, w, h }, since }] : [];
    });
    const last = leading.sort((one, other) => other.since - one.since)[0];
    return last !== undefined && last.since > this.#since ? last : undefined;
  }
}
