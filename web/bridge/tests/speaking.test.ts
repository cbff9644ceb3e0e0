// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";

import { languageFor, sayIn } from "../src/speaking.ts";

const PAGE = `<title data-say="poll">Poll</title><button data-say="close title:shut aria-label:shut">Close</button><i data-say="count none">…</i>`;

beforeEach(() => {
  document.documentElement.innerHTML = PAGE;
});

test.each([
  ["de-CH", ["en", "de"], "de"],
  ["de-CH", ["en", "de", "de-CH"], "de-CH"],
  ["zh-Hant-TW", ["en", "zh", "zh-Hant"], "zh-Hant"],
  ["fr", ["es", "en"], "es"],
  ["d", ["en", "de"], "en"],
])("[A26] %s, of %s, is %s", (locale, has, found) => {
  expect(languageFor(locale, has)).toBe(found);
});

test("[A26] the page has the words, and says in which language they are and from where it is written", () => {
  const { documentElement: root } = document;
  sayIn(document, "de", { poll: "Umfrage", close: "Schließen", shut: "Umfrage schließen", count: (n: number) => `${n}` });
  const button = document.querySelector("button");
  expect([root.lang, root.dir, document.title]).toEqual(["de", "ltr", "Umfrage"]);
  expect([button?.textContent, button?.title, button?.getAttribute("aria-label")]).toEqual(["Schließen", "Umfrage schließen", "Umfrage schließen"]);
  expect(document.querySelector("i")?.textContent).toBe("…"); // a function, and no word at all
  for (const [language, dir] of [["ar-EG", "rtl"], ["he", "rtl"], ["arn", "ltr"]] as const) {
    sayIn(document, language, {});
    expect([root.lang, root.dir]).toEqual([language, dir]);
  }
});
