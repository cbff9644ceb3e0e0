/** What of the SDK an app loads only where its manifest asks for it (A23). */

import { Broken } from "@callmesh/core";

import type * as files from "./frameFiles.ts";
import type * as streams from "./frameStreams.ts";

interface Modules {
  readonly streams: typeof streams;
  readonly files: typeof files;
}

export type Part = keyof Modules;
export type Loads = { readonly [P in Part]: () => Promise<Modules[P]> };

/** By the capability that asks for it. */
export const LOADS: Loads = {
  streams: () => import("./frameStreams.ts"),
  files: () => import("./frameFiles.ts"),
};

export class Parts {
  readonly #loads: Loads;
  readonly #there: Partial<Modules> = {};
  readonly #coming = new Map<Part, Promise<void>>();

  constructor(loads: Loads) {
    this.#loads = loads;
  }

  /** Resolves when it is there, or did not come. */
  load(part: Part): Promise<void> {
    const coming = this.#coming.get(part) ?? this.#load(part);
    this.#coming.set(part, coming);
    return coming;
  }

  async #load(part: Part): Promise<void> {
    try {
      Object.assign(this.#there, { [part]: await this.#loads[part]() });
    } catch {
      this.#coming.delete(part);
    }
  }

  /** Raises `Broken` while it is not there; then it is asked for anew. */
  get<P extends Part>(part: P): Modules[P] {
    const there: Modules[P] | undefined = this.#there[part];
    if (there !== undefined) return there;
    void this.load(part);
    throw new Broken(`the SDK's part for ${part} did not come from the hub, and is asked for again: try in a moment, or reload the app (A23)`);
  }
}
