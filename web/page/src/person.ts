/** How a participant without a picture is drawn: initials on a colour that stays theirs. */

/** One or two letters, or digits: of the first and the last word. */
export function initials(name: string): string {
  const words = name.split(/[\s_.-]+/u).filter((word) => word !== "");
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends
    .map((word = "") => (/[\p{L}\p{N}]/u.exec(word) ?? /^./u.exec(word))?.[0] ?? "")
    .join("")
    .toLocaleUpperCase();
}

/** A hue from 0 to 359, the same for the same text everywhere. */
export function hue(text: string): number {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return Math.floor(((hash * 0.618_033_988) % 1) * 360); // neighbours land far apart
}
