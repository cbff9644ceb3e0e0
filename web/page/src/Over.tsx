import { useEffect, useRef } from "preact/hooks";

import type { Page } from "./page.ts";

export function Over({ page, problem }: { page: Page; problem: string | undefined }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = "You left the call";
    heading.current?.focus();
  }, []);
  return (
    <main class="over card">
      <h1 ref={heading} tabIndex={-1}>
        You left the call
      </h1>
      <p>{problem ?? "Everything in it stays as it is. You can close this tab, or come back."}</p>
      <button type="button" class="button primary" onClick={() => page.reopen()}>
        Join again
      </button>
    </main>
  );
}
