/** The built-in apps: all of their words, in every language of the page. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { LANGUAGES } from "../src/say.ts";

type Words = Readonly<Record<string, unknown>>;

const ROOT = join(import.meta.dirname, "../../..");
const TAGS = Object.keys(LANGUAGES);
/** By app: where its words are, its page, and its manifest. */
const APPS = {
  poll: ["src/callmesh/apps/poll/words.js", "src/callmesh/apps/poll/index.html", "src/callmesh/apps/poll/manifest.json"],
  talk: ["src/callmesh/apps/talk/words.js", "src/callmesh/apps/talk/index.html", "src/callmesh/apps/talk/manifest.json"],
  vitals: ["src/callmesh/apps/vitals/words.js", "src/callmesh/apps/vitals/index.html", "src/callmesh/apps/vitals/manifest.json"],
  whiteboard: ["web/whiteboard/src/words.ts", "web/whiteboard/index.html", "web/whiteboard/public/manifest.json"],
} as const;

/** What is said, whatever is asked for, by the name of the word. */
function said(name: string, word: unknown): [name: string, text: string][] {
  if (typeof word === "string") return [[name, word]];
  if (typeof word === "function") {
    return [0, 1, 2, 5, 11, 100].map((count) => [`${name} ${count}`, String((word as (...args: unknown[]) => unknown)(count, count, count))]);
  }
  return Object.entries(word as object).flatMap(([key, below]) => said(`${name} ${key}`, below));
}

function allSaid(words: Words): Map<string, string> {
  return new Map(Object.entries(words).flatMap(([name, word]) => said(name, word)));
}

/** Of a page: each text and each attribute that people read, with the word that it is to have; of a text in none, undefined. */
function readIn(html: string): { text: string; name: string | undefined }[] {
  return [...html.matchAll(/<([a-z][a-z0-9]*)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*\/?>([^<]*)/gu)].flatMap(([, tag = "", all = "", inner = ""]) => {
    const attributes = new Map([...all.matchAll(/([\w-]+)="([^"]*)"/gu)].map(([, key = "", value = ""]) => [key, value]));
    const names = new Map((attributes.get("data-say") ?? "").split(" ").map((one) => one.split(":").reverse() as [string, string?]).map(([name, of = ""]) => [of, name]));
    const texts = tag === "script" || tag === "style" ? [] : [["", inner.trim()] as const];
    const shown = ["aria-label", "title", "placeholder", "alt"].flatMap((of) => (attributes.has(of) ? [[of, attributes.get(of) ?? ""] as const] : []));
    return [...texts, ...shown].filter(([, text]) => /\p{L}{2}/u.test(text)).map(([of, text]) => ({ text, name: names.get(of) || undefined }));
  });
}

describe.each(Object.entries(APPS))("%s", (_, [from, page, manifest]) => {
  const read = async (): Promise<Record<string, Words>> => ((await import(/* @vite-ignore */ join(ROOT, from))) as { WORDS: Record<string, Words> }).WORDS;

  test("[A27] says all it says in every language of the page", async () => {
    const words = await read();
    expect(Object.keys(words)).toEqual(TAGS);
    const english = allSaid(words["en"] ?? {});
    for (const tag of TAGS) {
      const theirs = allSaid(words[tag] ?? {});
      expect([tag, ...theirs.keys()]).toEqual([tag, ...english.keys()]);
      expect([...theirs].filter(([, text]) => text.trim() === "" || text.includes("undefined"))).toEqual([]);
      const same = [...theirs].filter(([name, text]) => tag !== "en" && text.length > 14 && text === english.get(name));
      expect(same).toEqual([]);
    }
  });

  test("[A27] has no words in its page that do not come from there", async () => {
    const english = (await read())["en"] ?? {};
    const shown = readIn(readFileSync(join(ROOT, page), "utf8"));
    expect(shown.length).toBeGreaterThan(1);
    for (const { text, name } of shown) expect([text, name === undefined ? undefined : english[name]]).toEqual([text, text]);
  });

  test("[A9, A27] is called something in every language of the page", () => {
    const { languages } = JSON.parse(readFileSync(join(ROOT, manifest), "utf8")) as { languages: Record<string, { name: string; description: string }> };
    expect(Object.keys(languages)).toEqual(TAGS.filter((tag) => tag !== "en"));
    for (const { name, description } of Object.values(languages)) expect(name && description).toBeTruthy();
  });
});
