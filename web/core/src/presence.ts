/** What participants are doing now: `resource.presence`. */

import type { ParticipantId, StateId } from "./ids.ts";
import type { Change } from "./mesh.ts";
import type { ReplicaAccess } from "./replica.ts";
import { SharedState } from "./shared.ts";
import { checkKey, type Json } from "./values.ts";

/** `resource.presence`: what each participant is doing now. One writes only one's own. */
export class SharedPresence {
  readonly #state: SharedState;
  readonly #me: () => ParticipantId;

  constructor(access: ReplicaAccess, id: StateId, me: () => ParticipantId) {
    this.#state = new SharedState(access, id);
    this.#me = me;
  }

  set(key: string, value: Json): void {
    this.#state.set(`${this.#me()}/${checkKey(key)}`, value);
  }

  delete(key: string): void {
    this.#state.delete(`${this.#me()}/${key}`);
  }

  /** What oneself has set. */
  get(key: string): Json | undefined {
    return this.#state.get(`${this.#me()}/${key}`);
  }

  of(participant: ParticipantId): Record<string, Json> {
    return this.all().get(participant) ?? {};
  }

  all(): Map<ParticipantId, Record<string, Json>> {
    const all = new Map<ParticipantId, Record<string, Json>>();
    for (const [place, value] of this.#state.entries()) {
      const slash = place.indexOf("/");
      if (slash < 0) continue;
      const id = place.slice(0, slash) as ParticipantId;
      const own = all.get(id) ?? {};
      own[place.slice(slash + 1)] = value;
      all.set(id, own);
    }
    return all;
  }

  /** Told of every change; at once with undefined. Returns what ends it. */
  subscribe(fn: (change: Change | undefined) => void): () => void {
    return this.#state.subscribe(fn);
  }
}
