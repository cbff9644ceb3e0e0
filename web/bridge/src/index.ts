/** `@callmesh/bridge`: apps in frames. The frame's side, the SDK, is `app.ts`. */

export { Courier, serveFrame } from "./courier.ts";
export type { Arrival, CourierHost } from "./host.ts";
