/** Waiting for what becomes of own writes. */

import { unlessAborted, type Abort } from "./abort.ts";
import { TimedOut } from "./errors.ts";
import type { Receipt } from "./receipt.ts";
import type { ReplicaAccess } from "./replica.ts";

/** Milliseconds that `saved` and `accepted` wait unless told otherwise. */
export const SAVED_TIMEOUT = 30_000;

export interface WaitOptions {
  readonly signal?: Abort;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Waits until `done()`, and lets go of the receipt. Rejects with `Denied`, `TimedOut`, or why the access has ended. */
export async function received(
  access: ReplicaAccess,
  receipt: Receipt,
  done: () => boolean,
  { signal, timeout = SAVED_TIMEOUT }: WaitOptions,
): Promise<void> {
  const stops: (() => void)[] = [];
  const waiting = new Promise<void>((resolve, reject) => {
    const look = (): void => {
      if (done() || receipt.denied.length > 0) resolve();
      else if (access.ended !== undefined) reject(access.ended);
    };
    stops.push(access.onReceipts(look));
    stops.push(access.after(timeout, () => reject(new TimedOut("not saved yet; it is sent until it is"))));
    look();
  });
  try {
    await unlessAborted(waiting, signal);
  } finally {
    for (const stop of stops) stop();
    access.mesh.letGo(receipt);
  }
  const [denied] = receipt.denied;
  if (denied !== undefined) throw denied;
}
