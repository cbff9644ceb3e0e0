/** What apps are told of where they are shown: the page's language and theme, and what people see of a frame (A18). */

import { effect, signal } from "@preact/signals";
import type { Size, Surroundings, Theme } from "@callmesh/bridge";

import type { Guise } from "./catalog.ts";
import { locale } from "./say.ts";

const dark = matchMedia("(prefers-color-scheme: dark)");

export const theme = signal(themeNow());
const foreground = signal(!document.hidden);

dark.addEventListener("change", () => (theme.value = themeNow()));
document.addEventListener("visibilitychange", () => (foreground.value = !document.hidden));

function themeNow(): Theme {
  return dark.matches ? "dark" : "light";
}

/** Told at once, and when they are others; `viewed` reads signals. Returns what ends it. */
export function followSurroundings(
  element: HTMLIFrameElement,
  viewed: () => boolean,
  guise: Guise,
  tell: (surroundings: Surroundings) => void,
): () => void {
  const size = signal<Size>({ width: element.clientWidth, height: element.clientHeight });
  const seen = signal(false);
  const sizes = new ResizeObserver(() => {
    const { clientWidth: width, clientHeight: height } = element;
    if (width > 0 && height > 0) size.value = { width, height }; // a hidden one has none
  });
  const views = new IntersectionObserver((entries) => (seen.value = entries.at(-1)?.isIntersecting ?? false));
  sizes.observe(element);
  views.observe(element);
  const stop = effect(() => {
    const shown = { locale: guise.language ?? locale.value, theme: guise.theme ?? theme.value };
    element.style.colorScheme = shown.theme; // so that media queries in the frame say the same
    const visible = foreground.value && viewed() && seen.value;
    tell({ ...shown, size: size.value, visible });
  });
  return () => {
    stop();
    sizes.disconnect();
    views.disconnect();
  };
}
