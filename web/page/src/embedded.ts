/** The stage in somebody else's page: it looks as that page wants, and says how it stands (G40). */

import { effect } from "@preact/signals";
import { THEMED, type Look, type Said } from "@callmesh/bridge/theming";

import type { Page } from "./page.ts";

/** In place of which of our own tokens. */
const TOKENS: Readonly<Record<string, readonly string[]>> = {
  radius: ["--radius-1", "--radius-2", "--radius-3"],
  font: ["--font"],
};
const PROPERTIES: Readonly<Record<string, string>> = { radius: "border-radius", font: "font-family" };

/** Let the page around this one say how it looks, and tell it what becomes of the call. */
export function beEmbedded(page: Page, around: Window = window.parent): void {
  if (around === window) return;
  let stop = (): void => undefined;
  addEventListener("message", ({ source, origin, data }: MessageEvent<unknown>) => {
    if (source !== around || !isLook(data)) return;
    wear(data.variables);
    stop();
    stop = effect(() => around.postMessage(howItStands(page), origin));
  });
}

/** Of each variable what CSS can read as such; whatever else is said leaves what is there. */
export function wear(variables: Readonly<Record<string, unknown>>, root: HTMLElement = document.documentElement): void {
  for (const name of THEMED) {
    const value = variables[name];
    const isGood = typeof value === "string" && CSS.supports(PROPERTIES[name] ?? "color", value);
    for (const token of TOKENS[name] ?? [`--${name}`]) {
      if (isGood) root.style.setProperty(token, value);
      else root.style.removeProperty(token);
    }
  }
}

function howItStands(page: Page): Said {
  const phase = page.phase.value;
  const store = phase.kind === "call" ? phase.store : undefined;
  const isAway = store !== undefined && store.link.value !== "joined";
  const status = isAway ? "offline" : store?.status.value;
  return { callmesh: "said", phase: phase.kind, status, participants: store?.participants.value.length ?? 0 };
}

function isLook(data: unknown): data is Look {
  if (typeof data !== "object" || data === null || !("callmesh" in data && "variables" in data)) return false;
  return data.callmesh === "look" && typeof data.variables === "object" && data.variables !== null;
}
