import { signal } from "@preact/signals";
import type { Resource } from "@callmesh/client";
import type { ResourceId } from "@callmesh/core";
import { expect, test } from "vitest";

import { Apart, type Source } from "../src/apart.ts";
import { Catalog } from "../src/catalog.ts";

test("[G30] while one waits, and when it is over, as many apps stay loaded as in the call: those that were looked at last", () => {
  const most = signal(2);
  let there = ["c", "b", "a"].map((id) => ({ id: id as ResourceId, app: "intake" }) as unknown as Resource);
  const apart = new Apart({ resources: { all: () => there } } as Source, new Catalog("http://hub"), most);
  const loaded = (): string[] => apart.mounted.value.map(({ id }) => id);
  const [c, b, a] = there.map(({ id }) => id) as [ResourceId, ResourceId, ResourceId];
  expect([apart.viewed.value, loaded()]).toEqual(["c", ["c"]]);
  apart.look(b);
  expect(loaded()).toEqual(["b", "c"]);
  let works = true;
  apart.attend(c, () => works);
  apart.look(a);
  expect(loaded()).toEqual(["a", "b", "c"]);
  works = false;
  apart.look(b);
  expect(loaded()).toEqual(["a", "b"]);
  most.value = 1;
  expect(loaded()).toEqual(["b"]);
  there = there.slice(2);
  apart.mirror();
  expect([apart.viewed.value, loaded()]).toEqual(["a", ["a"]]);
  apart.close();
});
