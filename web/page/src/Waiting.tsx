import { useEffect, useRef } from "preact/hooks";

import { Icon } from "./icons.tsx";
import type { Apart } from "./apart.ts";
import { AppsApart } from "./AppsApart.tsx";
import type { Page, Wait } from "./page.ts";
import { Preview } from "./Preview.tsx";
import { say } from "./say.ts";

/** In place of the lobby's form, until a host lets one in. */
export function Waiting({ page, wait }: { page: Page; wait: Wait }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { address, devices } = page;
  useEffect(() => {
    document.title = say("waiting-document", { call: address.call });
    heading.current?.focus();
  }, [address]);
  const busy = wait.apart.resources.value.length > 0;
  return (
    <main class={`lobby ${busy ? "busy" : ""}`}>
      {busy && <Meanwhile key={wait.apart} apart={wait.apart} />}
      {!busy && page.hasMedia && <Preview devices={devices} name={wait.name} />}
      <section class="card waiting">
        <span class="waiting-mark">
          <Icon name={wait.lost ? "offline" : wait.locked ? "lock" : "clock"} />
        </span>
        <div>
          <p class="quiet">{address.call}</p>
          <h1 ref={heading} tabIndex={-1}>
            {say(wait.locked ? "waiting-locked" : "waiting-title")}
          </h1>
        </div>
        <div class="waiting-words" role="status">
          <Words wait={wait} />
        </div>
        <p class="quiet">{say("waiting-as", { name: wait.name })}</p>
        <button type="button" class="button large" onClick={() => page.giveUp()}>
          {say("waiting-stop")}
        </button>
      </section>
    </main>
  );
}

function Meanwhile({ apart }: { apart: Apart }) {
  return <AppsApart apart={apart} label={say("waiting-apps")} words={say("waiting-apps-words")} />;
}

function Words({ wait: { lost, held, words, locked } }: { wait: Wait }) {
  if (lost) {
    return <p class="warn">{say("waiting-lost")}</p>;
  }
  if (!held) {
    return <p>{say(locked ? "waiting-locked-words" : "waiting-seen-soon")}</p>;
  }
  return (
    <>
      <p>{say(locked ? "waiting-locked-words" : "waiting-held")}</p>
      {words !== "" && (
        <blockquote>
          <span class="unseen">{say("waiting-host-says")} </span>
          {words}
        </blockquote>
      )}
    </>
  );
}
