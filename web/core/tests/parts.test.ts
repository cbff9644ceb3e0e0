import { beforeEach, expect, expectTypeOf, test, vi } from "vitest";

import { Denied } from "../src/errors.ts";
import { HUB, type StateId, type Writer } from "../src/ids.ts";
import type { Change } from "../src/mesh.ts";
import type { Group } from "../src/messages.ts";
import { Replica } from "../src/replica.ts";
import { SharedState } from "../src/shared.ts";
import type { Entry } from "../src/state.ts";
import type { Json } from "../src/values.ts";

const STATE = "state/r1" as StateId;

let time: number;
let replica: Replica;
let state: SharedState;
let cursor: number;

beforeEach(() => {
  time = 1_700_000_000_000_000;
  cursor = 1;
  replica = new Replica({ now: () => (time += 1_000), after: () => () => undefined, flush: () => undefined });
  replica.mesh.writer = "p1" as Writer;
  state = new SharedState(replica, STATE);
  replica.hear({ type: "batch", cursor, saved: cursor, whole: true, groups: [] });
});

function sent(): readonly Group[] {
  return replica.mesh.outgoing().flatMap(({ groups }) => groups);
}

function accept(groups = sent(), { saved = true } = {}): void {
  cursor++;
  replica.hear({ type: "batch", cursor, saved: saved ? cursor : cursor - 1, whole: false, groups });
}

/** Somebody else writes. */
function hubWrites(values: Record<string, Json>): void {
  const entries = Object.entries(values).map(([key, value]): Entry => ({ key, value, time: (time += 1_000), writer: HUB }));
  accept([{ state: STATE, entries, version: 0 }]);
}

function deny(groups = sent()): void {
  const entries = groups.flatMap((group) => group.entries);
  const { time: at, writer } = entries[0]!;
  const places = entries.map(({ key }) => [STATE, key] as const);
  replica.hear({ type: "denied", reason: "no_right", why: "no", time: at, writer, places, now: at });
}

// --- parts

test("[S19] a part of a State has the same face, with keys relative to it", () => {
  const shape = state.at("shape/42");
  shape.set("x", 1);
  shape.at("style").set("color", "red");
  state.set("shape/421", "another");
  expect(shape.toObject()).toEqual({ x: 1, "style/color": "red" });
  expect(shape.at("style").keys()).toEqual(["color"]);
  expect([state.get("shape/42/x"), shape.has("x"), shape.size]).toEqual([1, true, 2]);
  sent();
  shape.update({ x: undefined, y: 2 });
  expect(sent()[0]!.entries.map(({ key }) => key)).toEqual(["shape/42/x", "shape/42/y"]);
  expect([shape.statusOf("y"), state.statusOf("shape/42/y")]).toEqual(["pending", "pending"]);
  for (const path of ["", "a//b", "/a", "a/"]) expect(() => state.at(path).set("x", 1)).toThrow("path");
});

test("[S18] listeners ask for one key or for a prefix, and are told of that alone", () => {
  const heard: Record<string, Change[]> = { all: [], key: [], prefix: [], part: [] };
  state.listen((change) => heard["all"]!.push(change));
  state.listen((change) => heard["key"]!.push(change), { key: "a" });
  state.listen((change) => heard["prefix"]!.push(change), { prefix: "shape/1" });
  const stop = state.at("shape/1").listen((change) => heard["part"]!.push(change));
  const subscribed = vi.fn<(change: Change | undefined) => void>();
  state.subscribe(subscribed, { key: "b" });
  hubWrites({ a: 1, "shape/1/x": 2, "shape/12": 3 });
  const keys = Object.fromEntries(Object.entries(heard).map(([name, changes]) => [name, changes.map((c) => [...c.keys.keys()])]));
  expect(keys).toEqual({
    all: [["a", "shape/1/x", "shape/12"]],
    key: [["a"]],
    prefix: [["shape/1/x", "shape/12"]],
    part: [["x"]],
  });
  expect(heard["part"]![0]!.keys.get("x")).toEqual({ old: undefined, new: 2, writer: HUB });
  expect(subscribed.mock.calls).toEqual([[undefined]]);
  stop();
  hubWrites({ "shape/1/x": 3 });
  expect(heard["part"]).toHaveLength(1);
});

