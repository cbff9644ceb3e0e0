/** A file that somebody offers, or left with the hub. */

import { unlessAborted, type Abort } from "./abort.ts";
import { BadValue, Closed, Declined, type CallmeshError } from "./errors.ts";
import type { Taker } from "./fileio.ts";
import type { Incoming } from "./files.ts";
import type { ParticipantId, PersonId } from "./ids.ts";
import { Listeners } from "./listeners.ts";
import { checkFunction } from "./options.ts";

/** A file that somebody offers. Take it with `blob()`, or `refuse` it. */
export class FileOffer {
  /** Until when the hub keeps it, microseconds since the epoch; 0 where its sender has it. */
  readonly keptUntil: number;
  readonly #incoming: Incoming;
  readonly #files: FilesSide;
  readonly #progress = new Listeners<number>();

  /** For who runs it. */
  constructor(incoming: Incoming, files: FilesSide, keptUntil = 0) {
    this.#incoming = incoming;
    this.#files = files;
    this.keptUntil = keptUntil;
  }

  /** A plain name, safe in any folder. */
  get name(): string {
    return this.#incoming.offer.name;
  }

  /** Bytes. */
  get size(): number {
    return this.#incoming.offer.size;
  }

  /** A media type as the sender says it; it may be anything. */
  get type(): string {
    return this.#incoming.offer.type;
  }

  /** The participant; of a file that the hub keeps, they may be gone. */
  get sender(): ParticipantId {
    return this.#incoming.peer;
  }

  /** Who that is. */
  get person(): PersonId {
    return this.#incoming.person;
  }

  /** Bytes that have come. */
  get received(): number {
    return this.#incoming.at;
  }

  /** Whether it has come, or will not any more. */
  get over(): boolean {
    return this.#incoming.over;
  }

  /** Told how many bytes have come, and at once. Returns what ends it. */
  onProgress(fn: (received: number) => void): () => void {
    checkFunction(fn, "onProgress(fn)");
    const stop = this.#progress.add(fn);
    fn(this.received);
    return stop;
  }

  /**
   * Take it. The blob has no type: whoever shows it should decide as what.
   *
   * Rejects with `Broken` where the hash is wrong, `EndedByPeer`, or the signal's reason, which stops it.
   */
  async blob({ signal }: { readonly signal?: Abort } = {}): Promise<Blob> {
    if (this.#incoming.why !== undefined) throw this.#incoming.why;
    if (this.#incoming.stage !== "offered") throw new BadValue(`${this.name} was answered already`);
    const taken = new Promise<Blob>((resolve, reject) => {
      this.#files.take(this.#incoming, { resolve, reject, moved: () => this.#progress.tell(this.received) });
    });
    try {
      return await unlessAborted(taken, signal);
    } finally {
      if (!this.over) this.#files.close(this.#incoming, new Closed("it was given up"));
    }
  }

  /** Do not take it; its sender gets `Declined` with these words. */
  refuse(why = "not wanted"): void {
    if (!this.over) this.#files.close(this.#incoming, new Declined(why));
  }
}

/** Where it comes from. */
export interface FilesSide {
  take(incoming: Incoming, taker: Taker): void;
  close(incoming: Incoming, why: CallmeshError | undefined): void;
}
