import { expect, test, vi } from "vitest";

import { LEAST_VIDEO, limit, MOST_VIDEO, VIDEO_UP, videoRate } from "../src/bandwidth.ts";

function sender(encodings: RTCRtpEncodingParameters[]) {
  const parameters = { encodings, transactionId: "1", codecs: [], headerExtensions: [], rtcp: {} } satisfies RTCRtpSendParameters;
  return { getParameters: () => structuredClone(parameters), setParameters: vi.fn(async () => Promise.resolve()) };
}

test("[V9] the more people, the less picture for each, and never more than the line has", () => {
  expect([1, 2, 4, 8, 11, 100].map(videoRate)).toEqual([MOST_VIDEO, MOST_VIDEO, 1_000_000, 500_000, 363_636, LEAST_VIDEO]);
  for (let others = 3; others < 30; others++) expect(videoRate(others) * others).toBeLessThanOrEqual(VIDEO_UP + others);
});

test("[V9] sound goes before picture, and keeps its rate", async () => {
  const [audio, video, early] = [sender([{}]), sender([{}]), sender([])];
  await limit(audio, "audio", 4);
  await limit(video, "video", 4);
  await limit(early, "video", 4);
  expect(audio.setParameters.mock.calls[0]).toMatchObject([{ encodings: [{ priority: "high", networkPriority: "high" }] }]);
  expect(video.setParameters.mock.calls[0]).toMatchObject([
    { encodings: [{ priority: "low", networkPriority: "low", maxBitrate: 1_000_000 }], degradationPreference: "balanced" },
  ]);
  expect(early.setParameters).not.toHaveBeenCalled();
});

test("[V9] a browser that says no goes on", async () => {
  const refuses = sender([{}]);
  refuses.setParameters.mockRejectedValue(new Error("no"));
  await limit(refuses, "audio", 2);
});
