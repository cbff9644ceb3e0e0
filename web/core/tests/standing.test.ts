import { beforeEach, expect, test } from "vitest";

import type { KeyRule, Standing } from "../src/app.ts";
import { APPS, CALL, HUB, resourceId, stateOf, type StateId, type Writer } from "../src/ids.ts";
import { Mesh } from "../src/mesh.ts";
import type { Access, Participant } from "../src/participant.ts";
import { accessKey, keyOf, versionKey } from "../src/resource.ts";
import { Standings } from "../src/standing.ts";
import { DELETED, type Entry, type Value } from "../src/state.ts";
import type { Json } from "../src/values.ts";
import { vectors } from "./vectors.ts";

interface Check {
  readonly do: "write" | "change" | "read" | "read all";
  readonly key: string;
  readonly allows: readonly string[];
}
interface RulesVectors {
  readonly standings: { readonly [name: string]: Standing };
  readonly rules: readonly { readonly name: string; readonly rules: readonly KeyRule[]; readonly checks: readonly Check[] }[];
  readonly access: readonly {
    readonly name: string;
    readonly settings: { readonly [who: string]: Access };
    readonly access: { readonly [name: string]: Access };
  }[];
}

const { standings: people, rules: cases, access } = vectors<RulesVectors>("rules");
const RESOURCE = resourceId("r1");
const STATE = stateOf(RESOURCE);
const RECORD = { app: "notes", title: "Notes", owner: "u1" };

let mesh: Mesh;
let standings: Standings;

beforeEach(() => {
  mesh = new Mesh();
  mesh.writer = "p1" as Writer;
  standings = new Standings(mesh);
  hubSays(CALL, { [keyOf(RESOURCE)]: RECORD });
  hubSays(APPS, { notes: { version: 1, keys: [] } });
});

function hubSays(state: StateId, values: { readonly [key: string]: Value }): void {
  const cursor = mesh.cursor + 1;
  const entries = Object.entries(values).map(([key, value]): Entry => ({ key, time: cursor, writer: HUB, value }));
  const changes = mesh.batch({ type: "batch", cursor, saved: cursor, whole: false, groups: [{ state, entries, version: 0 }] }, 0);
  for (const change of changes) standings.follow(change);
}

function someone({ participant, person, role }: Standing): Participant {
  return { id: participant, person, name: "", role, offers: [], here: true };
}

const GUEST: Participant = { id: "p2", person: "u2", name: "", role: "guest", offers: [], here: true } as unknown as Participant;

