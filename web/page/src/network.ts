/** The network of one seat of the dev page, as it is chosen there: its sockets and data channels go through it. */

/** What it is like: milliseconds on the way, in each direction, and the share that is lost. */
export interface Weather {
  readonly delay: number;
  /** Up to so much more. */
  readonly jitter: number;
  /** What is lost on a reliable way is late instead: it is sent again. */
  readonly loss: number;
  /** Nothing goes through. */
  readonly cut: boolean;
}

export const WEATHERS = {
  good: { delay: 0, jitter: 0, loss: 0, cut: false },
  slow: { delay: 300, jitter: 200, loss: 0, cut: false },
  lossy: { delay: 300, jitter: 200, loss: 0.1, cut: false },
  offline: { delay: 0, jitter: 0, loss: 0, cut: true },
} as const satisfies Record<string, Weather>;

export type WeatherName = keyof typeof WEATHERS;

/** The close code of a link that was cut: none that means anything, as where it broke. */
const CUT = 4999;

interface Due {
  readonly at: number;
  readonly act: () => void;
}

/** One direction of a way that keeps its order. */
export class Way {
  readonly #waiting: Due[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #latest = 0;

  /** `act` in so many milliseconds, after all that is on the way already. At once where nothing is, and it is to be now. */
  put(act: () => void, pause: number, now: number): void {
    this.#latest = Math.max(this.#latest, now + pause);
    if (this.#waiting.length === 0 && this.#latest <= now) act();
    else this.#waiting.push({ at: this.#latest, act });
    this.#plan(now);
  }

  #plan(now: number): void {
    const [first] = this.#waiting;
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#arrive(performance.now()), Math.max(0, first.at - now));
  }

  #arrive(now: number): void {
    this.#timer = undefined;
    while ((this.#waiting[0]?.at ?? Infinity) <= now + 1) this.#waiting.shift()?.act();
    this.#plan(now);
  }
}

type Socket = WebSocket | RTCDataChannel;
type Handler = ((this: unknown, event: MessageEvent) => unknown) | null;

export class Network {
  #weather: Weather = WEATHERS.good;
  readonly #sockets = new Set<WebSocket>();
  readonly #ways = { in: new WeakMap<Socket, Way>(), out: new WeakMap<Socket, Way>() };
  /** What reliable channels would send again until it gets through. */
  #held: (() => void)[] = [];

  get weather(): Weather {
    return this.#weather;
  }

  set weather(weather: Weather) {
    const wasCut = this.#weather.cut;
    this.#weather = weather;
    if (weather.cut) for (const socket of this.#sockets) socket.close(CUT);
    if (!wasCut || weather.cut) return;
    for (const act of this.#held.splice(0)) act();
    window.dispatchEvent(new Event("online"));
  }

  /** From here on everything in this window goes through it. */
  install(): void {
    const open = (socket: WebSocket): void => this.#open(socket);
    window.WebSocket = class extends WebSocket {
      constructor(url: string | URL) {
        super(url);
        open(this);
      }
    };
    this.#wrap(Object.getPrototypeOf(window.WebSocket.prototype) as Socket);
    this.#wrap(RTCDataChannel.prototype);
  }

  #open(socket: WebSocket): void {
    this.#sockets.add(socket);
    socket.addEventListener("close", () => this.#sockets.delete(socket));
    if (this.#weather.cut) socket.close(CUT);
  }

  #wrap(prototype: Socket): void {
    const through = (socket: Socket, way: "in" | "out", act: () => void): void => this.#through(socket, way, act);
    const send = Object.getOwnPropertyDescriptor(prototype, "send")?.value as (this: Socket, data: unknown) => void;
    Object.defineProperty(prototype, "send", {
      configurable: true,
      value(this: Socket, data: unknown) {
        through(this, "out", () => sendNow(this, () => send.call(this, data)));
      },
    });
    const told = Object.getOwnPropertyDescriptor(prototype, "onmessage");
    if (told === undefined) return;
    Object.defineProperty(prototype, "onmessage", {
      ...told,
      set(this: Socket, handler: Handler) {
        const wrapped = (event: MessageEvent): void => {
          through(this, "in", () => {
            if (this.onmessage === wrapped) handler?.call(this, event); // it may have been taken away meanwhile
          });
        };
        told.set?.call(this, handler === null ? null : wrapped);
      },
    });
  }

  #through(socket: Socket, direction: "in" | "out", act: () => void): void {
    const { delay, jitter, loss, cut } = this.#weather;
    const isReliable = !(socket instanceof RTCDataChannel) || (socket.ordered && socket.maxRetransmits === null);
    const isLost = Math.random() < loss;
    if (!isReliable && (cut || isLost)) return;
    if (cut) {
      if (socket instanceof RTCDataChannel) this.#held.push(() => this.#through(socket, direction, act));
      return;
    }
    const again = isLost ? 3 * delay : 0;
    let way = this.#ways[direction].get(socket);
    if (way === undefined) this.#ways[direction].set(socket, (way = new Way()));
    way.put(act, delay + jitter * Math.random() + again, performance.now());
  }
}

function sendNow(socket: Socket, send: () => void): void {
  if (socket.readyState !== WebSocket.OPEN && socket.readyState !== "open") return; // closed on the way
  send();
}
