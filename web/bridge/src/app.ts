/** The app SDK, `callmesh/app`: what runs inside an app's frame. */

import { Closed, type Json } from "@callmesh/core";

import { Frame, type Handlers } from "./frame.ts";
import type { Resource } from "./resource.ts";

export type { Handlers } from "./frame.ts";
export type { Migration } from "./migrating.ts";
export type { Resource } from "./resource.ts";

/**
 * Connect this app to its resource. Resolves when its state and cache are there.
 *
 * `handlers` are told of the life of the resource, one after another; one that is asynchronous is
 * waited for. With a `version` the state is brought up to it before `setup`: see `Handlers`.
 */
export async function connect<S extends object = Record<string, Json>>(handlers: Handlers<S> = {}): Promise<Resource<S>> {
  if (window.parent === window) throw new Closed("an app runs inside a call: open it there");
  // What the keys hold is what the author says of them.
  const { ready } = new Frame(await portFromPage(), handlers as unknown as Handlers);
  return ready as Promise<unknown> as Promise<Resource<S>>;
}

/** Ask the page around this frame for a port (A2). */
async function portFromPage(): Promise<MessagePort> {
  const answered = new Promise<MessagePort>((resolve) => {
    const listen = ({ source, data, ports: [port] }: MessageEvent<unknown>): void => {
      if (source !== window.parent || port === undefined || !isPort(data)) return;
      window.removeEventListener("message", listen);
      resolve(port);
    };
    window.addEventListener("message", listen);
  });
  window.parent.postMessage({ callmesh: "hello" }, "*");
  return answered;
}

function isPort(data: unknown): boolean {
  return typeof data === "object" && data !== null && "callmesh" in data && data.callmesh === "port";
}
