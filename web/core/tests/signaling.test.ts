import { describe, expect, test } from "vitest";

import type { ParticipantId } from "../src/ids.ts";
import { Pair, PATIENCE, readSignal } from "../src/signaling.ts";
import { SLEPT, Wake } from "../src/wake.ts";
import { vectors } from "./vectors.ts";

const P1 = "p1" as ParticipantId;
const P2 = "p2" as ParticipantId;

describe("a pair", () => {
  test("[D5] the smaller id makes the offers", () => {
    expect(new Pair(P1, P2, { rtc: true, now: 0 }).offers).toBe(true);
    expect(new Pair(P2, P1, { rtc: true, now: 0 }).offers).toBe(false);
  });

  test("[D6] where one side has no WebRTC the path is the relay from the start", () => {
    const pair = new Pair(P1, P2, { rtc: false, now: 0 });
    expect(pair.path.kind).toBe("relay");
    expect(pair.tick(PATIENCE)).toBe(false);
    pair.hurry();
    expect(pair.mend(0, true)).toBe("nothing");
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

interface MendingVector {
  readonly about: string;
  readonly offers: boolean;
  readonly restarts: boolean;
  readonly acts: readonly (readonly [act: string, now: number, due: string | null])[];
}

test.each(vectors<{ mending: MendingVector[] }>("streams").mending)("[D22] $about", ({ offers, restarts, acts }) => {
  const [me, peer] = offers ? [P1, P2] : [P2, P1];
  const pair = new Pair(me, peer, { rtc: true, now: 0 });
  for (const [act, now, due] of acts) {
    if (act === "mend") expect(pair.mend(now, restarts), `${now}`).toBe(due);
    else if (act === "failed") pair.failed("broke");
    else pair[act as "opened" | "hurry" | "renewed" | "asked" | "tick"](now);
  }
});

test("[D23] who has slept knows by either clock: some stand still meanwhile, and some are set", () => {
  for (const [steady, wall] of [[0, SLEPT], [SLEPT, SLEPT], [SLEPT, -SLEPT]] as const) {
    const wake = new Wake();
    const told = [[10, 1e15], [10 + SLEPT / 2, 1e15 + SLEPT / 2], [10 + SLEPT / 2 + steady, 1e15 + SLEPT / 2 + wall]] as const;
    expect(told.map(([one, other]) => wake.tick(one, other))).toEqual([false, false, true]);
    expect(wake.tick(...told[2])).toBe(false);
  }
}); // prettier-ignore

describe("signals", () => {
  test("descriptions and candidates are read; what a later version adds is passed over", () => {
    expect(readSignal('{"description":{"type":"offer","sdp":"v=0","x":1},"y":2}')).toEqual({
      description: { type: "offer", sdp: "v=0" },
    });
    expect(readSignal('{"candidate":{"candidate":"candidate:1","sdpMid":"0"}}')).toEqual({
      candidate: { candidate: "candidate:1", sdpMid: "0" },
    });
    expect(readSignal('{"candidate":null}')).toEqual({ candidate: null });
    expect(readSignal('{"again":true}')).toEqual({ again: true });
    expect(readSignal('{"negotiate":true}')).toEqual({ negotiate: true });
  });

  test.each([
    "", "null", "1", "[]", "{}", "{", '{"description":1}', '{"description":{"type":"rollback","sdp":""}}',
    '{"description":{"type":"offer"}}', '{"candidate":"x"}', "[".repeat(60_000),
  ])("[D8] a peer's rubbish is a WireError: %.20s", (text) => {
    expect(() => readSignal(text)).toThrow(expect.objectContaining({ code: "bad_message" }));
  }); // prettier-ignore
});
