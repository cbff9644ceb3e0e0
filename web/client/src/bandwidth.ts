/** How much of the line each connection may take: sound before picture, and less picture the more there are. */

/** What all pictures together may take of the line up; bits a second. */
export const VIDEO_UP = 4_000_000;
/** What a picture gets at most, and at least, however many there are. */
export const MOST_VIDEO = 1_500_000;
export const LEAST_VIDEO = 120_000;

/** At most how many bits a second a picture has that goes to so many others. */
export function videoRate(others: number): number {
  return Math.round(Math.min(MOST_VIDEO, Math.max(LEAST_VIDEO, VIDEO_UP / Math.max(others, 1))));
}

/** Has one sender obey; nothing is asked of one that has no encodings. */
export async function limit(sender: Pick<RTCRtpSender, "getParameters" | "setParameters">, kind: string, others: number): Promise<void> {
  const parameters = sender.getParameters();
  const isVideo = kind === "video";
  const priority = isVideo ? "low" : "high";
  const wanted = { priority, networkPriority: priority, ...(isVideo && { maxBitrate: videoRate(others) }) } as const;
  if (parameters.encodings.length === 0) return;
  for (const one of parameters.encodings) Object.assign(one, wanted);
  if (isVideo) parameters.degradationPreference = "balanced";
  try {
    await sender.setParameters(parameters);
  } catch {
    // A browser that knows none of this, or negotiates just now: it is tried again when somebody comes or goes.
  }
}
