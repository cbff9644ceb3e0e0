/**
 * What a frame and its page say about files that the hub keeps (F12). They go as objects beside the bundles of the
 * session: the bytes are handed over as they are, and every ask has its answer.
 */

import type { FileReply, FileRequest, messages } from "@callmesh/core";

/** Asks on their way at once. */
export const MOST_ASKS = 16;

/** From a frame. `open`: it wants to be told what is kept. */
export interface Asked {
  readonly callmesh: "files";
  readonly number: number;
  readonly ask: { readonly ask: "open" } | FileRequest;
}

/** From its page: the answer to one ask, what is wrong with it, or what is kept now. */
export type Told =
  | { readonly callmesh: "files"; readonly number: number; readonly reply: FileReply }
  | { readonly callmesh: "files"; readonly number: number; readonly code: string; readonly reason: string; readonly message: string }
  | ({ readonly callmesh: "files" } & Omit<messages.Kept, "type">);

export function isAboutFiles(data: unknown): data is { readonly callmesh: "files" } {
  return typeof data === "object" && data !== null && "callmesh" in data && data.callmesh === "files";
}
