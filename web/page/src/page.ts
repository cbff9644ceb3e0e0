/** What the page is at: in the lobby, waiting to be let in, in the call, or after it. */

import { signal } from "@preact/signals";
import type { Call, JoinOptions, WaitingArea } from "@callmesh/client";
import { CallOver, Declined, Removed, type messages } from "@callmesh/core";

import { linkTrouble, type Address } from "./address.ts";
import { Apart } from "./apart.ts";
import { Catalog } from "./catalog.ts";
import { chime } from "./chime.ts";
import { Devices } from "./devices.ts";
import { Memory } from "./memory.ts";
import { Power } from "./power.ts";
import { joinAgain } from "./returning.ts";
import { say } from "./say.ts";
import { CallStore } from "./store.ts";
import { ToastList } from "./toasts.ts";
import { callProblem, deviceProblem, deviceWords, farewell, joinProblem, mutedWords, type Farewell } from "./words.ts";

/** How it stands with one who asked to be let in. */
export interface Wait {
  readonly name: string;
  /** Whether a host has asked for patience, and with which words. */
  readonly held: boolean;
  readonly words: string;
  /** Whether the call is locked: nobody new comes in before it is opened again. */
  readonly locked: boolean;
  /** Whether the link is lost, for now. */
  readonly lost: boolean;
  /** What there is to do meanwhile. */
  readonly apart: Apart;
}

export type Phase =
  | { readonly kind: "lobby"; readonly joining: boolean; readonly problem: string | undefined }
  | { readonly kind: "waiting"; readonly wait: Wait }
  | { readonly kind: "call"; readonly store: CallStore }
  | { readonly kind: "over"; readonly farewell: Farewell; readonly apart?: Apart };

declare global {
  interface Window {
    /** For tests, and for the curious: there while in a call. */
    callmesh?: { readonly call: Call };
  }
}

/** Milliseconds; one may have been speaking. */
const MUTED_LASTS = 10_000;

export class Page {
  readonly address: Address;
  readonly memory: Memory;
  readonly power: Power;
  readonly devices: Devices;
  readonly toasts = new ToastList();
  readonly phase = signal<Phase>({ kind: "lobby", joining: false, problem: undefined });
  readonly #catalog: Catalog;
  /** The one try to join that counts. */
  #asking: { readonly name: string; readonly abort: AbortController } | undefined;

  /** Whether people see and hear each other here, and not elsewhere. */
  readonly hasMedia: boolean;

  constructor(address: Address, { media = true } = {}) {
    this.address = address;
    this.hasMedia = media;
    this.memory = new Memory(address.hub, address.call);
    this.power = new Power(this.memory);
    this.power.saves.subscribe((saves) => document.documentElement.toggleAttribute("data-saves-power", saves));
    this.devices = new Devices(this.memory, this.power, {
      gone: (device, label) => this.toasts.problem(say("device-gone", { device, label })),
      lost: (kind, state) => this.toasts.problem(deviceProblem(kind, state) ?? deviceWords(kind, state)),
    });
    this.#catalog = new Catalog(address.hub);
    let apart: Apart | undefined;
    this.phase.subscribe((phase) => {
      const now = apartIn(phase);
      if (now !== apart) apart?.close();
      apart = now;
    });
  }

  async join(name: string): Promise<void> {
    const abort = new AbortController();
    this.#asking = { name, abort };
    this.phase.value = { kind: "lobby", joining: true, problem: undefined };
    try {
      const call = await this.#join(name, abort.signal);
      this.#remember(name, call.personProof);
      this.#enter(call);
    } catch (error) {
      if (!abort.signal.aborted) this.#refused(error);
    }
  }

  /** Wait no longer. */
  giveUp(): void {
    this.#asking?.abort.abort();
    this.reopen();
  }

