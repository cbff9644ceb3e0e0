/** A `CourierHost` over a replica, for calls in memory. */

import { DELETED, Denied, fetchFailed, Unreachable, type Away, type Listeners, type Participant, type Replica, type ResourceCache, type ResourceId, type Writer } from "@callmesh/core";

import type { CourierHost } from "./host.ts";

export interface CallInMemory {
  readonly replica: Replica;
  readonly cache: ResourceCache;
  readonly links: Listeners<undefined>;
  readonly me: Participant;
  readonly callId: string;
  readonly resource: ResourceId;
  readonly link: string;
  now(): number;
  writer(): Writer;
  openStream: CourierHost["openStream"];
  fetch?: CourierHost["fetch"];
  readonly away?: Away;
}

export function hostOver(call: CallInMemory): CourierHost {
  const { replica, cache, links, callId, resource } = call;
  return {
    mesh: replica.mesh,
    get me() {
      return call.me;
    },
    callId,
    resource,
    get link() {
      return call.link;
    },
    onLink: (fn) => links.add(fn),
    cache: { items: () => cache, put: (key, value) => (value === DELETED ? cache.delete(key) : cache.set(key, value)) },
    now: () => call.now(),
    wrote: (changes) => replica.wrote(changes),
    onChange: (fn) => replica.onChange(fn),
    onWord: (fn) => replica.onWord(fn),
    writer: () => call.writer(),
    openStream: (name, how, consumer) => call.openStream(name, how, consumer),
    away: call.away ?? NOTHING_KEPT,
    fetch: (wish) => call.fetch?.(wish) ?? Promise.resolve(fetchFailed(wish, new Unreachable("a call in memory has no way out"))),
  };
}

const NOTHING_KEPT: Away = {
  files: [],
  onKept: () => () => undefined,
  ended: undefined,
  request: () => Promise.reject(new Denied("full", "a call in memory keeps no files for who is away")),
};
