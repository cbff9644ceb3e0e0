/** What who waits to be let in is shown meanwhile: apps that ask for consent, take a history, try a device. */

import {
  CallmeshError, Denied, fetchFailed, issue, isVolatile, Replica, ResourceCache, Standings, type Away, type CallId, type messages, type Participant,
  type ParticipantId, type PersonId, type ResourceId, type Unsaved, type Writer,
} from "@callmesh/core";

import { courierHost, type HostOfCourier } from "./courierHost.ts";
import { IdbCacheStore } from "./idb.ts";
import type { Resource } from "./resource.ts";
import { Resources } from "./resources.ts";
import { after, now } from "./runtime.ts";
import { UnsavedStore } from "./unsaved.ts";

/**
 * Resources with a State of their own here, which nobody else sees. What is written in it is written in
 * the call, like anything else, once one is let in (J27).
 */
export class WaitingArea {
  readonly resources: Resources;
  readonly #call: CallId;
  /** Told of what is written when one has been let in: frames may say something late. */
  #passOn: ((left: Unsaved[]) => void) | undefined;
  readonly #replica = new Replica({ now, after, flush: () => this.#passOn?.(this.#left) });
  readonly #standings = new Standings(this.#replica.mesh);
  readonly #me: Participant;
  readonly #caches: IdbCacheStore | undefined;
  readonly #unsaved: UnsavedStore | undefined;
  readonly #started: Promise<void>;
  #frames = 0;

  constructor(call: CallId, { person, name, role }: messages.Waiting, onError: (error: CallmeshError) => void) {
    this.#call = call;
    const id = issue("p", crypto.getRandomValues(new Uint8Array(8))) as ParticipantId;
    this.#me = { id, person: person as PersonId, name, role, offers: [], here: true };
    this.#replica.mesh.writer = id as string as Writer;
    const failed = (cause: unknown): void => onError(new CallmeshError("this browser does not keep what apps store here", { cause }));
    if (typeof indexedDB !== "undefined") {
      this.#caches = new IdbCacheStore(failed);
      this.#unsaved = new UnsavedStore(this.#replica.mesh, failed);
    }
    this.resources = new Resources({
      access: this.#replica,
      standings: this.#standings,
      me: () => this.#me,
      onWord: (fn) => this.#replica.onWord(fn),
      stream: () => alone(),
      others: () => new Map(),
      away: NOTHING,
      loadCache: (resource) => this.#loadCache(resource, failed),
      clearCache: () => undefined,
      dropped: () => undefined,
    });
    this.#replica.onChange((change) => {
      this.#standings.follow(change);
      this.#unsaved?.changed(change);
      this.resources.follow(change);
    });
    this.#started = this.#takeUp().catch(failed);
  }

  get me(): Participant {
    return this.#me;
  }

  /** The hub has said how it stands. */
  heard({ groups, time }: messages.Waiting): void {
    this.#replica.mesh.clock.setBy(time, now());
    const written = this.#replica.mesh.unsavedWrites();
    this.#replica.hear({ type: "batch", cursor: 0, saved: 0, whole: true, groups });
    this.#replica.wrote(this.#replica.mesh.replay(written)); // also of what is shown no more: it may be again
    this.#replica.linkLost(); // nothing goes out
  }

  /** What the app frame of a resource needs, as `Call.courierHost`. */
  async courierHost(resource: Resource): Promise<HostOfCourier> {
    await this.#started;
    const refused = new Denied("no_right", "who waits fetches nothing: try again in the call (A20)");
    const fetching = { fetch: (wish: messages.Fetch) => Promise.resolve(fetchFailed(wish, refused)) };
    const face = { id: this.#call, me: this.#me, mesh: this.#replica.mesh, link: "waiting", on: () => () => undefined, fetching };
    const writer = (): Writer => `${this.#me.id}.${++this.#frames}` as Writer;
    return courierHost(face, this.#replica, { attach: alone, send: alone, end: alone, turned: alone, reach: alone, detach: alone }, NOTHING, resource, writer);
  }

  /** One is let in: `write` is told what is to be written there, now and until the frames are gone. */
  leave(write: (left: Unsaved[]) => void): void {
    this.#passOn = write;
    write(this.#left);
    this.close();
  }

  get #left(): Unsaved[] {
    return this.#replica.mesh.unsavedWrites().filter(({ state }) => !isVolatile(state));
  }

  /** One was turned away: nothing of it stays in this browser but the caches. */
  async forget(): Promise<void> {
    await this.#started;
    for (const id of [...this.resources.ids()]) this.#replica.mesh.drop(id);
    this.#unsaved?.heard();
    await this.#unsaved?.settled();
    this.close();
  }

  /** Wait no longer. What was written here is taken up at the next try. */
  close(): void {
    this.#unsaved?.close();
    this.#replica.end(new CallmeshError("no longer waiting"));
  }

  /** What was written before a reload. */
  async #takeUp(): Promise<void> {
    const { person, id: participant } = this.#me;
    const left = await this.#unsaved?.start({ call: this.#call, person, participant });
    if (left === undefined || this.#replica.ended !== undefined) return;
    this.#replica.wrote(this.#replica.mesh.replay(left));
    this.#unsaved?.taken();
  }

  async #loadCache(resource: ResourceId, failed: (cause: unknown) => void): Promise<ResourceCache> {
    const caches = this.#caches;
    if (caches === undefined) return new ResourceCache();
    const id = { call: this.#call, person: this.#me.person, resource };
    const items = await caches.load(id).catch((cause: unknown) => {
      failed(cause);
      return [];
    });
    return new ResourceCache(items, (key, value) => caches.put(id, key, value));
  }
}

/** While one waits there is nobody to send anything to. */
function alone(): never {
  throw new Denied("no_capability", "who waits to be let in has nobody to send to");
}

/** Nor is anything kept for who is not in. */
const NOTHING: Away = { files: [], ended: undefined, onKept: () => () => undefined, request: () => Promise.resolve().then(alone) };
