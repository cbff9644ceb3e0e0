/** What is on a board: the values under `page/<page>/el/<id>`. */

import type { Json } from "callmesh/app";

import { MAX_STROKE, readStroke } from "./strokes.ts";
import type { Words } from "./words.ts";

export const COLOURS = ["ink", "grey", "red", "orange", "green", "blue", "violet"] as const;
export type Colour = (typeof COLOURS)[number];
export const SHAPES = ["rect", "ellipse", "line", "arrow"] as const;
export type ShapeKind = (typeof SHAPES)[number];

/** In the board's units; `w` and `h` are not negative. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface Common {
  /** How often it was changed: what is shown of a change under way is of the next one. */
  readonly v: number;
  /** What has the larger one lies on top; ties by id. */
  readonly z: number;
  readonly x: number;
  readonly y: number;
  readonly c: Colour;
}

export interface Stroke extends Common {
  readonly t: "pen";
  readonly size: number;
  /** Points: see strokes.ts. */
  readonly p: string;
  /** Steps of a point per unit. */
  readonly u: number;
  /** Whether the points have pressure. */
  readonly f: boolean;
  /** By how much it was made wider and higher than it was drawn; 1 if left out. */
  readonly kx?: number;
  readonly ky?: number;
}

/** Of a line or an arrow, `w` and `h` lead from its beginning to its end and may be negative. */
export interface Shape extends Common {
  readonly t: ShapeKind;
  readonly w: number;
  readonly h: number;
  readonly size: number;
}

export interface Text extends Common {
  readonly t: "text";
  readonly text: string;
  /** Height of its letters. */
  readonly size: number;
  readonly w: number;
  readonly h: number;
  /** Whether its lines are broken where they are wider than `w`. */
  readonly wraps?: boolean;
}

export interface Note extends Common {
  readonly t: "note";
  readonly text: string;
  readonly w: number;
  readonly h: number;
}

export type Element = Stroke | Shape | Text | Note;

export const MAX_TEXT = 4_000;
export const NOTE = 180;
export const NOTE_PADDING = 14;
export const NOTE_LETTERS = 18;
const FAR = 10_000_000;
/** Elements are drawn before they are seen to be nonsense, and others may write what they like. */
const LARGE = 100_000;

/** A value as an element; undefined where it is none. Others may run another version of this app, or none. */
export function readElement(value: Json | undefined): Element | undefined {
  const fields = fieldsOf(value);
  const { t, v, z, x, y, c, w, h, size, text } = fields;
  if (!isWithin(v, 1, Number.MAX_SAFE_INTEGER) || !isWithin(z, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) return undefined;
  if (!isWithin(x, -FAR, FAR) || !isWithin(y, -FAR, FAR)) return undefined;
  const common = { v, z, x, y, c: COLOURS.find((colour) => colour === c) ?? "ink" };
  if (t === "pen") {
    const { p, u, f } = fields;
    if (typeof p !== "string" || p.length > MAX_STROKE + 100 || !isWithin(u, 1, 256) || !isWithin(size, 0.01, 1_000)) return undefined;
    const { kx = 1, ky = 1 } = fields;
    if (!isWithin(kx, 0.001, 1_000) || !isWithin(ky, 0.001, 1_000)) return undefined;
    return { ...common, t, size, p, u, f: f === true, ...(kx === 1 && ky === 1 ? {} : { kx, ky }) };
  }
  if (!isWithin(w, -LARGE, LARGE) || !isWithin(h, -LARGE, LARGE)) return undefined;
  const shape = SHAPES.find((kind) => kind === t);
  if (shape !== undefined) {
    const made: Shape = { ...common, t: shape, w, h, size: 0 };
    return isWithin(size, 0.01, 1_000) && (isStraight(made) || (w >= 0 && h >= 0)) ? { ...made, size } : undefined;
  }
  if (typeof text !== "string" || text.length > MAX_TEXT || w < 0 || h < 0) return undefined;
  const wraps = fields["wraps"] === true ? { wraps: true } : {};
  if (t === "text") return isWithin(size, 1, 1_000) ? { ...common, t, text, size, w, h, ...wraps } : undefined;
  return t === "note" ? { ...common, t, text, w, h } : undefined;
}

/** Of an object; nothing else has any. */
export function fieldsOf(value: Json | undefined): Readonly<Record<string, Json | undefined>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, Json>) : {};
}

