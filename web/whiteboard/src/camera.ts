/** Which part of the board is in view. `x` and `y` are what stands in the upper left corner. */

import type { Json } from "callmesh/app";

import type { Box } from "./elements.ts";

export const NEAREST = 8;
export const FURTHEST = 0.05;

export interface View {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export const START: View = { x: -40, y: -100, zoom: 1 };

export function moved(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x - dx / view.zoom, y: view.y - dy / view.zoom };
}

/** Nearer by a factor, with what is at this place of the screen staying there. */
export function zoomed(view: View, factor: number, screenX: number, screenY: number): View {
  const zoom = Math.min(NEAREST, Math.max(FURTHEST, view.zoom * factor));
  return { x: view.x + screenX / view.zoom - screenX / zoom, y: view.y + screenY / view.zoom - screenY / zoom, zoom };
}

/** All of a box, in the middle of a screen; not nearer than `most`. */
export function fitted(box: Box, width: number, height: number, most = NEAREST): View {
  const zoom = Math.min(most, NEAREST, Math.max(FURTHEST, Math.min(width / Math.max(1, box.w), height / Math.max(1, box.h))));
  return { x: box.x + box.w / 2 - width / 2 / zoom, y: box.y + box.h / 2 - height / 2 / zoom, zoom };
}

export function seen({ x, y, zoom }: View, width: number, height: number): Box {
  return { x, y, w: width / zoom, h: height / zoom };
}

/** What a cache, or somebody else, holds as a view. */
export function readView(value: Json | undefined): View | undefined {
  const numbers = readNumbers(value, 3);
  if (numbers === undefined) return undefined;
  const [x = 0, y = 0, zoom = 1] = numbers;
  return Math.abs(x) < 1e8 && Math.abs(y) < 1e8 && zoom >= FURTHEST && zoom <= NEAREST ? { x, y, zoom } : undefined;
}

export function readNumbers(value: Json | undefined, count: number): number[] | undefined {
  if (!Array.isArray(value) || value.length < count) return undefined;
  const numbers = value.slice(0, count) as Json[];
  return numbers.every((one): one is number => typeof one === "number") ? numbers : undefined;
}
