import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Way } from "../src/network.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("[A16] what is to go at once does, where nothing is on the way", () => {
  const came: number[] = [];
  const way = new Way();
  way.put(() => came.push(1), 0, performance.now());
  expect(came).toEqual([1]);
});

test("[A16] what comes late comes in order, however long each takes", () => {
  const came: number[] = [];
  const way = new Way();
  const pauses = [300, 10, 0, 500, 200];
  for (const [n, pause] of pauses.entries()) way.put(() => came.push(n), pause, performance.now());
  expect(came).toEqual([]);
  vi.advanceTimersByTime(310);
  expect(came).toEqual([0, 1, 2]);
  way.put(() => came.push(5), 0, performance.now()); // the link is good again
  vi.advanceTimersByTime(1_000);
  expect(came).toEqual([0, 1, 2, 3, 4, 5]);
});
