/** What hosts do: let people in, have them wait, take them out, and give roles: `call.hosting`. */

import {
  CALL, DELETED, Denied, DOOR, isRole, received, TimedOut, unlessAborted, type Abort, type CallmeshError, type Json, type JsonObject,
  type messages, type ParticipantId, type PersonId, type ReplicaAccess, type ResourceId, type Role, type Value,
} from "@callmesh/core";

/** The key in the call's own State that says whether hosts are asked before somebody comes in. */
export const WAITING_AREA = "waiting_area";
/** The one that says whether nobody new comes in. */
const LOCKED = "locked";
/** Milliseconds that a command waits for its answer unless told otherwise. */
const ANSWER_TIMEOUT = 10_000;

/** One who asks to be let in. */
export interface Waiting {
  readonly id: ParticipantId;
  readonly person: PersonId;
  readonly name: string;
  /** What they will be. */
  readonly role: Role;
  /** Microseconds since the epoch. */
  readonly since: number;
  /** Whether a host has asked for patience. */
  readonly held: boolean;
  /** What the host said. */
  readonly words: string;
}

/** What hosts decided about a person. */
export interface Noted {
  readonly person: PersonId;
  readonly name: string;
  /** The role they gave. */
  readonly role: Role | undefined;
  /** Since when the person is kept out, microseconds since the epoch; 0 while they are not. */
  readonly removed: number;
  /** Whether no new invitation helps. */
  readonly banned: boolean;
}

/** One who has left, or waited and went, within a day. */
export interface Left {
  readonly person: PersonId;
  readonly name: string;
  /** Microseconds since the epoch. */
  readonly since: number;
}

/** Why the Python half of a resource does not run. */
export interface HalfTrouble {
  readonly resource: ResourceId;
  /** The name of its app. */
  readonly app: string;
  /** How often it has failed since it ran well last; 0 for one that may not run. */
  readonly failures: number;
  /** When it is started again, microseconds since the epoch; 0 where nothing is planned. */
  readonly again: number;
  /** The last line that it printed, or what keeps it from running. */
  readonly error: string;
}

export interface CommandOptions {
  readonly signal?: Abort;
  /** Milliseconds. */
  readonly timeout?: number;
}

interface Asked {
  readonly command: messages.Command;
  readonly settle: (answer: messages.Answer) => void;
  readonly reject: (reason: CallmeshError) => void;
}

/**
 * Every command but settings of the call resolves when what it did is on the hub's disk. It rejects with `Denied` where it
 * cannot be done, with `TimedOut` where the hub has not answered in time. Nobody but a host may command.
 */
export class Hosting {
  readonly #access: ReplicaAccess;
  readonly #send: (command: messages.Command) => void;
  readonly #asked = new Map<string, Asked>();

  constructor(access: ReplicaAccess, send: (command: messages.Command) => void) {
    this.#access = access;
    this.#send = send;
  }

  // --- what hosts see

  /** Who waits to be let in, longest first; empty for all but hosts. */
  get waiting(): readonly Waiting[] {
    return this.#door("waiting/", readWaiting).sort((a, b) => a.since - b.since);
  }

  /** Those to whom hosts gave a role, and those who are kept out. */
  get noted(): readonly Noted[] {
    return this.#door("person/", readNoted);
  }

  /** Those who have left within a day and are not kept out, the latest first: they still can be. */
  get left(): readonly Left[] {
    return this.#door("left/", readLeft).sort((a, b) => b.since - a.since);
  }

  /** The Python halves that should run and do not. */
  get halves(): readonly HalfTrouble[] {
    return this.#door("half/", readHalf);
  }

