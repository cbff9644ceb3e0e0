import { beforeEach, describe, expect, test, vi } from "vitest";

import { DELETED, Replica, SharedState, type Entry, type StateId, type Value, type Writer } from "@callmesh/core";

import { Board } from "../src/board.ts";
import { Live } from "../src/live.ts";
import type { Element } from "../src/elements.ts";
import { Rhythm } from "../src/gestures.ts";
import { note, shape, stroke } from "./made.ts";

const STATE = "state/r1" as StateId;

let time: number;
let replica: Replica;
let board: Board;

beforeEach(() => {
  time = 1_700_000_000_000_000;
  replica = new Replica({ now: () => (time += 1_000_000), after: () => () => undefined, flush: () => undefined });
  replica.mesh.writer = "p1" as Writer;
  replica.hear({ type: "batch", cursor: 1, saved: 1, whole: true, groups: [] });
  const state = new SharedState(replica, STATE);
  state.set("pages/1", { n: 1 });
  board = new Board(state);
});

/** Somebody else writes. */
function theyWrite(key: string, value: Value): void {
  const entry: Entry = { key, value, time: (time += 1_000_000), writer: "p2" as Writer };
  replica.hear({ type: "batch", cursor: 2, saved: 2, whole: false, groups: [{ state: STATE, entries: [entry], version: 0 }] });
}

function put(id: string, element: Element | undefined): void {
  board.write("1", new Map([[id, element]]));
}

describe("the board", () => {
  test("counts how often an element was changed, beyond undo", () => {
    put("a", note("one"));
    put("a", note("two"));
    expect(board.get("1", "a")).toMatchObject({ text: "two", v: 2 });
    expect(board.undo()).toBe("1");
    expect([board.get("1", "a")?.v, board.nextVersion("a")]).toEqual([1, 3]);
    put("a", note("three"));
    expect(board.get("1", "a")?.v).toBe(3);
  });

  test("undo takes back one's own, and not what somebody has changed since", () => {
    put("a", note("mine"));
    put("b", note("mine too"));
    theyWrite("page/1/el/a", { ...note("theirs"), v: 2 });
    expect([board.undo(), board.undo()]).toEqual(["1", undefined]);
    expect([...board.elements("1").keys()]).toEqual(["a"]);
    expect([board.canUndo, board.redo(), board.elements("1").size]).toEqual([false, "1", 2]);
  });

  test("several things are one step", () => {
    board.write("1", new Map<string, Element>([["a", note("")], ["b", shape("rect", 0, 0, 9, 9)]])); // prettier-ignore
    board.undo();
    expect(board.elements("1").size).toBe(0);
  });

  test("a new page stands behind the one it was asked for on; the last page stays", () => {
    const last = board.addPage("1");
    const middle = board.addPage("1");
    expect(board.pages).toEqual(["1", middle, last]);
    put("a", note(""));
    board.removePage("1");
    expect([board.pages, board.elements("1").size]).toEqual([[middle, last], 0]);
    board.undo();
    expect([board.pages, board.elements("1").size]).toEqual([["1", middle, last], 1]);
    for (const page of [middle, last, "1"]) board.removePage(page);
    expect(board.pages).toEqual(["1"]);
  });

  test("pages that others add, move and delete are known at once, and those that were there before", () => {
    theyWrite("pages/2", { n: 2 });
    theyWrite("pages/0", "rubbish");
    theyWrite("pages/1/x", { n: 0 });
    expect(board.pages).toEqual(["0", "1", "2"]);
    theyWrite("pages/1", { n: 3 });
    theyWrite("pages/0", DELETED);
    expect(board.pages).toEqual(["2", "1"]);
    expect(new Board(new SharedState(replica, STATE)).pages).toEqual(["2", "1"]);
  });

  test("what is no element is not there", () => {
    theyWrite("page/1/el/a", { ...note(""), t: "star" });
    expect([board.elements("1").size, board.get("1", "a")]).toEqual([0, undefined]);
  });
});

describe("changes under way", () => {
  let hear: (data: unknown, sender?: string) => void;
  let live: Live;
  let sent: { ids: unknown[] }[];

  beforeEach(() => {
    sent = [];
    const stream = { subscribe: (fn: typeof hear) => (hear = (data, sender = "p2") => fn({ data, sender })), send: async (data: (typeof sent)[0]) => void sent.push(data) };
    live = new Live(stream as never, { version: (id) => board.version(id), get: (page, id) => board.get(page, id), measure: (words) => words.length / 2, changed: () => undefined });
  });

  test("a stroke grows, and makes room for what it becomes", () => {
    const whole = stroke([[0, 0], [10, 10], [20, 0]]); // prettier-ignore
    hear({ do: "stroke", page: "1", id: "a", from: 0, el: { ...whole, p: whole.p.slice(0, 2) } });
    hear({ do: "stroke", page: "1", id: "a", from: 2, el: { ...whole, p: whole.p.slice(2) } });
    expect(live.on("1").get("a")).toEqual(whole);
    theyWrite("page/1/el/a", { ...whole });
    live.landed(["a"]);
    hear({ do: "stroke", page: "1", id: "a", from: 0, el: { ...whole } });
    expect(live.on("1").size).toBe(0);
  });

  test("who comes in the middle of a stroke waits for the whole", () => {
    hear({ do: "stroke", page: "1", id: "a", from: 7, el: { ...stroke([[0, 0]]) } });
    expect(live.on("1").size).toBe(0);
  });

  test("what is moved is shown where it is, until it has landed, or nothing comes of it", () => {
    put("a", note("", 10, 20));
    hear({ do: "fit", page: "1", ids: [["a", 2], ["none", 1]], from: [10, 20, 180, 180], to: [15, 26, 180, 180] }); // prettier-ignore
    expect([...live.on("1")]).toEqual([["a", { ...note("", 15, 26), v: 2 }]]);
    hear({ do: "drop", ids: ["a"] }, "p3");
    expect(live.on("1").size).toBe(1);
    hear({ do: "drop", ids: ["a"] });
    expect(live.on("1").size).toBe(0);
  });

  test("of many that are moved others are told less often, and no more than are shown", () => {
    vi.useFakeTimers();
    const told = vi.fn();
    const rhythm = new Rhythm(told);
    for (const things of [1, 100, 2_000]) {
      told.mockClear();
      for (let time = 0; time < 3_000; time++) {
        rhythm.ask(things);
        vi.advanceTimersByTime(1);
      }
      rhythm.stop();
      expect(told.mock.calls.length * things).toBeLessThan(12_001);
      expect(told.mock.calls.length).toBeGreaterThan(things > 100 ? 4 : 80);
    }
    vi.useRealTimers();
    const box = { x: 0, y: 0, w: 1, h: 1 };
    live.fit("1", Array.from({ length: 9_000 }, (_, n) => `e${n}`), box, box); // prettier-ignore
    expect(sent[0]?.ids).toHaveLength(2_000);
  });

  test("of who is gone nothing stays", () => {
    hear({ do: "show", page: "1", id: "a", el: { ...note("") } });
    live.onlyOf((id) => id !== "p2");
    expect(live.on("1").size).toBe(0);
  });

  test("rubbish shows nothing", () => {
    for (const data of [null, 1, "x", [], {}, new Uint8Array(3), { do: "fit", page: "1", ids: 1, from: [1], to: 1 }, { do: "fit", page: "1", ids: [1, [], ["a"]], from: [0, 0, 1, 1], to: [0, 0, 1, 1] }, { do: "show", page: "1", id: "a", el: {} }, { do: "drop", ids: [{}] }]) hear(data);
    expect(live.on("1").size).toBe(0);
  });
});
