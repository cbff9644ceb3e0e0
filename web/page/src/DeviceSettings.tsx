import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

import { chime } from "./chime.ts";
import type { Purpose } from "./choices.ts";
import { KINDS, type Devices } from "./devices.ts";
import { Icon } from "./icons.tsx";
import { LevelMeter } from "./LevelMeter.tsx";
import { say } from "./say.ts";
import { deviceProblem } from "./words.ts";

/** Loud enough for a speaker that is turned down. */
const VOLUME = 0.4;

/** Camera, microphone and speaker: which one, and whether it does what it should. */
export function DeviceSettings({ devices }: { devices: Devices }) {
  const saves = devices.power.saves.value;
  return (
    <div class="device-settings">
      <DeviceChoice devices={devices} purpose="camera">
        {devices.blur.value !== undefined && <Blur devices={devices} on={devices.blur.value} />}
      </DeviceChoice>
      <DeviceChoice devices={devices} purpose="microphone">
        <LevelMeter devices={devices} />
      </DeviceChoice>
      <DeviceChoice devices={devices} purpose="speaker">
        <SpeakerTest devices={devices} />
      </DeviceChoice>
      <label class="switch">
        <input type="checkbox" role="switch" checked={saves} onChange={({ currentTarget }) => devices.power.save(currentTarget.checked)} />
        <span>
          {say("save-power")}
          <span class="quiet">{say("save-power-words")}</span>
        </span>
      </label>
    </div>
  );
}

/** Why a device is not on, for each that should be. */
export function DeviceProblems({ devices }: { devices: Devices }) {
  const problems = KINDS.flatMap((kind) => deviceProblem(kind, devices.state(kind).value) ?? []);
  return (
    <div role="status" class="device-problems">
      {problems.map((words) => (
        <p key={words}>{words}</p>
      ))}
    </div>
  );
}

interface DeviceChoiceProps {
  devices: Devices;
  purpose: Purpose;
  children: ComponentChildren;
}

function DeviceChoice({ devices, purpose, children }: DeviceChoiceProps) {
  const { choices } = devices;
  const options = choices.options(purpose);
  const isGone = choices.isGone(purpose);
  const label = choices.chosen(purpose)?.label ?? "";
  const canChoose = purpose !== "speaker" || (options.length > 0 && "setSinkId" in HTMLMediaElement.prototype);
  return (
    <div class="device-choice">
      {canChoose ? (
        <label>
          <span>{say("device", { device: purpose })}</span>
          <select
            class="field"
            value={isGone ? "" : (choices.chosen(purpose)?.id ?? "")}
            onChange={({ currentTarget }) => void devices.choose(purpose, currentTarget.value)}
          >
            <option value="">{say("devices-default")}</option>
            {options.map((option, place) => (
              <option key={option.id} value={option.id}>
                {option.label || say("device-numbered", { device: purpose, number: place + 1 })}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <div>
          <strong>{say("device", { device: purpose })}</strong>
          <p class="quiet">{say("speaker-by-system")}</p>
        </div>
      )}
      {isGone && <p class="warn">{say("device-gone", { device: purpose, label })}</p>}
      {children}
    </div>
  );
}

function SpeakerTest({ devices }: { devices: Devices }) {
  const at = useSignal<"idle" | "playing" | "played">("idle");
  const play = async (): Promise<void> => {
    at.value = "playing";
    await chime(devices.choices.sink.value, VOLUME);
    at.value = "played";
  };
  return (
    <div class="speaker-test">
      <button type="button" class="button small" aria-disabled={at.value === "playing"} onClick={() => at.value !== "playing" && void play()}>
        <Icon name="speaker" />
        <span>{say("speaker-test")}</span>
      </button>
      <p class="quiet" role="status">
        {at.value === "played" && say("speaker-played")}
      </p>
    </div>
  );
}

function Blur({ devices, on }: { devices: Devices; on: boolean }) {
  return (
    <label class="switch">
      <input type="checkbox" role="switch" checked={on} onChange={({ currentTarget }) => void devices.setBlur(currentTarget.checked)} />
      <span>{say("blur")}</span>
    </label>
  );
}
