/** How well the connections to the others go (G25). */

import { signal } from "@preact/signals";
import type { Call, Quality } from "@callmesh/client";
import type { ParticipantId } from "@callmesh/core";

/** Seconds there and back, and the share that is lost, at which speech and picture falter. */
const SLOW = 0.4;
const LOSSY = 0.05;
/** As often in a row it is otherwise before it is said. */
const SURE = 2;
/** Milliseconds between two measurings. */
const PAUSE = 3_000;

export type Going = "fine" | "poor" | "server";

/** How it goes with one: what is measured once says nothing yet. */
export class Health {
  #poor = false;
  #streak = 0;

  take({ roundTrip = 0, loss, relayed }: Quality): Going {
    const isPoor = roundTrip > SLOW || loss > LOSSY;
    this.#streak = isPoor === this.#poor ? 0 : this.#streak + 1;
    if (this.#streak >= SURE) {
      this.#poor = isPoor;
      this.#streak = 0;
    }
    if (this.#poor) return "poor";
    return relayed ? "server" : "fine";
  }
}

type Measured = Pick<Call, "me" | "participants" | "media">;

export class Connections {
  /** Those of whom something is known that is not fine. Another map only where something in it is. */
  readonly now = signal<ReadonlyMap<ParticipantId, Going>>(new Map());
  readonly #call: Measured;
  readonly #healths = new Map<ParticipantId, Health>();

  constructor(call: Measured) {
    this.#call = call;
  }

  /** Measure, while the page can be seen. Returns what ends it. */
  start(): () => void {
    const timer = setInterval(() => document.hidden || void this.measure(), PAUSE);
    return () => clearInterval(timer);
  }

  async measure(): Promise<void> {
    const { me, participants, media } = this.#call;
    const ids = [...participants.keys()].filter((id) => id !== me.id);
    const found = new Map<ParticipantId, Going>();
    for (const id of ids) {
      const quality = await media.measure(id).catch(() => undefined);
      const going = quality && this.#health(id).take(quality);
      if (going === undefined) this.#healths.delete(id);
      else if (going !== "fine") found.set(id, going);
    }
    for (const id of this.#healths.keys()) if (!ids.includes(id)) this.#healths.delete(id);
    const before = this.now.peek();
    if (found.size !== before.size || [...found].some(([id, going]) => before.get(id) !== going)) this.now.value = found;
  }

  #health(id: ParticipantId): Health {
    let health = this.#healths.get(id);
    if (health === undefined) this.#healths.set(id, (health = new Health()));
    return health;
  }
}
