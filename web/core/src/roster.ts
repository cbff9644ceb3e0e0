/** Who is in the call, as the hub says. */

import { BadInput } from "./errors.ts";
import { ROSTER, type ParticipantId } from "./ids.ts";
import type { Change } from "./mesh.ts";
import { readParticipant, type Participant } from "./participant.ts";
import type { Json } from "./values.ts";

export class Roster {
  /** As the hub has said. */
  readonly #said = new Map<ParticipantId, Participant>();
  readonly #participants = new Map<ParticipantId, Participant>();
  #lost: ReadonlySet<ParticipantId> = new Set();

  /** In the order in which they came. */
  get participants(): ReadonlyMap<ParticipantId, Participant> {
    return this.#participants;
  }

  /** Who is not here, as far as can be told without the hub; whether that is another. */
  lose(lost: ReadonlySet<ParticipantId>): boolean {
    if (lost.size === this.#lost.size && [...lost].every((id) => this.#lost.has(id))) return false;
    this.#lost = lost;
    for (const someone of this.#said.values()) this.#show(someone);
    return true;
  }

  /** As the hub has said, whoever is lost. */
  get said(): Iterable<Participant> {
    return this.#said.values();
  }

  #show(someone: Participant): void {
    this.#participants.set(someone.id, this.#lost.has(someone.id) ? { ...someone, here: false } : someone);
  }

  /** Take a change in; tell whether it changed anything, and who is gone. */
  follow(change: Change): { changed: boolean; gone: ParticipantId[] } {
    const gone: ParticipantId[] = [];
    if (change.state !== ROSTER) return { changed: false, gone };
    for (const [key, { new: value }] of change.keys) {
      const participant = value === undefined ? undefined : readOrNot(key, value);
      if (participant !== undefined) {
        this.#said.set(participant.id, participant);
        this.#show(participant);
        continue;
      }
      this.#said.delete(key as ParticipantId);
      if (this.#participants.delete(key as ParticipantId)) gone.push(key as ParticipantId);
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
