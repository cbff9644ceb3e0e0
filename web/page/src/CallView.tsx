import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";

import { Chat, ChatButton } from "./Chat.tsx";
import { DeviceButton } from "./DeviceButton.tsx";
import { AppsButton, Drawer } from "./Drawer.tsx";
import { FullScreenEnd } from "./FullScreen.tsx";
import { Halves } from "./Halves.tsx";
import { Actions, Header } from "./Header.tsx";
import { LateInspector } from "./LateInspector.tsx";
import { Knocking } from "./Knocking.tsx";
import type { Page } from "./page.ts";
import { People, PeopleButton } from "./People.tsx";
import { Reactions } from "./Reactions.tsx";
import { RemovedNotice } from "./RemovedNotice.tsx";
import { language, say } from "./say.ts";
import { Screen, ShareButton, SharingNotice } from "./Screen.tsx";
import { SettingsButton, SettingsDialog } from "./Settings.tsx";
import { Stage } from "./Stage.tsx";
import type { CallStore } from "./store.ts";
import { Tiles } from "./Tile.tsx";

/** Who has the most room: somebody's screen, what is on the stage, or the faces where nothing is. */
function floorOf({ watching, resources }: CallStore): string {
  if (watching.watched.value !== undefined) return "watching";
  return resources.value.length === 0 ? "faces" : "";
}

export function CallView({ page, store }: { page: Page; store: CallStore }) {
  const drawer = useSignal(false);
  const openDrawer = (): void => void (drawer.value = true);
  const problem = (words: string): void => page.toasts.problem(words);
  const people = useSignal(false);
  const settings = useSignal(false);
  const inspecting = useSignal(false);
  const waiting = store.hosts.waiting.value.length;
  useEffect(() => {
    const { call } = page.address;
    document.title = waiting > 0 ? say("call-document-waiting", { count: waiting, call }) : say("call-document", { call });
  }, [page, waiting, language.value]);
  return (
    <div class="call">
      <Header page={page} store={store} />
      <div class="controls" role="group" aria-label={say("controls")}>
        <DeviceButton kind="microphone" devices={page.devices} onProblem={problem} />
        <DeviceButton kind="camera" devices={page.devices} onProblem={problem} />
        <SettingsButton open={settings} />
        <ShareButton devices={page.devices} store={store} />
        <AppsButton store={store} open={drawer} />
        <PeopleButton store={store} open={people} />
        <ChatButton store={store} />
        <Reactions store={store} />
        <FullScreenEnd />
      </div>
      <Actions page={page} store={store} />
      <div class="hall">
        <Knocking store={store} open={people} sink={page.devices.choices.sink} />
        <Halves store={store} />
        <RemovedNotice store={store} />
        <SharingNotice devices={page.devices} />
        <div class={`floor ${floorOf(store)}`}>
          <Screen store={store} />
          <Stage store={store} openDrawer={openDrawer} inspecting={inspecting} />
          {inspecting.value && store.isHost.value && <LateInspector store={store} close={() => (inspecting.value = false)} />}
          <Tiles page={page} store={store} />
          {store.talk.open.value && <Chat store={store} />}
        </div>
      </div>
      <Drawer store={store} open={drawer} />
      <People store={store} open={people} />
      <SettingsDialog page={page} open={settings} />
    </div>
  );
}
