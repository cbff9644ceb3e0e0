import "fake-indexeddb/auto";

import { DELETED, type CallId, type PersonId, type ResourceId } from "@callmesh/core";
import { expect, test } from "vitest";

import { IdbCacheStore } from "../src/idb.ts";

function id(call: string, person: string, resource: string) {
  return { call: call as CallId, person: person as PersonId, resource: resource as ResourceId };
}

test("[C1] what was put is there for the next one who looks, in the order of writing", async () => {
  const store = new IdbCacheStore();
  const one = id("c", "u", "r1");
  for (let n = 0; n <= 50; n++) store.put(one, "n", n);
  store.put(one, "gone", 1);
  store.put(one, "gone", DELETED);
  store.put(one, "deep/key", { x: [1, null] });
  expect(await store.load(one)).toEqual([["deep/key", { x: [1, null] }], ["n", 50]]); // prettier-ignore
  expect(await new IdbCacheStore().load(one)).toHaveLength(2);
});

test("[C2] two resources, calls and persons have separate caches; one is cleared alone", async () => {
  const store = new IdbCacheStore();
  const all = [id("a", "u1", "r1"), id("a", "u1", "r11"), id("a", "u2", "r1"), id("ab", "u1", "r1")];
  all.forEach((one, n) => store.put(one, "n", n));
  for (const [n, one] of all.entries()) expect(await store.load(one)).toEqual([["n", n]]);
  store.clear(all[0]!);
  expect(await Promise.all(all.map((one) => store.load(one)))).toEqual([[], [["n", 1]], [["n", 2]], [["n", 3]]]);
});

test("[C1] what this browser cannot keep is told, and the rest goes on", async () => {
  const errors: unknown[] = [];
  const store = new IdbCacheStore((error) => errors.push(error));
  const one = id("x", "u", "r1");
  store.put(one, "bad", (() => 1) as never);
  await store.settled();
  store.put(one, "good", 1);
  expect(await store.load(one)).toEqual([["good", 1]]);
  expect(errors).toHaveLength(1);
});
