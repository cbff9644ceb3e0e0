import { useLayoutEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { CourierHost } from "@callmesh/bridge";
import type { Resource } from "@callmesh/client";
import type { CallmeshError } from "@callmesh/core";

import { Frame, type Ground } from "./frame.ts";
import { boundsOf, entryOf, type App } from "./catalog.ts";
import { say } from "./say.ts";
import { stopProblem } from "./words.ts";

interface FrameViewProps {
  store: Ground;
  resource: Resource;
  removed: boolean;
}

/** A resource's app in its frame, or the words that stand in for it. */
export function FrameView({ store, resource, removed }: FrameViewProps) {
  const starts = useSignal(0);
  const stopped = useSignal<CallmeshError | undefined>(undefined);
  const app = store.catalog.apps.value.get(resource.app);
  const again = (): void => {
    stopped.value = undefined;
    starts.value += 1;
  };

  // It was removed, and the hub said no: its frame has heard of the end, and begins once more.
  const wasRemoved = useRef(false);
  useLayoutEffect(() => {
    if (wasRemoved.current && !removed) again();
    wasRemoved.current = removed;
  }, [removed]);

  const outdated = store.isOutdated(resource);
  const title = store.catalog.titleOf(resource);
  if (!app) return <Missing store={store} app={resource.app} />;
  if (stopped.value) return <Stopped words={stopProblem(title, stopped.value)} again={again} />;
  return (
    <>
      {outdated && <Outdated title={title} reload={() => void store.catalog.load().then(again)} />}
      <Sandbox
        key={`${app.base} ${starts.value}`}
        store={store}
        resource={resource}
        title={title}
        app={app}
        removed={removed}
        onStop={(error) => (stopped.value = error)}
        again={again}
      />
    </>
  );
}

/** Somebody brought a newer version of the app, which has changed its state: this one only reads it (R10). */
function Outdated({ title, reload }: { title: string; reload: () => void }) {
  return (
    <div class="outdated" role="alert">
      <p>{say("app-newer", { title })}</p>
      <button type="button" class="button small primary" onClick={reload}>
        {say("app-load-newer")}
      </button>
    </div>
  );
}

interface SandboxProps extends FrameViewProps {
  title: string;
  app: App;
  onStop: (error: CallmeshError) => void;
  again: () => void;
}

/** The frame itself: scripts and forms, which send nothing, and nothing else that a page may do (A1). Words cover it until its app has connected. */
function Sandbox({ store, resource, title, app, removed, onStop, again }: SandboxProps) {
  const state = useSignal<"starting" | "late" | "connected">("starting");
  const hangs = useSignal(false);
  const element = useRef<HTMLIFrameElement>(null);
  const frame = useRef<Frame>(undefined);
  const host = useSignal<CourierHost | undefined>(undefined);
  useLayoutEffect(() => {
    let gone = false;
    void store.courierHost(resource).then((found) => {
      if (!gone) host.value = found;
    });
    return () => (gone = true);
  }, []);
  // Before the frame can have said anything, or loaded.
  useLayoutEffect(() => {
    if (!element.current || !host.value) return undefined;
    const started = new Frame({
      store,
      resource,
      host: host.value,
      element: element.current,
      stateVersion: app.state,
      onConnect: () => (state.value = "connected"),
      onHang: (now) => (hangs.value = now),
      onLate: () => (state.value = "late"),
      onStop,
    });
    frame.current = started;
    return () => started.close();
  }, [host.value]);
  useLayoutEffect(() => {
    if (removed) frame.current?.remove();
  }, [removed, host.value]);
  return (
    <>
      {hangs.value && (
        <div class="outdated" role="alert">
          <p>{say("app-hangs", { title })}</p>
          <Again again={again} />
        </div>
      )}
      {host.value && (
        <iframe
          ref={element}
          title={title}
          src={entryOf(app, store.catalog.guise)}
          {...{ csp: boundsOf(app, store.catalog.guise) }}
          sandbox="allow-scripts allow-forms allow-downloads"
          allow=""
          referrerpolicy="no-referrer"
          style={{ minWidth: app.size.width, minHeight: app.size.height }}
        />
      )}
      {state.value === "starting" && (
        <p class="panel-words" aria-hidden="true">
          {say("app-starting", { title })}
        </p>
      )}
      {state.value === "late" && <Late title={title} again={again} />}
    </>
  );
}

function Missing({ store, app }: { store: Ground; app: string }) {
  const state = store.catalog.state.value;
  return (
    <div class="panel-words">
      {state === "loading" && <p>{say("loading")}</p>}
      {state === "ready" && <p>{say("app-missing", { app })}</p>}
      {state === "failed" && <p>{say("drawer-list-failed")}</p>}
      {state !== "loading" && (
        <button type="button" class="button" onClick={() => void store.catalog.load()}>
          {say("try-again")}
        </button>
      )}
    </div>
  );
}

function Late({ title, again }: { title: string; again: () => void }) {
  return (
    <div class="panel-words" role="alert">
      <p>{say("app-late", { title })}</p>
      <Again again={again} />
    </div>
  );
}

function Stopped({ words, again }: { words: string; again: () => void }) {
  return (
    <div class="panel-words" role="alert">
      <p>{words}</p>
      <Again again={again} />
    </div>
  );
}

function Again({ again }: { again: () => void }) {
  return (
    <button type="button" class="button small primary" onClick={again}>
      {say("app-start-again")}
    </button>
  );
}
