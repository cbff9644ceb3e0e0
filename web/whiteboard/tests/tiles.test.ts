import { beforeEach, expect, test, vi } from "vitest";

import { LIGHT } from "../src/drawings.ts";
import { Scene } from "../src/scene.ts";
import { THINGS, Tiles } from "../src/tiles.ts";
import { note, shape } from "./made.ts";

/** A canvas on which nothing is drawn, of 1,000 by 600 pixels. */
function fakeContext(): CanvasRenderingContext2D {
  const known: Record<PropertyKey, unknown> = { canvas: { width: 1000, height: 600 } };
  return new Proxy(known, { get: (all, name) => (name in all ? all[name] : () => undefined) }) as never;
}

let painted: number;
let scene: Scene;
let tiles: Tiles;
const screen = fakeContext();
const VIEW = { x: 0, y: 0, zoom: 1 };

beforeEach(() => {
  vi.stubGlobal("document", { createElement: () => ({ getContext: fakeContext }) });
  vi.spyOn(performance, "now").mockReturnValue(0); // counts alone decide
  painted = 0;
  scene = new Scene((box) => tiles.touched(box));
  tiles = new Tiles(scene, { theme: LIGHT, paint: () => painted++ } as never);
  for (let n = 0; n < 5_000; n++) scene.put(`s${n}`, shape("rect", 60 * (n % 100), 80 * Math.floor(n / 100), 50, 40, n));
});

/** How many things each frame draws until the view is whole. */
function frames(view: typeof VIEW): number[] {
  const counts: number[] = [];
  for (let whole = false; !whole && counts.length < 1_000; ) {
    painted = 0;
    whole = tiles.draw(screen, view, 1, true);
    counts.push(painted);
  }
  return counts;
}

test("with 5,000 things in view no frame draws more than it may, and all of them are drawn", () => {
  const counts = frames({ x: 0, y: 0, zoom: 0.1 });
  expect(Math.max(...counts)).toBeLessThanOrEqual(THINGS);
  expect(counts.reduce((all, one) => all + one)).toBeGreaterThanOrEqual(5_000);
  expect(counts.length).toBeLessThan(60);
});

test("what has been drawn is not drawn again while the board is moved", () => {
  frames(VIEW);
  for (let x = 0; x < 24; x += 4) {
    painted = 0;
    tiles.draw(screen, { x, y: 0, zoom: 1 }, 1, true);
    expect(painted).toBe(0);
  }
});

test("of one thing that changes, only what lies at its place is drawn anew", () => {
  frames({ x: 0, y: 0, zoom: 0.1 });
  scene.put("s205", { ...scene.get("s205")!.element, x: 310, y: 165 });
  const counts = frames({ x: 0, y: 0, zoom: 0.1 });
  expect(counts).toHaveLength(1);
  expect(counts[0]).toBeLessThan(20);
});

test("who changes something again and again does not keep the rest from being drawn", () => {
  let whole = false;
  for (let n = 0; n < 200 && !whole; n++) {
    scene.put("busy", note("", 5, 5));
    whole = tiles.draw(screen, { x: 0, y: 0, zoom: 0.4 }, 1, true);
  }
  expect(whole).toBe(true);
});
