/** Joining a call. */

import { BadName, callId, displayName, isRole, TimedOut, unlessAborted, type CallId, type messages, type Role } from "@callmesh/core";

import { Call } from "./call.ts";
import { after } from "./runtime.ts";
import type { WaitingArea } from "./waiting.ts";

/** Milliseconds that joining may take unless told otherwise. */
const JOIN_TIMEOUT = 15_000;

export interface JoinOptions {
  /** For a token that names nobody, or without one. */
  readonly name?: string;
  readonly role?: Role;
  /** The person proof of an earlier visit, `call.personProof`: the same person again. */
  readonly person?: string;
  /** Whether this participant sends and takes audio and video. */
  readonly media?: boolean;
  readonly token?: string;
  /**
   * Told that hosts are asked first, and whenever one says something to who waits. To be the same person at
   * the next try, keep its `personProof`, where it has one. `area` has the resources that are shown meanwhile.
   */
  readonly onWaiting?: (waiting: messages.Waiting, area: WaitingArea) => void;
  /** Told that the link broke while waiting. It comes back by itself, and `onWaiting` is told anew. */
  readonly onLost?: () => void;
  readonly signal?: AbortSignal;
  /** Milliseconds until the hub has answered; waiting to be let in has no limit. */
  readonly timeout?: number;
}

/**
 * Join the call with this page address, `https://host/call/<id>`.
 *
 * Rejects with `Unauthorized`, `Declined`, `Removed`, `CallOver`, `BadName`, `NoSuchCall`, `TooFast`, `TimedOut`, `Broken`, or whatever else
 * the hub names.
 */
export async function join(url: string | URL, options: JoinOptions): Promise<Call> {
  const { signal, timeout = JOIN_TIMEOUT, media = false, person } = options;
  const address = readAddress(url);
  const role = options.role ?? address.role;
  const token = options.token ?? address.token;
  if (options.name === undefined && token === undefined) throw new BadName("say who comes: join(url, { name })");
  const name = options.name === undefined ? "" : displayName(options.name);
  signal?.throwIfAborted();
  const { id, socket } = address;
  let stop = (): void => undefined;
  const onWaiting = (waiting: messages.Waiting, area: WaitingArea): void => {
    stop();
    options.onWaiting?.(waiting, area);
  };
  const onLost = (): void => options.onLost?.();
  const call = new Call({
    id, socket, name, media, role: role ?? null, token: token ?? null, person: person ?? null, onWaiting, onLost,
  }); // prettier-ignore
  stop = after(timeout, () => call.fail(new TimedOut("the hub did not answer in time")));
  try {
    await unlessAborted(call.opened, signal);
    return call;
  } catch (error) {
    void call.leave();
    throw error;
  } finally {
    stop();
  }
}

export interface Address {
  readonly id: CallId;
  /** Where the socket is. */
  readonly socket: string;
  readonly role: Role | undefined;
  readonly token: string | undefined;
}

/** What a call's page address says. Raises `BadName`. */
export function readAddress(address: string | URL): Address {
  const url = new URL(parsed(address));
  const found = /^(.*\/call\/([^/]+))\/?$/.exec(url.pathname);
  const [, path, id] = found ?? [];
  const scheme = { "http:": "ws:", "https:": "wss:" }[url.protocol];
  if (path === undefined || id === undefined || scheme === undefined) {
    throw new BadName("a call's address looks like https://host/call/<id>");
  }
  const said = new URLSearchParams(url.hash.slice(1));
  const role = said.get("role");
  return {
    id: callId(id),
    socket: `${scheme}//${url.host}${path}/socket`,
    role: isRole(role) ? role : undefined,
    token: said.get("token") ?? undefined,
  };
}

function parsed(address: string | URL): URL {
  try {
    return new URL(address);
  } catch (error) {
    throw new BadName("this is no address of a call", { cause: error });
  }
}
