import type { Devices, Kind } from "./devices.ts";
import { Icon } from "./icons.tsx";
import { say } from "./say.ts";
import { deviceProblem, deviceWords } from "./words.ts";

const ICONS = { microphone: ["mic", "micOff"], camera: ["camera", "cameraOff"] } as const;

interface DeviceButtonProps {
  kind: Kind;
  devices: Devices;
  /** Told why it could not be turned on, where nothing else on the screen says so. */
  onProblem?: (words: string) => void;
}

/** Turns the camera or the microphone on and off. */
export function DeviceButton({ kind, devices, onProblem }: DeviceButtonProps) {
  const state = devices.state(kind).value;
  const on = state === "on" || state === "paused";
  const toggle = async (): Promise<void> => {
    await devices.toggle(kind);
    const problem = deviceProblem(kind, devices.state(kind).value);
    if (problem !== undefined) onProblem?.(problem);
  };
  return (
    <button
      type="button"
      class={`button device ${on ? "" : "off"}`}
      aria-pressed={on}
      aria-disabled={state === "starting"} /* `disabled` would lose the focus */
      title={deviceProblem(kind, state) ?? deviceWords(kind, state)}
      onClick={() => void toggle()}
    >
      <Icon name={ICONS[kind][on ? 0 : 1]} />
      <span class="label">{say("device", { device: kind })}</span>
    </button>
  );
}
