import { useEffect, useRef } from "preact/hooks";

import { regainFocus } from "./focus.ts";
import { Icon } from "./icons.tsx";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";

/** What was removed, for as long as whoever reads it can bring it back. It stands above the stage and covers nothing. */
export function RemovedNotice({ store }: { store: CallStore }) {
  const removed = store.removed.value;
  const undo = useRef<HTMLButtonElement>(null);
  const count = useRef(0);
  const last = removed.at(-1);
  useEffect(() => {
    // The button that was pressed stands for something else by now, and once more would remove that too.
    if (removed.length > count.current && last?.by === store.call.me.id) undo.current?.focus();
    if (removed.length < count.current) regainFocus();
    count.current = removed.length;
  }, [removed]);
  return (
    <div class={`knocking ${last ? "shown" : ""}`}>
      <p role="status">
        {last && <Icon name="remove" />}
        <span>{last && store.removalWords(last)}</span>
      </p>
      {last && (
        <div class="knocking-buttons">
          <button
            ref={undo}
            type="button"
            class="button small primary"
            title={say("removed-undo-title", { title: store.catalog.titleOf(last) })}
            onClick={() => store.restore(last.id)}
          >
            <Icon name="undo" />
            <span>{say("removed-undo")}</span>
          </button>
          <button
            type="button"
            class="button small bare"
            aria-label={say("dismiss")}
            title={say("dismiss")}
            onClick={() => store.forgetRemoved(last.id)}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
