import { useSignal } from "@preact/signals";
import type { PersonId } from "@callmesh/core";

import { CommandButton } from "./CommandButton.tsx";
import { EVERYBODY } from "./hosts.ts";
import { Icon } from "./icons.tsx";
import { Modal } from "./Modal.tsx";
import { heirs, isOnlyHost } from "./people.ts";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";

/** Leaves; the only host is asked before, where that leaves others without one. */
export function LeaveButton({ store }: { store: CallStore }) {
  const asking = useSignal(false);
  const leave = (): void => void store.call.leave();
  const press = (): void => {
    const people = store.people.value;
    store.hosts.problem.value = undefined;
    asking.value = isOnlyHost(people) && heirs(people).length > 0;
    if (!asking.value) leave();
  };
  return (
    <>
      <button type="button" class="button danger" onClick={press} title={say("leave-title")}>
        <Icon name="leave" />
        <span class="label">{say("leave")}</span>
      </button>
      <Modal class="confirm" title={say("leave-sure")} open={asking.value} onClose={() => (asking.value = false)}>
        {asking.value && <OnlyHost store={store} leave={leave} />}
      </Modal>
    </>
  );
}

function OnlyHost({ store, leave }: { store: CallStore; leave: () => void }) {
  const { hosts } = store;
  const others = heirs(store.people.value);
  const chosen = useSignal<PersonId | undefined>(undefined);
  const heir = others.find(({ person }) => person === chosen.value) ?? others[0];
  return (
    <>
      <p>{say("leave-only-host")}</p>
      {hosts.problem.value !== undefined && (
        <p class="problem" role="alert">
          {hosts.problem}
        </p>
      )}
      {heir && (
        <div class="heir">
          <label>
            <span>{say("leave-heir")}</span>
            <select class="button" value={heir.person} onChange={({ currentTarget }) => (chosen.value = currentTarget.value as PersonId)}>
              {others.map(({ person, name }) => (
                <option key={person} value={person}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <CommandButton
            hosts={hosts}
            whom={heir.person}
            class="primary"
            command={(hosting) => hosting.handOver(heir.person)}
            then={leave}
          >
            {say("leave-hand-over")}
          </CommandButton>
        </div>
      )}
      <div class="modal-buttons">
        <button type="button" class="button danger" aria-disabled={hosts.isBusy(EVERYBODY)} onClick={() => void hosts.end()}>
          {say("leave-end")}
        </button>
        <button type="button" class="button" onClick={leave}>
          {say("leave")}
        </button>
      </div>
    </>
  );
}
