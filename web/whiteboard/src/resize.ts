/** Resizing what is selected: the grips on its frame, and what becomes of elements when the frame changes. */

import { heightOfNote, linesOfText, LINE, sizeOfText, type Measure } from "./drawings.ts";
import { isStraight, NOTE_LETTERS, NOTE_PADDING, type Box, type Element, type Note, type Shape, type Text } from "./elements.ts";

/** Which edges of a frame are held: -1 the left or upper one, 1 the right or lower one, 0 neither. */
export type Edges = readonly [x: -1 | 0 | 1, y: -1 | 0 | 1];

export interface Grip {
  /** Of a line that is selected alone: the end that is held. */
  readonly holds: Edges | "start" | "end";
  readonly place: readonly [x: number, y: number];
}

/** Screen pixels: how large a grip is shown, and how far from its middle it is meant. */
export const GRIP = { shown: 11, mouse: 12, touch: 18 };
/** Screen pixels that a frame with grips has at least, so that its middle can be taken. */
const LEAST_FRAME = 56;
/** Screen pixels of a side from which on it has a grip of its own. */
const LEAST_SIDE = 110;
/** In the board's units, as far as one drags. */
const LEAST = 1;
const MOST = 100_000;
const FACTORS = { least: 0.001, most: 1_000 };

const CORNERS: readonly Edges[] = [[-1, -1], [1, -1], [1, 1], [-1, 1]]; // prettier-ignore
const SIDES: readonly Edges[] = [[0, -1], [1, 0], [0, 1], [-1, 0]]; // prettier-ignore

/** On the frame around what is selected; a line alone is held by its ends. */
export function gripsOn(frame: Box, line: Element | undefined, zoom: number): Grip[] {
  if (line !== undefined && isStraight(line)) {
    const { x, y, w, h } = line;
    return [{ holds: "start", place: [x, y] }, { holds: "end", place: [x + w, y + h] }]; // prettier-ignore
  }
  const least = LEAST_FRAME / zoom;
  const [w, h] = [Math.max(frame.w, least), Math.max(frame.h, least)];
  const [middleX, middleY] = [frame.x + frame.w / 2, frame.y + frame.h / 2];
  const sides = SIDES.filter(([x]) => (x === 0 ? w : h) * zoom >= LEAST_SIDE);
  return [...CORNERS, ...sides].map((edges) => ({ holds: edges, place: [middleX + (edges[0] * w) / 2, middleY + (edges[1] * h) / 2] }));
}

/** The grip within `reach` of a spot: the nearest. */
export function gripAt(grips: readonly Grip[], [x, y]: readonly [number, number], reach: number): Grip | undefined {
  const far = ({ place }: Grip): number => Math.max(Math.abs(place[0] - x), Math.abs(place[1] - y));
  return grips.filter((grip) => far(grip) <= reach).sort((one, other) => far(one) - far(other))[0];
}

export function cursorOf({ holds }: Grip): string {
  if (typeof holds === "string") return "move";
  const [x, y] = holds;
  if (x === 0 || y === 0) return x === 0 ? "ns-resize" : "ew-resize";
  return x === y ? "nwse-resize" : "nesw-resize";
}

/** A frame whose edges are dragged; `keeps` its ratio. What has no width or no height gets none. */
export function stretched(frame: Box, [edgeX, edgeY]: Edges, dx: number, dy: number, keeps: boolean): Box {
  const side = (length: number, by: number): number => (length === 0 ? 0 : Math.min(MOST, Math.max(Math.min(LEAST, length), length + by)));
  let [w, h] = [side(frame.w, edgeX * dx), side(frame.h, edgeY * dy)];
  if (keeps) {
    const factors = [edgeX === 0 || frame.w === 0 ? [] : w / frame.w, edgeY === 0 || frame.h === 0 ? [] : h / frame.h].flat();
    const factor = Math.min(Math.max(...factors), MOST / frame.w, MOST / frame.h);
    if (factors.length > 0) [w, h] = [frame.w * factor, frame.h * factor];
  }
  return { x: frame.x + ((frame.w - w) * (1 - edgeX)) / 2, y: frame.y + ((frame.h - h) * (1 - edgeY)) / 2, w, h };
}

/** What becomes of an element when a frame around it becomes another one. */
export function fittedInto(element: Element, from: Box, to: Box, measure: Measure): Element {
  const [byX, byY] = [from.w > 0 ? to.w / from.w : 1, from.h > 0 ? to.h / from.h : 1];
  const placed = { x: to.x + (element.x - from.x) * byX, y: to.y + (element.y - from.y) * byY };
  if (byX === 1 && byY === 1) return { ...element, ...placed };
  switch (element.t) {
    case "pen":
      return { ...element, ...placed, kx: factor((element.kx ?? 1) * byX), ky: factor((element.ky ?? 1) * byY) };
    case "text":
      return { ...element, ...placed, ...textOf(element, byX, byY, measure) };
    case "note":
      return { ...element, ...placed, ...noteOf(element, byX, byY, measure) };
    default:
      return { ...element, ...placed, w: element.w * byX, h: element.h * byY };
  }
}

/** Its letters grow with its height. Where its width grows otherwise, it has lines of that width from then on. */
function textOf(text: Text, byX: number, byY: number, measure: Measure): Pick<Text, "size" | "w" | "h" | "wraps"> {
  const size = Math.min(1_000, Math.max(4, text.size * byY));
  const wraps = text.wraps === true || Math.abs(byX - byY) > 1e-6;
  if (!wraps) return { size, ...sizeOfText(text.text, size, measure) };
  const w = Math.max(size, text.w * byX);
  return { size, w, h: linesOfText({ ...text, size, w, wraps }, measure).length * LINE * size, wraps };
}

/** As large as one likes, and at least as its words need it: letters on notes are all alike. */
function noteOf(note: Note, byX: number, byY: number, measure: Measure): Pick<Note, "w" | "h"> {
  const w = Math.max(2 * (NOTE_PADDING + NOTE_LETTERS), note.w * byX);
  return { w, h: Math.max(note.h * byY, heightOfNote(note.text, w, measure)) };
}

/** A line one end of which is elsewhere; where it keeps to something, to one of eight directions. */
export function withEnd(line: Shape, end: "start" | "end", dx: number, dy: number, keeps: boolean): Shape {
  const sign = end === "end" ? 1 : -1;
  let [w, h] = [line.w + sign * dx, line.h + sign * dy];
  if (keeps) [w, h] = even(line.t, w, h);
  return end === "end" ? { ...line, w, h } : { ...line, x: line.x + line.w - w, y: line.y + line.h - h, w, h };
}

/** A square, a circle, a line in one of eight directions. */
export function even(kind: Shape["t"], w: number, h: number): [number, number] {
  if (kind === "line" || kind === "arrow") {
    const turn = Math.round(Math.atan2(h, w) / (Math.PI / 4)) * (Math.PI / 4);
    const length = Math.hypot(w, h);
    return [length * Math.cos(turn), length * Math.sin(turn)];
  }
  const side = Math.max(Math.abs(w), Math.abs(h));
  return [side * (w < 0 ? -1 : 1), side * (h < 0 ? -1 : 1)];
}

function factor(value: number): number {
  return Math.min(FACTORS.most, Math.max(FACTORS.least, value));
}
