import { MOST_SIGNALS, type PeerSignal } from "@callmesh/core";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { RtcPeer } from "../src/webrtc.ts";

type Description = { readonly type: "offer" | "answer"; readonly sdp: string };

/** As much of a connection as negotiating takes; like a browser's it wants to negotiate when nothing is under way. */
class FakeConnection {
  static last: FakeConnection;
  readonly control = { readyState: "connecting", bufferedAmount: 0 };
  readonly set: string[] = [];
  readonly candidates: unknown[] = [];
  signalingState = "stable";
  connectionState = "new";
  localDescription: Description | null = null;
  remoteDescription: Description | null = null;
  restarts = 0;
  onnegotiationneeded = (): void => undefined;
  onsignalingstatechange = (): void => undefined;
  constructor() {
    FakeConnection.last = this;
  }
  createDataChannel(): object {
    return this.control;
  }
  getTransceivers(): [] {
    return [];
  }
  async setLocalDescription(): Promise<void> {
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    this.localDescription = { type, sdp: `${type} ${this.set.push(`local ${type}`)}` };
    await this.#turn(type === "offer" ? "have-local-offer" : "stable");
  }
  async setRemoteDescription(description: Description): Promise<void> {
    this.set.push(`remote ${description.type}`);
    this.remoteDescription = description;
    await this.#turn(description.type === "offer" ? "have-remote-offer" : "stable");
  }
  async addIceCandidate(candidate: unknown): Promise<void> {
    this.candidates.push(candidate);
    return Promise.resolve();
  }
  restartIce(): void {
    this.restarts++;
  }
  async #turn(state: string): Promise<void> {
    await Promise.resolve();
    this.signalingState = state;
    this.onsignalingstatechange();
  }
}

const ANSWER: PeerSignal = { description: { type: "answer", sdp: "answer" } };
const OFFER: PeerSignal = { description: { type: "offer", sdp: "offer" } };
const ASK: PeerSignal = { negotiate: true };
const HOUR = 3_600_000_000;

let said: PeerSignal[] = [];

function peer(offers: boolean): { peer: RtcPeer; pc: FakeConnection; opened: () => number } {
  const opened = vi.fn();
  const events = {
    signal: (signal: PeerSignal) => said.push(signal), opened, failed: (why: string) => expect.unreachable(why),
    refused: vi.fn(), reached: vi.fn(), word: vi.fn(), channel: vi.fn(), media: vi.fn(),
  };
  const made = new RtcPeer({ offers, media: false, ice: undefined }, events);
  return { peer: made, pc: FakeConnection.last, opened: () => opened.mock.calls.length };
}

async function settled(): Promise<void> {
  for (let n = 0; n < 50; n++) await Promise.resolve();
}

/** What was said since this was asked last. */
function kinds(): string[] {
  return said.splice(0).map((signal) => ("description" in signal ? signal.description.type : Object.keys(signal).join()));
}

beforeEach(() => {
  said = [];
  vi.stubGlobal("RTCPeerConnection", FakeConnection);
});

describe("[V5] who makes the offers", () => {
  test("makes one for each change, and for what it is asked, as soon as nothing is under way", async () => {
    const { peer: ada, pc } = peer(true);
    pc.onnegotiationneeded();
    await settled();
    expect(kinds()).toEqual(["offer"]);
    ada.receive(ASK);
    ada.receive(ASK);
    await settled();
    expect(kinds()).toEqual([]);
    ada.receive(ANSWER);
    await settled();
    expect(kinds()).toEqual(["offer"]);
    ada.receive(ANSWER);
    ada.receive(ANSWER); // to what was said twice
    await settled();
    expect(kinds()).toEqual([]);
    expect(pc.set).toEqual(["local offer", "remote answer", "local offer", "remote answer"]);
    expect(pc.signalingState).toBe("stable");
  });

  test("is offered nothing, and takes nothing back", async () => {
    const { peer: ada, pc } = peer(true);
    ada.receive(OFFER);
    pc.onnegotiationneeded();
    ada.receive(OFFER);
    await settled();
    expect(pc.set).toEqual(["local offer"]);
    ada.restart();
    await settled();
    expect([pc.restarts, kinds(), pc.set]).toEqual([1, ["offer", "offer"], ["local offer"]]);
  });

  test("[D22] knows that a path holds for which ICE was restarted", async () => {
    const { peer: ada, pc, opened } = peer(true);
    pc.onnegotiationneeded();
    await settled();
    [pc.connectionState, pc.control.readyState] = ["connected", "open"];
    ada.receive(ANSWER);
    await settled();
    expect(opened()).toBe(1);
  });
});

describe("[V5] who makes none", () => {
  test("answers, and asks for what it has to change; not before the first offer", async () => {
    const { peer: bob, pc } = peer(false);
    pc.onnegotiationneeded();
    bob.receive({ candidate: { candidate: "early" } });
    bob.receive(ANSWER);
    bob.receive(ASK);
    await settled();
    expect([kinds(), pc.set, pc.candidates]).toEqual([[], [], []]);
    bob.receive(OFFER);
    bob.receive(OFFER);
    await settled();
    expect([kinds(), pc.candidates.length]).toEqual([["answer", "answer"], 1]);
    expect(pc.set).toEqual(["remote offer", "local answer", "remote offer", "local answer"]);
    pc.onnegotiationneeded();
    expect(kinds()).toEqual(["negotiate"]);
  });

  test("[V7] says again what nobody has answered, and no longer when it was", async () => {
    const { peer: bob, pc } = peer(false);
    bob.receive(OFFER);
    await settled();
    pc.onnegotiationneeded();
    kinds();
    bob.repeat();
    expect(kinds()).toEqual([]);
    bob.repeat(0);
    expect(kinds()).toEqual(["negotiate"]);
    bob.receive(OFFER);
    await settled();
    expect(kinds()).toEqual(["answer"]);
    bob.repeat(-HOUR);
    expect(kinds()).toEqual([]);
  });
});

test("[V7] an offer that nobody has answered is said again", async () => {
  const { peer: ada, pc } = peer(true);
  pc.onnegotiationneeded();
  await settled();
  ada.repeat();
  expect(kinds()).toEqual(["offer"]);
  ada.repeat(0);
  expect(kinds()).toEqual(["offer"]);
  ada.receive(ANSWER);
  await settled();
  ada.repeat(0);
  expect(kinds()).toEqual([]);
});

test("[D8] what the other side signals before it can be taken is bounded", async () => {
  const { peer: bob, pc } = peer(false);
  for (let turn = 0; turn < 3; turn++) {
    for (let n = 0; n < 1_000; n++) bob.receive({ candidate: { candidate: "x" } });
    for (let n = 0; n < 10; n++) await settled();
  }
  bob.receive(OFFER);
  for (let n = 0; n < 10; n++) await settled();
  expect(pc.candidates.length).toBe(MOST_SIGNALS);
});
