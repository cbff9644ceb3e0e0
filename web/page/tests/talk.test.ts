import type { Call, Resource } from "@callmesh/client";
import type { Participant } from "@callmesh/core";
import { beforeEach, expect, test, vi } from "vitest";

import { Talk, type Message } from "../src/talk.ts";

/** As much of a resource as the chat looks at. */
class FakeTalk {
  readonly app = "talk";
  readonly id: string;
  readonly written = new Map<string, unknown>();
  readonly shown = new Map<string, Record<string, unknown>>();
  readonly #listeners: ((change?: unknown) => void)[] = [];
  readonly state = {
    entries: () => [...this.written],
    set: (key: string, value: unknown) => this.write(key, value),
    canWrite: () => true,
    listen: (fn: () => void) => this.#listen(fn),
  };
  readonly presence = {
    all: () => this.shown,
    set: (key: string, value: unknown) => this.show("p1", { ...this.shown.get("p1"), [key]: value }),
    delete: (key: string) => this.show("p1", { ...this.shown.get("p1"), [key]: undefined }),
    subscribe: (fn: () => void) => this.#listen(fn),
  };

  constructor(id: string) {
    this.id = id;
  }

  #listen(fn: (change?: unknown) => void): () => void {
    this.#listeners.push(fn);
    return () => this.#listeners.splice(this.#listeners.indexOf(fn), 1);
  }

  write(key: string, value: unknown): void {
    this.written.set(key, value);
    for (const fn of this.#listeners) fn({});
  }

  show(id: string, things: Record<string, unknown>): void {
    this.shown.set(id, things);
    for (const fn of this.#listeners) fn({});
  }
}

const times = new Map<string, number>();
let place: FakeTalk;
let news: Message[];
let talk: Talk;
let me: Record<"id" | "person" | "name" | "role", string>;
let add: ReturnType<typeof vi.fn<() => Promise<unknown>>>;
const follow = (...all: unknown[]): void => talk.follow(all as Resource[]);
const texts = (): string[] => talk.messages.value.map(({ text }) => text);

beforeEach(() => {
  times.clear();
  place = new FakeTalk("r1");
  news = [];
  add = vi.fn(() => Promise.resolve(place));
  me = { id: "p1", person: "u1", name: "Ada", role: "guest" };
  const mesh = { entry: (_: unknown, key: string) => ({ time: times.get(key) ?? 0 }) };
  talk = new Talk({ me, mesh, resources: { add } } as unknown as Call, (message) => news.push(message));
});

test("[G7] messages stand in the order of their stamps, and what is none is left out", () => {
  for (const [key, time] of [["chat/u2/b", 3], ["chat/u3/a", 1], ["chat/u1/c", 2]] as const) times.set(key, time);
  place.write("chat/u2/b", { name: "Bob", text: "third" });
  place.write("chat/u3/a", { name: "Cy", text: "first" });
  place.write("chat/u1/c", { name: "Ada", text: "second" });
  for (const odd of [null, 7, "text", {}, { name: 1, text: "x" }, { name: "x", text: " " }]) place.write(`chat/u2/${JSON.stringify(odd).length}x`, odd);
  place.write("other/u2/b", { name: "Bob", text: "elsewhere" });
  place.write("chat/u2/b/c", { name: "Bob", text: "deeper" });
  follow(place);
  expect(texts()).toEqual(["first", "second", "third"]);
});

test("[G7] what was there before one came is no news; what others write while it is closed is, once", () => {
  place.write("chat/u2/a", { name: "Bob", text: "before" });
  follow({ app: "poll", id: "r0" }, place);
  expect([talk.unread.value, news]).toEqual([0, []]);
  place.write("chat/u2/b", { name: "Bob", text: "now" });
  place.write("chat/u1/c", { name: "Ada", text: "my own" });
  place.show("p2", {});
  expect([talk.unread.value, news.map(({ text }) => text)]).toEqual([1, ["now"]]);
  talk.toggle();
  place.write("chat/u2/d", { name: "Bob", text: "seen" });
  expect([talk.unread.value, news.length]).toEqual([0, 1]);
  talk.toggle();
  expect(talk.unread.value).toBe(0);
});

test("[G7] it is added when it is needed, once; of several all count, and the first is written to", async () => {
  await Promise.all([talk.send("a"), talk.send("b")]);
  expect(add).toHaveBeenCalledTimes(1);
  const other = new FakeTalk("r2");
  other.write("chat/u2/x", { name: "Bob", text: "at once" });
  follow(place, other);
  expect(new Set(texts())).toEqual(new Set(["a", "b", "at once"]));
  await talk.send("c");
  expect([add.mock.calls.length, place.written.size, other.written.size]).toEqual([1, 3, 1]);
  follow();
  expect(texts()).toEqual([]);
});

test("[G7] an observer is offered hands and reactions where there is a place for them: they cannot add it", () => {
  expect(talk.mayShow).toBe(true);
  me.role = "observer";
  expect(talk.mayShow).toBe(false);
  follow(place);
  expect(talk.mayShow).toBe(true);
});

test("[G7] hands stand in the order in which they were raised; what is shown may be anything", async () => {
  follow(place);
  place.show("p3", { hand: 9 });
  place.show("p2", { hand: 5, reaction: 7 });
  place.show("p4", { hand: "up", reaction: { emoji: "💣", at: 1 } });
  expect(talk.hands.value).toEqual(["p2", "p3"]);
  await talk.raise(true);
  expect(talk.isRaised("p1" as Participant["id"])).toBe(true);
  await talk.raise(false);
  expect(talk.hands.value).toEqual(["p2", "p3"]);
  expect(talk.reaction("p4" as Participant["id"])).toBeUndefined();
});

test("[G7] a reaction is seen for a while, and not by who comes later", async () => {
  vi.useFakeTimers();
  try {
    place.show("p2", { reaction: { emoji: "🎉", at: 1 } });
    follow(place);
    expect(talk.reaction("p2" as Participant["id"])).toBeUndefined();
    await talk.react("👏");
    place.show("p2", { reaction: { emoji: "👍", at: 2 } });
    expect([talk.reaction("p1" as Participant["id"]), talk.reaction("p2" as Participant["id"])]).toEqual(["👏", "👍"]);
    vi.advanceTimersByTime(5_000);
    expect(talk.reaction("p2" as Participant["id"])).toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
});

test("[G22] who shows their screen says so, the first one first; who thought better of it meanwhile says nothing", async () => {
  follow(place);
  place.show("p2", { screen: 5 });
  place.show("p3", { screen: 3 });
  place.show("p4", { screen: "now" });
  expect(talk.screens.value).toEqual(["p3", "p2"]);
  await talk.showScreen(true);
  expect(talk.screens.value).toContain("p1");
  await talk.showScreen(false);
  expect(talk.screens.value).toEqual(["p3", "p2"]);
  const showing = talk.showScreen(true);
  await Promise.all([talk.showScreen(false), showing]);
  expect(talk.screens.value).toEqual(["p3", "p2"]);
});
