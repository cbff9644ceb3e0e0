// A whiteboard. What everybody shares is in the state, one key for each thing on the board (board.ts); what
// is being drawn travels as the stream "pen" (live.ts); where people point, what they have selected and who
// leads is presence (others.ts); what is mine alone, zoom, place, tool and page, is in the cache.

import { connect, type Resource } from "callmesh/app";

import { Board, placeOf } from "./board.ts";
import { fitted, readView, START, zoomed } from "./camera.ts";
import { Desk, SIZES, TOOLS, type Tool } from "./desk.ts";
import { DARK, LIGHT, type Theme } from "./drawings.ts";
import { Editor } from "./editor.ts";
import { COLOURS, named, readElement, SHAPES, union, type Colour, type ShapeKind } from "./elements.ts";
import { frameOf, toSvg } from "./exports.ts";
import { Gestures } from "./gestures.ts";
import { Live } from "./live.ts";
import { Others, type Lead } from "./others.ts";
import { OverlayDrawing } from "./overlay.ts";
import { canvasMeasure, Painter } from "./paint.ts";
import { arrows, choices, panel } from "./panels.ts";
import { Scene } from "./scene.ts";
import { Stage } from "./stage.ts";
import { Tiles } from "./tiles.ts";
import { WORDS, type Words } from "./words.ts";

const KEYS: Readonly<Record<string, Tool | ShapeKind>> = {
  v: "select", h: "hand", p: "pen", e: "eraser", t: "text", n: "note", k: "laser", r: "rect", o: "ellipse", l: "line", a: "arrow",
}; // prettier-ignore
const SHAPE_ICONS: Readonly<Record<ShapeKind, string>> = {
  rect: "M4 6h16v12H4z",
  ellipse: "M3 12a9 7 0 1 1 18 0a9 7 0 1 1-18 0z",
  line: "M5 19L19 5",
  arrow: "M5 19L19 5M10 5h9v9",
};
/** The longest side of an exported picture, in pixels. */
const PICTURE = 8_000;

const find = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`there is no ${id}`);
  return found;
};
const canvas = (id: string): HTMLCanvasElement => find(id) as HTMLCanvasElement;

const resource: Resource = await connect({ enable: () => inView(true), disable: () => inView(false) });
const { state, cache, leading } = resource;

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = (): Theme => (dark.matches ? DARK : LIGHT);
const measure = canvasMeasure();
const painter = new Painter(theme(), measure);
const scene = new Scene((box) => tiles.touched(box));
const tiles = new Tiles(scene, painter);
const board = new Board(state);
const others = new Others(resource);
const stream = resource.stream("pen");
const live = new Live(stream, {
  version: (id) => board.version(id),
  get: (page, id) => board.get(page, id),
  measure,
  changed: () => stage.draw(),
});
const desk = new Desk(board, scene, live, measure, cache, () => show());

let laser: readonly [number, number] | undefined;
/** In the language of who looks at it. */
let words: Words = WORDS.en;
let telling: ReturnType<typeof setTimeout> | undefined;
let keeping: ReturnType<typeof setTimeout> | undefined;

const overlay: OverlayDrawing = new OverlayDrawing({
  desk,
  others,
  painter,
  frame: () => gestures.frame,
  laser: () => laser && { id: "me", name: "", place: laser },
});
const stage: Stage = new Stage(
  canvas("below"),
  canvas("above"),
  tiles,
  (context, view) => overlay.draw(context, view),
  () => moved(),
  () => scene.lift(desk.lifted),
);
const gestures: Gestures = new Gestures(canvas("above"), {
  desk,
  stage,
  edit: (id, kind, place) => editor.open(id, kind, place),
  laser: pointAt,
  looksAway,
});
const editor = new Editor(find("editor") as HTMLTextAreaElement, desk, stage, measure, theme());

// --- what is shown

