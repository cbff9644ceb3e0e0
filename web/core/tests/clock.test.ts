import { expect, test } from "vitest";

import { AHEAD, HybridClock } from "../src/clock.ts";

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

test("[S2] what follows a time that was seen is given out once, whatever the hub's clock says", () => {
  const clock = new HybridClock();
  const hubTime = 1_000_000_000;
  clock.setBy(hubTime, hubTime);
  clock.saw(hubTime + 2 * AHEAD);
  const given = [clock.stamp(hubTime)];
  clock.setBy(hubTime, hubTime); // a pong
  given.push(clock.stamp(hubTime));
  expect(given).toEqual([hubTime + 2 * AHEAD + 1, hubTime + 2 * AHEAD + 2]);
});

test("[S2] [S17] what was followed while the clock was far ahead is not given out once it is set by the hub's", () => {
  const clock = new HybridClock();
  const [hubTime, hour] = [1_000_000_000, 3_600_000_000];
  clock.stamp(hubTime + hour);
  for (const time of [50, 3_000_000_000, 40]) clock.follow(hubTime + time);
  clock.setBy(hubTime, hubTime + hour);
  expect(clock.stamp(hubTime + hour + 50)).toBe(hubTime + 51);
});
