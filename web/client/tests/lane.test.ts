import { HIGH_WATER, LOW_WATER, decodePiece, type Mode, type Piece } from "@callmesh/core";
import { describe, expect, test } from "vitest";

import { Lane } from "../src/lane.ts";

class FakeChannel {
  readyState = "connecting";
  bufferedAmount = 0;
  broken = false;
  readonly sent: number[] = [];
  readonly bytes: Uint8Array[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onbufferedamountlow: (() => void) | null = null;

  send(data: Uint8Array): void {
    if (this.broken) throw new Error("closing");
    this.bufferedAmount += data.length;
    this.sent.push(decodePiece(data).number);
    this.bytes.push(data);
  }

  open(): void {
    this.readyState = "open";
    this.onopen?.();
  }

  drain(): void {
    this.bufferedAmount = 0;
    this.onbufferedamountlow?.();
  }

  close(): void {
    this.readyState = "closed";
  }
}

function make(mode: Mode) {
  const relayed: number[] = [];
  const channel = new FakeChannel();
  const rooms = { count: 0 };
  const lane = new Lane(mode, {
    open: () => channel as unknown as RTCDataChannel,
    relay: ({ number }) => void relayed.push(number),
    room: () => {
      rooms.count++;
    },
  });
  return { lane, channel, relayed, rooms };
}

function bytes(number: number, size = 1): Piece {
  return { number, json: false, payload: new Uint8Array(size) };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

describe("a lane", () => {
  test("[D2] what is sent while the path is sought waits, and goes direct in order", () => {
    const { lane, channel, relayed } = make("reliable");
    for (const n of [1, 2]) expect(lane.put(bytes(n))).toBe(true);
    lane.follow("direct");
    lane.put(bytes(3));
    expect(channel.sent).toEqual([]);
    channel.open();
    lane.put(bytes(4));
    expect([channel.sent, relayed]).toEqual([[1, 2, 3, 4], []]);
  });

  test("[D5] no direct path in time: what waited goes by the relay, and so does the rest", () => {
    const { lane, channel, relayed } = make("reliable");
    lane.put(bytes(1));
    lane.follow("relay");
    expect(lane.put(bytes(2))).toBe(false);
    expect([relayed, channel.sent]).toEqual([[1], []]);
  });

  test("[D2] the channel's buffer is kept filled to its low water, no further; full from 1 MiB on", () => {
    const { lane, channel, rooms } = make("reliable");
    lane.follow("direct");
    channel.open();
    const size = 50_000;
    let n = 0;
    while (!lane.full) lane.put(bytes(++n, size));
    expect(channel.bufferedAmount).toBeLessThan(LOW_WATER + 2 * size);
    expect(n * size).toBeLessThan(HIGH_WATER + LOW_WATER + 3 * size);
    expect(rooms.count).toBe(0);
    channel.drain();
    expect([lane.full, rooms.count]).toEqual([false, 1]);
    while (channel.sent.length < n) channel.drain();
    expect(channel.sent).toEqual(numbers(1, n));
  });

  test("[D2] for several receivers a piece is encoded once", () => {
    const lanes = [make("reliable"), make("reliable"), make("latest")];
    for (const { lane, channel } of lanes) {
      lane.follow("direct");
      channel.open();
    }
    const piece = bytes(1, 300);
    for (const { lane } of lanes) lane.put(piece);
    expect(new Set(lanes.map(({ channel }) => channel.bytes[0])).size).toBe(1);
  });

  test("[D2] of many small messages no more is remembered than what a broken path may take along", () => {
    const { lane, channel, relayed } = make("reliable");
    lane.follow("direct");
    channel.open();
    for (const n of numbers(1, 100_000)) {
      lane.put(bytes(n, 0));
      if (n % 1_000 === 0) channel.drain();
    }
    lane.follow("relay");
    expect(relayed.at(-1)).toBe(100_000);
    expect(relayed.length).toBeLessThan((2 * LOW_WATER) / 4);
  });

  test("[D3] latest: what has not left is replaced", () => {
    const { lane, channel } = make("latest");
    lane.follow("direct");
    channel.open();
    channel.bufferedAmount = LOW_WATER + 1;
    for (const n of numbers(1, 5)) lane.put(bytes(n));
    channel.drain();
    expect([channel.sent, lane.dropped]).toEqual([[5], 4]);
  });

  test("[D2] [D5] the path breaks: what may not have arrived goes again by the relay, then what waited", () => {
    const { lane, channel, relayed } = make("reliable");
    lane.follow("direct");
    channel.open();
    for (const n of numbers(1, 40)) {
      lane.put(bytes(n, 50_000));
      if (n < 30) channel.drain();
    }
    lane.follow("relay");
    expect(relayed.at(-1)).toBe(40);
    expect(relayed).toEqual(numbers(relayed[0]!, 40));
    expect(relayed[0]).toBeLessThanOrEqual(channel.sent.at(-1)! - 8);
    expect(channel.readyState).toBe("closed");
  });

  test.each(["onclose", "onerror"] as const)("[D5] %s of the channel is the relay", (event) => {
    const { lane, channel, relayed } = make("reliable");
    lane.follow("direct");
    lane.put(bytes(1));
    channel[event]?.();
    expect(relayed).toEqual([1]);
    expect(lane.put(bytes(2))).toBe(false);
  });

  test.each(["reliable", "latest"] as const)("[D2] %s: nothing is lost when send throws", (mode) => {
    const { lane, channel, relayed } = make(mode);
    lane.follow("direct");
    channel.open();
    channel.broken = true;
    lane.put(bytes(1));
    expect(relayed).toEqual([1]);
  });

  test("[D2] [D3] reliable does not overtake what is on its way by the relay; latest may", () => {
    const one = make("reliable");
    one.lane.follow("relay");
    one.lane.follow("direct");
    expect(one.lane.put(bytes(1))).toBe(false);
    const other = make("latest");
    other.lane.follow("relay");
    other.lane.follow("direct");
    expect(other.lane.put(bytes(1))).toBe(true);
  });

  test("closing it lets go of those who wait", () => {
    const { lane, rooms } = make("reliable");
    while (!lane.full) lane.put(bytes(1, 60_000));
    lane.close();
    expect([lane.full, rooms.count]).toEqual([false, 1]);
  });
});