function show(): void {
  const { pages } = board;
  const place = pages.indexOf(desk.page);
  find("pages").textContent = `${place + 1} / ${pages.length}`;
  enable("previous", place > 0);
  enable("next", place < pages.length - 1);
  showHistory();
  showTools();
  if (laser !== undefined && desk.tool !== "laser") pointAt(undefined);
  const mayWrite = desk.mayWrite;
  document.body.toggleAttribute("data-locked", !mayWrite);
  find("locked").hidden = mayWrite;
  if (!mayWrite) find("why").textContent = whyLocked();
  const { selected } = desk;
  find("selected").hidden = selected.length === 0 || !mayWrite;
  const [only] = selected;
  find("edit").hidden = !(selected.length === 1 && only !== undefined && "text" in only.element);
  others.selected(desk.page, [...desk.selection]);
  canvas("above").setAttribute("aria-label", words.board(place + 1, pages.length, scene.size));
  placeBar();
  stage.draw();
}

function showHistory(): void {
  enable("undo", board.canUndo);
  enable("redo", board.canRedo);
}

function showTools(): void {
  const { tool } = desk;
  canvas("above").dataset["tool"] = tool;
  for (const button of document.querySelectorAll<HTMLElement>("[data-tool]:not(canvas)")) {
    button.setAttribute("aria-pressed", String(button.dataset["tool"] === tool));
  }
  find("shape-icon").setAttribute("d", SHAPE_ICONS[desk.shape]);
  find("swatch").style.setProperty("--colour", `var(--${desk.colour})`);
  showColour(desk.colour);
  showSize(desk.size);
  showShape(desk.shape);
}

function whyLocked(): string {
  if (resource.access !== "edit") {
    return resource.me.role === "observer" ? words.lockedToObservers : words.locked;
  }
  return resource.outdated ? words.outdated : words.readOnly;
}

function enable(id: string, enabled: boolean): void {
  (find(id) as HTMLButtonElement).disabled = !enabled;
}

/** Beside what is selected, and never beyond the edges. */
function placeBar(): void {
  const bar = find("selected");
  const around = union(desk.selected.map(({ box }) => box));
  if (bar.hidden || around === undefined) return;
  const { x, y, zoom } = stage.view;
  const left = (around.x + around.w / 2 - x) * zoom - bar.offsetWidth / 2;
  const top = (around.y - y) * zoom - bar.offsetHeight - 26; // above the grips
  bar.style.left = `${Math.max(6, Math.min(stage.width - bar.offsetWidth - 6, left))}px`;
  bar.style.top = `${Math.max(70, Math.min(stage.height - bar.offsetHeight - 76, top))}px`;
}

function tell(text: string): void {
  find("told").textContent = text;
  find("told").hidden = false;
  clearTimeout(telling);
  telling = setTimeout(() => (find("told").hidden = true), 8_000);
}

function say(text: string): void {
  find("said").textContent = text;
}

/** What the page of the frame says, the SDK has seen to. */
function speak(now: Words): void {
  words = now;
  const hints: Readonly<Record<string, unknown>> = now;
  for (const button of document.querySelectorAll<HTMLElement>("[data-key]")) {
    const { key = "" } = button.dataset;
    const hint = hints[key];
    button.title = `${button.ariaLabel ?? button.textContent} (${typeof hint === "string" ? hint : key})`;
  }
  showLeader(others.leader());
  show();
}

// --- the view

/** Another part of the board is in view. */
function moved(): void {
  find("zoom").textContent = `${Math.round(stage.view.zoom * 100)} %`;
  editor.moved();
  placeBar();
  if (leading.leads) others.lead(desk.page, stage.seen);
  clearTimeout(keeping);
  const { page } = desk;
  const { x, y, zoom } = stage.view;
  keeping = setTimeout(() => cache.set(`view/${page}`, [x, y, zoom]), 300);
}

function turnTo(page: string): void {
  gestures.cancel();
  editor.close();
  tiles.forget();
  desk.turnTo(page);
  stage.view = readView(cache.get(`view/${page}`)) ?? START;
}

