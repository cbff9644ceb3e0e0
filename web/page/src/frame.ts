/** One app frame: its courier, and the life of its resource as this frame is told of it. */

import { effect, type ReadonlySignal } from "@preact/signals";
import { Courier, serveFrame, type Surroundings } from "@callmesh/bridge";
import type { Call, Resource } from "@callmesh/client";
import { Lifecycle, type CallmeshError, type LifeEvent, type ResourceId } from "@callmesh/core";

import type { Catalog } from "./catalog.ts";
import { followSurroundings } from "./surroundings.ts";

/** How long an app has to connect before the page says that it does not; milliseconds. */
const PATIENCE = 10_000;

/** Where frames stand: in a call, or before one is let in. */
export interface Ground {
  readonly catalog: Catalog;
  /** The one in view here. */
  readonly viewed: ReadonlySignal<ResourceId | undefined>;
  /** Counts re-syncs: after each, every resource is set up again. */
  readonly syncs: ReadonlySignal<number>;
  courierHost(resource: Resource): ReturnType<Call["courierHost"]>;
  /** Whether the frame about to start is the first one of a resource that was added here. */
  introduce(resource: Resource): boolean;
  /** Whether somebody uses a later version of a resource's app, so that the one here only reads (R10). */
  isOutdated(resource: Resource): boolean;
}

interface FrameOptions {
  store: Ground;
  resource: Resource;
  element: HTMLIFrameElement;
  /** Of the manifest that it is loaded with. */
  stateVersion: number;
  /** The app has said hello. */
  onConnect: () => void;
  /** It does not answer any more, though it is in view; or it does again. */
  onHang: (hangs: boolean) => void;
  /** It has had `PATIENCE` to say hello, and did not; it still may. */
  onLate: () => void;
  /** The app broke the rules of its port, or cannot go on, and hears nothing any more. */
  onStop: (error: CallmeshError) => void;
}

export class Frame {
  readonly #options: FrameOptions;
  readonly #stops: (() => void)[] = [];
  #courier: Courier | undefined;
  #life = new Lifecycle();
  #late: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: FrameOptions) {
    this.#options = options;
  }

  async start(address: string): Promise<void> {
    const { store, resource, element, stateVersion } = this.#options;
    const host = await store.courierHost(resource);
    if (this.#closed) return;
    const courier = (this.#courier = new Courier(host));
    courier.onConnect = () => this.#connected();
    courier.onHang = (hangs) => this.#options.onHang(hangs);
    courier.onEnd = (error) => this.#stopped(error);
    this.#stops.push(serveFrame(element, courier, stateVersion), this.#followSyncs(), this.#followView());
    const viewed = (): boolean => store.viewed.value === resource.id;
    const tell = (surroundings: Surroundings): void => courier.surround(surroundings);
    this.#stops.push(followSurroundings(element, viewed, store.catalog.guise, tell));
    element.src = address;
    this.#late = setTimeout(this.#options.onLate, PATIENCE);
  }

  /** The resource was removed from the call. */
  remove(): void {
    this.#tell(this.#life.removed());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#late);
    for (const stop of this.#stops.splice(0)) stop();
    this.#courier?.close();
  }

  /** The frame is there, or has loaded itself anew: its life begins. */
  #connected(): void {
    const { store, resource, onConnect } = this.#options;
    clearTimeout(this.#late);
    onConnect();
    this.#life = new Lifecycle({ adder: store.introduce(resource) });
    this.#tell(this.#life.synced());
    this.#tell(this.#life.view(store.viewed.peek() === resource.id));
  }

  /** Its author reads in the console why: the frame itself is gone, with what it had to say. */
  #stopped(error: CallmeshError): void {
    const { resource, onStop } = this.#options;
    console.error(`The app ${resource.app} was stopped (${error.code}): ${error.message}`);
    onStop(error);
  }

  #followView(): () => void {
    const { store, resource } = this.#options;
    return effect(() => {
      this.#tell(this.#life.view(store.viewed.value === resource.id));
    });
  }

  #followSyncs(): () => void {
    const { store } = this.#options;
    let seen = store.syncs.peek();
    return store.syncs.subscribe((count) => {
      if (count === seen) return;
      seen = count;
      if (this.#life.state.kind === "ready") this.#tell(this.#life.synced());
    });
  }

  #tell(events: readonly LifeEvent[]): void {
    for (const event of events) this.#courier?.life(event);
  }
}
