import type { ComponentType } from "preact";

import type { Page } from "./page.ts";
import { Lobby } from "./Lobby.tsx";
import { Over } from "./Over.tsx";
import type { CallStore } from "./store.ts";
import { Told, Toasts } from "./Toasts.tsx";
import { Waiting } from "./Waiting.tsx";

/** `view` is what there is in a call. */
export function App({ page, view: View }: { page: Page; view: ComponentType<{ page: Page; store: CallStore }> }) {
  const phase = page.phase.value;
  return (
    <Told.Provider value={page.toasts}>
      {phase.kind === "lobby" && <Lobby page={page} joining={phase.joining} problem={phase.problem} />}
      {phase.kind === "waiting" && <Waiting page={page} wait={phase.wait} />}
      {phase.kind === "call" && <View page={page} store={phase.store} />}
      {phase.kind === "over" && <Over page={page} farewell={phase.farewell} apart={phase.apart} />}
      <Toasts list={page.toasts} />
    </Told.Provider>
  );
}
