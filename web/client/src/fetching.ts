/** What apps fetch by way of the hub: HTTP beside the socket, with a ticket of the session (A20). */

import { Broken, bundle, CallmeshError, encodeMessage, fetchFailed, unbundle, type messages } from "@callmesh/core";

import { errorOf, reached, readSaid, type Tickets } from "./tickets.ts";

/** Milliseconds that one may take: longer than the hub gives to it. */
const ANSWER = 60_000;

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
      return await this.#tickets.use((ticket) => this.#request(wish, ticket));
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      return fetchFailed(wish, error);
    }
  }

  async #request(wish: messages.Fetch, ticket: string): Promise<messages.Fetched> {
    const data = await this.#post(ticket, bundle([encodeMessage(wish)]));
    const [found] = unbundle(data, null);
    if (found?.type !== "fetched") throw new Broken("the hub has not answered as it should");
    return found;
  }

  async #post(ticket: string, body: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const headers = { Authorization: `Bearer ${ticket}` };
    const signal = AbortSignal.timeout(ANSWER);
    const answer = await reached(
      fetch(this.#address, { method: "POST", headers, body, signal, cache: "no-store", credentials: "omit" }),
    );
    const data = new Uint8Array(await reached(answer.arrayBuffer()));
    if (!answer.ok) throw errorOf(answer.status, readSaid(data));
    return data;
  }
}
