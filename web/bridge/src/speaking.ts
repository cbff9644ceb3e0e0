/** The words of an app in the languages that it has (A26). */

/** Languages that are written from the right. */
const FROM_RIGHT = /^(ar|dv|fa|he|ps|sd|ug|ur|yi)\b/u;

/** Of the languages that an app has, that of a reader of `locale`: of `de-CH` that, else `de`; else the first. */
export function languageFor(locale: string, has: readonly string[]): string {
  for (let tag = locale; tag !== ""; tag = tag.replace(/-?[^-]*$/u, "")) if (has.includes(tag)) return tag;
  return has[0] ?? "en";
}

/** Into the page of the frame: `data-say="close title:close-all"` has its text, and its title, from the words of these names. */
export function sayIn({ documentElement: root }: Document, language: string, words: Readonly<Record<string, unknown>>): void {
  root.lang = language;
  root.dir = FROM_RIGHT.test(language) ? "rtl" : "ltr";
  for (const element of root.querySelectorAll<HTMLElement>("[data-say]")) {
    for (const one of element.dataset["say"]?.split(" ") ?? []) {
      const [id = "", attribute] = one.split(":").reverse();
      const text = words[id];
      if (typeof text !== "string") continue; // it keeps what it says
      if (attribute === undefined) element.textContent = text;
      else element.setAttribute(attribute, text);
    }
  }
}
