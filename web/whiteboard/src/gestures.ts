/** What pointers do on the board: one finger, pen or mouse uses the tool, two fingers move the board. */

import { moved, zoomed } from "./camera.ts";
import { between, contains, union, type Box, type Element, type Shape, type Stroke } from "./elements.ts";
import { newId } from "./board.ts";
import type { Change, Desk, How } from "./desk.ts";
import { crossed, framed, hit } from "./hits.ts";
import { cursorOf, even, GRIP, gripAt, type Grip } from "./resize.ts";
import type { Stage } from "./stage.ts";
import { stepsFor, StrokeWriter } from "./strokes.ts";

/** Milliseconds between what others see of a change under way. */
const SHOW_EVERY = 33;
/** Things of which others are told in a second: of many that move together they are told less often. */
const SHOWN = 4_000;
/** Screen pixels within which something is meant. */
const REACH = { mouse: 5, touch: 14 };
/** Screen pixels around the eraser within which it takes away: what its cursor shows. */
const ERASES = { mouse: 8, touch: 14 };
/** Screen pixels up to which a press is no drag. */
const STILL = 4;

interface Gesture {
  move(event: PointerEvent): void;
  /** Told where the pointer left; it counts. */
  end(event: PointerEvent): void;
  /** It was something else. */
  cancel(): void;
}

export interface GestureUser {
  readonly desk: Desk;
  readonly stage: Stage;
  /** Write a text or a note: an existing one, or a new one at this place. */
  edit(id: string | undefined, kind: "text" | "note", place: readonly [number, number]): void;
  /** Where the laser points; undefined for nowhere. */
  laser(place: readonly [number, number] | undefined): void;
  /** This participant looks where they like. */
  looksAway(): void;
}

export class Gestures {
  readonly #user: GestureUser;
  readonly #canvas: HTMLCanvasElement;
  readonly #pointers = new Map<number, PointerEvent>();
  #gesture: Gesture | undefined;
  /** Somebody with a pen rests a hand on the screen: fingers then move the board. */
  #penSeen = false;
  #space = false;
  /** The frame that selects what lies in it. */
  frame: Box | undefined;

