import { describe, expect, test, vi } from "vitest";

import { DataStream, type StreamPort } from "../src/datastream.ts";
import type { ParticipantId, ResourceId } from "../src/ids.ts";
import { MAX_PAYLOAD, STREAM_WINDOW, type Mode } from "../src/messages.ts";
import { pack } from "../src/msgpack.ts";
import { RelayQueue } from "../src/relay.ts";
import { Session } from "../src/session.ts";
import {
  decodePiece, encodePiece, HIGH_WATER, Inbox, INBOX, INBOX_BYTES, label, openPiece, Outgoing, piece, readLabel, type Piece,
} from "../src/stream.ts";
import { bundle, encode, unbundle } from "../src/codec.ts";

const R1 = "r1" as ResourceId;
const ADA = "p1" as ParticipantId;
const BOB = "p2" as ParticipantId;

function bytes(number: number, size = 1): Piece {
  return { number, json: false, payload: new Uint8Array(size).fill(number) };
}

describe("what travels", () => {
  test("[D1] a channel is labelled with resource and name", () => {
    expect(label(R1, "ecg.1")).toBe("r1/ecg.1");
    expect(readLabel("r1/ecg.1")).toEqual({ resource: R1, name: "ecg.1" });
    for (const bad of ["callmesh", "r1/", "/pen", "r1/pen/2", "p1/pen", "r1/a b", ""]) {
      expect(() => readLabel(bad), bad).toThrow(expect.objectContaining({ code: "bad_name" }));
    }
  });

  test.each([null, 0, 1.5, "text", [1, [2]], { x: { y: [true] } }, new Uint8Array([1, 2])])(
    "[D4] %j arrives as it was",
    (data) => {
      const read = openPiece(decodePiece(encodePiece(piece(7, data))), ADA);
      expect(read).toEqual({ data, sender: ADA, number: 7 });
    },
  );

  test("[D4] a message too large, or that is neither bytes nor JSON, is refused at its sender", () => {
    expect(piece(1, new Uint8Array(MAX_PAYLOAD)).payload).toHaveLength(MAX_PAYLOAD);
    expect(() => piece(1, new Uint8Array(MAX_PAYLOAD + 1))).toThrow(expect.objectContaining({ code: "too_large" }));
    expect(() => piece(1, "x".repeat(MAX_PAYLOAD))).toThrow(expect.objectContaining({ code: "too_large" }));
    expect(() => piece(1, NaN)).toThrow(expect.objectContaining({ code: "bad_value" }));
    expect(() => piece(1, undefined)).toThrow(expect.objectContaining({ code: "bad_value" }));
  });

  test("what is sent is what it was when it was sent", () => {
    const data = new Uint8Array([1]);
    const sent = piece(1, data);
    data[0] = 2;
    expect(sent.payload).toEqual(new Uint8Array([1]));
  });

  test("[D8] rubbish ends in WireError or BadValue, and in nothing else", () => {
    const rubbish = [[], [1, true], [-1, true, new Uint8Array()], [1, 1, new Uint8Array()], [1, true, "text"], "x", { a: 1 }];
    for (const one of rubbish) {
      expect(() => decodePiece(pack(one)), JSON.stringify(one)).toThrow(expect.objectContaining({ code: "bad_message" }));
    }
    expect(() => decodePiece(new Uint8Array([0xc1]))).toThrow(expect.objectContaining({ code: "bad_message" }));
    const bad = { number: 1, json: true, payload: new Uint8Array([0xc1]) };
    expect(() => openPiece(bad, ADA)).toThrow(expect.objectContaining({ code: "bad_value" }));
    const later = pack([1, false, new Uint8Array([5]), "of a later version"]);
    expect(decodePiece(later)).toEqual({ number: 1, json: false, payload: new Uint8Array([5]) });
  });
});

