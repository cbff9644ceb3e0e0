import {
  accessKey, APPS, bundle, CALL, DELETED, encodeMessage, HUB_STATE, keyOf, presenceOf, READ_ONLY, ROSTER, stateOf, unbundle,
  versionKey, type Change, type Message, type ResourceId, type Writer,
} from "@callmesh/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Courier } from "../src/courier.ts";
import { Frame, type Handlers } from "../src/frame.ts";
import type { Resource } from "../src/resource.ts";
import { FakeCall, ME, RESOURCE } from "./fakeCall.ts";

const STATE = stateOf(RESOURCE);
const R2 = "r2" as ResourceId;
const RULES = [
  { key: "votes/{person}", write: ["self"], change: ["self"], read: ["everyone"] },
  { key: "signed", write: ["everyone"], change: [], read: ["everyone"] },
  { key: "closed", write: [], change: [], read: ["everyone"] },
];

let call: FakeCall;
let couriers: Courier[];
let ports: MessagePort[];
let ends: (() => void)[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true, advanceTimeDelta: 1 });
  call = new FakeCall();
  couriers = [];
  ports = [];
  ends = [];
  call.hubWrites(APPS, { poll: { version: 2, keys: RULES } });
});

afterEach(() => {
  for (const courier of couriers) courier.close();
  for (const port of ports) port.close();
  for (const end of ends) end();
  vi.useRealTimers();
});

function attach(): { port: MessagePort; courier: Courier } {
  const courier = new Courier(call.host);
  const { port1, port2 } = new MessageChannel();
  couriers.push(courier);
  ports.push(port1, port2);
  courier.attach(port1);
  return { port: port2, courier };
}

async function open(handlers: Handlers = {}, stateVersion = 0): Promise<{ resource: Resource; courier: Courier }> {
  const { port, courier } = attach();
  const resource = await new Frame(port, handlers, stateVersion).ready;
  return { resource, courier };
}

async function settle(): Promise<void> {
  for (let round = 0; round < 12; round++) {
    await new Promise((resolve) => void setImmediate(resolve));
    vi.advanceTimersByTime(8);
  }
}

function guest(role = "guest"): void {
  call.hubWrites(ROSTER, { [ME.id]: { ...ME, role } });
}

test("[L8, S16] an app knows that the hub cannot save, also one that starts meanwhile", async () => {
  const { resource } = await open();
  const accesses: string[] = [];
  resource.onAccess((access) => accesses.push(access));
  const shown = (one: Resource): unknown[] => [one.state.status, one.state.canWrite("x")];
  expect(shown(resource)).toEqual(["synced", true]);
  call.hubWrites(HUB_STATE, { [READ_ONLY]: "the disk is full" });
  await settle();
  expect(shown(resource)).toEqual(["read_only", false]);
  const { resource: late } = await open();
  expect(shown(late)).toEqual(["read_only", false]);
  call.hubWrites(HUB_STATE, { [READ_ONLY]: DELETED });
  await settle();
  expect([shown(resource), shown(late)]).toEqual([["synced", true], ["synced", true]]); // prettier-ignore
  expect(accesses).toEqual(["edit", "edit", "edit"]);
});

test("[K6, J12, K5] an app knows what it may write, and is told when that is another", async () => {
  guest();
  const { resource } = await open();
  const { state } = resource;
  const accesses: string[] = [];
  resource.onAccess((access) => accesses.push(access));
  const may = (): string[] => ["x", "votes/u1", "votes/u2", "signed", "closed"].filter((key) => state.canWrite(key));
  expect(may()).toEqual(["x", "votes/u1", "signed"]);
  state.set("signed", true);
  expect(may()).toEqual(["x", "votes/u1"]);
  call.hubWrites(CALL, { [accessKey(RESOURCE, "guest")]: "view" });
  await settle();
  expect([resource.access, may()]).toEqual(["view", []]);
  call.hubWrites(CALL, { [accessKey(RESOURCE, "u1")]: "edit" });
  await settle();
  expect(may()).toEqual(["x", "votes/u1"]);
  guest("observer");
  await settle();
  expect(accesses).toEqual(["edit", "view", "edit", "edit"]); // the last one is the role's
});

test("[K6] an app is told when its key rules are others, and not when they are the same", async () => {
  const { resource } = await open();
  const told = vi.fn();
  resource.onAccess(told);
  call.hubWrites(ROSTER, { p2: { ...ME, id: "p2" } });
  await settle();
  expect(told).toHaveBeenCalledTimes(1);
  call.hubWrites(APPS, { poll: { version: 2, keys: [{ ...RULES[0], write: [] }, ...RULES.slice(1)] } });
  await settle();
  expect(told).toHaveBeenCalledTimes(2); // at once, and now
  expect(resource.state.canWrite("votes/u1")).toBe(false);
  call.hubWrites(APPS, { poll: { version: 3, keys: [{ ...RULES[0], write: [] }, ...RULES.slice(1)] } });
  await settle();
  expect(told).toHaveBeenCalledTimes(2);
});

