/**
 * What of a frame's writes is not even carried to the hub (A2).
 *
 * The hub checks every entry too. But the page signs for what it sends: a frame must not be able to
 * end the page's own session, or to spoil its clock.
 */

import {
  BadInput, checkKey, DELETED, frozen, MICROSECONDS, sizeOf, type Entry, type messages, type StateId,
} from "@callmesh/core";

import type { CourierHost } from "./host.ts";

/** As the hub has them: how far into the future, and beyond the largest time seen, a write may be. */
const AHEAD = 5 * MICROSECONDS;
const FOLLOWING = 1_000;

export function refusal(
  host: CourierHost,
  writable: readonly StateId[],
  writer: string,
  state: StateId,
  entry: Entry,
): messages.Denial | undefined {
  const denial = (reason: string, why: string): messages.Denial => {
    return { type: "denied", state, key: entry.key, time: entry.time, writer: entry.writer, reason, why };
  };
  if (!writable.includes(state)) return denial("no_right", "an app writes to its own resource alone");
  if (entry.writer !== writer) return denial("foreign_writer", "an app signs with its own writer id");
  const { clock } = host.mesh;
  if (entry.time > Math.max(host.now() + clock.offset + AHEAD, clock.seen + FOLLOWING)) {
    return denial("clock_ahead", "this write is stamped too far ahead");
  }
  try {
    checkKey(entry.key);
    if (entry.value !== DELETED) frozen(entry.value);
    return undefined;
  } catch (error) {
    if (error instanceof BadInput) return denial("bad_value", error.message);
    throw error;
  }
}

/** At least the bytes that a write has on its way to the hub. */
export function weigh(groups: readonly messages.Group[]): number {
  let size = 0;
  for (const { state, entries } of groups) {
    size += state.length + 64;
    for (const entry of entries) size += sizeOf(entry) + 32;
  }
  return size;
}
