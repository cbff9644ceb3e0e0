import { expect, test } from "vitest";

import { drawingOf, heightOfNote, LIGHT, wrapped } from "../src/drawings.ts";
import { toSvg } from "../src/exports.ts";
import { Scene } from "../src/scene.ts";
import { note, ONE_OF_EACH, stroke, text } from "./made.ts";

/** Each letter is half as wide as it is high. */
const measure = (words: string): number => words.length / 2;

test("an exported page has everything in order, within its frame, as XML", () => {
  const scene = new Scene();
  for (const [n, element] of ONE_OF_EACH.entries()) scene.put(`e${n}`, { ...element, x: element.x + 100 * n, z: n });
  scene.put("last", { ...text('<b> & "\u0000'), z: 99 });
  const svg = toSvg(scene.all(), "A & B", measure);
  expect(svg).toContain("<title>A &amp; B</title>");
  expect(svg).toContain("&lt;b&gt; &amp; &quot;</tspan>");
  expect(svg.match(/<path /g)).toHaveLength(6);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  expect(svg.indexOf("Plan")).toBeLessThan(svg.indexOf("Milk"));
});

test("an empty page is a page", () => {
  expect(toSvg([], "Empty", measure)).toContain('viewBox="-24 -24 448 348"');
});

test("a stroke of one point is a dot", () => {
  expect(drawingOf(stroke([[0, 0]]), LIGHT, measure).path).toMatch(/^M[-\d.]+ [-\d.]+Q/);
});

test("a note breaks its lines between words, and within one that is too long", () => {
  expect(wrapped("ab cd efghijkl\nx", 2.5, measure)).toEqual(["ab cd", "efghi", "jkl", "x"]);
  expect(wrapped("", 2.5, measure)).toEqual([""]);
  expect(heightOfNote("word ".repeat(100), 180, measure)).toBeGreaterThan(600);
  const { lines = [] } = drawingOf(note("a\nb"), LIGHT, measure);
  expect(lines.map((line) => line.text)).toEqual(["a", "b"]);
});
