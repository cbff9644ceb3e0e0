/** What apps and pages hold in their hands: a State, and presence. */

import { unlessAborted, type Abort } from "./datastream.ts";
import { TimedOut } from "./errors.ts";
import type { ParticipantId, StateId } from "./ids.ts";
import type { Change, Status } from "./mesh.ts";
import type { Receipt } from "./receipt.ts";
import type { Access } from "./replica.ts";
import { DELETED, type Value } from "./state.ts";
import { checkKey, type Json } from "./values.ts";

/** Milliseconds that `saved` waits unless told otherwise. */
export const SAVED_TIMEOUT = 10_000;

export interface WaitOptions {
  readonly signal?: Abort;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Collects the writes of one transaction. */
export interface Transaction {
  set(key: string, value: unknown): void;
  delete(key: string): void;
}

/** `resource.state`, `call.state`: a map of JSON values that everybody shares. Values are frozen. */
export class SharedState {
  readonly #access: Access;
  readonly #id: StateId;

  constructor(access: Access, id: StateId) {
    this.#access = access;
    this.#id = id;
  }

  get(key: string): Json | undefined {
    return this.#access.mesh.value(this.#id, key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  keys(): string[] {
    return this.#access.mesh.keys(this.#id);
  }

  entries(): [string, Json][] {
    return this.keys().map((key) => [key, this.get(key) as Json]);
  }

  toObject(): Record<string, Json> {
    return Object.fromEntries(this.entries());
  }

  get size(): number {
    return this.keys().length;
  }

  /** Raises `BadValue` or `TooLarge`; then nothing is written. */
  set(key: string, value: unknown): void {
    this.transaction((writes) => writes.set(key, value));
  }

  delete(key: string): void {
    this.transaction((writes) => writes.delete(key));
  }

  /** Write several values as one transaction; undefined deletes. */
  update(values: Readonly<Record<string, unknown>>): void {
    this.transaction((writes) => {
      for (const [key, value] of Object.entries(values)) {
        if (value === undefined) writes.delete(key);
        else writes.set(key, value);
      }
    });
  }

  /** Everything that `fn` writes is one message and one change. */
  transaction(fn: (writes: Transaction) => void): void {
    const writes = new Map<string, Value>();
    fn({
      // The mesh checks what the value is, and copies it.
      set: (key, value) => void writes.set(checkKey(key), value as Json),
      delete: (key) => void writes.set(key, DELETED),
    });
    for (const [key, value] of writes) if (value === DELETED && !this.has(key)) writes.delete(key);
    if (writes.size === 0) return;
    this.#access.wrote(this.#access.mesh.write(new Map([[this.#id, writes]]), this.#access.now()));
  }

  /** Told of every change; at once with undefined. Returns what ends it. */
  subscribe(fn: (change: Change | undefined) => void): () => void {
    const stop = this.#access.onChange((change) => {
      if (change.state === this.#id) fn(change);
    });
    fn(undefined);
    return stop;
  }

  /**
   * Resolves when everything written here until now is on the hub's disk.
   *
   * Rejects with `Denied` if any of it was, and with `TimedOut`.
   */
  async saved({ signal, timeout = SAVED_TIMEOUT }: WaitOptions = {}): Promise<void> {
    const receipt = this.#access.mesh.receipt(this.#id);
    await finished(this.#access, receipt, { timeout, ...(signal && { signal }) });
  }

  get status(): Status {
    return this.#access.mesh.status(this.#id);
  }
}

/** Waits until a receipt is done. Rejects with `Denied`, `TimedOut`, or why the access has ended. */
export async function finished(
  access: Access,
  receipt: Receipt,
  { signal, timeout = SAVED_TIMEOUT }: WaitOptions,
): Promise<void> {
  const stops: (() => void)[] = [];
  const done = new Promise<void>((resolve, reject) => {
    const look = (): void => {
      if (receipt.done) resolve();
      else if (access.ended !== undefined) reject(access.ended);
    };
    stops.push(access.onReceipts(look));
    stops.push(access.after(timeout, () => reject(new TimedOut("not saved yet; it is sent until it is"))));
    look();
  });
  try {
    await unlessAborted(done, signal);
  } finally {
    for (const stop of stops) stop();
  }
  const [denied] = receipt.denied;
  if (denied !== undefined) throw denied;
}

/** `resource.presence`: what each participant is doing now. One writes only one's own. */
export class SharedPresence {
  readonly #state: SharedState;
  readonly #me: () => ParticipantId;

  constructor(access: Access, id: StateId, me: () => ParticipantId) {
    this.#state = new SharedState(access, id);
    this.#me = me;
  }

  set(key: string, value: unknown): void {
    this.#state.set(`${this.#me()}/${key}`, value);
  }

  delete(key: string): void {
    this.#state.delete(`${this.#me()}/${key}`);
  }

  /** What oneself has set. */
  get(key: string): Json | undefined {
    return this.#state.get(`${this.#me()}/${key}`);
  }

  of(participant: ParticipantId): Record<string, Json> {
    return this.all().get(participant) ?? {};
  }

  all(): Map<ParticipantId, Record<string, Json>> {
    const all = new Map<ParticipantId, Record<string, Json>>();
    for (const [place, value] of this.#state.entries()) {
      const slash = place.indexOf("/");
      if (slash < 0) continue;
      const id = place.slice(0, slash) as ParticipantId;
      const own = all.get(id) ?? {};
      own[place.slice(slash + 1)] = value;
      all.set(id, own);
    }
    return all;
  }

  /** Told of every change; at once with undefined. Returns what ends it. */
  subscribe(fn: (change: Change | undefined) => void): () => void {
    return this.#state.subscribe(fn);
  }
}