test("[S22] an author may say which keys there are and what they hold", () => {
  interface Poll {
    question: string;
    closed: boolean;
    [vote: `votes/${string}`]: number;
  }
  const poll = new SharedState<Poll>(replica, STATE);
  poll.set("question", "?");
  poll.update({ "votes/u1": 1, closed: undefined });
  expectTypeOf(poll.get("question")).toEqualTypeOf<string | undefined>();
  expectTypeOf(poll.get("votes/u2")).toEqualTypeOf<number | undefined>();
  expectTypeOf(poll.at("votes").get("u1")).toEqualTypeOf<number | undefined>();
  expectTypeOf(state.at("votes").get("u1")).toEqualTypeOf<Json | undefined>();
  // @ts-expect-error -- a question is a text
  poll.set("question", 5);
  // @ts-expect-error -- there is no such key
  expect(poll.get("nothing")).toBeUndefined();
  expect(poll.at("votes").toObject()).toEqual({ u1: 1 });
});

// --- delivery

test("[S16] a write is pending, accepted, saved or denied", async () => {
  expect(state.statusOf("a")).toBeUndefined();
  state.set("a", 1);
  const accepted = state.accepted();
  expect(state.statusOf("a")).toBe("pending");
  accept(undefined, { saved: false });
  await accepted;
  expect(state.statusOf("a")).toBe("accepted");
  replica.hear({ type: "saved", cursor });
  expect(state.statusOf("a")).toBe("saved");
  state.set("a", 2);
  const refused = expect(state.accepted()).rejects.toMatchObject({ code: "denied", reason: "no_right" });
  deny();
  await refused;
  expect([state.statusOf("a"), state.get("a")]).toEqual(["denied", 1]);
});

// --- undo

test("[S20] undo takes back what is still one's own, and redo does it again", () => {
  const history = state.history({ mergeMs: 0 });
  expect(history.undo()).toBe(false);
  state.update({ a: 1, b: 1 });
  state.set("a", 2);
  state.delete("b");
  accept();
  hubWrites({ b: "theirs" });
  expect(history.undo()).toBe(true); // b is not one's own any more: the change of a is the last
  expect(state.toObject()).toEqual({ a: 1, b: "theirs" });
  expect(history.undo()).toBe(true);
  expect(state.toObject()).toEqual({ b: "theirs" });
  expect([history.undo(), history.redo(), history.redo(), history.redo()]).toEqual([false, true, true, false]);
  expect(state.toObject()).toEqual({ a: 2, b: "theirs" });
  history.close();
  state.set("a", 3);
  expect(history.canUndo).toBe(false);
});

test("[S20] the same value from somebody else is their work, and what was denied is nobody's", () => {
  const history = state.history();
  state.set("a", 1);
  accept();
  hubWrites({ a: 1 });
  expect(history.canUndo).toBe(false);
  state.set("b", 1);
  deny();
  expect(history.undo()).toBe(false);
});

test("[S20] undo is a transaction of its own, and none within another", () => {
  const history = state.history();
  state.set("a", 1);
  expect(() => state.transaction(() => history.undo())).toThrow("call them outside of one");
  expect([state.get("a"), history.canUndo, history.undo(), state.has("a")]).toEqual([1, true, true, false]);
});

test("[S20] a step that cannot be written is still there", () => {
  const old = new SharedState(replica, STATE, { canWrite: () => true, isOpen: () => true, refusal: () => refusal });
  let refusal: Denied | undefined;
  const history = old.history();
  old.set("a", 1);
  refusal = new Denied("outdated", "outdated");
  expect(() => history.undo()).toThrow("outdated");
  refusal = undefined;
  expect([history.canUndo, history.canRedo, history.undo()]).toEqual([true, false, true]);
  expect(old.has("a")).toBe(false);
});

test("[S20] a part's history is of that part alone", () => {
  const history = state.at("x").history({ mergeMs: 0 });
  state.set("x/a", 1);
  state.set("y", 1);
  expect(history.undo()).toBe(true);
  expect(state.toObject()).toEqual({ y: 1 });
  expect(history.canUndo).toBe(false);
});

test("[S21] a list lives in a State, under its path", () => {
  const todo = state.list("todo");
  const first = todo.append("first");
  todo.insert(0, "new");
  todo.move(first, 0);
  expect(todo.entries().map(([, value]) => value)).toEqual(["first", "new"]);
  expect(state.keys().every((key) => key.startsWith("todo/"))).toBe(true);
});
