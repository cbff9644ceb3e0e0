/** The clock, the timers, and the events of the page. */

/**
 * Microseconds since the epoch. It only runs forward: when somebody sets the device's clock, it
 * stays with the one it started by.
 */
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

const turns = new MessageChannel();
let ending: (() => void)[] = [];
turns.port1.onmessage = () => {
  const acts = ending;
  ending = [];
  for (const act of acts) act();
};
// Where there is one, as in tests: it keeps no process running.
(turns.port1 as { unref?: () => void }).unref?.();

/** Calls `fn` at the end of this turn, also in a page that nobody looks at. */
export function soon(fn: () => void): void {
  ending.push(fn);
  if (ending.length === 1) turns.port2.postMessage(0);
}

/** Told when the network is back, or somebody looks at the page again. Nothing where there is no page. */
export function onAwake(fn: () => void): () => void {
  if (typeof document === "undefined") return () => undefined;
  const seen = (): void => {
    if (document.visibilityState === "visible") fn();
  };
  window.addEventListener("online", fn);
  document.addEventListener("visibilitychange", seen);
  return () => {
    window.removeEventListener("online", fn);
    document.removeEventListener("visibilitychange", seen);
  };
}

/** Told when the network is another one, as far as the browser says so. */
export function onNetwork(fn: () => void): () => void {
  if (typeof window === "undefined") return () => undefined;
  const { connection } = navigator as { readonly connection?: EventTarget };
  window.addEventListener("online", fn);
  connection?.addEventListener("change", fn);
  return () => {
    window.removeEventListener("online", fn);
    connection?.removeEventListener("change", fn);
  };
}

/** Told when the page goes: there is time for one word. */
export function onGone(fn: () => void): () => void {
  if (typeof window === "undefined") return () => undefined;
  window.addEventListener("pagehide", fn);
  return () => window.removeEventListener("pagehide", fn);
}
