import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import type { Devices } from "./devices.ts";
import { Level } from "./level.ts";
import { say } from "./say.ts";

/** From 0 to 1: what is no noise any more. */
const HEARD = 0.35;
/** Milliseconds between two readings, also where power is saved, and until one is told that nothing is heard. */
const PAUSE = 80;
const LONG_PAUSE = 500;
const PATIENCE = 8_000;

/** Shows that one's microphone hears, in words too. While the page is out of sight nothing is read. */
export function LevelMeter({ devices }: { devices: Devices }) {
  const bar = useRef<HTMLDivElement>(null);
  const heard = useSignal<"listening" | "heard" | "silent">("listening");
  devices.version.valueOf(); // then the track may be another one
  const track = devices.audio;
  const pause = devices.power.saves.value ? LONG_PAUSE : PAUSE;
  useEffect(() => {
    if (track === undefined || typeof AudioContext === "undefined") return undefined;
    const level = new Level(track);
    heard.value = "listening";
    const began = performance.now();
    let last = 0;
    let frame = requestAnimationFrame(read);
    function read(now: number): void {
      frame = requestAnimationFrame(read);
      if (now - last < pause) return;
      last = now;
      const loud = level.read();
      draw(bar.current, loud);
      if (loud > HEARD) heard.value = "heard";
      else if (!level.deaf && heard.peek() === "listening" && now - began > PATIENCE) heard.value = "silent";
    }
    return () => {
      cancelAnimationFrame(frame);
      level.close();
      draw(bar.current, 0);
    };
  }, [track, heard, pause]);
  return (
    <div class="level-of">
      <div ref={bar} class="level" role="meter" aria-label={say("level")} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0}>
        <span />
      </div>
      <p class="quiet" role="status">
        {track === undefined ? say("level-off") : say(`level-${heard.value}`)}
      </p>
    </div>
  );
}

/** By hand: ten times a second is too often for the page to be made anew. */
function draw(bar: HTMLElement | null, loud: number): void {
  bar?.style.setProperty("--level", loud.toFixed(2));
  bar?.setAttribute("aria-valuenow", String(Math.round(loud * 100)));
}
