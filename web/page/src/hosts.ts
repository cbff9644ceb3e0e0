/** What hosts see and do about people: who waits, who has left or is kept out, and what of it is under way. */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Call, HalfTrouble, Hosting, Left, Noted, Waiting } from "@callmesh/client";
import { CallOver, type PersonId, type ResourceId } from "@callmesh/core";

import { commandProblem } from "./words.ts";

/** In place of a person: all who wait, or the call itself. */
export const EVERYBODY = "";

export class Hosts {
  /** Who waits to be let in, longest first. */
  readonly waiting = signal<readonly Waiting[]>([]);
  readonly keptOut = signal<readonly Noted[]>([]);
  /** Who has left within a day and is not kept out, the latest first. */
  readonly left = signal<readonly Left[]>([]);
  /** Whether guests wait; undefined where no host has said, and the hub decides. */
  readonly waitingArea = signal(false);
  /** Whether nobody new comes in; everybody sees that. */
  readonly locked = signal(false);
  /** Apps whose Python should run and does not. */
  readonly halves = signal<readonly HalfTrouble[]>([]);
  /** What went wrong with the last command, in words. */
  readonly problem = signal<string | undefined>(undefined);
  readonly #hosting: Hosting;
  readonly #busy = signal<readonly string[]>([]);
  readonly #seen = signal<ReadonlySet<PersonId>>(new Set());
  readonly #seenHalves = signal<ReadonlySet<ResourceId>>(new Set());
  #ends = false;

  /** Who waits, and was not looked at yet; none while the call is locked, which is to have peace. */
  readonly news: ReadonlySignal<readonly Waiting[]> = computed(() =>
    this.locked.value ? [] : this.waiting.value.filter(({ person, held }) => !held && !this.#seen.value.has(person)),
  );

  /** Of those halves, the ones whose trouble was not looked at yet. */
  readonly troubles: ReadonlySignal<readonly HalfTrouble[]> = computed(() =>
    this.halves.value.filter(({ resource }) => !this.#seenHalves.value.has(resource)),
  );

  constructor(call: Call) {
    this.#hosting = call.hosting;
  }

  /** Mirror what the hub tells hosts. */
  mirror(): void {
    const waiting = this.#hosting.waiting;
    this.waiting.value = waiting;
    this.keptOut.value = this.#hosting.noted.filter(({ removed }) => removed > 0);
    this.left.value = this.#hosting.left;
    this.waitingArea.value = this.#hosting.waitingArea;
    this.locked.value = this.#hosting.locked;
    this.halves.value = this.#hosting.halves;
    this.#forgetHalves();
    // Who comes again is news again.
    const here = new Set(waiting.map(({ person }) => person));
    const seen = [...this.#seen.peek()].filter((person) => here.has(person));
    if (seen.length < this.#seen.peek().size) this.#seen.value = new Set(seen);
  }

  /** What has recovered, and fails once more, is news again. */
  #forgetHalves(): void {
    const failing = new Set(this.halves.value.map(({ resource }) => resource));
    const seen = [...this.#seenHalves.peek()].filter((resource) => failing.has(resource));
    if (seen.length < this.#seenHalves.peek().size) this.#seenHalves.value = new Set(seen);
  }

  /** The host knows of the halves that do not run now. */
  lookAtHalves(): void {
    this.#seenHalves.value = new Set(this.halves.value.map(({ resource }) => resource));
  }

  /** Whoever waits now was looked at. */
  look(): void {
    if (this.news.value.length > 0) this.#seen.value = new Set(this.waiting.value.map(({ person }) => person));
  }

  /** Tells whether it was done. */
  async setWaitingArea(on: boolean): Promise<boolean> {
    return this.run(EVERYBODY, (hosting) => hosting.setWaitingArea(on));
  }

  /** Tells whether it was done. */
  async lock(on: boolean): Promise<boolean> {
    return this.run(EVERYBODY, (hosting) => hosting.lock(on));
  }

  /** Whether a command about that person, or about everybody, is under way. */
  isBusy(whom: string): boolean {
    return this.#busy.value.includes(whom) || this.#busy.value.includes(EVERYBODY);
  }

  /** Whether this participant has ended the call. */
  get ends(): boolean {
    return this.#ends;
  }

  /** Have something done about `whom`; tells whether it was, and else leaves the `problem`. */
  async run(whom: string, command: (hosting: Hosting) => Promise<void>): Promise<boolean> {
    this.problem.value = undefined;
    this.#busy.value = [...this.#busy.value, whom];
    try {
      await command(this.#hosting);
      return true;
    } catch (error) {
      this.problem.value = commandProblem(error);
      return false;
    } finally {
      const place = this.#busy.value.indexOf(whom);
      this.#busy.value = this.#busy.value.filter((_, index) => index !== place);
    }
  }

  /** End the call for everybody. */
  async end(): Promise<void> {
    this.#ends = true; // the end may come before the answer, and in its place
    await this.run(EVERYBODY, (hosting) =>
      hosting.end().catch((error: unknown) => {
        this.#ends = error instanceof CallOver;
        throw error;
      }),
    );
  }
}
