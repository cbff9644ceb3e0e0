/** Files that the hub keeps, on the page's side of a frame: it asks the hub, for the frame's own resource alone (F12). */

import {
  Broken, CallmeshError, Denied, Refused, SLICE, Standings, TooFast, WireError, type Announced, type FileReply, type FileRequest, type messages,
} from "@callmesh/core"; // prettier-ignore

import { MOST_ASKS, type Told } from "./awayWords.ts";
import type { CourierHost } from "./host.ts";

/** Ids of what a frame has announced: it can go on with these. */
const MOST_ANNOUNCED = 1_000;

export class AwayHost {
  readonly #host: CourierHost;
  readonly #put: (told: Told) => void;
  readonly #standings: Standings;
  readonly #announced = new Set<string>();
  #asks = 0;
  #over = false;
  #stop: (() => void) | undefined;
  /** What the frame was told is kept. */
  #told: readonly messages.KeptFile[] | undefined;

  constructor(host: CourierHost, put: (told: Told) => void) {
    this.#host = host;
    this.#put = put;
    this.#standings = new Standings(host.mesh);
  }

  /** Whether something about files is under way. */
  get works(): boolean {
    return this.#asks > 0;
  }

  /** The frame says something about files. Raises `WireError`, and `Denied` where its app has not asked for files. */
  heard(data: unknown): void {
    const { number, ask } = data as { readonly number?: unknown; readonly ask?: unknown };
    if (!isPlace(number) || !isObject(ask)) throw new WireError("not a word about files");
    this.#standings.checkCapability(this.#host.resource, "files"); // the SDK has asked before
    if (ask["ask"] === "open") this.#open();
    else void this.#answer(number, checked(ask));
  }

  #open(): void {
    this.#stop ??= this.#host.away.onKept(() => this.#tell());
    this.#told = undefined;
    this.#tell();
  }

  get #files(): readonly messages.KeptFile[] {
    return this.#host.away.files.filter(({ resource }) => resource === this.#host.resource);
  }

  /** All at first, and then what is another. */
  #tell(): void {
    const now = this.#files;
    const before = new Set(this.#told);
    const ids = new Set(now.map(({ id }) => id));
    const files = now.filter((file) => !before.has(file));
    const gone = [...before].map(({ id }) => id).filter((id) => !ids.has(id));
    const whole = this.#told === undefined;
    this.#told = now;
    if (whole || files.length + gone.length > 0) this.#put({ callmesh: "files", files, whole, gone });
  }

  async #answer(number: number, ask: FileRequest): Promise<void> {
    try {
      const reply = await this.#request(ask);
      if (!this.#over) this.#put({ callmesh: "files", number, reply });
    } catch (cause) {
      const error = cause instanceof CallmeshError ? cause : new Broken("the hub was not reached", { cause });
      const { code, message } = error;
      const reason = error instanceof Denied ? error.reason : "";
      if (!this.#over) this.#put({ callmesh: "files", number, code, reason, message });
    }
  }

  async #request(ask: FileRequest): Promise<FileReply> {
    if (this.#asks >= MOST_ASKS) throw new TooFast(`a frame asks for ${MOST_ASKS} things of files at once`);
    this.#checkOwn(ask);
    this.#asks++;
    try {
      const reply = await this.#host.away.request(ask);
      if (ask.ask === "announce") this.#keepInMind(ask.id);
      return reply;
    } finally {
      this.#asks--;
    }
  }

  /** The hub has taken it, for the frame's resource: it may go on with it. */
  #keepInMind(id: string): void {
    if (this.#announced.size >= MOST_ANNOUNCED) this.#announced.delete([...this.#announced][0] as string);
    this.#announced.add(id);
  }

  /** What is not of the frame's resource is not there for it. */
  #checkOwn(ask: FileRequest): void {
    const { id } = ask;
    if (ask.ask === "announce") {
      if (ask.said.resource !== this.#host.resource) throw new Refused("a frame leaves files in its own resource alone");
    } else if (!this.#announced.has(id) && !this.#files.some((file) => file.id === id)) {
      throw new Refused("there is no such file here for you");
    }
  }

  close(): void {
    this.#over = true;
    this.#stop?.();
  }
}

/** What a frame may ask for, and nothing else of it goes on. Raises `WireError`. */
function checked({ ask, id, said, at, end, data, answer }: Loose): FileRequest {
  if (typeof id === "string" && /^[0-9a-f]{16}$/.test(id)) {
    if (ask === "announce" && isObject(said)) return { ask, id, said: announced(said) };
    if (ask === "bring" && isPlace(at) && isSlice(data)) return { ask, id, at, data };
    if (ask === "fetch" && isPlace(at) && isPlace(end) && end > at && end - at <= SLICE) return { ask, id, at, end };
    if (ask === "answer" && (answer === "taken" || answer === "refused")) return { ask, id, answer };
    if (ask === "take_back") return { ask, id };
  }
  throw new WireError("not a word about files");
}

/** The hub checks what it says. */
function announced({ resource, name, size, sha256, type, to, lasts }: Loose): Announced {
  return { resource, name, size, sha256, type, to, lasts } as Announced;
}

type Loose = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Loose {
  return typeof value === "object" && value !== null;
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSlice(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array && value.length <= SLICE;
}
