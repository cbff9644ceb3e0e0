/** For apps in React, `callmesh/react`: hooks that show what a resource has. `react` is the app's own. */

import type {
  Access, Json, Participant, ParticipantId, SendOptions, SharedPresence, SharedState, StreamMessage, StreamOptions,
} from "@callmesh/core";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import type { Resource } from "./resource.ts";

type Listen = (again: () => void) => () => void;

/** Shows anew what `read` gives whenever `listen` tells; `read` gives the same until then. */
function useRead<T>(listen: Listen, read: () => T): T {
  return useSyncExternalStore(listen, read, read);
}

/** The same where `read` makes something new each time: it is read once per change. */
function useSnapshot<T>(listen: Listen, read: () => T): T {
  const store = useMemo(() => {
    let known: { readonly value: T } | undefined;
    return {
      listen: (again: () => void) => {
        known = undefined; // what came before somebody listened
        return listen(() => {
          known = undefined;
          again();
        });
      },
      read: () => (known ??= { value: read() }).value,
    };
  }, [listen, read]);
  return useRead(store.listen, store.read);
}

/** What stands under a key; undefined while nothing does. */
export function useValue<S extends object, K extends keyof S & string>(state: SharedState<S>, key: K): S[K] | undefined {
  const listen = useCallback((again: () => void) => state.listen(again, { key }), [state, key]);
  return useRead(listen, () => state.get(key));
}

/**
 * As `useState`, shared by all: what stands under a key, and what writes it. While nothing stands there it
 * is `initial`, which is not written.
 */
export function useShared<S extends object, K extends keyof S & string>(
  state: SharedState<S>,
  key: K,
  initial: S[K],
): [S[K], (next: S[K] | ((now: S[K]) => S[K])) => void] {
  const value = useValue(state, key) ?? initial;
  const first = useRef(initial);
  const write = useCallback(
    (next: S[K] | ((now: S[K]) => S[K])) => {
      const now = state.get(key) ?? first.current;
      state.set(key, typeof next === "function" ? (next as (now: S[K]) => S[K])(now) : next);
    },
    [state, key],
  );
  return [value, write];
}

/** The items of an ordered list, each with its id. */
export function useList<S extends object>(state: SharedState<S>, path: string): readonly (readonly [id: string, item: Json])[] {
  const listen = useCallback((again: () => void) => state.listen(again, { prefix: `${path}/` }), [state, path]);
  const read = useCallback(() => state.list(path).entries(), [state, path]);
  return useSnapshot(listen, read);
}

/** What each participant is doing now. */
export function usePresence(presence: SharedPresence): ReadonlyMap<ParticipantId, Readonly<Record<string, Json>>> {
  const listen = useCallback((again: () => void) => presence.subscribe(again), [presence]);
  const read = useCallback(() => presence.all(), [presence]);
  return useSnapshot(listen, read);
}

/** Everybody in the call. Throws `Denied` where the app has not asked for it. */
export function useParticipants<S extends object>(resource: Resource<S>): ReadonlyMap<ParticipantId, Participant> {
  const listen = useCallback((again: () => void) => resource.onParticipants(again), [resource]);
  const read = useCallback(() => new Map(resource.participants), [resource]);
  return useSnapshot(listen, read);
}

/** What this participant may do here. */
export function useAccess<S extends object>(resource: Resource<S>): Access {
  const listen = useCallback((again: () => void) => resource.onAccess(again), [resource]);
  return useRead(listen, () => resource.access);
}

/** Whether this participant may write a key as it stands. */
export function useCanWrite<S extends object>(resource: Resource<S>, key: keyof S & string): boolean {
  const listen = useCallback(
    (again: () => void) => {
      const stops = [resource.onAccess(again), resource.state.listen(again, { key })];
      return () => stops.forEach((stop) => stop());
    },
    [resource, key],
  );
  return useRead(listen, () => resource.state.canWrite(key));
}

export interface StreamInReact {
  /** The message that came last. */
  readonly last: StreamMessage | undefined;
  /** As `send` of the stream. */
  readonly send: (data: unknown, options?: SendOptions) => Promise<void>;
}

/** By resource, how many components have a stream of that name. */
const users = new WeakMap<object, Map<string, number>>();

/**
 * A stream, open while a component has it. `options` are those of the first render; `onMessage` is told of
 * every message, `last` may skip some.
 */
export function useStream<S extends object>(
  resource: Resource<S>,
  name: string,
  options: StreamOptions = {},
  onMessage?: (message: StreamMessage) => void,
): StreamInReact {
  const [last, setLast] = useState<StreamMessage>();
  const first = useRef(options);
  const told = useRef(onMessage);
  useEffect(() => {
    told.current = onMessage;
  });
  useEffect(() => {
    const release = hold(resource, name);
    let stop: (() => void) | undefined;
    let gone = false;
    const open = (): void => {
      if (gone) return;
      const stream = resource.stream(name, first.current);
      if (stream.over) {
        void stream.closed.then(open); // a component that had it before is letting go of it
        return;
      }
      stop = stream.subscribe((message) => {
        told.current?.(message);
        setLast(message);
      });
    };
    open();
    return () => {
      gone = true;
      stop?.();
      release();
    };
  }, [resource, name]);
  const send = useCallback(
    (data: unknown, to?: SendOptions) => resource.stream(name, first.current).send(data, to),
    [resource, name],
  );
  return { last, send };
}

/** One more has it. What this gives lets go of it: when the last one has, and none comes at once, it is closed. */
function hold<S extends object>(resource: Resource<S>, name: string): () => void {
  const counts = users.get(resource) ?? new Map<string, number>();
  users.set(resource, counts);
  const add = (more: number): number => {
    const count = (counts.get(name) ?? 0) + more;
    counts.set(name, count);
    return count;
  };
  add(1);
  return () => {
    add(-1);
    queueMicrotask(() => {
      if (counts.get(name) === 0) void resource.stream(name).close();
    });
  };
}
