import type { Signal } from "@preact/signals";

import { Modal } from "./Modal.tsx";

/** Something to think about before it is done. */
export interface Question {
  readonly title: string;
  readonly words: string;
  /** What stands on the button that does nothing. */
  readonly no: string;
  /** What stands on the button that does it. */
  readonly yes: string;
  readonly then: () => void;
}

export function Confirm({ question }: { question: Signal<Question | undefined> }) {
  const asked = question.value;
  const close = (): void => void (question.value = undefined);
  const doIt = (): void => {
    close();
    asked?.then();
  };
  return (
    <Modal class="confirm" title={asked?.title ?? ""} open={asked !== undefined} onClose={close}>
      <p>{asked?.words}</p>
      <div class="modal-buttons">
        <button type="button" class="button" onClick={close}>
          {asked?.no}
        </button>
        <button type="button" class="button danger" onClick={doIt}>
          {asked?.yes}
        </button>
      </div>
    </Modal>
  );
}
