import type { Element, Note, Shape, Stroke, Text } from "../src/elements.ts";
import { StrokeWriter } from "../src/strokes.ts";

export function stroke(points: readonly (readonly [number, number])[], more: Partial<Stroke> = {}): Stroke {
  const writer = new StrokeWriter(4, false);
  for (const [x, y] of points) writer.add([x, y, 0.5]);
  return { t: "pen", v: 1, z: 1, x: 0, y: 0, c: "ink", size: 3, p: writer.text, u: 4, f: false, ...more };
}

export function shape(t: Shape["t"], x: number, y: number, w: number, h: number, z = 1): Shape {
  return { t, v: 1, z, x, y, c: "blue", w, h, size: 3 };
}

export function note(text: string, x = 0, y = 0): Note {
  return { t: "note", v: 1, z: 1, x, y, c: "ink", text, w: 180, h: 180 };
}

export function text(words: string, x = 0, y = 0): Text {
  return { t: "text", v: 1, z: 1, x, y, c: "red", text: words, size: 20, w: 100, h: 26 };
}

export const ONE_OF_EACH: readonly Element[] = [
  stroke([[0, 0], [10, 5], [20, 0]]), shape("rect", 0, 0, 40, 30), shape("ellipse", 0, 0, 40, 30),
  shape("line", 40, 0, -40, 30), shape("arrow", 0, 30, 40, -30), text("Plan"), note("Milk"),
]; // prettier-ignore
