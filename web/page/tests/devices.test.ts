import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Devices, type DeviceEvents, type DeviceState, type Kind } from "../src/devices.ts";
import { loudness } from "../src/level.ts";
import { Memory } from "../src/memory.ts";
import { Power } from "../src/power.ts";
import { deviceProblem, deviceWords } from "../src/words.ts";

interface Constraints {
  readonly width?: { readonly ideal: number };
  readonly backgroundBlur?: boolean;
}

class FakeTrack extends EventTarget {
  readyState = "live";
  contentHint = "";
  blur: boolean | undefined;
  readonly kind: "video" | "audio";
  readonly deviceId: string;

  constructor(kind: "video" | "audio", deviceId: string) {
    super();
    this.kind = kind;
    this.deviceId = deviceId;
  }

  stop(): void {
    this.readyState = "ended";
  }

  /** As where it is unplugged. */
  end(): void {
    this.stop();
    this.dispatchEvent(new Event("ended"));
  }

  getCapabilities = () => (this.blur === undefined ? {} : { backgroundBlur: [true, false] });
  getSettings = () => ({ deviceId: this.deviceId, ...(this.blur !== undefined && { backgroundBlur: this.blur }) });
  wanted: Constraints = {};
  getConstraints = () => this.wanted;
  applyConstraints = async (wanted: Constraints) => {
    this.wanted = wanted;
    if ("backgroundBlur" in wanted) this.blur = wanted.backgroundBlur;
    return Promise.resolve();
  };
}

class FakeStream {
  readonly tracks: FakeTrack[];
  constructor(tracks: FakeTrack[] = []) {
    this.tracks = [...tracks];
  }
  getTracks = () => this.tracks;
  getVideoTracks = () => this.tracks.filter(({ kind }) => kind === "video");
  getAudioTracks = () => this.tracks.filter(({ kind }) => kind === "audio");
  addTrack = (track: FakeTrack) => void this.tracks.push(track);
  removeTrack = (track: FakeTrack) => void this.tracks.splice(this.tracks.indexOf(track), 1);
}

interface Asked {
  deviceId?: { exact: string };
  facingMode?: string;
  width?: { ideal: number };
}

/** What the browser has, and what was asked of it. */
class Machine extends EventTarget {
  plugged = [
    { kind: "videoinput", deviceId: "default", label: "Default" },
    { kind: "videoinput", deviceId: "front", label: "Front" },
    { kind: "videoinput", deviceId: "back", label: "Back" },
    { kind: "audioinput", deviceId: "mic", label: "Built in" },
    { kind: "audioinput", deviceId: "headset", label: "Headset" },
    { kind: "audiooutput", deviceId: "loud", label: "Loud" },
  ];
  readonly asked: { video?: Asked; audio?: Asked }[] = [];
  given: FakeTrack[] = [];
  fails: Error | undefined;
  blur: boolean | undefined;
  held: Promise<void> | undefined;

  unplug(deviceId: string): void {
    this.plugged = this.plugged.filter((device) => device.deviceId !== deviceId);
    this.dispatchEvent(new Event("devicechange"));
  }

