import { signal } from "@preact/signals";
import type { ParticipantId, ResourceId } from "@callmesh/core";
import { expect, test } from "vitest";

import { Watching } from "../src/watching.ts";

const [me, ada, bob] = ["me", "ada", "bob"] as ParticipantId[] as [ParticipantId, ParticipantId, ParticipantId];

test("[G22] the newest screen of others is looked at, until one looks away or something is shown to everybody", () => {
  const screens = signal<readonly ParticipantId[]>([]);
  const active = signal<ResourceId | undefined>("r1" as ResourceId);
  const watching = new Watching(screens, active, () => me);
  const seen = (): ParticipantId | undefined => watching.watched.value;

  screens.value = [me];
  expect(seen()).toBeUndefined();
  screens.value = [me, ada];
  expect(seen()).toBe(ada);
  screens.value = [me, ada, bob];
  expect(seen()).toBe(bob);
  screens.value = [me, ada];
  expect(seen()).toBeUndefined();
  watching.watch(ada);
  expect(seen()).toBe(ada);
  active.value = undefined; // it was removed
  expect(seen()).toBe(ada);
  active.value = "r2" as ResourceId;
  expect(seen()).toBeUndefined();
  screens.value = [me];
  screens.value = [me, ada];
  expect(seen()).toBe(ada);
  watching.close();
  active.value = "r3" as ResourceId;
  expect(seen()).toBe(ada);
});

test("[G22] who comes later looks at the screen that is there", () => {
  const watching = new Watching(signal([ada, bob]), signal(undefined), () => me);
  expect(watching.watched.value).toBe(bob);
});
