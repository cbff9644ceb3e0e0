/** What streams carry right now. */

import { useEffect, useState } from "preact/hooks";

export interface Tracks {
  readonly video: boolean;
  readonly audio: boolean;
}

const STREAM_EVENTS = ["addtrack", "removetrack"];
const TRACK_EVENTS = ["mute", "unmute", "ended"];

/**
 * Follows streams; `version` says that there may be others, or other tracks in them.
 *
 * Of others a track is there while it is agreed on that it is sent: that it is `muted` says nothing then, as Chromium (150)
 * may leave it so for good while no element shows it. One's own is where a switch of the device is off.
 */
export function useTracks(streams: readonly (MediaStream | undefined)[], version: number, self: boolean): Tracks {
  const all = streams.filter((stream) => stream !== undefined);
  const [, redraw] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    const changed = (): void => redraw((count) => count + 1);
    const follow = (): void => {
      for (const track of all.flatMap((stream) => stream.getTracks())) {
        for (const event of TRACK_EVENTS) track.addEventListener(event, changed, stop);
      }
    };
    const others = (): void => {
      follow();
      changed();
    };
    for (const stream of all) {
      for (const event of STREAM_EVENTS) stream.addEventListener(event, others, stop);
    }
    others();
    return () => stop.abort();
  }, [...streams, version]);
  const flows = (tracks: MediaStreamTrack[]): boolean =>
    tracks.some((track) => track.readyState === "live" && track.enabled && !(self && track.muted));
  return {
    video: flows(all.flatMap((stream) => stream.getVideoTracks())),
    audio: flows(all.flatMap((stream) => stream.getAudioTracks())),
  };
}
