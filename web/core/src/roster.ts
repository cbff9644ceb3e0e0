/** Who is in the call, as the hub says. */

import { BadInput } from "./errors.ts";
import { ROSTER, type ParticipantId } from "./ids.ts";
import type { Change } from "./mesh.ts";
import { readParticipant, type Participant } from "./participant.ts";
import type { Json } from "./values.ts";

export class Roster {
  readonly #participants = new Map<ParticipantId, Participant>();

  /** In the order in which they came. */
  get participants(): ReadonlyMap<ParticipantId, Participant> {
    return this.#participants;
  }

  /** Take a change in; tell whether it changed anything, and who is gone. */
  follow(change: Change): { changed: boolean; gone: ParticipantId[] } {
    const gone: ParticipantId[] = [];
    if (change.state !== ROSTER) return { changed: false, gone };
    for (const [key, { new: value }] of change.keys) {
      const participant = value === undefined ? undefined : readOrNot(key, value);
      if (participant !== undefined) this.#participants.set(participant.id, participant);
      else if (this.#participants.delete(key as ParticipantId)) gone.push(key as ParticipantId);
    }
    return { changed: true, gone };
  }
}

function readOrNot(key: string, value: Json): Participant | undefined {
  try {
    const participant = readParticipant(value);
    return participant.id === key ? participant : undefined;
  } catch (error) {
    if (error instanceof BadInput) return undefined;
    throw error;
  }
}
