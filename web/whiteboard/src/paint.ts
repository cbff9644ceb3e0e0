/** Puts elements on a canvas. */

import { drawingOf, FONT, type Drawing, type Measure, type Theme } from "./drawings.ts";
import type { Element } from "./elements.ts";

interface Painted {
  readonly theme: Theme;
  readonly drawing: Drawing;
  readonly path: Path2D;
}

/** Letters of 100 pixels, measured as letters of 1. */
export function canvasMeasure(): Measure {
  const context = document.createElement("canvas").getContext("2d");
  if (context === null) throw new Error("this browser has no canvas");
  context.font = `100px ${FONT}`;
  return (text) => context.measureText(text).width / 100;
}

export class Painter {
  readonly #measure: Measure;
  /** An element that is moved is another one with the same points: its path is made once more, and no more often. */
  readonly #known = new WeakMap<Element, Painted>();
  theme: Theme;

  constructor(theme: Theme, measure: Measure) {
    this.theme = theme;
    this.#measure = measure;
  }

  paint(context: CanvasRenderingContext2D, element: Element, dx = 0, dy = 0): void {
    const { drawing, path } = this.#painted(element);
    const { fill, stroke, width = 1, lines = [], letters = 16, ink = "" } = drawing;
    context.save();
    context.translate(element.x + dx, element.y + dy);
    if (fill !== undefined) {
      context.fillStyle = fill;
      context.fill(path);
    }
    if (stroke !== undefined) {
      context.strokeStyle = stroke;
      context.lineWidth = width;
      context.lineCap = context.lineJoin = "round";
      context.stroke(path);
    }
    if (lines.length > 0) {
      context.fillStyle = ink;
      context.font = `${letters}px ${FONT}`;
      for (const { text, x, y } of lines) context.fillText(text, x, y);
    }
    context.restore();
  }

  #painted(element: Element): Painted {
    const known = this.#known.get(element);
    if (known?.theme === this.theme) return known;
    const drawing = drawingOf(element, this.theme, this.#measure);
    const painted = { theme: this.theme, drawing, path: new Path2D(drawing.path) };
    this.#known.set(element, painted);
    return painted;
  }
}
