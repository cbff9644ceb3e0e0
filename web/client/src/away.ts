/** Files that the hub keeps for those who are away: how a page asks for them, by HTTP with a ticket of the session. */

import {
  Broken, keptAfter, Listeners, type Away as AwayPort, type CallmeshError, type FileReply, type FileRequest, type messages,
} from "@callmesh/core"; // prettier-ignore

import { after } from "./runtime.ts";
import { errorOf, reached, readSaid, type Tickets } from "./tickets.ts";

/** Milliseconds that a request may go on without an answer, or without a byte of it. */
const ANSWER = 60_000;
const NO_BYTES = new Uint8Array();

/** What the hub keeps in one call. */
export class Away implements AwayPort {
  files: readonly messages.KeptFile[] = [];
  readonly #where: string;
  readonly #tickets: Tickets;
  readonly #kept = new Listeners<undefined>();

  /** `socket` is the address of the call's socket: files are beside it. */
  constructor(socket: string, tickets: Tickets) {
    this.#where = socket.replace(/^ws/, "http").replace(/socket$/, "files/");
    this.#tickets = tickets;
  }

  get ended(): CallmeshError | undefined {
    return this.#tickets.ended;
  }

  heard(news: messages.Kept): void {
    this.files = keptAfter(this.files, news);
    this.#kept.tell(undefined);
  }

  onKept(fn: () => void): () => void {
    return this.#kept.add(fn);
  }

  request(asked: FileRequest): Promise<FileReply> {
    return this.#tickets.use((ticket) => this.#request(asked, ticket));
  }

  async #request(asked: FileRequest, ticket: string): Promise<FileReply> {
    const { method, path, headers, body } = inHttp(asked);
    const given = { ...headers, Authorization: `Bearer ${ticket}` };
    const stopping = new AbortController();
    let stop = after(ANSWER, () => stopping.abort());
    try {
      const answer = await reached(
        fetch(this.#where + path, { method, headers: given, body: body ?? null, signal: stopping.signal, credentials: "omit", cache: "no-store" }),
      );
      const data = await bytes(answer, () => {
        stop();
        stop = after(ANSWER, () => stopping.abort());
      });
      return this.#reply(asked, answer.status, data);
    } finally {
      stop();
    }
  }

  #reply(asked: FileRequest, status: number, data: Uint8Array): FileReply {
    if (asked.ask === "fetch" && (status === 206 || (status === 200 && asked.at === 0))) return { at: 0, expires: 0, data };
    const said = readSaid(data);
    if (typeof said["at"] === "number") return { at: said["at"], expires: Number(said["expires"]), data: NO_BYTES };
    if (status < 300 && (asked.ask === "answer" || asked.ask === "take_back")) return { at: 0, expires: 0, data: NO_BYTES };
    throw errorOf(status, said);
  }
}

interface InHttp {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

function inHttp(asked: FileRequest): InHttp {
  switch (asked.ask) {
    case "announce":
      return { method: "POST", path: asked.id, body: JSON.stringify(asked.said) };
    case "bring":
      return { method: "PUT", path: asked.id, headers: { "Upload-Offset": String(asked.at) }, body: asked.data };
    case "fetch":
      return { method: "GET", path: asked.id, headers: { Range: `bytes=${asked.at}-${asked.end - 1}` } };
    case "answer":
      return { method: "POST", path: `${asked.id}/${asked.answer}` };
    case "take_back":
      return { method: "DELETE", path: asked.id };
  }
}

/** All of an answer, or as much as came of it: who fetches goes on from there. */
async function bytes(answer: Response, moved: () => void): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const reader = answer.body?.getReader();
  try {
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
      parts.push(part.value);
      moved();
    }
  } catch (cause) {
    if (parts.length === 0) throw new Broken("the hub was not reached", { cause });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