test("[D4] a piece is written as MessagePack has it", () => {
  const numbers = [1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
  for (const number of numbers) {
    for (const size of [0, 1, 0xff, 0x100, 700]) {
      for (const json of [true, false]) {
        const payload = new Uint8Array(size).fill(7);
        expect(encodePiece({ number, json, payload })).toEqual(pack([number, json, payload]));
      }
    }
  }
});

describe("what waits to go", () => {
  test("[D2] reliable: all of it, in order; full from 1 MiB on", () => {
    const outgoing = new Outgoing("reliable");
    const size = MAX_PAYLOAD;
    let count = 0;
    while (!outgoing.full) outgoing.put(bytes(++count, size));
    expect(count).toBe(Math.ceil(HIGH_WATER / size));
    for (let number = 1; number <= count; number++) expect(outgoing.take()?.number).toBe(number);
    expect(outgoing.take()).toBeUndefined();
    expect(outgoing).toMatchObject({ full: false, dropped: 0, length: 0 });
  });

  test("[D3] latest: the newest replaces what has not left, and that is counted", () => {
    const outgoing = new Outgoing("latest");
    for (let number = 1; number <= 5; number++) outgoing.put(bytes(number));
    expect(outgoing).toMatchObject({ length: 1, dropped: 4, full: false });
    expect(outgoing.take()?.number).toBe(5);
  });
});

describe("what has come", () => {
  const message = (number: number, sender = ADA) => ({ data: number, sender, number });

  test("[D3] what comes late is dropped, and counted", () => {
    const inbox = new Inbox();
    for (const number of [1, 3, 2, 3, 4]) inbox.put(message(number), "latest");
    inbox.put(message(1, BOB), "latest");
    expect([inbox.take(), inbox.take(), inbox.take(), inbox.take()].map((one) => one?.number)).toEqual([1, 3, 4, 1]);
    expect(inbox.dropped).toBe(2);
  });

  test("[D3] a reader too slow for latest gets the newest", () => {
    const inbox = new Inbox();
    for (let number = 1; number <= INBOX + 10; number++) inbox.put(message(number), "latest");
    expect(inbox).toMatchObject({ length: INBOX, dropped: 10, broken: undefined });
    expect(inbox.take()?.number).toBe(11);
  });

  test("[D8] a reader too slow for reliable gets Broken", () => {
    const inbox = new Inbox();
    const size = 50_000;
    const most = Math.floor(INBOX_BYTES / (size + 64));
    for (let number = 1; number <= most; number++) inbox.put(message(number), "reliable", size);
    expect(inbox.broken).toBeUndefined();
    inbox.put(message(most + 1), "reliable", size);
    expect(inbox.broken).toMatchObject({ code: "broken" });
    expect(inbox.take()?.number).toBe(1);
    expect(inbox.length).toBe(most - 1);
  });

  test("[D8] a burst of small messages is no slow reader", () => {
    const inbox = new Inbox();
    for (let number = 1; number <= 20 * INBOX; number++) inbox.put(message(number), "reliable", 64);
    expect(inbox).toMatchObject({ length: 20 * INBOX, broken: undefined });
  });

  test("a sender who left may count anew", () => {
    const inbox = new Inbox();
    inbox.put(message(9), "reliable");
    inbox.gone(ADA);
    inbox.put(message(1), "reliable");
    expect(inbox.length).toBe(2);
  });
});

describe("what goes by the relay", () => {
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
    return messages.map((one) => (one.type === "stream" ? `${one.name}${one.number}>${one.peers.join()}` : one.type));
  }

  test("[W8] no more than the window, in order; what has gone on makes room", () => {
    const queue = new RelayQueue();
    const link = session();
    const size = STREAM_WINDOW / 8;
    for (let number = 1; number <= 12; number++) queue.put(stream("reliable"), bytes(number, size), [BOB]);
    queue.fill(link);
    expect(sent(link)).toHaveLength(8);
    link.receive(bundle([encode({ type: "relayed", total: 2 * size })]), 0);
    queue.fill(link);
    expect(sent(link)).toEqual(["s9>p2", "s10>p2"]);
  });

  test("[W8] [D3] latest keeps its place, and only the newest; per receivers", () => {
    const queue = new RelayQueue();
    queue.put(stream("latest"), bytes(1), [BOB]);
    queue.put(stream("reliable", "r"), bytes(1), [BOB]);
    expect(queue.put(stream("latest"), bytes(2), [ADA, BOB])).toBe(false);
    expect(queue.put(stream("latest"), bytes(3), [BOB])).toBe(true);
    const link = session();
    queue.fill(link);
    expect(sent(link)).toEqual(["s3>p2", "r1>p2", "s2>p1,p2"]);
  });

  test("[D2] what a broken link carried goes first over the next, unless it is known to have gone on", () => {
    const queue = new RelayQueue();
    const link = session();
    for (let number = 1; number <= 3; number++) queue.put(stream("reliable"), bytes(number, 100), [BOB]);
    queue.put(stream("latest", "l"), bytes(1, 100), [BOB]);
    queue.fill(link);
    link.receive(bundle([encode({ type: "relayed", total: 100 })]), 0);
    queue.fill(link);
    queue.put(stream("reliable"), bytes(4, 100), [BOB]);
    queue.linkLost();
    const next = session();
    queue.fill(next);
    expect(sent(next)).toEqual(["s2>p2", "s3>p2", "s4>p2"]);
  });

  test("[D2] full from 1 MiB on", () => {
    const queue = new RelayQueue();
    for (let n = 1; n <= HIGH_WATER / 50_000 + 1; n++) queue.put(stream("reliable"), bytes(1, 50_000), [BOB]);
    expect(queue.full).toBe(true);
    queue.keep(({ name }) => name !== "s");
    expect(queue.full).toBe(false);
  });
});

