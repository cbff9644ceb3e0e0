/** What this browser remembers about its user, per hub, and a tab of it per call. It may refuse to: then it forgets. */

import type { Choice, Purpose } from "./choices.ts";
import type { Kind } from "./devices.ts";

export class Memory {
  readonly #prefix: string;
  readonly #call: string;

  constructor(hub: string, call = "") {
    this.#prefix = `callmesh ${hub} `;
    this.#call = call;
  }

  /** The display name used last. */
  get name(): string {
    return this.#read("name") ?? "";
  }

  set name(name: string) {
    this.#write("name", name);
  }

  /** The language that was chosen here. */
  get language(): string {
    return this.#read("language") ?? "";
  }

  set language(language: string) {
    this.#write("language", language);
  }

  /** The camera, microphone or speaker that was chosen here; undefined for what the system uses. */
  device(purpose: Purpose): Choice | undefined {
    try {
      const { id, label } = JSON.parse(this.#read(purpose) ?? "") as Record<string, unknown>;
      return typeof id === "string" && typeof label === "string" ? { id, label } : undefined;
    } catch {
      return undefined;
    }
  }

  setDevice(purpose: Purpose, choice: Choice | undefined): void {
    this.#write(purpose, choice === undefined ? "" : JSON.stringify(choice));
  }

  /** Whether the camera or the microphone was turned off in this tab, for this call. */
  isOff(kind: Kind): boolean {
    return this.#read(`${this.#call} ${kind}`, () => sessionStorage) === "off";
  }

  setOff(kind: Kind, off: boolean): void {
    this.#write(`${this.#call} ${kind}`, off ? "off" : "", () => sessionStorage);
  }

  /** Whether the background of one's picture is blurred, where that can be had. */
  get blur(): boolean {
    return this.#read("blur") === "yes";
  }

  set blur(on: boolean) {
    this.#write("blur", on ? "yes" : "");
  }

  /** Whether power is to be saved here; undefined while nobody has said. */
  get saving(): boolean | undefined {
    const said = this.#read("saving");
    return said === "yes" || said === "no" ? said === "yes" : undefined;
  }

  set saving(on: boolean | undefined) {
    this.#write("saving", on === undefined ? "" : on ? "yes" : "no");
  }

  /** The hub's proof of who this is: the same person across tabs, reloads and visits. */
  get person(): string | undefined {
    return this.#read("person") || undefined;
  }

  set person(proof: string | undefined) {
    this.#write("person", proof ?? "");
  }

  #read(key: string, storage = () => localStorage): string | undefined {
    try {
      return storage().getItem(this.#prefix + key) ?? undefined;
    } catch {
      return undefined;
    }
  }

  #write(key: string, value: string, storage = () => localStorage): void {
    try {
      storage().setItem(this.#prefix + key, value);
    } catch {
      // Full, or forbidden in a private window.
    }
  }
}
