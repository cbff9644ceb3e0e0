import { beforeEach, describe, expect, test, vi } from "vitest";

import { Closed } from "../src/errors.ts";
import { CALL, HUB, type ParticipantId, type StateId, type Writer } from "../src/ids.ts";
import { Listeners } from "../src/listeners.ts";
import type { Group } from "../src/messages.ts";
import type { Change } from "../src/mesh.ts";
import { Pace } from "../src/pace.ts";
import { Replica } from "../src/replica.ts";
import { SharedPresence } from "../src/presence.ts";
import { SharedState, type Transaction } from "../src/shared.ts";
import { DELETED, type Entry } from "../src/state.ts";

const STATE = "state/r1" as StateId;
const PRESENCE = "presence/r1" as StateId;
const P1 = "p1" as ParticipantId;

type Listen = (...given: unknown[]) => unknown;

let time: number;
let flush: ReturnType<typeof vi.fn<() => void>>;
let timers: { at: number; fn: () => void }[];
let replica: Replica;
let state: SharedState;
let cursor: number;

beforeEach(() => {
  time = 1_700_000_000_000_000;
  timers = [];
  cursor = 1;
  flush = vi.fn<() => void>();
  const after = (milliseconds: number, fn: () => void) => {
    const timer = { at: milliseconds, fn };
    timers.push(timer);
    return () => void timers.splice(timers.indexOf(timer), 1);
  };
  replica = new Replica({ now: () => time++, after, flush });
  replica.mesh.writer = P1 as string as Writer;
  state = new SharedState(replica, STATE);
  replica.hear({ type: "batch", cursor, saved: cursor, whole: true, groups: [] });
});

/** The hub takes what was sent. */
function accept(groups: readonly Group[], saved = true): void {
  cursor++;
  replica.hear({ type: "batch", cursor, saved: saved ? cursor : cursor - 1, whole: false, groups });
}

function sent(): Group[] {
  return replica.mesh.outgoing().flatMap(({ groups }) => groups);
}

