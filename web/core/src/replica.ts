/** A mesh and those who follow it: the part of a client that the page and an app's frame have alike. */

import type { CallmeshError } from "./errors.ts";
import { Listeners } from "./listeners.ts";
import { Mesh, type Change } from "./mesh.ts";
import type { Batch, Denial, Message, Saved } from "./messages.ts";

/** What the hub says about the mesh. */
export type HubWord = Batch | Saved | Denial;

/** The clock and the timers that the core does not have. */
export interface Runtime {
  /** Microseconds since the epoch; only runs forward. */
  now(): number;
  /** Calls `fn` after so many milliseconds; returns what stops that. */
  after(milliseconds: number, fn: () => void): () => void;
  /** Something was written: send it soon. */
  flush(): void;
}

/** A mesh with its surroundings: what shared objects are made on. */
export interface ReplicaAccess extends Omit<Runtime, "flush"> {
  readonly mesh: Mesh;
  /** Why nothing will be sent any more; undefined while there is hope. */
  readonly ended: CallmeshError | undefined;
  /** Something was written to the mesh: tell of the changes, and send it soon. */
  wrote(changes: readonly Change[]): void;
  onChange(fn: (change: Change) => void): () => void;
  /** Told of each word of the hub, when it is in the mesh and its changes were told. */
  onWord(fn: (word: HubWord) => void): () => void;
  /** Told whenever a receipt may be done. */
  onReceipts(fn: () => void): () => void;
  /** Told whenever how a State stands, or what became of an own write, may be another. */
  onStatus(fn: () => void): () => void;
}

export class Replica implements ReplicaAccess {
  readonly mesh = new Mesh();
  readonly #runtime: Runtime;
  readonly #changes = new Listeners<Change>();
  readonly #words = new Listeners<HubWord>();
  readonly #receipts = new Listeners<undefined>();
  readonly #statuses = new Listeners<undefined>();
  #ended: CallmeshError | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get ended(): CallmeshError | undefined {
    return this.#ended;
  }

  now(): number {
    return this.#runtime.now();
  }

  after(milliseconds: number, fn: () => void): () => void {
    return this.#runtime.after(milliseconds, fn);
  }

  wrote(changes: readonly Change[]): void {
    this.#runtime.flush();
    for (const change of changes) this.#changes.tell(change);
    this.#statuses.tell(undefined);
  }

  onChange(fn: (change: Change) => void): () => void {
    return this.#changes.add(fn);
  }

  onReceipts(fn: () => void): () => void {
    return this.#receipts.add(fn);
  }

  onStatus(fn: () => void): () => void {
    return this.#statuses.add(fn);
  }

  /** Told of each word of the hub, when it is in the mesh and its changes were told. */
  onWord(fn: (word: HubWord) => void): () => void {
    return this.#words.add(fn);
  }

  /** Take a message, if it is about the mesh; tell whether it was. */
  hear(message: Message): boolean {
    switch (message.type) {
      case "batch":
        this.#heard(message, this.mesh.batch(message, this.now()));
        return true;
      case "saved":
        this.mesh.disk(message.cursor);
        this.#heard(message, []);
        return true;
      case "denied":
        this.#heard(message, this.mesh.deny(message, this.now()));
        return true;
      default:
        return false;
    }
  }

  /** Something came from other participants, or was let go of again. */
  peers(changes: readonly Change[]): void {
    for (const change of changes) this.#changes.tell(change);
    this.#statuses.tell(undefined);
  }

  /** In an app's frame: the page has lost the hub, or has it back. What is written goes to the page all the same. */
  hubAway(away: boolean): void {
    this.mesh.away = away;
    this.#statuses.tell(undefined);
  }

  /** The link broke; it may come back. */
  linkLost(): void {
    this.mesh.linkLost();
    this.#statuses.tell(undefined);
  }

  /** Nothing comes and goes any more. */
  end(reason: CallmeshError): void {
    this.#ended ??= reason;
    this.linkLost();
    this.#receipts.tell(undefined);
  }

  #heard(word: HubWord, changes: readonly Change[]): void {
    if (this.mesh.unsent > 0) this.#runtime.flush(); // the hub's word has made something go out again
    for (const change of changes) this.#changes.tell(change);
    this.#words.tell(word);
    this.#receipts.tell(undefined);
    this.#statuses.tell(undefined);
  }
}
