import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { bodyOf, readElement, union, written, type Element } from "../src/elements.ts";
import { cursorOf, fittedInto, gripAt, gripsOn, stretched, withEnd, type Edges } from "../src/resize.ts";
import { drawingOf, LIGHT } from "../src/drawings.ts";
import { note, ONE_OF_EACH, shape, stroke, text } from "./made.ts";

/** Each letter is half as wide as it is high. */
const measure = (words: string): number => words.length / 2;
const FRAME = { x: 10, y: 20, w: 200, h: 100 };

describe("the grips", () => {
  test("stand on corners and sides; a small frame is held outside of itself, by its corners", () => {
    const places = gripsOn(FRAME, undefined, 1).map(({ holds, place }) => [String(holds), ...place]);
    expect(places).toEqual([["-1,-1", 10, 20], ["1,-1", 210, 20], ["1,1", 210, 120], ["-1,1", 10, 120], ["0,-1", 110, 20], ["0,1", 110, 120]]); // prettier-ignore
    expect(gripsOn(FRAME, undefined, 2)).toHaveLength(8);
    const small = gripsOn({ x: 0, y: 0, w: 4, h: 4 }, undefined, 2);
    expect(small.map(({ place }) => place)).toEqual([[-12, -12], [16, -12], [16, 16], [-12, 16]]); // prettier-ignore
  });

  test("a line alone is held by its ends", () => {
    expect(gripsOn(FRAME, shape("line", 5, 6, -40, 30), 1)).toEqual([{ holds: "start", place: [5, 6] }, { holds: "end", place: [-35, 36] }]); // prettier-ignore
  });

  test("the nearest is meant, and no other beyond reach", () => {
    const grips = gripsOn(FRAME, undefined, 1);
    expect(gripAt(grips, [200, 112], 18)?.holds).toEqual([1, 1]);
    expect(gripAt(grips, [180, 90], 18)).toBeUndefined();
    expect(grips.map(cursorOf)).toEqual(["nwse-resize", "nesw-resize", "nwse-resize", "nesw-resize", "ns-resize", "ns-resize"]);
  });
});

describe("a frame that is stretched", () => {
  test("has what was not held where it was, and its ratio where it is kept", () => {
    expect(stretched(FRAME, [1, 1], 20, 30, false)).toEqual({ x: 10, y: 20, w: 220, h: 130 });
    expect(stretched(FRAME, [-1, 0], 20, 30, false)).toEqual({ x: 30, y: 20, w: 180, h: 100 });
    expect(stretched(FRAME, [1, -1], 100, 0, true)).toEqual({ x: 10, y: -30, w: 300, h: 150 });
    expect(stretched(FRAME, [0, 1], 0, 100, true)).toEqual({ x: -90, y: 20, w: 400, h: 200 });
    expect(stretched({ ...FRAME, h: 0 }, [1, 1], 100, 50, true)).toEqual({ x: 10, y: 20, w: 300, h: 0 });
  });

  test("never turns over, and is never too large to be written", () => {
    const by = fc.integer({ min: -1_000_000, max: 1_000_000 });
    const edge = fc.constantFrom<-1 | 0 | 1>(-1, 0, 1);
    fc.assert(
      fc.property(edge, edge, by, by, fc.boolean(), (x, y, dx, dy, keeps) => {
        const { w, h } = stretched(FRAME, [x, y] as Edges, dx, dy, keeps);
        expect([w > 0, h > 0, w <= 100_000, h <= 100_000]).toEqual([true, true, true, true]);
      }),
    );
  });
});

describe("what is resized", () => {
  test("lies in the new frame as it lay in the old one, and is read as it was written", () => {
    const elements: Element[] = [stroke([[0, 0], [50, 20], [100, 100]], { x: 10, y: 20 }), shape("ellipse", 20, 30, 40, 20), shape("arrow", 110, 120, -100, -50)]; // prettier-ignore
    const from = union(elements.map(bodyOf))!;
    const to = { x: -5, y: 7, w: 2 * from.w, h: from.h / 2 };
    const after = elements.map((element) => fittedInto(element, from, to, measure));
    const around = union(after.map(bodyOf))!;
    expect([around.x, around.y, around.w, around.h]).toEqual([to.x, to.y, to.w, to.h]);
    for (const element of after) expect(readElement(written(element))).toEqual(element);
    expect(after[0]).toMatchObject({ kx: 2, ky: 0.5, size: 3, p: (elements[0] as { p: string }).p });
    expect(drawingOf(after[0]!, LIGHT, measure).path).not.toBe(drawingOf(elements[0]!, LIGHT, measure).path);
  });

  test("is itself again when it is made as it was, and only moved by what only moves", () => {
    for (const element of ONE_OF_EACH) {
      const from = bodyOf(element);
      expect(fittedInto(element, from, { ...from, x: from.x + 7 }, measure)).toEqual({ ...element, x: element.x + 7 });
    }
    const drawn = stroke([[0, 0], [30, 40]]); // prettier-ignore
    const larger = fittedInto(drawn, bodyOf(drawn), { x: 0, y: 0, w: 60, h: 160 }, measure);
    expect(bodyOf(fittedInto(larger, bodyOf(larger), bodyOf(drawn), measure))).toEqual(bodyOf(drawn));
  });

  test("a note is as large as one likes, and never too small for its words", () => {
    const made = note("word ".repeat(20));
    const large = fittedInto(made, bodyOf(made), { x: 0, y: 0, w: 400, h: 300 }, measure);
    expect(large).toMatchObject({ w: 400, h: 300 });
    const small = fittedInto(made, bodyOf(made), { x: 0, y: 0, w: 5, h: 5 }, measure);
    expect(small).toMatchObject({ w: 64 });
    expect((small as { h: number }).h).toBeGreaterThan(200);
  });

  test("a text grows with its frame, and breaks its lines where it is made narrower", () => {
    const made = { ...text("one two three"), w: 130, h: 26 };
    expect(fittedInto(made, bodyOf(made), { x: 0, y: 0, w: 260, h: 52 }, measure)).toEqual({ ...made, size: 40, w: 260, h: 52 });
    const narrow = fittedInto(made, bodyOf(made), { x: 0, y: 0, w: 75, h: 26 }, measure);
    expect(narrow).toEqual({ ...made, w: 75, h: 52, wraps: true });
    expect(drawingOf(narrow, LIGHT, measure).lines?.map((line) => line.text)).toEqual(["one two", "three"]);
    expect(readElement(written(narrow))).toEqual(narrow);
  });

  test("a line has one end elsewhere, in one of eight directions where that is kept", () => {
    const line = shape("line", 0, 0, 100, 0);
    expect(withEnd(line, "end", 10, 20, false)).toMatchObject({ x: 0, y: 0, w: 110, h: 20 });
    expect(withEnd(line, "start", 10, 20, false)).toMatchObject({ x: 10, y: 20, w: 90, h: -20 });
    const kept = withEnd(line, "start", 10, 20, true);
    expect([kept.x + kept.w, kept.y + kept.h, kept.h]).toEqual([100, 0, -0]);
  });
});