describe("a shared State", () => {
  test("is a map of frozen values", () => {
    const value = { x: [1] };
    state.set("a/1", value);
    value.x.push(2);
    state.set("b", null);
    expect(state.get("a/1")).toEqual({ x: [1] });
    expect(state.toObject()).toEqual({ "a/1": { x: [1] }, b: null });
    expect([state.size, state.has("b"), state.has("c"), state.keys(), state.entries().length]).toEqual([2, true, false, ["a/1", "b"], 2]);
    state.delete("b");
    state.delete("never");
    expect(state.keys()).toEqual(["a/1"]);
    expect(flush).toHaveBeenCalledTimes(3);
  });

  test("[S5] a transaction is one message and one change", () => {
    state.set("gone", 1);
    accept(sent());
    const changes = vi.fn<(change: Change | undefined) => void>();
    state.subscribe(changes);
    state.update({ a: 1, b: 2, gone: undefined, never: undefined });
    expect(changes.mock.calls).toEqual([[undefined], [expect.objectContaining({ cause: "own" })]]);
    expect([...changes.mock.calls[1]![0]!.keys.keys()]).toEqual(["a", "b", "gone"]);
    const [group, ...others] = sent();
    expect(others).toEqual([]);
    expect(group!.entries.map(({ key, value }) => [key, value])).toEqual([["a", 1], ["b", 2], ["gone", DELETED]]); // prettier-ignore
    expect(new Set(group!.entries.map((entry) => entry.time)).size).toBe(1);
  });

  test("[S5] all that is written to a State within a transaction is part of it, and seen there", () => {
    state.update({ "shape/1/x": 1, gone: 1 });
    const changes = vi.fn<(change: Change) => void>();
    state.listen(changes);
    const seen: unknown[] = [];
    state.transaction((writes) => {
      writes.set("n", 1);
      writes.set("n", (writes.get("n") as number) + 1);
      state.at("shape/1").set("x", 2);
      state.delete("gone");
      state.list("todo").append("Milk");
      state.transaction((inner) => inner.set("inner", [state.get("n") as number]));
      writes.delete("never");
      seen.push(writes.get("n"), writes.has("gone"), state.get("shape/1/x"), state.has("gone"), state.list("todo").entries().length);
      seen.push(state.keys().filter((key) => !key.startsWith("todo/")).sort());
      expect(() => (state.get("inner") as number[]).push(1)).toThrow(TypeError); // frozen, as ever
      expect(changes).not.toHaveBeenCalled();
    });
    expect(seen).toEqual([2, false, 2, false, 1, ["inner", "n", "shape/1/x"]]);
    expect(changes).toHaveBeenCalledOnce();
    expect([...changes.mock.calls[0]![0].keys].filter(([key]) => !key.startsWith("todo/")).map(([key, { new: value }]) => [key, value])).toEqual([
      ["n", 2], ["shape/1/x", 2], ["gone", undefined], ["inner", [2]],
    ]); // prettier-ignore
    const own = sent().flatMap(({ entries }) => entries);
    expect(new Set(own.slice(-6).map(({ time }) => time)).size).toBe(1);
  });

  test("[S5] a transaction whose function throws, or is asynchronous, writes nothing", async () => {
    expect(() =>
      state.transaction((writes) => {
        writes.set("a", 1);
        throw new RangeError("mine");
      }),
    ).toThrow(RangeError);
    let late: unknown;
    const later = async (writes: Transaction): Promise<void> => {
      writes.set("a", 1);
      await Promise.resolve();
      try {
        writes.set("b", 1);
      } catch (error) {
        late = error;
      }
    };
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- that is what it is about
    expect(() => state.transaction(later)).toThrow("cannot be async");
    await Promise.resolve();
    expect(late).toMatchObject({ code: "closed" });
    expect([state.size, flush.mock.calls.length]).toEqual([0, 0]);
    state.set("c", 1);
    expect(state.toObject()).toEqual({ c: 1 });
  });

  test("[S3] [S4] what cannot be written leaves nothing behind", () => {
    expect(() => state.update({ good: 1, bad: NaN })).toThrow(expect.objectContaining({ code: "bad_value" }));
    expect(() => state.set("a//b", 1)).toThrow(expect.objectContaining({ code: "bad_value" }));
    expect(() => state.set("x", "x".repeat(70_000))).toThrow(expect.objectContaining({ code: "too_large" }));
    for (const part of [state, state.at("a")]) {
      expect(() => part.set(5 as never, 1)).toThrow("a key is a text, not number");
      expect(() => part.delete(undefined as never)).toThrow("a key is a text, not undefined");
    }
    expect(state.size).toBe(0);
    expect(flush).not.toHaveBeenCalled();
  });

  test("subscribers hear of this State alone, in order, and of nothing after they stop", () => {
    const heard: string[] = [];
    const stop = state.subscribe((change) => {
      for (const [key, { new: value }] of change?.keys ?? []) {
        heard.push(`${key}=${JSON.stringify(value)}`);
        if (key === "a") state.set("b", 2);
      }
    });
    const later: string[] = [];
    state.subscribe((change) => later.push(...(change?.keys.keys() ?? [])));
    state.set("a", 1);
    replica.hear({
      type: "batch", cursor: 2, saved: 2, whole: false,
      groups: [{ state: PRESENCE, entries: [{ key: "p2/x", time: 5, writer: HUB, value: 1 }], version: 0 }],
    }); // prettier-ignore
    stop();
    state.set("c", 3);
    expect(heard).toEqual(["a=1", "b=2"]);
    expect(later).toEqual(["a", "b", "c"]);
  });

  test.each([
    ["a key first", (on: Listen) => on("title", () => undefined), "fn is a function, not string"],
    ["no function", (on: Listen) => on(), "fn is a function, not undefined"],
    ["an option that there is not", (on: Listen) => on(() => undefined, { keys: "x" }), "no option keys, only key and prefix"],
    ["a list of keys", (on: Listen) => on(() => undefined, { key: ["a"] }), "key is a text, not object"],
    ["a key and a prefix", (on: Listen) => on(() => undefined, { key: "a", prefix: "b" }), "either key or prefix"],
    ["a key alone", (on: Listen) => on(() => undefined, "a"), "options are an object"],
  ])("[S18] what cannot be listened to is refused: %s", (_, call, why) => {
    for (const part of [state, state.at("x")]) {
      expect(() => call(part.listen.bind(part) as Listen)).toThrow(why);
      expect(() => call(part.subscribe.bind(part) as Listen)).toThrow(why);
    }
    expect(() => state.onStatus("saved" as never)).toThrow("fn is a function");
  });

  test("[S8] saved when the hub's disk has it", async () => {
    await state.saved();
    state.set("a", 1);
    expect(state.status).toBe("saving");
    const done = vi.fn();
    const waiting = state.saved().then(done);
    accept(sent(), false);
    await Promise.resolve();
    expect(done).not.toHaveBeenCalled();
    replica.hear({ type: "saved", cursor });
    await waiting;
    expect(state.status).toBe("synced");
    expect(timers).toEqual([]);
  });

  test("[S16] listeners are told of each step of an own write, and of the State's", () => {
    const told: unknown[] = [];
    const stop = state.at("a").onStatus((status, fates) => told.push([status, ...fates]));
    state.set("a/1", 1);
    state.set("b", 1); // not below the path
    state.set("a/1", 2);
    const groups = sent();
    accept(groups, false);
    replica.hear({ type: "saved", cursor });
    replica.linkLost();
    replica.hear({ type: "batch", cursor, saved: cursor, whole: false, groups: [] });
    state.set("a/1", 3);
    const { time: at, writer } = sent()[0]!.entries[0]!;
    replica.hear({ type: "denied", reason: "no_right", why: "no", time: at, writer, places: [[STATE, "a/1"]], now: at });
    stop();
    state.set("a/1", 4);
    expect(told).toEqual([
      ["synced"], ["saving", ["1", "pending"]], ["saving", ["1", "accepted"]], ["synced", ["1", "saved"]], ["offline"], ["synced"],
      ["saving", ["1", "pending"]], ["synced", ["1", "denied"]],
    ]); // prettier-ignore
  });

  test("[S8] [S10] saved rejects with what was denied", async () => {
    state.set("a", 1);
    const waiting = expect(state.saved()).rejects.toMatchObject({ code: "denied", reason: "no_right", key: "a" });
    const { time: at, writer } = sent()[0]!.entries[0]!;
    replica.hear({ type: "denied", reason: "no_right", why: "no", time: at, writer, places: [[STATE, "a"]], now: at });
    await waiting;
    expect(state.has("a")).toBe(false);
  });

  test("[S8] saved gives up after its time, and when nothing will come any more", async () => {
    state.set("a", 1);
    const late = expect(state.saved({ timeout: 7 })).rejects.toMatchObject({ code: "timed_out" });
    expect(timers).toHaveLength(1);
    timers[0]!.fn();
    await late;
    const over = expect(state.saved()).rejects.toMatchObject({ code: "closed" });
    replica.end(new Closed("gone"));
    await over;
    await expect(state.saved()).rejects.toMatchObject({ code: "closed" });
    expect(state.status).toBe("offline");
    expect(timers).toEqual([]);
    expect(replica.mesh.receipts).toBe(0);
  });
});

