import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { Resource } from "@callmesh/client";
import type { ResourceId } from "@callmesh/core";

import { AppIcon } from "./AppIcon.tsx";
import { Icon } from "./icons.tsx";
import { direction, say } from "./say.ts";
import type { CallStore } from "./store.ts";

export function tabId(resource: ResourceId): string {
  return `tab-${resource}`;
}

export function panelId(resource: ResourceId): string {
  return `panel-${resource}`;
}

/** One tab per resource. Arrow keys move among them, Enter or Space looks at one. */
export function Tabs({ store }: { store: CallStore }) {
  const list = useRef<HTMLDivElement>(null);
  const focused = useSignal<ResourceId | undefined>(undefined);
  const resources = store.resources.value;
  const stop = store.record(focused.value)?.id ?? store.viewed.value ?? resources[0]?.id;

  const move = (event: KeyboardEvent): void => {
    const place = resources.findIndex(({ id }) => id === stop);
    const target = resources.at(targetOf(event.key, place, resources.length) ?? NaN);
    if (targetOf(event.key, place, resources.length) === undefined || !target) return;
    event.preventDefault();
    focused.value = target.id;
    list.current?.querySelector<HTMLElement>(`#${tabId(target.id)}`)?.focus();
  };

  // Who comes back to the tabs begins with the one in view.
  const left = ({ relatedTarget }: FocusEvent): void => {
    if (!(relatedTarget instanceof Node) || list.current?.contains(relatedTarget) !== true) focused.value = undefined;
  };

  return (
    <div ref={list} class="tabs" role="tablist" aria-label={say("stage-tabs")} onKeyDown={move} onFocusOut={left}>
      {resources.map((resource) => (
        <Tab
          key={resource.id}
          store={store}
          resource={resource}
          stop={resource.id === stop}
          onFocus={() => (focused.value = resource.id)}
        />
      ))}
    </div>
  );
}

interface TabProps {
  store: CallStore;
  resource: Resource;
  stop: boolean;
  onFocus: () => void;
}

function Tab({ store, resource, stop, onFocus }: TabProps) {
  const { id, app } = resource;
  const active = store.active.value === id;
  const selected = store.viewed.value === id;
  const element = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (selected || active) element.current?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [selected, active]);
  return (
    <button
      ref={element}
      type="button"
      id={tabId(id)}
      class={`tab ${active ? "active" : ""}`}
      role="tab"
      aria-selected={selected}
      aria-controls={panelId(id)}
      tabIndex={stop ? 0 : -1}
      onClick={() => store.look(id)}
      onFocus={onFocus}
    >
      <AppIcon app={store.catalog.apps.value.get(app)} />
      <span>{store.catalog.titleOf(resource)}</span>
      {active && (
        <span class="mark" title={say("stage-everybody-sees-this")}>
          <Icon name="eye" />
          <span class="unseen">{say("stage-everybody-sees-this-too")}</span>
        </span>
      )}
    </button>
  );
}

/** Where a key leads to from `place`, among `count` tabs; undefined for other keys. */
function targetOf(key: string, place: number, count: number): number | undefined {
  const ahead = direction.peek() === "rtl" ? -1 : 1;
  switch (key) {
    case "ArrowRight":
      return (place + ahead + count) % count;
    case "ArrowLeft":
      return (place - ahead + count) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}
