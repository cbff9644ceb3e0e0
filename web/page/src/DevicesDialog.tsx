import type { Signal } from "@preact/signals";

import type { Devices } from "./devices.ts";
import { DeviceProblems, DeviceSettings } from "./DeviceSettings.tsx";
import { Icon } from "./icons.tsx";
import { Modal } from "./Modal.tsx";
import { say } from "./say.ts";

export function DevicesButton({ open }: { open: Signal<boolean> }) {
  return (
    <button type="button" class="button slim" aria-haspopup="dialog" title={say("devices-title")} onClick={() => (open.value = true)}>
      <Icon name="settings" />
      <span class="label">{say("devices")}</span>
    </button>
  );
}

/** Devices, in a call. */
export function DevicesDialog({ devices, open }: { devices: Devices; open: Signal<boolean> }) {
  return (
    <Modal class="devices" title={say("devices-title")} open={open.value} onClose={() => (open.value = false)}>
      {open.value && (
        <>
          <DeviceProblems devices={devices} />
          <DeviceSettings devices={devices} />
        </>
      )}
    </Modal>
  );
}
