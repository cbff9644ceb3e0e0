import { Icon } from "./icons.tsx";
import { choose } from "./languages.ts";
import type { Page } from "./page.ts";
import { language, LANGUAGES, say, type Language } from "./say.ts";

export function LanguageChoice({ page }: { page: Page }) {
  return (
    <label class="language">
      <Icon name="language" />
      <span class="unseen">{say("language")}</span>
      <LanguageSelect page={page} class="button small bare" />
    </label>
  );
}

/** Each language by its own name, for whoever does not read the one that the page speaks. */
export function LanguageSelect({ page, class: look }: { page: Page; class: string }) {
  return (
    <select class={look} value={language.value} onChange={({ currentTarget }) => void choose(page, currentTarget.value as Language)}>
      {Object.entries(LANGUAGES).map(([tag, name]) => (
        <option key={tag} value={tag} lang={tag}>
          {name}
        </option>
      ))}
    </select>
  );
}
