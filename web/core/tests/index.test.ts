import { expect, test } from "vitest";

import * as core from "../src/index.ts";

test("the face of the core", () => {
  for (const name of ["Mesh", "Session", "Ledger", "State", "ResourceCache", "Lifecycle", "DELETED", "unbundle"]) {
    expect(core).toHaveProperty(name);
  }
});
