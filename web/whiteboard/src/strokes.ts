/**
 * The points of a stroke as text: quantised, as differences, in digits of base 64 that hold five bits
 * each, the lowest first. Text costs a State less than a list of numbers, and drawing adds to its end.
 */

/** x and y in the board's units from where the stroke begins; pressure from 0 to 1. */
export type Point = readonly [x: number, y: number, pressure: number];

/** Characters of one stroke: what is longer goes on as another one, so that a value stays well below 64 KiB. */
export const MAX_STROKE = 40_000;
/** Steps of pressure. */
const PRESSURES = 31;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES = new Map(Array.from(DIGITS, (digit, value) => [digit, value]));

/** Steps per unit of the board that are fine enough for what is seen at this zoom. */
export function stepsFor(zoom: number): number {
  return 2 ** Math.min(8, Math.max(0, Math.round(Math.log2(4 * zoom))));
}

/** Writes points one after another. */
export class StrokeWriter {
  readonly #steps: number;
  readonly #pressure: boolean;
  #last: [number, number, number] = [0, 0, 0];
  text = "";
  count = 0;

  constructor(steps: number, pressure: boolean) {
    this.#steps = steps;
    this.#pressure = pressure;
  }

  /** Whether the next points belong into another stroke. */
  get full(): boolean {
    return this.text.length >= MAX_STROKE;
  }

  /** Tells whether it is another point than the last one, as far as the steps tell. */
  add([x, y, pressure]: Point): boolean {
    const [lastX, lastY, lastPressure] = this.#last;
    const now: [number, number, number] = [Math.round(x * this.#steps), Math.round(y * this.#steps), Math.round(pressure * PRESSURES)];
    if (this.count > 0 && now[0] === lastX && now[1] === lastY) return false;
    this.text += digits(now[0] - lastX) + digits(now[1] - lastY);
    if (this.#pressure) this.text += digits(now[2] - lastPressure);
    this.#last = now;
    this.count++;
    return true;
  }
}

/** The points in a text. What is no stroke ends where it stops making sense. */
export function readStroke(text: string, steps: number, pressure: boolean): Point[] {
  const points: Point[] = [];
  const last = [0, 0, 0];
  const wide = pressure ? 3 : 2;
  let at = 0;
  let place = 0;
  while (at < text.length && at < 2 * MAX_STROKE) {
    let value = 0;
    let factor = 1;
    for (;;) {
      const digit = VALUES.get(text[at++] ?? "");
      if (digit === undefined || factor > 2 ** 35) return points;
      value += (digit & 31) * factor;
      factor *= 32;
      if (digit < 32) break;
    }
    last[place] = (last[place] ?? 0) + (value % 2 === 0 ? value / 2 : -(value + 1) / 2);
    place = (place + 1) % wide;
    if (place === 0) {
      const [x = 0, y = 0, force = 0] = last;
      points.push([x / steps, y / steps, pressure ? Math.min(1, Math.max(0, force / PRESSURES)) : 0.5]);
    }
  }
  return points;
}

/** A whole number: its sign in the lowest bit. */
function digits(value: number): string {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let text = "";
  do {
    const low = rest % 32;
    rest = Math.floor(rest / 32);
    text += DIGITS[rest > 0 ? low + 32 : low] ?? "";
  } while (rest > 0);
  return text;
}
