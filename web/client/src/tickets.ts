/** What goes to the hub by HTTP, beside the session: with a ticket that the session gives (F8, A20). */

import { Broken, Denied, fromWire, Listeners, TimedOut, type CallmeshError, type messages } from "@callmesh/core";

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
  #wanted = false;

  constructor(ask: () => void) {
    this.#ask = ask;
  }

  heard({ ticket }: messages.Ticket): void {
    this.#ticket = ticket;
    this.#wanted = false;
    this.#until = now() + USED;
    this.#moved.tell(undefined);
  }

  /** Over a new link. */
  askAgain(): void {
    if (this.#wanted) this.#ask();
  }

  /** The hub did not take it: the next one is another. */
  spoil(): void {
    this.#until = 0;
  }

  end(reason: CallmeshError): void {
    this.ended ??= reason;
    this.#wanted = false;
    this.#moved.tell(undefined);
  }

  /** Rejects with `TimedOut`, or with why the call is over. */
  async show(): Promise<string> {
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
          this.#wanted = false;
          reject(new TimedOut("the hub gave no ticket in time: try again when the link is back"));
        }),
      ];
    });
    const first = !this.#wanted;
    this.#wanted = true;
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
  return code === Denied.code ? new Denied(String(reason), message) : fromWire(code, message);
}
