import { expect, test } from "vitest";

import { bundle, encode } from "../src/codec.ts";
import { Broken, CallmeshError, Closed, TimedOut, TooFast, TooLarge, WireError } from "../src/errors.ts";
import { MAX_BUNDLE, MAX_PAYLOAD, STREAM_WINDOW, type Hello, type Message, type Stream, type Waiting, type Welcome } from "../src/messages.ts";
import { OPENING_TIMEOUT, PING_EVERY, Session, SILENCE, type Side } from "../src/session.ts";

const HELLO: Hello = {
  type: "hello", version: 1, call: "demo", name: "Ada", role: null, token: null, person: null, resume: null,
  cursor: 0, offers: [], key: "",
};
const WELCOME: Welcome = {
  type: "welcome", version: 1, call: "demo", participant: "p1", writer: "p1", person: "u1", name: "Ada",
  role: "host", time: 5, resume: "", personProof: "", resource: null,
};
const WAITING: Waiting = {
  type: "waiting", version: 1, call: "demo", person: "u1", name: "Ada", time: 5, personProof: "", held: false, words: "", role: "guest", groups: [], locked: false,
};
const PING: Message = { type: "ping", number: 1 };
const LEAVE: Message = { type: "leave" };

function stream(size: number): Stream {
  const payload = new Uint8Array(size);
  return { type: "stream", peers: [], resource: "r1", name: "pen", mode: "reliable", number: 1, json: false, payload, step: 1, part: 0, parts: 1 };
}

function bundled(...messages: Message[]): Uint8Array {
  return bundle(messages.map(encode));
}

function open(side: Side): Session {
  const session = new Session(side, 0);
  if (side === "hub") session.welcome(encode(WELCOME));
  else session.receive(bundled(WELCOME), 0);
  session.take();
  return session;
}

test("[J1] hello and welcome open both sides, and a batch may ride with the welcome", () => {
  const [hub, client] = [new Session("hub", 0), new Session("client", 0)];
  client.put(encode(HELLO));
  expect(hub.receive(bundle(client.take()), 1)).toEqual([HELLO]);
  hub.welcome(encode(WELCOME));
  const batch: Message = { type: "batch", cursor: 1, saved: 1, whole: true, groups: [] };
  hub.put(encode(batch));
  expect(client.receive(bundle(hub.take()), 2)).toEqual([WELCOME, batch]);
  expect([hub.state.kind, client.state.kind]).toEqual(["open", "open"]);
});

const BEFORE: readonly (readonly [Side, Message])[] = [["hub", PING], ["hub", LEAVE], ["client", { type: "saved", cursor: 1 }], ["client", HELLO]];
const AFTER: readonly (readonly [Side, Message])[] = [["hub", HELLO], ["hub", { type: "pong", number: 1, time: 1 }], ["client", WELCOME], ["client", PING]];

test.each(BEFORE)("[W3] the %s takes no %o before joining", (side, message) => {
  const session = new Session(side, 0);
  expect(() => session.receive(bundled(message), 0)).toThrow(WireError);
  expect(session.state).toMatchObject({ kind: "over", reason: { code: "bad_message" } });
});

test.each(AFTER)("[W3] the %s takes no %o after joining", (side, message) => {
  expect(() => open(side).receive(bundled(message), 0)).toThrow(WireError);
});

test("[J18] who waits is told so, keeps the link alive, and is let in by a welcome", () => {
  const client = new Session("client", 0);
  const held: Message = { ...WAITING, held: true, words: "Soon." };
  expect(client.receive(bundled(WAITING, held), 0)).toEqual([WAITING, held]);
  expect(client.state.kind).toBe("waiting");
  client.tick(PING_EVERY);
  expect(client.take()).toEqual([encode(PING)]);
  client.receive(bundled({ type: "pong", number: 1, time: 1 }), PING_EVERY);
  client.receive(bundled(WELCOME), PING_EVERY);
  expect(client.state.kind).toBe("open");
});

test.each([{ type: "saved", cursor: 1 }, { type: "answer", id: "c", reason: "", why: "" }] as const)(
  "[J18] who waits takes no %o",
  (message) => {
    const client = new Session("client", 0);
    client.receive(bundled(WAITING), 0);
    expect(() => client.receive(bundled(message), 0)).toThrow(WireError);
  },
);

test("[W2] rubbish ends the session", () => {
  const session = open("hub");
  session.put(encode(PING));
  expect(() => session.receive(new Uint8Array([1, 2, 3]), 0)).toThrow(WireError);
  expect([session.state.kind, session.hasOutput]).toEqual(["over", false]);
  expect(() => session.receive(bundled(PING), 0)).toThrow(WireError);
});

test("[W4] a hub takes 16 KiB before joining and 1 MiB after; a client takes what the hub sends", () => {
  const hello = bundled({ ...HELLO, token: "x".repeat(16 * 1024) });
  expect(() => new Session("hub", 0).receive(hello, 0)).toThrow(TooLarge);
  const large = bundled(...Array.from({ length: 20 }, () => stream(60_000)));
  expect(() => open("hub").receive(large, 0)).toThrow(TooLarge);
  expect(open("client").receive(large, 0)).toHaveLength(20);
});

