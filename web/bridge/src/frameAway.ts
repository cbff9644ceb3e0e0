/** Files that the hub keeps, as an app in a frame has them: the page asks the hub for it. */

import { fromWire, keptAfter, Listeners, type Away, type CallmeshError, type FileReply, type FileRequest, type messages } from "@callmesh/core";

import { isAboutFiles, MOST_ASKS, type Asked, type Told } from "./awayWords.ts";

interface Waiting {
  resolve(reply: FileReply): void;
  reject(why: CallmeshError): void;
}

export class FrameAway implements Away {
  files: readonly messages.KeptFile[] = [];
  ended: CallmeshError | undefined;
  readonly #put: (asked: Asked) => void;
  readonly #kept = new Listeners<undefined>();
  readonly #waiting = new Map<number, Waiting>();
  /** What waits until fewer are on their way. */
  readonly #later: (() => void)[] = [];
  #number = 0;

  constructor(put: (asked: Asked) => void) {
    this.#put = put;
    put({ callmesh: "files", number: 0, ask: { ask: "open" } });
  }

  onKept(fn: () => void): () => void {
    return this.#kept.add(fn);
  }

  async request(ask: FileRequest): Promise<FileReply> {
    while (this.#waiting.size >= MOST_ASKS && this.ended === undefined) await new Promise<void>((resolve) => void this.#later.push(resolve));
    if (this.ended !== undefined) throw this.ended;
    const number = ++this.#number;
    return new Promise<FileReply>((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#put({ callmesh: "files", number, ask });
    });
  }

  /** Take in what the page says, if it is about files. */
  heard(data: unknown): boolean {
    if (!isAboutFiles(data)) return false;
    const told = data as Told;
    if ("files" in told) {
      this.files = keptAfter(this.files, told);
      this.#kept.tell(undefined);
      return true;
    }
    const waiting = this.#waiting.get(told.number);
    this.#waiting.delete(told.number);
    if ("reply" in told) waiting?.resolve(told.reply);
    else waiting?.reject(fromWire(told.code, told.message, told.reason));
    this.#later.shift()?.();
    return true;
  }

  end(reason: CallmeshError): void {
    this.ended = reason;
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
    this.#waiting.clear();
    for (const go of this.#later.splice(0)) go();
  }
}
