/** One seat of the dev page: a participant who joins by themselves, at a stage without the rest of the call page. */

import { signal } from "@preact/signals";
import type { Call } from "@callmesh/client";
import { isRole, type Role } from "@callmesh/core";

import { Catalog, type Guise } from "./catalog.ts";
import { Memory } from "./memory.ts";
import type { Network } from "./network.ts";
import { joinAgain } from "./returning.ts";
import { CallStore } from "./store.ts";
import { ToastList } from "./toasts.ts";
import { farewell, joinProblem } from "./words.ts";

/** What the dev page says of a seat, in its address: `<hub>/dev/<app>/seat#name=Ada&role=host`. */
export interface SeatAddress {
  readonly hub: string;
  readonly app: string;
  readonly name: string;
  readonly role: Role;
  readonly guise: Guise;
}

export function readSeat({ origin, pathname, hash }: Pick<Location, "origin" | "pathname" | "hash">): SeatAddress {
  const [, prefix = "", app = ""] = /^(.*)\/dev\/([^/]*)\/seat$/.exec(pathname) ?? [];
  const said = new URLSearchParams(hash.slice(1));
  const role = said.get("role");
  const [theme, language] = [said.get("theme"), said.get("language")];
  return {
    hub: origin + prefix,
    app,
    name: said.get("name") || "Ada",
    role: isRole(role) ? role : "guest",
    guise: { ...((theme === "light" || theme === "dark") && { theme }), ...(language && { language }) },
  };
}

/** The call in which an app is tried. */
export function callOf({ hub, app }: Pick<SeatAddress, "hub" | "app">): string {
  return `${hub}/call/dev-${app}`;
}

/** What the dev page reaches of a seat, in its frame. */
export interface SeatWindow extends Window {
  readonly callmesh?: { readonly call: Call };
  readonly callmeshSeat?: Seat;
}

export class Seat {
  readonly network: Network;
  readonly catalog: Catalog;
  readonly toasts = new ToastList();
  readonly store = signal<CallStore | undefined>(undefined);
  /** Why nobody sits here. */
  readonly problem = signal<string | undefined>(undefined);
  readonly #address: SeatAddress;

  constructor(address: SeatAddress, network: Network) {
    this.#address = address;
    this.network = network;
    this.catalog = new Catalog(address.hub, address.guise);
  }

  async start(): Promise<void> {
    const { hub, app, name, role } = this.#address;
    const memory = new Memory(`${hub} dev ${app} ${name}`);
    try {
      const [call] = await Promise.all([joinAgain(callOf(this.#address), memory, { name, role }), this.catalog.load()]);
      memory.person = call.personProof;
      window.callmesh = { call };
      const store = new CallStore(call, this.catalog, this.toasts);
      this.store.value = store;
      call.on("link", () => {
        if (call.link === "left") this.problem.value = farewell(store.ended.value).words;
      });
      await this.#putOnStage(store);
    } catch (error) {
      this.problem.value = joinProblem(error);
    }
  }

  /** The first host adds the app that is tried. */
  async #putOnStage(store: CallStore): Promise<void> {
    const app = this.catalog.apps.value.get(this.#address.app);
    const known = store.resources.value.find((resource) => resource.app === this.#address.app);
    if (app === undefined || known !== undefined || this.#address.role !== "host") return;
    await store.add(app);
  }

  /** The app's files are others: its frames load them, and the state stays. */
  reload(): void {
    void this.catalog.load();
  }
}
