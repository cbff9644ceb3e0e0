import { CALL, DELETED, HUB_STATE, keyOf, type Message, type ParticipantId, READ_ONLY, ROSTER, stateOf, type ResourceId } from "@callmesh/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { Call } from "../src/call.ts";
import { join, readAddress } from "../src/join.ts";
import { FakeHub, someone } from "./fakeHub.ts";

const URL = "http://127.0.0.1:8484/call/demo";
const R1 = "r1" as ResourceId;

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

async function joined(options: Parameters<FakeHub["welcome"]>[0] = {}): Promise<Call> {
  const joining = join(URL, { name: "Ada" });
  hub.welcome(options);
  return joining;
}

/** A turn of the event loop. */
async function turn(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

describe("joining", () => {
  test("[J1, K6] hello first; in with the welcome and a batch", async () => {
    const joining = join(`${URL}#role=guest&token=t`, { name: " Ada ", person: "proof" });
    hub.welcome({ here: ["p1"] });
    const call = await joining;
    expect(hub.socket.url).toBe("ws://127.0.0.1:8484/call/demo/socket");
    expect(hub.socket.heard[0]).toEqual({
      type: "hello", version: 1, call: "demo", name: "Ada", role: "guest", token: "t", person: "proof", resume: null,
      cursor: 0, offers: [], key: "",
    }); // prettier-ignore
    expect([...call.participants.keys()]).toEqual(["p5", "p1"]);
    expect(call).toMatchObject({ id: "demo", link: "joined", status: "synced", personProof: "person" });
    expect(call.me.id).toBe("p5");
    const may = ["active", "resource/rnew", "title", "access/r1/guest"].filter((key) => call.state.canWrite(key));
    expect(may).toEqual(["active", "resource/rnew"]); // a guest, as the roster says
  });

  test("[S24] what cannot be read is told in the console, once", async () => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    const call = await joined();
    const { groups, ...batch } = hub.batch({ [CALL]: { odd: 1 } });
    const odd = groups.map((group) => ({ ...group, entries: group.entries.map((entry) => ({ ...entry, unreadable: "?" })) }));
    hub.socket.say({ ...batch, groups: odd });
    hub.socket.say({ ...batch, groups: odd });
    expect(warn.mock.calls).toEqual([["odd of call cannot be read, and counts as not there: bytes are no value"]]);
    expect([call.state.has("odd"), ...call.state.unreadable]).toEqual([false, ["odd", "bytes are no value"]]);
  });

  test("the address of a call", () => {
    expect(readAddress("https://host:1/pre/fix/call/demo/?x=1#role=observer")).toEqual({
      id: "demo", socket: "wss://host:1/pre/fix/call/demo/socket", role: "observer", token: undefined,
    }); // prettier-ignore
    for (const bad of ["http://host/", "http://host/call/", "ftp://host/call/x", "nonsense", "http://host/call/a%20b"]) {
      expect(() => readAddress(bad), bad).toThrow(expect.objectContaining({ code: "bad_name" }));
    }
  });

  test("[J10] a name that cannot be one is refused before anything is sent", async () => {
    await expect(join(URL, { name: " \n" })).rejects.toMatchObject({ code: "bad_name" });
    expect(hub.sockets).toEqual([]);
  });

  test.each([
    [4401, "unauthorized"],
    [4404, "no_such_call"],
    [4422, "bad_name"],
    [4429, "too_fast"],
    [4503, "storage_failed"],
    [1006, "broken"],
    [4999, "broken"],
  ])("[W6] refused at the door with %i: %s, and no second try", async (close, code) => {
    const joining = expect(join(URL, { name: "Ada" })).rejects.toMatchObject({ code });
    hub.socket.drop(close, "why");
    await joining;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(hub.sockets).toHaveLength(1);
  });

  test("[W6] the error that the hub names before it closes is the one", async () => {
    const joining = expect(join(URL, { name: "Ada" })).rejects.toMatchObject({ code: "refused", message: "go away" });
    hub.socket.open();
    hub.socket.say({ type: "error", code: "refused", message: "go away" });
    await joining;
  });

  test("[W5] a hub that does not answer: timed out; or whoever asked changed their mind", async () => {
    const joining = expect(join(URL, { name: "Ada", timeout: 3_000 })).rejects.toMatchObject({ code: "timed_out" });
    await vi.advanceTimersByTimeAsync(3_000);
    await joining;
    const stop = new AbortController();
    const other = expect(join(URL, { name: "Ada", signal: stop.signal })).rejects.toBe("enough");
    stop.abort("enough");
    await other;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(hub.sockets.map(({ readyState }) => readyState)).toEqual([3, 3]);
  });
});