  #door<T>(prefix: string, read: (key: string, value: JsonObject) => T | undefined): T[] {
    const { mesh } = this.#access;
    const found: T[] = [];
    for (const key of mesh.keys(DOOR)) {
      const value = mesh.value(DOOR, key);
      if (!key.startsWith(prefix) || !isObject(value)) continue;
      const thing = read(key.slice(prefix.length), value);
      if (thing !== undefined) found.push(thing);
    }
    return found;
  }

  /** Whether hosts are asked who comes in, as hosts see it. */
  get waitingArea(): boolean {
    return this.#access.mesh.value(DOOR, WAITING_AREA) === true;
  }

  // --- the waiting area

  /** Whether hosts are asked who comes in; undefined leaves it to the hub. Off lets in who waits. Resolves when the hub has taken it. */
  async setWaitingArea(on: boolean | undefined, options?: CommandOptions): Promise<void> {
    await this.#set(WAITING_AREA, on ?? DELETED, options);
  }

  /** Whether nobody new comes in; everybody in the call sees it. */
  get locked(): boolean {
    return this.#access.mesh.value(CALL, LOCKED) === true;
  }

  /** Have everybody wait who is new, or open the call again. Resolves when the hub has taken it. */
  async lock(on = true, options?: CommandOptions): Promise<void> {
    await this.#set(LOCKED, on || DELETED, options);
  }

  async #set(key: string, value: Value, options?: CommandOptions): Promise<void> {
    if (this.#access.ended !== undefined) throw this.#access.ended;
    const { mesh } = this.#access;
    const values = new Map<string, Value>([[key, value]]);
    this.#access.wrote(mesh.write(new Map([[CALL, values]]), this.#access.now()));
    const receipt = mesh.receipt(CALL);
    await received(this.#access, receipt, () => receipt.accepted, { timeout: ANSWER_TIMEOUT, ...options });
  }

  /** Let a person in; without one, everybody who waits. */
  async admit(person?: PersonId, options?: CommandOptions): Promise<void> {
    await this.#ask("admit", person ?? "", "", options);
  }

  /** Ask for patience, with some `words`, 400 characters at most. */
  async hold(person?: PersonId, words = "", options?: CommandOptions): Promise<void> {
    await this.#ask("hold", person ?? "", words, options);
  }

  /** Turn a person away who waits. They may ask again. */
  async decline(person: PersonId, options?: CommandOptions): Promise<void> {
    await this.#ask("decline", person, "", options);
  }

  // --- those in the call

  /** Take a person out; the invitation they had counts no more. */
  async remove(person: PersonId, options?: CommandOptions): Promise<void> {
    await this.#ask("remove", person, "", options);
  }

  /** Take a person out, or keep them out, whatever invitation they may get. */
  async ban(person: PersonId, options?: CommandOptions): Promise<void> {
    await this.#ask("ban", person, "", options);
  }

  /** Let a person who was removed or banned ask again. */
  async allow(person: PersonId, options?: CommandOptions): Promise<void> {
    await this.#ask("allow", person, "", options);
  }

  /** Give a person another role, at once and for later visits; undefined takes it back. */
  async setRole(person: PersonId, role: Role | undefined, options?: CommandOptions): Promise<void> {
    await this.#ask("role", person, role ?? "", options);
  }

  /** Make a person who is here a host, and oneself a guest. */
  async handOver(person: PersonId, options?: CommandOptions): Promise<void> {
    await this.#ask("hand_over", person, "", options);
  }

  /** Turn off a person's microphone; without one, everybody else's. They can turn it on. */
  async mute(person?: PersonId, options?: CommandOptions): Promise<void> {
    await this.#ask("mute", person ?? "", "", options);
  }

  /** End the call for everybody. It opens again when a host comes in. */
  async end(options?: CommandOptions): Promise<void> {
    await this.#ask("end", "", "", options);
  }

  // --- asking

  async #ask(action: string, person: string, option: string, options: CommandOptions = {}): Promise<void> {
    const { signal, timeout = ANSWER_TIMEOUT } = options;
    if (this.#access.ended !== undefined) throw this.#access.ended;
    const id = newId();
    const command: messages.Command = { type: "command", id, action, person, option };
    let stop = (): void => undefined;
    const answered = new Promise<messages.Answer>((settle, reject) => {
      this.#asked.set(id, { command, settle, reject });
      stop = this.#access.after(timeout, () => reject(new TimedOut("the hub has not answered yet")));
    });
    this.#send(command);
    try {
      const { reason, why } = await unlessAborted(answered, signal);
      if (reason !== "") throw new Denied(reason, why);
    } finally {
      stop();
      this.#asked.delete(id);
    }
  }

  /** For who runs it. */
  heard(answer: messages.Answer): void {
    this.#asked.get(answer.id)?.settle(answer);
  }

  /** Over a new link: what is carried out already is answered, and not done again. */
  askAgain(): void {
    for (const { command } of this.#asked.values()) this.#send(command);
  }

  /** The call is over: whoever waits for an answer is told why. */
  fail(reason: CallmeshError): void {
    for (const { reject } of this.#asked.values()) reject(reason);
  }
}

/** 16 hexadecimal digits; also where the page is not served over https, and there is no `randomUUID`. */
function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function readWaiting(id: string, value: JsonObject): Waiting | undefined {
  const { person, name, role, since, held, words } = value;
  if (typeof person !== "string" || typeof name !== "string" || typeof since !== "number" || !isRole(role)) return undefined;
  return {
    id: id as ParticipantId, person: person as PersonId, name, role, since, held: held === true,
    words: typeof words === "string" ? words : "",
  }; // prettier-ignore
}

function readNoted(person: string, { name, role, removed, banned }: JsonObject): Noted | undefined {
  if (typeof name !== "string") return undefined;
  return {
    person: person as PersonId, name, role: isRole(role) ? role : undefined,
    removed: typeof removed === "number" ? removed : 0, banned: banned === true,
  }; // prettier-ignore
}

function readLeft(person: string, { name, since }: JsonObject): Left | undefined {
  if (typeof name !== "string" || typeof since !== "number") return undefined;
  return { person: person as PersonId, name, since };
}

function readHalf(resource: string, { app, failures, again, error }: JsonObject): HalfTrouble | undefined {
  if (typeof app !== "string" || typeof failures !== "number" || typeof again !== "number") return undefined;
  return { resource: resource as ResourceId, app, failures, again, error: typeof error === "string" ? error : "" };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
