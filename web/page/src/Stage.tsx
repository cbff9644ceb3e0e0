import { useSignal, type Signal } from "@preact/signals";
import type { Resource } from "@callmesh/client";
import type { Access } from "@callmesh/core";
import { useEffect, useRef } from "preact/hooks";

import { Confirm, type Question } from "./Confirm.tsx";
import { FrameView } from "./FrameView.tsx";
import { Icon } from "./icons.tsx";
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
  const question = useSignal<Question | undefined>(undefined);
  const stage = useRef<HTMLElement>(null);
  useEffect(() => stage.current?.focus({ preventScroll: true }), []); // what had it, the lobby, is gone
  return (
    <main ref={stage} class="stage" aria-label="Stage" tabIndex={-1}>
      {store.resources.value.length > 0 && <Tabs store={store} />}
      {viewed && <Bar store={store} viewed={viewed} question={question} inspecting={inspecting} />}
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
      <Confirm question={question} />
    </main>
  );
}

interface BarProps {
  store: CallStore;
  viewed: Resource;
  question: Signal<Question | undefined>;
  inspecting: Signal<boolean> | undefined;
}

function Bar({ store, viewed, question, inspecting }: BarProps) {
  const active = store.record(store.active.value);
  const remove = (): void => {
    question.value = {
      title: `Remove “${viewed.title}”?`,
      words: "It goes away for everybody, with all that is in it. This cannot be undone.",
      no: "Keep it",
      yes: "Remove for everybody",
      then: () => store.remove(viewed.id),
    };
  };
  return (
    <div class={`bar ${store.follows.value ? "" : "apart"}`}>
      {store.follows.value ? (
        <p>
          <Icon name="eye" /> {store.othersAccess(viewed) === "hidden" ? "Hosts see this" : "Everybody sees this"}
        </p>
      ) : (
        <p role="status">
          <Icon name="user" /> Only you see this. {active ? `Everybody sees “${active.title}”.` : "Nothing is shown to everybody."}
        </p>
      )}
      {store.accessTo(viewed) === "view" && <p class="note">You may look, and not change anything.</p>}
      <div class="bar-buttons">
        {store.me.value?.role === "host" && <Others store={store} resource={viewed} />}
        {store.me.value?.role === "host" && store.hosts.waitingArea.value && <ForWaiting store={store} resource={viewed} />}
        {!store.follows.value && active && (
          <button type="button" class="button small" onClick={() => store.follow()}>
            <Icon name="back" />
            <span>
              Back<span class="wide"> to what everybody sees</span>
            </span>
          </button>
        )}
        {!store.follows.value && store.mayEdit.value && (
          <button type="button" class="button small primary" onClick={() => store.show(viewed.id)}>
            <Icon name="eye" />
            <span>Show to everybody</span>
          </button>
        )}
        {inspecting && store.isHost.value && (
          <button
            type="button"
            class="button small bare"
            aria-label="Inspect"
            title="Inspect: state, presence, streams, denied writes and what each resource costs"
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
            aria-label={`Remove ${viewed.title}`}
            title={`Remove ${viewed.title}`}
            onClick={remove}
          >
            <Icon name="remove" />
          </button>
        )}
      </div>
    </div>
  );
}

const LEVELS: readonly (readonly [Access, string])[] = [
  ["edit", "Others may edit"],
  ["view", "Others may look"],
  ["hidden", "Hidden from others"],
];

/** What all but hosts may do with it, for a host to change. It counts at once. */
function Others({ store, resource }: { store: CallStore; resource: Resource }) {
  const now = store.othersAccess(resource);
  return (
    <select
      class="button small"
      aria-label={`What others may do with ${resource.title}`}
      value={now}
      onChange={({ currentTarget }) => store.letOthers(resource, currentTarget.value as Access)}
    >
      {LEVELS.map(([level, words]) => (
        <option key={level} value={level}>
          {words}
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
      aria-pressed={shown}
      title="Who waits to be let in fills it in meanwhile; what they write comes with them."
      onClick={() => store.showMeanwhile(resource, !shown)}
    >
      <Icon name="clock" />
      <span>In the waiting area</span>
    </button>
  );
}

function Empty({ store, openDrawer }: { store: CallStore; openDrawer: () => void }) {
  const hidden = store.hidden.value;
  if (hidden) return <Hidden title={hidden.title} />;
  const some = store.resources.value.length > 0;
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name="apps" />
      </span>
      <h2>{some ? "Nothing is shown to everybody" : "This is the stage"}</h2>
      {some && <p>Choose a tab above to look at something, and show it to everybody if you like.</p>}
      {!some && store.mayEdit.value && <p>What you put here, everybody in the call sees and uses together.</p>}
      {!some && !store.mayEdit.value && <p>What others put here will show up for you.</p>}
      {!some && store.mayEdit.value && (
        <button type="button" class="button primary" onClick={openDrawer}>
          <Icon name="add" />
          <span>Add an app</span>
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
      <h2>“{title}” is hidden</h2>
      <p>A host has hidden it from you. It comes back here when it is shown to you again.</p>
    </div>
  );
}