describe("coming back", () => {
  test("[W7] as the same participant, with the cursor, with growing pauses", async () => {
    const call = await joined({ here: ["p1"] });
    const link: string[] = [];
    call.on("link", () => link.push(call.link));
    const pauses: number[] = [];
    hub.proofs.resume = "second";
    hub.socket.drop();
    for (let tries = 1; tries <= 8; tries++) {
      const before = hub.sockets.length;
      let pause = 0;
      while (hub.sockets.length === before) {
        pause += 250;
        await vi.advanceTimersByTimeAsync(250);
      }
      pauses.push(pause);
      if (tries < 8) hub.socket.drop();
    }
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(call).toMatchObject({ link: "reconnecting", status: "offline" });
    hub.welcome({ whole: false });
    expect(hub.socket.heard[0]).toMatchObject({ resume: "resume", person: "person", cursor: 1 });
    expect(call).toMatchObject({ link: "joined", status: "synced" });
    expect(link).toEqual(["reconnecting", "joined"]);
    expect([...call.participants.keys()]).toEqual(["p5", "p1"]);
    hub.socket.drop();
    await vi.advanceTimersByTimeAsync(8_000);
    hub.socket.open();
    expect(hub.socket.heard[0]).toMatchObject({ resume: "second", cursor: 2 });
  });

  test.each([
    [4012, 0, 500],
    [4012, 1, 5_000],
    [1012, 0.5, 2_750],
  ])("[L10] after a hub that restarts, at a random moment: %i, %d", async (code, random, pause) => {
    const call = await joined();
    vi.mocked(Math.random).mockReturnValue(random);
    hub.socket.drop(code, "restarting");
    expect(call.link).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(pause - 1);
    expect(hub.sockets).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(hub.sockets).toHaveLength(2);
    hub.welcome({ whole: false });
    expect(hub.socket.heard[0]).toMatchObject({ resume: "resume", cursor: 1 });
  });

  test("[W7] pauses are short again after a link that held", async () => {
    await joined();
    for (let n = 0; n < 5; n++) {
      hub.socket.drop();
      await vi.advanceTimersByTimeAsync(8_000);
    }
    hub.welcome();
    await vi.advanceTimersByTimeAsync(9_000);
    const before = hub.sockets.length;
    hub.socket.drop();
    await vi.advanceTimersByTimeAsync(250);
    expect(hub.sockets).toHaveLength(before + 1);
  });

  test("[W7] silence for 40 s is a broken link; a pong is a word", async () => {
    const call = await joined();
    for (let n = 1; n <= 4; n++) {
      await vi.advanceTimersByTimeAsync(16_000);
      const ping = hub.socket.of("ping").at(-1)!;
      hub.socket.say({ type: "pong", number: ping.number, time: 1_700_000_100_000_000 });
    }
    expect(call.link).toBe("joined");
    await vi.advanceTimersByTimeAsync(41_000);
    expect(call.link).toBe("reconnecting");
    expect(hub.sockets[0]!.readyState).toBe(3);
  });

  test.each([
    [4409, "replaced"],
    [4400, "bad_message"],
    [4413, "too_large"],
  ])("[W6] closed with %i, coming back cannot help: %s ends the call", async (close, code) => {
    const call = await joined();
    const errors: string[] = [];
    call.on("error", (error) => errors.push(error.code));
    const waiting = expect(call.state.saved()).resolves.toBeUndefined();
    hub.socket.drop(close);
    await waiting;
    expect(call.link).toBe("left");
    expect(errors).toEqual([code]);
    call.state.set("x", 1);
    await expect(call.state.saved()).rejects.toMatchObject({ code });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(hub.sockets).toHaveLength(1);
  });

  test("[W2] rubbish from the hub ends the call with bad_message", async () => {
    const call = await joined();
    hub.socket.raw("text");
    expect(call.link).toBe("left");
  });

  test("[J2] a hub that has forgotten who this is ends it, rather than write in another's name", async () => {
    const call = await joined();
    hub.socket.drop();
    await vi.advanceTimersByTimeAsync(250);
    hub.participant = "p6";
    hub.welcome();
    expect(call.link).toBe("left");
  });
});

