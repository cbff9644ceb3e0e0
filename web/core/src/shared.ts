/** What apps and pages hold in their hands: a State, and parts of it. */

import type { Denied } from "./errors.ts";
import type { StateId } from "./ids.ts";
import { OrderedList } from "./list.ts";
import type { Change, Status } from "./mesh.ts";
import type { Fate } from "./outbox.ts";
import type { ReplicaAccess } from "./replica.ts";
import { DELETED, type Value } from "./state.ts";
import { UndoHistory, type UndoOptions } from "./undo.ts";
import { checkKey, type Json } from "./values.ts";
import { received, type WaitOptions } from "./wait.ts";

/** What is listened to: one key, or what begins with a prefix. Without either, everything. */
export interface ListenOptions {
  readonly key?: string;
  readonly prefix?: string;
}

/** Collects the writes of one transaction. */
export interface Transaction<S extends object = Record<string, Json>> {
  set<K extends keyof S & string>(key: K, value: S[K]): void;
  delete(key: keyof S & string): void;
}

/** Of a typed State, what is below a path; of an untyped one, JSON again. */
export type Below<S extends object, P extends string> = string extends keyof S
  ? S
  : { [K in keyof S as K extends `${P}/${infer Rest}` ? Rest : never]: S[K] };

/** Who may write, as far as that is known beforehand. */
export interface StateRights {
  /** Whether the hub would take a key, as it stands. */
  canWrite(key: string): boolean;
  /** Why nothing at all is written, if so. */
  refusal(): Denied | undefined;
}

const ANYTHING: StateRights = { canWrite: () => true, refusal: () => undefined };

/**
 * `resource.state`, `call.state`: a map of JSON values that everybody shares. Values are frozen.
 *
 * `S` says which keys there are and what they hold: `SharedState<{ question: string; [vote: `votes/${string}`]: number }>`.
 * It is what the author says, and not checked. `at` gives a part of it, with the same face.
 */
export class SharedState<S extends object = Record<string, Json>> {
  readonly #access: ReplicaAccess;
  readonly #id: StateId;
  readonly #rights: StateRights;
  readonly #path: string;

  constructor(access: ReplicaAccess, id: StateId, rights: StateRights = ANYTHING, path = "") {
    this.#access = access;
    this.#id = id;
    this.#rights = rights;
    this.#path = path;
  }

  // --- the map

  get<K extends keyof S & string>(key: K): S[K] | undefined {
    return this.#access.mesh.value(this.#id, this.#path + key) as S[K] | undefined;
  }

  has(key: keyof S & string): boolean {
    return this.get(key) !== undefined;
  }

