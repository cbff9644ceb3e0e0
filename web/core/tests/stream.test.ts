import { describe, expect, test, vi } from "vitest";

import { bundle, encode, unbundle } from "../src/codec.ts";
import { DataStream, type StreamPort } from "../src/datastream.ts";
import { BadValue, Broken, WireError } from "../src/errors.ts";
import type { ParticipantId, ResourceId } from "../src/ids.ts";
import { ACK, Inbox, MOST_ENDED, MOST_OWED, type End, type Whole } from "../src/inbox.ts";
import { HIGH_WATER, Lane, LEAST_WINDOW, STALLED } from "../src/lane.ts";
import { MAX_PAYLOAD, STREAM_WINDOW, type Mode } from "../src/messages.ts";
import { Meter, type Counts } from "../src/meter.ts";
import { pack } from "../src/msgpack.ts";
import { Queue } from "../src/queue.ts";
import { RelayQueue } from "../src/relay.ts";
import { Session } from "../src/session.ts";
import { INBOX, INBOX_BYTES, Shelf } from "../src/shelf.ts";
import {
  decodeFrame, delivery, encodeFrame, encodePiece, HEAD, label, MAX_MESSAGE, modeOf, PACK, PACKET, payloadOf, pieces, readLabel, readPayload, SMALL, type Piece,
} from "../src/stream.ts";
import { Turns } from "../src/turns.ts";
import { bytes as unhex, hex, vectors } from "./vectors.ts";

const R1 = "r1" as ResourceId;
const ADA = "p1" as ParticipantId;
const BOB = "p2" as ParticipantId;

interface PieceVector {
  readonly about: string;
  readonly piece: Omit<Piece, "payload"> & { readonly payload: string };
  readonly hex: string;
}
interface InboxVector {
  readonly about: string;
  readonly mode: Mode;
  readonly comes: readonly (readonly [number: number, step: number, part: number, parts: number, came: string])[];
  readonly read: readonly string[];
  readonly last: number;
  readonly dropped: number;
}
interface LaneVector {
  readonly about: string;
  readonly mode: Mode;
  readonly acts: readonly (readonly [act: string, number: number])[];
  readonly left: readonly (readonly [number: number, step: number])[];
  readonly size: number;
  readonly flying: number;
  readonly dropped: number;
}
interface MeterVector {
  readonly about: string;
  readonly notes: readonly (readonly [now: number, counts: Counts])[];
  readonly at: readonly [now: number, counts: Counts];
  readonly rates: readonly number[];
}
interface DeliveryVector {
  readonly mode: Mode;
  readonly ordered: boolean | null;
  readonly max_retransmits: number | null;
  readonly is: readonly [ordered: boolean, retransmits: number | null] | null;
}
interface LossVector {
  readonly about: string;
  readonly said: readonly (readonly [left: number, came: number])[];
  readonly loss: number;
}
const data = vectors<{
  deliveries: DeliveryVector[]; frames: FrameVector[]; pieces: PieceVector[]; inbox: InboxVector[]; lanes: LaneVector[]; meters: MeterVector[]; losses: LossVector[];
  turns: TurnVector[];
}>("streams"); // prettier-ignore

interface TurnVector {
  readonly about: string;
  readonly acts: readonly (readonly [waiting: readonly (readonly [name: string, size: number])[], room: number, chosen: string | null])[];
}

interface FrameVector {
  readonly about: string;
  readonly pieces: readonly (readonly [number: number, payload: string, step: number])[];
  readonly hex: string;
}

function decodePiece(data: Uint8Array): Piece {
  const [piece, ...more] = decodeFrame(data);
  expect(more).toEqual([]);
  return piece as Piece;
}

function one(number: number, size = 1, step = 1): Piece {
  return { number, json: false, payload: new Uint8Array(size).fill(number), step, part: 0, parts: 1 };
}

