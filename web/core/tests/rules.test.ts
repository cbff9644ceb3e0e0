import { expect, test } from "vitest";

import { readRules, Rules, type KeyRule, type Standing } from "../src/app.ts";
import { BadValue } from "../src/errors.ts";
import { accessOf, type Access } from "../src/participant.ts";
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

const { standings, rules: cases, access } = vectors<RulesVectors>("rules");

function may(rules: Rules, { do: side, key }: Check, who: Standing): boolean {
  if (side === "read all") return rules.mayReadAll(who);
  return side === "read" ? rules.mayRead(key, who) : rules.mayWrite(key, who, { isNew: side === "write" });
}

test.each(cases)("[K1, K4, K5] $name", ({ rules, checks }) => {
  const known = new Rules(rules);
  for (const check of checks) {
    const allowed = Object.keys(standings).filter((name) => may(known, check, standings[name]!));
    expect(allowed.sort(), `${check.do} ${check.key}`).toEqual(check.allows);
  }
});

test.each(access)("[J12] access: $name", ({ settings, access: expected }) => {
  const known = new Map(Object.entries(settings));
  for (const [name, level] of Object.entries(expected)) {
    const { person, role } = standings[name]!;
    expect(accessOf(person, role, known), name).toBe(level);
  }
});

test("[K6] rules are read as the hub tells them, and rubbish is no rules", () => {
  const told: Json = [{ key: "a", write: ["host"], change: [], read: ["everyone"], later: 1 }];
  const { host, ada } = standings;
  expect(readRules(told).mayWrite("a", host!)).toBe(true);
  expect(readRules(told).mayWrite("a", host!, { isNew: false })).toBe(false);
  expect(readRules(told).mayWrite("a", ada!)).toBe(false);
  for (const rubbish of [undefined, null, 1, {}, [1], [{ key: 1 }], [{ key: "a", write: [1], change: [], read: [] }]]) {
    expect(() => readRules(rubbish as Json)).toThrow(BadValue);
  }
});
