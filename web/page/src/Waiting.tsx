import { useEffect, useRef } from "preact/hooks";

import { Icon } from "./icons.tsx";
import type { Apart } from "./apart.ts";
import { AppsApart } from "./AppsApart.tsx";
import type { Page, Wait } from "./page.ts";
import { Preview } from "./Preview.tsx";

/** In place of the lobby's form, until a host lets one in. */
export function Waiting({ page, wait }: { page: Page; wait: Wait }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { address, devices } = page;
  useEffect(() => {
    document.title = `Waiting · ${address.call}`;
    heading.current?.focus();
  }, [address]);
  const busy = wait.apart.resources.value.length > 0;
  return (
    <main class={`lobby ${busy ? "busy" : ""}`}>
      {busy ? <Meanwhile key={wait.apart} apart={wait.apart} /> : <Preview devices={devices} name={wait.name} />}
      <section class="card waiting">
        <span class="waiting-mark">
          <Icon name={wait.lost ? "offline" : "clock"} />
        </span>
        <div>
          <p class="quiet">{address.call}</p>
          <h1 ref={heading} tabIndex={-1}>
            Waiting to be let in
          </h1>
        </div>
        <div class="waiting-words" role="status">
          <Words wait={wait} />
        </div>
        <p class="quiet">
          You asked as <strong>{wait.name}</strong>. Keep this page open: the call begins here.
        </p>
        <button type="button" class="button large" onClick={() => page.giveUp()}>
          Stop waiting
        </button>
      </section>
    </main>
  );
}

function Meanwhile({ apart }: { apart: Apart }) {
  const words = "Nobody sees this before you are let in. Then it goes to the people in the call.";
  return <AppsApart apart={apart} label="While you wait" words={words} />;
}

function Words({ wait: { lost, held, words } }: { wait: Wait }) {
  if (lost) {
    return <p class="warn">The connection is lost. Reconnecting… Then you wait again, by itself.</p>;
  }
  if (!held) {
    return <p>The hosts of this call see that you wait, as soon as they are here. You come in when one of them lets you in.</p>;
  }
  return (
    <>
      <p>A host has seen you, and asks you to wait a little longer.</p>
      {words !== "" && (
        <blockquote>
          <span class="unseen">The host says: </span>
          {words}
        </blockquote>
      )}
    </>
  );
}