function zoom(factor: number): void {
  looksAway();
  stage.view = zoomed(stage.view, factor, stage.width / 2, stage.height / 2);
}

function fit(): void {
  looksAway();
  const around = union(scene.all().map(({ box }) => box));
  stage.view = around === undefined ? START : fitted({ x: around.x - 30, y: around.y - 90, w: around.w + 60, h: around.h + 190 }, stage.width, stage.height, 1.5);
}

// --- leading and following

function follow(): void {
  const leader = others.leader();
  showLeader(leader);
  if (leader !== undefined && leading.follows && board.pages.includes(leader.page)) {
    if (leader.page !== desk.page) turnTo(leader.page);
    stage.view = fitted(leader.box, stage.width, stage.height);
  }
  stage.draw();
}

function showLeader(leader: Lead | undefined): void {
  const alone = leader !== undefined && !leading.follows;
  find("following").hidden = leader === undefined && !leading.leads;
  find("whom").textContent = leader === undefined ? words.youLead : alone ? words.leads(leader.name) : words.youFollow(leader.name);
  find("follow").textContent = alone ? words.follow : words.stop;
  find("lead").setAttribute("aria-pressed", String(leading.leads));
}

/** Who moves the board looks where they like. */
function looksAway(): void {
  if (leading.follows) leading.follow(false);
}

function lead(): void {
  if (leading.leads) leading.stop();
  else others.lead(desk.page, stage.seen);
}

find("follow").onclick = () => {
  if (leading.leads) lead();
  else leading.follow(!leading.follows);
};

function pointAt(where: readonly [number, number] | undefined): void {
  laser = where;
  others.laser(desk.page, where);
  stage.draw();
}

// --- the bars

const shapesPanel = panel(document.querySelector<HTMLElement>('[data-tool="shape"]') ?? document.body, find("shapes"));
const looksPanel = panel(find("looks-button"), find("looks"));
const menuPanel = panel(find("menu-button"), find("menu"));
const showColour = choices<Colour>(find("colours"), COLOURS, (one) => capital(words.colours[one]), (one) => `<span style="--colour: var(--${one})"></span>`, (colour) => {
  desk.colour = colour;
  desk.keep("colour", colour);
  if (desk.selection.size > 0) desk.edit((element) => ({ ...element, c: colour }));
  show();
}); // prettier-ignore
const showSize = choices<number>(find("sizes"), SIZES, (_, place) => words.widths[place] ?? "", (one) => `<span style="--width: ${one}px"></span>`, (size) => {
  desk.size = size;
  desk.keep("size", size);
  show();
}); // prettier-ignore
const showShape = choices<ShapeKind>(find("shapes"), SHAPES, (one) => words.kinds[one], (one) => `<svg viewBox="0 0 24 24"><path d="${SHAPE_ICONS[one]}" /></svg>`, (shape) => {
  takeShape(shape);
  shapesPanel.close();
}); // prettier-ignore
for (const bar of ["top", "tools", "selected"]) arrows(find(bar));

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function takeShape(shape: ShapeKind): void {
  desk.shape = shape;
  desk.keep("shape", shape);
  desk.tool = "shape";
}

find("tools").onclick = ({ target }) => {
  const button = target instanceof globalThis.Element ? target.closest<HTMLElement>("[data-tool]") : null;
  const tool = TOOLS.find((one) => one === button?.dataset["tool"]);
  if (tool === undefined) return;
  if (tool === "shape") shapesPanel.toggle();
  desk.tool = tool;
};
find("looks-button").onclick = () => looksPanel.toggle();
find("menu-button").onclick = () => menuPanel.toggle();

