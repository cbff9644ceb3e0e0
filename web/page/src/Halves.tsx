import type { HalfTrouble } from "@callmesh/client";

import { Icon } from "./icons.tsx";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";
import { halfWords } from "./words.ts";

/** Hosts: the Python of an app does not run. It stands above the stage and covers nothing, until it is looked at. */
export function Halves({ store }: { store: CallStore }) {
  const { hosts } = store;
  const troubles = hosts.troubles.value;
  const titleOf = ({ resource, app }: HalfTrouble): string => {
    const record = store.record(resource);
    return record === undefined ? app : store.catalog.titleOf(record);
  };
  return (
    <div class={`knocking halves ${troubles.length > 0 ? "shown" : ""}`}>
      <ul role="status">
        {troubles.map((trouble) => (
          <li key={trouble.resource}>{halfWords(trouble, titleOf(trouble))}</li>
        ))}
      </ul>
      {troubles.length > 0 && (
        <div class="knocking-buttons">
          <button
            type="button"
            class="button small bare"
            aria-label={say("half-dismiss")}
            title={say("half-dismiss")}
            onClick={() => hosts.lookAtHalves()}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
