/** What the page says when something is not as it should be: what it is, and what to do. */

import type { HalfTrouble } from "@callmesh/client";
import { CallmeshError, Denied, type Path, type Role } from "@callmesh/core";

import type { Address } from "./address.ts";
import type { DeviceState, Kind } from "./devices.ts";

const JOIN_AS: Record<Role, string> = {
  host: "You join as a host.",
  guest: "You join as a guest.",
  observer: "You join as an observer: you see everything and change nothing.",
};

/** As whom one is about to join. A hub that asks for no token makes those without a role hosts. */
export function roleWords({ role, token }: Pick<Address, "role" | "token">): string {
  if (role === undefined && token !== undefined) return "Your link says as whom you join.";
  return JOIN_AS[role ?? "host"];
}

/** What is wrong with the page's address; nothing if all is well. */
export function addressProblem({ strangeRole }: Pick<Address, "strangeRole">): string | undefined {
  if (strangeRole === undefined) return undefined;
  return `This link is for a “${strangeRole}”, and there is no such role. Ask for the link once more.`;
}

/** While the hub cannot save: what stands in the header, and what it means. */
/** While the server is away, and others are in reach. */
export function awayWith(others: number): { words: string; title: string } {
  const who = others === 1 ? "one other" : `${others} others`;
  return {
    words: `Reconnecting… with ${who}`,
    title: `The server is away. You and ${who} go on with each other. What you do is kept, and sent once it is back`,
  };
}

export const READ_ONLY_WORDS = "Read only";
export const READ_ONLY_TITLE = "The hub cannot save at the moment. What was saved is safe; nothing can be changed until it saves again";

/** Why one could not join. */
export function joinProblem(error: unknown): string {
  switch (codeOf(error)) {
    case "bad_name":
      return "This name or this link cannot be used. Check your name, or ask for the link once more.";
    case "no_such_call":
      return "There is no such call here. Ask for the link once more.";
    case "unauthorized":
      return sentence(messageOf(error));
    case "refused":
      return "This link does not let you in. Ask who invited you for a new one.";
    case "too_fast":
      return "The call is full, or too many came in at once. Try again in a minute.";
    case "timed_out":
    case "broken":
    case "ended_by_peer":
      return "The call cannot be reached. Check your connection, and try again.";
    case "restarting":
      return "The hub is restarting. Try again in a few seconds.";
    case "storage_failed":
      return "The hub cannot read this call at the moment. Try again in a minute.";
    default:
      return `Joining failed: ${messageOf(error)}. Try again, or load the page once more.`;
  }
}

/** Why the call is over for this participant. */
export function endProblem(error: unknown): string {
  switch (codeOf(error)) {
    case "replaced":
      return "You joined again somewhere else, so this tab has left the call.";
    case "too_large":
    case "bad_message":
      return "The hub could not understand this page. Join again; if it happens once more, tell who runs the hub.";
    default: {
      const why = messageOf(error);
      return `The call ended here: ${why}.${why.endsWith("join again") ? "" : " You can join again."}`;
    }
  }
}

/** What stands on the page after the call, or in place of it. */
export interface Farewell {
  readonly title: string;
  readonly words: string;
  /** What is offered: to ask to be let in once more, to go back to the lobby, or nothing. */
  readonly again: "ask" | "join" | undefined;
}

/** Without an error one left. `byMe`: it was oneself who ended the call. */
export function farewell(error: unknown, { byMe = false } = {}): Farewell {
  switch (codeOf(error)) {
    case "declined":
      return {
        title: "You were not let in",
        words: `${sentence(messageOf(error))} If you were expected, tell who invited you, and ask again.`,
        again: "ask",
      };
    case "removed":
      return {
        title: "You are not in this call any more",
        words: `${sentence(messageOf(error))} Your invitation counts no more. If this is a mistake, call or write to who invited you.`,
        again: undefined,
      };
    case "call_over":
      return {
        title: "The call is over",
        words: byMe
          ? "You ended it for everybody. Everything in it stays, and it opens again when a host joins."
          : `${sentence(messageOf(error))} If you did not expect it, ask who invited you.`,
        again: "join",
      };
    case "":
      if (error === undefined) {
        return {
          title: "You left the call",
          words: "Everything in it stays as it is. You can close this tab, or come back.",
          again: "join",
        };
      }
  }
  return { title: "You left the call", words: endProblem(error), again: "join" };
}

/** Why the frame of an app is not served any more. What an app says of itself is kept short. */
export function stopProblem(title: string, error: unknown): string {
  if (codeOf(error) !== "ended_by_peer") {
    return `“${title}” has stopped: it did something that an app may not do. The call goes on.`;
  }
  return `“${title}” ${messageOf(error).slice(0, 300)}. Start it again to try once more; the call goes on.`;
}