const actions: Readonly<Record<string, () => void>> = {
  previous: () => browse(-1),
  next: () => browse(1),
  "new-page": () => {
    looksAway();
    turnTo(board.addPage(desk.page));
  },
  undo: () => step(board.undo()),
  redo: () => step(board.redo()),
  in: () => zoom(1.25),
  out: () => zoom(0.8),
  whole: () => zoom(1 / stage.view.zoom),
  fit,
  lead,
  svg: () => save(new Blob([svg()], { type: "image/svg+xml" }), "svg"),
  png: () => void savePicture(),
  "delete-page": () => {
    board.removePage(desk.page);
    tell(words.pageDeleted);
  },
  edit: editSelected,
  up: () => desk.restack(true),
  down: () => desk.restack(false),
  delete: () => remove(),
};
for (const [id, act] of Object.entries(actions)) find(id).onclick = act;
for (const id of ["svg", "png", "fit", "lead", "delete-page"]) find(id).addEventListener("click", () => menuPanel.close());

function browse(by: number): void {
  const { pages } = board;
  const page = pages[pages.indexOf(desk.page) + by];
  if (page === undefined) return;
  looksAway();
  turnTo(page);
}

/** What was undone is to be seen. */
function step(page: string | undefined): void {
  if (page !== undefined && page !== desk.page && board.pages.includes(page)) turnTo(page);
  show();
}

function remove(): void {
  const count = desk.selection.size;
  desk.edit(() => undefined);
  say(words.deleted(count));
  canvas("above").focus();
}

function editSelected(): void {
  const [only] = desk.selected;
  if (only?.element.t === "text" || only?.element.t === "note") editor.open(only.id, only.element.t, [only.box.x, only.box.y]);
}

// --- keys

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (target === find("editor")) return;
  const onBoard = target === canvas("above") || target === document.body;
  if (event.ctrlKey || event.metaKey) {
    if (withControl(event.key.toLowerCase(), event.shiftKey)) event.preventDefault();
    return;
  }
  if (event.altKey) {
    if (onBoard && withAlt(event)) event.preventDefault();
    return;
  }
  if ((onBoard && withKey(event)) || takeTool(event.key.toLowerCase())) event.preventDefault();
});
document.addEventListener("keyup", ({ key }) => {
  if (key === " ") gestures.space = false;
});

function withControl(key: string, shift: boolean): boolean {
  if (!desk.mayWrite) return false;
  if (key === "z") step(shift ? board.redo() : board.undo());
  else if (key === "y") step(board.redo());
  else if (key === "a") {
    desk.tool = "select";
    desk.choose(scene.all());
  } else return false;
  return true;
}

