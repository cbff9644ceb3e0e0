/** What the app frame of one resource may reach of a call: what the bridge calls a `CourierHost`. */

import {
  DELETED, type Away, type Change, type Delivery, type HubWord, type Json, type Mesh, type messages, type Participant, type ParticipantId,
  type Payload, type Reach, type Replica, type ResourceId, type Value, type Writer,
} from "@callmesh/core";

import { now } from "./runtime.ts";
import type { Resource } from "./resource.ts";
import type { Consumer } from "./station.ts";
import type { Streams } from "./streams.ts";

/** Of a call, as much as a frame may know. */
interface CallFace {
  readonly id: string;
  readonly me: Participant;
  readonly mesh: Mesh;
  readonly link: string;
  readonly fetching: { fetch(wish: messages.Fetch): Promise<messages.Fetched> };
  on(event: "link", fn: () => void): () => void;
}

/** A stream that a frame has open. */
export interface HandleOfStream {
  send(payload: Payload, to: readonly ParticipantId[] | undefined): Promise<void>;
  end(): Promise<void>;
  turned(): void;
  reach(): { readonly settled: boolean; readonly peers: ReadonlyMap<ParticipantId, Reach> };
  close(): void;
}

export interface HostOfCourier {
  readonly mesh: Mesh;
  readonly me: Participant;
  readonly callId: string;
  readonly resource: ResourceId;
  readonly link: string;
  onLink(fn: () => void): () => void;
  readonly cache: { items(): Iterable<readonly [string, Json]>; put(key: string, value: Value): void };
  now(): number;
  wrote(changes: readonly Change[]): void;
  onChange(fn: (change: Change) => void): () => void;
  onWord(fn: (word: HubWord) => void): () => void;
  writer(): Writer;
  readonly away: Away;
  openStream(name: string, how: Delivery, consumer: Consumer): HandleOfStream;
  fetch(wish: messages.Fetch): Promise<messages.Fetched>;
}

export async function courierHost(
  call: CallFace,
  replica: Replica,
  streams: Pick<Streams, "attach" | "send" | "end" | "turned" | "reach" | "detach">,
  away: Away,
  { id, cache: loading }: Resource,
  writer: () => Writer,
): Promise<HostOfCourier> {
  const cache = await loading;
  return {
    mesh: call.mesh,
    get me() {
      return call.me;
    },
    callId: call.id,
    resource: id,
    get link() {
      return call.link;
    },
    onLink: (fn) => call.on("link", fn),
    cache: {
      items: () => cache,
      put: (key, value) => {
        if (value === DELETED) cache.delete(key);
        else cache.set(key, value);
      },
    },
    now,
    wrote: (changes) => replica.wrote(changes),
    onChange: (fn) => replica.onChange(fn),
    onWord: (fn) => replica.onWord(fn),
    writer,
    fetch: (wish) => call.fetching.fetch(wish),
    away,
    openStream: (name, how, consumer) => {
      const station = streams.attach({ resource: id, name, mode: how.mode }, how, consumer);
      return {
        send: (payload, to) => streams.send(station, payload, to),
        end: () => streams.end(station),
        turned: () => streams.turned(station),
        reach: () => ({ settled: station.settled, peers: streams.reach(station) }),
        close: () => streams.detach(station, consumer),
      };
    },
  };
}
