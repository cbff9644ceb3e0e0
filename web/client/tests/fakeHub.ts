/** A hub at the other end of fake WebSockets, which does what the test says, when it says so. */

import {
  APPS, bundle, CALL, encodeMessage, HUB, keyOf, ROSTER, Session, type Entry, type Json, type Message, type messages,
  type Participant, type StateId, type Value,
} from "@callmesh/core";
import { vi } from "vitest";

export class FakeSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  static all: FakeSocket[] = [];

  readonly url: string;
  readonly heard: Message[] = [];
  readonly session = new Session("hub", 0);
  bundles = 0;
  readyState = FakeSocket.CONNECTING;
  bufferedAmount = 0;
  binaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(url: string) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  send(data: Uint8Array): void {
    if (this.readyState !== FakeSocket.OPEN) throw new Error("not open");
    this.bundles++;
    this.heard.push(...this.session.receive(data, 0));
  }

  close(code = 1005): void {
    if (this.readyState === FakeSocket.CLOSED) return;
    this.readyState = FakeSocket.CLOSED;
    queueMicrotask(() => this.onclose?.({ code, reason: "" }));
  }

  // --- the hub's side

  open(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
  }

  say(...messages: Message[]): void {
    for (const { type, ...fields } of messages) {
      if (type === "relayed" && "total" in fields) this.session.relayed(fields.total - this.session.credited);
    }
    this.raw(bundle(messages.map(encodeMessage)).buffer);
  }

  raw(data: unknown): void {
    this.onmessage?.({ data });
  }

  /** The link breaks, or is closed by the hub with a code. */
  drop(code = 1006, reason = ""): void {
    this.readyState = FakeSocket.CLOSED;
    this.onclose?.({ code, reason });
  }

  of<T extends Message["type"]>(type: T): Extract<Message, { type: T }>[] {
    return this.heard.filter((message): message is Extract<Message, { type: T }> => message.type === type);
  }
}

export class FakeHub {
  readonly proofs = { person: "person", resume: "resume" };
  participant = "p5";
  #cursor = 0;
  #time = 1_700_000_000_000_000;

  constructor() {
    FakeSocket.all = [];
    vi.stubGlobal("WebSocket", FakeSocket);
  }

  get sockets(): readonly FakeSocket[] {
    return FakeSocket.all;
  }

  /** The link that was opened last. */
  get socket(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Let the last link in. */
  welcome({ whole = true, here = [] as readonly string[] } = {}): void {
    const { socket, participant } = this;
    if (socket.readyState === FakeSocket.CONNECTING) socket.open();
    const [hello] = socket.of("hello");
    const welcome: messages.Welcome = {
      type: "welcome", version: 1, call: hello!.call, participant, writer: participant, person: "u5", name: hello!.name,
      role: "host", time: this.#time, resume: this.proofs.resume, personProof: this.proofs.person, resource: null,
    }; // prettier-ignore
    socket.session.welcome(encodeMessage(welcome));
    const roster = [participant, ...here].map((id) => [id, { ...someone(id), offers: [] }] as const);
    socket.say(welcome, this.batch({ [ROSTER]: Object.fromEntries(roster) }, { whole }));
  }

  batch(groups: Record<string, Record<string, Value>>, { whole = false, saved = true } = {}): messages.Batch {
    this.#cursor++;
    this.#time += 1_000;
    const list = Object.entries(groups).map(([state, values]) => ({
      state: state as StateId,
      entries: Object.entries(values).map(([key, value]): Entry => ({ key, value, time: this.#time, writer: HUB })),
      version: 0,
    }));
    const cursor = this.#cursor;
    return { type: "batch", cursor, saved: saved ? cursor : 0, whole, groups: list };
  }

  /** What was written over the last link comes back. */
  accept({ saved = true } = {}): void {
    this.#cursor++;
    const groups = this.socket.of("write").flatMap((write) => write.groups);
    this.socket.say({ type: "batch", cursor: this.#cursor, saved: saved ? this.#cursor : 0, whole: false, groups });
  }

  addResource(id = "r1"): void {
    const record = { app: "poll", title: "Poll", owner: "u1", added: 1 };
    const app = { version: 1, keys: [], capabilities: ["streams"] };
    this.socket.say(this.batch({ [CALL]: { [keyOf(id as never)]: record }, [APPS]: { poll: app } }));
  }
}

export function someone(id: string): Participant & { readonly [name: string]: Json } {
  return { id, person: id.replace("p", "u"), name: id, role: "guest", offers: [], here: true } as never;
}
