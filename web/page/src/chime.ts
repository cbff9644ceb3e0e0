/** Two soft tones, for a host whose tab is out of sight when somebody asks to be let in. */

const TONES = [660, 880];
/** Seconds. */
const LENGTH = 0.22;

export function chime(): void {
  if (typeof AudioContext === "undefined") return;
  const audio = new AudioContext();
  TONES.forEach((frequency, place) => {
    const start = audio.currentTime + place * LENGTH;
    const volume = audio.createGain();
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.12, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, start + LENGTH);
    const tone = audio.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + LENGTH);
    if (place === TONES.length - 1) tone.onended = () => void audio.close();
  });
}
