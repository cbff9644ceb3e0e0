/** What this participant is at: the page, the tool, what is selected and what is being changed. */

import type { Json, ResourceCache } from "callmesh/app";

import type { Board } from "./board.ts";
import { COLOURS, SHAPES, type Colour, type Element, type ShapeKind } from "./elements.ts";
import type { Live } from "./live.ts";
import { before, type Item, type Scene } from "./scene.ts";

export const TOOLS = ["select", "hand", "pen", "shape", "text", "note", "laser"] as const;
export type Tool = (typeof TOOLS)[number];
export const SIZES = [3, 6, 12] as const;

/** Tools with which nothing is changed. */
const HARMLESS: readonly Tool[] = ["hand", "laser"];

export class Desk {
  readonly board: Board;
  readonly scene: Scene;
  readonly live: Live;
  readonly #cache: ResourceCache;
  /** Told when something here is otherwise. */
  readonly #changed: () => void;
  /** What this participant is changing, as it looks at the moment. */
  readonly own = new Map<string, Element>();
  readonly selection = new Set<string>();
  #page = "";
  #tool: Tool = "pen";
  shape: ShapeKind = "rect";
  colour: Colour = "ink";
  size: number = SIZES[0];

  constructor(board: Board, scene: Scene, live: Live, cache: ResourceCache, changed: () => void) {
    this.board = board;
    this.scene = scene;
    this.live = live;
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

  write(edits: ReadonlyMap<string, Element | undefined>): void {
    this.board.write(this.#page, edits);
  }

  /** As `write`, for what is selected. */
  edit(change: (element: Element) => Element | undefined): void {
    this.write(new Map(this.selected.map(({ id, element }) => [id, change(element)] as const)));
  }

  nudge(dx: number, dy: number): void {
    this.edit((element) => ({ ...element, x: element.x + dx, y: element.y + dy }));
  }

  /** To the top, or to the bottom; among themselves they stay as they are. */
  restack(up: boolean): void {
    const { selected } = this;
    const start = up ? this.scene.above() : this.scene.below() - selected.length + 1;
    this.write(new Map(selected.map(({ id, element }, n) => [id, { ...element, z: start + n }] as const)));
  }
}