  /** Who was turned away, or taken out, asks once more. */
  askAgain(): void {
    if (this.#asking) void this.join(this.#asking.name);
    else this.reopen();
  }

  /** Back to the lobby, to join once more. */
  reopen(): void {
    this.phase.value = { kind: "lobby", joining: false, problem: undefined };
  }

  async #join(name: string, signal: AbortSignal): Promise<Call> {
    const { url, role, token } = this.address;
    const options: JoinOptions = {
      name, media: this.hasMedia, signal, ...(role && { role }), ...(token !== undefined && { token }),
      onWaiting: (waiting, area) => this.#wait(name, waiting, area, signal),
      onLost: () => this.#waitLost(),
    }; // prettier-ignore
    return joinAgain(url, this.memory, options);
  }

  #wait(name: string, { personProof, held, words, locked }: messages.Waiting, area: WaitingArea, { aborted }: AbortSignal): void {
    if (aborted) return;
    this.#remember(name, personProof); // who reloads is the same person, and asks once
    const before = this.phase.peek();
    const apart = before.kind === "waiting" && before.wait.apart.source === area ? before.wait.apart : new Apart(area, this.#catalog, this.power.mostFrames);
    apart.mirror();
    if (apart.resources.value.length > 0 && this.#catalog.state.peek() !== "ready") void this.#catalog.load();
    if (before.kind === "waiting" && before.wait.locked && !locked) void chime();
    this.phase.value = { kind: "waiting", wait: { name, held, words, locked, lost: false, apart } };
  }

  #waitLost(): void {
    const phase = this.phase.value;
    if (phase.kind === "waiting") this.phase.value = { kind: "waiting", wait: { ...phase.wait, lost: true } };
  }

  #remember(name: string, personProof: string): void {
    this.memory.name = name;
    if (personProof !== "") this.memory.person = personProof;
  }

  #refused(error: unknown): void {
    if (error instanceof Declined || error instanceof Removed || error instanceof CallOver) {
      this.devices.stop();
      this.phase.value = { kind: "over", farewell: farewell(error, { atDoor: true }) };
    } else this.phase.value = { kind: "lobby", joining: false, problem: joinProblem(error, linkTrouble(this.address, Date.now() / 1_000)) };
  }

  #enter(call: Call): void {
    void this.#catalog.load();
    const store = new CallStore(call, this.#catalog, this.toasts, this.power.mostFrames);
    const stopMedia = this.devices.version.subscribe(() => call.media.setLocal(this.devices.stream));
    const stopScreen = this.devices.sharing.subscribe((on) => {
      store.talk.showScreen(on).catch((error: unknown) => this.toasts.problem(callProblem(error)));
    });
    const stopRights = store.mayEdit.subscribe((may) => void (may || this.devices.unshare()));
    call.on("muted", (by) => {
      if (this.devices.mute()) this.toasts.note(mutedWords(store.nameOf(by)), MUTED_LASTS);
    });
    window.callmesh = { call };
    const before = this.phase.peek();
    if (before.kind === "waiting" && before.wait.locked) {
      void chime();
      this.toasts.note(say("waiting-opened"));
    }
    this.phase.value = { kind: "call", store };
    const stopLink = store.link.subscribe((link) => {
      if (link !== "left") return;
      queueMicrotask(() => {
        stopLink();
        stopMedia();
        stopScreen();
        stopRights();
        this.#leave(store);
      });
    });
  }

  #leave(store: CallStore): void {
    store.close();
    this.toasts.clear();
    this.devices.stop();
    delete window.callmesh;
    const error = store.ended.value;
    const words = farewell(error, { byMe: store.hosts.ends });
    const { apps } = this.#catalog;
    const mayRead = error === undefined || error instanceof CallOver; // not who was removed
    const apart = new Apart(store.call, this.#catalog, this.power.mostFrames, (app) => mayRead && apps.peek().get(app)?.afterwards === true);
    this.phase.value = { kind: "over", farewell: words, apart };
  }
}

function apartIn(phase: Phase): Apart | undefined {
  return phase.kind === "waiting" ? phase.wait.apart : phase.kind === "over" ? phase.apart : undefined;
}
