/** What was written at once: the entries of a write that have one stamp. */

import type { StateId } from "./ids.ts";
import type { Group } from "./messages.ts";
import type { Entry } from "./state.ts";

/** An entry as it came: its State, and the state version its writer speaks. */
export interface Written {
  readonly state: StateId;
  readonly entry: Entry;
  readonly version: number;
}

/** The transactions of a write: entries of one stamp. */
export function transactionsOf(groups: readonly Group[]): Written[][] {
  const found = new Map<string, Written[]>();
  for (const { state, entries, version } of groups) {
    for (const entry of entries) {
      const stamp = `${entry.time} ${entry.writer}`;
      const known = found.get(stamp);
      if (known === undefined) found.set(stamp, [{ state, entry, version }]);
      else known.push({ state, entry, version });
    }
  }
  return [...found.values()];
}
