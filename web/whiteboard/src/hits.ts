/** What lies under a point, and in a frame. */

import { between, contains, grown, pointsOf, touch, type Box } from "./elements.ts";
import type { Item, Scene } from "./scene.ts";

type Spot = readonly [x: number, y: number];

/** The topmost element at a spot, or within `reach` of it. */
export function hit(scene: Scene, [x, y]: Spot, reach: number): Item | undefined {
  const around = grown({ x, y, w: 0, h: 0 }, reach);
  return scene.within(around).findLast((item) => isHit(item, [x, y], reach));
}

/** What lies within `reach` of the way from one spot to another. */
export function crossed(scene: Scene, [fromX, fromY]: Spot, [toX, toY]: Spot, reach: number): Item[] {
  const steps = Math.ceil(Math.hypot(toX - fromX, toY - fromY) / reach);
  const way = Array.from({ length: steps + 1 }, (_, n): Spot => {
    const part = steps === 0 ? 1 : n / steps;
    return [fromX + part * (toX - fromX), fromY + part * (toY - fromY)];
  });
  const around = grown(between(fromX, fromY, toX, toY), reach);
  return scene.within(around).filter((item) => way.some((spot) => isHit(item, spot, reach)));
}

/** Everything that lies wholly in a frame. */
export function framed(scene: Scene, frame: Box): Item[] {
  return scene.within(frame).filter(({ box }) => contains(frame, box));
}

function isHit({ element, box }: Item, [x, y]: Spot, reach: number): boolean {
  if (!touch(grown(box, reach), { x, y, w: 0, h: 0 })) return false;
  switch (element.t) {
    case "pen": {
      const near = element.size / 2 + reach;
      const spot: Spot = [x - element.x, y - element.y];
      const points = pointsOf(element);
      return points.some((point, n) => distance(spot, points[Math.max(0, n - 1)] ?? point, point) <= near);
    }
    case "line":
    case "arrow":
      return distance([x, y], [element.x, element.y], [element.x + element.w, element.y + element.h]) <= element.size / 2 + reach;
    case "rect":
      return !contains(grown(element, -(element.size / 2 + reach)), { x, y, w: 0, h: 0 });
    case "ellipse":
      return isOnEllipse(element, [x, y], element.size / 2 + reach);
    default:
      return true; // texts and notes are whole
  }
}

/** Whether a spot lies within `near` of the line of an ellipse: outside of a smaller, inside of a larger one. */
function isOnEllipse({ x, y, w, h }: Box, [spotX, spotY]: Spot, near: number): boolean {
  const [dx, dy] = [spotX - x - w / 2, spotY - y - h / 2];
  const inside = (a: number, b: number): boolean => a > 0 && b > 0 && (dx / a) ** 2 + (dy / b) ** 2 < 1;
  return inside(w / 2 + near, h / 2 + near) && !inside(w / 2 - near, h / 2 - near);
}

/** From a spot to the line between two others. */
function distance([x, y]: Spot, [fromX, fromY]: readonly number[] & Spot | readonly [number, number, number], [toX, toY]: Spot | readonly [number, number, number]): number {
  const [dx, dy] = [toX - fromX, toY - fromY];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - fromX) * dx + (y - fromY) * dy) / length));
  return Math.hypot(x - fromX - along * dx, y - fromY - along * dy);
}
