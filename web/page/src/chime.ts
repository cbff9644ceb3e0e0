/** Two soft tones: for a host who may not see that somebody asks to be let in, for who has waited, and to try the speaker. */

const TONES = [660, 880];
/** Seconds. */
const LENGTH = 0.22;

/** Chimes for who may not see a notice: the page is out of sight, or shows something on the whole screen. */
export function callForNotice(sink: string): void {
  if (document.hidden || document.fullscreenElement !== null) void chime(sink);
}

/** Resolves when they have sounded. `sink` is the speaker, as `setSinkId` has it; `volume` from 0 to 1. */
export async function chime(sink = "", volume = 0.12): Promise<void> {
  if (typeof AudioContext === "undefined") return;
  const audio = new AudioContext();
  const destination = await speaker(audio, sink);
  const ended = TONES.map((frequency, place) => {
    const start = audio.currentTime + place * LENGTH;
    const gain = audio.createGain();
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(volume, start + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, start + LENGTH);
    const tone = audio.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(gain).connect(destination);
    tone.start(start);
    tone.stop(start + LENGTH);
    return new Promise((resolve) => (tone.onended = resolve));
  });
  await Promise.all(ended);
  await audio.close();
}

/** Contexts can be sent to a speaker in fewer browsers than elements can. */
async function speaker(audio: AudioContext, sink: string): Promise<AudioNode> {
  if (sink === "") return audio.destination;
  const destination = audio.createMediaStreamDestination();
  const element = new Audio();
  element.srcObject = destination.stream;
  await element.setSinkId(sink).catch(() => undefined);
  void element.play().catch(() => undefined);
  return destination;
}
