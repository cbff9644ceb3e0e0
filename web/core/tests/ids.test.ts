import { expect, test } from "vitest";

import { BadName } from "../src/errors.ts";
import * as ids from "../src/ids.ts";
import { vectors } from "./vectors.ts";

const names = vectors<{ shown: [string, string][]; refused: string[] }>("names");

test.each(["demo", "0", "A_-9", "x".repeat(64)])("[J9] %s can be a call", (text) => {
  expect(ids.callId(text)).toBe(text);
});

test.each(["", "-a", "_a", "a b", "a/b", "ä", "a\n", "x".repeat(65)])("[J9] %j cannot be a call", (text) => {
  expect(() => ids.callId(text)).toThrow(BadName);
});

test("apps, resources, streams and states have names of their own form", () => {
  expect(ids.appId("white-board2")).toBe("white-board2");
  expect(ids.resourceId("r1z")).toBe("r1z");
  expect(ids.streamName("ecg.1")).toBe("ecg.1");
  for (const state of ["call", "roster", "hub", "state/r1", "presence/r1"]) expect(ids.stateId(state)).toBe(state);
  for (const text of ["", "Board", "2app"]) expect(() => ids.appId(text)).toThrow(BadName);
  for (const text of ["", "r", "p1", "rA"]) expect(() => ids.resourceId(text)).toThrow(BadName);
  for (const text of ["", "a/b", "x".repeat(65)]) expect(() => ids.streamName(text)).toThrow(BadName);
  for (const text of ["", "state/", "state/p1", "call/r1"]) expect(() => ids.stateId(text)).toThrow(BadName);
});

test("a State knows its resource, and whether it is ever saved", () => {
  const resource = ids.resourceId("r1");
  expect(ids.resourceOf(ids.stateOf(resource))).toBe(resource);
  expect(ids.resourceOf(ids.CALL)).toBeUndefined();
  const all = [ids.CALL, ids.ROSTER, ids.stateOf(resource), ids.presenceOf(resource)];
  expect(all.map(ids.isVolatile)).toEqual([false, true, false, true]);
});

test("[J4] a writer is a participant, or one of its frames", () => {
  const me = "p1" as ids.ParticipantId;
  for (const writer of ["p1", "p1.1", "p1.20"]) expect(ids.writesFor(writer, me)).toBe(true);
  for (const writer of ["p2", "p11", "p1.", "p1.0", "p1.x", "hub", ""]) expect(ids.writesFor(writer, me)).toBe(false);
});

test("[J10] a name is trimmed, on one line, and otherwise left alone; one that shows nothing is none", () => {
  for (const [text, shown] of names.shown) expect(ids.displayName(text)).toBe(shown);
  expect(ids.displayName("😀".repeat(80))).toHaveLength(160);
  for (const text of [...names.refused, "x".repeat(81)]) expect(() => ids.displayName(text)).toThrow(BadName);
});

test("new ids are a letter and 64 bits in lower-case digits and letters", () => {
  expect(ids.issue("p", new Uint8Array(8))).toBe("p0");
  expect(ids.issue("r", new Uint8Array([0, 0, 0, 0, 0, 0, 0, 36]))).toBe("r10");
  expect(ids.resourceId(ids.issue("r", new Uint8Array(8).fill(255)))).toBe("r3w5e11264sgsf");
});