/** Something went wrong within the call. */
export function callProblem(error: unknown): string {
  switch (codeOf(error)) {
    case "denied":
      return deniedProblem(error);
    case "timed_out":
      return "The hub has not answered yet. It will be done once you are back.";
    default:
      return sentence(messageOf(error));
  }
}

function deniedProblem(error: unknown): string {
  switch (error instanceof Denied ? error.reason : "") {
    case "last_host":
      return "You are the only host here: make somebody else a host first.";
    case "nobody":
    case "full":
    case "read_only":
      return sentence(messageOf(error));
    default:
      return `Not allowed: ${messageOf(error)}.`;
  }
}

/** What a host wanted done about people was not done. */
export function commandProblem(error: unknown): string {
  if (codeOf(error) !== "timed_out") return callProblem(error);
  return "The hub has not answered. Look whether it was done, and try again if not.";
}

const PATHS: Record<Path["kind"], string> = {
  direct: "connected directly",
  relay: "connected by way of the hub",
  connecting: "connecting…",
};

/** How somebody is reached: goes on after "Bob is". */
export function pathWords(path: Path["kind"]): string {
  return PATHS[path];
}

/** The time of day, where the reader is; `time` in microseconds since the epoch. */
export function timeOfDay(time: number): string {
  return new Date(time / 1_000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** What a host is asked before somebody is taken out. */
export function removalWords(name: string, ban: boolean) {
  const after = ban
    ? "No invitation lets them in again, unless you let them back in here."
    : "Their invitation counts no more: to come back they need a new one, or you let them back in here.";
  return {
    title: ban ? `Ban ${name}?` : `Remove ${name} from the call?`,
    words: `They leave at once. ${after}`,
    no: "Keep them",
    yes: ban ? "Ban" : "Remove",
  };
}

export const END_WORDS = {
  title: "End the call for everybody?",
  words: "Everybody leaves, and nobody comes in until a host joins again. Everything in the call stays.",
  no: "Go on",
  yes: "End the call",
} as const;

/** What a host may say to who waits, without typing. */
export const READY_WORDS = [
  "I will be with you in a few minutes.",
  "Somebody else is with me. You are next.",
  "We start at the agreed time. Please stay here.",
] as const;

/** What one is told whose role was changed. */
export function newRoleWords(role: Role): string {
  switch (role) {
    case "host":
      return "You are a host now: you let people in, and say what others may do.";
    case "guest":
      return "You are a guest now.";
    case "observer":
      return "You are an observer now: you see everything and change nothing.";
  }
}

/** Who asks to be let in, in one line. */
export function knockWords(names: readonly string[]): string {
  const [first = "", second = ""] = names;
  switch (names.length) {
    case 0:
      return "";
    case 1:
      return `${first} waits to be let in`;
    case 2:
      return `${first} and ${second} wait to be let in`;
    default:
      return `${first} and ${names.length - 1} others wait to be let in`;
  }
}

/** Why the Python of an app does not run, in one line; `title` is its resource's. */
export function halfWords({ app, failures, again, error }: HalfTrouble, title: string): string {
  const named = title === app ? app : `${app}, “${title}”`;
  if (failures === 0) return `The program of ${named} does not run: ${error}`;
  const often = failures === 1 ? "once" : `${failures} times`;
  const when = again > 0 ? ` Next try at ${timeOfDay(again)}.` : "";
  return `The program of ${named} has failed ${often}.${when} ${error}`;
}

/** Whether guests wait, and what the switch does. */
export function waitingAreaWords(on: boolean): string {
  return on
    ? "You are asked before a guest or an observer comes in. If you switch this off, whoever waits comes in."
    : "Whoever has the link comes in at once.";
}

/** What the lobby says below the picture; nothing if all is well. */
export function deviceProblem(kind: Kind, state: DeviceState): string | undefined {
  switch (state) {
    case "refused":
      return `This page may not use your ${kind}. Allow it beside the address, then turn it on here.`;
    case "none":
      return `No ${kind} was found. The call works without.`;
    case "failed":
      return `Your ${kind} could not be started; another program may be using it.`;
    case "insecure":
      return `The browser gives no ${kind} to pages without https. The call works without.`;
    case "starting":
    case "on":
    case "off":
      return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof CallmeshError ? error.code : "";
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/[.\s]+$/u, "");
}

function sentence(text: string): string {
  return `${text.charAt(0).toLocaleUpperCase()}${text.slice(1)}.`;
}
