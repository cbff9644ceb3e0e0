/** What this participant is at: the page, the tool, what is selected and what is being changed. */

import type { Json, ResourceCache } from "callmesh/app";

import type { Board } from "./board.ts";
import type { Measure } from "./drawings.ts";
import { bodyOf, boxOf, COLOURS, frameAround, isStraight, SHAPES, union, type Box, type Colour, type Element, type ShapeKind } from "./elements.ts";
import type { Live } from "./live.ts";
import { fittedInto, gripsOn, stretched, withEnd, type Edges, type Grip } from "./resize.ts";
import { before, type Item, type Scene } from "./scene.ts";

export const TOOLS = ["select", "hand", "pen", "eraser", "shape", "text", "note", "laser"] as const;
export type Tool = (typeof TOOLS)[number];
export const SIZES = [3, 6, 12] as const;

/** Tools with which nothing is changed. */
const HARMLESS: readonly Tool[] = ["hand", "laser"];
const NOWHERE: Box = { x: 0, y: 0, w: 0, h: 0 };

/** What becomes of what is selected. */
export interface Change {
  of(element: Element): Element;
  /** To the others, while it is under way. */
  show(page: string, ids: readonly string[]): void;
}

/** What a drag that far makes of it; whether it keeps its ratio. */
export type How = (dx: number, dy: number, keeps: boolean) => Change;

export class Desk {
  readonly board: Board;
  readonly scene: Scene;
  readonly live: Live;
  readonly #measure: Measure;
  readonly #cache: ResourceCache;
  /** Told when something here is otherwise. */
  readonly #changed: () => void;
  /** What this participant is changing, as it looks at the moment. */
  readonly own = new Map<string, Element>();
  /** What the eraser has gone over: it is shown fading, until it is gone. */
  readonly fading = new Set<string>();
  readonly selection = new Set<string>();
  #page = "";
  #tool: Tool = "pen";
  shape: ShapeKind = "rect";
  colour: Colour = "ink";
  size: number = SIZES[0];

  constructor(board: Board, scene: Scene, live: Live, measure: Measure, cache: ResourceCache, changed: () => void) {
    this.board = board;
    this.scene = scene;
    this.live = live;
    this.#measure = measure;
    this.#cache = cache;
    this.#changed = changed;
    this.#tool = TOOLS.find((one) => one === cache.get("tool")) ?? "pen";
    this.shape = SHAPES.find((one) => one === cache.get("shape")) ?? "rect";
    this.colour = COLOURS.find((one) => one === cache.get("colour")) ?? "ink";
    this.size = SIZES.find((one) => one === cache.get("size")) ?? SIZES[0];
  }

  /** Keep for the next time, on this device. */
  keep(name: "tool" | "shape" | "colour" | "size" | "page", value: Json): void {
    this.#cache.set(name, value);
  }

  get mayWrite(): boolean {
    return this.board.mayWrite(this.#page);
  }

  /** The one that counts: who may only look has those that change nothing. */
  get tool(): Tool {
    return this.mayWrite || HARMLESS.includes(this.#tool) ? this.#tool : "hand";
  }

  set tool(tool: Tool) {
    this.#tool = tool;
    this.keep("tool", tool);
    if (tool !== "select") this.selection.clear();
    this.#changed();
  }

  get page(): string {
    return this.#page;
  }

  turnTo(page: string): void {
    this.#page = page;
    this.keep("page", page);
    this.selection.clear();
    this.own.clear();
    this.scene.clear();
    for (const [id, element] of this.board.elements(page)) this.scene.put(id, element);
    this.#changed();
  }

  choose(items: readonly Item[], more = false): void {
    if (!more) this.selection.clear();
    for (const { id } of items) this.selection.add(id);
    this.#changed();
  }

  get selected(): Item[] {
    return [...this.selection].flatMap((id) => this.scene.get(id) ?? []).sort(before);
  }

  /** What is shown in the place of what is written: one's own changes under way, and others'. */
  get underWay(): Map<string, Element> {
    return new Map([...this.live.on(this.#page), ...this.own]);
  }

  /** What is shown otherwise than it is written. */
  get lifted(): Set<string> {
    return new Set([...this.underWay.keys(), ...this.fading]);
  }

  write(edits: ReadonlyMap<string, Element | undefined>): void {
    this.board.write(this.#page, edits);
  }

  /** As `write`, for what is selected. */
  edit(change: (element: Element) => Element | undefined): void {
    this.write(new Map(this.selected.map(({ id, element }) => [id, change(element)] as const)));
  }

  // --- moving and resizing what is selected

  /** The box of what is selected, as it is written: without the width of lines. */
  get body(): Box {
    return union(this.selected.map(({ element }) => bodyOf(element))) ?? NOWHERE;
  }

  /** Of each, as it looks at the moment. */
  get selectedBoxes(): Box[] {
    return this.selected.map(({ id, box }) => {
      const changed = this.own.get(id);
      return changed === undefined ? box : boxOf(changed);
    });
  }

  /** By which it is resized. */
  grips(zoom: number): Grip[] {
    const frame = this.mayWrite ? frameAround(this.selectedBoxes, zoom) : undefined;
    if (frame === undefined) return [];
    const line = this.#line;
    return gripsOn(frame, line && (this.own.get(line.id) ?? line.element), zoom);
  }

  moving(): How {
    return this.#fitting((from, dx, dy) => ({ ...from, x: from.x + dx, y: from.y + dy }));
  }

  resizing(holds: Edges | "start" | "end"): How {
    if (typeof holds !== "string") return this.#fitting((from, dx, dy, keeps) => stretched(from, holds, dx, dy, keeps));
    return (dx, dy, keeps) => {
      const of = (element: Element): Element => (isStraight(element) ? withEnd(element, holds, dx, dy, keeps) : element);
      const show = (page: string, ids: readonly string[]): void => {
        for (const id of ids) {
          const element = this.board.get(page, id);
          if (element !== undefined) this.live.show(page, id, { ...of(element), v: this.board.nextVersion(id) });
        }
      };
      return { of, show };
    };
  }

  #fitting(fit: (from: Box, dx: number, dy: number, keeps: boolean) => Box): How {
    const from = this.body;
    return (dx, dy, keeps) => {
      const to = fit(from, dx, dy, keeps);
      return {
        of: (element) => fittedInto(element, from, to, this.#measure),
        show: (page, ids) => this.live.fit(page, ids, from, to),
      };
    };
  }

  /** The one that is selected alone, if it is a line or an arrow. */
  get #line(): Item | undefined {
    const [only] = this.selection.size === 1 ? this.selected : [];
    return only !== undefined && isStraight(only.element) ? only : undefined;
  }

  nudge(dx: number, dy: number): void {
    this.edit((element) => ({ ...element, x: element.x + dx, y: element.y + dy }));
  }

  /** By its right and lower edges, or of a line its end. */
  stretch(dx: number, dy: number): void {
    const change = this.resizing(this.#line === undefined ? [1, 1] : "end")(dx, dy, false);
    this.edit((element) => change.of(element));
  }

  /** To the top, or to the bottom; among themselves they stay as they are. */
  restack(up: boolean): void {
    const { selected } = this;
    const start = up ? this.scene.above() : this.scene.below() - selected.length + 1;
    this.write(new Map(selected.map(({ id, element }, n) => [id, { ...element, z: start + n }] as const)));
  }
}
