import { useEffect } from "preact/hooks";

import { mediaDevices } from "./choices.ts";
import type { Devices } from "./devices.ts";
import { regainFocus } from "./focus.ts";
import { Floating } from "./Floating.tsx";
import { FullScreen } from "./FullScreen.tsx";
import { Icon } from "./icons.tsx";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";
import { useTracks } from "./tracks.ts";
import { Video } from "./Video.tsx";

/** Whether this browser can show its screen to others; those of phones cannot. */
function canShare(): boolean {
  const devices = mediaDevices();
  return devices !== undefined && "getDisplayMedia" in devices;
}

/** Shows one's screen to everybody, in the place of the camera, or no longer. */
export function ShareButton({ devices, store }: { devices: Devices; store: CallStore }) {
  const on = devices.sharing.value;
  const share = async (): Promise<void> => {
    const outcome = await devices.share();
    if (outcome === "failed") store.toasts.problem(say("screen-failed"));
    else if (outcome === "blocked") store.toasts.problem(say("screen-blocked"));
  };
  if (!canShare() || !store.mayEdit.value) return null;
  return (
    <button
      type="button"
      class={`button ${on ? "sharing" : ""}`}
      aria-pressed={on}
      title={say("screen-title")}
      onClick={() => void (on ? devices.unshare() : share())}
    >
      <Icon name="screen" />
      <span class="label">{say("screen")}</span>
    </button>
  );
}

/** Says to whom it matters most that one's screen is shown. */
export function SharingNotice({ devices }: { devices: Devices }) {
  const on = devices.sharing.value;
  useEffect(() => {
    if (!on) regainFocus(); // the button that stopped it is gone
  }, [on]);
  return (
    <div class={`knocking ${on ? "shown" : ""}`}>
      <p role="status">
        {on && <Icon name="screen" />}
        {on && <span>{say("screen-own")}</span>}
      </p>
      {on && (
        <button type="button" class="button small danger" onClick={() => void devices.unshare()}>
          {say("screen-stop")}
        </button>
      )}
    </div>
  );
}

/** Somebody's screen, in the place of the stage; the stage stays as it is below. */
export function Screen({ store }: { store: CallStore }) {
  const id = store.watching.watched.value;
  const sharer = store.participants.value.find((one) => one.id === id);
  const stream = id === undefined ? undefined : store.call.media.remote(id);
  const tracks = useTracks([stream], store.media.value, false);
  const cut = id !== undefined && store.path(id) === "relay"; // the hub carries no picture
  const isWatched = sharer !== undefined;
  useEffect(regainFocus, [isWatched]); // what had it may be out of sight
  if (sharer === undefined) return null;
  const { name } = sharer;
  return (
    <main class="screen" aria-label={say("screen-of", { name })} tabIndex={-1}>
      <div class="bar">
        <p role="status">
          <Icon name="screen" /> {say("screen-of", { name })}
        </p>
        <div class="bar-buttons">
          <button type="button" class="button small" onClick={() => store.watching.watch(undefined)}>
            <Icon name="back" />
            <span>{say("screen-leave")}</span>
          </button>
          {tracks.video && !cut && <Floating of=".screen" words={say("floating", { name })} />}
          <FullScreen words={say("screen-full")} />
        </div>
      </div>
      <div class="screen-picture">
        {tracks.video && !cut ? (
          <Video stream={stream} muted />
        ) : (
          <p class="screen-words" role="status">
            {say(cut ? "screen-unreachable" : "screen-coming", { name })}
          </p>
        )}
      </div>
    </main>
  );
}
