/** Which cameras, microphones and speakers there are, and which of them are wanted: now, and in later visits. */

import { computed, signal, type ReadonlySignal, type Signal } from "@preact/signals";

import type { Memory } from "./memory.ts";

export const PURPOSES = ["camera", "microphone", "speaker"] as const;
export type Purpose = (typeof PURPOSES)[number];

/** A device by the browser's name for it, and by the one that people know. */
export interface Choice {
  readonly id: string;
  readonly label: string;
}

const KINDS: Record<Purpose, MediaDeviceKind> = { camera: "videoinput", microphone: "audioinput", speaker: "audiooutput" };
/** Names that Chromium has for what the system uses: here that is having chosen nothing. */
const ALIASES = ["", "default", "communications"];

export class Choices {
  readonly #found = signal<readonly MediaDeviceInfo[]>([]);
  readonly #chosen: Record<Purpose, Signal<Choice | undefined>>;
  readonly #memory: Memory;
  readonly #onGone: (purpose: Purpose, label: string) => void;
  /** Of what was said already that it is not there. */
  readonly #told = new Set<string>();
  /** The speaker to play through, as `setSinkId` has it; empty for the default one. */
  readonly sink: ReadonlySignal<string> = computed(() => (this.isGone("speaker") ? "" : (this.chosen("speaker")?.id ?? "")));

  /** `onGone` is told of what was chosen and is not there: once, until it is there again. */
  constructor(memory: Memory, onGone: (purpose: Purpose, label: string) => void) {
    this.#memory = memory;
    this.#onGone = onGone;
    const remembered = (purpose: Purpose) => signal(memory.device(purpose));
    this.#chosen = { camera: remembered("camera"), microphone: remembered("microphone"), speaker: remembered("speaker") };
    mediaDevices()?.addEventListener("devicechange", () => void this.look());
  }

  /** What was chosen, be it there or not; undefined for what the system uses. */
  chosen(purpose: Purpose): Choice | undefined {
    return this.#chosen[purpose].value;
  }

  /** What there is. Nothing before the browser lets the page know. */
  options(purpose: Purpose): readonly Choice[] {
    return this.#found.value
      .filter(({ kind, deviceId }) => kind === KINDS[purpose] && !ALIASES.includes(deviceId))
      .map(({ deviceId: id, label }) => ({ id, label }));
  }

  /** Whether another one is used because the chosen one is not there. */
  isGone(purpose: Purpose): boolean {
    const chosen = this.chosen(purpose);
    const options = this.options(purpose);
    return chosen !== undefined && options.length > 0 && !options.some(({ id }) => id === chosen.id);
  }

  /** By id; an empty one for what the system uses. */
  choose(purpose: Purpose, id: string): void {
    const choice = this.options(purpose).find((one) => one.id === id);
    this.#chosen[purpose].value = choice;
    this.#memory.setDevice(purpose, choice);
  }

  /** Look anew what there is: after what makes the browser tell more. */
  async look(): Promise<void> {
    this.#found.value = (await mediaDevices()?.enumerateDevices().catch(() => [])) ?? [];
    for (const purpose of PURPOSES) this.#tellGone(purpose);
  }

  #tellGone(purpose: Purpose): void {
    const chosen = this.chosen(purpose);
    if (chosen === undefined) return;
    const key = `${purpose} ${chosen.id}`;
    const isNew = !this.#told.has(key);
    if (!this.isGone(purpose)) this.#told.delete(key);
    else if (isNew) {
      this.#told.add(key);
      this.#onGone(purpose, chosen.label);
    }
  }
}

/** Not there in pages without https, whatever the types say. */
export function mediaDevices(): MediaDevices | undefined {
  return (globalThis.navigator as Navigator | undefined)?.mediaDevices;
}