/** The rules as the hub tells them: every list spelled out. */
function spelledOut({ key, read = ["everyone"], ...rule }: KeyRule): Json {
  const write = rule.write ?? (/\{/.test(key) ? (["self"] as const) : read);
  return { key, write, change: rule.change ?? write, read };
}

test.each(access)("[J12] access by the mesh: $name", ({ settings, access: expected }) => {
  hubSays(CALL, Object.fromEntries(Object.entries(settings).map(([who, level]) => [accessKey(RESOURCE, who), level])));
  expect(standings.settings(RESOURCE)).toEqual(new Map(Object.entries(settings)));
  for (const [name, level] of Object.entries(expected)) {
    expect(standings.access(RESOURCE, someone(people[name]!)), name).toBe(level);
  }
});

/** Vectors have owners who may be anybody: each is asked about a resource that is theirs, or is not. */
test.each(cases)("[K1, K4, K6, R9] who may write and migrate, by the mesh: $name", ({ rules, checks }) => {
  hubSays(APPS, { notes: { version: 1, keys: rules.map(spelledOut) } });
  const edit = Object.values(people).map(({ person }) => [accessKey(RESOURCE, person), "edit"]);
  hubSays(CALL, Object.fromEntries(edit) as { [key: string]: Json });
  for (const { do: side, key, allows } of checks.filter((check) => check.do !== "read")) {
    if (side !== "read all") hubSays(STATE, { [key]: side === "change" ? 1 : DELETED });
    const allowed = Object.keys(people).filter((name) => {
      const who = people[name]!;
      hubSays(CALL, { [keyOf(RESOURCE)]: { ...RECORD, owner: who.owner ? who.person : "unobody" } });
      if (side === "read all") {
        const may = standings.mayMigrate(RESOURCE, someone(who));
        expect(standings.canWriteCall(versionKey(RESOURCE), someone(who))).toBe(may);
        return may;
      }
      return standings.canWrite(RESOURCE, key, someone(who));
    });
    expect(allowed.sort(), `${side} ${key}`).toEqual(allows);
  }
});

test("[J12, K4] rules narrow, access opens: who may only view writes nothing", () => {
  expect(standings.canWrite(RESOURCE, "a", GUEST)).toBe(true);
  for (const level of ["view", "hidden"]) {
    hubSays(CALL, { [accessKey(RESOURCE, "guest")]: level });
    expect([standings.access(RESOURCE, GUEST), standings.canWrite(RESOURCE, "a", GUEST)]).toEqual([level, false]);
  }
  hubSays(CALL, { [accessKey(RESOURCE, "guest")]: DELETED });
  expect(standings.canWrite(RESOURCE, "a", GUEST)).toBe(true);
});

test("[K5] whether a key is new is what this participant sees of it, its own write included", () => {
  hubSays(APPS, { notes: { version: 1, keys: [{ key: "once", write: ["everyone"], change: [], read: ["everyone"] }] } });
  expect(standings.canWrite(RESOURCE, "once", GUEST)).toBe(true);
  mesh.write(new Map([[STATE, new Map([["once", 1]])]]), 5);
  expect(standings.canWrite(RESOURCE, "once", GUEST)).toBe(false);
});

test("[K6] of an app that the hub does not have, or tells rubbish of, nobody writes anything", () => {
  const host: Participant = { ...GUEST, role: "host" };
  const rubbish: readonly Value[] = [DELETED, null, 1, [], {}, { version: 1, keys: 1 }, { version: 1, keys: [{ key: 1 }] }];
  for (const told of rubbish) {
    hubSays(APPS, { notes: told });
    expect([standings.canWrite(RESOURCE, "a", GUEST), standings.canWrite(RESOURCE, "a", host)]).toEqual([false, false]);
  }
  hubSays(APPS, { notes: { version: 1, keys: [], later: 1 } });
  expect(standings.canWrite(RESOURCE, "a", GUEST)).toBe(true);
});

test("[J12] a setting that is none counts as not set, and those of another resource are another's", () => {
  hubSays(CALL, { [accessKey(RESOURCE, "guest")]: "all", [accessKey(resourceId("r11"), "guest")]: "hidden" });
  expect(standings.access(RESOURCE, GUEST)).toBe("edit");
  expect(standings.settings(RESOURCE).size).toBe(0);
});

test("[R10, S23] a writer of another state version writes nothing, an older one is outdated", () => {
  const seen = (): unknown => [standings.version(RESOURCE), standings.outdated(RESOURCE), standings.canWrite(RESOURCE, "a", GUEST)];
  expect(seen()).toEqual([1, false, true]); // nothing is said
  mesh.versions.set(STATE, 2);
  expect(seen()).toEqual([1, false, false]); // still to be migrated
  hubSays(CALL, { [versionKey(RESOURCE)]: 2 });
  expect(seen()).toEqual([2, false, true]);
  hubSays(CALL, { [versionKey(RESOURCE)]: 3 });
  expect(seen()).toEqual([3, true, false]);
});

test("[R5] to a resource that is gone, or whose record is none, nobody writes", () => {
  const none: readonly Value[] = [DELETED, 1, { ...RECORD, title: "" }];
  for (const record of none) {
    hubSays(CALL, { [keyOf(RESOURCE)]: record });
    expect(standings.canWrite(RESOURCE, "a", GUEST)).toBe(false);
  }
});

test("[R12, K6] to one that was removed nobody writes; who may remove it may restore it", () => {
  hubSays(CALL, { [keyOf(RESOURCE)]: { ...RECORD, removed: true } });
  const mine = { ...GUEST, person: "u1" } as Participant;
  expect(standings.canWrite(RESOURCE, "a", mine)).toBe(false);
  expect([mine, { ...GUEST, person: "u9" } as Participant].map((who) => standings.canWriteCall(keyOf(RESOURCE), who))).toEqual([true, false]);
  expect(standings.canWriteCall(accessKey(RESOURCE, "guest"), { ...GUEST, role: "host" })).toBe(false);
});

test("[K6, J6, J7] of the call's own State, what the hub lets each role write", () => {
  hubSays(CALL, { [keyOf(RESOURCE)]: { ...RECORD, owner: "u2" }, [keyOf(resourceId("r2"))]: RECORD });
  const keys = [
    keyOf(RESOURCE), keyOf(resourceId("r2")), keyOf(resourceId("rnew")), "active", accessKey(RESOURCE, "guest"), accessKey(RESOURCE, "u9"),
    accessKey(resourceId("rgone"), "guest"), "theme", "title", versionKey(RESOURCE), versionKey(resourceId("rgone")),
  ]; // prettier-ignore
  const may = (role: Participant["role"]): string[] => keys.filter((key) => standings.canWriteCall(key, { ...GUEST, role }));
  const [own, other, added, active, access, person, , theme, title, version] = keys;
  expect(may("host")).toEqual([own, other, added, active, access, person, theme, title, version]);
  expect(may("guest")).toEqual([own, added, active, version]);
  expect(may("observer")).toEqual([]);
  hubSays(CALL, { [accessKey(RESOURCE, "u2")]: "view" });
  expect(may("guest")).toEqual([added, active]);
  hubSays(CALL, { [accessKey(RESOURCE, "u2")]: "edit" });
  expect(may("observer")).toEqual([version]);
  for (const key of ["resource/R1", "access/r1", "access/r1/king", "access/r1/guest/x", "a//b", "version/"]) {
    expect(standings.canWriteCall(key, { ...GUEST, role: "host" }), key).toBe(false);
  }
});

test("[K6, J7] what belongs to nobody hosts alone change and remove", () => {
  hubSays(CALL, { [keyOf(RESOURCE)]: { ...RECORD, owner: "u2" } });
  const host: Participant = { ...GUEST, role: "host" };
  const may = (): boolean[] => [GUEST, host].map((who) => standings.canWriteCall(keyOf(RESOURCE), who));
  expect(may()).toEqual([true, true]);
  hubSays(APPS, { notes: { version: 1, keys: [], owned: false } });
  expect(may()).toEqual([false, true]);
});

test("[Y4] a Python half has its own resource, whatever is set, and no other", () => {
  hubSays(CALL, { [accessKey(RESOURCE, "guest")]: "hidden" });
  expect(standings.access(RESOURCE, { ...GUEST, half: RESOURCE })).toBe("edit");
  expect(standings.access(RESOURCE, { ...GUEST, half: resourceId("r2") })).toBe("hidden");
  expect(standings.access(RESOURCE, GUEST)).toBe("hidden");
});
