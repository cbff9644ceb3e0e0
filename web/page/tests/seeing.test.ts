import type { ParticipantId } from "@callmesh/core";
import { beforeEach, expect, test, vi } from "vitest";

import { MOST_PICTURES, Seeing } from "../src/seeing.ts";

const others = ["ada", "bob", "cem", "dan", "eve", "fay"] as ParticipantId[];
const see = vi.fn();
let seeing: Seeing;

beforeEach(() => {
  see.mockClear();
  seeing = new Seeing({ see });
});

function look({ speaking = [] as string[], screens = [] as string[], saves = true, there = others } = {}): string[] {
  seeing.look({ others: there, speaking: new Set(speaking as ParticipantId[]), screens: screens as ParticipantId[], saves });
  return there.filter((id) => !seeing.unseen.value.has(id));
}

test("[G31] everybody's pictures come, and a few while power is saved", () => {
  expect(look({ saves: false })).toEqual(others);
  expect(look()).toEqual(others.slice(0, MOST_PICTURES));
  expect(see.mock.calls.slice(-6).map(([, wanted]) => wanted as boolean)).toEqual([true, true, true, true, false, false]);
  expect(look({ saves: false })).toEqual(others);
  expect(look({ there: others.slice(0, MOST_PICTURES) })).toHaveLength(MOST_PICTURES);
});

test("[G31] screens go before all others, then who spoke last; nothing changes while those speak who are seen", () => {
  expect(look({ speaking: ["eve"] })).toEqual(["ada", "bob", "cem", "eve"]);
  expect(look({ speaking: ["fay"] })).toEqual(["ada", "bob", "eve", "fay"]);
  const before = seeing.unseen.value;
  for (const one of ["eve", "ada", "fay", "bob"]) look({ speaking: [one] });
  expect(seeing.unseen.value).toBe(before);
  expect(look({ screens: ["dan"] })).toEqual(["ada", "bob", "dan", "fay"]); // Eve has been silent for longest
  expect(look({ screens: ["dan"], there: others.filter((id) => id !== "fay") })).toEqual(["ada", "bob", "dan", "eve"]);
});
