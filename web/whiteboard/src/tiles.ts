/**
 * The board as squares of pixels, drawn once and shown again while it is panned: thousands of shapes cost
 * a dozen pictures a frame. While the zoom changes, the squares of the zoom before are shown larger or smaller.
 */

import type { View } from "./camera.ts";
import { touch, union, type Box } from "./elements.ts";
import type { Painter } from "./paint.ts";
import type { Scene } from "./scene.ts";

/** Pixels of the device along a side. */
const SIDE = 512;
/** So many are kept: 1 MiB each. */
const MOST = 96;
/** Milliseconds of a frame that go to squares in view, and to those around, which will be in view soon. */
const IN_VIEW = 24;
const AROUND = 5;
const DOTS = 32;

interface Tile {
  readonly context: CanvasRenderingContext2D;
  /** What it shows of the board. */
  readonly box: Box;
  /** What of it has to be drawn anew. */
  dirty: Box | undefined;
}

export class Tiles {
  readonly #scene: Scene;
  readonly #painter: Painter;
  /** Device pixels per unit of the board that `#tiles` are drawn at. */
  #scale = 1;
  /** By column and row; those shown last at the end. */
  #tiles = new Map<string, Tile>();
  #before: Tile[] = [];

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
      this.#before = [...this.#tiles.values()].filter(({ dirty, box }) => dirty !== box);
      this.#tiles = new Map();
      this.#scale = scale;
    }
    context.fillStyle = this.#painter.theme.board;
    context.fillRect(0, 0, width, height);
    const place = (box: Box): [number, number, number, number] => [
      Math.round((box.x - view.x) * scale), Math.round((box.y - view.y) * scale), Math.ceil(box.w * scale), Math.ceil(box.h * scale),
    ]; // prettier-ignore
    for (const tile of this.#before) context.drawImage(tile.context.canvas, ...place(tile.box));
    if (scale !== this.#scale) {
      for (const tile of this.#tiles.values()) context.drawImage(tile.context.canvas, ...place(tile.box));
      return false;
    }
    const whole = this.#drawSquares(context, view);
    if (whole) this.#before = [];
    return whole && this.#drawAround(view, width, height);
  }

  #drawSquares(context: CanvasRenderingContext2D, view: View): boolean {
    const { width, height } = context.canvas;
    const begun = performance.now();
    const [left, top] = [Math.round(view.x * this.#scale), Math.round(view.y * this.#scale)];
    let whole = true;
    for (const [column, row] of squares(left, top, width, height, 0)) {
      const fits = performance.now() - begun < IN_VIEW;
      const tile = this.#tile(column, row, fits);
      if (tile === undefined || tile.dirty !== undefined) whole = false;
      if (tile !== undefined) context.drawImage(tile.context.canvas, column * SIDE - left, row * SIDE - top);
    }
    return whole;
  }

  /** Those that stand next to the view; tells whether all are there. */
  #drawAround(view: View, width: number, height: number): boolean {
    const begun = performance.now();
    const [left, top] = [Math.round(view.x * this.#scale), Math.round(view.y * this.#scale)];
    for (const [column, row] of squares(left, top, width, height, 1)) {
      const known = this.#tiles.get(`${column},${row}`);
      if (known !== undefined && known.dirty === undefined) continue;
      if (performance.now() - begun > AROUND) return false;
      this.#tile(column, row, true);
    }
    this.#spare();
    return true;
  }

  /** Drawn as it is now, if there is time for that. */
  #tile(column: number, row: number, fits: boolean): Tile | undefined {
    const name = `${column},${row}`;
    let tile = this.#tiles.get(name);
    if (tile === undefined) {
      if (!fits) return undefined;
      tile = this.#newTile(column, row);
    }
    this.#tiles.delete(name);
    this.#tiles.set(name, tile);
    if (tile.dirty !== undefined && fits) this.#paint(tile, tile.dirty);
    return tile;
  }

  #newTile(column: number, row: number): Tile {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) throw new Error("there is no room for another canvas");
    const side = SIDE / this.#scale;
    const box = { x: column * side, y: row * side, w: side, h: side };
    return { context, box, dirty: box };
  }

  #paint(tile: Tile, dirty: Box): void {
    const { context, box } = tile;
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
    for (const item of this.#scene.within(shown)) if (!item.lifted) this.#painter.paint(context, item.element);
    context.restore();
    tile.dirty = undefined;
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

function* squares(left: number, top: number, width: number, height: number, around: number): Generator<[number, number]> {
  const last = (start: number, length: number): number => Math.floor((start + length - 1) / SIDE) + around;
  for (let row = Math.floor(top / SIDE) - around; row <= last(top, height); row++) {
    for (let column = Math.floor(left / SIDE) - around; column <= last(left, width); column++) yield [column, row];
  }
}
