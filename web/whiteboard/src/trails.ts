/** Where lasers have been in the last moments. */

interface Spot {
  readonly x: number;
  readonly y: number;
  readonly at: number;
}

/** Milliseconds that a trail takes to go out. */
const GLOWS = 500;

export class Trails {
  readonly #trails = new Map<string, Spot[]>();

  /** Who points where now. */
  point(pointers: Iterable<{ readonly id: string; readonly place: readonly [number, number] }>, now: number): void {
    for (const { id, place: [x, y] } of pointers) { // prettier-ignore
      const trail = this.#trails.get(id) ?? [];
      const last = trail.at(-1);
      if (last?.x !== x || last.y !== y) trail.push({ x, y, at: now });
      this.#trails.set(id, trail);
    }
  }

  /** Tells whether any of it glows yet. */
  draw(context: CanvasRenderingContext2D, zoom: number, colour: string, now: number): boolean {
    context.strokeStyle = colour;
    context.lineCap = "round";
    for (const [id, trail] of this.#trails) {
      while (trail.length > 0 && now - (trail[0]?.at ?? 0) > GLOWS) trail.shift();
      if (trail.length === 0) this.#trails.delete(id);
      for (const [n, { x, y, at }] of trail.entries()) {
        const before = trail[n - 1];
        if (before === undefined) continue;
        const glow = 1 - (now - at) / GLOWS;
        context.globalAlpha = Math.max(0, glow);
        context.lineWidth = (1 + 4 * glow) / zoom;
        context.beginPath();
        context.moveTo(before.x, before.y);
        context.lineTo(x, y);
        context.stroke();
      }
    }
    context.globalAlpha = 1;
    return this.#trails.size > 0;
  }
}
