/** What the address of the page says: which call, on which hub, and as whom. */

import { isRole, type Role } from "@callmesh/core";

export interface Address {
  /** The hub's own address, without a slash at the end. */
  readonly hub: string;
  readonly call: string;
  /** The call's address without the fragment: what `join` takes. */
  readonly url: string;
  readonly role: Role | undefined;
  /** The role it asks for, where there is no such role. */
  readonly strangeRole: string | undefined;
  readonly token: string | undefined;
  /** What the token calls its bearer, if it does. */
  readonly name: string | undefined;
  /** What the link itself calls who comes: a page that shows a stage knows them. */
  readonly called: string | undefined;
  /** In which language the page is wanted; a tag, whether the page speaks it or not. */
  readonly language: string | undefined;
}

/** `<hub>/call/<id>#role=guest&lang=de`, or `…/<id>/stage`; the fragment never leaves the browser. */
export function readAddress({ origin, pathname, hash }: Pick<Location, "origin" | "pathname" | "hash">): Address {
  const [, prefix = "", call = ""] = /^(.*)\/call\/([^/]*)(?:\/stage)?\/?$/.exec(pathname) ?? [];
  const fragment = new URLSearchParams(hash.slice(1));
  const role = fragment.get("role") || undefined;
  const token = fragment.get("token") ?? undefined;
  const hub = origin + prefix;
  return {
    hub,
    call: decoded(call),
    url: `${hub}/call/${call}`,
    role: isRole(role) ? role : undefined,
    strangeRole: isRole(role) ? undefined : role,
    token,
    name: token === undefined ? undefined : nameIn(token),
    called: fragment.get("name") || undefined,
    language: fragment.get("lang") || undefined,
  };
}

/** What may be wrong with a link that the hub refused; `other`: only the hub knows. */
export type LinkTrouble = "none" | "cut" | "elsewhere" | "late" | "other";

/** Why the hub may have refused the link; `now` in seconds since the epoch, by a clock that may be wrong. */
export function linkTrouble({ token, call }: Pick<Address, "token" | "call">, now: number): LinkTrouble {
  if (token === undefined) return "none";
  const claims = claimsIn(token);
  if (claims === undefined) return "cut";
  if (typeof claims["call"] === "string" && claims["call"] !== call) return "elsewhere";
  return typeof claims["exp"] === "number" && claims["exp"] <= now ? "late" : "other";
}

function nameIn(token: string): string | undefined {
  const name = claimsIn(token)?.["name"];
  return typeof name === "string" ? name : undefined;
}

/** For show alone: whether a token is good is for the hub to say. */
function claimsIn(token: string): Record<string, unknown> | undefined {
  try {
    const [, body = ""] = token.split(".");
    const bytes = Uint8Array.from(atob(body.replace(/-/gu, "+").replace(/_/gu, "/")), (c) => c.codePointAt(0) ?? 0);
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims !== null ? { ...claims } : undefined;
  } catch {
    return undefined;
  }
}

/** The link that lets somebody else in, as a guest. */
export function inviteLink(address: Address): string {
  return `${address.url}#role=guest`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
