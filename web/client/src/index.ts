/** `@callmesh/client`: a participant of a call in a browser. */

export { join, readAddress, type Address, type JoinOptions } from "./join.ts";
export type { Call, CallEvent, CallEvents, LinkState } from "./call.ts";
export type { CommandOptions, HalfTrouble, Hosting, Left, Noted, Waiting } from "./hosting.ts";
export type { HostOfCourier } from "./courierHost.ts";
export { IdbCacheStore, type CacheId } from "./idb.ts";
export type { Media } from "./media.ts";
export type { Quality } from "./quality.ts";
export type { Resource } from "./resource.ts";
export type { AddOptions, RemovedResource, Resources } from "./resources.ts";
export type { OpenStream } from "./streams.ts";
export type { WaitingArea } from "./waiting.ts";
