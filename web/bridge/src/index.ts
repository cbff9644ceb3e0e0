/** `@callmesh/bridge`: apps in frames. The frame's side, the SDK, is `app.ts`. */

export { Courier, serveFrame } from "./courier.ts";
export type { CourierHost, StreamConsumer, StreamHandle } from "./host.ts";
export type { Size, Surroundings, Theme } from "./surroundings.ts";