describe("the same in both languages", () => {
  test.each(data.pieces)("[D4] [D9] [D13] the bytes of $about", ({ piece, hex: written }) => {
    const found = { ...piece, payload: unhex(piece.payload) };
    expect(decodePiece(unhex(written))).toEqual(found);
    expect(hex(encodePiece(found, found.step))).toBe(written);
  });

  test.each(data.frames)("[D24] the bytes of what travels together: $about", ({ pieces: given, hex: written }) => {
    const sent = given.map(([number, payload, step]) => ({ ...one(number, 0, step), payload: unhex(payload) }));
    expect(hex(encodeFrame(sent, sent[0]?.step ?? 0))).toBe(written);
    const bytes = unhex(written);
    expect(decodeFrame(bytes)).toEqual(sent);
    for (let size = 0; size < bytes.length; size++) expect(() => decodeFrame(bytes.subarray(0, size))).toThrow(WireError);
    expect(() => decodeFrame(new Uint8Array([...bytes, 0]))).toThrow(WireError);
  });

  test.each(data.turns)("[D25] what leaves next by way of the hub: $about", ({ acts }) => {
    const turns = new Turns();
    for (const [waiting, room, chosen] of acts) {
      const found = turns.choose(
        waiting.map(([name, size]) => ({ name, size })),
        room,
      );
      expect(found?.name).toBe(chosen ?? undefined);
    }
  });

  test.each(data.inbox)("[D9] [D11] [D13] $about", ({ mode, comes, read, last, dropped }) => {
    const found: string[] = [];
    const inbox = new Inbox(mode, 1, {
      whole: ({ payload }: Whole) => void found.push(hex(payload)),
      end: ({ why }: End) => {
        if (why !== undefined) found.push(why.code);
      },
      began: () => undefined,
    });
    for (const [number, step, part, parts, came] of comes) {
      const piece = { number, json: false, payload: new Uint8Array([number]), step, part, parts };
      expect(inbox.put(ADA, piece), `${number}-${step}`).toBe(came);
    }
    expect(found).toEqual(read);
    expect(inbox.source(ADA).last).toBe(last);
    expect(inbox.late).toBe(dropped);
  });

  test.each(data.lanes)("[D9] [D10] $about", ({ mode, acts, left, size, flying, dropped }) => {
    const lane = new Lane(mode);
    lane.turn("reads");
    const found: (readonly [number, number])[] = [];
    const act: Record<string, (number: number) => void> = {
      put: (number) => lane.put(one(number)),
      take: (count) => {
        for (let n = 0; n < count; n++) {
          const piece = lane.take();
          if (piece !== undefined) found.push([piece.number, lane.step]);
        }
      },
      taken: (number) => lane.acknowledge(number, 0),
      again: () => lane.again(),
      rewind: () => lane.rewind(),
      restart: (number) => lane.restart(number),
    };
    for (const [what, number] of acts) act[what]?.(number);
    expect(found).toEqual(left);
    expect(lane).toMatchObject({ size, flying, dropped });
  });
});

