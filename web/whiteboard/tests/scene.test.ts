import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { readElement, touch, written, type Box } from "../src/elements.ts";
import { crossed, framed, hit } from "../src/hits.ts";
import { Scene } from "../src/scene.ts";
import { note, ONE_OF_EACH, shape, stroke } from "./made.ts";

function scene(...elements: readonly Parameters<Scene["put"]>[1][]): Scene {
  const made = new Scene();
  for (const [n, element] of elements.entries()) made.put(`e${n}`, element);
  return made;
}

describe("elements", () => {
  test("are read as they were written", () => {
    for (const element of ONE_OF_EACH) expect(readElement(written(element))).toEqual(element);
  });

  test("what is none is left out", () => {
    const good = written(shape("rect", 1, 2, 3, 4));
    const wrong = [null, 1, "rect", [], {}, { ...good, x: "1" }, { ...good, w: -1 }, { ...good, x: 1e9 }, { ...good, t: "star" }, { ...good, v: 0 }, { ...good, size: 0 }];
    for (const value of wrong) expect(readElement(value)).toBeUndefined();
    expect(readElement({ ...good, c: "pink" })?.c).toBe("ink");
    expect(readElement({ ...written(note("")), text: "x".repeat(4_001) })).toBeUndefined();
  });
});

describe("the scene", () => {
  test("is in order of z, ties by id, and tells what is above and below", () => {
    const made = scene(shape("rect", 0, 0, 9, 9, 5), shape("rect", 0, 0, 9, 9, -2), shape("rect", 0, 0, 9, 9, 5));
    expect(made.all().map(({ id }) => id)).toEqual(["e1", "e0", "e2"]);
    expect([made.above(), made.below()]).toEqual([6, -3]);
    made.put("e1", shape("rect", 0, 0, 9, 9, made.above()));
    expect(made.all().map(({ id }) => id)).toEqual(["e0", "e2", "e1"]);
  });

  test("finds by place what looking at each one finds", () => {
    const box = fc.record({ x: fc.integer({ min: -3000, max: 3000 }), y: fc.integer({ min: -3000, max: 3000 }), w: fc.integer({ min: 0, max: 9000 }), h: fc.integer({ min: 0, max: 900 }) });
    fc.assert(
      fc.property(fc.array(box, { maxLength: 30 }), fc.nat(29), box, (boxes, gone, where) => {
        const made = scene(...boxes.map(({ x, y, w, h }) => shape("rect", x, y, w, h)));
        made.remove(`e${gone}`);
        const expected = made.all().filter((item) => touch(item.box, where));
        expect(made.within(where).map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      }),
    );
  });

  test("tells which places look otherwise, and not those of what is lifted", () => {
    const places: Box[] = [];
    const made = new Scene((box) => places.push(box));
    made.put("a", note("", 10, 20));
    made.lift(new Set(["a"]));
    expect(places).toHaveLength(2);
    made.put("a", note("", 500, 20));
    expect(places).toHaveLength(2);
    made.lift(new Set());
    expect(places.map(({ x }) => x)).toEqual([10, 10, 500]);
    made.lift(new Set(["b"]));
    made.put("b", note("", 900, 20));
    expect(places).toHaveLength(3);
  });
});

describe("what is hit", () => {
  test("a line where it runs, a shape on its rim, a note anywhere", () => {
    const wave = scene(stroke([[0, 0], [100, 0], [100, 100]], { x: 50, y: 50 })); // prettier-ignore
    expect(hit(wave, [100, 52], 3)?.id).toBe("e0");
    expect(hit(wave, [100, 80], 3)).toBeUndefined();
    const box = scene(shape("rect", 0, 0, 100, 80));
    expect([hit(box, [50, 1], 2)?.id, hit(box, [50, 40], 2), hit(box, [130, 40], 2)]).toEqual(["e0", undefined, undefined]);
    const egg = scene(shape("ellipse", 0, 0, 100, 80));
    expect([hit(egg, [50, 79], 2)?.id, hit(egg, [50, 40], 2), hit(egg, [3, 3], 2)]).toEqual(["e0", undefined, undefined]);
    const arrow = scene(shape("arrow", 100, 100, -100, -100));
    expect([hit(arrow, [50, 51], 2)?.id, hit(arrow, [20, 80], 2)]).toEqual(["e0", undefined]);
    expect(hit(scene(note("")), [90, 90], 0)?.id).toBe("e0");
  });

  test("the topmost one", () => {
    const both = scene({ ...note(""), z: 2 }, note(""));
    expect(hit(both, [90, 90], 0)?.id).toBe("e0");
  });

  test("by the eraser: whatever lies on its way, however fast it goes", () => {
    const made = scene(shape("rect", 0, 0, 100, 80), stroke([[0, 0], [0, 100]], { x: 300, y: 0 }), shape("line", 0, 200, 400, 0), note("", 500, 0)); // prettier-ignore
    const ids = (from: [number, number], to: [number, number]): string[] => crossed(made, from, to, 8).map(({ id }) => id);
    expect(ids([20, 40], [80, 40])).toEqual([]);
    expect(ids([50, 40], [600, 40])).toEqual(["e0", "e1", "e3"]);
    expect(ids([200, 150], [200, 193])).toEqual(["e2"]);
    expect(ids([306, 50], [306, 50])).toEqual(["e1"]);
  });

  test("a frame takes what lies wholly in it", () => {
    const both = scene(shape("rect", 10, 10, 20, 20), shape("rect", 10, 10, 200, 20));
    expect(framed(both, { x: 0, y: 0, w: 100, h: 100 }).map(({ id }) => id)).toEqual(["e0"]);
  });
});
