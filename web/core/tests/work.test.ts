/**
 * How much a participant does for an update, counted in calls of functions: the same on every machine.
 *
 * Each bound is what it takes, and a sixth more. Where one is exceeded, a page does more than it did for each
 * update: see whether it has to, run `python -m benchmarks.callpage` before and after, and raise the bound in
 * the commit that says why.
 */

import { Session as Inspector } from "node:inspector/promises";
import { expect, test } from "vitest";

import { bundle, encode } from "../src/codec.ts";
import { resourceId, stateOf, type Writer } from "../src/ids.ts";
import { Mesh } from "../src/mesh.ts";
import type { Message } from "../src/messages.ts";
import { Session } from "../src/session.ts";

const STATE = stateOf(resourceId("r1"));
const TIMES = 100;
const WHAT_NOW = "more is done for it than was: see the head of this file";
const WELCOME: Message = {
  type: "welcome", version: 1, call: "demo", participant: "p1", writer: "p1", person: "u1", name: "Ada",
  role: "host", time: 0, resume: "", personProof: "", resource: null,
}; // prettier-ignore

/** How many functions of ours are called, once everything was called before. */
async function callsOf(act: (turn: number) => void): Promise<number> {
  act(0);
  const inspector = new Inspector();
  inspector.connect();
  await inspector.post("Profiler.enable");
  await inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  for (let turn = 1; turn <= TIMES; turn += 1) act(turn);
  const { result } = await inspector.post("Profiler.takePreciseCoverage");
  inspector.disconnect();
  const ours = result.filter(({ url }) => url.includes("/web/core/src/"));
  const counts = ours.flatMap(({ functions }) => functions.map(({ ranges }) => ranges[0]!.count));
  return counts.reduce((sum, count) => sum + count, 0) / TIMES;
}

/** A participant who has come in, of whom all is saved. */
function joined(): { session: Session; mesh: Mesh } {
  const session = new Session("client", 0);
  const mesh = new Mesh();
  mesh.writer = "p1" as Writer;
  session.receive(bundle([encode(WELCOME)]), 0);
  mesh.batch({ type: "batch", cursor: 1, saved: 1, whole: true, groups: [] }, 0);
  return { session, mesh };
}

test("[S2] an update of somebody else takes so many calls of functions", async () => {
  const { session, mesh } = joined();
  const bundles = Array.from({ length: TIMES + 1 }, (_, turn) => {
    const entry = { key: "key", time: turn + 1, writer: "p2" as Writer, value: turn % 100 };
    return bundle([encode({ type: "batch", cursor: turn + 2, saved: 1, whole: false, groups: [{ state: STATE, entries: [entry], version: 0 }] })]);
  });
  let changed = 0;
  const calls = await callsOf((turn) => {
    for (const message of session.receive(bundles[turn]!, turn)) {
      if (message.type === "batch") changed += mesh.batch(message, turn).length;
    }
  });
  expect(changed).toBe(TIMES + 1);
  expect(calls, WHAT_NOW).toBeLessThanOrEqual(184);
});

test("[S2] an own write takes so many calls of functions until it leaves", async () => {
  const { session, mesh } = joined();
  let sent = 0;
  const calls = await callsOf((turn) => {
    mesh.write(new Map([[STATE, new Map([["key", turn % 100]])]]), 1000 * turn);
    for (const write of mesh.outgoing()) session.put(encode(write));
    sent += bundle(session.take()).length;
  });
  expect(sent).toBeGreaterThan(TIMES * 20);
  expect(calls, WHAT_NOW).toBeLessThanOrEqual(169);
});
