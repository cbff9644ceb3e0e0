import { expect, test } from "vitest";

import { Gauge } from "../src/quality.ts";

function report(...stats: { type: string; id?: string; [key: string]: unknown }[]): Map<string, unknown> {
  return new Map(stats.map((one, place) => [String(place), { id: String(place), ...one }]));
}

test("[G25] loss is of what has come since the last time, in either direction; few packets say nothing", () => {
  const gauge = new Gauge();
  const heard = (packetsLost: number, packetsReceived: number): number => gauge.read(report({ type: "inbound-rtp", packetsLost, packetsReceived })).loss;
  expect(gauge.read(report())).toEqual({ roundTrip: undefined, loss: 0, relayed: false });
  expect(heard(50, 950)).toBe(0.05);
  expect(heard(50, 1950)).toBe(0);
  expect(heard(60, 1955)).toBe(0);
  expect(heard(40, 2955)).toBe(0); // some came late after all
  expect(heard(140, 3855)).toBe(0.1);
  expect(gauge.read(report({ type: "remote-inbound-rtp", fractionLost: 0.3 }, { type: "remote-inbound-rtp" })).loss).toBe(0.3);
});

test("[G25] the way that is used says how long it takes, and whether a server is on it", () => {
  const pair = { type: "candidate-pair", state: "succeeded", localCandidateId: "a", remoteCandidateId: "b" };
  const stats = [
    { ...pair, id: "1", nominated: false, currentRoundTripTime: 9 },
    { ...pair, id: "2", nominated: true, currentRoundTripTime: 0.2 },
    { type: "local-candidate", id: "x", candidateType: "relay" },
    { type: "local-candidate", id: "a", candidateType: "host" },
  ];
  expect(new Gauge().read(report(...stats))).toEqual({ roundTrip: 0.2, loss: 0, relayed: false });
  expect(new Gauge().read(report(...stats, { type: "remote-candidate", id: "b", candidateType: "relay" })).relayed).toBe(true);
});
