/** What this machine is like, and whether the page saves its power (G31). */

import { computed, signal, type ReadonlySignal } from "@preact/signals";

import type { Memory } from "./memory.ts";

export interface Machine {
  /** GiB, as Chromium tells it, roughly; undefined where the browser keeps that to itself. */
  readonly memory: number | undefined;
  readonly cores: number;
  /** A phone or a tablet. */
  readonly touch: boolean;
  /** The browser is set to save data. */
  readonly thrifty: boolean;
  /** The browser has thrown this page away before, for want of memory. */
  readonly discarded: boolean;
}

/** Not in TypeScript's library: Chromium's. */
interface Told {
  readonly deviceMemory?: number;
  readonly connection?: { readonly saveData?: boolean };
}

export function thisMachine(): Machine {
  const { deviceMemory, connection } = navigator as Told;
  return {
    memory: deviceMemory,
    cores: navigator.hardwareConcurrency,
    touch: matchMedia("(pointer: coarse)").matches,
    thrifty: connection?.saveData === true,
    discarded: (document as { readonly wasDiscarded?: boolean }).wasDiscarded === true,
  };
}

/** Where the browser does not tell the memory, the cores that it tells are often made up. */
export function isWeak({ memory = Infinity, cores, thrifty }: Machine): boolean {
  return thrifty || memory <= 2 || (memory <= 4 && cores <= 4);
}

/** How many apps stay loaded (G30). */
export function mostFrames({ memory = Infinity, touch, discarded }: Machine, saves: boolean): number {
  if (saves || discarded) return 2;
  return touch || memory <= 4 ? 4 : 8;
}

export class Power {
  /** Whether it is saved: as was chosen here, or else as this machine is. */
  readonly saves: ReadonlySignal<boolean>;
  readonly mostFrames: ReadonlySignal<number>;
  readonly #chosen;
  readonly #memory: Memory;

  constructor(memory: Memory, machine = thisMachine()) {
    this.#memory = memory;
    this.#chosen = signal(memory.saving);
    this.saves = computed(() => this.#chosen.value ?? isWeak(machine));
    this.mostFrames = computed(() => mostFrames(machine, this.saves.value));
  }

  save(on: boolean): void {
    this.#memory.saving = on;
    this.#chosen.value = on;
  }
}
