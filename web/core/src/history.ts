/**
 * History: undo and redo of one's own transactions, which never overwrite others' later work.
 *
 * What somebody else writes is no longer one's own, and leaves every step: of a step the rest is
 * undone. Without I/O, and it knows nothing of the mesh: whoever owns it feeds it, and writes what
 * `undo` and `redo` say.
 */

import { packedSize, textSize } from "./msgpack.ts";
import { DELETED, type Value } from "./state.ts";
import { same, type Json } from "./values.ts";

/** Bytes of keys and values that a history keeps. */
export const MAX_HISTORY = 4 * 1024 * 1024;

/** What one transaction did to one key; undefined where there is no value. A `Changed` is one. */
export interface Edit {
  readonly old: Json | undefined;
  readonly new: Json | undefined;
}

export interface HistoryOptions {
  /** How many steps are kept. */
  readonly limit?: number;
  /** Microseconds within which transactions on the same keys become one step; 0 for never. */
  readonly merge?: number;
}

const NOTHING: ReadonlyMap<string, Value> = new Map<string, Value>();

/** What one undo takes back: a transaction, or several that became one. */
class Step {
  readonly edits: Map<string, Edit>;
  /** Of its last transaction. */
  readonly time: number;
  size = 0;

  constructor(edits: Iterable<readonly [string, Edit]>, time: number) {
    this.edits = new Map(edits);
    this.time = time;
    for (const [key, edit] of this.edits) this.size += sizeOf(key, edit);
  }

  /** Whether it leaves anything otherwise than it was. */
  get changes(): boolean {
    return [...this.edits.values()].some(changes);
  }

  lose(keys: ReadonlySet<string>): void {
    for (const [key, edit] of this.edits) {
      if (!keys.has(key)) continue;
      this.edits.delete(key);
      this.size -= sizeOf(key, edit);
    }
  }

  /** What to write to undo it; what it did not change is left alone. */
  back(): Map<string, Value> {
    return this.#writes((edit) => edit.old);
  }

  /** What to write to redo it. */
  forth(): Map<string, Value> {
    return this.#writes((edit) => edit.new);
  }

  #writes(side: (edit: Edit) => Json | undefined): Map<string, Value> {
    const changed = [...this.edits].filter(([, edit]) => changes(edit));
    return new Map(changed.map(([key, edit]) => [key, writeOf(side(edit))]));
  }
}

export class History {
  readonly #limit: number;
  readonly #merge: number;
  /** Both oldest first, and in both every step changes something. */
  #done: Step[] = [];
  #undone: Step[] = [];
  /** The latest transaction's step, while the next may become one with it. */
  #last: Step | undefined;

  constructor({ limit = 100, merge = 500_000 }: HistoryOptions = {}) {
    this.#limit = limit;
    this.#merge = merge;
  }

  get canUndo(): boolean {
    return this.#done.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  /**
   * An own transaction; what was undone before can no longer be redone.
   *
   * `now` is in microseconds. Transactions on exactly the same keys, each within `merge` of the one
   * before it, are one step: a drag is one undo.
   */
  wrote(keys: ReadonlyMap<string, Edit>, now: number): void {
    let step = new Step(keys, now);
    if (this.#last !== undefined && this.#isOne(this.#last, step)) {
      step = joined(this.#last, step);
      if (this.#done.at(-1) === this.#last) this.#done.pop(); // else it was not kept, as it changed nothing
    } else if (!step.changes) {
      return;
    }
    this.#last = step;
    this.#undone = [];
    if (!step.changes) return;
    this.#done.push(step);
    this.#trim();
  }

  /** Somebody else wrote these keys, or one's own write of them was denied. */
  lost(keys: Iterable<string>): void {
    const lost = new Set(keys);
    if (this.#last !== undefined && [...this.#last.edits.keys()].some((key) => lost.has(key))) this.#last = undefined;
    for (const step of [...this.#done, ...this.#undone]) step.lose(lost);
    this.#done = this.#done.filter((step) => step.changes);
    this.#undone = this.#undone.filter((step) => step.changes);
  }

  /**
   * Values to write as one transaction, `DELETED` for none; empty if there is no step left.
   *
   * That transaction is not for `wrote`.
   */
  undo(): ReadonlyMap<string, Value> {
    return this.#move(this.#done, this.#undone)?.back() ?? NOTHING;
  }

  /** As `undo`, for what was undone last. */
  redo(): ReadonlyMap<string, Value> {
    return this.#move(this.#undone, this.#done)?.forth() ?? NOTHING;
  }

  clear(): void {
    this.#done = [];
    this.#undone = [];
    this.#last = undefined;
  }

  #isOne(last: Step, step: Step): boolean {
    const soon = this.#merge > 0 && step.time - last.time <= this.#merge;
    return soon && step.edits.size === last.edits.size && [...step.edits.keys()].every((key) => last.edits.has(key));
  }

  #trim(): void {
    let size = this.#done.reduce((sum, step) => sum + step.size, 0);
    while (this.#done.length > this.#limit || size > MAX_HISTORY) size -= this.#done.shift()?.size ?? size;
  }

  #move(stack: Step[], other: Step[]): Step | undefined {
    this.#last = undefined; // nothing becomes one with what was undone or redone
    const step = stack.pop();
    if (step !== undefined) other.push(step);
    return step;
  }
}

function joined(first: Step, second: Step): Step {
  const edits = [...second.edits].map(([key, edit]) => {
    return [key, { old: first.edits.get(key)?.old, new: edit.new }] as const;
  });
  return new Step(edits, second.time);
}

function changes(edit: Edit): boolean {
  return !same(edit.old, edit.new);
}

function writeOf(value: Json | undefined): Value {
  return value === undefined ? DELETED : value;
}

function sizeOf(key: string, edit: Edit): number {
  const values = [edit.old, edit.new].filter((value) => value !== undefined);
  return values.reduce<number>((sum, value) => sum + packedSize(value), textSize(key));
}