test("[S20, K6] who may only look has nothing to undo, until they may write again", async () => {
  guest();
  const { resource } = await open();
  const history = resource.state.history();
  resource.state.set("a", 1);
  await settle();
  call.accept();
  await settle();
  expect(history.canUndo).toBe(true);
  call.hubWrites(CALL, { [accessKey(RESOURCE, "guest")]: "view" });
  await settle();
  expect([history.canUndo, history.canRedo]).toEqual([false, false]);
  call.hubWrites(CALL, { [accessKey(RESOURCE, "guest")]: DELETED });
  await settle();
  expect([history.canUndo, history.undo(), history.canRedo]).toEqual([true, true, true]);
});

test("[A2] a frame gets the settings, the version and the rules of its own resource, and no others", async () => {
  call.hubWrites(CALL, { [accessKey(R2, "guest")]: "view", [versionKey(R2)]: 7, [keyOf(R2)]: { app: "notes", title: "N", owner: "u1", added: 2 } });
  call.hubWrites(APPS, { notes: { version: 1, keys: [] } });
  call.hubWrites(CALL, { [accessKey(RESOURCE, "guest")]: "view", [versionKey(RESOURCE)]: 2, title: "a secret" });
  const heard: Message[] = [];
  const { port } = attach();
  let bundles = 0;
  port.onmessage = ({ data }: MessageEvent<Uint8Array>) => {
    heard.push(...unbundle(data, null));
    port.postMessage(bundle([encodeMessage({ type: "ping", number: ++bundles })]));
  };
  const hello: Message = {
    type: "hello", version: 1, call: "", name: "", role: null, token: null, person: null, resume: null, cursor: 0, offers: [], key: "",
  };
  port.postMessage(bundle([encodeMessage(hello)]));
  await settle();
  const places = heard.flatMap((message) => {
    return message.type === "batch" ? message.groups.flatMap(({ state, entries }) => entries.map(({ key }) => `${state} ${key}`)) : [];
  });
  expect(places.sort()).toEqual([
    `apps poll`, `call ${accessKey(RESOURCE, "guest")}`, `call ${keyOf(RESOURCE)}`, `call ${versionKey(RESOURCE)}`, `roster ${ME.id}`,
  ]);
  const write = (state: typeof CALL, key: string): void => {
    const entries = [{ key, time: call.time, writer: `${ME.id}.1` as Writer, value: 1 }];
    port.postMessage(bundle([encodeMessage({ type: "write", groups: [{ state, entries, version: 0 }] })]));
  };
  for (const key of [accessKey(RESOURCE, "guest"), versionKey(R2), "title", "role/u1"]) write(CALL, key);
  write(stateOf(R2), "k");
  write(APPS, "poll");
  await settle();
  expect(heard.filter(({ type }) => type === "denied")).toHaveLength(6);
  expect(call.outgoing()).toEqual([]);
});

test("[S5, S10] a transaction of a frame is denied as one, in one change that says why", async () => {
  const { resource } = await open();
  const changes: Change[] = [];
  resource.state.update({ a: 1, b: 2 });
  resource.state.listen((change) => changes.push(change));
  await settle();
  const groups = call.outgoing();
  const entries = groups.flatMap((group) => group.entries);
  const { time, writer } = entries[0]!;
  expect(new Set(entries.map((entry) => entry.time))).toEqual(new Set([time]));
  const places = entries.map(({ key }) => [STATE, key] as const);
  call.replica.hear({ type: "denied", reason: "no_right", why: "not yours", time, writer, places, now: time });
  await settle();
  expect(changes.map(({ cause, keys, denied }) => [cause, [...keys.keys()], denied?.message])).toEqual([
    ["denied", ["a", "b"], "not yours"],
  ]);
  expect(resource.state.statusOf("a")).toBe("denied");
});

test("[S16] what became of a write is known in the frame", async () => {
  const { resource } = await open();
  const { state } = resource;
  state.set("a", 1);
  expect(state.statusOf("a")).toBe("pending");
  await settle();
  call.accept(undefined, { saved: false });
  await settle();
  expect([state.statusOf("a"), state.status]).toEqual(["accepted", "saving"]);
  await state.accepted();
  call.save();
  await settle();
  expect([state.statusOf("a"), state.status]).toEqual(["saved", "synced"]);
});

