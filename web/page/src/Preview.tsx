import { useSignal } from "@preact/signals";

import { DeviceButton } from "./DeviceButton.tsx";
import { KINDS, type Devices } from "./devices.ts";
import { DeviceProblems, DeviceSettings } from "./DeviceSettings.tsx";
import { say } from "./say.ts";
import { Avatar, Video } from "./Video.tsx";

/** Where there is room beside the form, the check is open. */
const ROOMY = "(min-width: 761px) and (min-height: 700px)";

/** One's own picture before one is in the call, what to turn on and off, and which devices. */
export function Preview({ devices, name }: { devices: Devices; name: string }) {
  const shows = devices.camera.value === "on";
  return (
    <section class="preview" aria-label={say("lobby-preview")}>
      <div class="picture">
        {shows ? <Video stream={devices.stream} mirrored={devices.mirrored} muted /> : <Avatar name={name || "?"} seed={name} />}
        {devices.camera.value === "starting" && <p class="starting">{say("lobby-camera-starting")}</p>}
        <div class="picture-controls">
          {KINDS.map((kind) => (
            <DeviceButton key={kind} kind={kind} devices={devices} />
          ))}
        </div>
      </div>
      <DeviceProblems devices={devices} />
      <Check devices={devices} />
    </section>
  );
}

function Check({ devices }: { devices: Devices }) {
  const open = useSignal(matchMedia(ROOMY).matches);
  return (
    <details class="check" open={open.value} onToggle={({ currentTarget }) => (open.value = currentTarget.open)}>
      <summary>{say("devices-check")}</summary>
      {open.value && <DeviceSettings devices={devices} />}
    </details>
  );
}
