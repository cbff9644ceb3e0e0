/** Files over a network that breaks: from seeds, which stand in the name of what fails. */

import { createHash } from "node:crypto";

import {
  DataStream, FILES, Files, type FileOffer, type Participant, type ParticipantId, type PersonId, type Transfer,
} from "@callmesh/core"; // prettier-ignore
import { afterEach, expect, test, vi } from "vitest";

import { Network, Node, R1, randomOf } from "./network.ts";

const SEEDS = Array.from({ length: Number(process.env["SCHEDULES"] ?? 20) }, (_, n) => n);
const PART = 56 * 1024;

/** A network whose participants have files, and which moves until a test has what it waits for. */
class Room {
  readonly network: Network;
  readonly random: () => number;
  readonly files: Files[];
  cutting = 0;
  readonly #persons = new Map<ParticipantId, string>();
  #timers: (() => void)[] = [];

  constructor(people: number, seed = 1) {
    this.random = randomOf(seed);
    this.network = new Network(people, this.random);
    this.files = this.network.all.map((node) => this.#filesOf(node));
  }

  #filesOf(node: Node): Files {
    return new Files({
      stream: node.streams.open(R1, FILES, {}),
      here: () =>
        new Map(
          [...this.network.nodes.keys()].flatMap((id) => {
            const person = (this.#persons.get(id) ?? `u${id}`) as PersonId;
            const shown: Participant = { id, person, name: "N", role: "host", offers: [], here: true };
            return id === node.id ? [] : [[id, shown]];
          }),
        ),
      now: () => this.network.now,
      after: (_, fn) => {
        this.#timers.push(fn);
        return () => (this.#timers = this.#timers.filter((one) => one !== fn));
      },
    });
  }

  /** Somebody leaves for good, and comes again as another participant. */
  replace(index: number, id: ParticipantId): void {
    const { network } = this;
    const old = network.all[index] as Node;
    old.cut();
    network.nodes.delete(old.id);
    for (const node of network.all) node.streams.part(old.id);
    this.#persons.set(id, `u${old.id}`);
    const node = new Node(network, id);
    network.nodes.set(id, node);
    node.link();
    for (const other of network.all) other.streams.follow();
    this.files.push(this.#filesOf(node));
  }

  tick(): void {
    this.network.tick();
    for (const fn of this.#timers.splice(0)) fn();
  }

  /** What `wanted` brings, as the network moves. */
  async moving<T>(wanted: Promise<T>): Promise<T> {
    const state = { over: false };
    const seen = wanted.finally(() => (state.over = true));
    seen.catch(() => undefined);
    for (let turn = 0; !state.over; turn++) {
      for (const node of this.network.all) {
        for (let n = 0; n < 8; n++) {
          node.up();
          node.down();
          node.direct(this.random, 0);
        }
      }
      if (this.random() < this.cutting) this.#cut();
      if (turn % 10 === 0) this.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return seen;
  }

  #cut(): void {
    const [node, other] = [...this.network.all].sort(() => this.random() - 0.5) as [Node, Node];
    if (this.random() < 0.3) {
      node.cut();
      node.link();
    } else if (this.network.isDirect(node.id, other.id)) this.network.break(node, other);
    else this.network.connect(node, other);
  }

  async offered(index: number): Promise<FileOffer> {
    const { value } = await this.moving(this.files[index]?.offers().next() ?? Promise.reject(new Error("nobody")));
    return value as FileOffer;
  }
}

function filled(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(size);
  for (let n = 0; n < size; n++) data[n] = n * 31 + seed * 7 + (n >> 8);
  return data;
}

async function bytesOf(blob: Promise<Blob>): Promise<Uint8Array> {
  return new Uint8Array(await (await blob).arrayBuffer());
}

function sha(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

afterEach(() => vi.restoreAllMocks());

test.each([0, 1, PART, 3 * PART + 1])("[F1] [F2] a file of %i bytes comes whole, and progress is told", async (size) => {
  const room = new Room(3);
  const data = filled(size, 1);
  const transfer = await (room.files[0] as Files).send(new File([data], "../a.txt", { type: "text/plain" }));
  const told: [ParticipantId, number, boolean][] = [];
  const telling = (async () => {
    for await (const { receiver, sent, over } of transfer) told.push([receiver, sent, over]);
  })();
  for (const index of [1, 2]) {
    const offer = await room.offered(index);
    expect([offer.name, offer.size, offer.type, offer.sender]).toEqual(["a.txt", size, "text/plain", "p1"]);
    expect(sha(await room.moving(bytesOf(offer.blob())))).toBe(sha(data));
    expect([offer.received, offer.over]).toEqual([size, true]);
  }
  await room.moving(Promise.all([transfer.done(), telling]));
  expect([...transfer.outcomes]).toEqual([["p2", undefined], ["p3", undefined]]); // prettier-ignore
  expect(told.filter(([, , over]) => over)).toHaveLength(2);
});

test.each(SEEDS)("[F1] [F3] files come whole through cuts and other paths (seed %i)", async (seed) => {
  const room = new Room(3, seed);
  room.cutting = 0.05;
  const files = [0, 0, 1].map((from, n) => ({ from, data: filled(Math.floor(room.random() * 20 * PART), seed + n) }));
  const transfers: Transfer[] = [];
  for (const { from, data } of files) transfers.push(await (room.files[from] as Files).send(data, { to: ["p3" as ParticipantId] }));
  const offers = [await room.offered(2), await room.offered(2), await room.offered(2)];
  const got = await room.moving(Promise.all(offers.map((offer) => bytesOf(offer.blob()))));
  expect(got.map(sha).sort()).toEqual(files.map(({ data }) => sha(data)).sort());
  await room.moving(Promise.all(transfers.map((transfer) => transfer.done())));
});

test("[F4] a refusal reaches the sender, and so does that nobody answers", async () => {
  const room = new Room(2);
  const [ada, bob] = room.files as [Files, Files];
  const first = await ada.send(filled(5, 1));
  (await room.offered(1)).refuse("wrong room");
  await expect(room.moving(first.done())).rejects.toMatchObject({ code: "declined", message: "wrong room" });
  bob.limit = 4;
  const large = await ada.send(filled(5, 2));
  await expect(room.moving(large.done())).rejects.toMatchObject({ code: "too_large" });
  bob.limit = 5;
  const late = await ada.send(filled(5, 3), { patience: 30_000 });
  const offer = await room.offered(1);
  await expect(room.moving(late.done())).rejects.toMatchObject({ code: "timed_out" });
  await room.moving(new Promise((resolve) => setTimeout(resolve, 20)));
  await expect(offer.blob()).rejects.toMatchObject({ code: "ended_by_peer" });
  await expect(ada.send(filled(5, 4), { to: ["p9" as ParticipantId] })).rejects.toMatchObject({ code: "bad_value" });
});

test("[F4] either side may stop", async () => {
  const room = new Room(2);
  const [ada] = room.files as [Files];
  for (const side of ["sender", "receiver"]) {
    const stop = new AbortController();
    const transfer = await ada.send(filled(200 * PART, 1), side === "sender" ? { signal: stop.signal } : {});
    const offer = await room.offered(1);
    const taking = offer.blob(side === "receiver" ? { signal: stop.signal } : {});
    taking.catch(() => undefined);
    const far = new Promise<void>((resolve) => {
      offer.onProgress((received) => {
        if (received > 5 * PART) resolve();
      });
    });
    await room.moving(far);
    stop.abort(new Error("enough"));
    await expect(room.moving(taking)).rejects.toMatchObject(side === "sender" ? { code: "ended_by_peer" } : { message: "enough" });
    await expect(room.moving(transfer.done())).rejects.toMatchObject({ code: "closed" });
  }
});

test("[F4] a cancel reaches the receiver however long its reason is, and again who asks for more", async () => {
  const room = new Room(2);
  const [ada] = room.files as [Files];
  const transfer = await ada.send(filled(200 * PART, 1));
  const offer = await room.offered(1);
  transfer.cancel("because \u{1F600} ".repeat(100));
  await expect(room.moving(offer.blob())).rejects.toMatchObject({ code: "ended_by_peer", message: expect.stringMatching(/^because/) as string });
  const again = await ada.send(filled(200 * PART, 2));
  const taking = (await room.offered(1)).blob();
  let lost = false;
  const stop = meddle((data) => {
    const isCancel = !(data instanceof Uint8Array) && (data as { word: string }).word === "cancel";
    if (!isCancel || lost) return false;
    return (lost = true);
  });
  again.cancel();
  await expect(room.moving(taking)).rejects.toMatchObject({ code: "ended_by_peer", message: "it is not sent any more" });
  stop();
});

test("[F4] what nobody thought of is told to who waits, at both", async () => {
  const room = new Room(2);
  const transfer = await (room.files[0] as Files).send(filled(2 * PART, 1));
  const stop = meddle((data) => {
    if (data instanceof Uint8Array) throw new RangeError("it");
    return false;
  });
  const taking = (await room.offered(1)).blob();
  taking.catch(() => undefined);
  await expect(room.moving(taking)).rejects.toMatchObject({ code: "ended_by_peer" });
  await expect(room.moving(transfer.done())).rejects.toMatchObject({ code: "broken", message: "file was not sent: RangeError: it" });
  stop();
});

/** What is sent is looked at before, and lost where that says so. Returns what ends it. */
function meddle(loses: (data: unknown) => boolean): () => void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called on a stream below
  const { send } = DataStream.prototype;
  const spy = vi.spyOn(DataStream.prototype, "send").mockImplementation(async function (this: DataStream, data, options) {
    if (!loses(data)) await send.call(this, data, options);
  });
  return () => spy.mockRestore();
}

test.each(["sender", "receiver"])("[F3] a %s that comes again as another participant goes on", async (side) => {
  const room = new Room(2);
  const data = filled(200 * PART, 1);
  const transfer = await (room.files[0] as Files).send(data);
  const offer = await room.offered(1);
  const taking = bytesOf(offer.blob());
  taking.catch(() => undefined);
  const far = new Promise<void>((resolve) => {
    offer.onProgress((received) => {
      if (received > 5 * PART) resolve();
    });
  });
  await room.moving(far);
  room.replace(side === "sender" ? 0 : 1, "p9" as ParticipantId);
  room.tick();
  if (side === "sender") {
    const before = offer.received;
    const again = await (room.files[2] as Files).send(data);
    expect(sha(await room.moving(taking))).toBe(sha(data));
    await room.moving(again.done());
    expect([offer.sender, before > 5 * PART]).toEqual(["p9", true]);
  } else {
    const anew = await room.offered(2);
    expect(sha(await room.moving(bytesOf(anew.blob())))).toBe(sha(data));
    await room.moving(transfer.done());
  }
});

test("[F2] what is not what was offered is broken at both", async () => {
  const room = new Room(2);
  const [ada] = room.files as [Files];
  const blob = new Blob([filled(2 * PART, 1)]);
  const transfer = await ada.send(blob);
  vi.spyOn(blob, "slice").mockImplementation((from = 0, to = 0) => new Blob([new Uint8Array(to - from)]));
  const taking = (await room.offered(1)).blob();
  taking.catch(() => undefined);
  await expect(room.moving(taking)).rejects.toMatchObject({ code: "broken" });
  await expect(room.moving(transfer.done())).rejects.toMatchObject({ code: "broken" });
});

test("[F1] several at once take turns, part by part", async () => {
  const room = new Room(2);
  const left: string[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called on a stream below
  const { send } = DataStream.prototype;
  vi.spyOn(DataStream.prototype, "send").mockImplementation(function (this: DataStream, data, options) {
    if (data instanceof Uint8Array) left.push(Buffer.from(data.subarray(0, 8)).toString("hex"));
    return send.call(this, data, options);
  });
  const [ada] = room.files as [Files];
  const transfers = [];
  for (const parts of [90, 30, 30]) transfers.push(await ada.send(filled(parts * PART, parts)));
  const offers = [await room.offered(1), await room.offered(1), await room.offered(1)];
  await room.moving(Promise.all(offers.map((offer) => offer.blob())));
  await room.moving(Promise.all(transfers.map((transfer) => transfer.done())));
  const ids = [...new Set(left)];
  const begun = Math.max(...ids.map((id) => left.indexOf(id)));
  const shared = left.slice(begun, begun + 60);
  expect(ids.map((id) => shared.filter((one) => one === id).length)).toEqual([20, 20, 20]);
});