test("[S16] and an app is told of each step", async () => {
  const { resource } = await open();
  const told: unknown[] = [];
  resource.state.onStatus((status, fates) => told.push([status, ...fates]));
  resource.state.set("a", 1);
  await settle();
  call.accept(undefined, { saved: false });
  await settle();
  call.save();
  await settle();
  call.cut();
  await settle();
  call.comeBack();
  await settle();
  expect(told).toEqual([
    ["synced"], ["saving", ["a", "pending"]], ["saving", ["a", "accepted"]], ["synced", ["a", "saved"]], ["offline"], ["synced"],
  ]); // prettier-ignore
});

test("[S17] a frame whose clock is ahead loses nothing, and notices nothing", async () => {
  call.time += 3_600_000_000;
  const { resource } = await open();
  const changes: Change[] = [];
  call.time -= 3_600_000_000; // now the page is an hour behind what the frame was told
  resource.state.listen((change) => changes.push(change));
  resource.state.set("a", 1);
  await settle();
  expect(call.replica.mesh.value(STATE, "a")).toBe(1);
  expect(call.replica.mesh.entry(STATE, "a")!.time).toBeLessThan(call.time + 6_000_000);
  expect(changes.map(({ cause }) => cause)).toEqual(["own"]);
});

test("[S2] a frame learns the hub's time anew: its clock, or the device, may have slept", async () => {
  const { resource } = await open();
  await settle();
  call.time += 3_600_000_000; // an hour, which the frame's clock has not seen
  vi.advanceTimersByTime(15_000);
  await settle();
  resource.state.set("a", 1);
  await settle();
  const [{ entries: [entry] } = { entries: [] }] = call.outgoing();
  expect(entry!.time).toBeGreaterThanOrEqual(call.time);
  expect(entry!.time).toBeLessThan(call.time + 1_000_000);
});

test("[A3] asking for the time costs one bundle, which asks for nothing more", async () => {
  const { port } = attach();
  let bundles = 0;
  let pongs = 0;
  port.onmessage = ({ data }: MessageEvent<Uint8Array>) => {
    pongs += unbundle(data, null).filter(({ type }) => type === "pong").length;
    port.postMessage(bundle([encodeMessage({ type: "ping", number: ++bundles })]));
  };
  const hello: Message = {
    type: "hello", version: 1, call: "", name: "", role: null, token: null, person: null, resume: null, cursor: 0, offers: [], key: "",
  };
  port.postMessage(bundle([encodeMessage(hello)]));
  await settle();
  expect([bundles, pongs]).toEqual([1, 1]);
  port.postMessage(bundle([encodeMessage({ type: "ping", number: bundles })]));
  await settle();
  expect([bundles, pongs]).toEqual([2, 2]);
});

// --- versions

function migrations(ran: string[]): Handlers {
  return {
    version: 3,
    migrate: {
      2: (state, writes) => {
        ran.push("2");
        writes.set("total", (state.get("count") as number) + 10);
        writes.delete("count");
      },
      3: (state, writes) => {
        ran.push("3");
        writes.set("total", (state.get("total") as number) + 100);
      },
    },
    setup: ({ state }) => void ran.push(`setup ${JSON.stringify(state.toObject())}`),
  };
}

/** The hub takes a step if it is the next one; else it is denied. */
function hubTakesSteps(): void {
  const groups = call.outgoing();
  const step = groups.flatMap(({ entries }) => entries).find(({ key }) => key === versionKey(RESOURCE));
  if (step === undefined) return;
  const now = call.version;
  if (step.value === now + 1) {
    call.version++;
    call.accept(groups);
  } else call.denyAll(groups, "outdated");
}

test("[R9, S23] migrations run in order, and before setup", async () => {
  call.hubWrites(STATE, { count: 1 });
  const ran: string[] = [];
  const { courier } = await open(migrations(ran));
  courier.life("setup");
  for (let round = 0; round < 4; round++) {
    await settle();
    hubTakesSteps();
  }
  await settle();
  expect(call.version).toBe(3);
  expect(ran).toEqual(["2", "3", 'setup {"total":111}']);
});

test("[R9] who was not the first gets what the first has made", async () => {
  call.hubWrites(STATE, { count: 1 });
  const ran: string[] = [];
  const { courier, resource } = await open(migrations(ran));
  courier.life("setup");
  await settle();
  call.version = 3;
  hubTakesSteps(); // it is denied
  await settle();
  expect(resource.state.toObject()).toEqual({ count: 1 });
  call.hubWrites(STATE, { total: 5, count: DELETED });
  call.hubWrites(CALL, { [versionKey(RESOURCE)]: 3 });
  await settle();
  expect(ran.at(-1)).toBe('setup {"total":5}');
  expect(ran).not.toContain("3");
});

