/** What apps fetch by way of the hub: HTTP beside the socket, with a ticket of the session (A20). */

import { Broken, bundle, CallmeshError, Denied, encodeMessage, Unauthorized, unbundle, type messages } from "@callmesh/core";

import { errorOf, reached, readSaid, type Tickets } from "./tickets.ts";

/** What an app hears of it. */
export function fetchFailed({ number }: messages.Fetch, error: CallmeshError): messages.Fetched {
  const reason = error instanceof Denied ? error.reason : "";
  return { type: "fetched", number, status: 0, headers: [], body: new Uint8Array(), code: error.code, reason, why: error.message };
}

export class Fetching {
  readonly #address: string;
  readonly #tickets: Tickets;

  /** `socket` is where that of the call is. */
  constructor(socket: string, tickets: Tickets) {
    this.#address = socket.replace(/^ws/, "http").replace(/socket$/, "fetch");
    this.#tickets = tickets;
  }

  /** What came of it, an error too: it is for the app to hear. */
  async fetch(wish: messages.Fetch): Promise<messages.Fetched> {
    try {
      return await this.#request(wish).catch((error: unknown) => {
        if (!(error instanceof Unauthorized)) throw error;
        this.#tickets.spoil(); // of a hub that has begun anew
        return this.#request(wish);
      });
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      return fetchFailed(wish, error);
    }
  }

  async #request(wish: messages.Fetch): Promise<messages.Fetched> {
    const ticket = await this.#tickets.show();
    const data = await this.#post(ticket, bundle([encodeMessage(wish)]));
    const [found] = unbundle(data, null);
    if (found?.type !== "fetched") throw new Broken("the hub has not answered as it should");
    return found;
  }

  async #post(ticket: string, body: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const headers = { Authorization: `Bearer ${ticket}` };
    const answer = await reached(
      fetch(this.#address, { method: "POST", headers, body, cache: "no-store", credentials: "omit" }),
    );
    const data = new Uint8Array(await reached(answer.arrayBuffer()));
    if (!answer.ok) throw errorOf(answer.status, readSaid(data));
    return data;
  }
}