  enumerateDevices = async () => this.plugged;
  getDisplayMedia = async () => this.#give([new FakeTrack("video", "screen")]);
  getUserMedia = async (wanted: { video?: Asked; audio?: Asked }) => {
    this.asked.push(wanted);
    await this.held;
    const tracks = [];
    if (wanted.video) tracks.push(new FakeTrack("video", this.#find("videoinput", wanted.video, "front")));
    if (wanted.audio) tracks.push(new FakeTrack("audio", this.#find("audioinput", wanted.audio, "mic")));
    return this.#give(tracks);
  };

  #find(kind: string, { deviceId }: Asked, standard: string): string {
    const id = deviceId?.exact ?? standard;
    if (!this.plugged.some((one) => one.kind === kind && one.deviceId === id)) throw named("OverconstrainedError");
    return id;
  }

  #give(tracks: FakeTrack[]): FakeStream {
    if (this.fails) throw this.fails;
    for (const track of tracks) if (track.kind === "video" && track.deviceId !== "screen") track.blur = this.blur;
    this.given.push(...tracks);
    return new FakeStream(tracks);
  }
}

function named(name: string, message = ""): Error {
  return Object.assign(new Error(message), { name });
}

let machine = new Machine();
let kept: Map<string, string>;
let tab: Map<string, string>;
let said: string[];
let devices: Devices;
let power: Power;
const events: DeviceEvents = {
  gone: (purpose, label) => said.push(`${purpose} ${label} is gone`),
  lost: (kind, state) => said.push(`${kind} ${state}`),
};
const inUse = (): string[] => machine.given.filter(({ readyState }) => readyState === "live").map(({ deviceId }) => deviceId);
const sent = (): string[] => (devices.stream as unknown as FakeStream).tracks.map(({ deviceId }) => deviceId).sort();

function storage(map: Map<string, string>): Pick<Storage, "getItem" | "setItem"> {
  return { getItem: (key) => map.get(key) ?? null, setItem: (key, value) => void map.set(key, value) };
}

/** The page is loaded, again. */
function visit({ plugged } = machine, call = "call"): void {
  machine = Object.assign(new Machine(), { plugged });
  vi.stubGlobal("navigator", { mediaDevices: machine, languages: ["en"] });
  power = new Power(new Memory("hub"), { memory: 8, cores: 8, touch: false, thrifty: false, discarded: false });
  devices = new Devices(new Memory("hub", call), power, events);
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  kept = new Map();
  tab = new Map();
  said = [];
  vi.stubGlobal("MediaStream", FakeStream);
  vi.stubGlobal("localStorage", storage(kept));
  vi.stubGlobal("sessionStorage", storage(tab));
  visit(new Machine());
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("[V10] muted, the microphone is off and given back, also where it was about to start; one turns it on again oneself", async () => {
  await devices.start();
  expect([devices.mute(), devices.microphone.value, inUse(), sent()]).toEqual([true, "off", ["front"], ["front"]]);
  expect(devices.mute()).toBe(false);
  await devices.toggle("microphone");
  expect([devices.microphone.value, sent()]).toEqual(["on", ["front", "mic"]]);
  await devices.toggle("microphone");
  const starting = devices.toggle("microphone");
  expect([devices.microphone.value, devices.mute()]).toEqual(["starting", true]);
  await starting;
  expect([devices.microphone.value, inUse()]).toEqual(["off", ["front"]]);
});

test("[V10] muted while it was refused, or another program had it, the microphone is off for good", async () => {
  for (const error of [named("NotAllowedError"), named("NotReadableError")]) {
    visit();
    tab.clear();
    machine.fails = error;
    await devices.start();
    expect([devices.mute(), devices.microphone.value]).toEqual([false, "off"]);
    machine.fails = undefined;
    await devices.choose("microphone", "headset");
    expect([devices.microphone.value, inUse()]).toEqual(["off", []]);
    visit();
    await devices.start();
    expect([devices.microphone.value, inUse()]).toEqual(["off", ["front"]]);
  }
});

describe("[G20, V10] what was off when the page was loaded anew", () => {
  const comesBack = async (...visited: Parameters<typeof visit>): Promise<DeviceState[]> => {
    devices.stop();
    visit(...visited);
    await devices.start();
    return [devices.camera.value, devices.microphone.value];
  };

  test("stays off, and is not asked for, until it is turned on", async () => {
    await devices.start();
    await devices.toggle("camera");
    expect(await comesBack()).toEqual(["off", "on"]);
    expect(machine.asked.map(({ video }) => video)).toEqual([false]);
    devices.mute();
    expect(await comesBack()).toEqual(["off", "off"]);
    expect(machine.asked).toEqual([]);
    await devices.toggle("microphone");
    expect(await comesBack()).toEqual(["off", "on"]);
    await devices.toggle("camera");
    expect(await comesBack()).toEqual(["on", "on"]);
  });

  test("so where it was said while a screen is shown, and where it went off by itself", async () => {
    await devices.start();
    await devices.share();
    expect(await comesBack()).toEqual(["on", "on"]);
    await devices.share();
    await devices.toggle("camera");
    machine.given.find(({ kind }) => kind === "audio")?.end();
    expect(await comesBack()).toEqual(["off", "off"]);
  });

  test("not so in another call, in another tab, and where it was not off but did not work", async () => {
    await devices.start();
    await devices.toggle("camera");
    expect(await comesBack(machine, "another")).toEqual(["on", "on"]);
    expect(await comesBack()).toEqual(["off", "on"]);
    tab.clear();
    visit();
    machine.fails = named("NotReadableError");
    await devices.start();
    expect(devices.camera.value).toBe("busy");
    expect(await comesBack()).toEqual(["on", "on"]);
  });

  test("is forgotten by a browser that keeps nothing", async () => {
    const forbid = (): never => {
      throw new DOMException("", "SecurityError");
    };
    vi.stubGlobal("sessionStorage", { getItem: forbid, setItem: forbid });
    await devices.start();
    await devices.toggle("camera");
    expect(devices.camera.value).toBe("off");
    expect(await comesBack()).toEqual(["on", "on"]);
  });
});

describe("[G20] which device", () => {
  test("counts at once, and in the next visit; the old one is given back", async () => {
    await devices.start();
    expect(devices.choices.options("camera").map(({ label }) => label)).toEqual(["Front", "Back"]);
    await devices.choose("camera", "back");
    await devices.choose("microphone", "headset");
    await devices.choose("speaker", "loud");
    expect(inUse().sort()).toEqual(["back", "headset"]);
    expect(sent()).toEqual(["back", "headset"]);
    expect(devices.choices.sink.value).toBe("loud");
    devices.stop();
    expect(inUse()).toEqual([]);
    visit();
    await devices.start();
    expect(machine.asked.at(-1)).toMatchObject({ video: { deviceId: { exact: "back" } }, audio: { deviceId: { exact: "headset" } } });
    expect(machine.asked.at(-1)?.video?.facingMode).toBeUndefined();
    expect(sent()).toEqual(["back", "headset"]);
    await devices.choose("camera", "");
    expect(sent()).toEqual(["front", "headset"]);
    expect(new Memory("hub").device("camera")).toBeUndefined();
    expect(said).toEqual([]);
  });

  test("what is off stays off when another one is chosen", async () => {
    await devices.start();
    await devices.toggle("camera");
    await devices.choose("camera", "back");
    expect([devices.camera.value, sent()]).toEqual(["off", ["mic"]]);
    await devices.toggle("camera");
    expect(sent()).toEqual(["back", "mic"]);
  });

  test("one that is not there is the system's, which is said once, until it is there again", async () => {
    await devices.start();
    await devices.choose("microphone", "headset");
    await devices.choose("speaker", "loud");
    const { plugged } = machine;
    machine.plugged = plugged.filter(({ deviceId }) => deviceId !== "headset" && deviceId !== "loud");
    machine.plugged.push({ kind: "audiooutput", deviceId: "soft", label: "Soft" });
    visit();
    await devices.start();
    expect(sent()).toEqual(["front", "mic"]);
    expect(said).toEqual(["microphone Headset is gone", "speaker Loud is gone"]);
    expect([devices.choices.isGone("microphone"), devices.choices.sink.value]).toEqual([true, ""]);
    machine.dispatchEvent(new Event("devicechange"));
    machine.plugged = plugged;
    machine.dispatchEvent(new Event("devicechange"));
    await vi.advanceTimersByTimeAsync(0);
    expect([devices.choices.isGone("microphone"), devices.choices.sink.value, said.length]).toEqual([false, "loud", 2]);
    machine.unplug("loud");
    machine.plugged.push({ kind: "audiooutput", deviceId: "soft", label: "Soft" });
    machine.dispatchEvent(new Event("devicechange"));
    await vi.advanceTimersByTimeAsync(0);
    expect(said.slice(2)).toEqual(["speaker Loud is gone"]);
  });

  test("what is unplugged while it is on is taken over by the system's", async () => {
    await devices.start();
    await devices.choose("microphone", "headset");
    const headset = machine.given.at(-1);
    vi.setSystemTime(60_000);
    machine.unplug("headset");
    headset?.end();
    await vi.advanceTimersByTimeAsync(0);
    expect([devices.microphone.value, sent(), said]).toEqual(["on", ["front", "mic"], ["microphone Headset is gone"]]);
    vi.setSystemTime(120_000);
    machine.unplug("mic");
    machine.given.at(-1)?.end();
    await vi.advanceTimersByTimeAsync(0);
    expect([devices.microphone.value, said.at(-1)]).toEqual(["none", "microphone none"]);
  });

  test("what ends again and again is not started again and again", async () => {
    await devices.start();
    machine.given.find(({ kind }) => kind === "audio")?.end();
    await vi.advanceTimersByTimeAsync(0);
    expect([devices.microphone.value, sent(), machine.asked.length]).toEqual(["off", ["front"], 1]);
  });

  test("the one that was replaced turns off nothing when it ends, and what comes too late is given back", async () => {
    await devices.start();
    const [front] = machine.given;
    await devices.choose("camera", "back");
    vi.setSystemTime(60_000);
    front?.end();
    expect([devices.camera.value, sent()]).toEqual(["on", ["back", "mic"]]);
    let release = (): void => undefined;
    machine.held = new Promise((resolve) => (release = resolve));
    const first = devices.choose("camera", "front");
    const second = devices.choose("camera", "back");
    devices.stop();
    release();
    await Promise.all([first, second]);
    expect([inUse(), sent(), devices.camera.value]).toEqual([[], [], "off"]);
  });

  test("what is remembered may be anything", () => {
    for (const [place, rubbish] of ["", "null", "7", "{}", '{"id":1,"label":"x"}', "{"].entries()) {
      kept.set("callmesh hub camera", rubbish);
      expect([place, new Memory("hub").device("camera")]).toEqual([place, undefined]);
    }
  });
});

describe("[G22] one's screen", () => {
  const picture = (): FakeTrack | undefined => (devices.stream as unknown as FakeStream).getVideoTracks()[0];

  test("takes the place of the camera, which comes back as it was", async () => {
    await devices.start();
    expect(devices.mirrored).toBe(true);
    expect(await devices.share()).toBe("shared");
    expect([devices.camera.value, devices.sharing.value, sent()]).toEqual(["paused", true, ["mic", "screen"]]);
    expect([inUse(), picture()?.contentHint, devices.mirrored]).toEqual([["mic", "screen"], "detail", false]);
    expect([deviceProblem("camera", "paused"), deviceWords("camera", "paused")]).toEqual([undefined, expect.stringMatching(/comes back/)]);
    await devices.choose("camera", "back"); // for when it comes back
    expect(sent()).toEqual(["mic", "screen"]);
    await devices.unshare();
    expect([devices.camera.value, devices.sharing.value, sent(), inUse()]).toEqual(["on", false, ["back", "mic"], ["mic", "back"]]);

    await devices.share();
    picture()?.end(); // by the browser's own button
    await vi.advanceTimersByTimeAsync(0);
    expect([devices.camera.value, sent()]).toEqual(["on", ["back", "mic"]]);

    await devices.share();
    await devices.toggle("camera");
    expect([devices.camera.value, sent()]).toEqual(["off", ["mic", "screen"]]);
    await devices.unshare();
    expect([devices.camera.value, sent()]).toEqual(["off", ["mic"]]);
    await devices.share();
    await devices.toggle("camera");
    await devices.unshare();
    expect([devices.camera.value, sent()]).toEqual(["on", ["back", "mic"]]);
    expect(said).toEqual([]);
  });

  test("a camera that does not come back is told of; what was refused stays refused", async () => {
    await devices.start();
    await devices.share();
    machine.fails = named("NotReadableError");
    await devices.unshare();
    expect([devices.camera.value, said, sent()]).toEqual(["busy", ["camera busy"], ["mic"]]);
    machine.fails = undefined;
    await devices.share();
    await devices.unshare();
    expect([devices.camera.value, sent()]).toEqual(["busy", ["mic"]]);
  });

  test("a camera that starts only then waits for its turn; who has left shows nothing", async () => {
    let release = (): void => undefined;
    machine.held = new Promise((resolve) => (release = resolve));
    const starting = devices.start();
    expect(await devices.share()).toBe("shared");
    release();
    await starting;
    expect([devices.camera.value, sent()]).toEqual(["paused", ["mic", "screen"]]);
    devices.stop();
    expect([inUse(), devices.sharing.value, devices.camera.value]).toEqual([[], false, "off"]);
    const late = devices.share();
    devices.stop();
    expect([await late, inUse()]).toEqual(["cancelled", []]);
  });

  test("who is not let, and who thinks better of it", async () => {
    for (const [error, outcome] of [
      [named("NotAllowedError", "Permission denied"), "cancelled"],
      [named("NotAllowedError", "Permission denied by system"), "blocked"],
      [named("NotReadableError"), "failed"],
    ] as const) {
      machine.fails = error;
      expect(await devices.share()).toBe(outcome);
      expect([devices.sharing.value, sent()]).toEqual([false, []]);
    }
  });
});

test("[G21] why a device is not on has words of its own, with what to do", async () => {
  const whys: [Error, DeviceState, RegExp][] = [
    [named("NotAllowedError", "Permission denied"), "refused", /icon at the start of the address bar/],
    [named("NotAllowedError", "Permission denied by system"), "blocked", /system’s privacy settings/],
    [named("NotFoundError"), "none", /works without/],
    [named("NotReadableError"), "busy", /Close that program/],
    [named("TypeError"), "failed", /plug it in again/],
  ];
  for (const [error, state, words] of whys) {
    visit();
    machine.fails = error;
    await devices.start();
    for (const kind of ["camera", "microphone"] satisfies Kind[]) {
      expect(devices.state(kind).value).toBe(state);
      expect(deviceProblem(kind, devices.state(kind).value)).toMatch(words);
    }
    machine.fails = undefined;
    await devices.toggle("microphone");
    expect([devices.microphone.value, deviceProblem("microphone", "on"), deviceWords("microphone", "on")]).toEqual(["on", undefined, "Microphone is on"]);
  }
  vi.stubGlobal("navigator", { languages: ["en"] });
  devices = new Devices(new Memory("hub"), power, events);
  await devices.start();
  expect(deviceProblem("camera", devices.camera.value)).toMatch(/https/);
});

test("[G21] the level is as ears have it: half as loud is a step, whatever it was", () => {
  expect([loudness(0), loudness(-1), loudness(NaN), loudness(0.0001), loudness(1), loudness(2)]).toEqual([0, 0, 0, 0, 1, 1]);
  expect(loudness(0.1) - loudness(0.05)).toBeCloseTo(loudness(0.4) - loudness(0.2));
});

test("[G24] a background is blurred where the camera can be told to, and in later visits", async () => {
  await devices.start();
  expect(devices.blur.value).toBeUndefined();
  await devices.setBlur(true); // nothing is there to blur it
  visit();
  machine.blur = false;
  await devices.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(devices.blur.value).toBe(true);
  await devices.setBlur(false);
  expect([devices.blur.value, new Memory("hub").blur]).toEqual([false, false]);
  await devices.toggle("camera");
  expect(devices.blur.value).toBeUndefined();
});

test("[G31, G24] while power is saved the camera gives small pictures; a background that somebody blurs stays blurred", async () => {
  machine.blur = false;
  await devices.start();
  await devices.setBlur(true);
  const [camera] = machine.given as [FakeTrack];
  power.save(true);
  await vi.advanceTimersByTimeAsync(0);
  expect([camera.wanted.width?.ideal, devices.blur.value, sent()]).toEqual([320, true, ["front", "mic"]]);
  power.save(false);
  await vi.advanceTimersByTimeAsync(0);
  expect([camera.wanted.width?.ideal, devices.blur.value]).toEqual([640, true]);
  power.save(true);
  visit();
  machine.blur = false;
  await devices.start();
  await vi.advanceTimersByTimeAsync(0);
  expect([machine.asked[0]?.video?.width?.ideal, devices.blur.value]).toEqual([320, true]);
  await devices.setBlur(false);
  expect(devices.blur.value).toBe(false);
});

test("[G31] a screen that is shown stays as large as it is", async () => {
  await devices.start();
  await devices.share();
  const screen = machine.given.at(-1);
  power.save(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(screen?.wanted).toEqual({});
});
