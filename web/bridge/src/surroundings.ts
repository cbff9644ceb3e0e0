/** Where an app is shown, and how (A18). */

import type { messages } from "@callmesh/core";

export type Theme = messages.Theme;

/** CSS pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Surroundings {
  /** The language of who looks at the app, as BCP 47 has it: `de-CH`. */
  readonly locale: string;
  /** How the page around it looks. */
  readonly theme: Theme;
  /** Of its frame; while that is not shown, the last it had. */
  readonly size: Size;
  /** Whether it can be seen: in view, not scrolled away, and its tab in the foreground. */
  readonly visible: boolean;
}

/** Of a frame whose page says nothing. */
export const UNKNOWN: Surroundings = { locale: "en", theme: "light", size: { width: 0, height: 0 }, visible: false };
