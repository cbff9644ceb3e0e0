/** The page's side of an app's frame: a courier between the frame and the call it stands in. */

import { TooFast, type CallmeshError, type LifeEvent, type messages } from "@callmesh/core";

import { FrameLink } from "./frameLink.ts";
import type { CourierHost } from "./host.ts";
import { PortRate } from "./rate.ts";
import type { Surroundings } from "./surroundings.ts";

/** As so many messages counts a frame that begins anew: it is told everything (A22). */
const HELLO = 500;

/** Serves one frame at a time: one that has loaded itself anew takes the place of the one before. */
export class Courier {
  /** A frame has said hello, and has everything: now its life begins. */
  onConnect: () => void = () => undefined;
  /** It does not answer any more, though it is seen (A24); or it does again. */
  onHang: (hangs: boolean) => void = () => undefined;
  /** The frame broke the rules of its port (A5), or says itself that it cannot go on: `EndedByPeer`. */
  onEnd: (error: CallmeshError) => void = () => undefined;
  readonly #host: CourierHost;
  /** Of the frame, whichever port it has. */
  readonly #rate: PortRate;
  #link: FrameLink | undefined;
  #ended: CallmeshError | undefined;
  #surroundings: messages.Surroundings | undefined;

  constructor(host: CourierHost) {
    this.#host = host;
    this.#rate = new PortRate(host.now());
  }

  /** Why the frame is not served any more; undefined while it is. */
  get ended(): CallmeshError | undefined {
    return this.#ended;
  }

  /** Whether the frame is still to be told something. */
  get isBusy(): boolean {
    return this.#link?.isBusy ?? false;
  }

  /** Whether the frame has work under way that would be lost with it (G30). */
  get works(): boolean {
    return this.#link?.works ?? false;
  }

  /** Talk to a frame through `port`. */
  attach(port: MessagePort): void {
    if (this.#ended instanceof TooFast) return; // by another port it is no slower
    this.#link?.close();
    this.#link = undefined;
    this.#ended = undefined;
    try {
      this.#rate.took(HELLO, 0, this.#host.now());
    } catch (error) {
      if (!(error instanceof TooFast)) throw error;
      this.#ended = error;
      this.onEnd(error);
      return;
    }
    const link: FrameLink = new FrameLink(this.#host, port, this.#rate, {
      connected: () => this.onConnect(),
      hangs: (hangs) => this.onHang(hangs),
      ended: (error) => {
        if (this.#link !== link) return;
        this.#link = undefined;
        this.#ended = error;
        this.onEnd(error);
      },
    });
    this.#link = link;
    if (this.#surroundings !== undefined) link.surround(this.#surroundings);
  }

  /** Tell the frame what happened to its resource. Nobody hears it while there is no frame. */
  life(event: LifeEvent): void {
    this.#link?.life(event);
  }

  /** Tell the frame where it is shown, and how, unless it knows. One that comes later begins with it. */
  surround({ locale, theme, size, visible }: Surroundings): void {
    const [width, height] = [Math.round(size.width), Math.round(size.height)];
    const surroundings = { type: "surroundings", locale, theme, width, height, visible } as const;
    if (JSON.stringify(surroundings) === JSON.stringify(this.#surroundings)) return;
    this.#surroundings = surroundings;
    this.#link?.surround(surroundings);
  }

  /** What was to be told is told; then nothing comes and goes any more. */
  close(): void {
    this.#link?.close();
    this.#link = undefined;
  }
}

/**
 * Give the app in `iframe` a port when it asks for one (A2). Returns what ends that.
 *
 * `stateVersion` is that of the manifest which the frame is loaded with: what its code is written for,
 * unless it says something else.
 */
export function serveFrame(iframe: HTMLIFrameElement, courier: Courier, stateVersion: number): () => void {
  const asked = ({ source, data }: MessageEvent<unknown>): void => {
    if (source === null || source !== iframe.contentWindow || !isHello(data)) return;
    const { port1, port2 } = new MessageChannel();
    courier.attach(port1);
    // Of opaque origin, so it cannot be named; the window can, and was.
    iframe.contentWindow.postMessage({ callmesh: "port", stateVersion }, "*", [port2]);
  };
  window.addEventListener("message", asked);
  return () => window.removeEventListener("message", asked);
}

function isHello(data: unknown): boolean {
  return typeof data === "object" && data !== null && "callmesh" in data && data.callmesh === "hello";
}
