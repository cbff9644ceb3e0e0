/** The two canvases: the board below, and above it what changes with every frame. */

import { seen, START, type View } from "./camera.ts";
import type { Box } from "./elements.ts";
import type { Tiles } from "./tiles.ts";

/** Milliseconds without a change of the zoom after which the board is drawn at it. */
const SETTLED = 140;

/** Draws above the board, in its units; tells whether that goes on by itself. */
export type Overlay = (context: CanvasRenderingContext2D, view: View) => boolean;

export class Stage {
  readonly #below: CanvasRenderingContext2D;
  readonly #above: CanvasRenderingContext2D;
  readonly #tiles: Tiles;
  readonly #overlay: Overlay;
  /** Told when another part is in view. */
  readonly #moved: () => void;
  /** Told before a frame is drawn. */
  readonly #drawing: () => void;
  #view: View = START;
  #zoomed = -Infinity;
  #frame = 0;
  #shown = true;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(below: HTMLCanvasElement, above: HTMLCanvasElement, tiles: Tiles, overlay: Overlay, moved: () => void, drawing: () => void) {
    this.#below = contextOf(below);
    this.#above = contextOf(above);
    this.#tiles = tiles;
    this.#overlay = overlay;
    this.#moved = moved;
    this.#drawing = drawing;
    new ResizeObserver(() => this.#resize()).observe(above);
    this.#resize();
  }

  get view(): View {
    return this.#view;
  }

  set view(view: View) {
    if (view.zoom !== this.#view.zoom) this.#zoomed = performance.now();
    this.#view = view;
    this.#moved();
    this.draw();
  }

  get width(): number {
    return this.#above.canvas.clientWidth;
  }

  get height(): number {
    return this.#above.canvas.clientHeight;
  }

  /** What of the board is in view. */
  get seen(): Box {
    return seen(this.#view, this.width, this.height);
  }

  /** The place on the board of a place in the window. */
  place({ clientX, clientY }: { readonly clientX: number; readonly clientY: number }): [number, number] {
    const { left, top } = this.#above.canvas.getBoundingClientRect();
    return [this.#view.x + (clientX - left) / this.#view.zoom, this.#view.y + (clientY - top) / this.#view.zoom];
  }

  /** Draw with the next frame. */
  draw(): void {
    if (this.#shown) this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** Frames only while somebody looks. */
  show(shown: boolean): void {
    this.#shown = shown;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.draw();
  }

  #resize(): void {
    for (const { canvas } of [this.#below, this.#above]) {
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
      canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    }
    this.draw();
  }

  #draw(): void {
    this.#frame = 0;
    this.#drawing();
    const ratio = devicePixelRatio;
    const rest = SETTLED - (performance.now() - this.#zoomed);
    const whole = this.#tiles.draw(this.#below, this.#view, ratio, rest <= 0);
    clearTimeout(this.#timer);
    if (rest > 0) this.#timer = setTimeout(() => this.draw(), rest + 1);
    else if (!whole) this.draw();
    const { zoom, x, y } = this.#view;
    this.#above.setTransform(1, 0, 0, 1, 0, 0);
    this.#above.clearRect(0, 0, this.#above.canvas.width, this.#above.canvas.height);
    this.#above.setTransform(zoom * ratio, 0, 0, zoom * ratio, -x * zoom * ratio, -y * zoom * ratio);
    if (this.#overlay(this.#above, this.#view)) this.draw();
  }
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser has no canvas");
  return context;
}
