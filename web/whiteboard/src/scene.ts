/** The elements of the page in view, in order and by place. */

import { boxOf, touch, type Box, type Element } from "./elements.ts";

export interface Item {
  readonly id: string;
  readonly element: Element;
  readonly box: Box;
  /** Whether it is shown otherwise just now, as it is being moved: what lies beneath is drawn without it. */
  lifted: boolean;
}

/** Side of a cell of the index, in the board's units. */
const CELL = 256;
/** What would lie in more cells than this is looked at each time. */
const MANY = 400;

export function before(one: Item, other: Item): number {
  return one.element.z - other.element.z || (one.id < other.id ? -1 : 1);
}

export class Scene {
  readonly #items = new Map<string, Item>();
  readonly #cells = new Map<string, Set<Item>>();
  readonly #everywhere = new Set<Item>();
  #lifted: ReadonlySet<string> = new Set();
  /** Called with each place that looks otherwise. */
  readonly #changed: (box: Box) => void;

  constructor(changed: (box: Box) => void = () => undefined) {
    this.#changed = changed;
  }

  get size(): number {
    return this.#items.size;
  }

  get(id: string): Item | undefined {
    return this.#items.get(id);
  }

  /** All, from the bottom to the top. */
  all(): Item[] {
    return [...this.#items.values()].sort(before);
  }

  /** Those whose boxes touch `box`, from the bottom to the top. */
  within(box: Box): Item[] {
    const found = new Set([...this.#everywhere].filter((item) => touch(item.box, box)));
    const cells = cellsOf(box);
    const sets = cells === undefined ? this.#cells.values() : cells.flatMap((cell) => this.#cells.get(cell) ?? []);
    for (const set of sets) for (const item of set) if (touch(item.box, box)) found.add(item);
    return [...found].sort(before);
  }

  put(id: string, element: Element): void {
    const lifted = this.#lifted.has(id);
    this.remove(id);
    const item: Item = { id, element, box: boxOf(element), lifted };
    this.#items.set(id, item);
    const cells = cellsOf(item.box);
    if (cells === undefined) this.#everywhere.add(item);
    for (const cell of cells ?? []) {
      const set = this.#cells.get(cell) ?? new Set();
      this.#cells.set(cell, set.add(item));
    }
    if (!lifted) this.#changed(item.box);
  }

  remove(id: string): void {
    const item = this.#items.get(id);
    if (item === undefined) return;
    this.#items.delete(id);
    this.#everywhere.delete(item);
    for (const cell of cellsOf(item.box) ?? []) {
      const set = this.#cells.get(cell);
      set?.delete(item);
      if (set?.size === 0) this.#cells.delete(cell);
    }
    if (!item.lifted) this.#changed(item.box);
  }

  clear(): void {
    this.#items.clear();
    this.#cells.clear();
    this.#everywhere.clear();
    this.#lifted = new Set();
  }

  /** Exactly these are shown otherwise. */
  lift(ids: ReadonlySet<string>): void {
    const before = this.#lifted;
    this.#lifted = ids;
    for (const id of [...before, ...ids]) {
      const item = this.#items.get(id);
      if (item === undefined || item.lifted === ids.has(id)) continue;
      item.lifted = ids.has(id);
      this.#changed(item.box);
    }
  }

  /** On top of everything. */
  above(): number {
    return this.#furthest(Math.max) + 1;
  }

  /** Below everything. */
  below(): number {
    return this.#furthest(Math.min) - 1;
  }

  #furthest(pick: (a: number, b: number) => number): number {
    let furthest = 0;
    for (const { element } of this.#items.values()) furthest = pick(furthest, element.z);
    return Math.trunc(furthest);
  }
}

/** Undefined where they are too many. */
function cellsOf({ x, y, w, h }: Box): string[] | undefined {
  const [left, top] = [Math.floor(x / CELL), Math.floor(y / CELL)];
  const [right, bottom] = [Math.floor((x + w) / CELL), Math.floor((y + h) / CELL)];
  if ((right - left + 1) * (bottom - top + 1) > MANY) return undefined;
  const cells: string[] = [];
  for (let column = left; column <= right; column++) for (let row = top; row <= bottom; row++) cells.push(`${column},${row}`);
  return cells;
}
