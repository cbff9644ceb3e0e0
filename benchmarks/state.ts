/**
 * CPU time per write in the classes without I/O, in TypeScript: see `cpu.py`, which runs this.
 *
 *     node state.mjs <writes that leave together> <repetitions>
 *
 * Prints microseconds per write as JSON. There is no hub in TypeScript: what one would answer is
 * put together here, outside what is timed.
 */

import {
  bundle, encodeMessage, Mesh, Session, stateOf, VERSION, type Message, type messages, type ResourceId, type Writer,
} from "@callmesh/core";

const CALLS = 50;
const KEYS = Array.from({ length: 20 }, (_, number) => `key/${String(number).padStart(2, "0")}`);
const STATE = stateOf("rbench" as ResourceId);

type Stage = "write" | "read" | "answer";

function now(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

function valueOf(number: number): string {
  return `value ${String(number).padStart(10, "0")}`;
}

function packed(...sent: readonly Message[]): Uint8Array {
  return bundle(sent.map(encodeMessage));
}

/** One participant. */
class End {
  readonly mesh = new Mesh();
  readonly #session = new Session("client", now());

  constructor(id: string) {
    this.mesh.writer = id as Writer;
    this.read(
      packed(
        {
          type: "welcome", version: VERSION, call: "bench", participant: id, writer: id, person: "u1", name: id,
          role: "host", time: now(), resume: "", personProof: "", resource: null,
        },
        { type: "batch", cursor: 1, saved: 1, whole: true, groups: [] },
      ),
    );
  }

  /** As the SDK does: one call of `write` for each key, one bundle for all. */
  write(keys: readonly string[], value: string): Uint8Array {
    const time = now();
    for (const key of keys) this.mesh.write(new Map([[STATE, new Map([[key, value]])]]), time);
    return packed(...this.mesh.outgoing());
  }

  read(data: Uint8Array): void {
    const time = now();
    for (const message of this.#session.receive(data, time)) {
      if (message.type === "batch") this.mesh.batch(message, time);
      else if (message.type === "saved") this.mesh.disk(message.cursor);
    }
  }
}

/** A call: one who writes and one who reads; both get the same bytes. */
class Pair {
  readonly writer = new End("p1");
  readonly reader = new End("p2");
  readonly #hub = new Session("hub", now());
  written: Uint8Array = packed();
  answer: Uint8Array = packed();
  #number = 1;

  constructor() {
    this.#hub.welcome(packed());
  }

  /** What a hub makes of it: entries as they came, numbered. */
  relay(): void {
    const writes = this.#hub.receive(this.written, now()).filter((message) => message.type === "write");
    const groups = writes.flatMap(({ groups }): messages.Group[] => groups.map((group) => ({ ...group, version: 0 })));
    const saved = this.#number;
    this.#number += groups.reduce((sum, { entries }) => sum + entries.length, 0);
    this.answer = packed({ type: "batch", cursor: this.#number, saved, whole: false, groups });
  }

  save(): void {
    this.writer.read(packed({ type: "saved", cursor: this.#number }));
  }

  get same(): boolean {
    const { writer, reader } = this;
    return KEYS.every((key) => {
      const value = reader.mesh.value(STATE, key);
      return value !== undefined && value === writer.mesh.value(STATE, key) && writer.mesh.statusOf(STATE, key) === "saved";
    });
  }
}

function repetition(pairs: readonly Pair[], frame: number, number: number): Map<Stage, number> {
  const spent = new Map<Stage, number>();
  const timed = (stage: Stage, work: (pair: Pair) => void): void => {
    const began = process.cpuUsage();
    for (const pair of pairs) work(pair);
    const { user, system } = process.cpuUsage(began);
    spent.set(stage, (spent.get(stage) ?? 0) + user + system);
  };
  for (let first = 0; first < KEYS.length; first += frame) {
    const keys = KEYS.slice(first, first + frame);
    timed("write", (pair) => (pair.written = pair.writer.write(keys, valueOf(number))));
    for (const pair of pairs) pair.relay();
    timed("read", (pair) => pair.reader.read(pair.answer));
    timed("answer", (pair) => pair.writer.read(pair.answer));
    for (const pair of pairs) pair.save();
  }
  return spent;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

/** Microseconds per write; the first fifth of the repetitions warms up and does not count. */
function measure(frame: number, repetitions: number): { [stage: string]: number } {
  const pairs = Array.from({ length: CALLS }, () => new Pair());
  const found = new Map<Stage, number[]>([["write", []], ["read", []], ["answer", []]]);
  for (let number = -Math.ceil(repetitions / 5); number < repetitions; number++) {
    const spent = repetition(pairs, frame, number + repetitions);
    if (number >= 0) for (const [stage, micros] of spent) found.get(stage)?.push(micros / CALLS / KEYS.length);
  }
  if (!pairs.every((pair) => pair.same)) throw new Error("writer and reader differ");
  return Object.fromEntries([...found].map(([stage, all]) => [stage, median(all)]));
}

const [, , frame = "1", repetitions = "100"] = process.argv;
console.log(JSON.stringify(measure(Number(frame), Number(repetitions))));
