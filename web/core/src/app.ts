/** The rules that an app's manifest sets for the keys of its state. */

import { BadValue } from "./errors.ts";
import type { ParticipantId, PersonId } from "./ids.ts";
import type { Role } from "./participant.ts";
import type { Json, JsonObject } from "./values.ts";

/** Whom a key rule lets in. The owner is who added the resource, self whom the pattern names. */
export type Who = "everyone" | Role | "owner" | "self";

/** What an app does besides its own state, presence and cache, and has to ask for. */
export type Capability = "streams" | "files" | "participants" | "fetch" | "documents";

const NAMED = ["{person}", "{participant}"];

/** Who somebody is towards one resource, as far as key rules care. */
export interface Standing {
  readonly participant: ParticipantId;
  readonly person: PersonId;
  readonly role: Role;
  readonly owner: boolean;
}

/**
 * Who may write, change and read the keys that look like `key`. Lists are unions.
 *
 * `key` is a path; a segment may be `*` (any one), `{person}` or `{participant}` (any one, which names
 * somebody), and the last may be `**` (one or more of any). The first rule that fits a key decides.
 */
export interface KeyRule {
  readonly key: string;
  /** Without it: whom the pattern names; else those who may read. */
  readonly write?: readonly Who[];
  /** Who may replace or delete what is there. Without it: those who may write. */
  readonly change?: readonly Who[];
  /** Without it: everyone. */
  readonly read?: readonly Who[];
}

interface Rule {
  readonly pattern: readonly string[];
  readonly write: readonly Who[];
  readonly change: readonly Who[];
  readonly read: readonly Who[];
}

/** The key rules of one app. A key that no rule fits is everyone's. */
export class Rules {
  readonly #rules: readonly Rule[];

  constructor(rules: readonly KeyRule[] = []) {
    this.#rules = rules.map(spelledOut);
  }

  /** Whether `who` may write `key`: a new one, or one that is there. */
  mayWrite(key: string, who: Standing, { isNew = true }: { isNew?: boolean } = {}): boolean {
    const found = this.#first(key);
    return found === undefined || lets(isNew ? found.rule.write : found.rule.change, who, found.named);
  }

  mayRead(key: string, who: Standing): boolean {
    const found = this.#first(key);
    return found === undefined || lets(found.rule.read, who, found.named);
  }

  /** Whether there is no key that `who` may not read. */
  mayReadAll(who: Standing): boolean {
    return this.#rules.every(({ read }) => lets(read, who, []));
  }

  /** The rule that decides about `key`, and whom its pattern names there. */
  #first(key: string): { rule: Rule; named: readonly string[] } | undefined {
    const given = key.split("/");
    for (const rule of this.#rules) {
      const named = match(rule.pattern, given);
      if (named !== undefined) return { rule, named };
    }
    return undefined;
  }
}

/** For the resources of an app that the hub does not have (any more). */
export const CLOSED = new Rules([{ key: "**", write: [], read: ["host"] }]);

/** The rules as the hub tells them. What a later hub adds is passed over. Raises `BadValue`. */
export function readRules(value: Json | undefined): Rules {
  if (!Array.isArray(value)) throw new BadValue("not key rules: a list is expected");
  return new Rules(value.map(readRule));
}

function readRule(value: Json): KeyRule {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadValue("not a key rule: an object is expected");
  }
  const { key, write, change, read } = value as JsonObject;
  if (typeof key !== "string" || !isWords(write) || !isWords(change) || !isWords(read)) {
    throw new BadValue("not a key rule: key is a text, write, change and read are lists of words");
  }
  return { key, write, change, read };
}

/** A word of a later hub lets in nobody here. */
function isWords(value: Json | undefined): value is readonly Who[] {
  return Array.isArray(value) && value.every((word) => typeof word === "string");
}

function spelledOut({ key, read = ["everyone"], ...rule }: KeyRule): Rule {
  const pattern = key.split("/");
  const named = pattern.some((segment) => NAMED.includes(segment));
  const write = rule.write ?? (named ? ["self"] : read);
  return { pattern, write, change: rule.change ?? write, read };
}

/** Whom the pattern names in a key that it fits, each as `{person}=…`; undefined if it does not. */
function match(pattern: readonly string[], given: readonly string[]): readonly string[] | undefined {
  const rest = pattern.at(-1) === "**";
  const wanted = rest ? pattern.slice(0, -1) : pattern;
  if (rest ? given.length <= wanted.length : given.length !== wanted.length) return undefined;
  const named: string[] = [];
  for (const [index, want] of wanted.entries()) {
    const got = given[index];
    if (NAMED.includes(want)) named.push(`${want}=${got}`);
    else if (want !== "*" && want !== got) return undefined;
  }
  return named;
}

function lets(allowed: readonly Who[], who: Standing, named: readonly string[]): boolean {
  if (allowed.includes("everyone") || allowed.includes(who.role)) return true;
  if (allowed.includes("owner") && who.owner) return true;
  const own = [`{person}=${who.person}`, `{participant}=${who.participant}`];
  return allowed.includes("self") && named.length > 0 && named.every((name) => own.includes(name));
}
