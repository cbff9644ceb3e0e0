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
}

/** `<hub>/call/<id>#role=guest`; the fragment never leaves the browser. */
export function readAddress({ origin, pathname, hash }: Pick<Location, "origin" | "pathname" | "hash">): Address {
  const [, prefix = "", call = ""] = /^(.*)\/call\/([^/]*)\/?$/.exec(pathname) ?? [];
  const fragment = new URLSearchParams(hash.slice(1));
  const role = fragment.get("role") || undefined;
  const hub = origin + prefix;
  return {
    hub,
    call: decoded(call),
    url: `${hub}/call/${call}`,
    role: isRole(role) ? role : undefined,
    strangeRole: isRole(role) ? undefined : role,
    token: fragment.get("token") ?? undefined,
  };
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
