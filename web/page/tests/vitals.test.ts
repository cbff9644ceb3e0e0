import { describe, expect, test } from "vitest";

// The app is plain JavaScript without types: what it promises stands here.
interface Trace {
  readonly end: number;
  readonly count: number;
  readonly gaps: number;
  put(first: number, samples: Int16Array): void;
  restart(): void;
  at(index: number): number;
  heartRate(rate: number): number | undefined;
}
interface Vitals {
  Trace: new () => Trace;
  readMessage: (bytes: Uint8Array) => { first: number; samples: Int16Array };
}
const app = new URL("../../../src/callmesh/apps/vitals/trace.js", import.meta.url).href;
const { Trace, readMessage } = (await import(/* @vite-ignore */ app)) as Vitals;

function put(trace: Trace, first: number, ...samples: number[]): void {
  trace.put(first, Int16Array.from(samples));
}

describe("the trace of vitals", () => {
  test("a message is an index and samples, wherever in a buffer it lies", () => {
    const buffer = new Uint8Array([9, 0x01, 0x02, 0, 0, 0xff, 0xff, 0x00, 0x80, 9]);
    const { first, samples } = readMessage(buffer.subarray(1, 9));
    expect(first).toBe(0x0201);
    expect([...samples]).toEqual([-1, -32768]);
  });

  test("a late joiner starts in the middle, without a gap", () => {
    const trace = new Trace();
    put(trace, 7200, 1, 2, 3);
    expect([trace.at(7199), trace.at(7200), trace.at(7202), trace.at(7203)]).toEqual([NaN, 1, 3, NaN]);
    expect(trace).toMatchObject({ count: 3, gaps: 0, end: 7203 });
  });

  test("what is missing is counted once, and stays empty", () => {
    const trace = new Trace();
    put(trace, 0, 1, 2);
    put(trace, 4, 5);
    expect([0, 1, 2, 3, 4].map((index) => trace.at(index))).toEqual([1, 2, NaN, NaN, 5]);
    expect(trace.gaps).toBe(1);
  });

  test("a source that starts anew, or another one, is no gap", () => {
    const trace = new Trace();
    put(trace, 500, 1);
    put(trace, 0, 7, 8);
    expect([trace.at(0), trace.at(500)]).toEqual([7, NaN]);
    trace.restart();
    put(trace, 900, 9);
    expect(trace).toMatchObject({ gaps: 0, count: 4, end: 901 });
    expect(trace.at(1)).toBeNaN();
  });

  test("old samples go, new ones stay", () => {
    const trace = new Trace();
    trace.put(0, new Int16Array(40_000).fill(3));
    expect(trace.at(0)).toBeNaN();
    expect(trace.at(39_999)).toBe(3);
  });

  test("the heart rate of a clean signal", () => {
    const trace = new Trace();
    expect(trace.heartRate(360)).toBeUndefined();
    for (let i = 0; i < 10 * 360; i++) {
      const phase = i % 300; // 72 beats per minute
      put(trace, i, Math.round(1000 * Math.exp(-((phase - 100) ** 2) / 40) + 250 * Math.exp(-((phase - 180) ** 2) / 500)));
    }
    expect(trace.heartRate(360)).toBeCloseTo(72, 0);
  });

  test("no heart rate from a flat line", () => {
    const trace = new Trace();
    trace.put(0, new Int16Array(3600).fill(5));
    expect(trace.heartRate(360)).toBeUndefined();
  });
});