test("[R9] who may not edit waits for somebody who may", async () => {
  guest("observer");
  call.hubWrites(STATE, { count: 1 });
  const ran: string[] = [];
  const { courier } = await open(migrations(ran));
  courier.life("setup");
  await settle();
  expect([ran, call.outgoing()]).toEqual([[], []]);
  call.hubWrites(STATE, { total: 7, count: DELETED });
  call.hubWrites(CALL, { [versionKey(RESOURCE)]: 3 });
  await settle();
  expect(ran).toHaveLength(1);
});

test("[R9] who may not read all of it waits for somebody who may", async () => {
  guest();
  const hidden = { key: "secret", write: ["host"], change: ["host"], read: ["host"] };
  call.hubWrites(APPS, { poll: { version: 3, keys: [hidden] } });
  call.hubWrites(STATE, { count: 1 });
  const ran: string[] = [];
  const { courier } = await open(migrations(ran));
  courier.life("setup");
  await settle();
  expect([ran, call.outgoing()]).toEqual([[], []]);
  guest("host");
  await settle();
  expect(ran).toEqual(["2"]);
});

test("[R10, S23] an app that is older than the state reads it and does not write", async () => {
  const { resource } = await open({ version: 1 });
  resource.state.set("a", 1);
  await settle();
  call.accept();
  call.hubWrites(CALL, { [versionKey(RESOURCE)]: 2 });
  await settle();
  expect([resource.outdated, resource.state.canWrite("a"), resource.state.get("a")]).toEqual([true, false, 1]);
  expect(() => resource.state.set("a", 2)).toThrow(expect.objectContaining({ code: "denied", reason: "outdated" }));
  expect(() => resource.state.at("x").set("a", 2)).toThrow("reload");
  resource.presence.set("looking", true);
  await settle();
  expect(call.replica.mesh.value(presenceOf(RESOURCE), `${ME.id}/looking`)).toBe(true);
});

test("[R10, S23] an app that names no version writes for that of the manifest it was loaded with", async () => {
  const { resource } = await open({}, 1);
  resource.state.set("a", 1);
  await settle();
  expect(call.outgoing()).toMatchObject([{ state: STATE, version: 1 }]);
  call.hubWrites(CALL, { [versionKey(RESOURCE)]: 2 });
  await settle();
  expect([resource.outdated, resource.state.canWrite("a")]).toEqual([true, false]);
  expect(() => resource.state.set("a", 2)).toThrow(expect.objectContaining({ reason: "outdated" }));
});

/** What the console was told. */
function consoled(level: "error" | "warn"): string[] {
  const found: string[] = [];
  const spy = vi.spyOn(console, level).mockImplementation((said) => void found.push(String(said)));
  ends.push(() => spy.mockRestore());
  return found;
}

test("[R9] a step that is missing raises no version: the frame ends, and says which", async () => {
  const errors = consoled("error");
  const set = vi.fn();
  const { courier, resource } = await open({ version: 3, migrate: { 2: (_, writes) => writes.set("two", 2) }, setup: set, enable: set });
  const ended = vi.spyOn(courier, "onEnd");
  courier.life("setup");
  courier.life("enable");
  await settle();
  expect(call.outgoing()).toEqual([]);
  expect(set).not.toHaveBeenCalled();
  const [[error] = []] = ended.mock.calls;
  expect(error).toMatchObject({ code: "ended_by_peer", message: expect.stringMatching(/could not be brought to its new version: .* version 3/) as string });
  expect(errors).toEqual([expect.stringContaining("no step to version 3")]);
  expect(resource.state.status).toBe("offline");
});

test("[R9] a step that throws writes nothing, and the page learns why", async () => {
  const errors = consoled("error");
  const migrate = { 2: () => { throw new RangeError("the count is missing"); } }; // prettier-ignore
  const { courier } = await open({ migrate }, 2);
  const ended = vi.spyOn(courier, "onEnd");
  courier.life("setup");
  await settle();
  expect(call.outgoing()).toEqual([]);
  expect(String(ended.mock.calls[0]?.[0])).toContain("could not be brought to its new version: the count is missing");
  expect(errors).toEqual(["RangeError: the count is missing"]);
});

test("[R9] a version that the hub does not know is no reason to wait for ever", async () => {
  const errors = consoled("error");
  const warnings = consoled("warn");
  const { courier } = await open({ version: 2, migrate: { 2: () => undefined } }, 1);
  expect(warnings).toEqual([expect.stringMatching(/version 2.*version 1/)]);
  const ended = vi.spyOn(courier, "onEnd");
  courier.life("setup");
  await settle();
  call.denyAll(call.outgoing(), "bad_value");
  await settle();
  expect(ended).toHaveBeenCalledOnce();
  expect(errors).toHaveLength(1);
});
