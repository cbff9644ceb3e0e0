/** This participant's camera, microphone and screen. What is off is given back to the system, light and all. */

import { signal, type Signal } from "@preact/signals";

import { blurOf, setBlur } from "./blur.ts";
import { Choices, mediaDevices, type Purpose } from "./choices.ts";
import type { Memory } from "./memory.ts";
import type { Power } from "./power.ts";

export type Kind = "camera" | "microphone";
export const KINDS: readonly Kind[] = ["camera", "microphone"];

/**
 * - `starting`: asking the user, or the device.
 * - `paused`: the screen is shown in its place; it comes back after that.
 * - `refused`: the user said no, `blocked`: the system did.
 * - `none`: there is no such device.
 * - `busy`: another program has it.
 * - `insecure`: the browser gives none to a page without https.
 * - `failed`: it is there, and does not start.
 */
export type DeviceState = "starting" | "on" | "paused" | "off" | "refused" | "blocked" | "none" | "busy" | "insecure" | "failed";
/** What became of a wish to show the screen. */
export type Shared = "shared" | "cancelled" | "blocked" | "failed";

const WANTED = {
  camera: { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 24 } },
  microphone: { echoCancellation: true, noiseSuppression: true },
};
/** While power is saved. */
const SMALL = { width: { ideal: 320 }, height: { ideal: 180 }, frameRate: { ideal: 15 } };
/** Words must stay legible: rather fewer pictures a second. */
const SCREEN: DisplayMediaStreamOptions = { video: { width: { max: 1920 }, height: { max: 1200 }, frameRate: { max: 15 } }, audio: false };
/** Milliseconds; what ends sooner than that is not started once more by itself. */
const SETTLED = 3_000;

export interface DeviceEvents {
  /** What was chosen is not there; the default one is used. */
  gone(purpose: Purpose, label: string): void;
  /** What was on could not be turned on again. */
  lost(kind: Kind, state: DeviceState): void;
}

export class Devices {
  readonly camera = signal<DeviceState>("off");
  readonly microphone = signal<DeviceState>("off");
  /** Whether one's screen is shown, in the place of the camera. */
  readonly sharing = signal(false);
  /** Whether the background of one's picture is blurred; undefined where that is not for the page to say. */
  readonly blur = signal<boolean | undefined>(undefined);
  readonly choices: Choices;
  readonly power: Power;
  /** One stream for good, so that those who show it need not start anew; undefined without WebRTC. */
  readonly stream = typeof MediaStream === "undefined" ? undefined : new MediaStream();
  /** Counts the changes of what is in the stream. */
  readonly version = signal(0);
  readonly #memory: Memory;
  readonly #events: DeviceEvents;
  /** The last request of each: what comes of one before is not wanted any more. */
  readonly #requests = { camera: 0, microphone: 0, screen: 0 };
  #started = false;

