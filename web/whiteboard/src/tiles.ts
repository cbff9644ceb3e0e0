/**
 * The board as squares of pixels, drawn once and shown again while it is panned: thousands of shapes cost
 * a dozen pictures a frame. While the zoom changes, the squares of the zoom before are shown larger or smaller.
 */

import type { View } from "./camera.ts";
import { touch, union, type Box } from "./elements.ts";
import type { Painter } from "./paint.ts";
import type { Item, Scene } from "./scene.ts";

/** Pixels of the device along a side. */
const SIDE = 512;
/** So many are kept: 1 MiB each. */
const MOST = 96;
/**
 * Things that are drawn into squares in one frame, and the milliseconds after which it are fewer. A canvas notes what is
 * drawn and does it later, so that the clock alone would let a frame take far too many.
 */
export const THINGS = 150;
const SLICE = 6;
/** The ground of a square counts as so many things. */
const SQUARE = 15;
const DOTS = 32;

interface Tile {
  /** Undefined until it has been drawn. */
  context: CanvasRenderingContext2D | undefined;
  /** What it shows of the board. */
  readonly box: Box;
  /** What of it has to be drawn anew, when what is being drawn has been. */
  dirty: Box | undefined;
  work: Work | undefined;
}

/** The drawing of a square, over some frames if it holds much: out of sight, until all of it takes the place of what was there. */
interface Work {
  readonly context: CanvasRenderingContext2D;
  readonly items: readonly Item[];
  next: number;
}

export class Tiles {
  readonly #scene: Scene;
  readonly #painter: Painter;
  /** Device pixels per unit of the board that `#tiles` are drawn at. */
  #scale = 1;
  /** By column and row; those shown last at the end. */
  #tiles = new Map<string, Tile>();
  #before: Tile[] = [];
  /** The canvas that the last square drawn had before: the next one is drawn on it. */
  #spareContext: CanvasRenderingContext2D | undefined;
  /** Things that may be drawn yet in this frame, and until when. */
  #left = 0;
  #until = 0;

  constructor(scene: Scene, painter: Painter) {
    this.#scene = scene;
    this.#painter = painter;
  }

  /** That place looks otherwise. */
  touched(box: Box): void {
    for (const tile of this.#tiles.values()) {
      if (touch(tile.box, box)) tile.dirty = tile.dirty === undefined ? box : union([tile.dirty, box]);
    }
  }

  forget(): void {
    this.#tiles.clear();
    this.#before = [];
  }

