import { describe, expect, test } from "vitest";

import { decodeWord, encodePart, fileName, FILES, keptAfter, MAX_OFFERS, Outgoing, PART, Receiving, REMEMBERED, type Offer } from "../src/files.ts";
import { appStream, type ParticipantId, type PersonId } from "../src/ids.ts";
import type { Kept, KeptFile } from "../src/messages.ts";
import { bytes, vectors } from "./vectors.ts";

interface Vectors {
  readonly words: readonly { readonly about: string; readonly word: Record<string, unknown> }[];
  readonly bad: readonly unknown[];
  readonly kept: readonly { readonly about: string; readonly names: readonly string[]; readonly news: readonly Omit<Kept, "type">[] }[];
  readonly parts: readonly { readonly id: string; readonly at: number; readonly data: string; readonly hex: string }[];
  readonly badParts: readonly string[];
  readonly names: readonly (readonly [string, string])[];
}

const VECTORS = vectors<Vectors>("files");
const [ADA, ANNA] = ["p1" as ParticipantId, "u1" as PersonId];
const SECOND = 1_000_000;

function offer(n: number, size = n): Offer {
  return { word: "offer", id: n.toString(16).padStart(16, "0"), name: "a", size, sha256: "0".repeat(64), type: "" };
}

test.each(VECTORS.words)("[F1] a word is the same in both languages: $about", ({ word }) => {
  expect(decodeWord(word)).toEqual(word);
});

test.each(VECTORS.kept)("[F7] what is kept is the same in both languages: $about", ({ news, names }) => {
  const kept = news.reduce<readonly KeptFile[]>(keptAfter, []);
  expect(kept.map(({ id, name }) => `${id[0]}/${name}`)).toEqual(names);
});

test.each(VECTORS.parts)("[F1] a part is the same in both languages: at $at", ({ id, at, data, hex }) => {
  expect(encodePart(id, at, bytes(data))).toEqual(bytes(hex));
  expect(decodeWord(bytes(hex))).toEqual({ word: "part", id, at, data: bytes(data) });
});

test.each([...VECTORS.bad, ...VECTORS.badParts.map(bytes)])("[F6] what is no word is dropped: %j", (data) => {
  expect(() => decodeWord(data)).toThrow(expect.objectContaining({ code: "bad_message" }));
});

test.each(VECTORS.names)("[F5] the name %j is %j in any folder", (given, name) => {
  expect(fileName(given)).toBe(name);
  expect(fileName(name)).toBe(name);
});

test("[F1] apps cannot take the stream of files", () => {
  expect(appStream("ecg.2")).toBe("ecg.2");
  expect(() => appStream(FILES)).toThrow(expect.objectContaining({ code: "bad_name" }));
});

describe("what comes is bounded", () => {
  test("[F6] offers of one sender, answers that are remembered, and offers that nobody answers", () => {
    const receiving = new Receiving();
    for (let n = 0; n < 2 * REMEMBERED; n++) {
      expect(receiving.hear(ADA, ANNA, offer(n), 0)).toBeUndefined();
      const incoming = receiving.news.shift();
      if (incoming === undefined) throw new Error("nothing was offered");
      const answer = receiving.close(incoming, undefined);
      expect(receiving.hear(ADA, ANNA, offer(n), 0)).toEqual(answer);
    }
    for (let n = 0; n < MAX_OFFERS; n++) expect(receiving.hear(ADA, ANNA, offer(n + 10_000), 0)).toBeUndefined();
    expect(receiving.hear(ADA, ANNA, offer(20_000), 0)).toMatchObject({ code: "too_fast" });
    receiving.limit = 10;
    expect(receiving.hear(ADA, ANNA, offer(20_001, 11), 0)).toMatchObject({ code: "too_large" });
    receiving.tick(() => true, 700 * SECOND);
    expect([receiving.open.size, receiving.news.length]).toEqual([0, 0]);
  });

  test("[D11] [F3] what one sender sent is lost: it alone goes on from where it is", () => {
    const receiving = new Receiving();
    for (const sender of [ADA, "p2" as ParticipantId]) {
      receiving.hear(sender, ANNA, offer(1), 0);
      receiving.news.shift()?.accept(0, 0);
    }
    expect(receiving.lost(ADA, 1)).toEqual([{ to: ADA, word: { word: "accept", id: offer(1).id, at: 0 } }]);
  });

  test("[F6] more bytes than were offered end it", () => {
    const receiving = new Receiving();
    receiving.hear(ADA, ANNA, offer(1, 10), 0);
    const incoming = receiving.news.shift();
    incoming?.accept(0, 0);
    const part = { word: "part", id: offer(1).id, at: 0, data: new Uint8Array(11) } as const;
    expect(receiving.part(ADA, part, 0)).toBeUndefined();
    expect(incoming?.why).toMatchObject({ code: "bad_message" });
  });
});

test("[F3] a sender goes on from where the receiver wants it, and asks again while it hears nothing", () => {
  const out = new Outgoing(ADA, ANNA, offer(1, 3 * PART + 1), 0);
  expect(out.next).toBeUndefined();
  out.hear({ word: "accept", id: out.offer.id, at: PART }, 0);
  expect(out.next).toEqual({ at: PART, end: 2 * PART });
  out.left(PART, 2 * PART, 0);
  out.hear({ word: "accept", id: out.offer.id, at: 3 * PART }, 0);
  out.left(PART, 2 * PART, 0); // it was on its way when another was asked for
  expect(out.next).toEqual({ at: 3 * PART, end: 3 * PART + 1 });
  out.left(3 * PART, 3 * PART + 1, 0);
  expect([out.stage, out.due(9 * SECOND), out.due(10 * SECOND)]).toEqual(["sent", undefined, out.offer]);
  out.hear({ word: "done", id: out.offer.id }, 0);
  expect([out.over, out.why]).toEqual([true, undefined]);
});