  constructor(memory: Memory, power: Power, events: DeviceEvents) {
    this.#memory = memory;
    this.power = power;
    this.#events = events;
    this.choices = new Choices(memory, (purpose, label) => events.gone(purpose, label));
    power.saves.subscribe(() => void this.#adapt());
  }

  state(kind: Kind): Signal<DeviceState> {
    return kind === "camera" ? this.camera : this.microphone;
  }

  /**
   * Turn on what is there, but for what was turned off here. One question to the user rather than two, where
   * both are. Once, until all is given back: what the user has turned off meanwhile stays off.
   */
  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const requests = KINDS.filter((kind) => !this.#memory.isOff(kind)).map((kind) => [kind, this.#begin(kind)] as const);
    const asks = (kind: Kind): MediaTrackConstraints | false => requests.some(([one]) => one === kind) && this.#wanted(kind);
    try {
      const stream = requests.length > 0 && (await userMedia({ video: asks("camera"), audio: asks("microphone") }));
      for (const [kind, request] of requests) if (stream) this.#take(kind, stream, request);
    } catch {
      for (const [kind, request] of requests) if (request === this.#requests[kind]) await this.#turnOn(kind);
    }
    await this.choices.look();
  }

  async toggle(kind: Kind): Promise<void> {
    const state = this.state(kind).value;
    if (state === "starting") return;
    const off = state === "on" || state === "paused";
    this.#memory.setOff(kind, off);
    if (kind === "camera" && this.sharing.value) this.camera.value = off ? "off" : "paused";
    else if (off) this.#turnOff(kind);
    else await this.#turnOn(kind);
  }

  /** Turn the microphone off, whatever it is at; tells whether it was on, or about to be. */
  mute(): boolean {
    const is = this.microphone.value;
    this.#memory.setOff("microphone", true);
    this.#turnOff("microphone");
    return is === "on" || is === "starting";
  }

  /** Whether people expect to see what is sent as in a mirror: of themselves, and not of what is behind the phone or on the screen. */
  get mirrored(): boolean {
    return !this.sharing.value && this.#track("camera")?.getSettings().facingMode !== "environment";
  }

  /** What one's microphone gives, while it is on. */
  get audio(): MediaStreamTrack | undefined {
    return this.microphone.value === "on" ? this.#track("microphone") : undefined;
  }

  /** Use another device, by id; an empty one for what the system uses. What is on goes on with it. */
  async choose(purpose: Purpose, id: string): Promise<void> {
    this.choices.choose(purpose, id);
    if (purpose === "speaker") return;
    const state = this.state(purpose).value;
    if (state !== "off" && state !== "paused") await this.#turnOn(purpose);
  }

  async setBlur(on: boolean): Promise<void> {
    this.#memory.blur = on;
    const track = this.#track("camera");
    if (track === undefined || blurOf(track) === undefined) return;
    await setBlur(track, on).catch(() => undefined); // what the switch says is what there is
    this.blur.value = blurOf(track);
  }

  /** Give everything back. */
  stop(): void {
    this.#started = false;
    this.#requests.screen += 1;
    this.sharing.value = false;
    for (const kind of KINDS) this.#turnOff(kind);
  }

  // --- the screen

  /** Show one's screen to the others, in the place of the camera. */
  async share(): Promise<Shared> {
    const request = ++this.#requests.screen;
    try {
      const [track] = (await navigator.mediaDevices.getDisplayMedia(SCREEN)).getVideoTracks();
      if (track === undefined) return "failed";
      if (request !== this.#requests.screen) {
        track.stop();
        return "cancelled";
      }
      this.#show(track);
      return "shared";
    } catch (error) {
      const state = stateAfter(error);
      if (state === "refused") return "cancelled";
      return state === "blocked" ? "blocked" : "failed";
    }
  }

  #show(track: MediaStreamTrack): void {
    track.contentHint = "detail";
    if (this.camera.value === "on" || this.camera.value === "starting") this.camera.value = "paused";
    this.#requests.camera += 1;
    this.sharing.value = true;
    this.#put("camera", track);
    track.addEventListener("ended", () => {
      if (this.#track("camera") === track) void this.unshare(); // by the browser's own button
    });
  }

  /** Show it no longer. The camera is as it was. */
  async unshare(): Promise<void> {
    if (!this.sharing.value) return;
    this.sharing.value = false;
    if (this.camera.value === "paused") await this.#turnOnAgain("camera");
    else this.#turnOff("camera", this.camera.value);
  }

  // --- camera and microphone

  #begin(kind: Kind): number {
    this.state(kind).value = "starting";
    this.#track(kind)?.stop(); // phones give one camera at a time; others see its last picture until the next one comes
    return ++this.#requests[kind];
  }

  async #turnOn(kind: Kind): Promise<void> {
    const request = this.#begin(kind);
    try {
      this.#take(kind, await this.#open(kind), request);
      await this.choices.look();
    } catch (error) {
      if (request === this.#requests[kind]) this.#turnOff(kind, stateAfter(error));
    }
  }

  /** The chosen one; where that is not there, the one that the system uses. */
  async #open(kind: Kind): Promise<MediaStream> {
    const open = (chosen: boolean): Promise<MediaStream> => {
      const wanted = this.#wanted(kind, chosen);
      return userMedia(kind === "camera" ? { video: wanted } : { audio: wanted });
    };
    try {
      return await open(true);
    } catch (error) {
      if (stateAfter(error) !== "none" || this.choices.chosen(kind) === undefined) throw error;
      return open(false);
    }
  }

