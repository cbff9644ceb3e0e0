import type { Devices, Kind } from "./devices.ts";
import { Icon } from "./icons.tsx";

const LABELS = { microphone: "Microphone", camera: "Camera" };
const ICONS = { microphone: ["mic", "micOff"], camera: ["camera", "cameraOff"] } as const;

/** Turns the camera or the microphone on and off. */
export function DeviceButton({ kind, devices }: { kind: Kind; devices: Devices }) {
  const state = devices.state(kind).value;
  const on = state === "on";
  return (
    <button
      type="button"
      class={`button device ${on ? "" : "off"}`}
      aria-pressed={on}
      disabled={state === "starting"}
      title={`${LABELS[kind]} is ${on ? "on" : "off"}`}
      onClick={() => void devices.toggle(kind)}
    >
      <Icon name={ICONS[kind][on ? 0 : 1]} />
      <span class="label">{LABELS[kind]}</span>
    </button>
  );
}
