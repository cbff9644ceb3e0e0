import type { ReadonlySignal, Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { callForNotice } from "./chime.ts";
import { CommandButton } from "./CommandButton.tsx";
import { regainFocus } from "./focus.ts";
import { Icon } from "./icons.tsx";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";
import { knockWords } from "./words.ts";

interface KnockingProps {
  store: CallStore;
  open: Signal<boolean>;
  /** Through which speaker one is called. */
  sink: ReadonlySignal<string>;
}

/** Hosts: somebody has begun to wait. It stands above the stage and covers nothing, until it is looked at. */
export function Knocking({ store, open, sink }: KnockingProps) {
  const { hosts } = store;
  const news = hosts.news.value;
  const [first] = news;
  const words = knockWords(news.map(({ name }) => name));
  useNews(news.length, sink);
  const failed = (): void => {
    if (hosts.problem.value !== undefined) store.toasts.problem(hosts.problem.value);
  };
  return (
    <div class={`knocking ${first ? "shown" : ""}`}>
      <p role="status">
        {first && <Icon name="clock" />}
        <span>{words}</span>
      </p>
      {first && (
        <div class="knocking-buttons">
          {news.length === 1 && (
            <CommandButton
              hosts={hosts}
              whom={first.person}
              class="small primary"
              label={say("knocks-admit-name", { name: first.name })}
              command={(hosting) => hosting.admit(first.person)}
              otherwise={failed}
            >
              {say("knocks-admit")}
            </CommandButton>
          )}
          <button type="button" class="button small" aria-haspopup="dialog" onClick={() => (open.value = true)}>
            {say("knocks-view")}
          </button>
          <button type="button" class="button small bare" aria-label={say("not-now")} title={say("not-now")} onClick={() => hosts.look()}>
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}

/** More news: a sound for who may not see it. Less: the button that was pressed is gone. */
function useNews(count: number, sink: ReadonlySignal<string>): void {
  const before = useRef(0);
  useEffect(() => {
    if (count > before.current) callForNotice(sink.peek());
    if (count < before.current) regainFocus();
    before.current = count;
  }, [count, sink]);
}
