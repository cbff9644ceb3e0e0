import type { Signal } from "@preact/signals";

import { DeviceProblems, DeviceSettings } from "./DeviceSettings.tsx";
import { Icon } from "./icons.tsx";
import { LanguageSelect } from "./LanguageChoice.tsx";
import { Modal } from "./Modal.tsx";
import type { Page } from "./page.ts";
import { say } from "./say.ts";

export function SettingsButton({ open }: { open: Signal<boolean> }) {
  return (
    <button type="button" class="button slim" aria-haspopup="dialog" title={say("settings-title")} onClick={() => (open.value = true)}>
      <Icon name="settings" />
      <span class="label">{say("settings")}</span>
    </button>
  );
}

/** Devices and the language, in a call. */
export function SettingsDialog({ page, open }: { page: Page; open: Signal<boolean> }) {
  return (
    <Modal class="devices" title={say("settings")} open={open.value} onClose={() => (open.value = false)}>
      {open.value && (
        <>
          <DeviceProblems devices={page.devices} />
          <DeviceSettings devices={page.devices} />
          <div class="device-choice">
            <label>
              <span>{say("language")}</span>
              <LanguageSelect page={page} class="field" />
            </label>
          </div>
        </>
      )}
    </Modal>
  );
}
