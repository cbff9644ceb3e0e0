import type { Apart } from "./apart.ts";
import { FrameView } from "./FrameView.tsx";
import { say } from "./say.ts";

/** Apps outside of the call: one before the reader, and the others to choose from. */
export function AppsApart({ apart, label, words }: { apart: Apart; label: string; words: string }) {
  const resources = apart.resources.value;
  const viewed = apart.viewed.value;
  return (
    <section class="apart-apps" aria-label={label}>
      <h2 class="unseen">{label}</h2>
      {resources.length > 1 && (
        <nav class="apart-apps-choice" aria-label={say("apps")}>
          {resources.map(({ id, app, title }) => (
            <button
              key={id}
              type="button"
              class="button small"
              aria-pressed={id === viewed}
              onClick={() => apart.look(id)}
            >
              {apart.catalog.titleOf({ app, title })}
            </button>
          ))}
        </nav>
      )}
      {apart.mounted.value.map((resource) => (
        <div key={resource.id} class="panel" hidden={resource.id !== viewed}>
          <FrameView store={apart} resource={resource} removed={false} />
        </div>
      ))}
      <p class="quiet">{words}</p>
    </section>
  );
}
