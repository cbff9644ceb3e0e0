/**
 * What everybody shares, in the resource's state:
 *   pages/<page>           { n }: where it stands among the pages
 *   page/<page>/el/<id>    an element, one key each: see elements.ts
 */

import type { Json, SharedState, UndoHistory } from "callmesh/app";

import { fieldsOf, readElement, written, type Element } from "./elements.ts";

export type State = SharedState;
/** What becomes of elements, by id; undefined deletes. */
export type Edits = ReadonlyMap<string, Element | undefined>;

export class Board {
  readonly #state: State;
  readonly #history: UndoHistory;
  /** How often each element was changed, as far as was seen: one that was undone counts on. */
  readonly #versions = new Map<string, number>();
  /** Where each page stands among the others. */
  readonly #pages = new Map<string, number>();

  constructor(state: State) {
    this.#state = state;
    this.#history = state.history();
    state.listen(({ keys }) => [...keys].forEach(([key, { new: value }]) => this.#note(key, value)));
    for (const [key, value] of state.entries()) this.#note(key, value);
  }

  // --- pages

  /** Their ids, in order. There is always one. */
  get pages(): string[] {
    const found = [...this.#pages].sort(([one, place], [other, otherPlace]) => place - otherPlace || (one < other ? -1 : 1));
    return found.length > 0 ? found.map(([id]) => id) : ["1"];
  }

  /** A new page behind `page`; returns its id. */
  addPage(page: string): string {
    const { pages } = this;
    const id = newId();
    const before = this.#pages.get(page) ?? 1;
    const after = this.#pages.get(pages[pages.indexOf(page) + 1] ?? "") ?? before + 2;
    this.#state.set(`pages/${id}`, { n: (before + after) / 2 });
    return id;
  }

  /** With all that is on it. The last one stays, and is emptied. */
  removePage(page: string): void {
    const alone = this.pages.length === 1;
    this.#state.transaction((writes) => {
      for (const id of this.elements(page).keys()) writes.delete(keyOf(page, id));
      if (!alone) writes.delete(`pages/${page}`);
    });
  }

  // --- elements

  elements(page: string): Map<string, Element> {
    const prefix = keyOf(page, "");
    const all = new Map<string, Element>();
    for (const key of this.#state.keys()) {
      if (!key.startsWith(prefix)) continue;
      const element = readElement(this.#state.get(key));
      if (element !== undefined) all.set(key.slice(prefix.length), element);
    }
    return all;
  }

  get(page: string, id: string): Element | undefined {
    return readElement(this.#state.get(keyOf(page, id)));
  }

  /** One transaction, and one step of undo. */
  write(page: string, edits: Edits): void {
    this.#state.transaction((writes) => {
      for (const [id, element] of edits) {
        if (element === undefined) writes.delete(keyOf(page, id));
        else writes.set(keyOf(page, id), written({ ...element, v: this.nextVersion(id) }));
      }
    });
  }

  /** Of the change of an element that is under way. */
  nextVersion(id: string): number {
    return this.version(id) + 1;
  }

  version(id: string): number {
    return this.#versions.get(id) ?? 0;
  }

  /** Something new, or what is there under that id. */
  mayWrite(page: string, id = "new"): boolean {
    return this.#state.canWrite(keyOf(page, id));
  }

  #note(key: string, value: Json | undefined): void {
    const place = placeOf(key);
    const element = place === undefined ? undefined : readElement(value);
    if (place !== undefined && element !== undefined) this.#versions.set(place.id, Math.max(this.version(place.id), element.v));
    const page = pageOf(key);
    if (page === undefined) return;
    if (value === undefined) this.#pages.delete(page);
    else this.#pages.set(page, standOf(value));
  }

  // --- undo, of one's own

  get canUndo(): boolean {
    return this.#history.canUndo;
  }

  get canRedo(): boolean {
    return this.#history.canRedo;
  }

  /** Tells on which page something is otherwise now. */
  undo(): string | undefined {
    return this.#step(() => this.#history.undo());
  }

  redo(): string | undefined {
    return this.#step(() => this.#history.redo());
  }

  #step(step: () => boolean): string | undefined {
    let page: string | undefined;
    const stop = this.#state.listen(({ keys }) => {
      for (const key of keys.keys()) page ??= placeOf(key)?.page;
    });
    try {
      step();
    } finally {
      stop();
    }
    return page;
  }
}

export function keyOf(page: string, id: string): string {
  return `page/${page}/el/${id}`;
}

export function placeOf(key: string): { page: string; id: string } | undefined {
  const [kind, page, el, id, ...more] = key.split("/");
  if (kind !== "page" || page === undefined || el !== "el" || id === undefined || more.length > 0) return undefined;
  return { page, id };
}

export function newId(): string {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return high.toString(36) + low.toString(36);
}

function pageOf(key: string): string | undefined {
  const [kind, page, ...more] = key.split("/");
  return kind === "pages" && more.length === 0 ? page : undefined;
}

function standOf(value: Json): number {
  const { n } = fieldsOf(value);
  return typeof n === "number" ? n : 0;
}
