/** A data channel of one stream to one receiver: opened when something goes, and anew when it broke. */

import { LOW_WATER } from "@callmesh/core";

export interface ChannelUser {
  /** A new channel to the receiver; undefined if there is no direct path. */
  open(): RTCDataChannel | undefined;
  /** There is room again. */
  room(): void;
  /** It closed, with what was under way. */
  lost(): void;
}

export class Channel {
  readonly #user: ChannelUser;
  #channel: RTCDataChannel | undefined;

  constructor(user: ChannelUser) {
    this.#user = user;
  }

  /** Whether `send` would take a message now; if not, the user is told when it would. */
  get hasRoom(): boolean {
    const channel = (this.#channel ??= this.#open());
    return channel?.readyState === "open" && channel.bufferedAmount <= LOW_WATER;
  }

  #open(): RTCDataChannel | undefined {
    const channel = this.#user.open();
    if (channel === undefined) return undefined;
    channel.onopen = channel.onbufferedamountlow = () => this.#user.room();
    channel.onclose = channel.onerror = () => {
      if (this.#channel !== channel) return;
      this.close();
      this.#user.lost();
    };
    return channel;
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    try {
      this.#channel?.send(data);
    } catch {
      // Closed just now: its news follows, and what was not acknowledged goes again.
    }
  }

  close(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    this.#channel = undefined;
    channel.onopen = channel.onbufferedamountlow = channel.onclose = channel.onerror = null;
    channel.close();
  }
}
