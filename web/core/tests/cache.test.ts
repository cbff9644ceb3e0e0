import { expect, test } from "vitest";

import { MAX_CACHE, MAX_ITEM, ResourceCache } from "../src/cache.ts";
import { BadValue, TooLarge } from "../src/errors.ts";
import { DELETED, type Value } from "../src/state.ts";

test("[C1] what is put in is read back, and whoever keeps it is told", () => {
  const kept: [string, Value][] = [];
  const cache = new ResourceCache([["old", 1]], (key, value) => kept.push([key, value]));
  cache.set("zoom", 1.5).set("zoom", 2);
  expect(cache.delete("old")).toBe(true);
  expect(cache.delete("old")).toBe(false);
  expect([...cache]).toEqual([["zoom", 2]]);
  expect([cache.get("zoom"), cache.get("old"), cache.has("zoom"), cache.size]).toEqual([2, undefined, true, 1]);
  expect([...cache.keys()]).toEqual(["zoom"]);
  expect(kept).toEqual([["zoom", 1.5], ["zoom", 2], ["old", DELETED]]);
});

test("[C3] a value is a copy that nobody changes", () => {
  const given = [1];
  const cache = new ResourceCache().set("list", given);
  given.push(2);
  expect(cache.get("list")).toEqual([1]);
  expect(cache.get("list")).toSatisfy(Object.isFrozen);
});

test("[C3] a value has at most 4 MiB, a cache 16 MiB, and what was there stays", () => {
  const cache = new ResourceCache();
  expect(() => cache.set("a", "x".repeat(MAX_ITEM - 4))).toThrow(TooLarge);
  const large = "x".repeat(MAX_ITEM - 5);
  for (const key of ["a", "b", "c"]) cache.set(key, large);
  cache.set("d", "x".repeat(MAX_CACHE - 3 * (MAX_ITEM + 1) - 6));
  expect(() => cache.set("e", 1)).toThrow(TooLarge);
  expect(() => cache.set("d", large)).toThrow(TooLarge);
  expect(cache.size).toBe(4);
  cache.delete("a");
  cache.set("e", 1);
});

test("[C3] what is no JSON, and a key that is no path, is refused", () => {
  const cache = new ResourceCache();
  expect(() => cache.set("a", undefined)).toThrow(BadValue);
  expect(() => cache.set("", 1)).toThrow(BadValue);
  expect(cache.size).toBe(0);
});
