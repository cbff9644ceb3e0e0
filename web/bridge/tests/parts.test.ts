import { APPS, Broken, DELETED } from "@callmesh/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Courier } from "../src/courier.ts";
import { Frame } from "../src/frame.ts";
import { LOADS, type Loads, type Part } from "../src/parts.ts";
import type { Resource } from "../src/resource.ts";
import { FakeCall } from "./fakeCall.ts";

let call: FakeCall;
let courier: Courier;
let ports: MessagePort[];
/** What was asked for, and what does not come. */
let asked: Part[];
let missing: Set<Part>;

beforeEach(() => {
  call = new FakeCall();
  courier = new Courier(call.host);
  ports = [];
  asked = [];
  missing = new Set();
});

afterEach(() => {
  courier.close();
  for (const port of ports) port.close();
  vi.useRealTimers();
});

function coming<P extends Part>(part: P): Loads[P] {
  const load = async (): Promise<unknown> => {
    asked.push(part);
    if (missing.has(part)) throw new TypeError("Failed to fetch dynamically imported module");
    return LOADS[part]();
  };
  return load as Loads[P];
}

async function open(): Promise<Resource> {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  courier.attach(port1);
  return new Frame(port2, {}, 0, { streams: coming("streams"), files: coming("files") }).ready;
}

test.each<[string[], Part[]]>([
  [["participants", "fetch"], []],
  [["streams"], ["streams"]],
  [["files"], ["streams", "files"]],
])("[A23] an app that asks for %j loads %j of the SDK before it has its resource", async (capabilities, parts) => {
  call.ask(...(capabilities as Parameters<FakeCall["ask"]>));
  const resource = await open();
  expect(asked).toEqual(parts);
  if (capabilities.includes("streams")) expect(resource.stream("pen").name).toBe("pen");
  if (capabilities.includes("files")) expect(resource.files.kept).toEqual([]);
});

test("[A23] what does not come says so where it is used, is asked for anew there, and nothing else is the worse for it", async () => {
  missing.add("streams").add("files");
  const resource = await open();
  resource.state.set("title", "Lunch");
  expect(resource.state.get("title")).toBe("Lunch");
  expect(() => resource.stream("pen")).toThrow(Broken);
  expect(() => resource.files).toThrow("the SDK's part for files did not come from the hub");
  missing.delete("streams");
  await expect.poll(() => attempt(() => resource.stream("pen").name)).toBe("pen");
  expect(() => resource.files).toThrow(Broken);
  missing.delete("files");
  await expect.poll(() => attempt(() => resource.files.kept)).toEqual([]);
});

test("[A23] an app that comes to ask for more has it then", async () => {
  call.ask("streams");
  const resource = await open();
  expect(() => resource.files).toThrow('add "files"');
  call.ask("files");
  await expect.poll(() => asked).toEqual(["streams", "files"]);
  await expect.poll(() => attempt(() => resource.files.kept)).toEqual([]);
});

test("[A23] what is asked for by several at once is loaded once", async () => {
  missing.add("streams");
  const resource = await open();
  asked = [];
  missing.delete("streams");
  for (let n = 0; n < 3; n++) expect(() => resource.stream("pen")).toThrow(Broken);
  expect(asked).toEqual(["streams"]);
});

test("[A23] a part that neither comes nor fails keeps nobody from starting", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  let come = (): void => undefined;
  const stalled = new Promise<void>((resolve) => (come = resolve));
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  courier.attach(port1);
  let started: Resource | undefined;
  const loads: Loads = { ...LOADS, streams: () => stalled.then(LOADS.streams) };
  void new Frame(port2, {}, 0, loads).ready.then((resource) => (started = resource));
  await vi.waitFor(() => {
    vi.advanceTimersByTime(1_000);
    expect(started).toBeDefined();
  }, 10_000);
  vi.useRealTimers();
  expect(() => started?.stream("pen")).toThrow(Broken);
  come();
  await expect.poll(() => attempt(() => started?.stream("pen").name)).toBe("pen");
});

test("[A23] who has just added it is told a moment later what it asks for, and has its parts all the same", async () => {
  call.hubWrites(APPS, { poll: DELETED });
  const opening = open();
  await expect.poll(() => courier.isBusy).toBe(false);
  expect(asked).toEqual([]);
  call.ask("streams");
  expect((await opening).stream("pen").name).toBe("pen");
});

test("[A8, A23] a change of rules alone loads nothing", async () => {
  call.ask("participants");
  await open();
  call.hubWrites(APPS, { poll: { version: 2, keys: [], capabilities: ["participants"] } });
  await expect.poll(() => courier.isBusy).toBe(false);
  expect(asked).toEqual([]);
});

function attempt<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return undefined;
  }
}
