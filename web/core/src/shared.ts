/** What apps and pages hold in their hands: a State, and parts of it. */

import { BadInput, BadValue, Closed, type Denied } from "./errors.ts";
import { FateWatch } from "./fates.ts";
import type { StateId } from "./ids.ts";
import { OrderedList } from "./list.ts";
import type { Change, Status } from "./mesh.ts";
import type { Fate } from "./outbox.ts";
import { checkFunction, checkOptions, checkText } from "./options.ts";
import type { ReplicaAccess } from "./replica.ts";
import { DELETED, type Value } from "./state.ts";
import { UndoHistory, type UndoOptions } from "./undo.ts";
import { checkKey, frozen, type Json } from "./values.ts";
import { received, type WaitOptions } from "./wait.ts";

/** What is listened to: one key, or what begins with a prefix. Without either, everything. */
export interface ListenOptions {
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
}

/** Collects the writes of one transaction, while it lasts. What it has written already is seen by `get` and `has`. */
export interface Transaction<S extends object = Record<string, Json>> {
  get<K extends keyof S & string>(key: K): S[K] | undefined;
  has(key: keyof S & string): boolean;
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
  /** Whether it would take any. */
  isOpen(): boolean;
  /** Why nothing at all is written, if so. */
  refusal(): Denied | undefined;
}

/** The transaction under way, which a State and its parts have in common: by full key. */
interface Open {
  writes?: Map<string, Value> | undefined;
}

