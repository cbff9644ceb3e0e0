/** Short messages that go away by themselves. */

import { signal } from "@preact/signals";

export interface Toast {
  readonly id: number;
  readonly kind: "note" | "problem";
  readonly text: string;
}

const MOST = 4;
const LASTS = { note: 4_000, problem: 10_000 };

export class ToastList {
  readonly shown = signal<readonly Toast[]>([]);
  #last = 0;

  note(text: string, lasts = LASTS.note): void {
    this.#add("note", text, lasts);
  }

  problem(text: string): void {
    this.#add("problem", text, LASTS.problem);
  }

  dismiss(id: number): void {
    this.shown.value = this.shown.value.filter((toast) => toast.id !== id);
  }

  /** None of them concerns anybody any more. */
  clear(): void {
    this.shown.value = [];
  }

  #add(kind: Toast["kind"], text: string, lasts: number): void {
    const others = this.shown.value.filter((toast) => toast.text !== text);
    const toast = { id: ++this.#last, kind, text };
    this.shown.value = [...others, toast].slice(-MOST);
    setTimeout(() => this.dismiss(toast.id), lasts);
  }
}
