/** Chat, raised hands, reactions, and whose screen is shown: a resource of the app *talk*, which the page shows itself, beside the stage (G7). */

import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { Call, Resource } from "@callmesh/client";
import { mayEdit, stateOf, type Json, type ParticipantId, type PersonId } from "@callmesh/core";

export const TALK = "talk";
/** Characters of one message. */
export const MOST_TEXT = 2_000;
export const REACTIONS = ["👍", "👏", "❤️", "😂", "😮", "🎉"] as const;
/** Milliseconds for which a reaction is seen. */
const SEEN = 5_000;

export interface Message {
  readonly key: string;
  readonly person: PersonId;
  readonly name: string;
  readonly text: string;
  /** Microseconds since the epoch, by the hub's clock. */
  readonly time: number;
}

/** What somebody shows of themselves. */
interface Shown {
  /** When the hand was raised; undefined while it is down. */
  readonly hand: number | undefined;
  readonly reaction: { readonly emoji: string; readonly at: number } | undefined;
  /** When they began to show their screen; undefined while they show their camera. */
  readonly screen: number | undefined;
}

export class Talk {
  /** In the order in which they were written. */
  readonly messages = signal<readonly Message[]>([]);
  readonly open = signal(false);
  /** What is written and not sent yet, also while it is closed. */
  readonly draft = signal("");
  readonly #shown = signal<ReadonlyMap<ParticipantId, Shown>>(new Map());
  /** Of whom a reaction is seen now. */
  readonly #reacting = signal<ReadonlyMap<ParticipantId, string>>(new Map());
  /** The keys of what was looked at, or was there before one came. */
  readonly #read = signal<ReadonlySet<string>>(new Set());
  readonly #call: Call;
  readonly #onNews: (message: Message) => void;
  /** One; more where several have added it at once. */
  #resources: readonly Resource[] = [];
  #stops: (() => void)[] = [];
  #adding: Promise<Resource> | undefined;
  #last = 0;

