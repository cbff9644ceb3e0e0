/** The app SDK, `callmesh/app`: what runs inside an app's frame. */

import { Closed, type Json } from "@callmesh/core";

import { Frame, type Handlers } from "./frame.ts";
import type { Resource } from "./resource.ts";

export type {
  Access, CallmeshError, Change, Changed, Brought, Codec, DataStream, Denied, Fate, FileOffer, FileOptions, Files, Json, Keeping, KeepOptions, KeptFile, ListenOptions, Mode, OrderedList, Participant, ParticipantId, PersonId,
  Progress, Reach, ReadOptions, ReadyOptions, ResourceCache, ResourceId, Role, SendOptions, SharedPresence, SharedState, Status, StreamMessage, StreamOptions, Transaction, Transfer, UndoHistory, UndoOptions,
} from "@callmesh/core";
export type { Handlers } from "./frame.ts";
export type { FetchOptions } from "./frameFetch.ts";
export type { Leader, Leading } from "./leading.ts";
export type { Migration } from "./migrating.ts";
export type { Pointed, Pointer } from "./pointer.ts";
export type { Resource } from "./resource.ts";
export type { Size, Surroundings, Theme } from "./surroundings.ts";

/**
 * Connect this app to its resource. Resolves when its state and cache are there.
 *
 * `handlers` are told of the life of the resource, one after another; one that is asynchronous is
 * waited for. The state is brought up to the app's version of it before `setup`: see `Handlers`.
 */
export async function connect<S extends object = Record<string, Json>>(handlers: Handlers<S> = {}): Promise<Resource<S>> {
  if (window.parent === window) throw new Closed("an app runs inside a call: open it there");
  // What the keys hold is what the author says of them.
  const { port, stateVersion } = await portFromPage();
  const resource = await new Frame(port, handlers as unknown as Handlers, stateVersion).ready;
  resource.onSurroundings(({ theme }) => (document.documentElement.dataset["theme"] = theme)); // for style sheets
  return resource as unknown as Resource<S>;
}

/** What the page gives a frame: its port, and the state version in the manifest that it was loaded with. */
interface Given {
  readonly port: MessagePort;
  readonly stateVersion: number;
}

/** Ask the page around this frame for a port (A2). */
async function portFromPage(): Promise<Given> {
  const answered = new Promise<Given>((resolve) => {
    const listen = ({ source, data, ports: [port] }: MessageEvent<unknown>): void => {
      if (source !== window.parent || port === undefined || !isPort(data)) return;
      window.removeEventListener("message", listen);
      resolve({ port, stateVersion: data.stateVersion });
    };
    window.addEventListener("message", listen);
  });
  window.parent.postMessage({ callmesh: "hello" }, "*");
  return answered;
}

function isPort(data: unknown): data is { readonly stateVersion: number } {
  if (typeof data !== "object" || data === null || !("callmesh" in data) || data.callmesh !== "port") return false;
  return "stateVersion" in data && typeof data.stateVersion === "number";
}
