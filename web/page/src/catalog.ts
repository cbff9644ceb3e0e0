/** The apps this hub has. */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Role } from "@callmesh/core";

import { locale, preferred, say } from "./say.ts";

interface Named {
  readonly name: string;
  readonly description: string;
}

/** What the hub says of an app. */
export interface Told extends Omit<App, "ownName"> {
  readonly languages: Readonly<Record<string, Named>>;
}

/** Name and description are in a language of the reader's, where the app has it. */
export interface App {
  readonly id: string;
  readonly name: string;
  /** What it is called in nobody's language in particular: what is in it for everybody goes by that. */
  readonly ownName: string;
  readonly version: string;
  readonly description: string;
  readonly entry: string;
  /** A file in the app's folder; empty if it has none. */
  readonly icon: string;
  /** The roles that may add it. */
  readonly add: readonly Role[];
  /** What it uses besides its own state, and the hosts that it talks to (A8, A1). */
  readonly capabilities: readonly string[];
  readonly hosts: readonly string[];
  /** Whether it has a program that the hub runs. */
  readonly python: boolean;
  /** CSS pixels that it needs at least. */
  readonly size: { readonly width: number; readonly height: number };
  /** The state version that it is written for. */
  readonly state: number;
  /** Whether it is there to be read when the call is over. */
  readonly afterwards: boolean;
  /** The path of the app's folder on the hub, with a slash at the end. */
  readonly base: string;
}

/** What an app in its frame is to take its browser for. */
export interface Guise {
  readonly theme?: "light" | "dark";
  readonly language?: string;
}

export type CatalogState = "loading" | "ready" | "failed";

export class Catalog {
  readonly #told = signal<readonly Told[]>([]);
  readonly apps: ReadonlySignal<ReadonlyMap<string, App>> = computed(() => {
    const languages = this.guise.language === undefined ? [locale.value, ...preferred.value] : [this.guise.language];
    return new Map(this.#told.value.map((app) => [app.id, translated(app, languages)]));
  });
  readonly state = signal<CatalogState>("loading");
  /** As what apps are tried, on a `--dev` hub. */
  readonly guise: Guise;
  readonly #address: string;

  constructor(hub: string, guise: Guise = {}) {
    this.#address = `${hub}/api/apps`;
    this.guise = guise;
  }

  /** Ask the hub. What was known stays while it does not answer. */
  async load(): Promise<void> {
    try {
      const answer = await fetch(this.#address, { credentials: "omit" });
      if (!answer.ok) throw new Error(`the hub answers ${answer.status}`);
      this.take((await answer.json()) as Told[]);
      this.state.value = "ready";
    } catch {
      if (this.state.value !== "ready") this.state.value = "failed";
    }
  }

  take(apps: readonly Told[]): void {
    this.#told.value = apps;
  }

  /** A title that its app has given, in the reader's language: "Umfrage 2" for "Poll 2". What people have written stays. */
  titleOf({ app, title }: { readonly app: string; readonly title: string }): string {
    const { name, ownName } = this.apps.value.get(app) ?? {};
    const isGiven = ownName !== undefined && numberOf(ownName, title) !== undefined;
    return isGiven ? `${name}${title.slice(ownName.length)}` : title;
  }
}

/** With the name and the words of the first of `wanted` that the app has; its own are English. */
export function translated(told: Told, wanted: readonly string[]): App {
  const app = { ...told, ownName: told.name };
  for (const tag of wanted) {
    const [language = ""] = tag.split("-");
    const found = app.languages[tag] ?? app.languages[language];
    if (found !== undefined) return { ...app, name: found.name, description: found.description || app.description };
    if (language === "en") return app;
  }
  return app;
}

/** What an app asks for, in plain words: to be read before it is added. */
export function asksOf({ capabilities, hosts, python }: Pick<App, "capabilities" | "hosts" | "python">): readonly string[] {
  const named = hosts.map((host) => host.replace(/^[a-z]+:\/\//u, ""));
  const talks = hosts.length > 0 ? [say("drawer-asks-hosts", { hosts: named.join(", ") })] : [];
  const uses = python ? [...capabilities, "python"] : capabilities;
  return [...talks, ...uses.map((what) => say("drawer-asks", { what }))];
}

/** Where the page of an app is. What it is tried as is part of its address: a `--dev` hub makes it seem so. */
export function entryOf(app: App, guise: Guise): string {
  return folderOf(app, guise) + app.entry;
}

function folderOf({ base }: App, { theme, language }: Guise): string {
  if (theme === undefined && language === undefined) return base;
  return `${base.slice(0, -1)}~${theme ?? ""}~${language ?? ""}/`;
}

/** The policy that whatever an app's frame loads is held to, besides its own: also another app's page (A25). */
export function boundsOf(app: App, guise: Guise): string {
  const own = new URL(folderOf(app, guise), location.href);
  const sdk = new URL("../../../sdk/", own);
  return ["default-src 'unsafe-inline' data: blob:", own.href, sdk.href, ...app.hosts].join(" ");
}

export function iconOf(app: App | undefined): string | undefined {
  return app?.icon ? app.base + app.icon : undefined;
}

/** "Poll" for the first of an app in a call, then "Poll 2", "Poll 3". */
export function numberedTitle(name: string, titles: readonly string[]): string {
  const numbers = titles.flatMap((title) => numberOf(name, title) ?? []);
  return numbers.length === 0 ? name : `${name} ${Math.max(...numbers) + 1}`;
}

/** Which of that name a title says it is; undefined where it is another title. */
function numberOf(name: string, title: string): number | undefined {
  if (title === name) return 1;
  const number = title.startsWith(`${name} `) ? title.slice(name.length + 1) : "";
  return /^[1-9][0-9]{0,5}$/.test(number) ? Number(number) : undefined;
}