  /** On phones the camera that looks at the user, unless another one was chosen. */
  #wanted(kind: Kind, chosen = true): MediaTrackConstraints {
    const id = chosen ? this.choices.chosen(kind)?.id : undefined;
    const wanted = kind === "camera" ? this.#picture : WANTED.microphone;
    if (id !== undefined) return { ...wanted, deviceId: { exact: id } };
    return kind === "camera" ? { ...wanted, facingMode: "user" } : wanted;
  }

  get #picture(): MediaTrackConstraints {
    return this.power.saves.peek() ? SMALL : WANTED.camera;
  }

  /** Power is saved from now on, or no longer. The camera goes on. */
  async #adapt(): Promise<void> {
    const track = this.#track("camera");
    if (track === undefined || this.sharing.peek()) return;
    await track.applyConstraints({ ...track.getConstraints(), ...this.#picture }).catch(() => undefined);
    await this.#blurAsWanted(track);
  }

  #take(kind: Kind, stream: MediaStream, request: number): void {
    for (const track of kind === "camera" ? stream.getVideoTracks() : stream.getAudioTracks()) {
      if (request === this.#requests[kind]) this.#takeTrack(kind, track);
      else track.stop();
    }
  }

  #takeTrack(kind: Kind, track: MediaStreamTrack): void {
    const since = Date.now();
    this.state(kind).value = "on";
    this.#put(kind, track);
    // Unplugged, or taken by the system; `stop` makes no event.
    track.addEventListener("ended", () => {
      if (this.#track(kind) !== track) return;
      if (Date.now() - since >= SETTLED) void this.#turnOnAgain(kind);
      else {
        this.#memory.setOff(kind, true);
        this.#turnOff(kind);
      }
    });
    if (kind === "camera") this.#followBlur(track);
  }

  #followBlur(track: MediaStreamTrack): void {
    this.blur.value = blurOf(track);
    track.addEventListener("configurationchange", () => {
      if (this.#track("camera") === track) this.blur.value = blurOf(track);
    });
    void this.#blurAsWanted(track);
  }

  /** Where it was chosen here, whatever power it takes: somebody hides what is behind them. */
  async #blurAsWanted(track: MediaStreamTrack): Promise<void> {
    if (!this.#memory.blur || this.blur.peek() !== false) return;
    await setBlur(track, true).catch(() => undefined);
    this.blur.value = blurOf(track);
  }

  async #turnOnAgain(kind: Kind): Promise<void> {
    await this.#turnOn(kind);
    const state = this.state(kind).value;
    if (state !== "on" && state !== "starting") this.#events.lost(kind, state);
  }

  #turnOff(kind: Kind, state: DeviceState = "off"): void {
    this.#requests[kind] += 1;
    this.#put(kind, undefined);
    this.state(kind).value = state;
    if (kind === "camera") this.blur.value = undefined;
  }

  #track(kind: Kind): MediaStreamTrack | undefined {
    return kind === "camera" ? this.stream?.getVideoTracks()[0] : this.stream?.getAudioTracks()[0];
  }

  /** In the stream, in the place of what was there. */
  #put(kind: Kind, track: MediaStreamTrack | undefined): void {
    const old = this.#track(kind);
    if (old !== undefined) {
      this.stream?.removeTrack(old);
      old.stop();
    }
    if (track !== undefined) this.stream?.addTrack(track);
    this.version.value += 1;
  }
}

class Insecure extends Error {}

async function userMedia(constraints: MediaStreamConstraints): Promise<MediaStream> {
  const devices = mediaDevices();
  if (devices === undefined) throw new Insecure("no media without https");
  return devices.getUserMedia(constraints);
}

function stateAfter(error: unknown): DeviceState {
  if (error instanceof Insecure) return "insecure";
  const { name, message } = error instanceof Error ? error : { name: "", message: "" };
  switch (name) {
    case "NotAllowedError":
      return /\bsystem\b/iu.test(message) ? "blocked" : "refused"; // Chromium says "by system"
    case "SecurityError":
      return "refused";
    case "NotFoundError":
    case "OverconstrainedError":
      return "none";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}
