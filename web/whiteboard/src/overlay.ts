/** What lies above the board: changes under way, selections, and where people point. */

import type { View } from "./camera.ts";
import type { Desk } from "./desk.ts";
import { FONT } from "./drawings.ts";
import { boxOf, frameAround, grown, type Box, type Element } from "./elements.ts";
import type { Laser, Others } from "./others.ts";
import type { Painter } from "./paint.ts";
import { GRIP } from "./resize.ts";
import { Trails } from "./trails.ts";

/** How much of it is seen of what is being erased. */
const FADED = 0.2;

export interface OverlayParts {
  readonly desk: Desk;
  readonly others: Others;
  readonly painter: Painter;
  /** The frame that selects, while it is drawn. */
  frame(): Box | undefined;
  /** Where I point. */
  laser(): Laser | undefined;
}

export class OverlayDrawing {
  readonly #parts: OverlayParts;
  readonly #trails = new Trails();

  constructor(parts: OverlayParts) {
    this.#parts = parts;
  }

  /** Tells whether it goes on by itself. */
  draw(context: CanvasRenderingContext2D, { zoom }: View): boolean {
    const { desk, painter } = this.#parts;
    const shown = desk.underWay;
    for (const element of [...shown.values()].sort((one, other) => one.z - other.z)) painter.paint(context, element);
    context.globalAlpha = FADED;
    for (const id of desk.fading) {
      const item = desk.scene.get(id);
      if (item !== undefined) painter.paint(context, item.element);
    }
    context.globalAlpha = 1;
    const colours = getComputedStyle(document.documentElement);
    const accent = colours.getPropertyValue("--accent");
    this.#selections(context, zoom, accent, shown);
    const frame = this.#parts.frame();
    if (frame !== undefined) {
      context.fillStyle = accent;
      context.globalAlpha = 0.1;
      context.fillRect(frame.x, frame.y, frame.w, frame.h);
      context.globalAlpha = 1;
      outline(context, frame, zoom, accent, []);
    }
    return this.#lasers(context, zoom, colours.getPropertyValue("--laser"));
  }

  #selections(context: CanvasRenderingContext2D, zoom: number, accent: string, shown: ReadonlyMap<string, Element>): void {
    const { desk, others, painter } = this.#parts;
    const boxes = desk.selectedBoxes;
    if (boxes.length > 1 && boxes.length <= 200) for (const box of boxes) outline(context, grown(box, 2 / zoom), zoom, accent, [3, 3]);
    const around = frameAround(boxes, zoom);
    if (around !== undefined) outline(context, around, zoom, accent, []);
    for (const { place } of desk.grips(zoom)) square(context, place, zoom, painter.theme.board, accent);
    for (const { name, ids } of others.selections(desk.page)) {
      const theirs = ids.flatMap((id) => {
        const element = shown.get(id);
        return element === undefined ? (desk.scene.get(id)?.box ?? []) : boxOf(element);
      });
      const box = frameAround(theirs, zoom);
      if (box === undefined) continue;
      outline(context, box, zoom, accent, [6, 4]);
      label(context, name, box.x, box.y - 4 / zoom, zoom, accent);
    }
  }

  #lasers(context: CanvasRenderingContext2D, zoom: number, colour: string): boolean {
    const { desk, others } = this.#parts;
    const mine = this.#parts.laser();
    const all = [...others.lasers(desk.page), ...(mine === undefined ? [] : [mine])];
    const now = performance.now();
    this.#trails.point(all, now);
    const glows = this.#trails.draw(context, zoom, colour, now);
    for (const { name, place: [x, y] } of all) { // prettier-ignore
      context.fillStyle = colour;
      context.beginPath();
      context.arc(x, y, 5 / zoom, 0, 2 * Math.PI);
      context.fill();
      if (name !== "") label(context, name, x + 10 / zoom, y - 8 / zoom, zoom, colour);
    }
    return glows;
  }
}

function outline(context: CanvasRenderingContext2D, { x, y, w, h }: Box, zoom: number, colour: string, dashes: readonly number[]): void {
  context.strokeStyle = colour;
  context.lineWidth = 1.5 / zoom;
  context.setLineDash(dashes.map((dash) => dash / zoom));
  context.strokeRect(x, y, w, h);
  context.setLineDash([]);
}

/** A grip. */
function square(context: CanvasRenderingContext2D, [x, y]: readonly [number, number], zoom: number, fill: string, colour: string): void {
  const side = GRIP.shown / zoom;
  context.fillStyle = fill;
  context.fillRect(x - side / 2, y - side / 2, side, side);
  outline(context, { x: x - side / 2, y: y - side / 2, w: side, h: side }, zoom, colour, []);
}

function label(context: CanvasRenderingContext2D, name: string, x: number, y: number, zoom: number, colour: string): void {
  context.font = `600 ${12 / zoom}px ${FONT}`;
  context.fillStyle = colour;
  context.fillText(name, x, y);
}
