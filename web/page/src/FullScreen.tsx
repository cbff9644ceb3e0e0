import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { regainFocus } from "./focus.ts";
import { Icon } from "./icons.tsx";
import { say } from "./say.ts";

/** Whether the page has the whole screen: it shows the stage then, what is open beside it, notices and dialogs (G16). */
function useFullScreen(): ReadonlySignal<boolean> {
  const on = useSignal(document.fullscreenElement !== null);
  useEffect(() => {
    const changed = (): void => void (on.value = document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, [on]);
  return on;
}

/** Gives the page the whole screen; Escape goes back. Nothing where the browser cannot. `words` say for what. */
export function FullScreen({ words }: { words: string }) {
  const on = useFullScreen().value;
  if (!document.fullscreenEnabled || on) return null;
  const enter = (): void => void document.documentElement.requestFullscreen().catch(() => undefined); // the browser says no: it stays as it is
  return (
    <button type="button" class="button small bare" aria-label={words} title={words} onClick={enter}>
      <Icon name="expand" />
    </button>
  );
}

/** Goes back, while the page has the whole screen; so does the end of the call. */
export function FullScreenEnd() {
  const on = useFullScreen().value;
  const button = useRef<HTMLButtonElement>(null);
  const leave = (): void => void (document.fullscreenElement && document.exitFullscreen().catch(() => undefined));
  useEffect(() => {
    if (on) button.current?.focus(); // the one that was pressed is gone
    else regainFocus();
  }, [on]);
  useEffect(() => leave, []);
  if (!on) return null;
  return (
    <button ref={button} type="button" class="button full-screen-end" title={say("stage-full-screen-end")} onClick={leave}>
      <Icon name="shrink" />
      <span class="label">{say("stage-full-screen-end")}</span>
    </button>
  );
}
