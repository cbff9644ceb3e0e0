import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface ExplainedProps {
  class: string;
  /** What it means, in a sentence. */
  more: string;
  children: ComponentChildren;
}

/** A word of how it stands. What it means is shown where one points at it, and where one presses it, until one turns to something else. */
export function Explained({ class: name, more, children }: ExplainedProps) {
  const open = useSignal(false);
  const id = useId();
  const close = (): void => void (open.value = false);
  return (
    <>
      <button
        type="button"
        class={`word ${name}`}
        title={more}
        aria-expanded={open.value}
        aria-controls={open.value ? id : undefined}
        onClick={() => (open.value = !open.value)}
        onBlur={close}
        onKeyDown={({ key }) => key === "Escape" && close()}
      >
        {children}
      </button>
      {open.value && (
        <span id={id} class="more" role="note">
          {more}
        </span>
      )}
    </>
  );
}
