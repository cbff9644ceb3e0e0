/** The page's words in its reader's language: Fluent's messages, a file in `words/` for each language. */

import { computed, signal } from "@preact/signals";
import { FluentBundle, FluentResource, type FluentVariable } from "@fluent/bundle";

import english from "../words/en.ftl?raw";

/** What the page speaks, each by its own name. */
export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español", ar: "العربية" } as const;
export type Language = keyof typeof LANGUAGES;

const FILES: Record<Exclude<Language, "en">, () => Promise<{ default: string }>> = {
  de: () => import("../words/de.ftl?raw"),
  es: () => import("../words/es.ftl?raw"),
  ar: () => import("../words/ar.ftl?raw"),
};
const FROM_RIGHT: readonly Language[] = ["ar"];

/** In which language the page speaks. */
export const language = signal<Language>("en");
/** The first that has a message says it. */
const bundles = signal([bundleOf("en", english)]);
const chosen = signal(false);
/** Tags, as the browser prefers them. */
export const preferred = signal(preferences());
if ("addEventListener" in globalThis) addEventListener("languagechange", () => (preferred.value = preferences()));

/** What apps are told, and what dates and numbers go by, as BCP 47 has it: `de-CH` where the page speaks German. */
export const locale = computed(() => {
  const [first = "en"] = preferred.value;
  return preferred.value.find((tag) => baseOf(tag) === language.value) ?? (chosen.value ? language.value : first);
});

/** A message, with its variables: `say("stage-remove", { title })`. */
export function say(id: string, values?: Readonly<Record<string, FluentVariable>>): string {
  for (const bundle of bundles.value) {
    const pattern = bundle.getMessage(id)?.value;
    if (pattern) return bundle.formatPattern(pattern, values, []);
  }
  throw new Error(`there are no words for ${id}`);
}

export function isLanguage(tag: string | undefined): tag is Language {
  return tag !== undefined && Object.hasOwn(LANGUAGES, tag);
}

/** The first of what the browser prefers that the page speaks. */
export function preferredLanguage(): Language {
  return preferred.value.map(baseOf).find(isLanguage) ?? "en";
}

/** Speak a language from now on. Where its file does not come, the page goes on as it did. */
export async function speak(wanted: Language, { byChoice = false } = {}): Promise<void> {
  try {
    const own = wanted === "en" ? [] : [bundleOf(wanted, (await FILES[wanted]()).default)];
    bundles.value = [...own, bundleOf("en", english)];
    language.value = wanted;
    chosen.value = byChoice;
  } catch (error) {
    console.warn(`The words in ${LANGUAGES[wanted]} could not be loaded.`, error);
  }
}

/** Which way the language is written. */
export const direction = computed(() => (FROM_RIGHT.includes(language.value) ? "rtl" : "ltr"));

function preferences(): readonly string[] {
  return "navigator" in globalThis ? navigator.languages : []; // Node 20 has none
}

function baseOf(tag: string): string {
  return tag.split("-")[0] ?? "";
}

function bundleOf(tag: Language, words: string): FluentBundle {
  // What is put in may run the other way: marks that nobody sees keep it together.
  const bundle = new FluentBundle(tag, { useIsolating: FROM_RIGHT.includes(tag) });
  bundle.addResource(new FluentResource(words));
  return bundle;
}
