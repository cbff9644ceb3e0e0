/** What a stream carries right now. */

import { useEffect, useState } from "preact/hooks";

export interface Tracks {
  readonly video: boolean;
  readonly audio: boolean;
}

const STREAM_EVENTS = ["addtrack", "removetrack"];
const TRACK_EVENTS = ["mute", "unmute", "ended"];

/**
 * Follows a stream; `version` says that it may be another one, or hold other tracks.
 *
 * Of others a track is there while it is agreed on that it is sent: that it is `muted` says nothing then, as Chromium (150)
 * may leave it so for good while no element shows it. One's own is where a switch of the device is off.
 */
export function useTracks(stream: MediaStream | undefined, version: number, self: boolean): Tracks {
  const [, redraw] = useState(0);
  useEffect(() => {
    if (!stream) return undefined;
    const stop = new AbortController();
    const changed = (): void => redraw((count) => count + 1);
    const follow = (): void => {
      for (const track of stream.getTracks()) {
        for (const event of TRACK_EVENTS) track.addEventListener(event, changed, stop);
      }
    };
    const all = (): void => {
      follow();
      changed();
    };
    for (const event of STREAM_EVENTS) {
      stream.addEventListener(event, all, stop);
    }
    all();
    return () => stop.abort();
  }, [stream, version]);
  const flows = (tracks: MediaStreamTrack[] = []): boolean =>
    tracks.some((track) => track.readyState === "live" && track.enabled && !(self && track.muted));
  return { video: flows(stream?.getVideoTracks()), audio: flows(stream?.getAudioTracks()) };
}
