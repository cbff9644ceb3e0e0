import fc from "fast-check";
import { expect, test } from "vitest";

import { BadValue, CallmeshError, TooLarge, WireError } from "../src/errors.ts";
import { packedSize, textSize } from "../src/msgpack.ts";
import { check, checkKey, decode, encode, frozen, same, type Json } from "../src/values.ts";
import { bytes, hex, vectors } from "./vectors.ts";

interface Refusal {
  readonly about: string;
  readonly hex: string;
  readonly code: string;
}
const data = vectors<{
  taken: { value: Json; hex: string }[];
  floats: { value: Json; hex: string }[];
  refused: Refusal[];
  deepest: { hex: string };
  keys: { taken: string[]; refused: { key: string; code: string }[] };
}>("values");

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof CallmeshError) return error.code;
    throw error;
  }
  return undefined;
}

test.each(data.taken)("[S3, W1] $hex is taken", ({ value, hex: expected }) => {
  expect(hex(encode(value, Infinity))).toBe(expected);
  expect(decode(bytes(expected), Infinity)).toEqual(value);
  expect(frozen(value, Infinity)).toEqual(value);
});

test.each(data.refused)("[S3] $about is refused", ({ hex, code }) => {
  expect(codeOf(() => decode(bytes(hex)))).toBe(code);
});

test("[S3] 32 deep is taken", () => {
  const deepest = decode(bytes(data.deepest.hex));
  expect(hex(encode(deepest))).toBe(data.deepest.hex);
  expect(() => check([deepest])).toThrow(BadValue);
});

test.each(data.keys.taken)("[S4] %s can be a key", (key) => {
  expect(checkKey(key)).toBe(key);
});

test.each(data.keys.refused)("[S4] $key cannot be a key", ({ key, code }) => {
  expect(codeOf(() => checkKey(key))).toBe(code);
});

test.each([[5, "number"], [undefined, "undefined"], [null, "null"], [["a"], "array"], [Symbol("s"), "symbol"]])(
  "[S4] a key is a text, not %s",
  (key, kind) => {
    expect(() => checkKey(key)).toThrow(new BadValue(`a key is a text, not ${kind}`));
  },
);

const cyclic: unknown[] = [];
cyclic.push(cyclic);

const NO_JSON: readonly (readonly [about: string, value: unknown])[] = [
  ["undefined", undefined],
  ["a function", () => 1],
  ["a symbol", Symbol("s")],
  ["a bigint", 1n],
  ["NaN", NaN],
  ["Infinity", -Infinity],
  ["a date", new Date(0)],
  ["a map", new Map()],
  ["a set", new Set()],
  ["a typed array", new Uint8Array(1)],
  ["a boxed number", Object(1)],
  ["an object of a class", new WireError("no")],
  ["an array of undefined", [undefined]],
  ["a sparse array", new Array(2)],
  ["an undefined member", { a: undefined }],
  ["a member under a symbol", { [Symbol("s")]: 1 }],
  ["a member called __proto__", JSON.parse('{"__proto__": 1}')],
  ["half a surrogate pair", ["a\ud800b"]],
  ["half a surrogate pair in a name", { "\udc00": 1 }],
  ["what holds itself", cyclic],
];

test.each(NO_JSON)("[S3] %s is no JSON", (_, value) => {
  expect(() => check(value)).toThrow(BadValue);
  expect(() => frozen(value)).toThrow(BadValue);
  expect(() => encode(value)).toThrow(BadValue);
});

test.each([2 ** 53 - 1, -(2 ** 53 - 1), 5e-324, Object.create(null), "😀", { constructor: 1, "": 2 }])(
  "[S3] %o is JSON",
  (value) => {
    check(value);
    expect(same(decode(encode(value)), value)).toBe(true);
  },
);

test("[S3] -0 is 0", () => {
  expect(hex(encode(-0))).toBe("00");
});

test.each([2 ** 53, -(2 ** 53), 2 ** 60, 1e300])("[S3] %d is no integer that arrives as it is", (value) => {
  for (const write of [check, frozen, encode]) expect(() => write([value])).toThrow("send larger ones as text");
});

test.each(data.floats)("[S3] a float like $value is read, and not written", ({ value, hex }) => {
  expect(decode(bytes(hex))).toBe(value);
  expect(() => encode(value)).toThrow(BadValue);
});

test("[S3] at most 64 KiB", () => {
  expect(frozen("x".repeat(64 * 1024 - 3))).toHaveLength(64 * 1024 - 3);
  expect(() => frozen("x".repeat(64 * 1024 - 2))).toThrow(TooLarge);
  expect(() => encode("x".repeat(64 * 1024 - 2))).toThrow(TooLarge);
  expect(() => decode(new Uint8Array(64 * 1024 + 1))).toThrow(TooLarge);
});

test("[S3] what was set or read cannot be changed, and what was given can", () => {
  const given = { list: [1, { a: 1 }] };
  const kept = frozen(given);
  given.list.push(2);
  expect(kept).toEqual({ list: [1, { a: 1 }] });
  for (const value of [kept, decode(encode(given))] as { list: unknown[] }[]) {
    expect(() => value.list.push(3)).toThrow(TypeError);
    expect(Object.isFrozen(value) && Object.isFrozen(value.list[1])).toBe(true);
  }
});

const JSON_VALUE = fc.jsonValue({ maxDepth: 5, noUnicodeString: false }).filter((value) => {
  return codeOf(() => check(value)) === undefined;
});

test("[S3] what was written is read", () => {
  fc.assert(
    fc.property(JSON_VALUE, (value) => {
      const data = encode(value);
      const read = decode(data);
      expect(same(read, value as Json)).toBe(true);
      expect(packedSize(read)).toBe(data.length);
    }),
  );
});

test("[S3] rubbish ends in a value or in bad_value", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (data) => {
      expect([undefined, "bad_value"]).toContain(codeOf(() => decode(data)));
    }),
    { numRuns: 3_000 },
  );
});

test("[S5] sameness is of values", () => {
  const different: Json[] = [null, false, 0, "", "0", [], {}, [0], [0, 0], { a: 0 }, { b: 0 }, { a: [0] }, { 0: 0 }];
  for (const [index, one] of different.entries()) {
    for (const [at, other] of different.entries()) expect(same(one, other)).toBe(index === at);
    expect(same(one, undefined)).toBe(false);
  }
  expect(same({ a: 1, b: [{}] }, { b: [{}], a: 1 })).toBe(true);
});

test("the size of a text is that of its UTF-8", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(textSize(text)).toBe(Buffer.byteLength(text));
    }),
  );
});
