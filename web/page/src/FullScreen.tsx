import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { Icon } from "./icons.tsx";
import { say } from "./say.ts";

interface FullScreenProps {
  /** What it is in, as a selector. */
  of: string;
  /** What has the whole screen then, in words. */
  words: string;
}

/** Shows what it is in alone on the whole screen; Escape goes back. Nothing where the browser cannot. */
export function FullScreen({ of, words }: FullScreenProps) {
  const on = useSignal(document.fullscreenElement !== null);
  useEffect(() => {
    const changed = (): void => void (on.value = document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, []);
  if (!document.fullscreenEnabled) return null;
  const toggle = ({ currentTarget }: { currentTarget: HTMLElement }): void => {
    const done = on.value ? document.exitFullscreen() : currentTarget.closest(of)?.requestFullscreen();
    done?.catch(() => undefined); // the browser says no: it stays as it is
  };
  const label = on.value ? say("stage-full-screen-end") : words;
  return (
    <button type="button" class="button small bare" aria-label={label} title={label} aria-pressed={on.value} onClick={toggle}>
      <Icon name={on.value ? "shrink" : "expand"} />
    </button>
  );
}
