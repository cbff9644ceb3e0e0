/** Streams over a network that breaks: from seeds, which stand in the name of what fails. */

import { bundle, encodeMessage, HIGH_WATER, Lane, MOST_CHANNELS, type DataStream, type Message, type Mode, type ParticipantId, type ResourceId, type Session } from "@callmesh/core";
import { afterEach, describe, expect, test, vi } from "vitest";

import { FakeChannel, Network, R1, randomOf, type Node } from "./network.ts";

const SEEDS = Array.from({ length: Number(process.env["SCHEDULES"] ?? 40) }, (_, n) => n);

function opened(node: Node, mode: Mode = "reliable", name = "ecg", keep = 0): DataStream {
  return node.streams.open(R1, name, { mode, keep });
}

function numbered(number: number, size: number): Uint8Array {
  const data = new Uint8Array(size);
  new DataView(data.buffer).setUint32(0, number);
  return data;
}

function numberOf(data: unknown): number {
  return data instanceof Uint8Array ? new DataView(data.buffer, data.byteOffset).getUint32(0) : -1;
}

async function write(stream: DataStream, random: () => number, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    const sizes = [4, 40, 4_000, 60_000, 150_000];
    await stream.send(numbered(number, sizes[Math.floor(random() * sizes.length)] as number));
  }
}

