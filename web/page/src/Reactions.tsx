import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { Icon } from "./icons.tsx";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";
import { REACTIONS } from "./talk.ts";
import { callProblem } from "./words.ts";

/** A raised hand, and what is said without words. */
export function Reactions({ store }: { store: CallStore }) {
  const { talk } = store;
  const open = useSignal(false);
  const root = useRef<HTMLDivElement>(null);
  const me = store.me.value?.id;
  const raised = me !== undefined && talk.isRaised(me);
  useEffect(() => {
    const outside = ({ target }: Event): void => {
      if (target instanceof Node && root.current?.contains(target) === false) open.value = false;
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);
  const close = (): void => {
    open.value = false;
    root.current?.querySelector("button")?.focus();
  };
  const act = (done: Promise<void>): void => {
    close();
    done.catch((error: unknown) => store.toasts.problem(callProblem(error)));
  };
  const escape = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && open.value) close();
  };
  if (!talk.mayShow) return null;
  return (
    <div ref={root} class="reactions" onKeyDown={escape}>
      <button
        type="button"
        class={`button ${raised ? "raised" : ""}`}
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        <Icon name="hand" />
        <span class="label">{say("react")}</span>
      </button>
      {open.value && (
        <div class="reactions-menu card" role="group" aria-label={say("react")}>
          <button type="button" class="button" aria-pressed={raised} onClick={() => act(talk.raise(!raised))}>
            <Icon name="hand" />
            <span>{say(raised ? "hand-lower" : "hand-raise")}</span>
          </button>
          <div class="reactions-emoji">
            {REACTIONS.map((emoji) => (
              <button
                key={emoji}
                type="button"
                class="button bare"
                aria-label={say("react-with", { emoji })}
                onClick={() => act(talk.react(emoji))}
              >
                {emoji}
              </button>
            ))}
          </div>
        </div>
      )}
    </div>
  );
}
