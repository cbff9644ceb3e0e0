/** Undo and redo in a running call: a `History`, fed by the mesh. */

import { History } from "./history.ts";
import { CALL, type StateId } from "./ids.ts";
import type { Change, Changed } from "./mesh.ts";
import type { HubWord, ReplicaAccess } from "./replica.ts";
import { RECORDS } from "./resource.ts";
import type { Value } from "./state.ts";

export interface UndoOptions {
  /** Steps that are kept. */
  readonly limit?: number;
  /** Writes to the same keys within so many milliseconds are one step. */
  readonly mergeMs?: number;
}

/** Made by `state.history()`. What somebody else has written since is never overwritten. */
export class UndoHistory {
  readonly #access: ReplicaAccess;
  readonly #state: StateId;
  readonly #path: string;
  readonly #write: (writes: ReadonlyMap<string, Value>) => void;
  /** Whether anything may be written at all. */
  readonly #isOpen: () => boolean;
  readonly #history: History;
  readonly #stops: (() => void)[];
  #moving = false;

  constructor(
    access: ReplicaAccess,
    state: StateId,
    path: string,
    write: (writes: ReadonlyMap<string, Value>) => void,
    { limit = 100, mergeMs = 500 }: UndoOptions,
    isOpen: () => boolean = () => true,
  ) {
    this.#isOpen = isOpen;
    this.#access = access;
    this.#state = state;
    this.#path = path;
    this.#write = write;
    this.#history = new History({ limit, merge: mergeMs * 1_000 });
    this.#stops = [access.onChange((change) => this.#changed(change)), access.onWord((word) => this.#heard(word))];
  }

  /** Whether there is a step to take back, and it may be written. */
  get canUndo(): boolean {
    return this.#history.canUndo && this.#isOpen();
  }

  get canRedo(): boolean {
    return this.#history.canRedo && this.#isOpen();
  }

  /** Take back the last step that is still one's own; whether there was one. Raises what writing raises. */
  undo(): boolean {
    return this.#move(this.#history.undo(), () => this.#history.redo());
  }

  /** Do again what was undone last; whether there was something. */
  redo(): boolean {
    return this.#move(this.#history.redo(), () => this.#history.undo());
  }

  /** Forget every step. */
  clear(): void {
    this.#history.clear();
  }

  /** Follow no longer. Twice is fine. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#history.clear();
  }

  #move(writes: ReadonlyMap<string, Value>, back: () => unknown): boolean {
    if (writes.size === 0) return false;
    this.#moving = true;
    try {
      this.#write(writes);
    } catch (error) {
      back();
      throw error;
    } finally {
      this.#moving = false;
    }
    return true;
  }

  #changed({ state, cause, keys }: Change): void {
    if (state !== this.#state) return;
    if (cause === "hub") {
      // A whole batch tells of no delete, and names no writer of one.
      this.#history.lost([...keys].filter(([, changed]) => changed.new === undefined).map(([key]) => key));
    }
    if (cause === "peers") {
      const { writer: me } = this.#access.mesh;
      this.#history.lost([...keys].filter(([, { writer }]) => writer !== me).map(([key]) => key));
    }
    const own = new Map([...keys].filter(([key, changed]) => key.startsWith(this.#path) && !beginsOrEnds(state, key, changed)));
    if (cause === "own" && own.size > 0 && !this.#moving) this.#history.wrote(own, this.#access.now());
  }

  /** What somebody else has written is theirs, also if it changed nothing; what was denied is nobody's. */
  #heard(word: HubWord): void {
    if (word.type === "saved") return;
    const { mesh } = this.#access;
    if (word.type === "denied") {
      // What is pending may have been stamped anew, and is tried again.
      const again = (key: string): boolean => word.reason === "clock_ahead" && mesh.statusOf(this.#state, key) === "pending";
      const own = word.places.filter(([state, key]) => state === this.#state && !again(key));
      this.#history.lost(own.map(([, key]) => key));
      return;
    }
    for (const { state, entries } of word.groups) {
      if (state !== this.#state) continue;
      this.#history.lost(entries.filter(({ writer }) => writer !== mesh.writer).map(({ key }) => key));
    }
  }
}

/** Whether it adds or removes a resource: what was removed does not come back (R11). */
function beginsOrEnds(state: StateId, key: string, changed: Changed): boolean {
  return state === CALL && key.startsWith(RECORDS) && (changed.old === undefined || changed.new === undefined);
}
