/** What the page says when something is not as it should be: what it is, and what to do. */

import type { HalfTrouble } from "@callmesh/client";
import { CallmeshError, Denied, type Role } from "@callmesh/core";

import type { Address, LinkTrouble } from "./address.ts";
import type { DeviceState, Kind } from "./devices.ts";
import { locale, say } from "./say.ts";

/** Why a frame is denied to go on that has left its app's page (A25). */
export const ELSEWHERE = "elsewhere";

/** As whom one is about to join; nothing where the link leaves that to the hub. */
export function roleWords({ role, token }: Pick<Address, "role" | "token">): string | undefined {
  if (token !== undefined) return say("lobby-as-token");
  return role && say("lobby-as", { role });
}

/** What is wrong with the page's address; nothing if all is well. */
export function addressProblem({ strangeRole }: Pick<Address, "strangeRole">): string | undefined {
  return strangeRole === undefined ? undefined : say("lobby-strange-role", { role: strangeRole });
}

/** Why one could not join, with a link that may be what is wrong. */
export function joinProblem(error: unknown, link: LinkTrouble = "other"): string {
  switch (codeOf(error)) {
    case "bad_name":
      return say("join-bad-name");
    case "no_such_call":
      return say("join-no-such-call");
    case "unauthorized":
      return say("join-unauthorized", { link, why: sentence(messageOf(error)) });
    case "refused":
      return say("join-refused");
    case "too_fast":
      return say("join-too-fast");
    case "timed_out":
    case "broken":
    case "ended_by_peer":
      return say("join-broken");
    case "restarting":
      return say("join-restarting");
    case "storage_failed":
      return say("join-storage-failed");
    default:
      return say("join-failed", { why: messageOf(error) });
  }
}

/** Why the call is over for this participant. */
export function endProblem(error: unknown): string {
  switch (codeOf(error)) {
    case "replaced":
      return say("over-replaced");
    case "too_large":
    case "bad_message":
      return say("over-broken");
    case "unauthorized":
      return say("over-unauthorized", { why: messageOf(error) });
    case "too_fast":
      return say("over-too-fast", { why: messageOf(error) });
    case "storage_failed":
      return say("over-storage-failed", { why: messageOf(error) });
    default: {
      const why = messageOf(error);
      return why.endsWith("join again") ? say("over-why-alone", { why }) : say("over-why", { why });
    }
  }
}

/** What stands on the page after the call, or in place of it. */
export interface Farewell {
  readonly title: string;
  readonly words: string;
  /** What is offered: to ask to be let in once more, to try whether one may, or to go back to the lobby. */
  readonly again: "ask" | "try" | "join";
}

/** Without an error one left. `byMe`: it was oneself who ended the call; `atDoor`: one has tried to come in. */
export function farewell(error: unknown, { byMe = false, atDoor = false } = {}): Farewell {
  const why = sentence(messageOf(error));
  switch (codeOf(error)) {
    case "declined":
      return { title: say("over-declined"), words: say("over-declined-words", { why }), again: "ask" };
    case "removed":
      return { title: say("over-removed"), words: say(atDoor ? "over-kept-out-words" : "over-removed-words", { why }), again: "try" };
    case "call_over": {
      const words = byMe ? say("over-ended-by-me") : say("over-ended-words", { why });
      return { title: say("over-ended"), words, again: "join" };
    }
    default: {
      const words = error === undefined ? say("over-left-words") : endProblem(error);
      return { title: say("over-left"), words, again: "join" };
    }
  }
}

/** Why the frame of an app is not served any more. What an app says of itself is kept short. */
export function stopProblem(title: string, error: unknown): string {
  if (error instanceof Denied && error.reason === ELSEWHERE) return say("app-elsewhere", { title });
  if (codeOf(error) !== "ended_by_peer") return say("app-stopped", { title });
  return say("app-stopped-itself", { title, why: messageOf(error).slice(0, 300) });
}