/** Reads while `open` says so. */
async function read(stream: DataStream, got: Map<ParticipantId, number[]>, gate: { open: boolean }): Promise<void> {
  for await (const { sender, data } of stream) {
    const known = got.get(sender) ?? [];
    known.push(numberOf(data));
    got.set(sender, known);
    while (!gate.open) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function schedule(seed: number): Promise<{ got: Map<ParticipantId, number[]>; id: ParticipantId }[]> {
  const random = randomOf(seed);
  const network = new Network(3, random);
  const nodes = network.all;
  const readers = nodes.map((node) => ({ id: node.id, got: new Map<ParticipantId, number[]>(), gate: { open: true } }));
  nodes.forEach((node, n) => {
    const { got, gate } = readers[n] as (typeof readers)[number];
    void read(opened(node), got, gate).catch(() => undefined); // what it did not get is missing there
    void write(opened(node), random, 40);
  });
  for (let step = 0; step < 500; step++) {
    const what = random();
    const [node, other] = [...nodes].sort(() => random() - 0.5) as [Node, Node];
    const reader = readers[Math.floor(random() * 3)] as (typeof readers)[number];
    if (what < 0.02) node.cut();
    else if (what < 0.06 && node.session === undefined) node.link();
    else if (what < 0.09) {
      if (network.isDirect(node.id, other.id)) network.break(node, other);
      else network.connect(node, other);
    } else if (what < 0.11) node.stalled = !node.stalled;
    else if (what < 0.13) reader.gate.open = !reader.gate.open;
    else if (what < 0.15) network.tick();
    else if (what < 0.17) node.blink(!node.blind);
    else await network.happen(0.3);
  }
  for (const node of nodes) {
    node.stalled = false;
    node.blink(false);
    if (node.session === undefined) node.link();
  }
  for (const { gate } of readers) gate.open = true;
  for (let n = 0; n < 6; n++) {
    await network.settle(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return readers;
}

afterEach(() => vi.restoreAllMocks());

test.each(SEEDS)("[D2] [D9] [D10] nothing is lost, doubled or overtaken through whatever happens (seed %i)", async (seed) => {
  const all = Array.from({ length: 40 }, (_, n) => n);
  for (const { got, id } of await schedule(seed)) {
    expect(got.size, id).toBe(2);
    for (const [sender, numbers] of got) expect(numbers, `${sender} to ${id}`).toEqual(all);
  }
});

// eslint-disable-next-line @typescript-eslint/unbound-method -- called on a lane below
const { acknowledge } = Lane.prototype;

test.each<[string, "rewind" | "acknowledge", (this: Lane, number: number, now: number) => void]>([
  ["nothing goes again", "rewind", function () { this.sent.clear(); }],
  ["acknowledged before it came", "acknowledge", function (number, now) {
    acknowledge.call(this, Math.max(number, this.last), now);
  }],
])("[D9] [D10] the schedules see what is wrong: %s", async (_, method, mutant) => {
  vi.spyOn(Lane.prototype, method).mockImplementation(mutant);
  let wrong = 0;
  for (let seed = 0; seed < 10; seed++) {
    for (const { got } of await schedule(seed)) {
      wrong += [...got.values()].filter((numbers) => numbers.length === 40).length < 2 ? 1 : 0;
    }
  }
  expect(wrong).toBeGreaterThan(5);
}); // prettier-ignore

describe.each(SEEDS)("mode latest, seed %i", (seed) => {
  test("[D3] [D13] what is read is whole, in order and ever newer; gaps are counted", async () => {
    const random = randomOf(seed);
    const network = new Network(2, random);
    const [one, other] = network.all as [Node, Node];
    const [stream, heard] = [opened(one, "latest"), opened(other, "latest")];
    const got: number[] = [];
    heard.subscribe(({ data }) => got.push(numberOf(data)));
    if (seed % 2 > 0) network.connect(one, other);
    for (let number = 0; number < 100; number++) {
      await stream.send(numbered(number, [4, 4_000, 150_000][Math.floor(random() * 3)] as number));
      for (let n = 0; n < random() * 12; n++) await network.happen(0.1);
    }
    await network.settle(3);
    await stream.send(numbered(100, 4));
    await network.settle(3);
    expect(got).toEqual([...new Set(got)].sort((a, b) => a - b));
    expect(got.at(-1)).toBe(100);
    const lost = heard.stats.get(one.id)?.lost ?? 0;
    expect(got.length === 101 || stream.dropped + heard.dropped + lost > 0).toBe(true);
  });
});

test("[D11] a stalled receiver holds up nobody else's streams, and is told when it wakes", async () => {
  const network = new Network(3, randomOf(1));
  const [one, slow, other] = network.all as [Node, Node, Node];
  const [stream, beside] = [opened(one), opened(one, "reliable", "beside")];
  const [heard, lost] = [opened(other), opened(slow)];
  const [got, gotBeside]: [number[], unknown[]] = [[], []];
  heard.subscribe(({ data }) => got.push(numberOf(data)));
  opened(other, "reliable", "beside").subscribe(({ data }) => gotBeside.push(data));
  await network.settle(2);
  slow.stalled = true;
  let done = false;
  const sending = write(stream, randomOf(2), 100).then(() => (done = true));
  for (let n = 0; n < 50; n++) await beside.send(n, { to: [other.id] });
  await network.settle(40);
  expect([gotBeside.length, done]).toEqual([50, false]);
  expect(stream.stats.get(slow.id)?.buffered).toBeLessThan(HIGH_WATER + 151_000);
  await network.settle(40);
  await sending;
  await network.settle(2);
  expect(got).toHaveLength(100);
  expect(stream.stats.get(slow.id)).toMatchObject({ lost: 1, reads: false });
  slow.stalled = false;
  const reading = (async () => {
    for await (const { number } of lost) expect(number).toBeGreaterThan(0);
  })();
  const broken = expect(reading).rejects.toMatchObject({ code: "broken" });
  await network.settle(40);
  await broken;
  await stream.send("afterwards");
  await network.settle(2);
  expect((await lost[Symbol.asyncIterator]().next()).value).toMatchObject({ data: "afterwards" });
});

test.each(["leaves", "aborts"])("[D2] [D12] nobody waits for room where there is no receiver any more: who %s", async (how) => {
  const network = new Network(2, randomOf(1));
  const [one, other] = network.all as [Node, Node];
  const stream = opened(one);
  opened(other);
  await network.settle(2);
  const writing = write(stream, () => 0.9, 40).catch(() => undefined);
  await Promise.resolve();
  if (how === "leaves") one.streams.part(other.id);
  else stream.abort();
  expect(await Promise.race([writing.then(() => "done"), new Promise((resolve) => setTimeout(() => resolve("waits"), 1000))])).toBe("done");
});

test("[D3] [D24] what is sent in one turn of latest travels together, and none of it is replaced", async () => {
  const network = new Network(2, () => 0); // all in order
  const [one, other] = network.all as [Node, Node];
  network.connect(one, other);
  const [stream, heard] = [opened(one, "latest"), opened(other, "latest")];
  const got: unknown[] = [];
  heard.subscribe(({ data }) => got.push(data));
  await network.settle(2);
  const underWay = () => [...one.channels].reduce((sum, { channel }) => sum + channel.underWay.length, 0);
  for (let number = 0; number < 40; number++) void stream.send(number);
  expect(underWay()).toBe(1);
  await Promise.resolve();
  expect(underWay()).toBe(2);
  await network.settle(1);
  expect(got).toEqual(Array.from({ length: 40 }, (_, number) => number));
  expect([stream.dropped, heard.dropped]).toEqual([0, 0]);
});

test("[D25] a trace leaves though a file fills the window, and then the file goes on", async () => {
  const network = new Network(2, randomOf(11));
  const [one, other] = network.all as [Node, Node];
  const [file, trace] = [opened(one, "reliable", "file"), opened(one, "latest")];
  const [files, beats]: [unknown[], unknown[]] = [[], []];
  opened(other, "reliable", "file").subscribe(({ data }) => files.push(data));
  opened(other, "latest").subscribe(({ data }) => beats.push(data));
  await network.settle(2);
  const sending = file.send(new Uint8Array(1024 * 1024));
  for (let number = 0; number < 100; number++) {
    await trace.send([number, "x".repeat(400)]);
    while (one.up() || other.down());
  }
  await Promise.resolve();
  expect(one.session?.room).toBeLessThan(0);
  expect([trace.dropped, beats.length, files.length]).toEqual([0, 100, 0]);
  await network.settle(2);
  await sending;
  expect(files).toHaveLength(1);
});

test("[D17] beyond some participants one message goes up and many down, though there are direct paths", async () => {
  const network = new Network(5, randomOf(3), 4);
  const [first, ...others] = network.all as [Node, ...Node[]];
  for (const other of others) network.connect(first, other);
  const stream = opened(first);
  const got: unknown[] = [];
  for (const other of others) opened(other).subscribe(({ data }) => got.push(data));
  await network.settle(2);
  const before = first.sent;
  for (let n = 0; n < 10; n++) {
    await stream.send(n);
    await network.settle(1);
  }
  expect(got).toHaveLength(40);
  expect(first.sent - before).toBeLessThanOrEqual(10 + others.length);
});

test("[D14] [D16] a newcomer gets what is kept; who had it open gets what was sent before they answered", async () => {
  const network = new Network(3, randomOf(4));
  const [one, early, late] = network.all as [Node, Node, Node];
  const [gotEarly, gotLate]: [unknown[], unknown[]] = [[], []];
  opened(early).subscribe(({ data }) => gotEarly.push(data));
  await network.settle(2);
  const stream = opened(one, "reliable", "ecg", 3);
  for (let n = 0; n < 10; n++) await stream.send(n);
  await network.settle(2);
  const heard = opened(late);
  heard.subscribe(({ data }) => gotLate.push(data));
  await network.settle(2);
  expect(gotEarly).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(gotLate).toEqual([7, 8, 9]);
  expect([...stream.reaches]).toEqual([early.id, late.id]);
  heard.abort();
  await network.settle(2);
  expect([...stream.reaches]).toEqual([early.id]);
});

test("[W9] one stream more than a participant may have is refused, and it alone", () => {
  const network = new Network(2, randomOf(8));
  const [one] = network.all as [Node, Node];
  one.streams.limit(8, 5);
  const streams = ["a", "b", "c"].map((name) => opened(one, "reliable", name));
  const refused = expect.objectContaining({ code: "too_fast", message: expect.stringMatching(/^of the 5 streams .*limits\.streams.*close one/) as string }) as Error;
  expect(() => opened(one, "reliable", "d")).toThrow(refused);
  expect(opened(one, "reliable", "c")).toBe(streams[2]);
  streams[0]?.abort();
  expect(opened(one, "reliable", "d").over).toBe(false);
});

test("[W9] an app that opens as many streams as it can leaves some for others, and those for the next", () => {
  const network = new Network(2, randomOf(8));
  const [one] = network.all as [Node, Node];
  const open = (resource: number): number => {
    for (let n = 0; ; n++) {
      try {
        one.streams.open(`r${resource}` as ResourceId, `s${n}`);
      } catch (error) {
        expect(error).toMatchObject({ code: "too_fast" });
        return n;
      }
    }
  };
  expect([1, 2, 3, 4, 5, 6, 7].map(open)).toEqual([16, 8, 4, 2, 1, 1, 0]);
});

test("[D8] a channel more than one participant may have open to here is closed", () => {
  const network = new Network(2, randomOf(8));
  const [one, other] = network.all as [Node, Node];
  const open = (): FakeChannel => {
    const channel = new FakeChannel(`${R1}/ecg`, "reliable");
    one.streams.accept(other.id, channel as unknown as RTCDataChannel);
    return channel;
  };
  const channels = Array.from({ length: MOST_CHANNELS + 1 }, open);
  expect(channels.map(({ readyState }) => readyState).lastIndexOf("open")).toBe(MOST_CHANNELS - 1);
  channels[0]?.break();
  expect(open().readyState).toBe("open");
});

test("[D8] [D12] what others send keeps nobody from being read apart", async () => {
  const network = new Network(3, randomOf(8));
  const [one, flood, reader] = network.all as [Node, Node, Node];
  const [stream, flooding, heard] = [opened(one), opened(flood), opened(reader)];
  await network.settle(2);
  let got = 0;
  void (async () => {
    for await (const { number } of heard.of(one.id)) got += Math.sign(number);
  })();
  void write(flooding, () => 0.9, 100);
  void write(stream, randomOf(2), 200);
  await network.settle(100);
  expect(got).toBe(200);
  expect(stream.stats.get(reader.id)).toMatchObject({ lost: 0, reads: true });
  expect(flooding.stats.get(reader.id)).toMatchObject({ reads: false });
});

test.each([false, true])("[D2] who leaves costs the others nothing, also who has not sent yet (direct: %s)", async (direct) => {
  const network = new Network(3, randomOf(3));
  const [first, other, reader] = network.all as [Node, Node, Node];
  const [stream, sending] = [opened(first), opened(other)];
  const got = new Map<ParticipantId, number[]>();
  void read(opened(reader), got, { open: true });
  await network.settle(2);
  if (direct) network.connect(other, reader);
  await stream.send(numbered(0, 4));
  await network.settle(2);
  network.leave(first);
  void write(sending, randomOf(3), 60);
  await network.settle(60);
  expect(got.get(other.id)).toEqual(Array.from({ length: 60 }, (_, n) => n));
});

test("[D16] what is kept is bounded by bytes too, and the newest is there, however large", async () => {
  const network = new Network(2, randomOf(4));
  const [one, late] = network.all as [Node, Node];
  const stream = opened(one, "reliable", "ecg", 1_000);
  await network.settle(2);
  for (let number = 0; number < 60; number++) void stream.send(numbered(number, 1024 * 1024));
  const got: number[] = [];
  opened(late).subscribe(({ data }) => got.push(numberOf(data)));
  await network.settle(20);
  expect(got).toEqual(Array.from({ length: 15 }, (_, n) => 45 + n));
});

test.each([true, false])("[D16] who opens it on and on is given what is kept so often, and gets it when it is due (rises: %s)", async (rises) => {
  const network = new Network(2, randomOf(4));
  const [one, rogue] = network.all as [Node, Node];
  const stream = opened(one, "reliable", "ecg", 16);
  for (let number = 0; number < 16; number++) void stream.send(numbered(number, 1024 * 1024));
  await network.settle(1);
  let time = 0;
  const openOften = (): number => {
    let given = 0;
    for (let n = 0; n < 50; n++) {
      time++;
      for (const word of rises ? (["open"] as const) : (["hold", "open"] as const)) {
        one.streams.heard({
          type: "taken", peers: [rogue.id], resource: R1, name: "ecg", mode: "reliable", opened: rises ? time : 0, number: 0, word,
          came: 0, ordered: false, retransmits: 0,
        }); // prettier-ignore
      }
      if ((stream.stats.get(rogue.id)?.buffered ?? 0) > 0) given++;
    }
    return given;
  };
  expect(openOften()).toBe(2);
  expect([...stream.reaches]).toEqual([]);
  let later = 0;
  for (let tick = 0; tick < 80; tick++) {
    network.tick();
    later += openOften();
  }
  expect(later).toBe(2);
  if (rises) return;
  const got: number[] = [];
  opened(rogue).subscribe(({ data }) => got.push(numberOf(data)));
  await network.settle(40);
  expect(got).toEqual(Array.from({ length: 15 }, (_, n) => n + 1)); // 16 MiB with their heads
  expect([...stream.reaches]).toEqual([rogue.id]);
});

test("[D14] who asks on and on takes nobody else's answers", async () => {
  const network = new Network(3, randomOf(4));
  const [one, rogue, other] = network.all as [Node, Node, Node];
  const got: unknown[] = [];
  opened(one).subscribe(({ data }) => got.push(data));
  await network.settle(2);
  const stream = opened(other);
  await stream.send(7);
  const said = { resource: R1, name: "ecg", mode: "reliable", opened: 1, number: 0, word: "open", came: 0, ordered: false, retransmits: 0 } as const;
  for (let tick = 0; tick < 70; tick++) {
    for (let n = 0; n < 300; n++) one.streams.heard({ type: "taken", peers: [rogue.id], ...said });
    await network.settle(1);
  }
  expect([...stream.reaches]).toContain(one.id);
  expect(got).toEqual([7]);
});

test.each([false, true])("[D12] closing sends what is left, and readers see the end (direct: %s)", async (direct) => {
  const network = new Network(2, randomOf(5));
  const [one, other] = network.all as [Node, Node];
  const [stream, heard] = [opened(one), opened(other)];
  await network.settle(2);
  if (direct) network.connect(one, other);
  const got: unknown[] = [];
  const reading = (async () => {
    for await (const { data } of heard.of(one.id)) got.push(data);
  })();
  for (let n = 0; n < 20; n++) await stream.send(n);
  const closing = stream.close();
  await network.settle(3);
  await Promise.all([closing, reading]);
  expect(got).toHaveLength(20);
});

test.each<Mode>(["reliable", "latest"])("[D12] who opens it again is read apart again, to the next end (%s)", async (mode) => {
  const network = new Network(2, randomOf(5));
  const [one, other] = network.all as [Node, Node];
  const heard = opened(other, mode);
  for (let time = 0; time < 3; time++) {
    const stream = opened(one, mode);
    await network.settle(2);
    await stream.send(time);
    await network.settle(2);
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const { data } of heard.of(one.id)) got.push(data);
    })();
    await network.settle(1);
    await stream.send("more");
    await network.settle(1);
    const closing = stream.close();
    await network.settle(3);
    await Promise.all([closing, reading]);
    expect(got).toEqual([time, "more"]);
  }
});

/** What one who reads `sender` apart gets, and how it ended. */
async function apart(stream: DataStream, sender: ParticipantId): Promise<unknown[]> {
  const got: unknown[] = [];
  try {
    for await (const { data } of stream.of(sender)) got.push(data);
    return [...got, "end"];
  } catch (error) {
    return [...got, (error as { code: string }).code];
  }
}

const ENDS = (["reliable", "latest"] as const).flatMap((mode) => [true, false].flatMap((aborts) => [true, false].map((direct) => ({ mode, aborts, direct }))));

test.each(ENDS)("[D12] an end counts no more once the stream is opened again (%o)", async ({ mode, aborts, direct }) => {
  const network = new Network(2, randomOf(5));
  const [one, other] = network.all as [Node, Node];
  const heard = opened(other, mode);
  const stream = opened(one, mode);
  await network.settle(2);
  if (direct) network.connect(one, other);
  await stream.send("before");
  await network.settle(2);
  if (aborts) stream.abort();
  else void stream.close();
  await network.settle(3);
  const again = opened(one, mode);
  await network.settle(2);
  const reading = apart(heard, one.id);
  await network.settle(1);
  await again.send("after");
  await network.settle(1);
  void again.close();
  await network.settle(3);
  expect(await reading).toEqual(["before", "after", "end"]);
});

test.each([false, true])("[D12] who is cut short is so for who begins to read them apart later, too (leaves: %s)", async (leaves) => {
  const network = new Network(2, randomOf(5));
  const [one, other] = network.all as [Node, Node];
  const [stream, heard] = [opened(one), opened(other)];
  await network.settle(2);
  await stream.send(1);
  await network.settle(2);
  if (leaves) network.leave(one);
  else stream.abort();
  await network.settle(2);
  expect(await apart(heard, one.id)).toEqual([1, "ended_by_peer"]);
});

test("[D12] who ends it before they have sent anything is seen to; who says that they have not opened it has not ended it", async () => {
  const network = new Network(2, randomOf(5));
  const [one, other] = network.all as [Node, Node];
  const reading = apart(opened(other), one.id);
  await network.settle(2);
  const stream = opened(one);
  await network.settle(2);
  stream.abort();
  await network.settle(2);
  expect(await reading).toEqual(["ended_by_peer"]);
});

test.each([false, true])("[D12] that a stream was ended is said again over the next link (away: %s)", async (away) => {
  const network = new Network(2, randomOf(5));
  const [one, other] = network.all as [Node, Node];
  const [stream, heard] = [opened(one), opened(other)];
  await network.settle(2);
  await stream.send(1);
  await network.settle(2);
  const reading = apart(heard, one.id);
  if (away) one.cut();
  stream.abort();
  if (!away) {
    one.streams.fill(one.session as Session);
    one.cut();
  }
  await network.settle(2);
  one.link();
  await network.settle(1);
  expect(await reading).toEqual([1, "ended_by_peer"]);
  const again = opened(one);
  one.cut();
  one.link();
  await network.settle(2);
  expect([...heard.reaches, ...again.reaches]).toEqual([one.id, other.id]);
});

test("[D26] of streams closed long ago it is known how far the furthest had come, and the next count on from there", async () => {
  const network = new Network(2, randomOf(5));
  const [one, other] = network.all as [Node, Node];
  const heard = opened(other);
  const said = vi.spyOn(other.streams, "heard");
  for (let time = 0; time < 3; time++) {
    const stream = opened(one);
    await network.settle(1);
    for (let n = 0; n < 4; n++) await stream.send(n);
    await network.settle(1);
    stream.abort();
    await network.settle(1);
  }
  for (let n = 0; n < 1_000; n++) opened(one, "reliable", `other-${n}`).abort();
  await network.settle(1);
  said.mockClear();
  const [fresh, again] = [opened(one, "reliable", "fresh"), opened(one)];
  await network.settle(1);
  expect(said.mock.calls.filter(([{ word }]) => word === "open").map(([{ name, opened: times }]) => [name, times])).toEqual([
    ["fresh", 4],
    ["ecg", 4],
  ]);
  const reading = apart(heard, one.id);
  await again.send("new");
  await network.settle(2);
  again.abort();
  await network.settle(2);
  expect(await reading).toEqual(expect.arrayContaining(["new", "ended_by_peer"]));
  fresh.abort();
});

test("[D26] while there is no link no end of an app's pushes out another's, and the latest hundred wait for the next", async () => {
  const network = new Network(2, randomOf(5));
  const [one, other] = network.all as [Node, Node];
  const quiet = one.streams.open("r2" as ResourceId, "quiet");
  await network.settle(1);
  one.cut();
  quiet.abort();
  for (let n = 0; n < 150; n++) opened(one, "reliable", `loud-${n}`).abort();
  const said = vi.spyOn(other.streams, "heard");
  one.link();
  await network.settle(1);
  const names = new Set(said.mock.calls.map(([{ name }]) => name));
  expect([...names].sort()).toEqual(["quiet", ...Array.from({ length: 100 }, (_, n) => `loud-${n + 50}`)].sort());
});

test("[D26] who asks for streams that are not open, while there is no link, leaves nothing that waits for one", async () => {
  const network = new Network(2, randomOf(5));
  const [one, rogue] = network.all as [Node, Node];
  network.connect(one, rogue);
  one.cut();
  for (let n = 0; n < 500; n++) {
    const opening: Message = {
      type: "taken", peers: [], resource: R1, name: `x-${n}`, mode: "reliable", opened: 1, number: 0, word: "open", came: 0, ordered: false, retransmits: 0,
    }; // prettier-ignore
    one.streams.told(rogue.id, bundle([encodeMessage(opening)]));
    if (n % 100 === 0) network.tick();
  }
  expect(one.words).toHaveLength(500);
  one.link();
  one.streams.fill(one.session as Session);
  expect(one.session?.hasOutput).toBe(false);
});

test("[D8] who sends to nobody that reads is told once to send nothing", async () => {
  const network = new Network(2, randomOf(5));
  const [one, flood] = network.all as [Node, Node];
  const [, flooding] = [opened(one), opened(flood)];
  await network.settle(2);
  void write(flooding, () => 0.9, 100);
  await network.settle(20);
  expect(flooding.stats.get(one.id)).toMatchObject({ reads: false });
  const told = vi.spyOn(flood.streams, "heard");
  await network.settle(20);
  expect(told).not.toHaveBeenCalled();
});

test("[D12] aborting is seen as being cut short", async () => {
  const network = new Network(2, randomOf(6));
  const [one, other] = network.all as [Node, Node];
  const [stream, heard] = [opened(one), opened(other)];
  await network.settle(2);
  await stream.send(1);
  await network.settle(2);
  const reading = (async () => {
    for await (const { number } of heard.of(one.id)) expect(number).toBe(1);
  })();
  const cut = expect(reading).rejects.toMatchObject({ code: "ended_by_peer" });
  await network.settle(1);
  stream.abort();
  await network.settle(2);
  await cut;
});

test("[D5] [D10] [D15] it falls back to the relay and returns to the direct path quietly", async () => {
  const network = new Network(2, randomOf(1));
  const [one, other] = network.all as [Node, Node];
  const [stream, heard] = [opened(one), opened(other)];
  const got: unknown[] = [];
  heard.subscribe(({ data }) => got.push(data));
  await network.settle(2);
  const paths: unknown[] = [];
  for (let turn = 0; turn < 6; turn++) {
    if (turn % 2 > 0) network.connect(one, other);
    else if (turn > 0) network.break(one, other);
    for (let n = 0; n < 10; n++) {
      await stream.send(turn * 10 + n);
      for (let step = 0; step < 3; step++) await network.happen(0);
    }
    paths.push(stream.stats.get(other.id)?.path);
  }
  await network.settle(10);
  expect(paths.slice(1)).toEqual(["direct", "relay", "direct", "relay", "direct"]);
  expect(got).toEqual(Array.from({ length: 60 }, (_, n) => n));
});

test("[D10] a channel that closes by itself is opened anew, and nothing is lost", async () => {
  const network = new Network(2, randomOf(7));
  const [one, other] = network.all as [Node, Node];
  const [stream, heard] = [opened(one), opened(other)];
  const got: unknown[] = [];
  heard.subscribe(({ data }) => got.push(data));
  network.connect(one, other);
  await network.settle(2);
  for (let n = 0; n < 10; n++) await stream.send(n);
  for (const { channel } of one.channels) channel.break();
  for (let n = 10; n < 20; n++) await stream.send(n);
  await network.settle(10);
  expect(got).toEqual(Array.from({ length: 20 }, (_, n) => n));
});
