/** What this participant has written and is not saved, kept over a reload (S25). */

import {
  DELETED, isVolatile, type CallId, type Change, type Json, type Mesh, type ParticipantId, type PersonId, type StateId,
  type Unsaved, type Writer,
} from "@callmesh/core";

import { Alive } from "./alive.ts";
import { rangeOf, Rows } from "./rows.ts";
import { after } from "./runtime.ts";

/** Days after which what somebody left behind is not written again. */
const TOO_OLD = 7;
const DAY = 24 * 3_600_000;
/**
 * Milliseconds that a write has to be saved by the hub before it is kept here too: a transaction of
 * IndexedDB costs the page more than all else about a write. Who goes, or has no hub, keeps it at once.
 */
const GRACE = 100;

export interface UnsavedId {
  readonly call: CallId;
  readonly person: PersonId;
  /** Each tab has its own: another one may be at work. */
  readonly participant: ParticipantId;
}

interface Row {
  readonly place: readonly string[];
  readonly state: StateId;
  readonly key: string;
  readonly time: number;
  readonly version: number;
  /** Without it, a delete. */
  readonly value?: Json;
}

export class UnsavedStore {
  readonly #rows: Rows;
  readonly #mesh: Mesh;
  /** The places of what is kept by this participant. */
  readonly #kept = new Map<string, readonly string[]>();
  #follows = false;
  #endGrace: (() => void) | undefined;
  readonly #isHere: (participant: ParticipantId) => boolean;
  #id: UnsavedId | undefined;
  /** What holds this tab's place, and those of the tabs it stands in for. */
  #holds: (() => void)[] = [];
  #claims: (() => void)[] = [];
  #closed = false;
  /** Of what was left behind, the places. */
  #left: (readonly string[])[] = [];

  /** `isHere` says of participants whether the roster has them, for browsers that know no locks. */
  constructor(
    mesh: Mesh,
    onError: (error: unknown) => void = () => undefined,
    isHere: (participant: ParticipantId) => boolean = () => false,
  ) {
    this.#rows = new Rows("callmesh-unsaved", onError);
    this.#mesh = mesh;
    this.#isHere = isHere;
  }

  /**
   * Begin to keep, now that it is known for whom. What was written before is kept too.
   *
   * Returns what tabs of the same person have left behind that are gone; one that lives sees to its own.
   */
  async start(id: UnsavedId): Promise<Unsaved[]> {
    this.#id = id;
    this.#keep();
    const alive = new Alive(id.call, this.#isHere);
    this.#holds.push(await alive.hold(id.participant));
    const left = await this.#claim(alive, await this.#rows.load<Row>(rangeOf(id.call, id.person)));
    if (this.#closed) this.close();
    this.#left = left.map(({ place }) => place);
    const since = (Date.now() - TOO_OLD * DAY) * 1_000;
    const old = left.filter(({ time }) => time <= since).map(({ state, key }) => `${state} ${key}`);
    if (old.length > 0) console.warn(`Written here more than ${TOO_OLD} days ago, never saved, and dropped now: ${old.join(", ")}`);
    return left.filter(({ time }) => time > since).map(unsavedOf);
  }

  /** The rows of tabs that are gone, which this one stands in for until they are taken. */
  async #claim(alive: Alive, rows: readonly Row[]): Promise<Row[]> {
    const others = new Set(rows.map(participantOf));
    others.delete((this.#id as UnsavedId).participant);
    const gone = new Set<ParticipantId>();
    for (const other of others) {
      const release = await alive.claim(other);
      if (release === undefined) continue;
      this.#claims.push(release);
      gone.add(other);
    }
    return rows.filter((row) => gone.has(participantOf(row)));
  }

  /** What was left behind is written again, and kept in this participant's name by now. */
  taken(): void {
    this.#keep();
    const left = this.#left.splice(0);
    if (left.length > 0) this.#rows.do((rows) => left.forEach((place) => void rows.delete([...place])));
    void this.#rows.settled().then(() => this.#release(this.#claims));
  }

  /** This tab is not in the call any more: what it leaves behind is for the next one. */
  close(): void {
    if (this.#endGrace !== undefined) this.#keep();
    this.#closed = true;
    this.#release(this.#claims);
    this.#release(this.#holds);
  }

  #release(held: (() => void)[]): void {
    for (const release of held.splice(0)) release();
  }

  /** Something was written. */
  changed({ state, cause }: Change): void {
    if (cause === "own" && !isVolatile(state)) this.#follow();
  }

  /** The hub has said something: what is saved or denied is kept no longer. */
  heard(): void {
    if (this.#kept.size > 0) this.#follow();
  }

  /** Resolves when everything is written that was put until now. */
  settled(): Promise<void> {
    if (this.#endGrace !== undefined) this.#keep();
    return this.#rows.settled();
  }

  /** Keep what there is to keep, when the hub has had its time. */
  #follow(): void {
    if (this.#mesh.linked) this.#endGrace ??= after(GRACE, () => this.#keep());
    else this.#keep();
  }

  /** Keep what the mesh would lose, transactions whole, and nothing else. Once for all of a turn. */
  #keep(): void {
    this.#endGrace?.();
    this.#endGrace = undefined;
    if (this.#id === undefined || this.#follows) return;
    if (this.#kept.size === 0 && this.#mesh.unsavedWrites().length === 0) return;
    this.#follows = true;
    this.#rows.do((rows) => {
      this.#follows = false;
      const now = new Map(this.#mesh.unsavedWrites().map((write) => [nameOf(write), write]));
      for (const [name, place] of this.#kept) {
        if (now.has(name)) continue;
        this.#kept.delete(name);
        rows.delete([...place]);
      }
      for (const [name, write] of now) {
        if (this.#kept.has(name)) continue;
        const row = this.#rowOf(write);
        this.#kept.set(name, row.place);
        rows.put(row, [...row.place]);
      }
    });
  }

  #rowOf({ state, entry, version }: Unsaved): Row {
    const { call, person, participant } = this.#id as UnsavedId;
    const { key, time, value } = entry;
    const place = [call, person, participant, state, key, String(time)];
    return { place, state, key, time, version, ...(value !== DELETED && { value }) };
  }
}

/** A State and a key have no line break in their names. */
function nameOf({ state, entry: { key, time } }: Unsaved): string {
  return `${state}\n${key}\n${time}`;
}

function participantOf({ place }: Row): ParticipantId {
  return (place[2] ?? "") as ParticipantId;
}

/** Its writer is whoever writes it again. */
function unsavedOf({ state, key, time, version, value }: Row): Unsaved {
  return { state, entry: { key, time, writer: "" as Writer, value: value === undefined ? DELETED : value }, version };
}