/** Something went wrong within the call. */
export function callProblem(error: unknown): string {
  switch (codeOf(error)) {
    case "denied":
      return deniedProblem(error);
    case "timed_out":
      return say("problem-timed-out");
    case "too_fast":
      return say("problem-too-fast", { why: sentence(messageOf(error)) });
    case "too_large":
      return say("problem-too-large", { why: sentence(messageOf(error)) });
    case "storage_failed":
      return say("problem-read-only", { why: sentence(messageOf(error)) });
    default:
      return sentence(messageOf(error));
  }
}

/** The English words are the hub's, which knows more; other languages have their own for each reason. */
function deniedProblem(error: unknown): string {
  const why = sentence(messageOf(error));
  switch (error instanceof Denied ? error.reason : "") {
    case "last_host":
      return say("problem-last-host");
    case "nobody":
      return say("problem-nobody", { why });
    case "full":
      return say("problem-full", { why });
    case "read_only":
      return say("problem-read-only", { why });
    case "no_resource":
      return say("problem-no-resource", { why });
    case "no_app":
      return say("problem-no-app", { why });
    case "clock_ahead":
      return say("problem-clock", { why });
    case "outdated":
      return say("problem-outdated", { why });
    default:
      return say("problem-denied", { why: messageOf(error) });
  }
}

/** What a host wanted done about people was not done. */
export function commandProblem(error: unknown): string {
  return codeOf(error) === "timed_out" ? say("problem-command-timed-out") : callProblem(error);
}

/** The time of day, where the reader is; `time` in microseconds since the epoch. */
export function timeOfDay(time: number): string {
  return new Date(time / 1_000).toLocaleTimeString(locale.value, { hour: "2-digit", minute: "2-digit" });
}

/** What a host is asked before somebody is taken out. */
export function removalWords(name: string, ban: boolean) {
  const no = say("people-keep");
  return ban
    ? { title: say("people-ban-sure", { name }), words: say("people-ban-words"), no, yes: say("people-ban-yes") }
    : { title: say("people-remove-sure", { name }), words: say("people-remove-words"), no, yes: say("people-remove-yes") };
}

/** What one is told whose role was changed. */
export function newRoleWords(role: Role): string {
  return say("people-new-role", { role });
}

/** What one is told whose microphone a host has turned off; without a name where nobody knows who. */
export function mutedWords(name: string | undefined): string {
  return name === undefined ? say("muted") : say("muted-by", { name });
}

/** Who asks to be let in, in one line. */
export function knockWords(names: readonly string[]): string {
  const [first = "", second = ""] = names;
  if (first === "") return "";
  if (names.length === 2) return say("knocking-two", { first, second });
  return say("knocking", { first, count: names.length, others: names.length - 1 });
}

/** Why the Python of an app does not run, in one line; `title` is its resource's. */
export function halfWords({ app, failures, again, error }: HalfTrouble, title: string): string {
  const named = { app: title === app ? app : say("half-name", { app, title }), why: error };
  if (failures === 0) return say("half-down", named);
  if (again === 0) return say("half-failed", { ...named, failures });
  return say("half-failed-again", { ...named, failures, time: timeOfDay(again) });
}

/** Why a device is not on, and what to do; nothing if all is well. */
export function deviceProblem(device: Kind, state: DeviceState): string | undefined {
  switch (state) {
    case "refused":
    case "blocked":
    case "none":
    case "busy":
    case "failed":
    case "insecure":
      return say(`device-${state}`, { device });
    case "starting":
    case "on":
    case "paused":
    case "off":
      return undefined;
  }
}

/** Whether a device is on. */
export function deviceWords(device: Kind, state: DeviceState): string {
  if (state === "paused") return say("device-is-paused");
  return say(state === "on" ? "device-is-on" : "device-is-off", { device });
}

function codeOf(error: unknown): string {
  return error instanceof CallmeshError ? error.code : "";
}

/** Without the rule that forbids it: that is for who writes an app. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/\s*\([A-Z]\d+\)$|[.\s]+$/u, "");
}

function sentence(text: string): string {
  return `${text.charAt(0).toLocaleUpperCase()}${text.slice(1)}.`;
}
