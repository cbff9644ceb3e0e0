import { useEffect } from "preact/hooks";
import { useSignal, type Signal } from "@preact/signals";

import { asksOf, type App } from "./catalog.ts";
import { AppIcon } from "./AppIcon.tsx";
import { Icon } from "./icons.tsx";
import { Modal } from "./Modal.tsx";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";
import { TALK } from "./talk.ts";

/** Opens the drawer, for who may add apps. */
export function AppsButton({ store, open }: { store: CallStore; open: Signal<boolean> }) {
  if (!store.mayEdit.value) return null;
  return (
    <button type="button" class="button" aria-haspopup="dialog" onClick={() => (open.value = true)}>
      <Icon name="apps" />
      <span class="label">{say("apps")}</span>
    </button>
  );
}

/** The apps of the hub, each to be added to the call. */
export function Drawer({ store, open }: { store: CallStore; open: Signal<boolean> }) {
  const adding = useSignal<string | undefined>(undefined);
  const wanted = useSignal("");
  const isOpen = open.value;
  const apps = [...store.catalog.apps.value.values()].filter(({ id }) => id !== TALK);
  const found = apps.filter((app) => isFound(app, wanted.value));
  useEffect(() => {
    if (isOpen) void store.catalog.load();
  }, [isOpen, store]);

  const isOff = (app: App): boolean => adding.value !== undefined || !store.mayAdd(app);
  const add = async (app: App): Promise<void> => {
    if (isOff(app)) return;
    adding.value = app.id;
    if (await store.add(app)) open.value = false;
    adding.value = undefined;
  };

  return (
    <Modal class="drawer" title={say("apps")} open={isOpen} onClose={() => (open.value = false)}>
      <p class="quiet">{say("drawer-words")}</p>
      {apps.length > 1 && (
        <input
          type="search"
          class="field"
          aria-label={say("drawer-search")}
          placeholder={say("drawer-search")}
          value={wanted.value}
          onInput={({ currentTarget }) => (wanted.value = currentTarget.value)}
        />
      )}
      <ul class="apps">
        {found.map((app) => (
          <li key={app.id}>
            <AppIcon app={app} />
            <div>
              <h3>{app.name}</h3>
              <p>{app.description}</p>
              {asksOf(app).length > 0 && <p class="quiet">{asksOf(app).join(" · ")}</p>}
              {(app.add.length === 1 || !store.mayAdd(app)) && <p class="quiet">{say("drawer-who-adds", { roles: app.add.join(" ") })}</p>}
            </div>
            <button
              type="button"
              class="button"
              aria-label={say("drawer-add-app", { app: app.name })}
              aria-disabled={isOff(app)} /* `disabled` would lose the focus */
              onClick={() => void add(app)}
            >
              <Icon name="add" />
              <span>{say(adding.value === app.id ? "drawer-adding" : "drawer-add")}</span>
            </button>
          </li>
        ))}
      </ul>
      <p role="status" class={found.length === 0 && apps.length > 0 ? "" : "unseen"}>
        {found.length === 0 && apps.length > 0 && say("drawer-none-found", { wanted: wanted.value })}
      </p>
      <Notice store={store} />
    </Modal>
  );
}

/** Every word that is wanted stands in its name or its description, be it only in part. */
function isFound({ name, description }: Pick<App, "name" | "description">, wanted: string): boolean {
  const text = `${name} ${description}`.toLocaleLowerCase();
  return wanted.toLocaleLowerCase().split(/\s+/u).every((word) => text.includes(word));
}

function Notice({ store }: { store: CallStore }) {
  switch (store.catalog.state.value) {
    case "loading":
      return <p role="status">{say("loading")}</p>;
    case "failed":
      return (
        <p class="problem" role="alert">
          {say("drawer-failed")}
        </p>
      );
    case "ready":
      return [...store.catalog.apps.value.keys()].every((id) => id === TALK) ? <p>{say("drawer-none")}</p> : null;
  }
}