  /** How many messages of others came since the chat was looked at. */
  readonly unread: ReadonlySignal<number> = computed(
    () => this.messages.value.filter(({ key, person }) => person !== this.#call.me.person && !this.#read.value.has(key)).length,
  );
  /** Who has raised a hand, the first one first. */
  readonly hands: ReadonlySignal<readonly ParticipantId[]> = computed(() => this.#since("hand"));
  /** Who shows their screen, the first one first. */
  readonly screens: ReadonlySignal<readonly ParticipantId[]> = computed(() => this.#since("screen"));
  #showsScreen = false;

  /** `onNews` is told of what others write while the chat is not open. */
  constructor(call: Call, onNews: (message: Message) => void) {
    this.#call = call;
    this.#onNews = onNews;
  }

  /** Take the resources of the call in, first added first. */
  follow(resources: readonly Resource[]): void {
    const found = resources.filter(({ app }) => app === TALK);
    if (found.length === this.#resources.length && found.every((one, place) => one === this.#resources[place])) return;
    const isFirst = this.#resources.length === 0;
    for (const stop of this.#stops.splice(0)) stop();
    this.#resources = found;
    this.#mirrorChat();
    this.#mirrorShown();
    if (isFirst) this.#look();
    this.#stops = found.flatMap(({ state, presence }) => [
      state.listen(() => this.#mirrorChat()),
      presence.subscribe((change) => change && this.#mirrorShown()),
    ]);
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  toggle(): void {
    this.open.value = !this.open.value;
    this.#look();
  }

  #look(): void {
    this.#read.value = new Set(this.messages.peek().map(({ key }) => key));
  }

  /** Whether this participant may write, as things are. */
  get maySend(): boolean {
    // Its key rules come a moment after it: by them the field would be gone for that long, and the focus with it.
    return this.#resources[0] === undefined ? this.#call.me.role !== "observer" : this.#resources[0].access === "edit";
  }

  /** Whether this participant may raise a hand and react: observers add no place for it. */
  get mayShow(): boolean {
    this.#shown.valueOf(); // whoever asks asks anew where that has changed
    return this.#resources.length > 0 || mayEdit(this.#call.me.role);
  }

  /** Rejects where there is no place for it, and none could be made. */
  async send(text: string): Promise<void> {
    const { state } = await this.#place();
    const { person, name } = this.#call.me;
    const key = `chat/${person}/${Date.now().toString(36)}${(this.#last++).toString(36)}`;
    state.set(key, { name, text: text.slice(0, MOST_TEXT) });
  }

  isRaised(id: ParticipantId): boolean {
    return this.hands.value.includes(id);
  }

  async raise(up: boolean): Promise<void> {
    const { presence } = await this.#place();
    if (up) presence.set("hand", Date.now());
    else for (const one of this.#resources) one.presence.delete("hand");
  }

  async react(emoji: string): Promise<void> {
    const { presence } = await this.#place();
    presence.set("reaction", { emoji, at: Date.now() });
  }

  /** Tell the others that what one sends is one's screen, or that it is not any more. */
  async showScreen(on: boolean): Promise<void> {
    if (on === this.#showsScreen) return;
    this.#showsScreen = on;
    if (!on) for (const one of this.#resources) one.presence.delete("screen");
    else {
      const { presence } = await this.#place();
      if (this.#showsScreen) presence.set("screen", Date.now());
    }
  }

  #since(what: "hand" | "screen"): readonly ParticipantId[] {
    return [...this.#shown.value]
      .flatMap(([id, { [what]: since }]) => (since === undefined ? [] : [{ id, since }]))
      .sort((a, b) => a.since - b.since)
      .map(({ id }) => id);
  }

  /** What somebody reacts with at the moment. */
  reaction(id: ParticipantId): string | undefined {
    return this.#reacting.value.get(id);
  }

  /** Where to write; where nobody has needed that yet, it is added. */
  async #place(): Promise<Resource> {
    const [first] = this.#resources;
    if (first !== undefined) return first;
    this.#adding ??= this.#call.resources.add(TALK, { title: "Talk" }).finally(() => (this.#adding = undefined));
    return this.#adding;
  }

  #mirrorChat(): void {
    const before = new Set(this.messages.peek().map(({ key }) => key));
    const found = this.#resources.flatMap(({ id, state }) =>
      state.entries().flatMap(([key, value]) => {
        const said = messageIn(key, value);
        return said === undefined ? [] : { ...said, time: this.#call.mesh.entry(stateOf(id), key)?.time ?? 0 };
      }),
    );
    this.messages.value = found.sort((a, b) => a.time - b.time || (a.key < b.key ? -1 : 1));
    if (this.open.peek()) this.#look();
    if (this.#stops.length === 0 || this.open.peek()) return;
    const { person: me } = this.#call.me;
    for (const message of found) if (!before.has(message.key) && message.person !== me) this.#onNews(message);
  }

  #mirrorShown(): void {
    const said = new Map<ParticipantId, Record<string, Json>>();
    for (const { presence } of this.#resources) {
      for (const [id, things] of presence.all()) said.set(id, { ...said.get(id), ...things });
    }
    const shown = new Map([...said].map(([id, things]) => [id, shownIn(things)] as const));
    for (const [id, { reaction }] of shown) {
      const { at: before = 0 } = this.#shown.peek().get(id)?.reaction ?? {};
      if (reaction !== undefined && reaction.at !== before && this.#stops.length > 0) this.#see(id, reaction.emoji);
    }
    this.#shown.value = shown;
  }

  #see(id: ParticipantId, emoji: string): void {
    this.#reacting.value = new Map([...this.#reacting.peek(), [id, emoji]]);
    setTimeout(() => {
      const left = new Map(this.#reacting.peek());
      left.delete(id);
      this.#reacting.value = left;
    }, SEEN);
  }
}

/** What others have written may be anything. */
function messageIn(key: string, value: unknown): Omit<Message, "time"> | undefined {
  const [, person] = /^chat\/([^/]+)\/[^/]+$/u.exec(key) ?? [];
  if (person === undefined || typeof value !== "object" || value === null) return undefined;
  const { name, text } = value as Record<string, unknown>;
  if (typeof name !== "string" || typeof text !== "string" || text.trim() === "") return undefined;
  return { key, person: person as PersonId, name: name.slice(0, 100), text: text.slice(0, MOST_TEXT) };
}

function shownIn({ hand, reaction, screen }: Record<string, Json>): Shown {
  const said = typeof reaction === "object" && reaction !== null && !Array.isArray(reaction) ? reaction : {};
  const { emoji, at } = said as Record<string, Json>;
  const known = REACTIONS.find((one) => one === emoji);
  return {
    hand: typeof hand === "number" ? hand : undefined,
    screen: typeof screen === "number" ? screen : undefined,
    reaction: known !== undefined && typeof at === "number" ? { emoji: known, at } : undefined,
  };
}
