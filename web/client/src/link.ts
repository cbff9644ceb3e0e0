/** The link to the hub: a WebSocket, the session over it, and coming back when it breaks (W7). */

import {
  Broken, bundle, BY_CLOSE, CallmeshError, Closed, encodeMessage, MAX_BUNDLE, Pace, Restarting, Session, WireError,
  type Message, type messages,
} from "@callmesh/core";

import { after, every, now, onAwake, onGone } from "./runtime.ts";

/** Milliseconds before the first try to come back, and at most. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8_000;
/** Milliseconds before the first try after a hub that restarts: all its participants come at once. */
const SPREAD = [500, 5_000] as const;
/** Milliseconds that closing may take. */
const GOODBYE = 2_000;

/** What a link works for. */
export interface LinkUser {
  hello(): messages.Hello;
  /** One bundle of messages. */
  receive(messages: readonly Message[]): void;
  /** Put on the session what may leave now; own writes only if `writes`. */
  fill(session: Session, writes: boolean): void;
  /** The link broke; it may come back. */
  lost(): void;
  /** `link.state` is another one. */
  turned(): void;
}

type State =
  | { readonly kind: "opening" | "knocking" | "joined"; readonly socket: WebSocket; readonly session: Session }
  | { readonly kind: "pausing"; readonly stop: () => void }
  | { readonly kind: "over"; readonly reason: CallmeshError };

export class Link {
  readonly #url: string;
  readonly #user: LinkUser;
  readonly #stops: (() => void)[] = [];
  readonly #pace = new Pace(after, () => this.#letWrites());
  #state: State;
  /** Tries since the link last held; undefined before the first success. */
  #tries: number | undefined;
  #joined = 0;
  #writes = false;
  #scheduled = false;

  constructor(url: string, user: LinkUser) {
    this.#url = url;
    this.#user = user;
    this.#state = this.#open();
    this.#stops.push(
      every(1_000, () => this.#tick()),
      onAwake(() => this.#hurry()),
      onGone(() => void this.leave(new Closed("the page was closed"))),
    );
  }

  get state(): State["kind"] {
    return this.#state.kind;
  }

  /** Why it is over; undefined while it is not. */
  get reason(): CallmeshError | undefined {
    return this.#state.kind === "over" ? this.#state.reason : undefined;
  }

  /** Own writes wait: they leave at most once per frame. */
  wrote(): void {
    this.#pace.ask();
  }

  /** Something else waits: it leaves at the end of this turn. */
  soon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  /** Say goodbye, for good. Resolves when the hub has heard it, or cannot be asked. */
  async leave(reason: CallmeshError = new Closed("you left")): Promise<void> {
    const state = this.#state;
    if (state.kind === "joined" || state.kind === "knocking") {
      this.#writes = true;
      this.#send();
      state.session.put(encodeMessage({ type: "leave" }));
      this.#send();
    }
    this.#end(reason);
    if ("socket" in state) await closed(state.socket);
  }

  /** The hub does not do as it should, or the user gave up. */
  fail(error: CallmeshError): void {
    const state = this.#state;
    if ("socket" in state) this.#lose(state.socket, error);
    else this.#end(error);
  }

  // --- opening

  #open(): State {
    const socket = new WebSocket(this.#url);
    const session = new Session("client", now());
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(bundle([encodeMessage(this.#user.hello())]));
    socket.onmessage = ({ data }: MessageEvent<unknown>) => this.#receive(socket, session, data);
    socket.onclose = (event) => this.#lose(socket, errorOf(event));
    return { kind: "opening", socket, session };
  }

  #turn(state: State): void {
    this.#state = state;
    this.#user.turned();
  }

  // --- in

  #receive(socket: WebSocket, session: Session, data: unknown): void {
    if (!this.#holds(socket)) return;
    try {
      if (!(data instanceof ArrayBuffer)) throw new WireError("the hub sent text");
      this.#user.receive(session.receive(new Uint8Array(data), now()));
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      this.#lose(socket, error);
      return;
    }
    const { kind } = this.#state;
    if (session.state.kind === "open" && kind !== "joined") {
      this.#joined = now();
      this.#tries ??= 0;
      this.#turn({ kind: "joined", socket, session });
      this.#letWrites();
    } else if (session.state.kind === "waiting" && kind === "opening") {
      this.#tries ??= 0;
      this.#turn({ kind: "knocking", socket, session });
    }
    this.soon();
  }

  #holds(socket: WebSocket): boolean {
    return "socket" in this.#state && this.#state.socket === socket;
  }

  // --- out

  #letWrites(): void {
    this.#writes = true;
    this.soon();
  }

  #send(): void {
    const { kind } = this.#state;
    if (kind !== "joined" && kind !== "knocking") return;
    const { socket, session } = this.#state;
    if (socket.readyState !== WebSocket.OPEN) return;
    if (kind === "joined") this.#fill(socket, session);
    for (let parts = session.take(); parts.length > 0; parts = session.take()) socket.send(bundle(parts));
  }

  #fill(socket: WebSocket, session: Session): void {
    // On a slow way out writes wait here, where they are conflated.
    const writes = this.#writes && socket.bufferedAmount <= MAX_BUNDLE;
    if (this.#writes && !writes) this.#pace.ask();
    this.#writes = this.#writes && !writes;
    this.#user.fill(session, writes);
  }

  // --- time, and the end of a link

  #tick(): void {
    if (!("socket" in this.#state)) return;
    const { socket, session } = this.#state;
    try {
      session.tick(now());
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      this.#lose(socket, error);
    }
    this.#send();
  }

  #lose(socket: WebSocket, error: CallmeshError): void {
    if (!this.#holds(socket)) return;
    const held = this.#state.kind === "joined" && now() - this.#joined > LONGEST_PAUSE * 1_000;
    if (held) this.#tries = 0;
    close(socket);
    if (this.#tries === undefined || !error.reconnect) this.#end(error);
    else if (error instanceof Restarting) this.#wait(SPREAD[0] + Math.random() * (SPREAD[1] - SPREAD[0]));
    else this.#wait(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#tries++) * (0.5 + Math.random() / 2));
  }

  #wait(pause: number): void {
    this.#user.lost();
    this.#turn({ kind: "pausing", stop: after(pause, () => this.#turn(this.#open())) });
  }

  /** One has slept, or has another network: a link that holds no more is known soon. */
  awake(): void {
    this.#hurry();
    if (this.#state.kind !== "joined") return;
    this.#state.session.awake(now());
    this.#tick();
  }

  #hurry(): void {
    if (this.#state.kind !== "pausing") return;
    this.#state.stop();
    this.#turn(this.#open());
  }

  #end(reason: CallmeshError): void {
    const state = this.#state;
    if (state.kind === "over") return;
    for (const stop of this.#stops.splice(0)) stop();
    if (state.kind === "pausing") state.stop();
    else close(state.socket);
    this.#user.lost();
    this.#turn({ kind: "over", reason });
  }
}

function close(socket: WebSocket): void {
  socket.onmessage = null;
  socket.close(1000);
}

async function closed(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  await new Promise<void>((resolve) => {
    const stop = after(GOODBYE, resolve);
    socket.onclose = () => {
      stop();
      resolve();
    };
  });
}

function errorOf({ code, reason }: CloseEvent): CallmeshError {
  // 1012 is what servers say that are told to stop, and do not know of hubs.
  const kind = code === 1012 ? Restarting : BY_CLOSE.get(code);
  if (kind === undefined || kind === Broken) return new Broken("the connection to the hub broke");
  return new kind(reason === "" ? "the hub closed the connection" : reason);
}