  constructor(canvas: HTMLCanvasElement, user: GestureUser) {
    this.#user = user;
    this.#canvas = canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event, true));
    canvas.addEventListener("pointercancel", (event) => this.#up(event, false));
    canvas.addEventListener("pointerleave", () => this.#gesture ?? user.laser(undefined));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("dblclick", (event) => this.#twice(event));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** While the space bar is held, a drag moves the board. */
  set space(held: boolean) {
    this.#space = held;
  }

  get busy(): boolean {
    return this.#gesture !== undefined;
  }

  cancel(): void {
    this.#gesture?.cancel();
    this.#gesture = undefined;
  }

  #down(event: PointerEvent): void {
    this.#canvas.focus({ preventScroll: true });
    try {
      this.#canvas.setPointerCapture(event.pointerId);
    } catch {
      // it is gone already
    }
    this.#pointers.set(event.pointerId, event);
    if (event.pointerType === "pen") this.#penSeen = true;
    if (this.#pointers.size > 1) {
      this.cancel();
      if (this.#pointers.size === 2) this.#gesture = this.#pinch();
      return;
    }
    this.#gesture = this.#begin(event);
  }

  #move(event: PointerEvent): void {
    if (this.#pointers.has(event.pointerId)) this.#pointers.set(event.pointerId, event);
    if (this.#gesture !== undefined) {
      this.#gesture.move(event);
      return;
    }
    const grip = this.#grip(event);
    this.#canvas.style.cursor = grip === undefined ? "" : cursorOf(grip);
    if (this.#user.desk.tool === "laser") this.#user.laser(this.#user.stage.place(event));
  }

  #up(event: PointerEvent, counts: boolean): void {
    if (!this.#pointers.delete(event.pointerId)) return;
    const gesture = this.#gesture;
    this.#gesture = undefined;
    if (counts) gesture?.end(event);
    else gesture?.cancel();
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const { stage } = this.#user;
    this.#user.looksAway();
    const step = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    if (event.ctrlKey || event.metaKey) {
      stage.view = zoomed(stage.view, Math.exp((-event.deltaY * step) / 240), event.offsetX, event.offsetY);
    } else if (event.shiftKey && event.deltaX === 0) {
      stage.view = moved(stage.view, -event.deltaY * step, 0);
    } else {
      stage.view = moved(stage.view, -event.deltaX * step, -event.deltaY * step);
    }
  }

  #twice(event: MouseEvent): void {
    const { desk, stage } = this.#user;
    if (!desk.mayWrite || desk.tool !== "select") return;
    const place = stage.place(event);
    const found = hit(desk.scene, place, REACH.mouse / stage.view.zoom);
    if (found?.element.t === "text" || found?.element.t === "note") this.#user.edit(found.id, found.element.t, place);
  }

  #begin(event: PointerEvent): Gesture | undefined {
    const { desk } = this.#user;
    const finger = event.pointerType === "touch" && this.#penSeen;
    const { tool } = desk;
    if (finger || this.#space || event.button === 1 || tool === "hand") return this.#pan(event);
    if (event.button !== 0) return undefined;
    switch (tool) {
      case "eraser":
        return new EraserGesture(this.#user, event);
      case "pen":
        return new PenGesture(this.#user, event);
      case "shape":
        return new ShapeGesture(this.#user, event);
      case "text":
      case "note":
        return this.#placing(tool);
      case "laser":
        return this.#pointing(event);
      case "select":
        return this.#selecting(event);
    }
  }

  #pan(event: PointerEvent): Gesture {
    const { stage } = this.#user;
    let last = event;
    this.#user.looksAway();
    return {
      move: (now) => {
        stage.view = moved(stage.view, now.clientX - last.clientX, now.clientY - last.clientY);
        last = now;
      },
      end: () => undefined,
      cancel: () => undefined,
    };
  }

  #pinch(): Gesture {
    const { stage } = this.#user;
    const look = (): { x: number; y: number; apart: number } => {
      const [one, other = one] = [...this.#pointers.values()];
      if (one === undefined || other === undefined) return { x: 0, y: 0, apart: 1 };
      const apart = Math.hypot(one.offsetX - other.offsetX, one.offsetY - other.offsetY);
      return { x: (one.offsetX + other.offsetX) / 2, y: (one.offsetY + other.offsetY) / 2, apart: Math.max(apart, 1) };
    };
    let last = look();
    this.#user.looksAway();
    return {
      move: () => {
        const now = look();
        stage.view = zoomed(moved(stage.view, now.x - last.x, now.y - last.y), now.apart / last.apart, now.x, now.y);
        last = now;
      },
      end: () => undefined,
      cancel: () => undefined,
    };
  }

  #placing(kind: "text" | "note"): Gesture {
    const { desk, stage } = this.#user;
    return {
      move: () => undefined,
      end: (event) => {
        const place = stage.place(event);
        const found = hit(desk.scene, place, 0);
        const same = found?.element.t === kind;
        this.#user.edit(same ? found.id : undefined, kind, place);
      },
      cancel: () => undefined,
    };
  }

  #pointing(event: PointerEvent): Gesture {
    const { stage } = this.#user;
    const point = (now: PointerEvent): void => this.#user.laser(stage.place(now));
    point(event);
    const stop = (): void => this.#user.laser(undefined);
    return { move: point, end: (now) => now.pointerType !== "mouse" && stop(), cancel: stop };
  }

  #grip(event: PointerEvent): Grip | undefined {
    const { desk, stage } = this.#user;
    const { zoom } = stage.view;
    return gripAt(desk.grips(zoom), stage.place(event), (event.pointerType === "mouse" ? GRIP.mouse : GRIP.touch) / zoom);
  }

  #selecting(event: PointerEvent): Gesture {
    const { desk, stage } = this.#user;
    const grip = this.#grip(event);
    if (grip !== undefined) return new ChangeGesture(this.#user, event, desk.resizing(grip.holds));
    const start = stage.place(event);
    const reach = (event.pointerType === "mouse" ? REACH.mouse : REACH.touch) / stage.view.zoom;
    const around = union(desk.selected.map(({ box }) => box));
    const [x, y] = start;
    const found = hit(desk.scene, start, reach);
    const inside = around !== undefined && contains(around, { x, y, w: 0, h: 0 });
    if (found === undefined && !inside) return this.#framing(start, event.shiftKey);
    if (found !== undefined && !desk.selection.has(found.id) && !(inside && desk.selection.size > 1)) desk.choose([found], event.shiftKey);
    else if (found !== undefined && event.shiftKey) {
      desk.selection.delete(found.id);
      desk.choose([], true);
    }
    return new ChangeGesture(this.#user, event, desk.moving());
  }

  #framing(start: readonly [number, number], more: boolean): Gesture {
    const { desk, stage } = this.#user;
    const [x, y] = start;
    if (!more) desk.choose([]);
    const stop = (): void => {
      this.frame = undefined;
      stage.draw();
    };
    return {
      move: (event) => {
        this.frame = between(x, y, ...stage.place(event));
        stage.draw();
      },
      end: (event) => {
        desk.choose(framed(desk.scene, between(x, y, ...stage.place(event))), more);
        stop();
      },
      cancel: stop,
    };
  }
}

/** At most one call in `SHOW_EVERY`, or in what so many things take; the last one always comes. */
export class Rhythm {
  readonly #fn: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(fn: () => void) {
    this.#fn = fn;
  }

  ask(things = 1): void {
    const rest = Math.max(SHOW_EVERY, (1_000 * things) / SHOWN);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#fn();
    }, rest);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

class PenGesture implements Gesture {
  readonly #user: GestureUser;
  readonly #page: string;
  readonly #pressure: boolean;
  #id = "";
  #stroke: Stroke;
  #writer: StrokeWriter;
  #sent = 0;
  readonly #rhythm = new Rhythm(() => this.#show());