test("what the peer named is raised, and ends the session", () => {
  const session = open("client");
  const error: Message = { type: "error", code: "replaced", message: "you joined again somewhere else" };
  expect(() => session.receive(bundled(error), 0)).toThrow("you joined again somewhere else");
  expect(session.state).toMatchObject({ kind: "over", reason: { code: "replaced", close: 4409 } });
});

test("[W5] who says no hello in 10 s is late", () => {
  const session = new Session("hub", 1_000);
  session.tick(1_000 + OPENING_TIMEOUT);
  expect(() => session.tick(1_001 + OPENING_TIMEOUT)).toThrow(TimedOut);
  expect(session.state.kind).toBe("over");
  session.tick(10 * OPENING_TIMEOUT);
});

test("[W7] a client pings, and takes silence for a broken link", () => {
  const session = open("client");
  session.tick(PING_EVERY - 1);
  expect(session.hasOutput).toBe(false);
  session.tick(PING_EVERY);
  session.tick(PING_EVERY + 1);
  expect(session.take()).toEqual([encode(PING)]);
  session.receive(bundled({ type: "pong", number: 1, time: 1 }), PING_EVERY);
  session.tick(PING_EVERY + SILENCE);
  expect(() => session.tick(PING_EVERY + SILENCE + 1)).toThrow(Broken);
});

test.each([true, false])("[W7] who has slept asks at once and does not wait for long; whether it is answered: %s", (answered) => {
  const second = 1_000_000;
  const session = open("client");
  session.awake(6 * second);
  session.tick(6 * second);
  session.tick(6 * second + 1);
  expect(session.take()).toEqual([encode(PING)]);
  if (answered) session.receive(bundled({ type: "pong", number: 1, time: 1 }), 7 * second);
  session.tick((answered ? 47 : 11) * second);
  if (!answered) expect(() => session.tick(11 * second + 1)).toThrow(Broken);
});

test("pings are the client's: a hub waits", () => {
  const session = open("hub");
  session.tick(100 * SILENCE);
  expect([session.state.kind, session.hasOutput]).toEqual(["open", false]);
});

test("[D3, W8] in a slot the newest replaces what has not left, and that is counted", () => {
  const session = open("hub");
  for (const number of [1, 2, 3]) session.putLatest("pen", encode({ type: "ping", number }));
  session.putLatest("cursor", encode({ type: "ping", number: 9 }));
  expect(session.take()).toEqual([3, 9].map((number) => encode({ type: "ping", number })));
  expect([session.dropped, session.hasOutput]).toEqual([2, false]);
  session.putLatest("pen", encode(PING));
  expect(session.dropped).toBe(2);
});

test("[W4] what is taken at once fits into a bundle, in order, and all of it leaves", () => {
  const session = open("client");
  const sizes = [500_000, 900_000, 10, 60_000, 2_000_000, 5];
  for (const size of sizes) session.put(encode(stream(size)));
  for (let slot = 0; slot < 30; slot++) session.putLatest(String(slot), encode(stream(61_000)));
  const left: number[] = [];
  while (session.hasOutput) {
    const taken = session.take();
    if (taken.length > 1) expect(bundle(taken).length).toBeLessThanOrEqual(MAX_BUNDLE);
    left.push(...taken.map(({ length }) => length));
  }
  const latest = encode(stream(61_000)).length;
  expect(left.filter((size) => size !== latest)).toEqual(sizes.map((size) => encode(stream(size)).length));
  expect(left).toHaveLength(sizes.length + 30);
});

test("[W8] a sender has at most 256 KiB under way, and is told what has gone on", () => {
  const [hub, client] = [open("hub"), open("client")];
  const message = stream(32 * 1024);
  while (client.room > 0) {
    client.put(encode(message));
    client.streamed += message.payload.length;
  }
  expect(client.streamed).toBe(STREAM_WINDOW);
  while (client.hasOutput) hub.receive(bundle(client.take()), 0);
  expect(hub.hasOutput).toBe(false);
  hub.relayed(message.payload.length);
  client.receive(bundle(hub.take()), 0);
  expect([client.room, client.credited, hub.hasOutput]).toEqual([32 * 1024, 32 * 1024, false]);
});

test("[W8] who sends beyond the window is too fast", () => {
  const hub = open("hub");
  for (let n = 0; n < 5; n++) hub.receive(bundled(stream(MAX_PAYLOAD)), 0);
  expect(() => hub.receive(bundled(stream(MAX_PAYLOAD)), 0)).toThrow(TooFast);
});

test("[W3] a session ends once", () => {
  const session = open("hub");
  session.put(encode(PING));
  session.end(new Closed("over"));
  session.end(new CallmeshError("again"));
  expect(session.state).toMatchObject({ reason: { code: "closed" } });
  expect(session.take()).toEqual([]);
});
