/** What the page says when something is not as it should be: what it is, and what to do. */

import { CallmeshError, Denied, type Role } from "@callmesh/core";

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
    default:
      return `The call ended here: ${messageOf(error)}. You can join again.`;
  }
}

/** Something went wrong within the call. */
export function callProblem(error: unknown): string {
  switch (codeOf(error)) {
    case "denied":
      if (error instanceof Denied && error.reason === "read_only") return sentence(messageOf(error));
      return `Not allowed: ${messageOf(error)}.`;
    case "timed_out":
      return "The hub has not answered yet. It will be done once you are back.";
    default:
      return sentence(messageOf(error));
  }
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
