/** How loud a microphone is. */

/** What counts as silence; decibels below the loudest there is. */
const SILENCE = 60;
const GESTURES = ["pointerdown", "keydown"] as const;

/** From 0 for silence to 1 for the loudest, as ears have it; `amplitude` is from 0 to 1. */
export function loudness(amplitude: number): number {
  if (!(amplitude > 0)) return 0;
  return Math.min(Math.max(1 + (20 * Math.log10(amplitude)) / SILENCE, 0), 1);
}

/** Reads the level of a track; nothing is played. Browsers begin with that once the user has touched the page. */
export class Level {
  readonly #audio = new AudioContext();
  readonly #heard: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;
  readonly #stop = new AbortController();
  /** Nothing can be read of it, however loud it is. */
  readonly deaf: boolean = false;

  constructor(track: MediaStreamTrack) {
    this.#heard = this.#audio.createAnalyser();
    this.#heard.fftSize = 2048;
    this.#samples = new Float32Array(this.#heard.fftSize);
    try {
      this.#audio.createMediaStreamSource(new MediaStream([track])).connect(this.#heard);
    } catch {
      this.deaf = true; // Firefox connects no microphone that has another rate than the speaker
    }
    const { signal } = this.#stop;
    const resume = (): void => void this.#audio.resume().catch(() => undefined);
    for (const gesture of GESTURES) document.addEventListener(gesture, resume, { signal, passive: true });
  }

  /** As `loudness` has it, of the last 40 ms or so. */
  read(): number {
    this.#heard.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    return loudness(Math.sqrt(power));
  }

  close(): void {
    this.#stop.abort();
    void this.#audio.close();
  }
}
