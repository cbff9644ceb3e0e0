import { Broken, bundle, Closed, encodeMessage, TimedOut, unbundle, type messages } from "@callmesh/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Fetching } from "../src/fetching.ts";
import { Tickets } from "../src/tickets.ts";

const WISH: messages.Fetch = { type: "fetch", number: 7, resource: "r1", method: "GET", url: "https://a.example/", headers: [], body: new Uint8Array() };
const FETCHED: messages.Fetched = {
  type: "fetched", number: 7, status: 200, headers: [], body: new Uint8Array([1]), code: "", reason: "", why: "",
}; // prettier-ignore

let asked: { address: string; authorization: string; wish: messages.Fetch }[];
let answers: (() => Response)[];
let tickets: number;
let fetching: Fetching;

const well = (): Response => new Response(bundle([encodeMessage(FETCHED)]));
const problem = (status: number, code: string, reason = ""): Response =>
  Response.json({ code, reason, message: "why" }, { status });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  [asked, answers, tickets] = [[], [], 0];
  vi.stubGlobal("fetch", (address: string, { headers, body }: { headers: Record<string, string>; body: Uint8Array }) => {
    asked.push({ address, authorization: headers["Authorization"] ?? "", wish: unbundle(body)[0] as messages.Fetch });
    const answer = answers.shift() ?? well;
    return Promise.resolve().then(answer);
  });
  const given = new Tickets(() => given.heard({ type: "ticket", ticket: `t${++tickets}`, expires: 0 }));
  fetching = new Fetching("wss://hub.example/call/demo/socket", given);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("[A20] what an app fetches goes to the hub with a ticket of the session, which is kept", async () => {
  expect(await fetching.fetch(WISH)).toEqual(FETCHED);
  expect(await fetching.fetch(WISH)).toEqual(FETCHED);
  expect(asked[0]).toEqual({ address: "https://hub.example/call/demo/fetch", authorization: "Bearer t1", wish: WISH });
  expect([asked.length, tickets]).toEqual([2, 1]);
});

test("[A20] a ticket that is good no longer is replaced once", async () => {
  answers = [() => problem(401, "unauthorized")];
  expect(await fetching.fetch(WISH)).toEqual(FETCHED);
  expect(asked.map(({ authorization }) => authorization)).toEqual(["Bearer t1", "Bearer t2"]);
  answers = [() => problem(401, "unauthorized"), () => problem(401, "unauthorized")];
  expect(await fetching.fetch(WISH)).toMatchObject({ number: 7, code: "unauthorized", status: 0 });
});

test("[A20] whatever goes wrong is for the app to hear", async () => {
  answers = [
    () => problem(403, "denied", "no_capability"),
    () => problem(502, "unreachable"),
    () => new Response("<h1>Bad gateway</h1>", { status: 502 }),
    () => {
      throw new TypeError("no network");
    },
    () => new Response(bundle([])),
  ];
  const found = [];
  for (let n = 0; n < 5; n++) found.push(await fetching.fetch(WISH));
  expect(found.map(({ code, reason }) => [code, reason])).toEqual([
    ["denied", "no_capability"], ["unreachable", ""], [Broken.code, ""], [Broken.code, ""], [Broken.code, ""],
  ]); // prettier-ignore
});

test("[A20] without a link it waits for a ticket for ten seconds, asks over a new one, and ends with the call", async () => {
  let asks = 0;
  const given = new Tickets(() => {
    asks++;
  });
  const alone = new Fetching("ws://hub.example/call/demo/socket", given);
  const first = alone.fetch(WISH);
  given.askAgain();
  expect(asks).toBe(2);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await first).toMatchObject({ code: TimedOut.code });
  const [second, third] = [alone.fetch(WISH), alone.fetch(WISH)];
  expect(asks).toBe(3); // one ticket serves both
  given.heard({ type: "ticket", ticket: "t", expires: 0 });
  expect([await second, await third]).toEqual([FETCHED, FETCHED]);
  given.askAgain();
  expect(asks).toBe(3);
});

test("[A20] a call that is over gives no ticket", async () => {
  const given = new Tickets(() => undefined);
  const alone = new Fetching("ws://hub.example/call/demo/socket", given);
  const waits = alone.fetch(WISH);
  given.end(new Closed("left"));
  expect([await waits, await alone.fetch(WISH)]).toMatchObject([{ code: Closed.code }, { code: Closed.code }]);
});
