/** Where participants point (A21). */

import { BadValue, frozen, Listeners, type Json, type ParticipantId } from "@callmesh/core";

import { Conflated } from "./conflated.ts";
import type { ServiceParts } from "./leading.ts";

/** Milliseconds between what others see of a pointer. */
const EVERY = 40;
const KEY = "callmesh/point";
/** Characters of the name of a view. */
const MAX_VIEW = 200;

/** Where somebody points. */
export interface Pointed {
  readonly id: ParticipantId;
  /** Empty where the app has not asked for participants. */
  readonly name: string;
  /** A CSS colour, the same one on everybody's screen. */
  readonly colour: string;
  /** What it is relative to: a page, a picture, whatever the app calls so. */
  readonly view: string;
  /** In units of the view, whatever these are. */
  readonly x: number;
  readonly y: number;
}

/** `resource.pointer`. */
export class Pointer {
  readonly #parts: ServiceParts;
  readonly #shown: Conflated;
  readonly #listeners = new Listeners<readonly Pointed[]>();
  #told = "[]";

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#shown = new Conflated(parts.presence, KEY, EVERY, parts.after);
    parts.presence.subscribe(() => this.changed());
  }

  /** Point there. Others see it 25 times a second at most, and the last place always. */
  at(x: number, y: number, view = ""): void {
    if (!Number.isFinite(x) || !Number.isFinite(y) || typeof view !== "string" || view.length > MAX_VIEW) {
      throw new BadValue(`a pointer is at(x, y, view): two numbers, and a name of at most ${MAX_VIEW} characters`);
    }
    this.#shown.show(frozen([view, x, y]));
  }

  /** Point nowhere. */
  hide(): void {
    this.#shown.show(undefined);
  }

  /** Where the others point. */
  get others(): readonly Pointed[] {
    const { presence, name, here, me } = this.#parts;
    return [...presence.all()].flatMap(([id, own]) => {
      const place = id === me() || !here(id) ? undefined : readPlace(own[KEY]);
      return place === undefined ? [] : [{ id, name: name(id), colour: this.colour(id), ...place }];
    });
  }

  /** The colour of a participant; one's own without one. */
  colour(id: ParticipantId = this.#parts.me()): string {
    return `hsl(${hueOf(id)} 75% 45%)`;
  }

  /** Told where the others point, when that is elsewhere; and at once. */
  subscribe(fn: (others: readonly Pointed[]) => void): () => void {
    const stop = this.#listeners.add(fn);
    fn(this.others);
    return stop;
  }

  /** For who runs it: presence or participants are others. */
  changed(): void {
    const { others } = this;
    const told = JSON.stringify(others);
    if (told === this.#told) return;
    this.#told = told;
    this.#listeners.tell(others);
  }
}

function readPlace(value: Json | undefined): Pick<Pointed, "view" | "x" | "y"> | undefined {
  const [view, x, y] = Array.isArray(value) ? (value as Json[]) : [];
  if (typeof view !== "string" || typeof x !== "number" || typeof y !== "number") return undefined;
  return { view, x, y };
}

/** Ids are random: any mixture of their characters spreads them. */
function hueOf(id: string): number {
  let hue = 0;
  for (const character of id) hue = (hue * 31 + (character.codePointAt(0) ?? 0)) % 3_600;
  return hue / 10;
}
