/** Writing a text or a note: a field that lies on the board where the words will be. */

import { newId } from "./board.ts";
import type { Desk } from "./desk.ts";
import { heightOfNote, LINE, linesOfText, sizeOfText, type Measure, type Theme } from "./drawings.ts";
import { NOTE, NOTE_LETTERS, NOTE_PADDING, type Element, type Note, type Text } from "./elements.ts";
import type { Stage } from "./stage.ts";

/** Height of letters for each width of the pen. */
const LETTERS: Readonly<Record<number, number>> = { 3: 20, 6: 32, 12: 52 };

export class Editor {
  readonly #field: HTMLTextAreaElement;
  readonly #desk: Desk;
  readonly #stage: Stage;
  readonly #measure: Measure;
  #now: { readonly id: string; readonly page: string; readonly element: Text | Note; readonly isNew: boolean } | undefined;
  theme: Theme;

  constructor(field: HTMLTextAreaElement, desk: Desk, stage: Stage, measure: Measure, theme: Theme) {
    this.#field = field;
    this.#desk = desk;
    this.#stage = stage;
    this.#measure = measure;
    this.theme = theme;
    field.addEventListener("input", () => this.#typed());
    field.addEventListener("blur", () => this.close());
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) this.close();
    });
  }

  open(id: string | undefined, kind: "text" | "note", [x, y]: readonly [number, number]): void {
    this.close();
    const { board, page } = this.#desk;
    const there = id === undefined ? undefined : board.get(page, id);
    const known = there?.t === "text" || there?.t === "note" ? there : undefined;
    const element = known ?? this.#fresh(kind, x, y);
    this.#now = { id: known === undefined ? newId() : (id ?? newId()), page, element, isNew: known === undefined };
    this.#field.value = element.text;
    this.#field.hidden = false;
    this.#show(element);
    this.#field.focus();
  }

  /** What was typed is written, unless there is nothing. */
  close(): void {
    const now = this.#now;
    if (now === undefined) return;
    this.#now = undefined;
    this.#field.hidden = true;
    this.#desk.own.delete(now.id);
    const element = this.#with(now.element);
    const empty = element.text.trim() === "" && element.t === "text";
    if (empty && !now.isNew) this.#desk.board.write(now.page, new Map([[now.id, undefined]]));
    else if (!empty && (now.isNew || element.text !== now.element.text)) this.#desk.board.write(now.page, new Map([[now.id, element]]));
    if (now.isNew) this.#desk.tool = "select";
    const item = this.#desk.scene.get(now.id);
    if (now.isNew && item !== undefined && this.#desk.page === now.page) this.#desk.choose([item]);
    this.#stage.draw();
  }

  /** Follow the board. */
  moved(): void {
    if (this.#now !== undefined) this.#show(this.#with(this.#now.element));
  }

  #fresh(kind: "text" | "note", x: number, y: number): Text | Note {
    const { colour, scene, size } = this.#desk;
    const zoom = Math.min(1, this.#stage.view.zoom);
    const common = { v: 1, z: scene.above(), c: colour, text: "" };
    if (kind === "note") return { ...common, t: kind, x: x - NOTE / 2, y: y - NOTE / 2, w: NOTE, h: NOTE };
    const letters = (LETTERS[size] ?? 20) / zoom;
    return { ...common, t: kind, x, y: y - letters / 2, size: letters, w: letters, h: letters * LINE };
  }

  #with(element: Text | Note): Text | Note {
    const text = this.#field.value;
    if (element.t === "note") return { ...element, text, h: Math.max(element.h, heightOfNote(text, element.w, this.#measure)) };
    if (element.wraps === true) return { ...element, text, h: linesOfText({ ...element, text }, this.#measure).length * LINE * element.size };
    return { ...element, text, ...sizeOfText(text, element.size, this.#measure) };
  }

  #typed(): void {
    if (this.#now !== undefined) this.#show(this.#with(this.#now.element));
  }

  #show(element: Text | Note): void {
    const { style } = this.#field;
    const { zoom, x, y } = this.#stage.view;
    const note = element.t === "note";
    const letters = note ? NOTE_LETTERS : element.size;
    style.left = `${(element.x - x) * zoom}px`;
    style.top = `${(element.y - y) * zoom}px`;
    style.transform = `scale(${zoom})`;
    const wraps = note || element.wraps === true;
    style.width = `${wraps ? element.w : Math.max(element.w + letters, 3 * letters)}px`;
    style.height = `${element.h}px`;
    style.padding = note ? `${NOTE_PADDING}px` : "0";
    style.fontSize = `${letters}px`;
    style.whiteSpace = wraps ? "pre-wrap" : "pre";
    style.color = note ? this.theme.noteText : this.theme.inks[element.c];
    style.background = note ? this.theme.notes[element.c] : "transparent";
    // Beneath the field nothing is drawn twice.
    if (this.#now !== undefined && !this.#now.isNew) this.#desk.own.set(this.#now.id, blank(element));
    this.#stage.draw();
  }
}

function blank(element: Text | Note): Element {
  return { ...element, text: "" };
}
