/** One app frame: its courier, and the life of its resource as this frame is told of it. */

import { effect, type ReadonlySignal } from "@preact/signals";
import { Courier, serveFrame, type CourierHost, type Surroundings } from "@callmesh/bridge";
import type { Call, Resource } from "@callmesh/client";
import { Denied, EndedByPeer, Lifecycle, type CallmeshError, type LifeEvent, type ResourceId } from "@callmesh/core";

import type { Catalog } from "./catalog.ts";
import { followSurroundings } from "./surroundings.ts";
import { ELSEWHERE } from "./words.ts";

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
  /** A frame is loaded, which says whether it has work under way. Returns what ends that. */
  attend(id: ResourceId, works: () => boolean): () => void;
  /** Whether the frame about to start is the first one of a resource that was added here. */
  introduce(resource: Resource): boolean;
  /** Whether somebody uses a later version of a resource's app, so that the one here only reads (R10). */
  isOutdated(resource: Resource): boolean;
}

interface FrameOptions {
  store: Ground;
  resource: Resource;
  host: CourierHost;
  /** It has begun to load in this very task, so nothing of it is missed. */
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
  readonly #courier: Courier;
  readonly #late: ReturnType<typeof setTimeout>;
  #life = new Lifecycle();
  #loads = 0;

  constructor(options: FrameOptions) {
    this.#options = options;
    const { store, resource, host, element, stateVersion } = options;
    const courier = (this.#courier = new Courier(host));
    courier.onConnect = () => this.#connected();
    courier.onHang = (hangs) => this.#options.onHang(hangs);
    courier.onEnd = (error) => this.#stopped(error);
    this.#stops.push(serveFrame(element, courier, stateVersion), this.#followSyncs(), this.#followView());
    const viewed = (): boolean => store.viewed.value === resource.id;
    const tell = (surroundings: Surroundings): void => courier.surround(surroundings);
    this.#stops.push(followSurroundings(element, viewed, store.catalog.guise, tell));
    this.#stops.push(this.#followLoads(), store.attend(resource.id, () => courier.works));
    this.#late = setTimeout(options.onLate, PATIENCE);
  }

  /** The resource was removed from the call. */
  remove(): void {
    this.#tell(this.#life.removed());
  }

  close(): void {
    clearTimeout(this.#late);
    for (const stop of this.#stops.splice(0)) stop();
    this.#courier.close();
  }

  /** The frame is there, or asks anew: its life begins. */
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
    const rule = /\([A-Z]\d+\)/u.test(error.message) || error instanceof EndedByPeer ? "" : " (A5)";
    console.error(`The app ${resource.app} was stopped (${error.code}): ${error.message}${rule}`);
    onStop(error);
  }

  /** What a second document is cannot be seen from here: it may be another app's page. */
  #followLoads(): () => void {
    const { element } = this.#options;
    const loaded = (): void => {
      this.#loads += 1;
      if (this.#loads > 1) this.#stopped(new Denied(ELSEWHERE, "an app stays at its page: it has led its frame elsewhere, or loaded it anew (A25)"));
    };
    element.addEventListener("load", loaded);
    return () => element.removeEventListener("load", loaded);
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
    for (const event of events) this.#courier.life(event);
  }
}
