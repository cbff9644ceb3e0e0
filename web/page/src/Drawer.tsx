import { useEffect } from "preact/hooks";
import { useSignal, type Signal } from "@preact/signals";

import type { App } from "./catalog.ts";
import { AppIcon } from "./AppIcon.tsx";
import { Icon } from "./icons.tsx";
import { Modal } from "./Modal.tsx";
import type { CallStore } from "./store.ts";

/** The apps of the hub, each to be added to the call. */
export function Drawer({ store, open }: { store: CallStore; open: Signal<boolean> }) {
  const adding = useSignal<string | undefined>(undefined);
  const isOpen = open.value;
  useEffect(() => {
    if (isOpen) void store.catalog.load();
  }, [isOpen, store]);

  const add = async (app: App): Promise<void> => {
    adding.value = app.id;
    if (await store.add(app)) open.value = false;
    adding.value = undefined;
  };

  return (
    <Modal class="drawer" title="Apps" open={isOpen} onClose={() => (open.value = false)}>
      <p class="quiet">An app that you add is shown to everybody in the call.</p>
      <ul class="apps">
        {[...store.catalog.apps.value.values()].map((app) => (
          <li key={app.id}>
            <AppIcon app={app} />
            <div>
              <h3>{app.name}</h3>
              <p>{app.description}</p>
              {!store.mayAdd(app) && <p class="quiet">{app.add.map((role) => `${role}s`).join(" and ")} add this.</p>}
            </div>
            <button
              type="button"
              class="button"
              aria-label={`Add ${app.name}`}
              disabled={adding.value !== undefined || !store.mayAdd(app)}
              onClick={() => void add(app)}
            >
              <Icon name="add" />
              <span>{adding.value === app.id ? "Adding…" : "Add"}</span>
            </button>
          </li>
        ))}
      </ul>
      <Notice store={store} />
    </Modal>
  );
}

function Notice({ store }: { store: CallStore }) {
  switch (store.catalog.state.value) {
    case "loading":
      return <p role="status">Loading…</p>;
    case "failed":
      return (
        <p class="problem" role="alert">
          The list of apps cannot be read. Check your connection, and open this again.
        </p>
      );
    case "ready":
      return store.catalog.apps.value.size === 0 ? <p>This hub has no apps.</p> : null;
  }
}
