import type { ComponentChildren } from "preact";
import { useContext, useEffect, useId, useRef } from "preact/hooks";

import { regainFocus } from "./focus.ts";
import { Icon } from "./icons.tsx";
import { say } from "./say.ts";
import { Told, Toasts } from "./Toasts.tsx";

interface ModalProps {
  class: string;
  title: string;
  open: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

/** The browser's own dialog: it keeps the focus, gives it back, and closes with Escape. */
export function Modal({ class: name, title, open, onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const told = useContext(Told);
  useEffect(() => {
    const element = dialog.current;
    if (open && element?.open === false) element.showModal();
    if (!open && element?.open === true) element.close();
  }, [open]);
  const closed = (): void => {
    onClose();
    regainFocus(); // what opened it may be gone
  };
  // Of a press that moves between the backdrop and what is in the dialog the click has the dialog as its target too.
  const outside = useRef(false);
  const isOutside = ({ target }: MouseEvent): boolean => target === dialog.current;
  const pressed = (event: MouseEvent): void => {
    if (outside.current && isOutside(event)) onClose();
  };
  return (
    <dialog
      ref={dialog}
      class={`modal ${name}`}
      aria-labelledby={heading}
      onClose={closed}
      onMouseDown={(event) => (outside.current = isOutside(event))}
      onMouseUp={(event) => (outside.current &&= isOutside(event))}
      onClick={pressed}
    >
      <div class="modal-body">
        <header>
          <h2 id={heading}>{title}</h2>
          <button type="button" class="button bare" aria-label={say("close")} onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
      {open && told && <Toasts list={told} />}
    </dialog>
  );
}