describe("what travels", () => {
  test("[D1] a channel is labelled with resource and name", () => {
    expect(label(R1, "ecg.1")).toBe("r1/ecg.1");
    expect(readLabel("r1/ecg.1")).toEqual({ resource: R1, name: "ecg.1" });
    for (const bad of ["callmesh", "r1/", "/pen", "r1/pen/2", "p1/pen", "r1/a b", ""]) {
      expect(() => readLabel(bad), bad).toThrow(expect.objectContaining({ code: "bad_name" }));
    }
  });

  test.each([null, 0, 1.5, "text", [1, [2]], { x: { y: [true] } }, new Uint8Array([1, 2])])("[D4] %j arrives as it was", (sent) => {
    const [piece] = pieces(7, payloadOf(sent)) as [Piece];
    const got = decodePiece(encodePiece(piece, 1));
    expect([readPayload(got), got.number]).toEqual([sent, 7]);
  });

  test("[D4] a message too large, or that is neither bytes nor JSON, is refused at its sender", () => {
    expect(() => payloadOf(new Uint8Array(MAX_MESSAGE + 1))).toThrow(expect.objectContaining({ code: "too_large" }));
    expect(() => payloadOf("x".repeat(MAX_MESSAGE))).toThrow(expect.objectContaining({ code: "too_large" }));
    expect(() => payloadOf(NaN)).toThrow(expect.objectContaining({ code: "bad_value" }));
    expect(() => payloadOf(undefined)).toThrow(expect.objectContaining({ code: "bad_value" }));
  });

  test.each([MAX_PAYLOAD, MAX_PAYLOAD + 1, 3 * MAX_PAYLOAD])("[D13] %i bytes travel in parts and arrive whole", (size) => {
    const payload = new Uint8Array(size).map((_, at) => at % 251);
    const whole: Whole[] = [];
    const inbox = new Inbox("reliable", 1, { whole: (found) => void whole.push(found), end: () => undefined, began: () => undefined });
    for (const piece of pieces(5, { json: false, payload })) {
      expect(piece.payload.length).toBeLessThanOrEqual(MAX_PAYLOAD);
      expect(whole).toEqual([]);
      inbox.put(ADA, decodePiece(encodePiece(piece, piece.part === 0 ? 5 : 1)));
    }
    expect(whole).toHaveLength(1);
    expect(hex(whole[0]!.payload)).toBe(hex(payload));
  });

  test("what is sent is what it was when it was sent", () => {
    const sent = new Uint8Array([1]);
    const { payload } = payloadOf(sent);
    sent[0] = 2;
    expect(payload).toEqual(new Uint8Array([1]));
  });

  test("[D8] rubbish ends in WireError or BadValue, and in nothing else", () => {
    const rubbish = [[], [1, true], [-1, true, new Uint8Array()], [1, 1, new Uint8Array()], [1, true, "text"], "x", { a: 1 }];
    for (const some of rubbish) {
      expect(() => decodePiece(pack(some)), JSON.stringify(some)).toThrow(expect.objectContaining({ code: "bad_message" }));
    }
    expect(() => decodePiece(new Uint8Array([0xc1]))).toThrow(expect.objectContaining({ code: "bad_message" }));
    const bad = { json: true, payload: new Uint8Array([0xc1]) };
    expect(() => readPayload(bad)).toThrow(expect.objectContaining({ code: "bad_value" }));
    const later = pack([1, false, new Uint8Array([5]), 1, 0, 1, "of a later version"]);
    expect(decodePiece(later)).toEqual({ number: 1, json: false, payload: new Uint8Array([5]), step: 1, part: 0, parts: 1 });
  });

  test("[D4] a piece is written as MessagePack has it", () => {
    const numbers = [1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
    for (const number of numbers) {
      for (const size of [0, 1, 0xff, 0x100, 700]) {
        for (const json of [true, false]) {
          const payload = new Uint8Array(size).fill(7);
          const piece = { number, json, payload, step: 1, part: 0, parts: 1 };
          expect(encodePiece(piece, 1)).toEqual(pack([number, json, payload]));
          expect(encodePiece({ ...piece, part: 3, parts: 9 }, number)).toEqual(pack([number, json, payload, number, 3, 9]));
        }
      }
    }
  });
});

test("a queue keeps its order, however much goes through it", () => {
  const queue = new Queue<number>();
  const other = new Queue<number>();
  let next = 0;
  for (let n = 0; n < 1_000; n++) {
    queue.push(n);
    if (n % 3 > 0) expect(queue.shift()).toBe(next++);
  }
  for (const n of [-2, -1]) other.push(n);
  queue.prepend(other);
  expect([queue.head, queue.length, other.length]).toEqual([-2, 1_000 - next + 2, 0]);
  expect([...queue].slice(2)).toEqual(Array.from({ length: 1_000 - next }, (_, n) => next + n));
});

describe("what waits to go", () => {
  function reading(mode: Mode = "reliable"): Lane {
    const lane = new Lane(mode);
    lane.turn("reads");
    return lane;
  }

  test("[D2] reliable: all of it, in order; full until less than 1 MiB is not acknowledged", () => {
    const lane = reading();
    let count = 0;
    while (!lane.full) lane.put(one(++count, MAX_PAYLOAD));
    expect(count).toBe(Math.ceil(HIGH_WATER / (MAX_PAYLOAD + HEAD)));
    for (let number = 1; number <= count; number++) expect(lane.take()?.number).toBe(number);
    expect(lane.take()).toBeUndefined();
    expect(lane.full).toBe(true);
    lane.acknowledge(1, 0);
    expect(lane).toMatchObject({ full: false, dropped: 0 });
  });

  test("[D10] who lacks what was under way is sent less at once", () => {
    const lane = reading();
    for (let number = 1; number <= 9; number++) lane.put(one(number, MAX_PAYLOAD));
    while (lane.mayRelay) lane.take();
    expect(lane.flying).toBeLessThan(STREAM_WINDOW + MAX_PAYLOAD + HEAD);
    for (let n = 0; n < 9; n++) lane.again();
    expect(lane.window).toBe(LEAST_WINDOW);
  });

  test("[D11] [D14] who says nothing is asked, and loses the stream, or is taken for one who does not read", () => {
    const lane = reading();
    lane.put(one(1));
    lane.take();
    const asked: string[] = [];
    for (let now = 1_000_000; now <= STALLED + 2_000_000; now += 500_000) asked.push(lane.due(now));
    expect(asked.filter((due) => due !== "nothing").at(-1)).toBe("lose");
    expect(asked.filter((due) => due === "mark").length).toBeGreaterThan(2);
    expect(lane).toMatchObject({ takes: false, size: 0, losses: 1 });
    const unknown = new Lane("reliable");
    unknown.put(one(1));
    for (let now = 1_000_000; now <= STALLED + 2_000_000; now += 500_000) unknown.due(now);
    expect(unknown).toMatchObject({ reading: "idle", size: 0, losses: 0 });
  });

  test.each([true, false])("[D9] [D11] who asks on and on and acknowledges nothing loses it too (room: %s)", (hasRoom) => {
    const lane = reading();
    for (let number = 1; number <= 10; number++) lane.put(one(number));
    lane.take();
    const found: string[] = [];
    for (let now = 1; now <= STALLED + 2_000_000; now += 500_000) {
      for (let n = 0; n < 100; n++) {
        lane.again();
        if (hasRoom) lane.take();
      }
      found.push(lane.due(now));
    }
    expect(found.filter((due) => due === "lose")).toHaveLength(1);
    expect(found.includes("mark")).toBe(hasRoom); // of nothing that has left nobody is asked
    expect(lane).toMatchObject({ size: 0, losses: 1 });
    expect(lane.resent).toBeLessThanOrEqual(10 * found.length);
  });

  test("[D11] who asks anew and reads nothing of latest keeps it", () => {
    const lane = reading("latest");
    lane.put(one(1));
    lane.again();
    for (let now = 1; now <= 2 * STALLED; now += 500_000) expect(lane.due(now)).not.toBe("lose");
  });

  test("[D15] the round trip is measured", () => {
    const lane = reading();
    lane.put(one(1));
    lane.take();
    expect(lane.due(6_000_000)).toBe("mark");
    expect(lane.mark(6_000_000)).toMatchObject({ number: 1, step: 0 });
    lane.acknowledge(1, 6_030_000);
    expect(lane.roundTrip).toBe(30_000);
  });

  test("[D24] small messages that wait leave together, those that follow on each other", () => {
    const lane = reading();
    for (const number of [1, 2, 3, 4, 7, 8]) lane.put(one(number));
    lane.put(one(9, SMALL + 1));
    lane.put(one(10));
    lane.put({ ...one(11, 0), parts: 0 });
    const frames = Array.from({ length: 5 }, () => [lane.takeFrame().map(({ number }) => number), lane.step]);
    expect(frames).toEqual([[[1, 2, 3, 4], 1], [[7, 8], 3], [[9], 1], [[10], 1], [[11], 1]]); // prettier-ignore
    for (let number = 12; number < 500; number++) lane.put(one(number, 36));
    expect(lane.takeFrame()).toHaveLength(Math.ceil(PACK / (36 + HEAD)));
    expect(lane.mayWait).toBe(false);
    const latest = reading("latest");
    latest.put(one(1));
    expect([latest.takeFrame(), latest.mayWait]).toEqual([[one(1)], false]);
  });

  test("[D24] small messages of latest that leave in one turn go in one packet, those that follow on each other", () => {
    const lane = reading("latest");
    const packed = (numbers: readonly number[], size = 1): [numbers: number[], step: number][] =>
      numbers.flatMap((number) => {
        lane.put(one(number, size));
        return lane.pack(lane.take() as Piece, lane.step).map(({ pieces: sent, step }) => [sent.map((piece) => piece.number), step] as [number[], number]);
      });
    expect(packed([1, 2, 3, 7, 8])).toEqual([[[1, 2, 3], 1]]);
    expect(packed([9], SMALL + 1)).toEqual([[[7, 8], 4], [[9], 1]]); // prettier-ignore
    const many = packed(Array.from({ length: 90 }, (_, index) => index + 10), 64); // prettier-ignore
    expect(new Set(many.map(([numbers]) => numbers.length))).toEqual(new Set([Math.floor(PACKET / (64 + 12))]));
    const [frame] = lane.unpack();
    expect(encodeFrame(frame?.pieces ?? [], frame?.step ?? 0).length).toBeLessThanOrEqual(PACKET);
    expect([lane.packed, lane.dropped, lane.messages]).toEqual([false, 0, 96]);
    expect(packed([100])).toEqual([]);
    lane.rewind();
    expect(lane.unpack()).toEqual([]);
  });

  test.each(data.meters)("[D15] rates are of the last seconds: $about", ({ notes, at, rates }) => {
    const meter = new Meter();
    for (const [now, counts] of notes) meter.note(now, counts);
    meter.rates(...at).forEach((rate, index) => expect(rate).toBeCloseTo(rates[index] ?? NaN));
  });

  test.each(data.losses)("[D15] the share that is lost is measured where something goes: $about", ({ said, loss }) => {
    const lane = reading("latest");
    let now = 6_000_000;
    expect(lane.due(now)).toBe("nothing");
    for (const [left, came] of said) {
      while (lane.last < left) {
        lane.put(one(lane.last + 1));
        lane.take();
      }
      now += 6_000_000;
      expect(lane.due(now)).toBe("mark");
      lane.mark(now);
      lane.acknowledge(0, now + 40_000, came);
    }
    expect(lane.loss).toBeCloseTo(loss);
    expect([lane.roundTrip, lane.due(now + 6_000_000)]).toEqual([40_000, "nothing"]);
  });

  test.each(data.deliveries)("[D21] only latest may say how its channels deliver: %j", ({ mode, ordered, max_retransmits: retransmits, is }) => {
    const made = (): unknown => {
      const { maxRetransmits, ...how } = delivery(mode, ordered ?? undefined, retransmits ?? undefined);
      expect([how.mode, modeOf(how.ordered, maxRetransmits ?? null)]).toEqual([mode, mode]);
      return [how.ordered, maxRetransmits ?? null];
    };
    if (is === null) expect(made).toThrow(BadValue);
    else expect(made()).toEqual(is);
  });

  test("[D11] who says on and on that something is lost is told of once, and held to as much as messages are", () => {
    const ends: End[] = [];
    const inbox = new Inbox("reliable", 1, { whole: () => undefined, end: (end) => void ends.push(end), began: () => undefined });
    const lost = { number: 0, json: false, payload: new Uint8Array(), step: 0, part: 0, parts: 1 };
    for (let n = 0; n < 10; n++) inbox.put(ADA, lost);
    expect(ends.map(({ sender, why }) => [sender, why instanceof Broken && why.sender])).toEqual([[ADA, ADA]]);
    let turns = 0;
    while (inbox.put(ADA, one(1)) !== "old" && inbox.put(ADA, lost) !== "old") turns++;
    expect(turns).toBeLessThanOrEqual(MOST_OWED / (2 * HEAD) + 1);
  });

  test("[D10] it is acknowledged now and then", () => {
    const inbox = new Inbox("reliable", 1, { whole: () => undefined, end: () => undefined, began: () => undefined });
    const came = Array.from({ length: 100 }, (_, n) => inbox.put(ADA, one(n + 1, 1_000)));
    expect(came.indexOf("due")).toBe(Math.ceil(ACK / (1_000 + HEAD)) - 1);
  });
});

describe("what goes from a frame to its page", () => {
  const stream = (mode: Mode, name = "s") => ({ resource: R1, name, mode });

  function session(): Session {
    const made = new Session("client", 0);
    const welcome = {
      type: "welcome", version: 1, call: "c", participant: "p1", writer: "p1", person: "u1", name: "A", role: "host",
      time: 0, resume: "", personProof: "", resource: null,
    } as const; // prettier-ignore
    made.receive(bundle([encode(welcome)]), 0);
    return made;
  }

  function sent(of: Session): string[] {
    const messages = of.take().flatMap((encoded) => unbundle(bundle([encoded])));
    return messages.map((some) => (some.type === "stream" ? `${some.name}${some.number}>${some.peers.join()}` : some.type));
  }

  test("[W8] no more than the window, in order; what has gone on makes room", () => {
    const queue = new RelayQueue();
    const link = session();
    const size = STREAM_WINDOW / 8;
    for (let number = 1; number <= 12; number++) queue.put(stream("reliable"), [one(number, size)], [BOB]);
    queue.fill(link);
    expect(sent(link)).toHaveLength(8);
    link.receive(bundle([encode({ type: "relayed", total: 2 * size })]), 0);
    queue.fill(link);
    expect(sent(link)).toEqual(["s9>p2", "s10>p2"]);
  });

  test("[W8] [D3] latest keeps its place, and only the newest; per receivers", () => {
    const queue = new RelayQueue();
    queue.put(stream("latest"), [one(1)], [BOB]);
    queue.put(stream("reliable", "r"), [one(1)], [BOB]);
    expect(queue.put(stream("latest"), [one(2)], [ADA, BOB])).toBe(false);
    expect(queue.put(stream("latest"), [one(3), one(4)], [BOB])).toBe(true);
    const link = session();
    queue.fill(link);
    expect(sent(link)).toEqual(["s3>p2", "s4>p2", "s2>p1,p2", "r1>p2"]);
  });

  test("[D25] what is of latest goes first, the small before the large, and finds room where reliable fills the window", () => {
    const queue = new RelayQueue();
    const link = session();
    for (let number = 1; number <= 6; number++) queue.put(stream("reliable"), [one(number, MAX_PAYLOAD)], [BOB]);
    queue.fill(link);
    queue.put(stream("reliable", "r"), [one(1)], [BOB]);
    queue.put(stream("latest", "large"), [one(1, MAX_PAYLOAD)], [BOB]);
    for (let number = 1; number <= 3; number++) {
      queue.put(stream("latest", "ecg"), [one(number)], [BOB]);
      queue.fill(link);
    }
    expect(sent(link)).toEqual(["s1>p2", "s2>p2", "s3>p2", "s4>p2", "ecg1>p2", "large1>p2", "ecg2>p2", "ecg3>p2"]);
  });

  test("[D2] full from 1 MiB on, and not when the stream is closed", () => {
    const queue = new RelayQueue();
    for (let n = 1; n <= HIGH_WATER / 50_000 + 1; n++) queue.put(stream("reliable"), [one(1, 50_000)], [BOB]);
    expect(queue.full).toBe(true);
    queue.drop("s");
    expect(queue.full).toBe(false);
  });
});

describe("a stream as apps have it", () => {
  function make(mode: Mode = "reliable", port: Partial<StreamPort> = {}, codec?: ConstructorParameters<typeof DataStream>[3]) {
    const closed = vi.fn();
    const turned = vi.fn();
    const whole: StreamPort = {
      send: () => Promise.resolve(), reach: () => new Map(), settled: () => true, turned, end: () => Promise.resolve(),
      closed, after: () => () => undefined, dropped: 3, ...port,
    }; // prettier-ignore
    return { stream: new DataStream("s", mode, whole, codec), closed, turned };
  }
  const message = (number: number, size = 0) => ({
    sender: ADA, number, ...(size === 0 ? payloadOf(number) : { json: false, payload: new Uint8Array(size) }),
  }); // prettier-ignore

  test("read by iterating: what waited, then what comes, until it is closed", async () => {
    const { stream, closed } = make();
    stream.receive(message(1));
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const { data: found } of stream) {
        read.push(found);
        if (found === 1) stream.receive(message(2));
        if (found === 2) void stream.close();
      }
    })();
    await reading;
    expect(read).toEqual([1, 2]);
    await stream.closed;
    expect(closed).toHaveBeenCalledOnce();
    await expect(stream.send(1)).rejects.toMatchObject({ code: "closed" });
  });

  test("read by subscribing: what waited is told at once", () => {
    const { stream } = make();
    const read: unknown[] = [];
    stream.receive(message(1));
    const stop = stream.subscribe(({ data: found }) => read.push(found));
    stream.receive(message(2));
    stop();
    stream.receive(message(3));
    expect(read).toEqual([1, 2]);
  });

  test("[D8] a reader too slow for reliable holds up its senders, and goes on", async () => {
    const { stream, turned } = make();
    const reader = stream[Symbol.asyncIterator]();
    stream.receive(message(1));
    await reader.next();
    const most = Math.floor(INBOX_BYTES / (50_000 + 64));
    for (let number = 2; number <= most + 2; number++) stream.receive(message(number, 50_000));
    expect(turned.mock.calls).toEqual([["wait", undefined]]);
    for (let n = 0; n <= most; n++) await reader.next();
    expect(turned.mock.calls).toEqual([["wait", undefined], ["yes", undefined]]);
  });

  test("[D8] who never reads holds up nobody, and who begins to later gets Broken after what there is", async () => {
    const { stream, turned } = make();
    const most = Math.floor(INBOX_BYTES / (50_000 + 64));
    for (let number = 1; number <= most + 1; number++) stream.receive(message(number, 50_000));
    expect([turned.mock.calls, stream.takes(ADA)]).toEqual([[["no", undefined]], "no"]);
    let read = 0;
    const reading = (async () => {
      for await (const some of stream) read += Math.sign(some.number);
    })();
    await expect(reading).rejects.toMatchObject({ code: "broken" });
    expect(read).toBe(most + 1);
    expect([turned.mock.calls.length, stream.takes(ADA)]).toEqual([2, "yes"]);
  });

  test.each([true, false])("[D8] who is read apart waits for its own readers alone (others are read: %s)", async (isRead) => {
    const { stream, turned } = make();
    const others = stream[Symbol.asyncIterator]();
    if (isRead) void others.next();
    stream.receive(message(1));
    for (let number = 1; number < 200; number++) stream.receive({ ...message(number, 50_000), sender: BOB });
    expect([stream.takes(ADA), stream.takes(BOB)]).toEqual(isRead ? ["wait", "wait"] : ["no", "no"]);
    const reading = stream.of(ADA);
    const first = reading.next();
    expect([stream.takes(ADA), turned.mock.lastCall]).toEqual(["yes", ["yes", ADA]]);
    if (isRead) stream.receive(message(2));
    else expect(await first).toMatchObject({ value: { number: 1 } });
    if (!isRead) await expect(reading.next()).rejects.toMatchObject({ code: "broken" });
    for (let number = 3; number < 200; number++) stream.receive(message(number, 50_000));
    expect(stream.takes(ADA)).toBe(isRead ? "wait" : "no");
    await reading.return();
    expect(turned.mock.calls.at(-1)).toEqual([undefined, ADA]);
    expect(stream.takes(ADA)).toBe(isRead ? "wait" : "no");
  });

  test("[D8] what was read apart and is no more holds up nobody", async () => {
    const { stream, turned } = make();
    const reading = stream.of(ADA);
    const first = reading.next();
    for (let number = 1; number < 200; number++) stream.receive(message(number, 50_000));
    await first;
    expect(stream.takes(ADA)).toBe("wait");
    await reading.return();
    expect([stream.takes(ADA), turned.mock.lastCall]).toEqual(["no", ["no", undefined]]);
  });

  test("[D12] several may read one sender apart: each message is for one, and the end for all", async () => {
    const { stream } = make();
    const readers = [stream.of(ADA), stream.of(ADA)] as const;
    const next = readers.map((reader) => reader.next());
    stream.receive(message(1));
    stream.ended({ sender: ADA, why: undefined });
    const found = await Promise.all(next);
    expect(found.map(({ done }) => done).sort()).toEqual([false, true]);
    for (const reader of readers) expect(await reader.next()).toMatchObject({ done: true });
  });

  test("[D11] what was lost is told once, and reading goes on", async () => {
    const { stream } = make();
    stream.receive(message(1));
    const { Broken } = await import("../src/errors.ts");
    stream.ended({ sender: ADA, why: new Broken("lost") });
    stream.receive(message(9));
    const read: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { number } of stream) read.push(number);
    };
    await expect(reading()).rejects.toMatchObject({ code: "broken" });
    void stream.close();
    await reading();
    expect(read).toEqual([1, 9]);
  });

  test("[D3] a reader too slow for latest gets the newest, and drops are counted together", () => {
    const { stream } = make("latest");
    for (let number = 1; number <= INBOX + 10; number++) stream.receive(message(number));
    expect(stream.dropped).toBe(13);
    const read: number[] = [];
    stream.subscribe(({ number }) => read.push(number));
    expect([read.length, read[0]]).toEqual([INBOX, 11]);
  });

  test("[D7] to nobody is to nobody, and sending can be given up", async () => {
    const send = vi.fn(() => new Promise<void>(() => undefined));
    const { stream } = make("reliable", { send });
    await stream.send(1, { to: [] });
    expect(send).not.toHaveBeenCalled();
    const stop = new AbortController();
    const given = expect(stream.send(1, { signal: stop.signal })).rejects.toBe("up");
    stop.abort("up");
    await given;
  });

  test("[D12] who reads one sender apart gets each message at once, though others subscribe", async () => {
    const { stream } = make();
    stream.subscribe(() => undefined);
    const reading = stream.of(ADA);
    for (const number of [1, 2]) {
      const next = reading.next();
      await Promise.resolve();
      stream.receive(message(number));
      expect(await next).toMatchObject({ value: { number } });
    }
  });

  test("[D12] one sender is read apart until it ends; reading can be given up", async () => {
    const { stream } = make();
    stream.receive({ ...message(1), sender: BOB });
    stream.receive(message(2));
    const apart: number[] = [];
    const reading = (async () => {
      for await (const { number } of stream.of(ADA)) apart.push(number);
    })();
    await Promise.resolve();
    stream.receive(message(3));
    stream.ended({ sender: ADA, why: undefined });
    await reading;
    expect(apart).toEqual([2, 3]);
    const stop = new AbortController();
    const rest: number[] = [];
    const others = (async () => {
      for await (const { number } of stream.messages({ signal: stop.signal })) rest.push(number);
    })();
    await Promise.resolve();
    stop.abort();
    await others;
    expect(rest).toEqual([1]);
  });

  test("[D8] [D12] who ends and opens it on and on takes nobody's memory", () => {
    const shelf = new Shelf("reliable");
    shelf.readApart(ADA);
    for (let n = 0; n < 3; n++) shelf.end(ADA, undefined, false);
    expect([shelf.take(ADA), shelf.take(ADA)]).toMatchObject([{ kind: "end" }, undefined]);
  });

  test("[D12] of so many senders it is remembered how they ended", async () => {
    const { stream } = make();
    const senders = Array.from({ length: MOST_ENDED + 1 }, (_, n) => `p${n}` as ParticipantId);
    for (const sender of senders) {
      stream.receive({ ...message(1), sender });
      stream.ended({ sender, why: undefined });
    }
    for (const [sender, ends] of [[senders[0], false], [senders[1], true], [senders.at(-1), true]] as const) {
      const reading = stream.of(sender as ParticipantId);
      expect((await reading.next()).done).toBe(false);
      const over = await Promise.race([reading.next().then(() => true), new Promise((resolve) => setTimeout(resolve, 0, false))]);
      expect(over).toBe(ends);
    } // prettier-ignore
  });

  test("[D12] closing waits until readers have everything; aborting does not", async () => {
    let settle = (): void => undefined;
    const { stream, closed } = make("reliable", { end: () => new Promise((resolve) => (settle = resolve)) });
    const closing = stream.close();
    expect(stream.close()).toBe(closing);
    expect(closed).not.toHaveBeenCalled();
    settle();
    await closing;
    expect(closed).toHaveBeenCalledOnce();
    const other = make();
    other.stream.abort();
    await other.stream.closed;
    expect(other.closed).toHaveBeenCalledOnce();
  });

  test("[D14] it says whom it reaches, and when", async () => {
    const rows = new Map<ParticipantId, { reads: boolean }>([[BOB, { reads: false }]]);
    const { stream } = make("reliable", { reach: () => rows as never, settled: () => rows.get(BOB)?.reads ?? false });
    const told: number[] = [];
    stream.onReach((reach) => told.push([...reach.values()].filter(({ reads }) => reads).length));
    const ready = stream.ready({ to: [BOB] });
    rows.set(BOB, { reads: true });
    stream.reachChanged();
    expect([...(await ready)]).toEqual([BOB]);
    expect(told).toEqual([0, 1]);
    const late = make("reliable", { settled: () => false, after: (_, fn) => (fn(), () => undefined) });
    await expect(late.stream.ready()).rejects.toMatchObject({ code: "timed_out" });
  });

  test("[D16] a codec makes bytes of messages, and the reverse; what it cannot read is dropped", async () => {
    const codec = {
      encode: (text: string) => new TextEncoder().encode(text),
      decode: (found: Uint8Array) => {
        if (found[0] === 0) throw new RangeError("nothing of mine");
        return new TextDecoder().decode(found);
      },
    };
    const send = vi.fn(() => Promise.resolve());
    const { stream } = make("reliable", { send }, codec);
    await stream.send("é");
    expect(send.mock.calls[0]).toEqual([{ json: false, payload: new Uint8Array([0xc3, 0xa9]) }, undefined]);
    const read: unknown[] = [];
    stream.subscribe(({ data: found }) => read.push(found));
    for (const payload of [new Uint8Array([0]), new Uint8Array([0x61])]) {
      stream.receive({ sender: ADA, number: 1, json: false, payload });
    }
    expect(read).toEqual(["a"]);
  });
});