describe("undo", () => {
  const whole = (...entries: Entry[]): void => {
    cursor++;
    replica.hear({ type: "batch", cursor, saved: cursor, whole: true, groups: [{ state: STATE, entries, version: 0 }] });
  };

  test("[S20, S12] what a whole batch leaves out is not one's own any more", () => {
    const history = state.history({ mergeMs: 0 });
    state.set("k", 1);
    state.set("k", 2);
    state.set("mine", 3);
    accept(sent());
    whole(replica.mesh.entry(STATE, "mine")!);
    expect(state.toObject()).toEqual({ mine: 3 });
    expect(history.undo()).toBe(true);
    expect(state.toObject()).toEqual({});
    expect(history.undo()).toBe(false);
  });

  test("[S20, S11] what is not settled stays one's own through a whole batch", () => {
    state.set("old", 1);
    accept(sent());
    const history = state.history({ mergeMs: 0 });
    state.set("k", 1);
    state.delete("old");
    sent();
    whole();
    expect(state.toObject()).toEqual({ k: 1 });
    expect([history.undo(), history.undo()]).toEqual([true, true]);
    expect(state.toObject()).toEqual({ old: 1 });
  });

  test("[R11, S20] adding and removing a resource is not undone", () => {
    const call = new SharedState(replica, CALL);
    const history = call.history({ mergeMs: 0 });
    call.set("resource/r7", { title: "Mine" });
    call.set("resource/r7", { title: "Ours" });
    expect([history.undo(), history.undo()]).toEqual([true, false]);
    expect(call.get("resource/r7")).toEqual({ title: "Mine" });
    call.delete("resource/r7");
    expect(history.canUndo).toBe(false);
  });

  test("[S20, S10] a value that was denied is not written again by undoing the next", () => {
    const history = state.history({ mergeMs: 0 });
    state.set("k", "denied");
    const { time: at, writer } = sent()[0]!.entries[0]!;
    state.set("k", "later");
    replica.hear({ type: "denied", reason: "no_right", why: "no", time: at, writer, places: [[STATE, "k"]], now: at });
    expect(history.undo()).toBe(false);
    expect(state.toObject()).toEqual({ k: "later" });
  });
});