describe("a stream as apps have it", () => {
  function make(mode: Mode = "reliable", send: StreamPort["send"] = () => Promise.resolve()) {
    const closed = vi.fn();
    const stream = new DataStream("s", mode, { send, closed, dropped: 3 });
    return { stream, closed };
  }
  const message = (number: number) => ({ data: number, sender: ADA, number });

  test("read by iterating: what waited, then what comes, until it is closed", async () => {
    const { stream, closed } = make();
    stream.receive(message(1), "reliable");
    const read: unknown[] = [];
    const reading = (async () => {
      for await (const { data } of stream) {
        read.push(data);
        if (data === 1) stream.receive(message(2), "reliable");
        if (data === 2) stream.close();
      }
    })();
    await reading;
    expect(read).toEqual([1, 2]);
    expect(closed).toHaveBeenCalledOnce();
    await expect(stream.send(1)).rejects.toMatchObject({ code: "closed" });
  });

  test("read by subscribing: what waited is told at once", () => {
    const { stream } = make();
    const read: unknown[] = [];
    stream.receive(message(1), "reliable");
    const stop = stream.subscribe(({ data }) => read.push(data));
    stream.receive(message(2), "reliable");
    stop();
    stream.receive(message(3), "reliable");
    expect(read).toEqual([1, 2]);
  });

  test("[D8] a reader too slow for reliable gets Broken, after what there is", async () => {
    const { stream } = make();
    const most = Math.floor(INBOX_BYTES / (50_000 + 64));
    for (let number = 1; number <= most + 1; number++) stream.receive(message(number), "reliable", 50_000);
    let read = 0;
    const reading = (async () => {
      for await (const one of stream) read += Math.sign(one.number);
    })();
    await expect(reading).rejects.toMatchObject({ code: "broken" });
    expect(read).toBe(most);
  });

  test("[D3] drops on the way out and on the way in are counted together", () => {
    const { stream } = make("latest");
    for (const number of [2, 1]) stream.receive(message(number), "latest");
    expect(stream.dropped).toBe(4);
  });

  test("[D7] to nobody is to nobody, and sending can be given up", async () => {
    const send = vi.fn(() => new Promise<void>(() => undefined));
    const { stream } = make("reliable", send);
    await stream.send(1, { to: [] });
    expect(send).not.toHaveBeenCalled();
    const stop = new AbortController();
    const given = expect(stream.send(1, { signal: stop.signal })).rejects.toBe("up");
    stop.abort("up");
    await given;
  });
});
