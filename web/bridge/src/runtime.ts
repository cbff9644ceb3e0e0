/** The clock and the timers of a frame. */

/** Microseconds since the epoch; it only runs forward. */
export function now(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

/** Calls `fn` after so many milliseconds; returns what stops that. */
export function after(milliseconds: number, fn: () => void): () => void {
  const timer = setTimeout(fn, milliseconds);
  return () => clearTimeout(timer);
}

/** Calls `fn` every so many milliseconds; returns what stops that. */
export function every(milliseconds: number, fn: () => void): () => void {
  const timer = setInterval(fn, milliseconds);
  return () => clearInterval(timer);
}
