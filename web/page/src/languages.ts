/** Which language the page speaks: the link's, what was chosen here before, or what the browser prefers. */

import { effect } from "@preact/signals";

import type { Page } from "./page.ts";
import { direction, isLanguage, language, preferredLanguage, speak, type Language } from "./say.ts";

/** Before anything is shown. The document is marked, so that it is read out and laid out as it should be. */
export async function beginToSpeak({ address, memory }: Pick<Page, "address" | "memory">): Promise<void> {
  const wanted = [address.language, memory.language].find(isLanguage);
  await speak(wanted ?? preferredLanguage(), { byChoice: wanted !== undefined });
  effect(() => {
    document.documentElement.lang = language.value;
    document.documentElement.dir = direction.value;
  });
}

export async function choose({ memory }: Pick<Page, "memory">, wanted: Language): Promise<void> {
  memory.language = wanted;
  await speak(wanted, { byChoice: true });
}
