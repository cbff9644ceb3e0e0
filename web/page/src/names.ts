/** How the page calls people: of two who have one name, who came later has a number behind it. */

import type { Participant } from "@callmesh/core";

/** Who was called what, by person and name. */
export type Called = ReadonlyMap<string, string>;

/** What each of them is called, in the order in which they came; whoever was called something `before` keeps it. */
export function toldApart(participants: readonly Participant[], before: Called): Called {
  const called = new Map<string, string>();
  const taken = new Map<string, string>();
  const call = (key: string, words: string): void => {
    called.set(key, words);
    taken.set(alike(words), key);
  };
  for (const { person, name } of participants) {
    const key = keyFor(person, name);
    const words = before.get(key);
    if (words !== undefined && !taken.has(alike(words))) call(key, words);
  }
  for (const { person, name } of participants) {
    const key = keyFor(person, name);
    if (called.has(key)) continue;
    let words = name;
    for (let number = 2; taken.has(alike(words)); number++) words = `${name} (${number})`;
    call(key, words);
  }
  return called;
}

export function asCalled(participant: Participant, called: Called): Participant {
  const name = called.get(keyFor(participant.person, participant.name));
  return name === undefined || name === participant.name ? participant : { ...participant, name };
}

function keyFor(person: string, name: string): string {
  return `${person} ${name}`;
}

/** Names that are this alike are taken for one another. */
function alike(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}
