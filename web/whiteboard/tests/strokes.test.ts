import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { MAX_STROKE, readStroke, stepsFor, StrokeWriter, type Point } from "../src/strokes.ts";

const points = fc.array(fc.tuple(fc.double({ min: -5e4, max: 5e4, noNaN: true }), fc.double({ min: -5e4, max: 5e4, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 60 });

function write(all: readonly Point[], steps: number, pressure: boolean): { text: string; taken: Point[] } {
  const writer = new StrokeWriter(steps, pressure);
  const taken = all.filter((point) => writer.add(point));
  return { text: writer.text, taken };
}

describe("the points of a stroke", () => {
  test("are read as they were written, within half a step", () => {
    fc.assert(
      fc.property(points, fc.constantFrom(1, 4, 64), fc.boolean(), (all, steps, pressure) => {
        const { text, taken } = write(all, steps, pressure);
        const read = readStroke(text, steps, pressure);
        expect(read).toHaveLength(taken.length);
        for (const [n, [x, y, force]] of read.entries()) {
          expect(Math.abs(x - taken[n]![0])).toBeLessThanOrEqual(0.5 / steps + 1e-9);
          expect(Math.abs(y - taken[n]![1])).toBeLessThanOrEqual(0.5 / steps + 1e-9);
          expect(Math.abs(force - (pressure ? taken[n]![2] : 0.5))).toBeLessThanOrEqual(0.5 / 31 + 1e-9);
        }
      }),
    );
  });

  test("grow at the end: what was written stays", () => {
    const writer = new StrokeWriter(4, false);
    let before = "";
    for (let n = 0; n < 100; n++) {
      writer.add([n * 3, Math.sin(n) * 20, 0.5]);
      expect(writer.text.startsWith(before)).toBe(true);
      before = writer.text;
    }
    expect(readStroke(before, 4, false)).toHaveLength(100);
    expect(before.length).toBeLessThan(420); // some four characters a point
  });

  test("what stands still is no other point", () => {
    const writer = new StrokeWriter(4, false);
    expect([writer.add([1, 1, 0.5]), writer.add([1.05, 1, 0.5]), writer.add([1.5, 1, 0.5])]).toEqual([true, false, true]);
  });

  test("a stroke is full long before its value is too large", () => {
    const writer = new StrokeWriter(256, true);
    let count = 0;
    while (!writer.full) writer.add([(count++ % 2) * 5e4, count, (count % 3) / 2]);
    expect(writer.text.length).toBeLessThan(MAX_STROKE + 100);
    expect(readStroke(writer.text, 256, true)).toHaveLength(writer.count);
  });

  test("rubbish gives points or none, and ends", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.boolean(), (text, pressure) => {
        for (const [x, y, force] of readStroke(text, 4, pressure)) expect([x, y, force].every(Number.isFinite)).toBe(true);
      }),
    );
    expect(readStroke("g".repeat(1_000), 1, false)).toEqual([]);
  });

  test("steps are as fine as the zoom shows", () => {
    expect([stepsFor(1), stepsFor(8), stepsFor(0.05), stepsFor(100)]).toEqual([4, 32, 1, 256]);
  });
});
