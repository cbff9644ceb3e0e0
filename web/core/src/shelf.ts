/** What of a stream waits to be read by one who iterates. */

import type { CallmeshError } from "./errors.ts";
import type { ParticipantId } from "./ids.ts";
import type { Mode } from "./messages.ts";
import { Queue } from "./queue.ts";
import { HEAD, type StreamMessage } from "./stream.ts";

/** Mode `latest`: messages that may wait for the app to read them. */
export const INBOX = 1024;
/** Bytes of them. In mode `reliable` no more is acknowledged until some of it was read. */
export const INBOX_BYTES = 8 * 1024 * 1024;

/** A message; or that a sender read apart has ended, or that something was lost, which is to be thrown. */
export type Item =
  | { readonly kind: "message"; readonly message: StreamMessage; readonly size: number }
  | { readonly kind: "end"; readonly why: CallmeshError | undefined; readonly size: number };

export class Shelf {
  readonly #mode: Mode;
  #all = new Queue<Item>();
  readonly #apart = new Map<ParticipantId, Queue<Item>>();
  #size = 0;
  #dropped = 0;

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  get length(): number {
    return this.#all.length;
  }

  /** Mode `latest`: messages the reader was too slow for. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether senders are to wait until some of it was read. */
  get holds(): boolean {
    return this.#mode === "reliable" && this.#size > INBOX_BYTES;
  }

  put(message: StreamMessage, bytes: number): void {
    const size = bytes + HEAD;
    const queue = this.#apart.get(message.sender) ?? this.#all;
    queue.push({ kind: "message", message, size });
    this.#size += size;
    if (this.#mode === "reliable") return;
    while (queue.length > INBOX || (this.#size > INBOX_BYTES && queue.length > 1)) {
      this.#size -= queue.shift()?.size ?? 0;
      this.#dropped++;
    }
  }

  /** A sender has ended it: who reads that one apart sees it; what was lost is for every reader. */
  end(sender: ParticipantId, why: CallmeshError | undefined, everybody: boolean): void {
    const queue = this.#apart.get(sender) ?? (everybody ? this.#all : undefined);
    if (queue === undefined) return;
    queue.push({ kind: "end", why, size: HEAD });
    this.#size += HEAD;
  }

  take(sender?: ParticipantId): Item | undefined {
    const queue = sender === undefined ? this.#all : this.#apart.get(sender);
    const item = queue?.shift();
    this.#size -= item?.size ?? 0;
    return item;
  }

  /** What comes of a sender is for readers of it alone; also what waits. */
  readApart(sender: ParticipantId): void {
    if (this.#apart.has(sender)) return;
    const own = new Queue<Item>();
    const rest = new Queue<Item>();
    for (const item of this.#all) {
      const isOwn = item.kind === "message" && item.message.sender === sender;
      (isOwn ? own : rest).push(item);
    }
    this.#all = rest;
    this.#apart.set(sender, own);
  }

  /** Nobody reads it apart any more. */
  readTogether(sender: ParticipantId): void {
    const own = this.#apart.get(sender);
    this.#apart.delete(sender);
    for (const item of own ?? []) this.#all.push(item);
  }
}
