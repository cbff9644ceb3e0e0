import fc from "fast-check";
import { expect, test } from "vitest";

import { bundle, encode, unbundle } from "../src/codec.ts";
import { CallmeshError, TooLarge, WireError } from "../src/errors.ts";
import type { Message } from "../src/messages.ts";
import { DELETED } from "../src/state.ts";
import { bytes, entryIn, hex, valueIn, vectors, type EntryVector, type ValueVector } from "./vectors.ts";

interface Vector {
  readonly type: Message["type"];
  readonly fields: { readonly [name: string]: unknown };
  readonly hex: string;
}
interface Bytes {
  readonly about: string;
  readonly hex: string;
}
interface GroupVector {
  readonly state: string;
  readonly entries: readonly EntryVector[];
  readonly version: number;
}
const data = vectors<{
  messages: Vector[];
  bundles: { about: string; count: number; head: string }[];
  lenient: (Bytes & { type: string })[];
  rubbish: Bytes[];
}>("messages");

/** The message that a vector describes: names in camelCase, values and bytes as they are here. */
function messageIn({ type, fields }: Vector): Message {
  const found = Object.entries(fields).map(([name, field]) => {
    if (name === "groups") return [name, (field as GroupVector[]).map(group)];
    if (name === "items") return [name, (field as [string, ValueVector][]).map(([k, v]) => [k, valueIn(v)])];
    if (["payload", "write", "signature", "body"].includes(name)) return [name, bytes((field as { hex: string }).hex)];
    if (type === "reach" && name === "peers") return [name, (field as object[]).map(camelCased)];
    return [camelCase(name), field];
  });
  return { type, ...Object.fromEntries(found) } as Message;
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

function camelCased(row: object): unknown {
  return Object.fromEntries(Object.entries(row).map(([name, field]) => [camelCase(name), field as unknown]));
}

function group({ state, entries, version }: GroupVector): unknown {
  return { state, entries: entries.map(entryIn), version };
}

test.each(data.messages)("[W1] $type has the same bytes in both languages: $hex", (vector) => {
  const message = messageIn(vector);
  expect(hex(encode(message))).toBe(vector.hex);
  expect(unbundle(bundle([bytes(vector.hex)]))).toEqual([message]);
});

test("[W1] there is a vector for every message", () => {
  const all: { readonly [T in Message["type"]]: true } = {
    hello: true, welcome: true, waiting: true, batch: true, write: true, saved: true, denied: true, command: true,
    answer: true, signal: true, stream: true, taken: true, reach: true, relayed: true, ice: true, ping: true, pong: true, leave: true, error: true, cache: true, life: true, link: true,
    ticket: true, kept: true, letter: true, have: true, void: true, surroundings: true, fetch: true, fetched: true,
  };
  expect([...new Set(data.messages.map(({ type }) => type))].sort()).toEqual(Object.keys(all).sort());
});

test.each(data.bundles)("[W1] a bundle of $about", ({ count, head }) => {
  const ping = encode({ type: "ping", number: 1 });
  const bundled = bundle(Array.from({ length: count }, () => ping));
  expect(hex(bundled)).toBe(head + hex(ping).repeat(count));
  expect(unbundle(bundled)).toHaveLength(count);
});

test("[W1] a bundle of more than 65,535 messages", () => {
  const bundled = bundle(Array.from({ length: 0x10002 }, () => encode({ type: "leave" })));
  expect(hex(bundled.subarray(0, 5))).toBe("dd00010002");
  expect(unbundle(bundled)).toHaveLength(0x10002);
});

test.each(data.lenient)("[W1] $about", ({ hex, type }) => {
  expect(unbundle(bytes(hex))).toMatchObject([{ type }]);
});

test("[W1] what may be left out has its default", () => {
  const hello = { type: "hello", version: 1, call: "demo", name: "Ada", role: null, token: null, person: null };
  const left = unbundle(bytes("9194a568656c6c6f01a464656d6fa3416461"));
  expect(left).toEqual([{ ...hello, resume: null, cursor: 0, offers: [], key: "" }]);
});

test("[W1] fields of a later version are passed over, of any type and in groups and entries too", () => {
  // write [[call, [[k, 1, p1, true, {a: [1]}, ext, bin, str16, 1.5]], 0, nil]], 10,000 nested arrays
  const entry = "99a16b01a27031c381a1619101d40100c40101da000161cb3ff8000000000000";
  const later = bytes(`9193a577726974659194a463616c6c91${entry}00c0${"91".repeat(10_000)}01`);
  expect(unbundle(later)).toMatchObject([{ groups: [{ state: "call", entries: [{ key: "k", value: true }] }] }]);
});

test.each([
  ...data.rubbish,
  { about: "an entry with a negative time", hex: "9192a577726974659192a463616c6c9194a16bffa2703101" },
  { about: "a name that every object has for a tag", hex: "9191ab636f6e7374727563746f72" },
  { about: "too few fields", hex: "9191a573617665" },
  { about: "a cache item of three", hex: "9192a563616368659193a16b0101" },
  { about: "an offer of 17 characters", hex: `919aa568656c6c6f01a464656d6fa3416461c0c0c0c00091b1${"61".repeat(17)}` },
])("[W2] $about is rubbish", ({ hex }) => {
  expect(() => unbundle(bytes(hex))).toThrow(WireError);
});

test.each([
  ["bytes", "c40101"],
  ["NaN", "cb7ff8000000000000"],
  ["too deep", `${"91".repeat(33)}01`],
  ["an extension", "d40100"],
  ["text that is not UTF-8", "a1ff"],
  ["a member called __proto__", "81a95f5f70726f746f5f5f01"],
])("[S24] an entry whose value is no JSON (%s) is set aside, and what stands beside it is read", (_, value) => {
  const [batch] = unbundle(bytes(`9195a562617463680100c29192a463616c6c9294a16b01a27031${value}94a16c01a2703105`));
  expect(batch).toMatchObject({ groups: [{ entries: [{ key: "k", value: DELETED }, { key: "l", value: 5 }] }] });
  expect(batch).toHaveProperty("groups.0.entries.0.unreadable", expect.any(String));
  expect(batch).not.toHaveProperty("groups.0.entries.1.unreadable");
});

test("[W2] an id has 64 characters, not 64 units", () => {
  const peer = "😀".repeat(64);
  expect(unbundle(bundle([encode({ type: "signal", peer, data: "" })]))).toMatchObject([{ peer }]);
  const longer = bundle([encode({ type: "signal", peer: `${peer}a`, data: "" })]);
  expect(() => unbundle(longer)).toThrow(WireError);
});

test("[W4] a bundle beyond its limit is too large, whatever is in it", () => {
  expect(() => unbundle(new Uint8Array(1024 * 1024 + 1))).toThrow(TooLarge);
  expect(() => unbundle(new Uint8Array(11), 10)).toThrow(TooLarge);
  const large = bundle([encode({ type: "error", code: "x", message: "x".repeat(2 ** 21) })]);
  expect(unbundle(large, null)).toHaveLength(1);
});

/** Whether the bytes are messages, or rubbish that ends as rubbish has to end. */
function endsWell(data: Uint8Array): void {
  try {
    unbundle(data);
  } catch (error) {
    expect(error).toBeInstanceOf(CallmeshError);
    expect((error as CallmeshError).code).toBe("bad_message");
  }
}

test("[W2] whatever the bytes are, they end in messages or in bad_message", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), endsWell), { numRuns: 2_000 });
  const known = fc.constantFrom(...data.messages.map(({ hex }) => bundle([bytes(hex)])));
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(known, changes, fc.nat(), (start, changed, cut) => {
      const data = start.slice(0, start.length - (cut % 3));
      for (const [at, byte] of changed) data[at % data.length] = byte;
      endsWell(data);
    }),
    { numRuns: 4_000 },
  );
});

test("[W1] a payload is a copy: the buffer it came in may be used again", () => {
  const data = bundle([bytes(hexOf("stream"))]);
  const [stream] = unbundle(data);
  data.fill(0);
  expect(stream).toMatchObject({ type: "stream", payload: Uint8Array.from({ length: 256 }, (_, n) => n) });
});

function hexOf(type: Message["type"]): string {
  return data.messages.find((vector) => vector.type === type)!.hex;
}
