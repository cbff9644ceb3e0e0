import { useEffect, useRef } from "preact/hooks";

import type { Apart } from "./apart.ts";
import { AppsApart } from "./AppsApart.tsx";
import type { Page } from "./page.ts";
import { say } from "./say.ts";
import type { Farewell } from "./words.ts";

interface OverProps {
  page: Page;
  farewell: Farewell;
  /** What there is to read when it is over. */
  apart: Apart | undefined;
}

export function Over({ page, farewell, apart }: OverProps) {
  if (apart === undefined || apart.resources.value.length === 0) {
    return (
      <main class="over">
        <Goodbye page={page} farewell={farewell} />
      </main>
    );
  }
  return (
    <main class="lobby busy">
      <Goodbye page={page} farewell={farewell} />
      <AppsApart apart={apart} label={say("over-apps")} words={say("over-apps-words")} />
    </main>
  );
}

const AGAIN = { ask: "over-ask-again", try: "try-again", join: "over-join-again" } as const;

function Goodbye({ page, farewell: { title, words, again } }: { page: Page; farewell: Farewell }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = title;
    heading.current?.focus();
  }, [title]);
  return (
    <section class="goodbye card">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      <p>{words}</p>
      <button type="button" class="button primary" onClick={() => (again === "join" ? page.reopen() : page.askAgain())}>
        {say(AGAIN[again])}
      </button>
    </section>
  );
}
