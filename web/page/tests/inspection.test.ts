import type { Call, OpenStream } from "@callmesh/client";
import {
  CALL, keyOf, presenceOf, Replica, stateOf, type Entry, type Json, type Participant, type ParticipantId, type Reach, type ResourceId, type StateId, type Writer,
} from "@callmesh/core";
import { beforeEach, expect, test } from "vitest";

import { Inspection, MOST_KEYS } from "../src/inspection.ts";
import { keyTree, perSecond, sizeWords } from "../src/keytree.ts";

const R1 = "r1" as ResourceId;
const STATE = stateOf(R1);
const SECOND = 1_000_000;

/** As much of a call as the inspector looks at, over a replica whose hub the test is. */
class FakeCall {
  readonly replica = new Replica({ now: () => 0, after: () => () => undefined, flush: () => undefined });
  readonly participants = new Map([["p1", { id: "p1", name: "Ada" } as unknown as Participant]]);
  readonly list = [{ id: R1, title: "Poll", app: "poll", version: 2, access: "edit" }];
  readonly resources = { all: () => this.list, get: (id: ResourceId) => this.list.find((one) => one.id === id) };
  streams: OpenStream[] = [];
  #cursor = 0;

  readonly onChange = this.replica.onChange.bind(this.replica);
  readonly onWord = this.replica.onWord.bind(this.replica);

  get mesh() {
    return this.replica.mesh;
  }

  /** The hub sends values of one State. */
  batch(state: StateId, values: Record<string, Json>, { writer = "p1", whole = false } = {}): void {
    const entries = Object.entries(values).map(([key, value], n): Entry => {
      return { key, time: 1_700_000_000_000_000 + ++this.#cursor + n, writer: writer as Writer, value };
    });
    this.replica.hear({ type: "batch", cursor: this.#cursor, saved: 0, whole, groups: [{ state, entries, version: 1 }] });
  }
}

let call: FakeCall;
let inspection: Inspection;

beforeEach(() => {
  call = new FakeCall();
  call.batch(CALL, { [keyOf(R1)]: { app: "poll", title: "Poll", owner: "u1", added: 1 } }, { whole: true });
  inspection = new Inspection(call as unknown as Call);
  inspection.tick(0);
});

test("[A17] keys have values, writers and times; who has gone keeps the name", () => {
  call.batch(STATE, { "votes/u1": "yes" }, { writer: "p1.2" });
  call.batch(STATE, { question: "Tea?" }, { writer: "p9" });
  const { keys, version, access } = inspection.detail(R1);
  expect(keys.map(({ key, text, writer }) => [key, text, writer])).toEqual([
    ["question", '"Tea?"', "p9"],
    ["votes/u1", '"yes"', "Ada"],
  ]);
  expect([version, access]).toEqual([2, "edit"]);
  call.participants.clear();
  expect(inspection.detail(R1, "votes").keys.map(({ writer }) => writer)).toEqual(["Ada"]);
  expect(inspection.detail(undefined).keys.map(({ key }) => key)).toEqual([keyOf(R1)]);
});

test("[A17] a State of many keys is shown in part, and found by name", () => {
  call.batch(STATE, Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`item/${n}`, n])));
  expect(inspection.detail(R1).keys).toHaveLength(MOST_KEYS);
  expect(inspection.detail(R1).more).toBe(50);
  expect(inspection.detail(R1, "item/249").keys).toHaveLength(1);
});

test("[A17] what a resource costs: keys, bytes, and entries a second", () => {
  call.batch(STATE, { a: 1, b: 2 });
  for (let n = 0; n < 8; n++) call.batch(STATE, { a: n });
  inspection.tick(SECOND);
  const [cost] = inspection.costs(2 * SECOND);
  expect(cost).toMatchObject({ id: R1, title: "Poll", keys: 2, bytes: 2 * 34 });
  expect(cost?.writes).toBe(10);
  call.batch(STATE, {}, { whole: true });
  expect(inspection.costs(2 * SECOND)[0]).toMatchObject({ keys: 0, bytes: 0 });
});

test("[A17] presence, by who shows it", () => {
  call.batch(presenceOf(R1), { "p1/cursor": [1, 2] });
  expect(inspection.detail(R1).presence).toEqual([{ who: "Ada", key: "cursor", text: "[1,2]" }]);
});

test("[A17] streams of that resource alone", () => {
  const peers = new Map([["p1" as ParticipantId, { path: "direct" } as Reach]]);
  call.streams = [
    { resource: R1, name: "pen", mode: "latest", peers },
    { resource: "r2" as ResourceId, name: "pen", mode: "latest", peers },
  ];
  expect(inspection.detail(R1).streams).toEqual([{ name: "pen", mode: "latest", peers: [{ who: "Ada", reach: { path: "direct" } }] }]);
});

test("[A17] denied writes, with where and why, the latest first, until it is closed", () => {
  const deny = (key: string): void => {
    call.replica.hear({ type: "denied", reason: "no_right", why: "not yours", time: 1, writer: "p1", places: [[STATE, key]], now: 0 });
  };
  deny("a");
  deny("b");
  expect(inspection.denied).toMatchObject([
    { where: "Poll", key: "b", reason: "no_right", why: "not yours" },
    { where: "Poll", key: "a" },
  ]);
  inspection.close();
  deny("c");
  expect(inspection.denied).toHaveLength(2);
});

test("[A17] keys stand in a tree; what is alone needs no branch", () => {
  const row = (key: string) => ({ key, text: "", writer: "", time: 0 });
  const tree = keyTree(["alone/very/deep", "list", "list/a/at", "list/a/value", "list/b"].map(row));
  expect(tree.map(({ name, path, count }) => [name, path, count])).toEqual([
    ["alone/very/deep", "alone/very/deep", 0],
    ["list", "list", 3],
  ]);
  expect(tree[1]?.row?.key).toBe("list");
  expect(tree[1]?.below.map(({ name, below }) => [name, below.map((one) => one.name)])).toEqual([
    ["a", ["at", "value"]],
    ["b", []],
  ]);
});

test("numbers are short", () => {
  expect([0, 812, 1_234, 98_765, 123_456, 16_000_000].map(sizeWords)).toEqual(["0 B", "812 B", "1.2 kB", "99 kB", "123 kB", "16 MB"]);
  expect([0, 0.24, 9.96, 60.4].map(perSecond)).toEqual(["0", "0.2", "10.0", "60"]);
});
