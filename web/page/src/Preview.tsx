import { DeviceButton } from "./DeviceButton.tsx";
import { KINDS, type Devices } from "./devices.ts";
import { say } from "./say.ts";
import { Avatar, Video } from "./Video.tsx";
import { deviceProblem } from "./words.ts";

/** One's own picture before one is in the call, and what to turn on and off. */
export function Preview({ devices, name }: { devices: Devices; name: string }) {
  const problems = KINDS.flatMap((kind) => deviceProblem(kind, devices.state(kind).value) ?? []);
  const shows = devices.camera.value === "on";
  return (
    <section class="preview" aria-label={say("lobby-preview")}>
      <div class="picture">
        {shows ? <Video stream={devices.stream} self /> : <Avatar name={name || "?"} seed={name} />}
        {devices.camera.value === "starting" && <p class="starting">{say("lobby-camera-starting")}</p>}
        <div class="picture-controls">
          {KINDS.map((kind) => (
            <DeviceButton key={kind} kind={kind} devices={devices} />
          ))}
        </div>
      </div>
      <div role="status" class="preview-words">
        {problems.map((words) => (
          <p key={words}>{words}</p>
        ))}
      </div>
    </section>
  );
}
