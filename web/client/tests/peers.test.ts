/** The paths to the others while the hub is away and when it is back, with connections that do what the test says. */

import { MOST_EARLY, type Participant, type ParticipantId } from "@callmesh/core";
import { beforeEach, expect, test, vi } from "vitest";

import { Peers } from "../src/peers.ts";
import { RtcPeer } from "../src/webrtc.ts";
import { someone } from "./fakeHub.ts";

/** As much of a connection as a path takes that opens, breaks, and has ICE restarted. */
class FakeConnection {
  static all: FakeConnection[] = [];
  readonly control = { readyState: "open", bufferedAmount: 0, onopen: (): void => undefined };
  connectionState = "connected";
  signalingState = "stable";
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription = null;
  restarts = 0;
  onconnectionstatechange = (): void => undefined;
  onnegotiationneeded = (): void => undefined;
  constructor() {
    FakeConnection.all.push(this);
  }
  createDataChannel(): object {
    return this.control;
  }
  getTransceivers(): [] {
    return [];
  }
  async setLocalDescription(): Promise<void> {
    this.localDescription = { type: "offer", sdp: `offer ${this.restarts}` };
    return Promise.resolve();
  }
  restartIce(): void {
    this.restarts++;
    this.onnegotiationneeded();
  }
  close(): void {
    this.connectionState = "closed";
  }
  break(): void {
    this.connectionState = "failed";
    this.onconnectionstatechange();
  }
}

const [ADA, BOB] = ["p1" as ParticipantId, "p2" as ParticipantId];

async function settled(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve();
}

beforeEach(() => {
  FakeConnection.all = [];
  vi.stubGlobal("RTCPeerConnection", FakeConnection);
});

function withPath(me: ParticipantId, other: ParticipantId): { peers: Peers; pc: FakeConnection; said: string[]; reached: boolean[] } {
  const said: string[] = [];
  const reached: boolean[] = [];
  const here = (id: ParticipantId): Participant => ({ ...someone(id), offers: ["rtc", "restart"] });
  const peers = new Peers({
    me: () => here(me), signal: (_, text) => said.push(text), reached: (_, open) => reached.push(open),
    pathChanged: vi.fn(), channel: vi.fn(), media: vi.fn(), word: vi.fn(),
  }); // prettier-ignore
  peers.meet([here(other)]);
  const [pc] = FakeConnection.all as [FakeConnection];
  pc.control.onopen();
  return { peers, pc, said, reached };
}

test("[D5] [D22] a path that breaks while the hub is away is the relay, and is sought as soon as it is back", async () => {
  const { peers, pc, said, reached } = withPath(ADA, BOB);
  expect([peers.path(BOB), peers.ready(BOB)]).toEqual(["direct", true]);
  pc.break();
  peers.tick(); // what is said now is lost, as is what is said in vain
  await settled();
  expect([peers.path(BOB), reached]).toEqual(["relay", [true, false]]);
  expect(said.splice(0)).not.toEqual([]);
  peers.tick();
  await settled();
  expect(said).toEqual([]); // not before the pause is over
  peers.retry();
  await settled();
  expect(said.map((text) => (JSON.parse(text) as { description: { type: string } }).description.type)).toContain("offer");
  pc.control.onopen();
  expect(peers.path(BOB)).toBe("direct");
});

test("[D22] who makes no offers asks for them as soon as the hub is back", () => {
  const { peers, pc, said } = withPath(BOB, ADA);
  pc.break();
  peers.tick();
  expect(said.splice(0)).toEqual(['{"again":true}']);
  peers.tick();
  expect(said).toEqual([]);
  peers.retry();
  expect(said).toEqual(['{"again":true}']);
});

const offer = (n: number): string => JSON.stringify({ description: { type: "offer", sdp: `a=fingerprint:${n}\r\n` } });

test("[D8] of those who are not there yet the newest are heard when they are", async () => {
  const { peers } = withPath(BOB, ADA);
  const described = vi.fn(() => Promise.resolve());
  Object.assign(FakeConnection.prototype, { setRemoteDescription: described });
  const ids = Array.from({ length: 1_000 }, (_, n) => `p1${n}` as ParticipantId);
  for (const id of ids) peers.receive(id, offer(1));
  peers.meet(ids.slice(-MOST_EARLY).map((id) => ({ ...someone(id), offers: ["rtc"] })));
  await settled();
  expect(described).toHaveBeenCalledTimes(MOST_EARLY);
});

test("[D22] another connection of theirs takes the place of one that has stood for a while", () => {
  const { peers, pc } = withPath(BOB, ADA);
  Object.assign(pc, { remoteDescription: { type: "offer", sdp: "a=fingerprint:0\r\n" } });
  for (let n = 1; n < 10; n++) peers.receive(ADA, offer(n));
  expect(FakeConnection.all).toHaveLength(1);
  const later = vi.spyOn(performance, "now").mockReturnValue(performance.now() + 3_000);
  peers.receive(ADA, offer(9));
  expect(FakeConnection.all).toHaveLength(2);
  later.mockRestore();
});

test("[G31] whose pictures are not wanted is forgotten when they leave", () => {
  const { peers } = withPath(ADA, BOB);
  const see = vi.spyOn(RtcPeer.prototype, "see");
  peers.see(BOB, false);
  peers.part(BOB);
  peers.meet([{ ...someone(BOB), offers: ["rtc"] }]);
  expect(see.mock.calls).toEqual([[false]]);
});
