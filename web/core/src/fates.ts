/** What changes in what becomes of own writes, for those who show it. */

import type { StateId } from "./ids.ts";
import type { Mesh, Status } from "./mesh.ts";
import type { Fate } from "./outbox.ts";

/** How a State stands, and each own write whose fate is another one than before, by key. */
export interface StatusChange {
  readonly status: Status;
  readonly fates: ReadonlyMap<string, Fate>;
}

/** Follows a State, or what is below a path of it; to be asked whenever something may have changed. */
export class FateWatch {
  readonly #mesh: Mesh;
  readonly #state: StateId;
  readonly #path: string;
  #status: Status | undefined;
  /** Of what is under way; what is saved or denied is told once, and let go. */
  readonly #fates = new Map<string, Fate>();

  constructor(mesh: Mesh, state: StateId, path: string) {
    this.#mesh = mesh;
    this.#state = state;
    this.#path = path;
  }

  /** What is another since it was asked last; the first time, how everything stands. */
  look(): StatusChange | undefined {
    const status = this.#mesh.status(this.#state);
    const fates = new Map<string, Fate>();
    for (const key of new Set([...this.#fates.keys(), ...this.#mesh.underWay(this.#state)])) {
      const fate = key.startsWith(this.#path) ? this.#mesh.statusOf(this.#state, key) : undefined;
      if (fate !== undefined && fate !== this.#fates.get(key)) fates.set(key.slice(this.#path.length), fate);
      if (fate === "pending" || fate === "accepted") this.#fates.set(key, fate);
      else this.#fates.delete(key);
    }
    if (status === this.#status && fates.size === 0) return undefined;
    this.#status = status;
    return { status, fates };
  }
}
