/** How the page asks the hub for kept files, with a `fetch` that the test answers. */

import { createHash } from "node:crypto";

import { APPS, Broken, CALL, Closed, Denied, keyOf, Unauthorized, type messages, type ResourceId } from "@callmesh/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Away } from "../src/away.ts";
import { Tickets } from "../src/tickets.ts";
import { join } from "../src/join.ts";
import { FakeHub } from "./fakeHub.ts";

const ID = "00000000000000aa";

interface Got {
  readonly url: string;
  readonly init: RequestInit;
}

let got: Got[];
let answers: (Response | Error)[];
let asks: number;
let away: Away;
let tickets: Tickets;

beforeEach(() => {
  [got, answers, asks] = [[], [], 0];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    got.push({ url, init });
    const answer = answers.shift() ?? new Error("no network");
    if (answer instanceof Error) throw answer;
    return Promise.resolve(answer);
  });
  tickets = new Tickets(() => {
    asks++;
    queueMicrotask(() => tickets.heard({ type: "ticket", ticket: `t${asks}`, expires: 0 }));
  });
  away = new Away("wss://hub.test/in/call/demo/socket", tickets);
});

afterEach(() => vi.unstubAllGlobals());

const json = (said: unknown, status = 200): Response => new Response(JSON.stringify(said), { status });

test("[F8] a ticket is asked for once, and goes in a header beside nothing else of who one is", async () => {
  answers.push(json({ at: 3, expires: 0 }), json({ at: 9, expires: 5 }));
  expect(await away.request({ ask: "bring", id: ID, at: 0, data: new Uint8Array(3) })).toMatchObject({ at: 3, expires: 0 });
  expect(await away.request({ ask: "bring", id: ID, at: 3, data: new Uint8Array(6) })).toMatchObject({ at: 9, expires: 5 });
  expect(asks).toBe(1);
  expect(got.map(({ url }) => url)).toEqual(Array(2).fill(`https://hub.test/in/call/demo/files/${ID}`));
  expect(got[1]!.init).toMatchObject({ method: "PUT", credentials: "omit", headers: { Authorization: "Bearer t1", "Upload-Offset": "3" } });
});

test("[F9] who was at another byte than the hub is told where to go on", async () => {
  answers.push(json({ at: 7, expires: 0 }, 409));
  expect(await away.request({ ask: "bring", id: ID, at: 0, data: new Uint8Array(3) })).toMatchObject({ at: 7 });
});

test("[F9] bytes are fetched by ranges, and what is no range is not taken for one", async () => {
  const data = new Uint8Array([1, 2, 3]);
  answers.push(new Response(data, { status: 206 }), new Response(data, { status: 200 }), new Response(data, { status: 200 }));
  expect((await away.request({ ask: "fetch", id: ID, at: 4, end: 7 })).data).toEqual(data);
  expect(got[0]!.init.headers).toMatchObject({ Range: "bytes=4-6" });
  expect((await away.request({ ask: "fetch", id: ID, at: 0, end: 3 })).data).toEqual(data);
  await expect(away.request({ ask: "fetch", id: ID, at: 4, end: 7 })).rejects.toBeInstanceOf(Broken);
});

test("[F9] of an answer that is cut, what came is used", async () => {
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (into) => (pulls++ === 0 ? into.enqueue(new Uint8Array([1, 2])) : into.error(new Error("cut"))),
  });
  answers.push(new Response(body, { status: 206 }));
  expect((await away.request({ ask: "fetch", id: ID, at: 0, end: 9 })).data).toEqual(new Uint8Array([1, 2]));
});

