/**
 * Changes under way: a stroke while it is drawn, what is being moved. They travel as a stream, which keeps
 * nothing; when it is finished it is written to the state, and what was shown before makes room for that.
 */

import type { DataStream, Json, StreamMessage } from "callmesh/app";

import { readNumbers } from "./camera.ts";
import type { Measure } from "./drawings.ts";
import { readElement, written, type Box, type Element, type Stroke } from "./elements.ts";
import { fittedInto } from "./resize.ts";
import { MAX_STROKE } from "./strokes.ts";

/** Changes under way that are shown: of more that are moved at once the rest is seen when it is where it stays. */
const MOST = 2_000;

type Sender = string;

interface Shown {
  readonly page: string;
  readonly sender: Sender;
  element: Element;
}

export interface LiveUser {
  /** How often an element was changed, as far as is known: a change under way is of a later version. */
  version(id: string): number;
  get(page: string, id: string): Element | undefined;
  readonly measure: Measure;
  changed(): void;
}

export class Live {
  readonly #stream: DataStream;
  readonly #user: LiveUser;
  readonly #shown = new Map<string, Shown>();

  constructor(stream: DataStream, user: LiveUser) {
    this.#stream = stream;
    this.#user = user;
    stream.subscribe((message) => this.#heard(message));
  }

  /** What others change on a page, as it looks at the moment. */
  on(page: string): Map<string, Element> {
    return new Map([...this.#shown].filter(([, shown]) => shown.page === page).map(([id, { element }]) => [id, element]));
  }

  // --- one's own, for the others

  /** More of a stroke; `from` is how much of its points has been sent. */
  stroke(page: string, id: string, stroke: Stroke, from: number): void {
    this.#send({ do: "stroke", page, id, from, el: written({ ...stroke, p: stroke.p.slice(from) }) });
  }

  show(page: string, id: string, element: Element): void {
    this.#send({ do: "show", page, id, el: written(element) });
  }

  /** Moved or resized: what lay in one frame lies in another. */
  fit(page: string, ids: readonly string[], from: Box, to: Box): void {
    this.#send({ do: "fit", page, ids: ids.slice(0, MOST).map((id) => [id, this.#user.version(id) + 1]), from: numbers(from), to: numbers(to) });
  }

  /** Nothing comes of it. */
  drop(ids: readonly string[]): void {
    this.#send({ do: "drop", ids: [...ids] });
  }

  #send(message: Record<string, Json>): void {
    // It ends when the resource does; what is under way then is nothing any more.
    this.#stream.send(message).catch(() => undefined);
  }

  // --- others'

  #heard({ data, sender }: StreamMessage): void {
    if (typeof data !== "object" || data === null || data instanceof Uint8Array) return;
    const message = data as { readonly [name: string]: Json };
    const { do: what, page, id } = message;
    if (what === "drop" && Array.isArray(message["ids"])) this.#drop(message["ids"] as Json[], sender);
    if (typeof page !== "string") return;
    if (what === "fit") this.#fitted(page, message, sender);
    if (typeof id !== "string") return;
    const element = readElement(message["el"]);
    if (element === undefined) return;
    if (what === "show") this.#put(page, id, element, sender);
    if (what === "stroke" && element.t === "pen") this.#drawn(page, id, element, message["from"], sender);
    this.#user.changed();
  }

  #drawn(page: string, id: string, part: Stroke, from: Json | undefined, sender: Sender): void {
    const known = this.#shown.get(id)?.element;
    const before = known?.t === "pen" ? known.p : "";
    if (from !== before.length || before.length > MAX_STROKE) return; // it began before this one came: the whole follows
    this.#put(page, id, { ...part, p: before + part.p }, sender);
  }

  #fitted(page: string, message: { readonly [name: string]: Json }, sender: Sender): void {
    const { ids } = message;
    const [from, to] = [readBox(message["from"]), readBox(message["to"])];
    if (!Array.isArray(ids) || from === undefined || to === undefined) return;
    for (const pair of (ids as Json[]).slice(0, MOST)) {
      const [id, v] = Array.isArray(pair) ? (pair as Json[]) : [];
      const element = typeof id === "string" ? this.#user.get(page, id) : undefined;
      if (typeof id !== "string" || typeof v !== "number" || element === undefined) continue;
      // What others could not keep in a state is not shown either.
      const changed = readElement(written({ ...fittedInto(element, from, to, this.#user.measure), v }));
      if (changed !== undefined) this.#put(page, id, changed, sender);
    }
    this.#user.changed();
  }

  #put(page: string, id: string, element: Element, sender: Sender): void {
    const known = this.#shown.get(id);
    // It may come after what was made of it, which goes another way.
    if (element.v <= this.#user.version(id) || (known !== undefined && known.sender !== sender)) return;
    if (known === undefined && this.#shown.size >= MOST) return;
    this.#shown.set(id, { page, sender, element });
  }

  #drop(ids: readonly Json[], sender: Sender): void {
    for (const id of ids) if (typeof id === "string" && this.#shown.get(id)?.sender === sender) this.#shown.delete(id);
    this.#user.changed();
  }

  /** They were written: that is what counts. */
  landed(ids: Iterable<string>): void {
    for (const id of ids) this.#shown.delete(id);
  }

  /** Nothing comes any more of what these had begun. */
  onlyOf(present: (sender: Sender) => boolean): void {
    for (const [id, { sender }] of [...this.#shown]) if (!present(sender)) this.#shown.delete(id);
    this.#user.changed();
  }
}

function numbers({ x, y, w, h }: Box): number[] {
  return [x, y, w, h];
}

function readBox(value: Json | undefined): Box | undefined {
  const [x = 0, y = 0, w = -1, h = -1] = readNumbers(value, 4) ?? [];
  return w >= 0 && h >= 0 ? { x, y, w, h } : undefined;
}
