import { useComputed, useSignalEffect, type ReadonlySignal } from "@preact/signals";
import type { Participant } from "@callmesh/core";
import { useEffect, useMemo } from "preact/hooks";

import { Connections, type Going } from "./connections.ts";
import { Explained } from "./Explained.tsx";
import { Floating } from "./Floating.tsx";
import { Icon } from "./icons.tsx";
import type { Page } from "./page.ts";
import { say } from "./say.ts";
import { Seeing } from "./seeing.ts";
import { Speaking } from "./speaking.ts";
import type { CallStore } from "./store.ts";
import type { Talk } from "./talk.ts";
import { useTracks } from "./tracks.ts";
import { Avatar, Video } from "./Video.tsx";

export function Tiles({ page, store }: { page: Page; store: CallStore }) {
  const me = store.me.value?.id;
  const speaking = useMemo(() => new Speaking(store.call, () => page.devices.audio), [store, page]);
  const connections = useMemo(() => new Connections(store.call), [store]);
  const seeing = useMemo(() => new Seeing(store.call.media), [store]);
  const saves = page.power.saves.value;
  useEffect(() => speaking.start(saves), [speaking, saves]);
  useEffect(() => connections.start(), [connections]);
  const shown = store.participants.value.filter(({ half }) => half === undefined);
  useSignalEffect(() => {
    const others = store.participants.value.filter(({ id, half }) => half === undefined && id !== me).map(({ id }) => id);
    seeing.look({ others, speaking: speaking.now.value, screens: store.watching.screens.value, saves: page.power.saves.value });
  });
  const columns = { "--columns": columnsFor(shown.length), "--columns-narrow": shown.length < 3 ? 1 : 2 };
  return (
    <ul class="tiles" aria-label={say("participants")} style={columns}>
      {shown.map((participant) => (
        <Tile
          key={participant.id}
          page={page}
          store={store}
          participant={participant}
          self={participant.id === me}
          speaking={speaking}
          connections={connections}
          seeing={seeing}
        />
      ))}
    </ul>
  );
}

/** In how many columns so many stand where they have the whole floor: about as many as rows. */
function columnsFor(count: number): number {
  return Math.ceil(Math.sqrt(Math.max(count, 1)));
}

interface TileProps {
  page: Page;
  store: CallStore;
  participant: Participant;
  self: boolean;
  speaking: Speaking;
  connections: Connections;
  seeing: Seeing;
}

function Tile({ page, store, participant, self, speaking, connections, seeing }: TileProps) {
  const version = self ? page.devices.version.value : store.media.value;
  const stream = self ? page.devices.stream : store.call.media.remote(participant.id);
  const agreed = useTracks([stream], version, self);
  const { name, role, here } = participant;
  const isOwn = participant.person === store.me.value?.person; // also in another tab: it would hear itself
  const hasMedia = participant.offers.includes("media");
  const cut = hasMedia && here && store.path(participant.id) === "relay"; // the hub carries no sound or picture
  const tracks = cut ? { video: false, audio: false } : agreed;
  const isScreen = store.watching.screens.value.includes(participant.id);
  const speaks = useComputed(() => speaking.now.value.has(participant.id)).value && tracks.audio;
  const unseen = useComputed(() => seeing.unseen.value.has(participant.id)).value;
  const going = useComputed(() => connections.now.value.get(participant.id));
  const mayWatch = isScreen && !self && store.watching.watched.value !== participant.id;
  return (
    <li class={`tile ${here ? "" : "away"} ${isScreen ? "whole" : ""} ${speaks ? "speaks" : ""}`}>
      {(tracks.video || tracks.audio) && (
        <Video stream={stream} mirrored={self && page.devices.mirrored} muted={isOwn} sink={page.devices.choices.sink} />
      )}
      {!tracks.video && <Avatar name={name} seed={participant.person} />}
      <p class="cut" role="status">
        {cut && say("media-cut")}
      </p>
      <Corner store={store} participant={participant} going={going} />
      <Reaction talk={store.talk} participant={participant} />
      <p class="badges">
        {self && <span class="badge">{say("you")}</span>}
        {role !== "guest" && <span class="badge">{say("role", { role })}</span>}
      </p>
      {mayWatch && (
        <button type="button" class="button small watch" onClick={() => store.watching.watch(participant.id)}>
          <Icon name="screen" />
          <span class="label">{say("screen-watch")}</span>
          <span class="unseen"> {name}</span>
        </button>
      )}
      {tracks.video && <Floating of=".tile" words={say("floating", { name })} />}
      <p class="nameplate">
        {speaks && <Mark icon="speaks" words={say("speaks")} />}
        <span class="name">{name}</span>
        {hasMedia && here && !agreed.audio && <Mark icon="micOff" words={say("microphone-off")} />}
        {hasMedia && here && !agreed.video && <Mark icon="cameraOff" words={unseen ? say("picture-saved") : say("camera-off")} />}
      </p>
    </li>
  );
}

/** A raised hand, and what somebody reacts with. */
function Reaction({ talk, participant: { id, name } }: { talk: Talk; participant: Participant }) {
  const emoji = talk.reaction(id);
  return (
    <p class="reaction" role="status">
      {talk.isRaised(id) && (
        <span class="hand" title={say("hand-of", { name })}>
          <Icon name="hand" />
          <span class="unseen">{say("hand-of", { name })}</span>
        </span>
      )}
      {emoji !== undefined && (
        <span class="pop">
          <span aria-hidden="true">{emoji}</span>
          <span class="unseen">{say("reaction-of", { name, emoji })}</span>
        </span>
      )}
    </p>
  );
}

function Mark({ icon, words }: { icon: "micOff" | "cameraOff" | "speaks"; words: string }) {
  return (
    <span class={icon === "speaks" ? "loud" : "off"} title={words}>
      <Icon name={icon} />
      <span class="unseen">{words}</span>
    </span>
  );
}

interface CornerProps {
  store: CallStore;
  participant: Participant;
  going: ReadonlySignal<Going | undefined>;
}

/** The upper corner: whether they are away, or how one is connected to them. */
function Corner({ store, participant, going }: CornerProps) {
  if (!participant.here) {
    return (
      <Explained class="badge corner" more={say("away-title")}>
        {say("away")}
      </Explained>
    );
  }
  const found = store.path(participant.id);
  const path = found === "direct" ? (going.value ?? found) : found;
  return path === undefined ? null : (
    <Explained class={`badge corner path-${path}`} more={say("path-of", { name: participant.name, path })}>
      {say("path", { path })}
    </Explained>
  );
}
