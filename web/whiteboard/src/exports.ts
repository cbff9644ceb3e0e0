/** A page as an SVG. */

import { drawingOf, FONT, LIGHT, type Drawing, type Measure } from "./drawings.ts";
import { grown, union, type Box } from "./elements.ts";
import type { Item } from "./scene.ts";

const MARGIN = 24;

/** The frame of what is exported: all there is, and a margin. */
export function frameOf(items: readonly Item[]): Box {
  return grown(union(items.map(({ box }) => box)) ?? { x: 0, y: 0, w: 400, h: 300 }, MARGIN);
}

/** On white, whatever the reader's screen looks like: a file is printed and sent on. */
export function toSvg(items: readonly Item[], title: string, measure: Measure): string {
  const { x, y, w, h } = frameOf(items);
  const body = items.map(({ element }) => {
    const drawing = drawingOf(element, LIGHT, measure);
    return `  <g transform="translate(${n(element.x)} ${n(element.y)})">${pathOf(drawing)}${textOf(drawing)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${n(w)}" height="${n(h)}" viewBox="${n(x)} ${n(y)} ${n(w)} ${n(h)}">`,
    `  <title>${escaped(title)}</title>`,
    `  <rect x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h)}" fill="${LIGHT.board}" />`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

function pathOf({ path, fill, stroke, width = 1 }: Drawing): string {
  if (path === "") return "";
  const line = stroke === undefined ? "" : ` stroke="${stroke}" stroke-width="${n(width)}" stroke-linecap="round" stroke-linejoin="round"`;
  return `<path d="${path}" fill="${fill ?? "none"}"${line} />`;
}

function textOf({ lines = [], letters = 16, ink = "" }: Drawing): string {
  if (lines.length === 0) return "";
  const spans = lines.map(({ text, x, y }) => `<tspan x="${n(x)}" y="${n(y)}">${escaped(text)}</tspan>`);
  return `<text font-family="${FONT}" font-size="${n(letters)}" fill="${ink}" xml:space="preserve">${spans.join("")}</text>`;
}

/** Text as XML: without what means something there, and without what may not stand there at all. */
function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  // eslint-disable-next-line no-control-regex -- exactly those are meant
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/[&<>"]/g, (sign) => entities[sign] ?? "");
}

function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}
