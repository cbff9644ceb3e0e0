/** The background of one's picture, blurred by the camera or the system: where the browser can have that switched. */

/** Not in TypeScript's library yet: https://w3c.github.io/mediacapture-extensions/ */
interface Blurring {
  readonly backgroundBlur?: boolean;
}

/** Undefined where it is not for the page to say. */
export function blurOf(track: MediaStreamTrack): boolean | undefined {
  if (!("getCapabilities" in track)) return undefined; // Firefox, for long
  const { backgroundBlur } = track.getCapabilities() as { readonly backgroundBlur?: readonly boolean[] };
  const isChoice = backgroundBlur?.includes(true) === true && backgroundBlur.includes(false);
  return isChoice ? (track.getSettings() as Blurring).backgroundBlur === true : undefined;
}

export async function setBlur(track: MediaStreamTrack, on: boolean): Promise<void> {
  const blurring: Blurring = { backgroundBlur: on };
  await track.applyConstraints({ ...track.getConstraints(), ...blurring });
}