function isWithin(value: Json | undefined, low: number, high: number): value is number {
  return typeof value === "number" && value >= low && value <= high;
}

/** As a value: without what JSON has not, and rounded to what can be seen. */
export function written(element: Element): Record<string, Json> {
  const entries = Object.entries(element).map(([name, value]: [string, Json]) => [name, typeof value === "number" ? round(value, name) : value] as const);
  return Object.fromEntries(entries);
}

function round(value: number, name: string): number {
  const steps = name.startsWith("k") ? 1_000_000 : 1_000; // a factor counts for a thousand units
  return Number.isInteger(value) ? value : Math.round(value * steps) / steps;
}

/** The box of its lines, were they without width. */
export function bodyOf(element: Element): Box {
  if (element.t === "pen") return bounds(pointsOf(element).map(([x, y]) => [x + element.x, y + element.y]));
  return between(element.x, element.y, element.x + element.w, element.y + element.h);
}

/** The box in which all of it lies, its line's width included. */
export function boxOf(element: Element): Box {
  const width = element.t === "text" || element.t === "note" ? 0 : element.size;
  return grown(bodyOf(element), element.t === "arrow" ? 4 * width : width);
}

export function isStraight(element: Element): element is Shape {
  return element.t === "line" || element.t === "arrow";
}

export function pointsOf({ p, u, f, kx = 1, ky = 1 }: Stroke): ReturnType<typeof readStroke> {
  const points = readStroke(p, u, f);
  return kx === 1 && ky === 1 ? points : points.map(([x, y, pressure]) => [x * kx, y * ky, pressure]);
}

export function bounds(points: Iterable<readonly [number, number]>): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  return left <= right ? { x: left, y: top, w: right - left, h: bottom - top } : { x: 0, y: 0, w: 0, h: 0 };
}

export function between(x: number, y: number, otherX: number, otherY: number): Box {
  return { x: Math.min(x, otherX), y: Math.min(y, otherY), w: Math.abs(otherX - x), h: Math.abs(otherY - y) };
}

export function grown({ x, y, w, h }: Box, by: number): Box {
  return { x: x - by, y: y - by, w: w + 2 * by, h: h + 2 * by };
}

export function union(boxes: Iterable<Box>): Box | undefined {
  const corners = [...boxes].flatMap(({ x, y, w, h }): [number, number][] => [[x, y], [x + w, y + h]]); // prettier-ignore
  return corners.length === 0 ? undefined : bounds(corners);
}

/** The frame that is shown around what is selected. */
export function frameAround(boxes: Iterable<Box>, zoom: number): Box | undefined {
  const around = union(boxes);
  return around === undefined ? undefined : grown(around, 4 / zoom);
}

export function touch(one: Box, other: Box): boolean {
  return one.x <= other.x + other.w && other.x <= one.x + one.w && one.y <= other.y + other.h && other.y <= one.y + one.h;
}

export function contains(one: Box, other: Box): boolean {
  return one.x <= other.x && one.y <= other.y && one.x + one.w >= other.x + other.w && one.y + one.h >= other.y + other.h;
}

/** What it is, for those who do not see it. */
export function named(element: Element, { kinds, colours }: Pick<Words, "kinds" | "colours">): string {
  const text = "text" in element ? `: ${element.text.slice(0, 120)}` : "";
  return `${kinds[element.t]}${text}, ${colours[element.c]}`;
}