function takeTool(key: string): boolean {
  const tool = KEYS[key];
  if (tool === undefined) return false;
  const shape = SHAPES.find((one) => one === tool);
  if (shape === undefined) desk.tool = tool as Tool;
  else takeShape(shape);
  return true;
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
/** How far an arrow moves things, and with Shift. */
const [STEP, FAR] = [8, 40];

function withAlt({ key, shiftKey }: KeyboardEvent): boolean {
  const arrow = ARROWS[key];
  if (arrow === undefined || desk.selection.size === 0 || !desk.mayWrite) return false;
  const far = shiftKey ? FAR : STEP;
  desk.stretch(arrow[0] * far, arrow[1] * far);
  const { w, h } = desk.body;
  say(words.size(Math.round(w), Math.round(h)));
  return true;
}

function withKey({ key, shiftKey }: KeyboardEvent): boolean {
  const arrow = ARROWS[key];
  const [dx = 0, dy = 0] = arrow ?? [];
  if (arrow !== undefined) {
    const far = shiftKey ? FAR : STEP;
    if (desk.selection.size > 0 && desk.mayWrite) desk.nudge(dx * far, dy * far);
    else {
      looksAway();
      stage.view = { ...stage.view, x: stage.view.x + (dx * 60) / stage.view.zoom, y: stage.view.y + (dy * 60) / stage.view.zoom };
    }
    return true;
  }
  const act = {
    " ": () => (gestures.space = true),
    Escape: () => (gestures.busy ? gestures.cancel() : desk.choose([])),
    Delete: remove, Backspace: remove, Enter: place,
    "]": () => desk.restack(true), "[": () => desk.restack(false),
    ".": () => walk(1), ",": () => walk(-1),
    "+": () => zoom(1.25), "-": () => zoom(0.8), "0": () => zoom(1 / stage.view.zoom),
    PageUp: () => browse(-1), PageDown: () => browse(1),
  }[key]; // prettier-ignore
  const changes = ["Delete", "Backspace", "Enter", "]", "["].includes(key);
  if (act === undefined || (changes && !desk.mayWrite)) return false;
  act();
  return true;
}

/** Select the next thing on the board, and say what it is. */
function walk(by: number): void {
  const all = scene.all();
  if (all.length === 0) say(words.empty);
  const now = all.findIndex(({ id }) => desk.selection.has(id));
  const place = now < 0 ? (by > 0 ? 0 : all.length - 1) : (now + by + all.length) % all.length;
  const item = all[place];
  if (item === undefined) return;
  if (desk.mayWrite) desk.tool = "select";
  desk.choose([item]);
  say(words.place(named(item.element, words), place + 1, all.length));
}

/** Enter: write in what is selected, or put something new into the middle. */
function place(): void {
  const { tool } = desk;
  const { x, y, w, h } = stage.seen;
  if (desk.selection.size > 0) editSelected();
  else if (tool === "text" || tool === "note") editor.open(undefined, tool, [x + w / 2, y + h / 2]);
}

// --- export

function svg(): string {
  return toSvg(scene.all(), name(), measure);
}

function name(): string {
  const { pages } = board;
  return pages.length > 1 ? words.file(resource.title, pages.indexOf(desk.page) + 1) : resource.title;
}

function save(file: Blob, kind: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${name()}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function savePicture(): Promise<void> {
  const items = scene.all();
  const { x, y, w, h } = frameOf(items);
  const scale = Math.min(2, PICTURE / Math.max(w, h));
  const picture = document.createElement("canvas");
  picture.width = Math.ceil(w * scale);
  picture.height = Math.ceil(h * scale);
  const context = picture.getContext("2d");
  if (context === null) {
    tell(words.noRoom);
    return;
  }
  const light = new Painter(LIGHT, measure);
  context.fillStyle = LIGHT.board;
  context.fillRect(0, 0, picture.width, picture.height);
  context.setTransform(scale, 0, 0, scale, -x * scale, -y * scale);
  for (const { element } of items) light.paint(context, element);
  const file = await new Promise<Blob | null>((resolve) => picture.toBlob(resolve, "image/png"));
  if (file === null) tell(words.noRoom);
  else save(file, "png");
}

// --- from the state

state.listen(({ keys, denied }) => {
  const landed: string[] = [];
  for (const [key, { new: value }] of keys) {
    const place = placeOf(key);
    if (place === undefined) continue;
    landed.push(place.id);
    if (place.page !== desk.page) continue;
    const element = readElement(value);
    if (element === undefined) {
      scene.remove(place.id);
      desk.selection.delete(place.id);
    } else {
      scene.put(place.id, element);
    }
  }
  live.landed(landed);
  if (denied !== undefined) {
    live.drop(landed);
    tell(denied.reason === "full" ? words.full : words.notSaved(denied.message));
  }
  if (!board.pages.includes(desk.page)) turnTo(board.pages.at(-1) ?? "1");
  show();
  queueMicrotask(showHistory); // what somebody else has changed leaves one's history after this
});
const last = cache.get("page");
turnTo(board.pages.find((page) => page === last) ?? board.pages[0] ?? "1");
resource.speak(WORDS, speak);
leading.subscribe(() => follow());
resource.presence.subscribe(() => stage.draw());
resource.onParticipants((all) => {
  live.onlyOf((id) => [...all.values()].some((one) => one.id === id && one.here));
});
resource.onAccess(() => show());
dark.addEventListener("change", () => {
  painter.theme = editor.theme = theme();
  tiles.forget();
  stage.draw();
});

function inView(shown: boolean): void {
  stage.show(shown);
  if (!shown) editor.close();
}

// For tests, and for the curious.
Object.assign(window, { whiteboard: { desk, stage, others, stream, cache } });
