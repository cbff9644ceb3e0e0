// What has come of one signal: the last samples, and what can be read from them. No page in here.

const KEPT = 1 << 15; // samples: half a minute at 1,000 Hz

export class Trace {
  #samples = new Float32Array(KEPT).fill(NaN);
  #first = 0; // the index of the first sample that came
  #fresh = true; // nothing has come since the start
  end = 0; // one beyond the index of the last
  count = 0;
  gaps = 0;

  /** Take the samples that start at index `first`. */
  put(first, samples) {
    if (first < this.end) this.restart(); // the source began again
    if (this.#fresh) {
      this.#samples.fill(NaN);
      this.#first = this.end = first;
      this.#fresh = false;
    }
    if (first > this.end) {
      this.gaps += 1;
      for (let i = Math.max(this.end, first - KEPT); i < first; i++) this.#samples[i % KEPT] = NaN;
    }
    samples.forEach((sample, i) => (this.#samples[(first + i) % KEPT] = sample));
    this.end = first + samples.length;
    this.count += samples.length;
  }

  /** What comes next has nothing to do with what came so far: it is no gap. */
  restart() {
    this.#fresh = true;
  }

  /** The sample at an index; NaN where none came, or where it is gone. */
  at(index) {
    return index >= Math.max(this.#first, this.end - KEPT) && index < this.end
      ? this.#samples[index % KEPT]
      : NaN;
  }

  /**
   * Beats per minute over the last 8 seconds, or undefined.
   *
   * A beat is where the signal rises most steeply, however high it is: breathing moves it up and down.
   * The next one comes 0.25 s later at the earliest. Good enough to see a pulse; not a medical device.
   */
  heartRate(rate) {
    const from = Math.max(this.#first, this.end - Math.round(8 * rate));
    const rises = this.#rises(from, Math.max(1, Math.round(0.03 * rate)));
    const steep = 0.5 * rises.reduce((most, rise) => Math.max(most, rise || 0), 0);
    const beats = [];
    rises.forEach((rise, i) => {
      const peak = rise > steep && rise >= rises[i - 1] && rise > rises[i + 1];
      if (peak && i - (beats.at(-1) ?? -Infinity) > 0.25 * rate) beats.push(i);
    });
    const pauses = beats.slice(1).map((beat, i) => beat - beats[i]);
    const middle = pauses.sort((a, b) => a - b)[pauses.length >> 1];
    return pauses.length >= 2 ? (60 * rate) / middle : undefined;
  }

  /** How far each sample from index `from` on stands above the one `before` it. */
  #rises(from, before) {
    const length = Math.max(0, this.end - from - before);
    return Array.from({ length }, (_, i) => this.at(from + before + i) - this.at(from + i));
  }
}

/** A message of the stream "ecg": uint32 with the index of the first sample, then int16 samples. */
export function readMessage(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const samples = new Int16Array(Math.max(0, (bytes.byteLength - 4) >> 1));
  samples.forEach((_, i) => (samples[i] = view.getInt16(4 + 2 * i, true)));
  return { first: view.getUint32(0, true), samples };
}
