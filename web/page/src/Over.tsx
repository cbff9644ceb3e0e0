import { useEffect, useRef } from "preact/hooks";

import type { Page } from "./page.ts";
import type { Farewell } from "./words.ts";

export function Over({ page, farewell: { title, words, again } }: { page: Page; farewell: Farewell }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = title;
    heading.current?.focus();
  }, [title]);
  return (
    <main class="over card">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      <p>{words}</p>
      {again === "ask" && (
        <button type="button" class="button primary" onClick={() => page.askAgain()}>
          Ask again
        </button>
      )}
      {again === "join" && (
        <button type="button" class="button primary" onClick={() => page.reopen()}>
          Join again
        </button>
      )}
    </main>
  );
}
