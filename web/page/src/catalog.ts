/** The apps this hub has. */

import { signal } from "@preact/signals";
import type { Role } from "@callmesh/core";

import { locale, say } from "./say.ts";

interface Named {
  readonly name: string;
  readonly description: string;
}

/** What the hub says of an app. */
export interface Told extends App {
  readonly languages: Readonly<Record<string, Named>>;
}

/** Name and description are in a language of the reader's, where the app has it. */
export interface App {
  readonly id: string;
  readonly name: string;
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
  readonly apps = signal<ReadonlyMap<string, App>>(new Map());
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
      const apps = (await answer.json()) as Told[];
      const languages = this.guise.language === undefined ? [locale.value, ...navigator.languages] : [this.guise.language];
      this.apps.value = new Map(apps.map((app) => [app.id, translated(app, languages)]));
      this.state.value = "ready";
    } catch {
      if (this.state.value !== "ready") this.state.value = "failed";
    }
  }
}

/** With the name and the words of the first of `wanted` that the app has; its own are English. */
export function translated(app: Told, wanted: readonly string[]): App {
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
  const numbers = titles.flatMap((title) => {
    if (title === name) return [1];
    const number = title.startsWith(`${name} `) ? title.slice(name.length + 1) : "";
    return /^[1-9][0-9]{0,5}$/.test(number) ? [Number(number)] : [];
  });
  return numbers.length === 0 ? name : `${name} ${Math.max(...numbers) + 1}`;
}
