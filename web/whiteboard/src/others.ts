/** Others on the board: what they have selected, by presence of our own; where they point and who leads, by the SDK's. */

import type { Json, Leader, Pointed, Resource } from "callmesh/app";

import { readNumbers } from "./camera.ts";
import type { Box } from "./elements.ts";

type Id = string;

export interface Laser {
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

/** Milliseconds between what others see of what is selected. */
const EVERY = 100;
const MOST_SELECTED = 40;

export class Others {
  readonly #resource: Resource;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #selected: Json[] = [];

  constructor(resource: Resource) {
    this.#resource = resource;
  }

  // --- what others see of me

  laser(page: string, place: readonly [number, number] | undefined): void {
    const { pointer } = this.#resource;
    if (place === undefined) pointer.hide();
    else pointer.at(Math.round(place[0]), Math.round(place[1]), page);
  }

  selected(page: string, ids: readonly string[]): void {
    this.#selected = ids.length > 0 ? [page, ...ids.slice(0, MOST_SELECTED)] : [];
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const { presence } = this.#resource;
      if (this.#selected.length > 0) presence.set("selected", this.#selected);
      else if (presence.get("selected") !== undefined) presence.delete("selected");
    }, EVERY);
  }

  lead(page: string, { x, y, w, h }: Box): void {
    this.#resource.leading.lead([page, x, y, w, h]);
  }

  // --- what I see of others

  lasers(page: string): Laser[] {
    const here = this.#resource.pointer.others.filter(({ view }) => view === page);
    return here.map(({ id, name, x, y }: Pointed) => ({ id, name, place: [x, y] as const }));
  }

  selections(page: string): { name: string; ids: string[] }[] {
    const { presence, participants, me } = this.#resource;
    return [...presence.all()].flatMap(([id, { selected }]) => {
      const [there, ...ids] = Array.isArray(selected) ? (selected as Json[]) : [];
      const name = participants.get(id)?.name;
      if (id === me.id || name === undefined || there !== page) return [];
      return [{ name, ids: ids.filter((one) => typeof one === "string") }];
    });
  }

  /** Who leads, if not I. */
  leader(): Lead | undefined {
    const { leader } = this.#resource.leading;
    return leader === undefined || leader.me ? undefined : readLead(leader);
  }
}

function readLead({ id, name, view }: Leader): Lead | undefined {
  const [page, ...rest] = Array.isArray(view) ? (view as Json[]) : [];
  const [x = 0, y = 0, w = 0, h = 0] = readNumbers(rest, 4) ?? [];
  return typeof page === "string" && w > 0 && h > 0 ? { id, name, page, box: { x, y, w, h } } : undefined;
}
