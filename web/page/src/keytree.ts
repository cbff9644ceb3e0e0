/** The keys of a State as a tree, by the segments of their paths; and numbers as an inspector shows them. */

import type { KeyRow } from "./inspection.ts";
import { locale } from "./say.ts";

export interface KeyTree {
  /** The last segment, or several where nothing else begins with them. */
  readonly name: string;
  readonly path: string;
  /** What the key itself holds, where it is one. */
  readonly row: KeyRow | undefined;
  readonly below: readonly KeyTree[];
  /** How many keys there are below. */
  readonly count: number;
}

/** `rows` in the order of their keys. */
export function keyTree(rows: readonly KeyRow[], from = ""): KeyTree[] {
  const groups = new Map<string, KeyRow[]>();
  for (const row of rows) {
    const [segment = ""] = row.key.slice(from.length).split("/");
    const group = groups.get(segment);
    if (group === undefined) groups.set(segment, [row]);
    else group.push(row);
  }
  return [...groups].map(([segment, group]) => branch(segment, from + segment, group, from));
}

function branch(name: string, path: string, group: readonly KeyRow[], from: string): KeyTree {
  const [first] = group;
  if (first !== undefined && group.length === 1) {
    return { name: first.key.slice(from.length), path: first.key, row: first, below: [], count: 0 }; // alone: no folder for it
  }
  const row = group.find(({ key }) => key === path);
  const rest = group.filter((other) => other !== row);
  return { name, path, row, below: keyTree(rest, `${path}/`), count: rest.length };
}

/** 812 B, 1.2 kB, 16 MB. */
export function sizeWords(bytes: number): string {
  for (const [unit, factor] of [["MB", 1e6], ["kB", 1e3]] as const) {
    const digits = bytes >= 100 * factor ? 3 : 2;
    if (bytes >= factor) return `${inWords(bytes / factor, { minimumSignificantDigits: digits, maximumSignificantDigits: digits })} ${unit}`;
  }
  return `${inWords(bytes, { maximumFractionDigits: 0 })} B`;
}

export function perSecond(rate: number): string {
  const digits = rate > 0 && rate < 10 ? 1 : 0;
  return inWords(rate, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(share: number): string {
  return inWords(share, { style: "percent" });
}

function inWords(number: number, how: Intl.NumberFormatOptions): string {
  return number.toLocaleString(locale.value, how);
}
