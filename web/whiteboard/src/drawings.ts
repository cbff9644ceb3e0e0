/** How an element looks, as paths and lines of text: the canvas and the exported file are drawn from the same. */

import { getStroke } from "perfect-freehand";

import { NOTE_LETTERS, NOTE_PADDING, pointsOf, type Colour, type Element, type Note, type Shape, type Stroke, type Text } from "./elements.ts";

export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
export const LINE = 1.3;

export interface Theme {
  readonly board: string;
  readonly dots: string;
  readonly inks: Readonly<Record<Colour, string>>;
  readonly notes: Readonly<Record<Colour, string>>;
  readonly noteText: string;
}

export const LIGHT: Theme = {
  board: "#ffffff",
  dots: "#dde3e8",
  inks: { ink: "#17212b", grey: "#7b8794", red: "#d5352b", orange: "#dd7a12", green: "#23893f", blue: "#1f66d1", violet: "#8343c9" },
  notes: { ink: "#fff0a8", grey: "#e4e8ec", red: "#ffd0cc", orange: "#ffdfb5", green: "#c9efcf", blue: "#cde1ff", violet: "#e7d6fb" },
  noteText: "#17212b",
};

export const DARK: Theme = {
  board: "#151c23",
  dots: "#29343d",
  inks: { ink: "#eef3f7", grey: "#94a2af", red: "#ff7a70", orange: "#ffab4d", green: "#5fce7b", blue: "#6ba8ff", violet: "#c394ff" },
  notes: { ink: "#e8d67a", grey: "#b9c3cc", red: "#eea49e", orange: "#eec08a", green: "#9fd6a9", blue: "#a3c4f2", violet: "#c9b0e8" },
  noteText: "#17212b",
};

export interface Line {
  readonly text: string;
  readonly x: number;
  /** Of its base line. */
  readonly y: number;
}

/** All of it relative to the element's own x and y, so that what is moved looks the same. */
export interface Drawing {
  readonly path: string;
  readonly fill?: string;
  readonly stroke?: string;
  readonly width?: number;
  readonly lines?: readonly Line[];
  readonly letters?: number;
  readonly ink?: string;
}

/** The width of a text in letters of 1 unit. */
export type Measure = (text: string) => number;

export function drawingOf(element: Element, theme: Theme, measure: Measure): Drawing {
  switch (element.t) {
    case "pen":
      return { path: strokePath(element), fill: theme.inks[element.c] };
    case "text":
      return { path: "", lines: linesOfText(element, measure), letters: element.size, ink: theme.inks[element.c] };
    case "note":
      return {
        path: `M0 0H${short(element.w)}V${short(element.h)}H0Z`,
        fill: theme.notes[element.c],
        lines: linesOfNote(element, measure),
        letters: NOTE_LETTERS,
        ink: theme.noteText,
      };
    default:
      return { path: shapePath(element), stroke: theme.inks[element.c], width: element.size };
  }
}

export function strokePath(stroke: Stroke): string {
  const outline = getStroke(pointsOf(stroke) as [number, number, number][], {
    size: 1.3 * stroke.size, // with little pressure it is as wide as a line of a shape
    thinning: stroke.f ? 0.65 : 0.4,
    smoothing: 0.5,
    streamline: 0.35,
    simulatePressure: !stroke.f,
    last: true,
  });
  const [first] = outline;
  if (first === undefined) return "";
  const middles = outline.map(([x, y], n) => {
    const [nextX, nextY] = outline[(n + 1) % outline.length] ?? first;
    return `${short(x)} ${short(y)} ${short((x + nextX) / 2)} ${short((y + nextY) / 2)}`;
  });
  return `M${short(first[0])} ${short(first[1])}Q${middles.join(" ")}Z`;
}

export function shapePath({ t, w, h, size }: Shape): string {
  const [right, bottom] = [short(w), short(h)];
  switch (t) {
    case "rect": {
      const round = short(Math.min(8, w / 4, h / 4));
      return (
        `M${round} 0H${short(w - round)}Q${right} 0 ${right} ${round}V${short(h - round)}Q${right} ${bottom} ${short(w - round)} ${bottom}` +
        `H${round}Q0 ${bottom} 0 ${short(h - round)}V${round}Q0 0 ${round} 0Z`
      );
    }
    case "ellipse": {
      const [a, b] = [short(w / 2), short(h / 2)];
      return `M0 ${b}A${a} ${b} 0 1 1 ${right} ${b}A${a} ${b} 0 1 1 0 ${b}Z`;
    }
    case "line":
      return `M0 0L${right} ${bottom}`;
    case "arrow": {
      const angle = Math.atan2(h, w);
      const head = Math.min(Math.hypot(w, h) / 2, 6 + 3 * size);
      const wing = (turn: number): string => `${short(w - head * Math.cos(angle + turn))} ${short(h - head * Math.sin(angle + turn))}`;
      return `M0 0L${right} ${bottom}M${wing(0.5)}L${right} ${bottom}L${wing(-0.5)}`;
    }
  }
}

export function linesOfText({ text, size, w, wraps }: Text, measure: Measure): Line[] {
  // A hair wider: a width that was rounded breaks no line.
  const lines = wraps === true ? wrapped(text, (w + 0.01) / size, measure) : text.split("\n");
  return lines.map((line, n) => ({ text: line, x: 0, y: short(size * (0.98 + n * LINE)) }));
}

function linesOfNote(note: Note, measure: Measure): Line[] {
  const wide = (note.w - 2 * NOTE_PADDING) / NOTE_LETTERS;
  const lines = wrapped(note.text, wide, measure);
  return lines.map((text, n) => ({ text, x: NOTE_PADDING, y: short(NOTE_PADDING + NOTE_LETTERS * (0.98 + n * LINE)) }));
}

/** The size of a text, and how high a note has to be for all of its lines. */
export function sizeOfText(text: string, size: number, measure: Measure): { w: number; h: number } {
  const lines = text.split("\n");
  return { w: Math.max(...lines.map(measure)) * size, h: lines.length * LINE * size };
}

export function heightOfNote(text: string, w: number, measure: Measure): number {
  const lines = wrapped(text, (w - 2 * NOTE_PADDING) / NOTE_LETTERS, measure);
  return Math.ceil(lines.length * LINE * NOTE_LETTERS + 2 * NOTE_PADDING);
}

/** Lines that are no wider than `wide`: broken between words, and within a word that is wider alone. */
export function wrapped(text: string, wide: number, measure: Measure): string[] {
  return text.split("\n").flatMap((line) => {
    const lines: string[] = [];
    let now = "";
    for (const word of line.split(/(?<= )/)) {
      if (now !== "" && measure((now + word).trimEnd()) > wide) {
        lines.push(now.trimEnd());
        now = "";
      }
      now += word;
      while (measure(now.trimEnd()) > wide && now.length > 1) {
        let fits = 1;
        while (fits < now.length && measure(now.slice(0, fits + 1)) <= wide) fits++;
        lines.push(now.slice(0, fits));
        now = now.slice(fits);
      }
    }
    return [...lines, now.trimEnd()];
  });
}

function short(value: number): number {
  return Math.round(value * 100) / 100;
}
