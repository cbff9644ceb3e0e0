import { describe, expect, test } from "vitest";

import type { ParticipantId } from "../src/ids.ts";
import { Pair, PATIENCE, readSignal } from "../src/signaling.ts";

const P1 = "p1" as ParticipantId;
const P2 = "p2" as ParticipantId;

describe("a pair", () => {
  test("[D5] the smaller id makes the first offer, the other one is polite", () => {
    expect(new Pair(P1, P2, { rtc: true, now: 0 })).toMatchObject({ offers: true, polite: false, peer: P2 });
    expect(new Pair(P2, P1, { rtc: true, now: 0 })).toMatchObject({ offers: false, polite: true });
  });

  test("[D6] where one side has no WebRTC the path is the relay from the start", () => {
    const pair = new Pair(P1, P2, { rtc: false, now: 0 });
    expect(pair.path.kind).toBe("relay");
    expect(pair.tick(PATIENCE)).toBe(false);
  });

  test("[D5] not direct within 5 s is the relay; direct when it opens after all; the relay when it breaks", () => {
    const pair = new Pair(P1, P2, { rtc: true, now: 7 });
    expect(pair.tick(7 + PATIENCE - 1)).toBe(false);
    expect(pair.path).toEqual({ kind: "connecting", since: 7 });
    expect(pair.tick(7 + PATIENCE)).toBe(true);
    expect(pair.path.kind).toBe("relay");
    expect(pair.tick(7 + 2 * PATIENCE)).toBe(false);
    pair.opened();
    expect(pair.path).toEqual({ kind: "direct" });
    pair.failed("it broke");
    expect(pair.path).toEqual({ kind: "relay", why: "it broke" });
  });
});

describe("signals", () => {
  test("descriptions and candidates are read; what a later version adds is passed over", () => {
    expect(readSignal('{"description":{"type":"offer","sdp":"v=0","x":1},"y":2}')).toEqual({
      description: { type: "offer", sdp: "v=0" },
    });
    expect(readSignal('{"candidate":{"candidate":"candidate:1","sdpMid":"0"}}')).toEqual({
      candidate: { candidate: "candidate:1", sdpMid: "0" },
    });
    expect(readSignal('{"candidate":null}')).toEqual({ candidate: null });
  });

  test.each([
    "", "null", "1", "[]", "{}", "{", '{"description":1}', '{"description":{"type":"rollback","sdp":""}}',
    '{"description":{"type":"offer"}}', '{"candidate":"x"}', "[".repeat(60_000),
  ])("[D8] a peer's rubbish is a WireError: %.20s", (text) => {
    expect(() => readSignal(text)).toThrow(expect.objectContaining({ code: "bad_message" }));
  }); // prettier-ignore
});