  keys(): (keyof S & string)[] {
    const keys = this.#access.mesh.keys(this.#id);
    if (this.#path === "") return keys as (keyof S & string)[];
    const own = keys.filter((key) => key.startsWith(this.#path));
    return own.map((key) => key.slice(this.#path.length)) as (keyof S & string)[];
  }

  entries(): [keyof S & string, S[keyof S & string]][] {
    return this.keys().map((key) => [key, this.get(key) as S[keyof S & string]]);
  }

  toObject(): Partial<S> {
    return Object.fromEntries(this.entries()) as Partial<S>;
  }

  get size(): number {
    return this.keys().length;
  }

  // --- writing; raises `BadValue`, `TooLarge`, or `Denied` where the app is too old; then nothing is written

  set<K extends keyof S & string>(key: K, value: S[K]): void {
    this.transaction((writes) => writes.set(key, value));
  }

  delete(key: keyof S & string): void {
    this.transaction((writes) => writes.delete(key));
  }

  /** Write several values as one transaction; undefined deletes. */
  update(values: { readonly [K in keyof S]?: S[K] | undefined }): void {
    this.transaction((writes) => {
      for (const [key, value] of Object.entries(values) as [keyof S & string, S[keyof S & string] | undefined][]) {
        if (value === undefined) writes.delete(key);
        else writes.set(key, value);
      }
    });
  }

  /** Everything that `fn` writes is one message and one change: the hub takes all of it or nothing. */
  transaction(fn: (writes: Transaction<S>) => void): void {
    const writes = this.collect(fn);
    if (writes.size > 0) this.#write(writes);
  }

  /** For who runs it: what `fn` writes, by full key, which is not sent. */
  collect(fn: (writes: Transaction<S>) => void): Map<string, Value> {
    const writes = new Map<string, Value>();
    const { mesh } = this.#access;
    fn({
      // The mesh checks what the value is, and copies it.
      set: (key, value) => void writes.set(this.#full(key), value as Json),
      delete: (key) => void writes.set(this.#full(key), DELETED),
    });
    for (const [key, value] of writes) {
      if (value === DELETED && mesh.value(this.#id, key) === undefined) writes.delete(key);
    }
    return writes;
  }

  #write(writes: ReadonlyMap<string, Value>): void {
    const refusal = this.#rights.refusal();
    if (refusal !== undefined) throw refusal;
    this.#access.wrote(this.#access.mesh.write(new Map([[this.#id, writes]]), this.#access.now()));
  }

  #full(key: string): string {
    return checkKey(typeof key === "string" ? this.#path + key : key); // whatever the types say
  }

  // --- parts

  /** The State as seen from `path`: `state.at("shape/42").get("x")` is `state.get("shape/42/x")`. */
  at<P extends string>(path: P): SharedState<Below<S, P>> {
    return new SharedState<Below<S, P>>(this.#access, this.#id, this.#rights, `${this.#full(path)}/`);
  }

  /** An ordered list under `path`, which everybody may insert into and reorder. */
  list(path: string): OrderedList {
    return new OrderedList(new SharedState(this.#access, this.#id, this.#rights, `${this.#full(path)}/`));
  }

  /** Undo and redo of what this participant writes here from now on. */
  history(options: UndoOptions = {}): UndoHistory {
    const write = (writes: ReadonlyMap<string, Value>): void => this.#write(writes);
    return new UndoHistory(this.#access, this.#id, this.#path, write, options);
  }

  // --- changes

  /** As `listen`; and told at once, with undefined. */
  subscribe(fn: (change: Change | undefined) => void, options: ListenOptions = {}): () => void {
    const stop = this.listen(fn, options);
    fn(undefined);
    return stop;
  }

  /** Told of every change of what is asked for, once per transaction, batch or denial. Returns what ends it. */
  listen(fn: (change: Change) => void, { key, prefix = "" }: ListenOptions = {}): () => void {
    const wanted = this.#path + (key ?? prefix);
    const all = wanted === "" && key === undefined;
    return this.#access.onChange((change) => {
      if (change.state !== this.#id) return;
      if (all) {
        fn(change);
        return;
      }
      const found = [...change.keys].filter(([name]) => (key === undefined ? name.startsWith(wanted) : name === wanted));
      if (found.length === 0) return;
      const keys = new Map(found.map(([name, changed]) => [name.slice(this.#path.length), changed]));
      fn({ ...change, keys });
    });
  }

  // --- rights and delivery

  /** Whether role, access and key rules let this participant write `key` as it stands. */
  canWrite(key: keyof S & string): boolean {
    return this.#rights.canWrite(this.#full(key));
  }

  /** Of the whole State, whatever the path. */
  get status(): Status {
    return this.#access.mesh.status(this.#id);
  }

  /** What became of one's own last write of a key; undefined where there was none lately. */
  statusOf(key: keyof S & string): Fate | undefined {
    return this.#access.mesh.statusOf(this.#id, this.#path + key);
  }

  /**
   * Resolves when the hub has taken everything written here until now: others see it.
   *
   * Rejects with `Denied` if any of it was, and with `TimedOut`.
   */
  async accepted(options: WaitOptions = {}): Promise<void> {
    const receipt = this.#access.mesh.receipt(this.#id);
    await received(this.#access, receipt, () => receipt.accepted, options);
  }

  /** Resolves when everything written here until now is on the hub's disk. Rejects as `accepted`. */
  async saved(options: WaitOptions = {}): Promise<void> {
    const receipt = this.#access.mesh.receipt(this.#id);
    await received(this.#access, receipt, () => receipt.done, options);
  }
}
