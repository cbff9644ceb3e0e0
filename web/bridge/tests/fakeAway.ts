/** What a hub keeps, in memory: it is asked as the page asks a real one. */

import { Refused, SLICE, type Announced, type Away, type CallmeshError, type FileReply, type FileRequest, type messages } from "@callmesh/core";

const NONE = new Uint8Array();

export class FakeAway implements Away {
  files: readonly messages.KeptFile[] = [];
  ended: CallmeshError | undefined;
  readonly asked: FileRequest[] = [];
  /** Errors that the next requests end in. */
  readonly failing: CallmeshError[] = [];
  readonly bytes = new Map<string, Uint8Array>();
  readonly #announced = new Map<string, { said: Announced; data: Uint8Array }>();
  #listeners: (() => void)[] = [];

  onKept(fn: () => void): () => void {
    this.#listeners.push(fn);
    return () => (this.#listeners = this.#listeners.filter((one) => one !== fn));
  }

  get followed(): boolean {
    return this.#listeners.length > 0;
  }

  show(...files: messages.KeptFile[]): void {
    this.files = files;
    for (const fn of this.#listeners) fn();
  }

  async request(asked: FileRequest): Promise<FileReply> {
    this.asked.push(asked);
    await Promise.resolve();
    const wrong = this.failing.shift();
    if (wrong !== undefined) throw wrong;
    return this.#reply(asked);
  }

  #reply(asked: FileRequest): FileReply {
    if (asked.ask === "announce") {
      const known = this.#announced.get(asked.id) ?? { said: asked.said, data: NONE };
      this.#announced.set(asked.id, known);
      return { at: known.data.length, expires: 0, data: NONE };
    }
    if (asked.ask === "bring") return this.#bring(asked.id, asked.data);
    if (asked.ask === "fetch") {
      const data = this.bytes.get(asked.id);
      if (data === undefined) throw new Refused("there is no such file here for you");
      return { at: 0, expires: 0, data: data.slice(asked.at, Math.min(asked.end, asked.at + SLICE)) };
    }
    return { at: 0, expires: 0, data: NONE };
  }

  #bring(id: string, data: Uint8Array): FileReply {
    const upload = this.#announced.get(id);
    if (upload === undefined) throw new Refused("no such file is announced; announce it");
    const whole = new Uint8Array(upload.data.length + data.length);
    whole.set(upload.data);
    whole.set(data, upload.data.length);
    upload.data = whole;
    const isWhole = upload.data.length >= upload.said.size;
    if (isWhole) this.bytes.set(id, whole);
    return { at: upload.data.length, expires: isWhole ? 99 : 0, data: NONE };
  }

  /** What somebody announced, whether or not it has come. */
  said(id: string): Announced | undefined {
    return this.#announced.get(id)?.said;
  }
}
