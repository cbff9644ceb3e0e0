/** Files that the hub keeps, as an app in a frame has them. */

import { createHash } from "node:crypto";

import { Broken, Denied, TooFast, type messages } from "@callmesh/core";
import { afterEach, beforeEach, expect, test } from "vitest";

import { Courier } from "../src/courier.ts";
import { Frame } from "../src/frame.ts";
import type { Resource } from "../src/resource.ts";
import { FakeCall, ME, RESOURCE } from "./fakeCall.ts";

const ID = "00000000000000aa";
let call: FakeCall;
let courier: Courier;
let ports: MessagePort[];

beforeEach(() => {
  call = new FakeCall();
  courier = new Courier(call.host);
  ports = [];
});

afterEach(() => {
  courier.close();
  for (const port of ports) port.close();
});

function attach(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  courier.attach(port1);
  return port2;
}

const open = async (): Promise<Resource> => new Frame(attach(), {}).ready;

function kept(data: Uint8Array, more: Partial<messages.KeptFile> = {}): messages.KeptFile {
  const sha256 = createHash("sha256").update(data).digest("hex");
  call.away.bytes.set(more.id ?? ID, data);
  return {
    id: ID, resource: RESOURCE, name: "map.png", size: data.length, sha256, type: "", sender: "p9", person: "u9", to: [], expires: 7, answers: [], ...more,
  }; // prettier-ignore
}

test("[F12] an app leaves a file with the hub by way of its page, which begins again where it was cut", async () => {
  const { files } = await open();
  const data = new Uint8Array(2_500_000).map((_, at) => at % 251);
  call.away.failing.push(new Broken("cut"), new TooFast("in a moment"));
  const keeping = files.keep(data, { name: "a/map.png", to: ["u2" as never], lasts: 1_500 });
  const seen: number[] = [];
  for await (const { sent } of keeping) seen.push(sent);
  await keeping.done();
  expect(seen).toEqual([0, 1_048_576, 2_097_152, 2_500_000]);
  expect(keeping.keptUntil).toBe(99);
  expect(call.away.said(keeping.id)).toMatchObject({ resource: RESOURCE, name: "map.png", size: 2_500_000, to: ["u2"], lasts: 2 });
  expect(Buffer.compare(call.away.bytes.get(keeping.id)!, data)).toBe(0);
  call.away.show(kept(data, { id: keeping.id, person: ME.person, answers: [["u2", "taken"]] }));
  await expect.poll(() => [...keeping.answers]).toEqual([["u2", "taken"]]);
  await keeping.takeBack();
  expect(call.away.asked.at(-1)).toEqual({ ask: "take_back", id: keeping.id });
});

test("[F10, F12] what the hub refuses reaches the app as the error that it is", async () => {
  const { files } = await open();
  call.away.failing.push(new Denied("full", "take one back"));
  const error: unknown = await files.keep(new Uint8Array(3)).done().catch((why: unknown) => why);
  expect(error).toBeInstanceOf(Denied);
  expect(error).toMatchObject({ reason: "full", message: "take one back" });
});

test("[F7, F12] an app is offered what is kept for its person, once, and takes or refuses it", async () => {
  const { files } = await open();
  const data = new Uint8Array(1_500_000).fill(7);
  const second = "00000000000000bb";
  call.away.show(kept(data), kept(data, { id: second }), kept(data, { id: "00000000000000cc", to: ["u7"] }));
  const offers = files.offers();
  const first = (await offers.next()).value!;
  expect([first.keptUntil, first.person, first.name]).toEqual([7, "u9", "map.png"]);
  expect(Buffer.compare(new Uint8Array(await (await first.blob()).arrayBuffer()), data)).toBe(0);
  (await offers.next()).value!.refuse();
  await expect.poll(() => call.away.asked.filter(({ ask }) => ask === "answer")).toEqual([
    { ask: "answer", id: ID, answer: "taken" },
    { ask: "answer", id: second, answer: "refused" },
  ]);
  expect(files.kept.map(({ id }) => id)).toHaveLength(3);
});

test("[F2, F12] bytes that are not what was offered are not given out", async () => {
  const { files } = await open();
  call.away.show(kept(new Uint8Array(9)));
  call.away.bytes.set(ID, new Uint8Array(9).fill(1));
  const offer = (await files.offers().next()).value!;
  await expect(offer.blob()).rejects.toThrow("its hash is another");
  expect(call.away.asked.filter(({ ask }) => ask === "answer")).toEqual([]);
});