test("[F10] what the hub says comes as the error that it is; a ticket that is none any more is asked for anew", async () => {
  answers.push(json({ code: "denied", reason: "full", message: "take one back" }, 403));
  const said = { resource: "r1", name: "x", size: 1, sha256: "", type: "", to: [], lasts: 0 };
  const full: unknown = await away.request({ ask: "announce", id: ID, said }).catch((why: unknown) => why);
  expect(full).toBeInstanceOf(Denied);
  expect(full).toMatchObject({ reason: "full", message: "take one back" });
  const none = { code: "unauthorized", reason: "", message: "no" };
  answers.push(json(none, 401), json(none, 401));
  await expect(away.request({ ask: "answer", id: ID, answer: "taken" })).rejects.toBeInstanceOf(Unauthorized);
  answers.push(json(none, 401), json({}));
  await away.request({ ask: "answer", id: ID, answer: "taken" });
  expect(got.at(-1)).toMatchObject({ url: `https://hub.test/in/call/demo/files/${ID}/taken`, init: { headers: { Authorization: "Bearer t3" } } });
});

test("[F9] no network, and what something between says, are a cut", async () => {
  await expect(away.request({ ask: "take_back", id: ID })).rejects.toBeInstanceOf(Broken);
  answers.push(new Response("<html>", { status: 502 }));
  await expect(away.request({ ask: "take_back", id: ID })).rejects.toThrow("answered 502");
});

test("[F7] when the call is over, nothing is asked for any more", async () => {
  tickets.end(new Closed("left"));
  await expect(away.request({ ask: "take_back", id: ID })).rejects.toThrow("left");
  expect(got).toEqual([]);
});

test("[F7, F8] what is kept comes with the call, and over a new link a ticket that did not come is asked for again", async () => {
  const hub = new FakeHub();
  const joining = join("https://hub.test/call/demo", { name: "Ada" });
  hub.welcome();
  const call = await joining;
  const record = { app: "shelf", title: "Shelf", owner: "u1", added: 1 };
  const app = { version: 1, keys: [], capabilities: ["files"] };
  hub.socket.say(hub.batch({ [CALL]: { [keyOf("r1" as ResourceId)]: record }, [APPS]: { shelf: app } }));
  const { files } = call.resources.get("r1" as ResourceId)!;
  const data = new Uint8Array([1, 2, 3]);
  const sha256 = createHash("sha256").update(data).digest("hex");
  const file: messages.KeptFile = {
    id: ID, resource: "r1", name: "map.png", size: 3, sha256, type: "", sender: "p1", person: "u1", to: ["u5"], expires: 7, answers: [],
  }; // prettier-ignore
  const own = { ...file, id: "00000000000000bb", person: "u5" };
  hub.socket.say({ type: "kept", files: [own, file, { ...file, id: "00000000000000cc", resource: "r2" }], whole: true, gone: [] });
  expect(files.kept.map(({ id }) => id)).toEqual([own.id, ID]);
  const offer = (await files.offers().next()).value!;
  expect([offer.name, offer.person, offer.keptUntil]).toEqual(["map.png", "u1", 7]);
  answers.push(new Response(data, { status: 206 }), json({}));
  const blob = offer.blob();
  await expect.poll(() => hub.socket.of("ticket").length).toBe(1);
  hub.socket.drop();
  await expect.poll(() => hub.sockets.length, { timeout: 5_000 }).toBe(2);
  hub.welcome({ whole: false });
  await expect.poll(() => hub.socket.of("ticket").length).toBe(1);
  hub.socket.say({ type: "ticket", ticket: "t9", expires: 0 });
  expect(new Uint8Array(await (await blob).arrayBuffer())).toEqual(data);
  expect(got.map(({ url }) => url)).toEqual([`https://hub.test/call/demo/files/${ID}`, `https://hub.test/call/demo/files/${ID}/taken`]);
  hub.socket.say({ type: "kept", files: [{ ...own, answers: [["u1", "taken"]] }], whole: false, gone: [ID] });
  expect(files.kept.map(({ id, answers }) => [id, answers.size])).toEqual([[own.id, 1]]);
  hub.socket.say({ type: "kept", files: [], whole: true, gone: [] });
  expect(files.kept).toEqual([]);
  await call.leave();
});
