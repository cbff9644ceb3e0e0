import { afterEach, expect, test, vi } from "vitest";

import { keyMade, SessionKey, sessionKey, verify } from "../src/keys.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

const DATA = new Uint8Array([1, 2, 3]);

test("[E3] what a key has signed, and nothing else, is signed", async () => {
  const [key, other] = await Promise.all([SessionKey.make(), SessionKey.make()]);
  expect(key?.public).toMatch(/^[A-Za-z0-9_-]{43}$/);
  const signature = await key!.sign(DATA);
  expect(await verify(key!.public, signature, DATA)).toBe(true);
  expect(await verify(key!.public, signature, new Uint8Array([1, 2, 4]))).toBe(false);
  expect(await verify(other!.public, signature, DATA)).toBe(false);
  expect(await verify(key!.public, signature.slice(1), DATA)).toBe(false);
});

test.each(["", "x", "A".repeat(42), `${"A".repeat(43)}=`, "é".repeat(43), "!".repeat(43)])("[E3] no key: %j", async (text) => {
  expect(await verify(text, new Uint8Array(64), DATA)).toBe(false);
});

test("[E3] without Ed25519 there is no key, and nothing else is wrong", async () => {
  vi.stubGlobal("crypto", {});
  expect(await SessionKey.make()).toBeUndefined();
});

test("[E3] the page has one from the beginning", async () => {
  expect(await keyMade()).toBe(sessionKey());
  expect(sessionKey()).toBeDefined();
});
