/** The page of `callmesh dev`: an app in the hands of several at once, each in a frame, with what an author turns. */

import { signal } from "@preact/signals";
import type { Call } from "@callmesh/client";
import type { Role } from "@callmesh/core";

import type { Told } from "./catalog.ts";
import { Inspection, nowMicros } from "./inspection.ts";
import { WEATHERS, type WeatherName } from "./network.ts";
import type { SeatWindow } from "./seat.ts";

/** Milliseconds between two looks at the app's files, and at the seats. */
const LOOK = 500;
const STATUSES: Record<Call["status"], string> = { synced: "saved", saving: "saving…", read_only: "read only", offline: "offline" };
const NAMES = ["Ada", "Bob", "Cem", "Dora", "Eve", "Femi", "Gus", "Hana"];

/** What an author has turned for one seat. */
export interface Turned {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly link: WeatherName;
  readonly theme: "" | "light" | "dark";
  readonly language: string;
  readonly phone: boolean;
}

/** One who is in the call. */
export interface Sitter {
  readonly call: Call;
  /** Goes on while they are in, so that nothing is missed. */
  readonly inspection: Inspection;
  /** How it stands with what they wrote. */
  readonly status: string;
}

/** What the hub says of the app. */
export interface TriedApp extends Told {
  /** Why its folder cannot be read as it is now; it is as it was before. */
  readonly problem: string | null;
}

export class Dev {
  readonly hub: string;
  readonly id: string;
  readonly seats = signal<readonly Turned[]>([]);
  readonly app = signal<TriedApp | undefined>(undefined);
  /** What is wrong with the app, or with the hub. */
  readonly problem = signal<string | undefined>(undefined);
  /** When the app's files were loaded anew last; milliseconds since the epoch. */
  readonly reloaded = signal<number | undefined>(undefined);
  /** The seat as which the inspector looks; none while it is closed. */
  readonly inspected = signal<number | undefined>(1);
  /** Those who are in, by seat. */
  readonly sitters = signal<ReadonlyMap<number, Sitter>>(new Map());
  readonly #windows = new Map<number, () => SeatWindow | null>();
  #last = 0;

  constructor({ origin, pathname }: Pick<Location, "origin" | "pathname">) {
    const [, prefix = "", id = ""] = /^(.*)\/dev\/([^/]*)\/?$/.exec(pathname) ?? [];
    this.hub = origin + prefix;
    this.id = id;
    this.add("host");
    this.add("guest");
  }

  add(role: Role = "guest"): void {
    const id = ++this.#last;
    const name = NAMES[id - 1] ?? `Guest ${id}`;
    this.seats.value = [...this.seats.value, { id, name, role, link: "good", theme: "", language: "", phone: false }];
  }

  remove(id: number): void {
    this.seats.value = this.seats.value.filter((seat) => seat.id !== id);
    if (this.inspected.value === id) this.inspected.value = this.seats.value[0]?.id;
    this.#windows.delete(id);
  }

  turn(id: number, changes: Partial<Omit<Turned, "id">>): void {
    this.seats.value = this.seats.value.map((seat) => (seat.id === id ? { ...seat, ...changes } : seat));
    this.look();
  }

  /** Where a seat's frame leads. */
  address({ name, role, theme, language }: Turned): string {
    const said = new URLSearchParams({ name, role, theme, language });
    return `${this.hub}/dev/${this.id}/seat#${said}`;
  }

  /** A seat has a frame. */
  frame(id: number, element: HTMLIFrameElement): void {
    this.#windows.set(id, () => element.contentWindow);
  }

  async run(): Promise<never> {
    for (;;) {
      await this.#ask();
      this.look();
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  }

  /** Look at the seats: who is in, and whether their networks are as they should be. */
  look(now = nowMicros()): void {
    const before = this.sitters.value;
    const sitters = new Map<number, Sitter>();
    for (const { id, link } of this.seats.value) {
      const seat = this.#windows.get(id)?.();
      const network = seat?.callmeshSeat?.network;
      if (network !== undefined && network.weather !== WEATHERS[link]) network.weather = WEATHERS[link];
      const call = seat?.callmesh?.call;
      if (call !== undefined) sitters.set(id, this.#sitter(before.get(id), call, now));
    }
    const changed = (id: number, sitter: Sitter): boolean => before.get(id)?.call !== sitter.call || before.get(id)?.status !== sitter.status;
    if (sitters.size === before.size && ![...sitters].some(([id, sitter]) => changed(id, sitter))) return;
    for (const { inspection, call } of before.values()) if (![...sitters.values()].some((other) => other.call === call)) inspection.close();
    this.sitters.value = sitters;
  }

  #sitter(before: Sitter | undefined, call: Call, now: number): Sitter {
    const inspection = before?.call === call ? before.inspection : new Inspection(call);
    inspection.tick(now);
    return { call, inspection, status: call.link === "joined" ? STATUSES[call.status] : "away from the hub" };
  }

  async #ask(): Promise<void> {
    try {
      const answer = await fetch(`${this.hub}/api/apps`, { credentials: "omit" });
      const app = ((await answer.json()) as TriedApp[]).find(({ id }) => id === this.id);
      this.problem.value = app === undefined ? `This hub has no app “${this.id}”.` : (app.problem ?? undefined);
      if (app !== undefined) this.#follow(app);
    } catch {
      this.problem.value = "The hub does not answer. Start callmesh dev once more.";
    }
  }

  #follow(app: TriedApp): void {
    const before = this.app.value;
    if (before?.base === app.base) return;
    this.app.value = app;
    if (before === undefined) return;
    this.reloaded.value = Date.now();
    for (const found of this.#windows.values()) found()?.callmeshSeat?.reload();
  }
}
