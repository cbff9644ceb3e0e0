import { expect, test } from "vitest";

import { BadName, BadValue } from "../src/errors.ts";
import { resourceId } from "../src/ids.ts";
import { keyOf, Lifecycle, readRecord, resourceIn, type LifeEvent } from "../src/resource.ts";
import { vectors } from "./vectors.ts";

interface Case {
  readonly name: string;
  readonly adder: boolean;
  readonly steps: readonly (readonly [step: string, events: readonly LifeEvent[]])[];
}

function take(life: Lifecycle, step: string): LifeEvent[] {
  switch (step) {
    case "synced":
      return life.synced();
    case "removed":
      return life.removed();
    default:
      return life.view(step === "view true");
  }
}

test.each(vectors<{ cases: Case[] }>("lifecycle").cases)("[R2, R3, R4] $name", ({ adder, steps }) => {
  const life = new Lifecycle({ adder });
  for (const [step, events] of steps) expect(take(life, step), step).toEqual(events);
});

test("a record's key names its resource", () => {
  const resource = resourceId("r1");
  expect(resourceIn(keyOf(resource))).toBe(resource);
  expect(resourceIn("active")).toBeUndefined();
  expect(() => resourceIn("resource/1")).toThrow(BadName);
});

const RECORD = { app: "notes", title: "Notes", owner: "u1", added: 5 };

test("a record is read", () => {
  expect(readRecord(RECORD)).toEqual(RECORD);
  expect(readRecord({ app: "notes", title: "😀".repeat(80), owner: "u1" }).added).toBe(0);
});

test.each([
  null, "notes", [RECORD], {}, { ...RECORD, title: "" }, { ...RECORD, title: "x".repeat(81) },
  { ...RECORD, app: "x".repeat(41) }, { ...RECORD, owner: "x".repeat(65) }, { ...RECORD, owner: null },
  { ...RECORD, added: -1 }, { ...RECORD, added: 1.5 }, { ...RECORD, added: 2 ** 53 }, { ...RECORD, more: 1 },
])("%j is no record", (value) => {
  expect(() => readRecord(value)).toThrow(BadValue);
});
