import { expect, test } from "vitest";

import { HybridClock } from "../src/clock.ts";

test("[S2] a stamp is the hub's time as known here", () => {
  const clock = new HybridClock();
  clock.setBy(5_000, 1_000);
  expect(clock.stamp(2_000)).toBe(6_000);
});

test("[S2] a clock never goes backwards, nor behind what was seen", () => {
  const clock = new HybridClock();
  expect([clock.stamp(100), clock.stamp(100), clock.stamp(50)]).toEqual([100, 101, 102]);
  clock.saw(500);
  clock.saw(300);
  expect(clock.stamp(103)).toBe(501);
  expect(clock.stamp(1_000)).toBe(1_000);
});
