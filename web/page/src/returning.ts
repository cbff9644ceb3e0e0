/** Joining as who one was here before. */

import { join, type Call, type JoinOptions } from "@callmesh/client";
import { Unauthorized } from "@callmesh/core";

import type { Memory } from "./memory.ts";

/** Join as the person that this browser remembers; as somebody new where the hub does not know them. */
export async function joinAgain(url: string, memory: Memory, options: JoinOptions): Promise<Call> {
  const { person } = memory;
  if (person === undefined) return join(url, options);
  try {
    return await join(url, { ...options, person });
  } catch (error) {
    if (!(error instanceof Unauthorized)) throw error;
    memory.person = undefined; // from a hub that was here before this one
    return join(url, options);
  }
}
