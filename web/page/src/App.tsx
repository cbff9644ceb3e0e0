import type { Page } from "./page.ts";
import { CallView } from "./CallView.tsx";
import { Lobby } from "./Lobby.tsx";
import { Over } from "./Over.tsx";
import { Toasts } from "./Toasts.tsx";
import { Waiting } from "./Waiting.tsx";

export function App({ page }: { page: Page }) {
  const phase = page.phase.value;
  return (
    <>
      {phase.kind === "lobby" && <Lobby page={page} joining={phase.joining} problem={phase.problem} />}
      {phase.kind === "waiting" && <Waiting page={page} wait={phase.wait} />}
      {phase.kind === "call" && <CallView page={page} store={phase.store} />}
      {phase.kind === "over" && <Over page={page} farewell={phase.farewell} apart={phase.apart} />}
      <Toasts list={page.toasts} />
    </>
  );
}
