/** Ids: what they look like, and how new ones are made. All are ASCII, so both languages order them alike. */

import { BadName } from "./errors.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type CallId = Branded<"CallId">;
export type ParticipantId = Branded<"ParticipantId">;
export type PersonId = Branded<"PersonId">;
export type ResourceId = Branded<"ResourceId">;
export type AppId = Branded<"AppId">;
/** `call`, `roster`, `apps`, `door`, `hub`, `state/<resource>` or `presence/<resource>`. */
export type StateId = Branded<"StateId">;
/** A participant id, or `<participant id>.<n>` for the n-th app frame that writes on its behalf. */
export type Writer = Branded<"Writer">;

export const CALL = "call" as StateId;
export const ROSTER = "roster" as StateId;
/** What the hub tells of the apps in use: rules and state version, by app id. */
export const APPS = "apps" as StateId;
/** What the hub tells hosts: who waits to be let in, who is kept out, and which roles were given. */
export const DOOR = "door" as StateId;
/** What the hub tells of itself: `READ_ONLY`, while its disk refuses; `DIRECT` and `STREAMS`, where they are set. */
export const HUB_STATE = "hub" as StateId;
/** Under this key, a sentence: why nothing is saved at the moment. */
export const READ_ONLY = "read_only";
/** The key that says up to how many participants streams go direct; 8 where it is not there. */
export const DIRECT = "direct_participants";
/** The key that says how many streams a participant may have open, and how many that is where it is not there. */
export const STREAMS = "streams";
export const MOST_STREAMS = 32;
export const HUB = "hub" as Writer;

/** Characters of a display name or a resource's title. */
export const MAX_NAME = 80;

const CALL_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const APP_ID = /^[a-z][a-z0-9-]{0,39}$/;
const RESOURCE_ID = /^r[0-9a-z]{1,24}$/;
const PERSON_ID = /^u[0-9a-z]{1,24}$/;
const STREAM = /^[A-Za-z0-9_.-]{1,64}$/;
const STATE_ID = /^(?:call|roster|apps|door|hub|(?:state|presence)\/r[0-9a-z]{1,24})$/;
const WRITER = /^(p[0-9a-z]{1,24})(?:\.[1-9][0-9]{0,8})?$/;
/**
 * What does not show, or shows as a gap: control and format characters, halves of pairs, private ones, spaces, the
 * empty sign of Braille, and what Unicode has shown as nothing: fillers, joiners, selectors of variants, tags. With
 * any of them two names are others, and look alike.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]+/gu;
/** Marks on one character beyond the four that some scripts need: they are left out. */
const STACKED = /([\p{Mn}\p{Me}]{4})[\p{Mn}\p{Me}]+/gu;
/** Marks sit on something else, and show nothing by themselves. */
const NOTHING = /^[\p{M} ]*$/u;

/** Raises `BadName` unless `text` can be the id of a call. */
export function callId(text: string): CallId {
  if (!CALL_ID.test(text)) {
    throw new BadName("a call id is 1–64 letters, digits, - or _, and starts with a letter or digit");
  }
  return text as CallId;
}

export function appId(text: string): AppId {
  if (!APP_ID.test(text)) {
    throw new BadName("an app id is 1–40 lower-case letters, digits or -, and starts with a letter");
  }
  return text as AppId;
}

export function resourceId(text: string): ResourceId {
  if (!RESOURCE_ID.test(text)) {
    throw new BadName("a resource id is r and 1–24 lower-case letters or digits");
  }
  return text as ResourceId;
}

export function personId(text: string): PersonId {
  if (!PERSON_ID.test(text)) throw new BadName("a person id is u and 1–24 lower-case letters or digits");
  return text as PersonId;
}

export function streamName(text: string): string {
  if (!STREAM.test(text)) throw new BadName("a stream name is 1–64 letters, digits, . - or _");
  return text;
}

/** The name of a stream that an app may open. */
export function appStream(text: string): string {
  if (text.startsWith(".")) throw new BadName("a stream name that begins with a dot is not for apps");
  return streamName(text);
}

export function stateId(text: string): StateId {
  if (!STATE_ID.test(text)) {
    throw new BadName("a state is call, roster, apps, door, hub, or state or presence/<resource>");
  }
  return text as StateId;
}

export function stateOf(resource: ResourceId): StateId {
  return `state/${resource}` as StateId;
}

export function presenceOf(resource: ResourceId): StateId {
  return `presence/${resource}` as StateId;
}

/** The resource a State belongs to; undefined for the call's own States. */
export function resourceOf(state: StateId): ResourceId | undefined {
  const slash = state.indexOf("/");
  return slash < 0 ? undefined : (state.slice(slash + 1) as ResourceId);
}

/** Whether a State is never saved: presence, and what the hub itself tells. */
export function isVolatile(state: StateId): boolean {
  return [ROSTER, APPS, DOOR, HUB_STATE].includes(state) || state.startsWith("presence/");
}

/** Whether `writer` is `participant`, or one of its app frames. */
export function writesFor(writer: string, participant: ParticipantId): boolean {
  return WRITER.exec(writer)?.[1] === participant;
}

/** A name as people see it: trimmed, one line, 1–80 characters. It is data; markup in it is text. */
export function displayName(text: string): string {
  const name = seen(text).trim().replace(STACKED, "$1");
  if (NOTHING.test(name) || characters(name) > MAX_NAME) {
    throw new BadName(`a name has 1–${MAX_NAME} visible characters`);
  }
  return name;
}

/** The same with a space for what does not show. */
export function seen(text: string): string {
  return text.replace(UNSEEN, " ");
}

/** How many code points a text has: what a limit in characters counts, in both languages. */
export function characters(text: string): number {
  return Array.from(text).length;
}

/** A new id: `p` participant, `u` person, `r` resource. `entropy` is 8 random bytes. */
export function issue(letter: "p" | "u" | "r" | "i", entropy: Uint8Array): string {
  const number = entropy.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return letter + number.toString(36);
}
