import type { Hosting } from "@callmesh/client";
import type { ComponentChildren } from "preact";

import type { Hosts } from "./hosts.ts";

interface CommandButtonProps {
  hosts: Hosts;
  /** The person it is about, or `EVERYBODY`. */
  whom: string;
  class?: string;
  /** What a screen reader says, where the words on it do not name the person. */
  label?: string;
  title?: string;
  /** There is nothing to do. */
  off?: boolean;
  command: (hosting: Hosting) => Promise<void>;
  /** Told when it was done. */
  then?: () => void;
  /** Told when it was not. */
  otherwise?: () => void;
  children: ComponentChildren;
}

/** Has something done about a person, once: meanwhile it is busy, and so are all others about that person. */
export function CommandButton(props: CommandButtonProps) {
  const { hosts, whom, class: name = "", label, title, off = false, command, then, otherwise, children } = props;
  const busy = off || hosts.isBusy(whom);
  const press = async (): Promise<void> => {
    if (busy) return;
    if (await hosts.run(whom, command)) then?.();
    else otherwise?.();
  };
  return (
    <button
      type="button"
      class={`button ${name}`}
      aria-label={label}
      title={title}
      aria-disabled={busy} /* `disabled` would lose the focus */
      onClick={() => void press()}
    >
      {children}
    </button>
  );
}