describe("writing", () => {
  test("[S9] the first write leaves at once, the others once per frame, conflated", async () => {
    const call = await joined();
    await vi.advanceTimersByTimeAsync(100);
    for (let n = 0; n < 500; n++) {
      call.state.set("n", n);
      await vi.advanceTimersByTimeAsync(0.1);
    }
    await vi.advanceTimersByTimeAsync(16);
    const writes = hub.socket.of("write").map(({ groups: [group] }) => group!.entries.map(({ value }) => value));
    expect(writes[0]).toEqual([0]);
    expect(writes.at(-1)).toEqual([499]);
    expect(writes.length).toBeLessThan(8);
  });

  test("[S9] on a slow way out writes wait, conflated", async () => {
    const call = await joined();
    await vi.advanceTimersByTimeAsync(100);
    hub.socket.bufferedAmount = 2 ** 21;
    for (let n = 0; n < 5; n++) {
      call.state.set("n", n);
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(hub.socket.of("write")).toEqual([]);
    hub.socket.bufferedAmount = 0;
    await vi.advanceTimersByTimeAsync(20);
    expect(hub.socket.of("write")).toHaveLength(1);
  });

  test("[S11] what was written is sent again over the next link, until it is saved", async () => {
    const call = await joined();
    const status: string[] = [];
    call.on("status", () => status.push(call.status));
    call.state.set("a", 1);
    const saved = call.state.saved({ timeout: 60_000 });
    await turn();
    hub.socket.drop();
    call.state.set("b", 2);
    await vi.advanceTimersByTimeAsync(250);
    hub.welcome({ whole: false });
    await turn();
    const again = hub.socket.of("write").flatMap(({ groups }) => groups.flatMap((group) => group.entries));
    expect(again.map(({ key, value }) => [key, value]).sort()).toEqual([["a", 1], ["b", 2]]); // prettier-ignore
    hub.accept();
    await saved;
    expect(call.status).toBe("synced");
    expect(status).toEqual(["saving", "offline", "saving", "synced"]);
  });

  test("[L8, S16] a hub that cannot save makes the call read-only until it can", async () => {
    const call = await joined();
    const told: string[] = [];
    call.on("status", () => told.push(call.status));
    call.on("rights", () => told.push(`may write: ${call.state.canWrite("active")}`));
    hub.socket.say(hub.batch({ [HUB_STATE]: { [READ_ONLY]: "the disk is full" } }));
    hub.socket.say(hub.batch({ [HUB_STATE]: { [READ_ONLY]: DELETED } }));
    expect(told).toEqual(["may write: false", "read_only", "may write: true", "synced"]);
  });

  test("[S8] saved() times out, and can be given up", async () => {
    const call = await joined();
    call.state.set("a", 1);
    const late = expect(call.state.saved()).rejects.toMatchObject({ code: "timed_out" });
    await vi.advanceTimersByTimeAsync(30_000);
    await late;
    const stop = new AbortController();
    const given = expect(call.state.saved({ signal: stop.signal })).rejects.toBe("up");
    stop.abort("up");
    await given;
  });

  test("[S10] a denial undoes the write, and is there to be shown", async () => {
    const call = await joined();
    const errors: string[] = [];
    call.on("error", (error) => errors.push(error.message));
    call.state.set("a", 1);
    await turn();
    const { time, writer } = hub.socket.of("write")[0]!.groups[0]!.entries[0]!;
    hub.socket.say({ type: "denied", reason: "no_right", why: "not you", time, writer, places: [[CALL, "a"]], now: time });
    expect(call.state.has("a")).toBe(false);
    expect(errors).toEqual(["not you"]);
  });

  test("leaving sends what was written, then goodbye, and ends it", async () => {
    const call = await joined();
    await vi.advanceTimersByTimeAsync(100);
    call.state.set("a", 1);
    call.state.set("a", 2);
    await call.leave();
    expect(hub.socket.heard.slice(-2)).toMatchObject([{ type: "write" }, { type: "leave" }]);
    expect(call.link).toBe("left");
    await call.leave();
    await vi.advanceTimersByTimeAsync(100);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("resources", () => {
  test("[R1] added in one transaction with its first state; there when the hub has it", async () => {
    const call = await joined();
    const adding = call.resources.add("poll", { title: " My poll ", state: { question: "Why?" } });
    await turn();
    const [write] = hub.socket.of("write");
    const [first, second] = write!.groups;
    const id = first!.entries[0]!.key.slice("resource/".length) as ResourceId;
    expect(first!.entries[0]!.value).toMatchObject({ app: "poll", title: "My poll", owner: "u5" });
    expect(second).toMatchObject({ state: stateOf(id), entries: [{ key: "question", value: "Why?" }] });
    hub.accept({ saved: false });
    const resource = await adding;
    expect(resource).toMatchObject({ id, app: "poll", title: "My poll", owner: "u5", adder: true });
    expect(resource.state.get("question")).toBe("Why?");
  });

  test("[R6] denied: add rejects, and nothing is left of it", async () => {
    const call = await joined();
    const shown: string[] = [];
    call.on("error", ({ message }) => shown.push(message));
    const adding = expect(call.resources.add("nope", { state: { a: 1 } })).rejects.toMatchObject({ reason: "no_app" });
    await turn();
    const { groups } = hub.socket.of("write")[0]!;
    const { time, writer } = groups[0]!.entries[0]!;
    const places = groups.flatMap(({ state, entries }) => entries.map(({ key }) => [state, key] as const));
    hub.socket.say({ type: "denied", reason: "no_app", why: "no such app", time, writer, places, now: time });
    await adding;
    expect(call.resources.all()).toEqual([]);
    expect(shown).toEqual([]);
  });

  test("[R5] removed: its streams end; if the hub says no it is back with its state", async () => {
    const call = await joined();
    hub.addResource();
    hub.socket.say(hub.batch({ [stateOf(R1)]: { a: 1 } }));
    const stream = call.resources.get(R1)!.stream("pen");
    call.resources.remove(R1);
    expect(call.resources.get(R1)).toBeUndefined();
    expect(stream.over).toBe(true);
    await turn();
    const { time, writer, key } = hub.socket.of("write")[0]!.groups[0]!.entries[0]!;
    hub.socket.say({ type: "denied", reason: "no_right", why: "not yours", time, writer, places: [[CALL, key]], now: time });
    expect(call.resources.get(R1)!.state.get("a")).toBe(1);
    call.resources.remove(R1);
    await vi.advanceTimersByTimeAsync(16);
    hub.accept();
    expect(call.mesh.keys(stateOf(R1))).toEqual([]);
  });

  test("[R12] removed so that it can be restored: it comes back with its state, and goes for good by the hub's hand", async () => {
    const call = await joined();
    hub.addResource();
    hub.socket.say(hub.batch({ [stateOf(R1)]: { a: 1 } }));
    const stream = call.resources.get(R1)!.stream("pen");
    call.resources.remove(R1, { restorable: true });
    expect(call.resources.all()).toEqual([]);
    expect(stream.over).toBe(true);
    expect(call.resources.removed).toMatchObject([{ id: R1, title: "Poll", by: call.me.id }]);
    await turn();
    expect(hub.socket.of("write")[0]!.groups[0]!.entries[0]!.value).toMatchObject({ app: "poll", removed: true });
    hub.accept();
    call.resources.restore(R1);
    expect(call.resources.get(R1)!.state.get("a")).toBe(1);
    expect(call.resources.removed).toEqual([]);
    await vi.advanceTimersByTimeAsync(16);
    hub.accept();
    call.resources.remove(R1, { restorable: true });
    await vi.advanceTimersByTimeAsync(16);
    hub.accept();
    hub.socket.say(hub.batch({ [CALL]: { [keyOf(R1)]: DELETED } }));
    expect(call.resources.removed).toEqual([]);
    expect(call.mesh.keys(stateOf(R1))).toEqual([]);
  });

  test("[R7] one is in view for everybody", async () => {
    const call = await joined();
    const told: unknown[] = [];
    call.on("active", () => told.push(call.active));
    hub.addResource();
    call.show(R1);
    expect(told).toEqual([R1]);
    hub.socket.say(hub.batch({ [CALL]: { active: "r2" } }));
    expect(call.active).toBeUndefined(); // it is not there
    expect(told).toEqual([R1, undefined]);
  });
});

test("[J20] who is gone from the roster has their peer connection closed, and is reached no more", async () => {
  const connections: FakeConnection[] = [];
  class FakeConnection {
    closed = false;
    remoteDescription = null;
    connectionState = "new";
    constructor() {
      connections.push(this);
    }
    createDataChannel(): object {
      return { readyState: "connecting", close: () => undefined };
    }
    close(): void {
      this.closed = true;
    }
  }
  vi.stubGlobal("RTCPeerConnection", FakeConnection);
  const call = await joined();
  hub.addResource();
  const rtc = (id: string) => ({ ...someone(id), offers: ["rtc"] });
  hub.socket.say(hub.batch({ [ROSTER]: { p5: rtc("p5") } }));
  hub.socket.say(hub.batch({ [ROSTER]: { p1: rtc("p1"), p2: rtc("p2") } }));
  expect(connections.map(({ closed }) => closed)).toEqual([false, false]);
  hub.socket.say(hub.batch({ [ROSTER]: { p1: DELETED } }));
  expect(connections.map(({ closed }) => closed)).toEqual([true, false]);
  expect([...call.participants.keys()]).toEqual(["p5", "p2"]);
  hub.socket.say({ type: "signal", peer: "p1", data: '{"candidate":{}}' });
  await vi.advanceTimersByTimeAsync(6_000);
  const pen = call.resources.get(R1)!.stream("pen", { mode: "latest" });
  hub.socket.say(reads("p2", "pen", "latest"));
  await pen.send({ x: 1 });
  await turn();
  expect(hub.socket.of("stream").map(({ peers, number }) => [peers, number])).toEqual([[[], 1]]);
  expect(connections).toHaveLength(2);
});

describe("another network, or a sleep", () => {
  class Connection {
    static all: Connection[] = [];
    readonly control = { readyState: "connecting", bufferedAmount: 0, onopen: (): void => undefined, send: (): void => undefined };
    restarts = 0;
    closed = false;
    remoteDescription = null;
    signalingState = "stable";
    connectionState = "new";
    onconnectionstatechange = (): void => undefined;
    constructor() {
      Connection.all.push(this);
    }
    createDataChannel(): object {
      return this.control;
    }
    restartIce(): void {
      this.restarts++;
    }
    close(): void {
      this.closed = true;
    }
    turn(state: string): void {
      this.connectionState = state;
      this.control.readyState = "open";
      this.onconnectionstatechange();
    }
  }

  /** With p7, a browser, and p9, a program, whom p5 here offers to: a direct path to each. */
  async function direct(): Promise<{ call: Call; browser: Connection; program: Connection }> {
    Connection.all = [];
    vi.stubGlobal("RTCPeerConnection", Connection);
    const call = await joined();
    const offering = (id: string, ...offers: string[]) => ({ ...someone(id), offers });
    const roster = { p5: offering("p5", "rtc", "restart"), p7: offering("p7", "rtc", "restart"), p9: offering("p9", "rtc") };
    hub.socket.say(hub.batch({ [ROSTER]: roster }));
    const [browser, program] = Connection.all as [Connection, Connection];
    for (const each of [browser, program]) each.turn("connected");
    expect(paths(call)).toEqual(["direct", "direct"]);
    return { call, browser, program };
  }

  const paths = (call: Call): string[] => ["p7", "p9"].map((id) => call.path(id as ParticipantId));

  test("[D22] what broke is mended at once, with the same connection where that can be", async () => {
    const { call, browser, program } = await direct();
    for (const each of [browser, program]) each.turn("disconnected");
    expect(paths(call)).toEqual(["relay", "relay"]);
    await vi.advanceTimersByTimeAsync(500);
    expect([browser.restarts, browser.closed, program.closed, Connection.all.length]).toEqual([1, false, true, 3]);
    browser.turn("connected");
    Connection.all[2]?.turn("connected");
    expect(paths(call)).toEqual(["direct", "direct"]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect([browser.restarts, Connection.all.length]).toEqual([1, 3]);
  });

  test("[D22] who cannot mend asks who can", async () => {
    const { call } = await direct();
    const offering = (id: string) => ({ ...someone(id), offers: ["rtc", "restart"] });
    hub.socket.say(hub.batch({ [ROSTER]: { p1: offering("p1") } }));
    const browser = Connection.all[2]!;
    browser.turn("connected");
    browser.turn("disconnected");
    await vi.advanceTimersByTimeAsync(500);
    expect(hub.socket.of("signal").filter(({ data }) => data === '{"again":true}')).toMatchObject([{ peer: "p1" }]);
    expect([browser.restarts, browser.closed]).toEqual([0, false]);
    expect(paths(call)).toEqual(["direct", "direct"]);
    hub.socket.say({ type: "signal", peer: "p9", data: '{"again":true}' });
    expect(paths(call)).toEqual(["direct", "relay"]);
    expect(Connection.all).toHaveLength(4);
  });

  test("[D23] [W7] who has slept asks the hub at once, restarts ICE, and seeks other paths to programs", async () => {
    const { call, browser, program } = await direct();
    await vi.advanceTimersByTimeAsync(1_000);
    vi.setSystemTime(Date.now() + 60_000);
    await vi.advanceTimersByTimeAsync(500);
    expect(hub.socket.of("ping")).toHaveLength(1);
    expect([browser.restarts, program.closed]).toEqual([1, true]);
    expect(paths(call)).toEqual(["direct", "relay"]);
    await vi.advanceTimersByTimeAsync(7_000);
    expect([call.link, hub.sockets.length]).toEqual(["reconnecting", 2]);
    hub.welcome({ whole: false, here: ["p7", "p9"] });
    expect(call.link).toBe("joined");
  });

  test("[D23] another network is tried at once, and what still holds is left", async () => {
    const listeners = new Set<() => void>();
    const connection = { addEventListener: (_: string, fn: () => void) => listeners.add(fn), removeEventListener: (_: string, fn: () => void) => listeners.delete(fn) };
    vi.stubGlobal("navigator", { connection });
    vi.stubGlobal("window", { addEventListener: () => undefined, removeEventListener: () => undefined });
    const { call, browser, program } = await direct();
    for (const tell of listeners) tell();
    expect([browser.restarts, program.closed, ...paths(call)]).toEqual([1, false, "direct", "direct"]);
    expect(hub.socket.of("ping")).toHaveLength(1);
    await call.leave();
    expect(listeners.size).toBe(0);
  });
});

/** What a participant says who has a stream open. */
function reads(peer: string, name: string, mode: "reliable" | "latest", number = 0): Message {
  return { type: "taken", peers: [peer], resource: "r1", name, mode, opened: 1, number, word: "taken", came: 0, ordered: false, retransmits: 0 };
}

describe("streams by way of the hub", () => {
  const P1 = "p1" as ParticipantId;

  test("[D6] [D7] where there is no WebRTC: to those named, with numbers that count", async () => {
    const call = await joined({ here: ["p1", "p2"] });
    hub.addResource();
    const pen = call.resources.get(R1)!.stream("pen", { mode: "latest" });
    expect(call.path(P1)).toBe("relay");
    await turn();
    expect(hub.socket.of("taken")).toMatchObject([{ peers: ["p1", "p2"], name: "pen", mode: "latest", opened: 1, word: "open" }]);
    hub.socket.say(reads("p1", "pen", "latest"), reads("p2", "pen", "latest"));
    await pen.send({ x: 1 });
    await turn();
    await pen.send(new Uint8Array([7]), { to: [P1] });
    await pen.send("nobody", { to: [] });
    await turn();
    expect(hub.socket.of("stream")).toMatchObject([
      { peers: [], resource: R1, name: "pen", mode: "latest", number: 1, json: true },
      { peers: ["p1"], number: 2, json: false, payload: new Uint8Array([7]) },
    ]);
  });

  test("[W8] [D2] a sender has so much under way, and waits; what a broken link carried goes again", async () => {
    const call = await joined({ here: ["p1"] });
    hub.addResource();
    const file = call.resources.get(R1)!.stream("file");
    hub.socket.say(reads("p1", "file", "reliable"));
    let sent = 0;
    const all = (async () => {
      for (; sent < 60; sent++) await file.send(new Uint8Array(50_000));
    })();
    await turn();
    expect(hub.socket.of("stream")).toHaveLength(5);
    expect(sent).toBeLessThan(30);
    hub.socket.say({ type: "relayed", total: 250_000 }, reads("p1", "file", "reliable", 2));
    await turn();
    expect(hub.socket.of("stream")).toHaveLength(10);
    hub.socket.drop();
    await vi.advanceTimersByTimeAsync(250);
    hub.welcome({ whole: false });
    await turn();
    expect(hub.socket.of("stream").map(({ number }) => number)).toEqual([3, 4, 5, 6, 7]);
    expect(hub.socket.of("stream")[0]!.step).toBe(1);
    for (let count = 6; count <= 66; count++) {
      hub.socket.say({ type: "relayed", total: 50_000 * hub.socket.of("stream").length });
      hub.socket.say(reads("p1", "file", "reliable", hub.socket.of("stream").at(-1)!.number));
      await turn();
    }
    await all;
    expect(hub.socket.of("stream").at(-1)!.number).toBe(60);
  });

  test("[D1] [D8] what comes is for the stream that is open; rubbish is dropped", async () => {
    const call = await joined({ here: ["p1"] });
    hub.addResource();
    const heard: unknown[] = [];
    call.resources.get(R1)!.stream("pen").subscribe(({ data }) => heard.push(data));
    const message = { type: "stream", peers: ["p1"], resource: "r1", name: "pen", mode: "reliable", json: false, step: 1, part: 0, parts: 1 } as const;
    const payload = new Uint8Array([1]);
    hub.socket.say({ ...message, number: 1, payload });
    hub.socket.say({ ...message, number: 1, payload });
    hub.socket.say({ ...message, number: 2, payload: new Uint8Array([0xc1]), json: true });
    hub.socket.say({ ...message, number: 3, resource: "r2", payload });
    hub.socket.say({ ...message, number: 4, name: "other", payload });
    hub.socket.say({ ...message, number: 5, payload });
    await turn();
    expect(hub.socket.of("taken").at(-1)).toMatchObject({ peers: ["p1"], number: 2, word: "again" });
    hub.socket.say({ ...message, number: 5, step: 3, payload: new Uint8Array([5]) });
    expect(heard).toEqual([new Uint8Array([1]), new Uint8Array([5])]);
    expect(call.link).toBe("joined");
  });

  test("[D11] a reader who took nothing for too long learns it, after what did arrive", async () => {
    const call = await joined({ here: ["p1"] });
    hub.addResource();
    const pen = call.resources.get(R1)!.stream("pen");
    const message = { type: "stream", peers: ["p1"], resource: "r1", name: "pen", mode: "reliable", json: false, step: 1, part: 0, parts: 1 } as const;
    hub.socket.say({ ...message, number: 1, payload: new Uint8Array([1]) });
    hub.socket.say({ ...message, mode: "latest", number: 0, payload: new Uint8Array() });
    hub.socket.say({ ...message, number: 0, payload: new Uint8Array() });
    const heard: number[] = [];
    const read = (async () => {
      for await (const { number } of pen) heard.push(number);
    })();
    await expect(read).rejects.toMatchObject({ code: "broken" });
    expect(heard).toEqual([1]);
  });

  test("a participant who leaves is gone, and its numbers may start anew", async () => {
    const call = await joined({ here: ["p1"] });
    hub.addResource();
    const heard: unknown[] = [];
    call.resources.get(R1)!.stream("pen").subscribe(({ number }) => heard.push(number));
    const message = { type: "stream", peers: ["p1"], resource: "r1", name: "pen", mode: "reliable", json: true, step: 9, part: 0, parts: 1 } as const;
    hub.socket.say({ ...message, number: 9, payload: new Uint8Array([1]) });
    hub.socket.say(hub.batch({ [ROSTER]: { p1: { ...someone("p1"), here: false } } }));
    expect(call.participants.get(P1)!.here).toBe(false);
    hub.socket.say(hub.batch({}, { whole: true }));
    expect(call.participants.size).toBe(0);
    hub.socket.say({ ...message, number: 1, step: 1, payload: new Uint8Array([1]) });
    expect(heard).toEqual([9]); // the resource is gone too
  });
});