const ANYTHING: StateRights = { canWrite: () => true, isOpen: () => true, refusal: () => undefined };

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
  readonly #open: Open;

  constructor(access: ReplicaAccess, id: StateId, rights: StateRights = ANYTHING, path = "", open: Open = {}) {
    this.#access = access;
    this.#id = id;
    this.#rights = rights;
    this.#path = path;
    this.#open = open;
  }

  // --- the map

  get<K extends keyof S & string>(key: K): S[K] | undefined {
    return this.#value(this.#path + key) as S[K] | undefined;
  }

  has(key: keyof S & string): boolean {
    return this.get(key) !== undefined;
  }

  keys(): (keyof S & string)[] {
    const keys = this.#keys();
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

  /** The keys that hold what cannot be read, and why; they read as not there. */
  get unreadable(): ReadonlyMap<string, string> {
    const all = [...this.#access.mesh.setAside.of(this.#id)].filter(([key]) => key.startsWith(this.#path));
    return new Map(all.map(([key, why]) => [key.slice(this.#path.length), why]));
  }

  #value(key: string): Json | undefined {
    const written = this.#open.writes?.get(key);
    if (written !== undefined) return written === DELETED ? undefined : written;
    return this.#access.mesh.value(this.#id, key);
  }

  #keys(): string[] {
    const keys = this.#access.mesh.keys(this.#id);
    const { writes } = this.#open;
    if (writes === undefined) return keys;
    const live = [...writes].filter(([, value]) => value !== DELETED);
    return [...keys.filter((key) => !writes.has(key)), ...live.map(([key]) => key)];
  }

  // --- writing; raises `BadValue`, `TooLarge`, or `Denied` where the app is too old; then nothing is written

  set<K extends keyof S & string>(key: K, value: S[K]): void {
    this.#write([[this.#full(key), value as Json]]);
  }

  delete(key: keyof S & string): void {
    this.#write([[this.#full(key), DELETED]]);
  }

  /** Write several values as one transaction; undefined deletes. */
  update(values: { readonly [K in keyof S]?: S[K] | undefined }): void {
    const writes = Object.entries(values) as [string, Json | undefined][];
    this.#write(writes.map(([key, value]) => [this.#full(key), value === undefined ? DELETED : value] as const));
  }

  /**
   * Everything that `fn` writes is one message and one change: the hub takes all of it or nothing. That is
   * also what it writes to this State, or a part of it, in any other way. If `fn` throws, nothing is written.
   *
   * It is over when `fn` returns. Raises `BadValue` where `fn` is asynchronous, as what comes later would be lost.
   */
  transaction(fn: (writes: Transaction<S>) => void): void {
    const around = this.#open.writes !== undefined;
    const writes = this.collect(fn);
    if (!around) this.#write(writes);
  }

  /**
   * For who runs it: what `fn` writes, by full key, which is not sent. Within a transaction it is part of
   * that one.
   */
  collect(fn: (writes: Transaction<S>) => unknown): Map<string, Value> {
    const around = this.#open.writes;
    const writes = (this.#open.writes = around ?? new Map<string, Value>());
    let over = false;
    const open = (): this => {
      if (over) throw new Closed("this transaction is over: it ended when its function returned");
      return this;
    };
    try {
      const returned = fn({
        get: (key) => open().get(key),
        has: (key) => open().has(key),
        set: (key, value) => open().set(key, value),
        delete: (key) => open().delete(key),
      });
      if (isPromise(returned)) throw new BadValue("a transaction is over when its function returns: it cannot be async");
      return around ?? this.#effective(writes);
    } finally {
      over = true;
      this.#open.writes = around;
    }
  }

  #write(changes: Iterable<readonly [string, Value]>): void {
    const { writes: open } = this.#open;
    if (open !== undefined) {
      // As it is now: who wrote it may go on with it.
      for (const [key, value] of changes) open.set(key, value === DELETED ? DELETED : frozen(value));
      return;
    }
    const writes = this.#effective(changes);
    if (writes.size === 0) return;
    const refusal = this.#rights.refusal();
    if (refusal !== undefined) throw refusal;
    this.#access.wrote(this.#access.mesh.write(new Map([[this.#id, writes]]), this.#access.now()));
  }

  /** To delete what is not there changes nothing. */
  #effective(writes: Iterable<readonly [string, Value]>): Map<string, Value> {
    const { mesh } = this.#access;
    return new Map([...writes].filter(([key, value]) => value !== DELETED || mesh.value(this.#id, key) !== undefined));
  }

  #full(key: string): string {
    return checkKey(typeof key === "string" ? this.#path + key : key); // whatever the types say
  }

  // --- parts

  /** The State as seen from `path`: `state.at("shape/42").get("x")` is `state.get("shape/42/x")`. */
  at<P extends string>(path: P): SharedState<Below<S, P>> {
    return new SharedState<Below<S, P>>(this.#access, this.#id, this.#rights, `${this.#full(path)}/`, this.#open);
  }

  /** An ordered list under `path`, which everybody may insert into and reorder. */
  list(path: string): OrderedList {
    return new OrderedList(new SharedState(this.#access, this.#id, this.#rights, `${this.#full(path)}/`, this.#open));
  }

  /** Undo and redo of what this participant writes here from now on. */
  history(options: UndoOptions = {}): UndoHistory {
    const write = (writes: ReadonlyMap<string, Value>): void => {
      if (this.#open.writes !== undefined) throw new BadInput("undo and redo are transactions of their own: call them outside of one");
      this.#write(writes);
    };
    return new UndoHistory(this.#access, this.#id, this.#path, write, options, () => this.#rights.isOpen());
  }

  // --- changes

  /** As `listen`; and told at once, with undefined. */
  subscribe(fn: (change: Change | undefined) => void, options: ListenOptions = {}): () => void {
    const stop = this.#listen(fn, options, "subscribe");
    fn(undefined);
    return stop;
  }

  /** Told of every change of what is asked for, once per transaction, batch or denial. Returns what ends it. */
  listen(fn: (change: Change) => void, options: ListenOptions = {}): () => void {
    return this.#listen(fn, options, "listen");
  }

  #listen(fn: (change: Change) => void, options: ListenOptions, name: string): () => void {
    checkListening(fn, options, `${name}(fn, { key, prefix })`);
    const { key, prefix = "" } = options;
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
   * Told when `status` is another, or what became of an own write, and at once.
   *
   * `fates` has each key whose `statusOf` has changed; at first, all that is under way. Returns what ends it.
   */
  onStatus(fn: (status: Status, fates: ReadonlyMap<string, Fate>) => void): () => void {
    checkFunction(fn, "onStatus(fn)");
    const watch = new FateWatch(this.#access.mesh, this.#id, this.#path);
    const look = (): void => {
      const found = watch.look();
      if (found !== undefined) fn(found.status, found.fates);
    };
    const stop = this.#access.onStatus(look);
    look();
    return stop;
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

function checkListening(fn: unknown, options: ListenOptions, call: string): void {
  checkFunction(fn, call);
  checkOptions(options, ["key", "prefix"], call);
  checkText("key", options.key, call);
  checkText("prefix", options.prefix, call);
  if (options.key !== undefined && options.prefix !== undefined) throw new BadValue(`${call}: either key or prefix`);
}

function isPromise(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value;
}
