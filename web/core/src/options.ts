/** What authors without a type checker hand over by mistake is refused where they do it. */

import { BadValue } from "./errors.ts";
import type { StreamOptions } from "./datastream.ts";
import type { Mode } from "./messages.ts";

/** Messages that a stream keeps for newcomers, at most. */
export const MAX_KEEP = 1_000;
const MODES: readonly Mode[] = ["reliable", "latest"];

/** Raises `BadValue` unless `fn` is a function. `call` says how it should look. */
export function checkFunction(fn: unknown, call: string): void {
  if (typeof fn !== "function") throw new BadValue(`${call}: fn is a function, not ${typeof fn}`);
}

/** Raises `BadValue` for an option that there is not. */
export function checkOptions(options: unknown, known: readonly string[], call: string): void {
  if (typeof options !== "object" || options === null) throw new BadValue(`${call}: options are an object`);
  const strange = Object.keys(options).find((name) => !known.includes(name));
  if (strange !== undefined) throw new BadValue(`${call}: there is no option ${strange}, only ${known.join(" and ")}`);
}

/** Raises `BadValue` unless `text` is a text, or not given. */
export function checkText(name: string, text: unknown, call: string): void {
  if (text !== undefined && typeof text !== "string") throw new BadValue(`${call}: ${name} is a text, not ${typeof text}`);
}

/** The options of `stream(name, options)`, checked. Raises `BadValue`. */
export function streamOptions(options: StreamOptions): StreamOptions {
  checkOptions(options, ["mode", "ordered", "maxRetransmits", "keep", "codec"], "stream(name, options)");
  const { mode, keep, codec } = options;
  if (mode !== undefined && !MODES.includes(mode)) throw new BadValue(`stream(name, { mode }): mode is ${MODES.join(" or ")}`);
  if (keep !== undefined && !(Number.isInteger(keep) && keep >= 0 && keep <= MAX_KEEP)) {
    throw new BadValue(`stream(name, { keep }): keep is a number of messages from 0 to ${MAX_KEEP}`);
  }
  if (codec !== undefined && (typeof codec.encode !== "function" || typeof codec.decode !== "function")) {
    throw new BadValue("stream(name, { codec }): a codec has the functions encode and decode");
  }
  return options;
}
