/** What came and cannot be read, for the console: each once. */

import type { Batch } from "./messages.ts";

export class UnreadableReport {
  readonly #told = new Set<string>();

  /** A sentence for each entry of a batch that is set aside for a reason not told before (S24). */
  of({ groups }: Batch): string[] {
    const found: string[] = [];
    for (const { state, entries } of groups) {
      for (const { key, unreadable } of entries) {
        if (unreadable !== undefined) found.push(`${key} of ${state} cannot be read, and counts as not there: ${unreadable}`);
      }
    }
    const news = found.filter((sentence) => !this.#told.has(sentence));
    for (const sentence of news) this.#told.add(sentence);
    return news;
  }
}
