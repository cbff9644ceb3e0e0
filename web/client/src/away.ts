/** Files that the hub keeps for those who are away: how a page asks for them, by HTTP with a ticket of the session. */

import {
  Broken, Denied, fromWire, Listeners, TimedOut, Unauthorized, type Away as AwayPort, type CallmeshError, type FileReply, type FileRequest, type messages,
} from "@callmesh/core"; // prettier-ignore

import { after, now } from "./runtime.ts";

/** Milliseconds that a request may go on without an answer, or without a byte of it. */
const ANSWER = 60_000;
/** Milliseconds that the hub may take for a ticket, before it is asked for once more. */
const ASK = 10_000;
/** Microseconds for which a ticket is used; it is good for longer. */
const USED = 300_000_000;
const NO_BYTES = new Uint8Array();

/** What the hub keeps in one call. `ask` asks the hub for a ticket, where there is a link. */
export class Away implements AwayPort {
  files: readonly messages.KeptFile[] = [];
  ended: CallmeshError | undefined;
  readonly #where: string;
  readonly #ask: () => void;
  readonly #kept = new Listeners<undefined>();
  readonly #moved = new Listeners<undefined>();
  #ticket = "";
  #until = 0;
  #wanted = false;

  /** `socket` is the address of the call's socket: files are beside it. */
  constructor(socket: string, ask: () => void) {
    this.#where = socket.replace(/^ws/, "http").replace(/socket$/, "files/");
    this.#ask = ask;
  }

  heard(message: messages.Ticket | messages.Kept): void {
    if (message.type === "kept") {
      this.files = message.files;
      this.#kept.tell(undefined);
    } else {
      this.#ticket = message.ticket;
      this.#wanted = false;
      this.#until = now() + USED;
      this.#moved.tell(undefined);
    }
  }

  onKept(fn: () => void): () => void {
    return this.#kept.add(fn);
  }

  /** Over a new link. */
  askAgain(): void {
    if (this.#wanted) this.#ask();
  }

  end(reason: CallmeshError): void {
    this.ended ??= reason;
    this.#moved.tell(undefined);
  }

  async #show(): Promise<string> {
    if (this.ended !== undefined) throw this.ended;
    if (now() < this.#until) return this.#ticket;
    const came = new Promise<void>((resolve, reject) => {
      const stops = [
        this.#moved.add(() => {
          for (const stop of stops) stop();
          if (this.ended === undefined) resolve();
          else reject(this.ended);
        }),
        after(ASK, () => {
          for (const stop of stops) stop();
          reject(new TimedOut("the hub gave no ticket in time"));
        }),
      ];
    });
    this.#wanted = true;
    this.#ask();
    await came;
    return this.#ticket;
  }

  async request(asked: FileRequest): Promise<FileReply> {
    const { method, path, headers, body } = inHttp(asked);
    const given = { ...headers, Authorization: `Bearer ${await this.#show()}` };
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
    const error = errorOf(status, said);
    if (error instanceof Unauthorized) this.#until = 0;
    throw error;
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

async function reached(answer: Promise<Response>): Promise<Response> {
  try {
    return await answer;
  } catch (cause) {
    throw new Broken("the hub was not reached", { cause });
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

function readSaid(data: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const said: unknown = JSON.parse(new TextDecoder().decode(data));
    return typeof said === "object" && said !== null ? { ...said } : {};
  } catch {
    return {};
  }
}

function errorOf(status: number, { code, reason, message }: Readonly<Record<string, unknown>>): CallmeshError {
  if (typeof code !== "string" || typeof message !== "string") return new Broken(`something between here and the hub answered ${status}`);
  return code === Denied.code ? new Denied(String(reason), message) : fromWire(code, message);
}
