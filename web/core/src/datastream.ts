/** DataStream: what apps and pages send and read through. */

import { Closed, type CallmeshError } from "./errors.ts";
import type { ParticipantId } from "./ids.ts";
import { Listeners } from "./listeners.ts";
import type { Mode } from "./messages.ts";
import { Inbox, piece, type Piece, type StreamMessage } from "./stream.ts";
import type { Json } from "./values.ts";

/** An `AbortSignal`, as much of it as is needed here: the core has no DOM. */
export interface Abort {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

export interface SendOptions {
  /** The receivers; without it everybody else in the call, with an empty list nobody. */
  readonly to?: readonly ParticipantId[];
  /** Stops the waiting; the message itself is on its way. */
  readonly signal?: Abort;
}

/** Where a stream's messages go. */
export interface StreamPort {
  /** Sends a piece, whose number does not count. Resolves when there is room for the next one. */
  send(piece: Piece, to: readonly ParticipantId[] | undefined): Promise<void>;
  /** What was dropped on the way out. */
  readonly dropped: number;
  /** The stream was closed. */
  closed(): void;
}

/** One stream of a resource. Read it by iterating, or by `subscribe`: what is read once is gone. */
export class DataStream {
  readonly name: string;
  readonly mode: Mode;
  readonly #port: StreamPort;
  readonly #inbox = new Inbox();
  readonly #subscribers = new Listeners<StreamMessage>();
  readonly #waiting: (() => void)[] = [];
  #over: CallmeshError | undefined;

  constructor(name: string, mode: Mode, port: StreamPort) {
    this.name = name;
    this.mode = mode;
    this.#port = port;
  }

  /** Mode `latest`: messages that a newer one replaced, here or at the reader, or that came late. */
  get dropped(): number {
    return this.#inbox.dropped + this.#port.dropped;
  }

  get closed(): boolean {
    return this.#over !== undefined;
  }

  /**
   * Send bytes or a JSON value. Resolves when the next one may be sent: in mode `latest` at once.
   *
   * Rejects with `BadValue`, `TooLarge`, or `Closed`.
   */
  async send(data: Uint8Array | Json, { to, signal }: SendOptions = {}): Promise<void> {
    if (this.#over !== undefined) throw this.#over;
    if (signal?.aborted === true) throw signal.reason;
    if (to?.length === 0) return;
    const sent = this.#port.send(piece(0, data), to);
    await (signal === undefined ? sent : unlessAborted(sent, signal));
  }

  /** Be told of every message; at once of those that wait. Returns what ends it. */
  subscribe(fn: (message: StreamMessage) => void): () => void {
    const stop = this.#subscribers.add(fn);
    this.#tell();
    return stop;
  }

  /** Ends when the stream is closed. Throws `Broken` when it was read too slowly. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamMessage, void> {
    for (;;) {
      const message = this.#inbox.take();
      if (message !== undefined) yield message;
      else if (this.#inbox.broken !== undefined) throw this.#inbox.broken;
      else if (this.#over !== undefined) return;
      else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
  }

  close(): void {
    if (this.#over !== undefined) return;
    this.end(new Closed("this stream was closed"));
    this.#port.closed();
  }

  // --- for who runs the stream

  /** A message whose payload had so many bytes. */
  receive(message: StreamMessage, mode: Mode, size = 0): void {
    if (mode !== this.mode) return; // sent as something that nobody reads here
    this.#inbox.put(message, mode, size);
    this.#tell();
  }

  /** Messages of a peer were lost before they came here. */
  overflow(): void {
    this.#inbox.overflow();
    this.#wake();
  }

  gone(sender: ParticipantId): void {
    this.#inbox.gone(sender);
  }

  end(reason: CallmeshError): void {
    this.#over ??= reason;
    this.#wake();
  }

  #tell(): void {
    if (this.#subscribers.size === 0) {
      this.#wake();
      return;
    }
    for (let next = this.#inbox.take(); next !== undefined; next = this.#inbox.take()) this.#subscribers.tell(next);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** What `promise` brings, unless `signal` says to stop waiting for it: then its reason is thrown. */
export async function unlessAborted<T>(promise: Promise<T>, signal: Abort | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller's own reason
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
