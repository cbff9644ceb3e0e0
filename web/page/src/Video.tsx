import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { hue, initials } from "./person.ts";

interface VideoProps {
  stream: MediaStream | undefined;
  /** As in a mirror. */
  mirrored?: boolean;
  muted?: boolean;
  /** A speaker, as `setSinkId` has it. */
  sink?: ReadonlySignal<string>;
}

/** Plays a stream. */
export function Video({ stream, mirrored = false, muted = false, sink }: VideoProps) {
  const element = useRef<HTMLVideoElement>(null);
  const speaker = sink?.value ?? "";
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    video.srcObject = stream ?? null;
    // Refused until the user has touched the page: then the picture starts with the next touch.
    void video.play().catch(() => undefined);
  }, [stream]);
  useEffect(() => {
    const video = element.current;
    if (video && "setSinkId" in video && video.sinkId !== speaker) void video.setSinkId(speaker).catch(() => undefined);
  }, [speaker]);
  return <video ref={element} class={mirrored ? "mirrored" : ""} autoplay playsInline muted={muted} />;
}

/** What stands where there is no picture: initials on the person's own colour. */
export function Avatar({ name, seed }: { name: string; seed: string }) {
  return (
    <div class="avatar" style={{ "--hue": hue(seed) }} aria-hidden="true">
      <span>{initials(name)}</span>
    </div>
  );
}
