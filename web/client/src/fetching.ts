/** What apps fetch by way of the hub: HTTP beside the socket, with a ticket of the session (A20). */

import { Broken, bundle, CallmeshError, Denied, encodeMessage, fromWire, TimedOut, Unauthorized, unbundle, type messages } from "@callmesh/core";

import { after, now } from "./runtime.ts";

/** Microseconds that a ticket is used; it is good for longer. */
const GOOD = 300e6;
/** Milliseconds that the hub may take for one. */
const ASK = 10_000;

/** What an app hears of it. */
export function fetchFailed({ number }: messages.Fetch, error: CallmeshError): messages.Fetched {
  const reason = error instanceof Denied ? error.reason : "";
  return { type: "fetched", number, status: 0, headers: [], body: new Uint8Array(), code: error.code, reason, why: error.message };
}

interface Waiting {
  readonly come: Promise<string>;
  readonly settle: (ticket: string) => void;
  readonly fail: (reason: CallmeshError) => void;
}

export class Fetching {
  readonly #address: string;
  readonly #ask: () => void;
  #ticket = "";
  #until = 0;
  #waiting: Waiting | undefined;

  /** `socket` is where that of the call is; `ask` asks the hub for a ticket, where there is a link. */
  constructor(socket: string, ask: () => void) {
    this.#address = socket.replace(/^ws/, "http").replace(/socket$/, "fetch");
    this.#ask = ask;
  }

  heard({ ticket }: messages.Ticket): void {
    this.#ticket = ticket;
    this.#until = now() + GOOD;
    this.#waiting?.settle(ticket);
    this.#waiting = undefined;
  }

  /** Over a new link. */
  askAgain(): void {
    if (this.#waiting !== undefined) this.#ask();
  }

  end(reason: CallmeshError): void {
    this.#waiting?.fail(reason);
    this.#waiting = undefined;
  }

  /** What came of it, an error too: it is for the app to hear. */
  async fetch(wish: messages.Fetch): Promise<messages.Fetched> {
    try {
      return await this.#request(wish).catch((error: unknown) => {
        if (!(error instanceof Unauthorized)) throw error;
        this.#until = 0; // of a hub that has begun anew: the next ticket is another
        return this.#request(wish);
      });
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      return fetchFailed(wish, error);
    }
  }

  async #request(wish: messages.Fetch): Promise<messages.Fetched> {
    const ticket = await this.#show();
    const data = await this.#post(ticket, bundle([encodeMessage(wish)]));
    const [found] = unbundle(data, null);
    if (found?.type !== "fetched") throw new Broken("the hub has not answered as it should");
    return found;
  }

  async #post(ticket: string, body: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    let answer: Response;
    let data: Uint8Array;
    try {
      const headers = { Authorization: `Bearer ${ticket}` };
      answer = await fetch(this.#address, { method: "POST", headers, body, cache: "no-store", credentials: "omit" });
      data = new Uint8Array(await answer.arrayBuffer());
    } catch (cause) {
      throw new Broken("the hub was not reached: try again when the link is back", { cause });
    }
    if (!answer.ok) throw errorIn(answer.status, data);
    return data;
  }

  #show(): Promise<string> {
    if (now() < this.#until) return Promise.resolve(this.#ticket);
    if (this.#waiting !== undefined) return this.#waiting.come;
    const waiting = (this.#waiting = expected());
    this.#ask();
    const stop = after(ASK, () => {
      if (this.#waiting === waiting) this.end(new TimedOut("the hub gave no ticket in time: try again when the link is back"));
    });
    return waiting.come.finally(stop);
  }
}

function expected(): Waiting {
  let settle: Waiting["settle"] = () => undefined;
  let fail: Waiting["fail"] = () => undefined;
  const come = new Promise<string>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  return { come, settle, fail };
}

function errorIn(status: number, data: Uint8Array): CallmeshError {
  try {
    const { code, reason, message } = JSON.parse(new TextDecoder().decode(data)) as Record<string, unknown>;
    if (typeof code === "string" && typeof message === "string") {
      return code === Denied.code ? new Denied(String(reason), message) : fromWire(code, message);
    }
  } catch {
    // something on the way has answered, and not the hub
  }
  return new Broken(`something between here and the hub answered ${status}`);
}
