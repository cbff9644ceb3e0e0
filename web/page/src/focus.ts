/** Where the focus goes when what had it is gone. */

import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Nothing has it, or what is out of sight by now. */
function isLost(): boolean {
  const active = document.activeElement;
  return active === null || active === document.body || active.closest("dialog:not([open]), .watching .stage") !== null;
}

/** To what stands on the stage, or in its place, where nothing has it any more. */
export function regainFocus(): void {
  if (!isLost()) return;
  const stage = document.querySelector<HTMLElement>(".screen") ?? document.querySelector<HTMLElement>(".stage");
  stage?.focus({ preventScroll: true });
}

/** A heading that takes the focus when something of `list` went away and took it along. */
export function useFocusKept(list: unknown): { current: HTMLHeadingElement | null } {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (isLost() && heading.current?.closest("dialog")?.open === true) heading.current.focus();
  }, [list]);
  return heading;
}

/** What had the focus before has it again when `element` goes and takes it along. */
export function useFocusGivenBack(element: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      const takesIt = element.current?.contains(document.activeElement) === true;
      if (takesIt && before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, [element]);
}
