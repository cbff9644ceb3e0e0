import { CommandButton } from "./CommandButton.tsx";
import { Icon } from "./icons.tsx";
import type { Somebody } from "./people.ts";
import { say } from "./say.ts";
import type { CallStore } from "./store.ts";
import { useTracks } from "./tracks.ts";

/** Hosts: whether somebody's microphone is on, and a way to turn it off. */
export function MuteButton({ store, one: { person, name, presences } }: { store: CallStore; one: Somebody }) {
  const streams = presences.map(({ id }) => store.call.media.remote(id));
  const { audio } = useTracks(streams, store.media.value, false);
  const words = say(audio ? "people-mute" : "people-mute-off", { name });
  return (
    <CommandButton
      hosts={store.hosts}
      whom={person}
      class="small bare"
      label={words}
      title={words}
      off={!audio}
      command={(hosting) => hosting.mute(person)}
    >
      <Icon name={audio ? "mic" : "micOff"} />
    </CommandButton>
  );
}