test("[F7, F12] a frame is told what is kept, and then what is another", async () => {
  const [one, two, three] = ["0", "1", "2"].map((id) => kept(new Uint8Array(9), { id: id.repeat(16) })) as [messages.KeptFile, messages.KeptFile, messages.KeptFile];
  call.away.show(one, two);
  const port = attach();
  const said: unknown[] = [];
  await new Frame(port, {}).ready;
  port.onmessage = ({ data }: MessageEvent<unknown>) => data instanceof Uint8Array || said.push(data);
  port.postMessage({ callmesh: "files", number: 0, ask: { ask: "open" } });
  await expect.poll(() => said.length).toBe(1);
  call.away.show(one, two, kept(new Uint8Array(9), { id: "f".repeat(16), resource: "r2" }));
  call.away.show(two, three);
  await expect.poll(() => said.length).toBe(2);
  expect(said).toEqual([
    { callmesh: "files", files: [one, two], whole: true, gone: [] },
    { callmesh: "files", files: [three], whole: false, gone: [one.id] },
  ]);
});

test("[F12] a frame reaches no file of another resource, and learns of none", async () => {
  const other = kept(new Uint8Array(9), { resource: "r2" });
  call.away.show(other);
  const port = attach();
  const said: unknown[] = [];
  await new Frame(port, {}).ready;
  port.onmessage = ({ data }: MessageEvent<unknown>) => data instanceof Uint8Array || said.push(data);
  const announced = { resource: "r2", name: "x", size: 1, sha256: "", type: "", to: [], lasts: 0 };
  port.postMessage({ callmesh: "files", number: 0, ask: { ask: "open" } });
  port.postMessage({ callmesh: "files", number: 1, ask: { ask: "fetch", id: ID, at: 0, end: 9 } });
  port.postMessage({ callmesh: "files", number: 2, ask: { ask: "announce", id: ID, said: announced } });
  await expect.poll(() => said.length).toBe(3);
  expect(said[0]).toEqual({ callmesh: "files", files: [], whole: true, gone: [] });
  expect(said.slice(1)).toMatchObject([{ number: 1, code: "refused" }, { number: 2, code: "refused" }]);
  expect(call.away.asked).toEqual([]);
});

test("[F12] what the hub does not let a frame announce is not its own", async () => {
  call.away.show(kept(new Uint8Array(9), { resource: "r2" }));
  call.away.failing.push(new Denied("bad_value", "an offer has an id of its own"));
  const port = attach();
  const said: unknown[] = [];
  await new Frame(port, {}).ready;
  port.onmessage = ({ data }: MessageEvent<unknown>) => data instanceof Uint8Array || said.push(data);
  const announced = { resource: RESOURCE, name: "x", size: 9, sha256: "", type: "", to: [], lasts: 0 };
  port.postMessage({ callmesh: "files", number: 1, ask: { ask: "announce", id: ID, said: announced } });
  await expect.poll(() => said.length).toBe(1);
  port.postMessage({ callmesh: "files", number: 2, ask: { ask: "fetch", id: ID, at: 0, end: 9 } });
  port.postMessage({ callmesh: "files", number: 3, ask: { ask: "take_back", id: ID } });
  await expect.poll(() => said.length).toBe(3);
  expect(said).toMatchObject([{ number: 1, code: "denied" }, { number: 2, code: "refused" }, { number: 3, code: "refused" }]);
  expect(call.away.asked).toHaveLength(1);
});

test("[A22, F12] a flood of words about files ends that frame", async () => {
  const port = attach();
  await new Frame(port, {}).ready;
  port.onmessage = null;
  for (let n = 0; n < 21_000; n++) port.postMessage({ callmesh: "files", number: 0, ask: { ask: "open" } });
  await expect.poll(() => courier.ended?.code).toBe("too_fast");
});

test.each([
  [{ ask: "fetch", id: "../x", at: 0, end: 9 }],
  [{ ask: "fetch", id: ID, at: 0, end: 2 ** 30 }],
  [{ ask: "bring", id: ID, at: 0, data: "text" }],
  [{ ask: "nothing", id: ID }],
  [null],
])("[A5, F12] a frame that asks for %o is ended", async (ask) => {
  const port = attach();
  await new Frame(port, {}).ready;
  port.onmessage = null; // from here on it does by hand what the test says
  port.postMessage({ callmesh: "files", number: 1, ask });
  await expect.poll(() => courier.ended?.code).toBe("bad_message");
  expect(call.away.asked).toEqual([]);
});

test("[A8, F12] without the capability a frame that asks all the same is ended", async () => {
  call.ask("streams");
  const port = attach();
  await new Frame(port, {}).ready;
  port.onmessage = null; // from here on it does by hand what the test says
  port.postMessage({ callmesh: "files", number: 0, ask: { ask: "open" } });
  await expect.poll(() => courier.ended?.code).toBe("denied");
  expect(call.away.followed).toBe(false);
});

test("[F12] a frame that is closed follows what is kept no longer", async () => {
  const { files } = await open();
  expect(files.kept).toEqual([]);
  await expect.poll(() => call.away.followed).toBe(true);
  courier.close();
  expect(call.away.followed).toBe(false);
});
