import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { Icon } from "./icons.tsx";

interface FloatingProps {
  /** What it is in, and the video with it, as a selector. */
  of: string;
  /** Whom it shows, in words. */
  words: string;
}

/** Keeps a picture above all other windows, or puts it back. Nothing where the browser cannot. */
export function Floating({ of, words }: FloatingProps) {
  const on = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const video = (): HTMLVideoElement | null | undefined => button.current?.closest(of)?.querySelector("video");
  useEffect(() => {
    const stop = new AbortController();
    const changed = (): void => void (on.value = document.pictureInPictureElement !== null && document.pictureInPictureElement === video());
    // The events come to the element before the document has it.
    for (const event of ["enterpictureinpicture", "leavepictureinpicture"]) {
      document.addEventListener(event, () => queueMicrotask(changed), { signal: stop.signal });
    }
    return () => stop.abort();
  }, [on]);
  if (!document.pictureInPictureEnabled) return null;
  const toggle = (): void => {
    const done = on.value ? document.exitPictureInPicture() : video()?.requestPictureInPicture();
    done?.catch(() => undefined); // the browser says no: it stays as it is
  };
  return (
    <button ref={button} type="button" class="button small bare floating" aria-label={words} title={words} aria-pressed={on.value} onClick={toggle}>
      <Icon name="floating" />
    </button>
  );
}
