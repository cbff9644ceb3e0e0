/** The words of the page: all of them, in every language that it speaks. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DENIALS, Denied, StorageFailed, TooFast, TooLarge, Unauthorized } from "@callmesh/core";
import { FluentBundle, FluentResource } from "@fluent/bundle";
import { afterEach, describe, expect, test, vi } from "vitest";

import { direction, language, LANGUAGES, locale, preferredLanguage, say, speak, type Language } from "../src/say.ts";
import { callProblem, endProblem } from "../src/words.ts";

const HERE = join(import.meta.dirname, "..");
const TAGS = Object.keys(LANGUAGES) as Language[];
const WORDS = new Map(TAGS.map((tag) => [tag, readFileSync(join(HERE, "words", `${tag}.ftl`), "utf8")]));
const SOURCES = readdirSync(join(HERE, "src"))
  .filter((name) => /\.tsx?$/u.test(name))
  .map((name) => readFileSync(join(HERE, "src", name), "utf8"))
  .join("\n");

/** What begins a message in a file, whether Fluent understands it or not. */
function idsIn(tag: Language): string[] {
  return [...(WORDS.get(tag) ?? "").matchAll(/^([a-z][a-z0-9-]*) *=/gmu)].map(([, id = ""]) => id);
}

/** The variables of each message, in the order of the alphabet. */
function variablesIn(tag: Language): Map<string, string[]> {
  const parts = (WORDS.get(tag) ?? "").split(/^(?=[a-z][a-z0-9-]* *=)/mu).slice(1);
  return new Map(
    parts.map((part) => {
      const lines = part.split("\n").filter((line) => !line.startsWith("#"));
      const found = [...lines.join("\n").matchAll(/\$([a-z]+)/gu)].map(([, name = ""]) => name);
      return [part.split(" ")[0] ?? "", [...new Set(found)].sort()];
    }),
  );
}

afterEach(() => speak("en"));

describe.each(TAGS)("in %s", (tag) => {
  test("[G1] every message is there once, in Fluent's grammar", () => {
    expect(idsIn(tag)).toEqual(idsIn("en"));
    const bundle = new FluentBundle(tag);
    const errors = bundle.addResource(new FluentResource(WORDS.get(tag) ?? ""));
    expect(errors).toEqual([]); // of a message that stands there twice
    expect(idsIn(tag).filter((id) => !bundle.hasMessage(id))).toEqual([]);
  });

  test("[G1] every message says what the English one does, in each of its cases; what the hub says may be left out", () => {
    const bundle = new FluentBundle(tag, { useIsolating: false });
    bundle.addResource(new FluentResource(WORDS.get(tag) ?? ""));
    const theirs = variablesIn(tag);
    for (const [id, names] of variablesIn("en")) {
      const left = names.filter((name) => !theirs.get(id)?.includes(name));
      expect([id, ...left.filter((name) => name !== "why")]).toEqual([id]);
      expect([id, ...(theirs.get(id) ?? []).filter((name) => !names.includes(name))]).toEqual([id]);
      for (const count of [0, 1, 2, 5, 11, 100]) {
        const values = Object.fromEntries(names.map((name) => [name, /^(count|others|failures)$/u.test(name) ? count : `<${name}>`]));
        const errors: Error[] = [];
        const words = bundle.formatPattern(bundle.getMessage(id)?.value ?? "", values, errors);
        expect([id, errors, words.trim() === ""]).toEqual([id, [], false]);
      }
    }
  });
});

test("[G1] the page says what there are words for, and there are no words that it does not say", () => {
  const literal = [...SOURCES.matchAll(/"([a-z]+(?:-[a-z]+)*)"/gu)].map(([, id = ""]) => id);
  const made = [...SOURCES.matchAll(/say\(`([a-z-]+)\$\{/gu)].map(([, start = ""]) => start);
  const said = [...SOURCES.matchAll(/say\(\s*"([^"]+)"/gu)].map(([, id = ""]) => id);
  const ids = idsIn("en");
  expect(said.filter((id) => !ids.includes(id))).toEqual([]);
  expect(ids.filter((id) => !literal.includes(id) && !made.some((start) => id.startsWith(start)))).toEqual([]);
});

test("[G1] what there are no words for is an error, not an empty button", () => {
  expect(() => say("nothing-of-the-kind")).toThrow("nothing-of-the-kind");
});

test("[G1] what the hub refuses is told in other languages by its reason", async () => {
  const errors = [...DENIALS.map((reason) => new Denied(reason, "why so")), new TooFast("why so"), new TooLarge("why so"), new StorageFailed("why so")];
  for (const error of errors) {
    expect(callProblem(error)).toMatch(error instanceof Denied && error.reason === "last_host" ? /only host/ : /[Ww]hy so/);
  }
  for (const tag of TAGS.filter((one) => one !== "en")) {
    await speak(tag);
    for (const error of errors) expect(callProblem(error)).not.toMatch(/why so/i);
    for (const error of [new Unauthorized("why so"), new TooFast("why so"), new StorageFailed("why so")]) {
      expect(endProblem(error)).not.toMatch(/why so/i);
    }
  }
});

test("[G2] it speaks what the browser prefers, as far as it can", async () => {
  for (const [languages, wanted] of [
    [["de-CH", "en"], "de"], [["fr", "es-MX"], "es"], [["fr"], "en"], [["ar-EG"], "ar"], [[], "en"],
  ] as const) {
    vi.stubGlobal("navigator", { languages });
    vi.resetModules();
    const fresh = await import("../src/say.ts");
    expect(fresh.preferredLanguage()).toBe(wanted);
    await fresh.speak(fresh.preferredLanguage());
    expect(fresh.locale.value).toBe(languages.find((tag) => tag.startsWith(wanted)) ?? languages[0] ?? "en");
    await fresh.speak("de", { byChoice: true });
    expect(fresh.locale.value).toBe(languages.find((tag) => tag.startsWith("de")) ?? "de");
  }
  vi.unstubAllGlobals();
  expect(TAGS).toContain(preferredLanguage());
});

test("[G2, G3] words, direction and what apps are told go with the language", async () => {
  await speak("ar", { byChoice: true });
  expect([language.value, direction.value, locale.value]).toEqual(["ar", "rtl", "ar"]);
  expect(say("stage-remove", { title: "Bed 1" })).toContain("\u2068Bed 1\u2069");
  await speak("de", { byChoice: true });
  expect([direction.value, say("close")]).toEqual(["ltr", "Schließen"]);
  expect(say("stage-remove", { title: "Bed 1" })).not.toContain("\u2068");
});
