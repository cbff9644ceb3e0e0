/** The persons in a call. One may be there more than once, in several tabs. */

import type { Participant, PersonId, Role } from "@callmesh/core";

export interface Somebody {
  readonly person: PersonId;
  readonly name: string;
  readonly role: Role;
  readonly self: boolean;
  /** Whether it is the Python half of an app, about which nobody decides anything. */
  readonly half: boolean;
  /** Whether any of their presences has its link. */
  readonly here: boolean;
  readonly presences: readonly Participant[];
}

/** Everybody, oneself first. */
export function peopleIn(participants: readonly Participant[], me: PersonId | undefined): Somebody[] {
  const found = new Map<PersonId, Participant[]>();
  for (const participant of participants) {
    found.set(participant.person, [...(found.get(participant.person) ?? []), participant]);
  }
  return [...found].map(([person, presences]) => {
    const [{ name, role, half }] = presences as [Participant];
    return { person, name, role, self: person === me, half: half !== undefined, here: presences.some(({ here }) => here), presences };
  });
}

/** To whom the only host could hand over before going: who is there, those with a camera first. */
export function heirs(people: readonly Somebody[]): Somebody[] {
  const seen = ({ presences }: Somebody): number => (presences.some(({ offers }) => offers.includes("media")) ? 0 : 1);
  return people.filter(({ self, here, half }) => !self && here && !half).sort((a, b) => seen(a) - seen(b));
}

/** Whether one is a host here alone, and no other host is there. */
export function isOnlyHost(people: readonly Somebody[]): boolean {
  const hosts = people.filter(({ role, here, self }) => role === "host" && (here || self));
  const [host, ...more] = hosts;
  return more.length === 0 && host?.self === true && host.presences.filter(({ here }) => here).length < 2;
}
