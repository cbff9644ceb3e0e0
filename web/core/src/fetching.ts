/** What an app hears of something that it fetches and that does not come (A20). */

import { Denied, type CallmeshError } from "./errors.ts";
import type { Fetch, Fetched } from "./messages.ts";

export function fetchFailed({ number }: Fetch, error: CallmeshError): Fetched {
  const reason = error instanceof Denied ? error.reason : "";
  return { type: "fetched", number, status: 0, headers: [], body: new Uint8Array(), code: error.code, reason, why: error.message };
}