  /** Draw the view; tells whether it is whole, or another frame is needed. `settled`: whether the zoom stays. */
  draw(context: CanvasRenderingContext2D, view: View, ratio: number, settled: boolean): boolean {
    const { width, height } = context.canvas;
    const scale = view.zoom * ratio;
    if (settled && scale !== this.#scale) {
      const drawn = [...this.#tiles.values()].filter(({ context }) => context !== undefined);
      // Where the board was not even drawn at the zoom before, what was shown then is shown on.
      this.#before = [...this.#before, ...drawn].slice(-MOST);
      this.#tiles = new Map();
      this.#scale = scale;
    }
    context.fillStyle = this.#painter.theme.board;
    context.fillRect(0, 0, width, height);
    const place = (box: Box): [number, number, number, number] => [
      Math.round((box.x - view.x) * scale), Math.round((box.y - view.y) * scale), Math.ceil(box.w * scale), Math.ceil(box.h * scale),
    ]; // prettier-ignore
    const inView = { x: view.x, y: view.y, w: width / scale, h: height / scale };
    for (const tile of scale === this.#scale ? this.#before : [...this.#before, ...this.#tiles.values()]) {
      if (tile.context !== undefined && touch(tile.box, inView)) context.drawImage(tile.context.canvas, ...place(tile.box));
    }
    if (scale !== this.#scale) return false;
    this.#left = THINGS;
    this.#until = performance.now() + SLICE;
    const whole = this.#drawSquares(context, view);
    if (whole) this.#before = [];
    return whole && this.#drawAround(view, width, height);
  }

  #drawSquares(context: CanvasRenderingContext2D, view: View): boolean {
    const { width, height } = context.canvas;
    const [left, top] = [Math.round(view.x * this.#scale), Math.round(view.y * this.#scale)];
    let whole = true;
    for (const [column, row] of squares(left, top, width, height, 0)) {
      const tile = this.#tile(column, row);
      if (isStale(tile)) whole = false;
      if (tile.context !== undefined) context.drawImage(tile.context.canvas, column * SIDE - left, row * SIDE - top);
    }
    return whole;
  }

  /** Those that stand next to the view; tells whether all are there. */
  #drawAround(view: View, width: number, height: number): boolean {
    const [left, top] = [Math.round(view.x * this.#scale), Math.round(view.y * this.#scale)];
    for (const [column, row] of squares(left, top, width, height, 1)) {
      if (isStale(this.#tile(column, row))) return false;
    }
    this.#spare();
    return true;
  }

  /** Drawn as it is now, as far as this frame has room for that. */
  #tile(column: number, row: number): Tile {
    const name = `${column},${row}`;
    const side = SIDE / this.#scale;
    const box = { x: column * side, y: row * side, w: side, h: side };
    const tile = this.#tiles.get(name) ?? { context: undefined, box, dirty: box, work: undefined };
    this.#tiles.delete(name);
    this.#tiles.set(name, tile);
    if (isStale(tile) && this.#hasRoom) this.#paint(tile);
    return tile;
  }

  #paint(tile: Tile): void {
    const work = (tile.work ??= this.#begin(tile));
    while (work.next < work.items.length && this.#hasRoom) {
      const item = work.items[work.next++];
      if (item === undefined || item.lifted) continue;
      this.#painter.paint(work.context, item.element);
      this.#left--;
    }
    if (work.next < work.items.length) return;
    work.context.restore();
    this.#spareContext = tile.context;
    tile.context = work.context;
    tile.work = undefined;
  }

  get #hasRoom(): boolean {
    return this.#left > 0 && performance.now() < this.#until;
  }

  #begin(tile: Tile): Work {
    const { box, dirty = box } = tile;
    tile.dirty = undefined;
    const context = this.#spareContext ?? newContext();
    this.#spareContext = undefined;
    this.#left -= SQUARE;
    if (tile.context !== undefined) context.drawImage(tile.context.canvas, 0, 0);
    // Whole pixels, and one more: what lies beside them is left as it is.
    const left = Math.max(0, Math.floor((dirty.x - box.x) * this.#scale) - 1);
    const top = Math.max(0, Math.floor((dirty.y - box.y) * this.#scale) - 1);
    const right = Math.min(SIDE, Math.ceil((dirty.x + dirty.w - box.x) * this.#scale) + 1);
    const bottom = Math.min(SIDE, Math.ceil((dirty.y + dirty.h - box.y) * this.#scale) + 1);
    const shown = { x: box.x + left / this.#scale, y: box.y + top / this.#scale, w: (right - left) / this.#scale, h: (bottom - top) / this.#scale };
    context.save();
    context.beginPath();
    context.rect(left, top, right - left, bottom - top);
    context.clip();
    context.fillStyle = this.#painter.theme.board;
    context.fillRect(left, top, right - left, bottom - top);
    context.setTransform(this.#scale, 0, 0, this.#scale, -box.x * this.#scale, -box.y * this.#scale);
    this.#dots(context, shown);
    return { context, items: this.#scene.within(shown), next: 0 };
  }

  #dots(context: CanvasRenderingContext2D, { x, y, w, h }: Box): void {
    if (this.#scale < 0.5) return;
    context.fillStyle = this.#painter.theme.dots;
    const side = 2 / Math.min(this.#scale, 2);
    for (let column = Math.floor(x / DOTS); column * DOTS <= x + w; column++) {
      for (let row = Math.floor(y / DOTS); row * DOTS <= y + h; row++) {
        context.fillRect(column * DOTS - side / 2, row * DOTS - side / 2, side, side);
      }
    }
  }

  #spare(): void {
    for (const name of this.#tiles.keys()) {
      if (this.#tiles.size <= MOST) return;
      this.#tiles.delete(name);
    }
  }
}

function isStale({ dirty, work }: Tile): boolean {
  return dirty !== undefined || work !== undefined;
}

function newContext(): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d", { alpha: false });
  if (context === null) throw new Error("there is no room for another canvas");
  return context;
}

function* squares(left: number, top: number, width: number, height: number, around: number): Generator<[number, number]> {
  const last = (start: number, length: number): number => Math.floor((start + length - 1) / SIDE) + around;
  for (let row = Math.floor(top / SIDE) - around; row <= last(top, height); row++) {
    for (let column = Math.floor(left / SIDE) - around; column <= last(left, width); column++) yield [column, row];
  }
}