  constructor(user: GestureUser, event: PointerEvent) {
    this.#user = user;
    this.#page = user.desk.page;
    this.#pressure = event.pointerType === "pen" && event.pressure > 0;
    [this.#stroke, this.#writer] = this.#begin(event);
    this.move(event);
  }

  #begin(event: PointerEvent): [Stroke, StrokeWriter] {
    const { desk, stage } = this.#user;
    const [x, y] = stage.place(event);
    this.#id = newId();
    this.#sent = 0;
    const u = stepsFor(stage.view.zoom);
    const size = desk.size / Math.min(1, stage.view.zoom);
    const stroke: Stroke = { t: "pen", v: 1, z: desk.scene.above(), x: Math.round(x), y: Math.round(y), c: desk.colour, size, p: "", u, f: this.#pressure };
    return [stroke, new StrokeWriter(u, this.#pressure)];
  }

  move(event: PointerEvent): void {
    const { desk, stage } = this.#user;
    for (const one of eachOf(event)) {
      const [x, y] = stage.place(one);
      this.#writer.add([x - this.#stroke.x, y - this.#stroke.y, one.pressure]);
    }
    this.#stroke = { ...this.#stroke, p: this.#writer.text };
    desk.own.set(this.#id, this.#stroke);
    if (this.#writer.full) {
      this.#land();
      [this.#stroke, this.#writer] = this.#begin(event);
      this.move(event);
    }
    this.#rhythm.ask();
    stage.draw();
  }

  end(): void {
    this.#land();
    this.#user.stage.draw();
  }

  cancel(): void {
    this.#rhythm.stop();
    this.#user.desk.own.delete(this.#id);
    if (this.#sent > 0) this.#user.desk.live.drop([this.#id]);
    this.#user.stage.draw();
  }

  #show(): void {
    this.#user.desk.live.stroke(this.#page, this.#id, this.#stroke, this.#sent);
    this.#sent = this.#stroke.p.length;
  }

  #land(): void {
    this.#rhythm.stop();
    const { desk } = this.#user;
    desk.own.delete(this.#id);
    desk.board.write(this.#page, new Map([[this.#id, this.#stroke]]));
  }
}

/** Takes away whole things that it is drawn over; they go all at once when it is lifted. */
class EraserGesture implements Gesture {
  readonly #user: GestureUser;
  readonly #page: string;
  readonly #reach: number;
  #last: [number, number];

  constructor(user: GestureUser, event: PointerEvent) {
    this.#user = user;
    this.#page = user.desk.page;
    this.#reach = event.pointerType === "mouse" ? ERASES.mouse : ERASES.touch;
    this.#last = user.stage.place(event);
    this.move(event);
  }

  move(event: PointerEvent): void {
    const { desk, stage } = this.#user;
    for (const one of eachOf(event)) {
      const now = stage.place(one);
      for (const { id } of crossed(desk.scene, this.#last, now, this.#reach / stage.view.zoom)) {
        if (desk.board.mayWrite(this.#page, id)) desk.fading.add(id);
      }
      this.#last = now;
    }
    stage.draw();
  }

  end(event: PointerEvent): void {
    this.move(event);
    const { board, fading } = this.#user.desk;
    const there = [...fading].filter((id) => board.get(this.#page, id) !== undefined);
    if (there.length > 0) board.write(this.#page, new Map(there.map((id) => [id, undefined])));
    this.cancel();
  }

  cancel(): void {
    this.#user.desk.fading.clear();
    this.#user.stage.draw();
  }
}

/** Where a pointer has been since the last frame. */
function eachOf(event: PointerEvent): PointerEvent[] {
  const all = event.getCoalescedEvents();
  return all.length > 0 ? all : [event];
}

class ShapeGesture implements Gesture {
  readonly #user: GestureUser;
  readonly #id = newId();
  readonly #page: string;
  readonly #start: readonly [number, number];
  #shape: Shape | undefined;
  #shown = false;
  readonly #rhythm = new Rhythm(() => {
    this.#shown = true;
    if (this.#shape !== undefined) this.#user.desk.live.show(this.#page, this.#id, this.#shape);
  });

  constructor(user: GestureUser, event: PointerEvent) {
    this.#user = user;
    this.#page = user.desk.page;
    this.#start = user.stage.place(event);
  }

  move(event: PointerEvent): void {
    const { desk, stage } = this.#user;
    const [x, y] = this.#start;
    const [toX, toY] = stage.place(event);
    const [w, h] = event.shiftKey ? even(desk.shape, toX - x, toY - y) : [toX - x, toY - y];
    if (Math.hypot(w, h) * stage.view.zoom < STILL) return;
    const straight = desk.shape === "line" || desk.shape === "arrow";
    const place = straight ? { x, y, w, h } : between(x, y, x + w, y + h);
    const size = desk.size / Math.min(1, stage.view.zoom);
    this.#shape = { t: desk.shape, v: 1, z: this.#shape?.z ?? desk.scene.above(), c: desk.colour, size, ...place };
    desk.own.set(this.#id, this.#shape);
    this.#rhythm.ask();
    stage.draw();
  }

  end(event: PointerEvent): void {
    this.move(event);
    this.#rhythm.stop();
    const { desk, stage } = this.#user;
    desk.own.delete(this.#id);
    if (this.#shape !== undefined) desk.board.write(this.#page, new Map([[this.#id, this.#shape]]));
    stage.draw();
  }

  cancel(): void {
    this.#rhythm.stop();
    this.#user.desk.own.delete(this.#id);
    if (this.#shown) this.#user.desk.live.drop([this.#id]);
    this.#user.stage.draw();
  }
}

/** What is selected becomes otherwise: it is moved or resized. */
class ChangeGesture implements Gesture {
  readonly #user: GestureUser;
  readonly #page: string;
  readonly #from: PointerEvent;
  readonly #how: How;
  readonly #elements: ReadonlyMap<string, Element>;
  #change: Change | undefined;
  readonly #rhythm = new Rhythm(() => this.#change?.show(this.#page, [...this.#elements.keys()]));

  constructor(user: GestureUser, event: PointerEvent, how: How) {
    this.#user = user;
    this.#page = user.desk.page;
    this.#from = event;
    this.#how = how;
    this.#elements = new Map(user.desk.selected.map(({ id, element }) => [id, element]));
  }

  move(event: PointerEvent): void {
    const { desk, stage } = this.#user;
    const [dx, dy] = [event.clientX - this.#from.clientX, event.clientY - this.#from.clientY];
    if (this.#change === undefined && Math.hypot(dx, dy) < STILL) return;
    this.#change = this.#how(dx / stage.view.zoom, dy / stage.view.zoom, event.shiftKey);
    for (const [id, element] of this.#elements) desk.own.set(id, this.#change.of(element));
    this.#rhythm.ask(this.#elements.size);
    stage.draw();
  }

  end(event: PointerEvent): void {
    this.move(event);
    this.#stop();
    const change = this.#change;
    if (change === undefined) return;
    // What was deleted meanwhile stays deleted.
    const { board } = this.#user.desk;
    const there = [...this.#elements].filter(([id]) => board.get(this.#page, id) !== undefined);
    board.write(this.#page, new Map(there.map(([id, element]) => [id, change.of(element)])));
  }

  cancel(): void {
    this.#stop();
    if (this.#change !== undefined) this.#user.desk.live.drop([...this.#elements.keys()]);
  }

  #stop(): void {
    this.#rhythm.stop();
    for (const id of this.#elements.keys()) this.#user.desk.own.delete(id);
    this.#user.stage.draw();
  }
}
