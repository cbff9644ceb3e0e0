/**
 * What of a frame's writes is not even carried to the hub (A2).
 *
 * The hub checks every entry too. But the page signs for what it sends: a frame must not be able to
 * end the page's own session, or to spoil its clock.
 */

import {
  AHEAD, BadInput, BadValue, checkKey, DELETED, frozen, sizeOf, type Entry, type messages, type Written,
} from "@callmesh/core";

import type { CourierHost } from "./host.ts";
import type { View } from "./view.ts";

/** How far ahead a write may be: less than a hub takes, so that what the page writes next is not too far ahead. */
const FRAME_AHEAD = AHEAD / 2;
/** How far beyond the largest time seen it may be. */
const FOLLOWING = 1_000;

/** Why a transaction of a frame is not carried to the hub; undefined if it is. */
export function refusal(
  host: CourierHost,
  view: View,
  writer: string,
  transaction: readonly Written[],
): messages.Denial | undefined {
  for (const written of transaction) {
    const found = whyNot(host, view, writer, written);
    if (found === undefined) continue;
    const [reason, why] = found;
    const others = transaction.filter((other) => other !== written);
    const places = [written, ...others].map(({ state, entry }) => [state, entry.key] as const);
    const { time } = written.entry;
    return { type: "denied", reason, why, time, writer: written.entry.writer, places, now: host.mesh.clock.hubTime(host.now()) };
  }
  return undefined;
}

function whyNot(
  host: CourierHost,
  view: View,
  writer: string,
  { state, entry }: Written,
): readonly [reason: string, why: string] | undefined {
  if (host.link === "left") return ["read_only", "the call is over: what is here can be read, and not changed (J28)"];
  if (!view.writable(state, entry.key)) return ["no_right", "an app writes to its own resource alone (A2)"];
  const found = badForm(entry);
  if (found !== undefined) return found;
  if (entry.writer !== writer) return ["foreign_writer", "an app signs with its own writer id (J4)"];
  const { clock } = host.mesh;
  if (entry.time > Math.max(clock.hubTime(host.now()) + FRAME_AHEAD, clock.seen + FOLLOWING)) {
    return ["clock_ahead", "this write is stamped too far ahead (A5)"];
  }
  return undefined;
}

/** What is wrong with the form of a key or a value, and by which rule. */
export function badForm({ key, value, unreadable }: Entry): readonly [reason: string, why: string] | undefined {
  let rule = "S4";
  try {
    checkKey(key);
    rule = "S3";
    if (unreadable !== undefined) throw new BadValue(`not a JSON value: ${unreadable}`);
    if (value !== DELETED) frozen(value);
    return undefined;
  } catch (error) {
    if (error instanceof BadInput) return ["bad_value", `${error.message} (${rule})`];
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
