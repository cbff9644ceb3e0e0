import { useSignal, type Signal } from "@preact/signals";
import type { Resource } from "@callmesh/client";
import type { Access, ResourceId } from "@callmesh/core";
import { useEffect, useRef } from "preact/hooks";

import { Exceptions, ExceptionsButton } from "./Exceptions.tsx";
import { FrameView } from "./FrameView.tsx";
import { FullScreen } from "./FullScreen.tsx";
import { Icon } from "./icons.tsx";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";
import { panelId, tabId, Tabs } from "./Tabs.tsx";

interface StageProps {
  store: CallStore;
  openDrawer: () => void;
  /** Whether the inspector is open, for hosts to open and close; without it there is no button for that. */
  inspecting?: Signal<boolean>;
}

/** The resource in view, tabs for the others, and what one may do with it. */
export function Stage({ store, openDrawer, inspecting }: StageProps) {
  const viewed = store.record(store.viewed.value);
  const stage = useRef<HTMLElement>(null);
  const excepting = useSignal<ResourceId | undefined>(undefined);
  useEffect(() => stage.current?.focus({ preventScroll: true }), []); // what had it, the lobby, is gone
  return (
    <>
      <main ref={stage} class="stage" aria-label={say("stage")} tabIndex={-1}>
        {store.resources.value.length > 0 && <Tabs store={store} />}
        {viewed && <Bar store={store} viewed={viewed} inspecting={inspecting} excepting={excepting} />}
        <div class="panels">
          {store.mounted.value.map(({ resource, removed }) => (
            <section
              key={resource.id}
              id={panelId(resource.id)}
              class="panel"
              role="tabpanel"
              aria-labelledby={tabId(resource.id)}
              hidden={resource.id !== viewed?.id}
            >
              <FrameView store={store} resource={resource} removed={removed} />
            </section>
          ))}
          {!viewed && <Empty store={store} openDrawer={openDrawer} />}
        </div>
      </main>
      {/* Beside it: what stands in the place of the stage would take an open dialog along. */}
      <Exceptions store={store} open={excepting} />
    </>
  );
}

interface BarProps {
  store: CallStore;
  viewed: Resource;
  inspecting: Signal<boolean> | undefined;
  excepting: Signal<ResourceId | undefined>;
}

function Bar({ store, viewed, inspecting, excepting }: BarProps) {
  const active = store.record(store.active.value);
  const title = store.catalog.titleOf(viewed);
  return (
    <div class={`bar ${store.follows.value ? "" : "apart"}`}>
      {store.follows.value ? (
        <p>
          <Icon name="eye" /> {say(store.othersAccess(viewed) === "hidden" ? "stage-hosts-see-this" : "stage-everybody-sees-this")}
        </p>
      ) : (
        <p role="status">
          <Icon name="user" /> {active ? say("stage-only-you", { title: store.catalog.titleOf(active) }) : say("stage-only-you-and-nothing")}
        </p>
      )}
      {store.accessTo(viewed) === "view" && <p class="note">{say("stage-may-look")}</p>}
      {!store.follows.value && (
        <div class="bar-buttons">
          {active && (
            <button type="button" class="button small" aria-label={say("stage-back-to")} title={say("stage-back-to")} onClick={() => store.follow()}>
              <Icon name="back" />
              <span class="back-label">
                <span class="narrow">{say("stage-back")}</span>
                <span class="wide">{say("stage-back-to")}</span>
              </span>
            </button>
          )}
          {store.mayEdit.value && (
            <button type="button" class="button small primary" onClick={() => store.show(viewed.id)}>
              <Icon name="eye" />
              <span>{say("stage-show")}</span>
            </button>
          )}
        </div>
      )}
      <div class="bar-buttons">
        {store.me.value?.role === "host" && <Others store={store} resource={viewed} />}
        {store.me.value?.role === "host" && <ExceptionsButton store={store} resource={viewed} open={excepting} />}
        {store.me.value?.role === "host" && store.hosts.waitingArea.value && <ForWaiting store={store} resource={viewed} />}
        <FullScreen words={say("stage-full-screen")} />
        {inspecting && store.isHost.value && (
          <button
            type="button"
            class="button small bare"
            aria-label={say("stage-inspect")}
            title={say("stage-inspect-title")}
            aria-expanded={inspecting.value}
            onClick={() => (inspecting.value = !inspecting.value)}
          >
            <Icon name="inspect" />
          </button>
        )}
        {store.mayRemove(viewed) && (
          <button
            type="button"
            class="button small bare"
            aria-label={say("stage-remove", { title })}
            title={say("stage-remove", { title })}
            onClick={() => store.remove(viewed.id)}
          >
            <Icon name="remove" />
          </button>
        )}
      </div>
    </div>
  );
}

const LEVELS: readonly Access[] = ["edit", "view", "hidden"];

/** What all but hosts may do with it, for a host to change. It counts at once. */
function Others({ store, resource }: { store: CallStore; resource: Resource }) {
  const now = store.othersAccess(resource);
  return (
    <select
      class="button small"
      aria-label={say("stage-others", { title: store.catalog.titleOf(resource) })}
      value={now}
      onChange={({ currentTarget }) => store.letOthers(resource, currentTarget.value as Access)}
    >
      {LEVELS.map((level) => (
        <option key={level} value={level}>
          {say(`stage-others-${level}`)}
        </option>
      ))}
    </select>
  );
}

/** Whether it stands in the waiting area too, for a host to change. */
function ForWaiting({ store, resource }: { store: CallStore; resource: Resource }) {
  const shown = store.isShownMeanwhile(resource);
  return (
    <button
      type="button"
      class="button small"
      aria-label={say("stage-for-waiting")}
      aria-pressed={shown}
      title={say("stage-for-waiting-title")}
      onClick={() => store.showMeanwhile(resource, !shown)}
    >
      <Icon name="clock" />
      <span class="waiting-label">{say("stage-for-waiting")}</span>
    </button>
  );
}

function Empty({ store, openDrawer }: { store: CallStore; openDrawer: () => void }) {
  const hidden = store.hidden.value;
  if (hidden) return <Hidden title={store.catalog.titleOf(hidden)} />;
  const some = store.resources.value.length > 0;
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name="apps" />
      </span>
      <h2>{say(some ? "stage-nothing-shown" : "stage-empty")}</h2>
      {some && <p>{say("stage-nothing-shown-words")}</p>}
      {!some && store.mayEdit.value && <p>{say("stage-empty-words")}</p>}
      {!some && !store.mayEdit.value && <p>{say("stage-empty-wait")}</p>}
      {!some && store.mayEdit.value && (
        <button type="button" class="button primary" onClick={openDrawer}>
          <Icon name="add" />
          <span>{say("stage-add")}</span>
        </button>
      )}
    </div>
  );
}

function Hidden({ title }: { title: string }) {
  return (
    <div class="empty" role="status">
      <span class="empty-icon">
        <Icon name="eye" />
      </span>
      <h2>{say("stage-hidden", { title })}</h2>
      <p>{say("stage-hidden-words")}</p>
    </div>
  );
}