test("[P1] presence is written under one's own id, and read by participant", () => {
  const presence = new SharedPresence(replica, PRESENCE, () => P1);
  presence.set("cursor/x", 3);
  presence.set("typing", true);
  presence.delete("typing");
  replica.hear({
    type: "batch", cursor: 2, saved: 2, whole: false,
    groups: [{ state: PRESENCE, entries: [{ key: "p2/typing", time: 5, writer: HUB, value: true }], version: 0 }],
  }); // prettier-ignore
  expect(presence.get("cursor/x")).toBe(3);
  expect(presence.of("p2" as ParticipantId)).toEqual({ typing: true });
  expect(presence.of("p3" as ParticipantId)).toEqual({});
  expect(Object.fromEntries(presence.all())).toEqual({ p1: { "cursor/x": 3 }, p2: { typing: true } });
});

test("[S9] pace: at once, then once per frame", () => {
  const acts = vi.fn();
  const frames: (() => void)[] = [];
  const pace = new Pace((_, fn) => (frames.push(fn), () => undefined), acts);
  for (let n = 0; n < 10; n++) pace.ask();
  expect(acts).toHaveBeenCalledTimes(1);
  frames.shift()?.();
  expect(acts).toHaveBeenCalledTimes(2);
  frames.shift()?.();
  expect(acts).toHaveBeenCalledTimes(2);
  pace.ask();
  expect(acts).toHaveBeenCalledTimes(3);
});

test("a listener that throws hurts nobody else, and is not hushed up", async () => {
  const listeners = new Listeners<number>();
  const heard: number[] = [];
  const unhandled = new Promise((resolve) => {
    const old = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.once("unhandledRejection", (error) => {
      for (const listener of old) process.on("unhandledRejection", listener);
      resolve(error);
    });
  });
  listeners.add(() => {
    throw new Error("mine");
  });
  listeners.add((value) => heard.push(value));
  listeners.tell(1);
  expect(heard).toEqual([1]);
  await expect(unhandled).resolves.toMatchObject({ message: "mine" });
});
