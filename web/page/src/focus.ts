/** Where the focus goes when what had it is gone. */

import { useEffect, useRef } from "preact/hooks";

/** Nothing has it, or what is out of sight by now. */
function isLost(): boolean {
  const active = document.activeElement;
  return active === null || active === document.body || active.closest("dialog:not([open])") !== null;
}

/** To the stage, where nothing has it any more. */
export function regainFocus(): void {
  if (isLost()) document.querySelector<HTMLElement>(".stage")?.focus({ preventScroll: true });
}

/** A heading that takes the focus when something of `list` went away and took it along. */
export function useFocusKept(list: unknown): { current: HTMLHeadingElement | null } {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (isLost() && heading.current?.closest("dialog")?.open === true) heading.current.focus();
  }, [list]);
  return heading;
}
