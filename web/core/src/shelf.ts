/** What of a stream waits to be read by one who iterates. */

import { Broken, type CallmeshError } from "./errors.ts";
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

/** What waits for the readers of all senders, or for those of one that is read apart. */
class Row {
  readonly items = new Queue<Item>();
  size = 0;
  readers = 1;
  #endCameLast = false;

  get isOver(): boolean {
    return this.size > INBOX_BYTES;
  }

  /** Whether the last that waits is an end: another one would say nothing more. */
  get ends(): boolean {
    return this.items.length > 0 && this.#endCameLast;
  }

  put(item: Item): void {
    this.#endCameLast = isEnd(item);
    this.items.push(item);
    this.size += item.size;
  }

  drop(): Item | undefined {
    const item = this.items.shift();
    this.size -= item?.size ?? 0;
    return item;
  }

  /** The next; that a sender has ended is for each of its readers. */
  take(): Item | undefined {
    const { head } = this.items;
    return head !== undefined && this.readers > 1 && isEnd(head) ? head : this.drop();
  }
}

export class Shelf {
  readonly #mode: Mode;
  #all = new Row();
  readonly #apart = new Map<ParticipantId, Row>();
  #dropped = 0;

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  get length(): number {
    return this.#all.items.length;
  }

  /** Mode `latest`: messages the reader was too slow for. */
  get dropped(): number {
    return this.#dropped;
  }

  isApart(sender: ParticipantId): boolean {
    return this.#apart.has(sender);
  }

  /** Whether senders are to wait: the one that is read apart, or all others. */
  isOver(sender?: ParticipantId): boolean {
    return this.#mode === "reliable" && this.#row(sender)?.isOver === true;
  }

  #row(sender: ParticipantId | undefined): Row | undefined {
    return sender === undefined ? this.#all : this.#apart.get(sender);
  }

  put(message: StreamMessage, bytes: number): void {
    const row = this.#apart.get(message.sender) ?? this.#all;
    row.put({ kind: "message", message, size: bytes + HEAD });
    if (this.#mode === "reliable") return;
    while (row.items.length > INBOX || (row.isOver && row.items.length > 1)) {
      row.drop();
      this.#dropped++;
    }
  }

  /** A sender has ended it: who reads that one apart sees it; what was lost is for every reader. */
  end(sender: ParticipantId, why: CallmeshError | undefined, everybody: boolean): void {
    const row = this.#apart.get(sender) ?? (everybody ? this.#all : undefined);
    if (row?.ends === true && !everybody) return;
    row?.put({ kind: "end", why, size: HEAD });
  }

  take(sender?: ParticipantId): Item | undefined {
    return this.#row(sender)?.take();
  }

  /** What comes of a sender is for readers of it alone, one more of them; also what waits. Tells whether it is the first. */
  readApart(sender: ParticipantId): boolean {
    const known = this.#apart.get(sender);
    if (known !== undefined) {
      known.readers++;
      return false;
    }
    const own = new Row();
    const rest = new Row();
    for (const item of this.#all.items) (senderOf(item) === sender ? own : rest).put(item);
    this.#all = rest;
    this.#apart.set(sender, own);
    return true;
  }

  /** One reads it apart no more. What the last of them leaves is for all readers; tells whether it was the last. */
  readTogether(sender: ParticipantId): boolean {
    const own = this.#apart.get(sender);
    if (own === undefined || --own.readers > 0) return false;
    this.#apart.delete(sender);
    for (const item of own.items) if (!isEnd(item)) this.#all.put(item);
    return true;
  }
}

/** Whether it says that there is no more, not that something is missing. */
function isEnd(item: Item): boolean {
  return item.kind === "end" && !(item.why instanceof Broken);
}

function senderOf(item: Item): string | undefined {
  if (item.kind === "message") return item.message.sender;
  return item.why instanceof Broken ? item.why.sender : undefined;
}
