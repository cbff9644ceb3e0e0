/** Participants: one live presence in a call each, as the roster shows them. */

import { BadValue } from "./errors.ts";
import type { ParticipantId, PersonId, ResourceId } from "./ids.ts";
import type { Json, JsonObject } from "./values.ts";

export const ROLES = ["host", "guest", "observer"] as const;
export type Role = (typeof ROLES)[number];

/** A roster entry. The roster is a State that only the hub writes, under the participant's id. */
export interface Participant {
  /** This presence: a tab, a program, a device. Issued by the hub. */
  readonly id: ParticipantId;
  /** Who it is: the same across tabs, reloads and visits. */
  readonly person: PersonId;
  readonly name: string;
  readonly role: Role;
  /** What it can do: `rtc`, `media`. */
  readonly offers: readonly string[];
  /** False while its link is lost and it may still come back. */
  readonly here: boolean;
  /** The public half of what it signs with, base64url; absent where it has no key. */
  readonly key?: string;
  /** The resource whose Python half it is, started by the hub; absent for everybody else. */
  readonly half?: ResourceId;
}

/** Observers watch; everybody else may change what no rule forbids. */
export function mayEdit(role: Role): boolean {
  return role !== "observer";
}

export const ACCESSES = ["edit", "view", "hidden"] as const;
/**
 * What somebody may do with one resource, before the key rules of its app narrow it. For whom it is
 * hidden it is not there at all.
 */
export type Access = (typeof ACCESSES)[number];

/**
 * The access of a participant to a resource, by its `settings` for persons and for roles.
 *
 * The person's own setting goes before that of the role. Hosts can always edit, so that nobody is
 * locked out for good.
 */
export function accessOf(person: string, role: Role, settings: ReadonlyMap<string, Access>): Access {
  if (role === "host") return "edit";
  return settings.get(person) ?? settings.get(role) ?? (mayEdit(role) ? "edit" : "view");
}

export function isAccess(text: unknown): text is Access {
  return ACCESSES.some((access) => access === text);
}

export function isRole(text: unknown): text is Role {
  return ROLES.some((role) => role === text);
}

/** A participant out of the roster. What a later hub adds is passed over. Raises `BadValue`. */
export function readParticipant(value: Json): Participant {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new BadValue("not a participant: an object is expected");
  }
  const { id, person, name, role, offers = [], here = true, key = "", half = "" } = value as JsonObject;
  if (typeof id !== "string" || typeof person !== "string" || typeof name !== "string") {
    throw new BadValue("not a participant: id, person and name are texts");
  }
  if (!isRole(role)) throw new BadValue("not a participant: a role is host, guest or observer");
  if (!isTexts(offers) || typeof here !== "boolean") {
    throw new BadValue("not a participant: offers is a list of texts, here is true or false");
  }
  const known = { id: id as ParticipantId, person: person as PersonId, name, role, offers, here };
  const signs = typeof key === "string" && key !== "" ? { ...known, key } : known;
  return typeof half === "string" && half !== "" ? { ...signs, half: half as ResourceId } : signs;
}

function isTexts(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
