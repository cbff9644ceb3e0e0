/** What an app fetches by way of the hub, as it stands in its frame (A20). */

import { BadValue, fromWire, TooLarge, type CallmeshError, type messages } from "@callmesh/core";

/** As that of the browser's `fetch`, as far as it goes. */
export interface FetchOptions {
  /** `GET` unless it is said; `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`. */
  readonly method?: string;
  readonly headers?: HeadersInit;
  readonly body?: string | Uint8Array;
  /** Waits no longer; what was sent is sent. */
  readonly signal?: AbortSignal;
}

/** Bytes that are sent along. */
const MAX_BODY = 512 * 1024;
/** Statuses of answers that have no body. */
const BODILESS = [204, 205, 304];

interface Open {
  readonly resolve: (answer: Response) => void;
  readonly reject: (reason: CallmeshError) => void;
}

export class FrameFetches {
  readonly #resource: string;
  readonly #put: (wish: messages.Fetch) => void;
  readonly #open = new Map<number, Open>();
  #last = 0;
  #ended: CallmeshError | undefined;

  constructor(resource: string, put: (wish: messages.Fetch) => void) {
    this.#resource = resource;
    this.#put = put;
  }

  fetch(url: string | URL, { method = "GET", headers = {}, body = "", signal }: FetchOptions): Promise<Response> {
    signal?.throwIfAborted();
    if (this.#ended !== undefined) throw this.#ended;
    const number = ++this.#last;
    const wish = {
      type: "fetch", number, resource: this.#resource, method: method.toUpperCase(), url: String(url),
      headers: headersIn(headers), body: bytesOf(body),
    } as const; // prettier-ignore
    if (wish.body.length > MAX_BODY) throw new TooLarge(`an app sends at most ${MAX_BODY} bytes along`);
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#open.delete(number);
        reject(signal?.reason as Error);
      };
      const settled = (settle: () => void): void => {
        signal?.removeEventListener("abort", abort);
        settle();
      };
      this.#open.set(number, {
        resolve: (answer) => settled(() => resolve(answer)),
        reject: (reason) => settled(() => reject(reason)),
      });
      signal?.addEventListener("abort", abort, { once: true });
      this.#put(wish);
    });
  }

  heard(fetched: messages.Fetched): void {
    const open = this.#open.get(fetched.number);
    this.#open.delete(fetched.number);
    if (open === undefined) return;
    if (fetched.code === "") open.resolve(responseOf(fetched));
    else open.reject(fromWire(fetched.code, fetched.why, fetched.reason));
  }

  end(reason: CallmeshError): void {
    this.#ended = reason;
    for (const { reject } of this.#open.values()) reject(reason);
    this.#open.clear();
  }
}

function headersIn(headers: HeadersInit): messages.Header[] {
  try {
    return [...new Headers(headers)];
  } catch (cause) {
    throw new BadValue("these are no headers", { cause });
  }
}

function bytesOf(body: unknown): Uint8Array {
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  throw new BadValue("a body is a string or a Uint8Array: JSON.stringify(…) makes one of JSON");
}

function responseOf({ status, headers, body }: messages.Fetched): Response {
  const init = { status, headers: headers.map(([name, value]): [string, string] => [name, value]) };
  return new Response(BODILESS.includes(status) ? null : new Uint8Array(body), init);
}
