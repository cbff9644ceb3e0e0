/** A queue that stays quick however long it is: what has left is taken out together, now and then. */
export class Queue<T> {
  #items: T[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** The one that leaves next. */
  get head(): T | undefined {
    return this.#items[this.#first];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#first++;
    if (this.#first * 2 > this.#items.length && this.#first > 32) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** Put all of another queue before what is here; that one is empty then. */
  prepend(other: Queue<T>): void {
    this.#items = [...other.#items.slice(other.#first), ...this.#items.slice(this.#first)];
    this.#first = 0;
    other.clear();
  }

  clear(): void {
    this.#items = [];
    this.#first = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let index = this.#first; index < this.#items.length; index++) yield this.#items[index] as T;
  }
}
