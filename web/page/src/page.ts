/** What the page is at: in the lobby, in the call, or after it. */

import { signal } from "@preact/signals";
import { join, type Call } from "@callmesh/client";
import { Unauthorized } from "@callmesh/core";

import type { Address } from "./address.ts";
import { Catalog } from "./catalog.ts";
import { Devices } from "./devices.ts";
import { Memory } from "./memory.ts";
import { CallStore } from "./store.ts";
import { ToastList } from "./toasts.ts";
import { endProblem, joinProblem } from "./words.ts";

export type Phase =
  | { readonly kind: "lobby"; readonly joining: boolean; readonly problem: string | undefined }
  | { readonly kind: "call"; readonly store: CallStore }
  | { readonly kind: "over"; readonly problem: string | undefined };

declare global {
  interface Window {
    /** For tests, and for the curious: there while in a call. */
    callmesh?: { readonly call: Call };
  }
}

export class Page {
  readonly address: Address;
  readonly memory: Memory;
  readonly devices = new Devices();
  readonly toasts = new ToastList();
  readonly phase = signal<Phase>({ kind: "lobby", joining: false, problem: undefined });
  readonly #catalog: Catalog;

  constructor(address: Address) {
    this.address = address;
    this.memory = new Memory(address.hub);
    this.#catalog = new Catalog(address.hub);
  }

  async join(name: string): Promise<void> {
    this.phase.value = { kind: "lobby", joining: true, problem: undefined };
    try {
      const call = await this.#join(name);
      this.memory.name = name;
      this.memory.person = call.personProof;
      this.#enter(call);
    } catch (error) {
      this.phase.value = { kind: "lobby", joining: false, problem: joinProblem(error) };
    }
  }

  /** Back to the lobby, to join once more. */
  reopen(): void {
    this.phase.value = { kind: "lobby", joining: false, problem: undefined };
  }

  async #join(name: string): Promise<Call> {
    const { url, role, token } = this.address;
    const options = { name, media: true, ...(role && { role }), ...(token !== undefined && { token }) };
    const { person } = this.memory;
    if (person === undefined) return join(url, options);
    try {
      return await join(url, { ...options, person });
    } catch (error) {
      if (!(error instanceof Unauthorized)) throw error;
      this.memory.person = undefined; // from a hub that was here before this one
      return join(url, options);
    }
  }

  #enter(call: Call): void {
    void this.#catalog.load();
    const store = new CallStore(call, this.#catalog, this.toasts);
    const stopMedia = this.devices.version.subscribe(() => call.media.setLocal(this.devices.stream));
    window.callmesh = { call };
    this.phase.value = { kind: "call", store };
    const stopLink = store.link.subscribe((link) => {
      if (link !== "left") return;
      queueMicrotask(() => {
        stopLink();
        stopMedia();
        this.#leave(store);
      });
    });
  }

  #leave(store: CallStore): void {
    const error = store.ended.value;
    store.close();
    this.devices.stop();
    delete window.callmesh;
    this.phase.value = { kind: "over", problem: error === undefined ? undefined : endProblem(error) };
  }
}
