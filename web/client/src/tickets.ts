/** What goes to the hub by HTTP, beside the session: with a ticket that the session gives (F8, A20). */

import { Broken, fromWire, Listeners, TimedOut, Unauthorized, type CallmeshError, type messages } from "@callmesh/core";

import { after, now } from "./runtime.ts";

/** Milliseconds that the hub may take for a ticket, before it is asked for once more. */
const ASK = 10_000;
/** Microseconds for which a ticket is used; it is good for longer. */
const USED = 300_000_000;

/** The ticket of one session. `ask` asks the hub for one, where there is a link. */
export class Tickets {
  /** Why there will be none any more. */
  ended: CallmeshError | undefined;
  readonly #ask: () => void;
  readonly #moved = new Listeners<undefined>();
  #ticket = "";
  #until = 0;

  constructor(ask: () => void) {
    this.#ask = ask;
  }

  heard({ ticket }: messages.Ticket): void {
    this.#ticket = ticket;
    this.#until = now() + USED;
    this.#moved.tell(undefined);
  }

  /** Over a new link. */
  askAgain(): void {
    if (this.#moved.size > 0) this.#ask();
  }

  end(reason: CallmeshError): void {
    this.ended ??= reason;
    this.#moved.tell(undefined);
  }

  /**
   * `act` with a ticket, and once more where the hub does not take it: it may have begun anew.
   *
   * Rejects as `act` does, with `TimedOut`, or with why the call is over.
   */
  async use<T>(act: (ticket: string) => Promise<T>): Promise<T> {
    const ticket = await this.#show();
    try {
      return await act(ticket);
    } catch (error) {
      if (!(error instanceof Unauthorized)) throw error;
      if (ticket === this.#ticket) this.#until = 0;
      return act(await this.#show());
    }
  }

  async #show(): Promise<string> {
    if (this.ended !== undefined) throw this.ended;
    if (now() < this.#until) return this.#ticket;
    const first = this.#moved.size === 0;
    const came = new Promise<void>((resolve, reject) => {
      const stops = [
        this.#moved.add(() => {
          for (const stop of stops) stop();
          if (this.ended === undefined) resolve();
          else reject(this.ended);
        }),
        after(ASK, () => {
          for (const stop of stops) stop();
          reject(new TimedOut("the hub gave no ticket in time: try again when the link is back"));
        }),
      ];
    });
    if (first) this.#ask();
    await came;
    return this.#ticket;
  }
}

/** The answer of the hub. Rejects with `Broken` where it does not come. */
export async function reached<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw new Broken("the hub was not reached: try again when the link is back", { cause });
  }
}

/** What the hub says in JSON; nothing where somebody on the way has answered. */
export function readSaid(data: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const said: unknown = JSON.parse(new TextDecoder().decode(data));
    return typeof said === "object" && said !== null ? { ...said } : {};
  } catch {
    return {};
  }
}

export function errorOf(status: number, { code, reason, message }: Readonly<Record<string, unknown>>): CallmeshError {
  if (typeof code !== "string" || typeof message !== "string") return new Broken(`something between here and the hub answered ${status}`);
  return fromWire(code, message, String(reason));
}
