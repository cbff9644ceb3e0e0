import { useSignal } from "@preact/signals";

import { AppsButton, Drawer } from "./Drawer.tsx";
import { FullScreenEnd } from "./FullScreen.tsx";
import { Halves } from "./Halves.tsx";
import { Status } from "./Header.tsx";
import { Knocking } from "./Knocking.tsx";
import type { Page } from "./page.ts";
import { People, PeopleButton } from "./People.tsx";
import { RemovedNotice } from "./RemovedNotice.tsx";
import { say } from "./say.ts";
import { Stage } from "./Stage.tsx";
import type { CallStore } from "./store.ts";

/** A call without faces and voices, which the page around this one has. */
export function StageView({ page, store }: { page: Page; store: CallStore }) {
  const drawer = useSignal(false);
  const people = useSignal(false);
  return (
    <div class="call embedded">
      <header class="header">
        <h1 class="unseen">{page.address.call}</h1>
        <Status store={store} />
      </header>
      <div class="controls" role="group" aria-label={say("controls")}>
        <AppsButton store={store} open={drawer} />
        <PeopleButton store={store} open={people} />
        <FullScreenEnd />
      </div>
      <div class="hall">
        <Knocking store={store} open={people} sink={page.devices.choices.sink} />
        <Halves store={store} />
        <RemovedNotice store={store} />
        <div class="floor">
          <Stage store={store} openDrawer={() => (drawer.value = true)} />
        </div>
      </div>
      <Drawer store={store} open={drawer} />
      <People store={store} open={people} />
    </div>
  );
}
