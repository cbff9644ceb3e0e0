/** This participant's camera and microphone. What is off is given back to the system, light and all. */

import { signal, type Signal } from "@preact/signals";

export type Kind = "camera" | "microphone";
export const KINDS: readonly Kind[] = ["camera", "microphone"];

/**
 * - `starting`: asking the user, or the device.
 * - `refused`: the user or the system said no.
 * - `none`: there is no such device.
 * - `insecure`: the browser gives none to a page without https.
 * - `failed`: it is there, and does not start.
 */
export type DeviceState = "starting" | "on" | "off" | "refused" | "none" | "insecure" | "failed";

const CONSTRAINTS: Record<Kind, MediaStreamConstraints> = {
  camera: { video: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24 }, facingMode: "user" } },
  microphone: { audio: { echoCancellation: true, noiseSuppression: true } },
};

export class Devices {
  readonly camera = signal<DeviceState>("off");
  readonly microphone = signal<DeviceState>("off");
  /** One stream for good, so that those who show it need not start anew; undefined without WebRTC. */
  readonly stream = typeof MediaStream === "undefined" ? undefined : new MediaStream();
  /** Counts the changes of what is in the stream. */
  readonly version = signal(0);
  /** Counts the times everything was given back: what was asked for before that is not wanted any more. */
  #era = 0;
  #started = false;

  state(kind: Kind): Signal<DeviceState> {
    return kind === "camera" ? this.camera : this.microphone;
  }

  /**
   * Turn on what is there. One question to the user rather than two, where both are. Once, until all is
   * given back: what the user has turned off meanwhile stays off.
   */
  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const era = this.#era;
    for (const kind of KINDS) this.state(kind).value = "starting";
    try {
      this.#add(await userMedia({ ...CONSTRAINTS.camera, ...CONSTRAINTS.microphone }), era);
    } catch {
      for (const kind of KINDS) if (era === this.#era) await this.#turnOn(kind);
    }
  }

  async toggle(kind: Kind): Promise<void> {
    const state = this.state(kind).value;
    if (state === "on") this.#turnOff(kind);
    else if (state !== "starting") await this.#turnOn(kind);
  }

  /** Give everything back. */
  stop(): void {
    this.#era += 1;
    this.#started = false;
    for (const kind of KINDS) this.#turnOff(kind);
  }

  async #turnOn(kind: Kind): Promise<void> {
    const era = this.#era;
    this.state(kind).value = "starting";
    try {
      this.#add(await userMedia(CONSTRAINTS[kind]), era);
    } catch (error) {
      if (era === this.#era) this.state(kind).value = stateAfter(error);
    }
  }

  #turnOff(kind: Kind): void {
    for (const track of this.#tracks(kind)) {
      track.stop();
      this.stream?.removeTrack(track);
    }
    this.state(kind).value = "off";
    this.version.value += 1;
  }

  #add(stream: MediaStream, era: number): void {
    for (const track of stream.getTracks()) {
      if (era === this.#era) this.#addTrack(track);
      else track.stop();
    }
  }

  #addTrack(track: MediaStreamTrack): void {
    const kind = track.kind === "video" ? "camera" : "microphone";
    for (const old of this.#tracks(kind)) this.stream?.removeTrack(old);
    this.stream?.addTrack(track);
    // Unplugged, or taken by the system; `stop` makes no event.
    track.addEventListener("ended", () => this.#turnOff(kind));
    this.state(kind).value = "on";
    this.version.value += 1;
  }

  #tracks(kind: Kind): MediaStreamTrack[] {
    return (kind === "camera" ? this.stream?.getVideoTracks() : this.stream?.getAudioTracks()) ?? [];
  }
}

class Insecure extends Error {}

async function userMedia(constraints: MediaStreamConstraints): Promise<MediaStream> {
  // Not there in pages without https, whatever the types say.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) throw new Insecure("no media without https");
  return devices.getUserMedia(constraints);
}

function stateAfter(error: unknown): DeviceState {
  if (error instanceof Insecure) return "insecure";
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "refused";
    case "NotFoundError":
    case "OverconstrainedError":
      return "none";
    default:
      return "failed";
  }
}
