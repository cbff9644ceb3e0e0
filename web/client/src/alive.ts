/**
 * Which tabs live: each holds a lock in its participant's name, and the browser takes the lock from a
 * tab that goes, in whatever way. Where there are no locks, the roster says who is here.
 */

import type { CallId, ParticipantId } from "@callmesh/core";

type Release = () => void;

export class Alive {
  readonly #call: CallId;
  readonly #isHere: (participant: ParticipantId) => boolean;

  constructor(call: CallId, isHere: (participant: ParticipantId) => boolean) {
    this.#call = call;
    this.#isHere = isHere;
  }

  /** This tab is that participant from now on, until it is released. */
  async hold(participant: ParticipantId): Promise<Release> {
    return (await this.#lock(participant, false)) ?? (() => undefined);
  }

  /** Stand in for a participant whose tab is gone; undefined while it lives, or another tab stands in. */
  async claim(participant: ParticipantId): Promise<Release | undefined> {
    if (locks() === undefined) return this.#isHere(participant) ? undefined : () => undefined;
    return this.#lock(participant, true);
  }

  async #lock(participant: ParticipantId, ifAvailable: boolean): Promise<Release | undefined> {
    return new Promise((resolve, reject) => {
      const held = locks()?.request(`callmesh ${this.#call} ${participant}`, { ifAvailable }, (lock) => {
        if (lock === null) {
          resolve(undefined);
          return undefined;
        }
        return new Promise<void>((release) => resolve(() => release()));
      });
      if (held === undefined) resolve(undefined);
      else held.catch(reject);
    });
  }
}

/** Pages without https have none. */
function locks(): LockManager | undefined {
  return typeof navigator === "undefined" ? undefined : (navigator as { readonly locks?: LockManager }).locks;
}
