import { APPS, CALL, DELETED, DOOR, HUB, ROSTER, type Json, type messages, type PersonId, type ResourceId } from "@callmesh/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Call } from "../src/call.ts";
import { join } from "../src/join.ts";
import type { WaitingArea } from "../src/waiting.ts";
import { FakeHub } from "./fakeHub.ts";

const URL = "http://127.0.0.1:8484/call/demo";
const BOB = "u7" as PersonId;
const WAITING: messages.Waiting = {
  type: "waiting", version: 1, call: "demo", person: "u5", name: "Ada", time: 1_700_000_000_000_000,
  personProof: "proof", held: false, words: "", role: "guest", groups: [], locked: false,
}; // prettier-ignore

let hub: FakeHub;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  hub = new FakeHub();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

async function joined(): Promise<Call> {
  const joining = join(URL, { name: "Ada" });
  hub.welcome();
  return joining;
}

async function turn(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

function commands(): messages.Command[] {
  return hub.socket.of("command");
}

function answer(command: messages.Command, reason = "", why = ""): void {
  hub.socket.say({ type: "answer", id: command.id, reason, why });
}

test("[J27] what is written while one waits is written in the call once one is let in", async () => {
  const groups: messages.Group[] = [
    { state: CALL, version: 0, entries: [
      { key: "resource/r1", time: 1, writer: HUB, value: { app: "intake", title: "Intake", owner: "u9", added: 1 } },
      { key: "access/r1/guest", time: 0, writer: HUB, value: "edit" },
    ] },
    { state: APPS, version: 0, entries: [{ key: "intake", time: 0, writer: HUB, value: { version: 1, keys: [], capabilities: [] } }] },
  ]; // prettier-ignore
  const areas: WaitingArea[] = [];
  const joining = join(URL, { name: "Ada", onWaiting: (_, area) => areas.push(area) });
  hub.socket.open();
  hub.socket.session.wait();
  hub.socket.say({ ...WAITING, groups });
  const area = areas[0]!;
  const resource = area.resources.get("r1" as ResourceId)!;
  expect([resource.title, resource.access, area.me.name]).toEqual(["Intake", "edit", "Ada"]);
  resource.state.set("why", "my knee");
  expect(() => resource.stream("x")).toThrow(expect.objectContaining({ reason: "no_capability" }));
  const wish: messages.Fetch = { type: "fetch", number: 1, resource: "r1", method: "GET", url: "https://a.example/", headers: [], body: new Uint8Array() };
  expect(await (await area.courierHost(resource)).fetch(wish)).toMatchObject({ number: 1, reason: "no_right" }); // [A20]
  hub.socket.say({ ...WAITING, groups: [] });
  expect(area.resources.all()).toEqual([]);
  hub.socket.say({ ...WAITING, groups });
  expect(area.resources.get("r1" as ResourceId)!.state.get("why")).toBe("my knee");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(hub.socket.of("write")).toEqual([]);
  hub.welcome();
  const call = await joining;
  await vi.advanceTimersByTimeAsync(100);
  const [write] = hub.socket.of("write");
  expect(write?.groups).toMatchObject([{ state: "state/r1", entries: [{ key: "why", writer: call.me.id, value: "my knee" }] }]);
  resource.state.set("why", "my hip"); // a frame that is about to go
  await vi.advanceTimersByTimeAsync(100);
  expect(hub.socket.of("write").at(-1)?.groups).toMatchObject([{ entries: [{ key: "why", value: "my hip" }] }]);
});

test("[J18] who waits is told so, for as long as it takes, and then is in", async () => {
  const told: messages.Waiting[] = [];
  const joining = join(URL, { name: "Ada", onWaiting: (waiting) => told.push(waiting) });
  hub.socket.open();
  hub.socket.session.wait();
  hub.socket.say(WAITING);
  for (let minutes = 0; minutes < 4; minutes++) {
    await vi.advanceTimersByTimeAsync(30_000);
    hub.socket.say({ type: "pong", number: 1, time: WAITING.time });
  }
  expect(hub.socket.of("ping").length).toBeGreaterThan(2);
  hub.socket.say({ ...WAITING, held: true, words: "Ten minutes, please." });
  expect(told.map(({ held, words }) => [held, words])).toEqual([[false, ""], [true, "Ten minutes, please."]]);
  hub.welcome();
  expect((await joining).link).toBe("joined");
  expect(hub.sockets).toHaveLength(1);
});

test("[J18, J3] a link that breaks while one waits: one is told, and knocks again as the same person", async () => {
  const onLost = vi.fn();
  const joining = join(URL, { name: "Ada", onLost });
  hub.socket.open();
  hub.socket.session.wait();
  hub.socket.say(WAITING, { ...WAITING, held: true, personProof: "" });
  expect(onLost).not.toHaveBeenCalled();
  hub.socket.drop();
  expect(onLost).toHaveBeenCalledOnce();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(hub.sockets).toHaveLength(2);
  hub.welcome();
  expect(hub.socket.of("hello")).toMatchObject([{ person: "proof" }]);
  expect((await joining).link).toBe("joined");
});

test.each([[4410, "declined"], [4411, "removed"], [4412, "call_over"]])(
  "[J19, J20, J23] closed with %i while waiting: %s, and no second try",
  async (close, code) => {
    const joining = expect(join(URL, { name: "Ada" })).rejects.toMatchObject({ code });
    hub.socket.open();
    hub.socket.session.wait();
    hub.socket.say(WAITING);
    hub.socket.drop(close, "why");
    await joining;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(hub.sockets).toHaveLength(1);
  },
);

test("[J29] a host locks the call; it is locked for whoever is in it", async () => {
  const call = await joined();
  const locking = call.hosting.lock();
  await vi.advanceTimersByTimeAsync(16);
  expect(hub.socket.of("write")[0]!.groups).toMatchObject([{ state: CALL, entries: [{ key: "locked", value: true }] }]);
  hub.accept({ saved: false });
  await locking;
  expect(call.hosting.locked).toBe(true);
  hub.socket.say(hub.batch({ [CALL]: { locked: DELETED } }));
  expect(call.hosting.locked).toBe(false);
});

test("[J19, J26] hosts see who waits, longest first, who is kept out, and who has left, the latest first", async () => {
  const call = await joined();
  const told: number[] = [];
  call.on("door", () => told.push(call.hosting.waiting.length));
  const waits = (since: number, name: string) => ({ id: "p7", person: "u7", name, role: "guest", since, held: false, words: "" });
  hub.socket.say(hub.batch({ [DOOR]: {
    "waiting/p8": waits(2, "Cy"), "waiting/p7": waits(1, "Bob"), "waiting/p9": { name: "nonsense" },
    "person/u9": { name: "Eve", removed: 5, banned: true }, "person/u6": { name: "Dee", role: "host" },
    "left/u4": { name: "Flo", since: 3 }, "left/u5": { name: "Gus", since: 4 }, "left/u6": { name: "nonsense" },
  } })); // prettier-ignore
  expect(call.hosting.waiting.map(({ name }) => name)).toEqual(["Bob", "Cy"]);
  expect(call.hosting.noted).toEqual([
    { person: "u9", name: "Eve", role: undefined, removed: 5, banned: true },
    { person: "u6", name: "Dee", role: "host", removed: 0, banned: false },
  ]);
  expect(call.hosting.left).toEqual([{ person: "u5", name: "Gus", since: 4 }, { person: "u4", name: "Flo", since: 3 }]);
  hub.socket.say(hub.batch({ [DOOR]: { "waiting/p7": DELETED, "waiting/p8": DELETED } }));
  expect(told).toEqual([2, 0]);
});

test("[Y6] hosts see which Python halves do not run, and why", async () => {
  const call = await joined();
  const told: number[] = [];
  call.on("door", () => told.push(call.hosting.halves.length));
  const trouble = { app: "Timer", failures: 2, again: 5, error: "ValueError: no" };
  hub.socket.say(hub.batch({ [DOOR]: { "half/r1": trouble, "half/r2": { app: "nonsense" } } }));
  expect(call.hosting.halves).toEqual([{ resource: "r1", ...trouble }]);
  hub.socket.say(hub.batch({ [DOOR]: { "half/r1": DELETED } }));
  expect(told).toEqual([1, 0]);
});

test("[J21] a command resolves with its answer, and rejects with the reason why not", async () => {
  const call = await joined();
  const admitting = call.hosting.admit(BOB);
  const giving = expect(call.hosting.setRole(BOB, undefined)).rejects.toMatchObject({ code: "denied", reason: "last_host", message: "alone" });
  await turn();
  const [admit, give] = commands();
  expect([admit, give]).toMatchObject([{ action: "admit", person: "u7", option: "" }, { action: "role", person: "u7", option: "" }]);
  answer(give!, "last_host", "alone");
  answer(admit!);
  answer({ ...admit!, id: "never asked" });
  await Promise.all([admitting, giving]);
});

test("[J30] a host mutes one or everybody else; who is muted is told by whom, once", async () => {
  const call = await joined();
  const told: string[] = [];
  call.on("muted", (by) => told.push(by));
  const muting = Promise.all([call.hosting.mute(BOB), call.hosting.mute()]);
  await turn();
  expect(commands()).toMatchObject([{ action: "mute", person: "u7" }, { action: "mute", person: "" }]);
  commands().forEach((command) => answer(command));
  await muting;
  const say = (muted: Json | undefined): void => {
    const me = { id: "p5", person: "u5", name: "Ada", role: "host", ...(muted !== undefined && { muted }) };
    hub.socket.say(hub.batch({ [ROSTER]: { p5: me, p7: { ...me, id: "p7", muted: { time: 9, by: "u5" } } } }));
  };
  say(undefined);
  say({ time: 1, by: "u7" });
  say({ time: 1, by: "u7" });
  say("nonsense");
  expect(told).toEqual(["u7"]);
  hub.socket.drop();
  await vi.advanceTimersByTimeAsync(1_000);
  hub.welcome(); // the hub was begun anew, and knows nothing of it
  say({ time: 2, by: "" });
  expect(told).toEqual(["u7", ""]);
});

test("[J18, L8] the waiting area is set when the hub has taken it, and not while it refuses", async () => {
  const call = await joined();
  const setting = call.hosting.setWaitingArea(true);
  await vi.advanceTimersByTimeAsync(20);
  hub.accept({ saved: false });
  await setting;
  const refused = expect(call.hosting.setWaitingArea(undefined)).rejects.toMatchObject({ code: "denied", reason: "read_only" });
  await vi.advanceTimersByTimeAsync(20);
  const [first, second] = hub.socket.of("write").map(({ groups }) => groups[0]!.entries[0]!);
  expect([first, second]).toMatchObject([{ key: "waiting_area", value: true }, { key: "waiting_area", value: DELETED }]);
  const { time, writer } = second!;
  const places = [["call", "waiting_area"]] as const;
  hub.socket.say({ type: "denied", reason: "read_only", why: "the hub cannot save", time, writer, places, now: time });
  await refused;
});

test("[J21] a command that was not answered goes out again over the next link, with the same id", async () => {
  const call = await joined();
  const removing = call.hosting.remove(BOB);
  await turn();
  const [first] = commands();
  hub.socket.drop();
  const ending = call.hosting.hold(undefined, "Soon."); // without a link
  await vi.advanceTimersByTimeAsync(1_000);
  hub.welcome();
  await turn();
  expect(commands()).toMatchObject([first, { action: "hold", person: "", option: "Soon." }]);
  for (const command of commands()) answer(command);
  await Promise.all([removing, ending]);
  hub.socket.drop();
  await vi.advanceTimersByTimeAsync(1_000);
  hub.welcome();
  await turn();
  expect(commands()).toEqual([]);
});

test("[J21] no answer, and the end of the call, are told", async () => {
  const call = await joined();
  const late = expect(call.hosting.end({ timeout: 2_000 })).rejects.toMatchObject({ code: "timed_out" });
  await vi.advanceTimersByTimeAsync(2_000);
  await late;
  const over = expect(call.hosting.ban(BOB)).rejects.toMatchObject({ code: "call_over" });
  await turn();
  hub.socket.drop(4412, "over");
  await over;
  await expect(call.hosting.handOver(BOB)).rejects.toMatchObject({ code: "call_over" });
});
