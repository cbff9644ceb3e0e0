// @vitest-environment happy-dom
import { act, createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, expect, test, vi } from "vitest";

import type { Resource } from "../src/resource.ts";
import { useAccess, useCanWrite, useList, useParticipants, usePresence, useShared, useStream, useValue } from "../src/react.ts";
import { MemoryHub } from "../src/testing.ts";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

let hub: MemoryHub;
const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
  hub.close();
});

async function two(): Promise<[Resource, Resource]> {
  hub = new MemoryHub();
  return [await hub.join("Ada"), await hub.join("Bob", { role: "guest" })];
}

interface Shown<T> {
  /** What its hooks gave last, and how often it was rendered. */
  now: T;
  renders: number;
  end(): void;
}

/** A component of nothing but hooks. */
function show<T>(hooks: () => T, { strict = false } = {}): Shown<T> {
  const root = createRoot(document.createElement("div"));
  const shown: Shown<T> = { now: undefined as T, renders: 0, end: () => act(() => root.unmount()) };
  function Component(): string {
    const now = hooks();
    Object.assign(shown, { now, renders: shown.renders + 1 });
    return "";
  }
  act(() => root.render(createElement(strict ? StrictMode : "div", null, createElement(Component))));
  ends.push(() => shown.end());
  return shown;
}

const settled = (): Promise<void> => act(() => hub.settled());

test("[A19] a component shows what stands under a key, and is rendered for that alone", async () => {
  const [ada, bob] = await two();
  const shown = show(() => useValue(bob.state, "question"));
  expect([shown.now, shown.renders]).toEqual([undefined, 1]);
  ada.state.update({ question: { text: "Where?" }, other: 1 });
  await settled();
  expect(shown.now).toEqual({ text: "Where?" });
  const { renders } = shown;
  ada.state.set("other", 2);
  await settled();
  expect(bob.state.get("other")).toBe(2);
  expect([shown.renders, renders]).toEqual([2, 2]);
  shown.end();
  ada.state.set("question", "When?");
  await settled();
  expect([bob.state.get("question"), shown.renders]).toEqual(["When?", 2]);
});

test("[A19] useShared is useState for all: it writes when it is told to, and never its initial value", async () => {
  const [ada, bob] = await two();
  const [here, there] = [ada, bob].map(({ state }) => show(() => useShared(state, "count", 1)));
  await settled();
  expect([here!.now[0], there!.now[0], ada.state.has("count")]).toEqual([1, 1, false]);
  const [, write] = here!.now;
  act(() => write((now) => Number(now) + 1));
  act(() => write((now) => Number(now) + 1));
  expect(here!.now[0]).toBe(3);
  await settled();
  expect(there!.now[0]).toBe(3);
  expect(here!.now[1]).toBe(write);
  act(() => there!.now[1](9));
  await settled();
  expect(here!.now[0]).toBe(9);
});

test("[A19] lists, presence and participants are shown as they are now", async () => {
  const [ada, bob] = await two();
  const shown = show(() => [useList(bob.state, "items").map(([, item]) => item), usePresence(bob.presence).get(ada.me.id), useParticipants(bob).size]);
  expect(shown.now).toEqual([[], undefined, 2]);
  ada.state.list("items").append("milk");
  ada.state.list("items").append("bread");
  ada.presence.set("writing", true);
  await settled();
  expect(shown.now).toEqual([["milk", "bread"], { writing: true }, 2]);
  await act(() => hub.join("Cem"));
  await settled();
  expect(shown.now[2]).toBe(3);
  hub.leave(ada);
  await settled();
  expect(shown.now).toEqual([["milk", "bread"], undefined, 2]);
});

test("[A19] what comes between the first rendering and listening is shown", async () => {
  const [ada] = await two();
  ada.state.list("items").append("milk");
  let late = true;
  const shown = show(() => {
    const items = useList(ada.state, "items").length;
    if (late) ada.state.list("items").append("bread");
    late = false;
    return items;
  });
  expect(shown.now).toBe(2);
});

test("[A19] access, and what may be written, are shown as they are now", async () => {
  const [, bob] = await two();
  const shown = show(() => [useAccess(bob), useCanWrite(bob, "x")]);
  expect(shown.now).toEqual(["edit", true]);
  hub.setAccess("guest", "view");
  await settled();
  expect(shown.now).toEqual(["view", false]);
  hub.setRole(bob.me.person, "host");
  await settled();
  expect(shown.now).toEqual(["edit", true]);
});

test.each([{ strict: false }, { strict: true }])("[A19] a stream is open as long as some component has it, %o", async ({ strict }) => {
  const [ada, bob] = await two();
  const pen = ada.stream("pen");
  const reads = (): boolean => pen.reaches.has(bob.me.id);
  const got: unknown[] = [];
  const one = show(() => useStream(bob, "pen", {}, ({ data }) => void got.push(data)), { strict });
  const other = show(() => useStream(bob, "pen"), { strict });
  await act(() => vi.waitFor(() => expect(reads()).toBe(true)));
  for (const data of [1, 2, 3]) await pen.send(data);
  await settled();
  expect([got, one.now.last?.data, other.now.last?.data]).toEqual([[1, 2, 3], 3, 3]);
  const back: unknown[] = [];
  pen.subscribe(({ data }) => void back.push(data));
  await one.now.send("thanks");
  await settled();
  expect(back).toEqual(["thanks"]);
  one.end();
  await settled();
  expect(reads()).toBe(true);
  other.end();
  await act(() => vi.waitFor(() => expect(reads()).toBe(false)));
  const again = show(() => useStream(bob, "pen"), { strict });
  await act(() => vi.waitFor(() => expect(reads()).toBe(true)));
  await pen.send(4);
  await settled();
  expect(again.now.last?.data).toBe(4);
});
