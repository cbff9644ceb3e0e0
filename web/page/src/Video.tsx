import { useEffect, useRef } from "preact/hooks";

import { hue, initials } from "./person.ts";

/** Plays a stream; one's own without sound and mirrored. */
export function Video({ stream, self = false }: { stream: MediaStream | undefined; self?: boolean }) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    video.srcObject = stream ?? null;
    // Refused until the user has touched the page: then the picture starts with the next touch.
    void video.play().catch(() => undefined);
  }, [stream]);
  return <video ref={element} class={self ? "mirrored" : ""} autoplay playsInline muted={self} />;
}

/** What stands where there is no picture: initials on the person's own colour. */
export function Avatar({ name, seed }: { name: string; seed: string }) {
  return (
    <div class="avatar" style={{ "--hue": hue(seed) }} aria-hidden="true">
      <span>{initials(name)}</span>
    </div>
  );
}
