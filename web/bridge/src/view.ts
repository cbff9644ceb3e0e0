/**
 * What one frame may see of the mesh, and what of it the frame does not have yet.
 *
 * One reader, so all that has to be kept is which keys it lacks: a hung frame costs one number, and
 * at most every key once (L1). A frame's own write is not shown to it before the hub has answered it:
 * its entry coming back is its acceptance, as between a hub and any other client (A3).
 */

import {
  accessKey, APPS, CALL, DELETED, HUB, HUB_STATE, keyOf, newer, presenceOf, ROSTER, Standings, stateOf, versionKey, type Change, type Entry,
  type Json, type JsonObject, type Mesh, type messages, type ParticipantId, type ResourceId, type Stamp, type StateId,
} from "@callmesh/core";

/** Numbers beyond `from` are safe when the hub's disk has reached `cursor`. */
interface Unsaved {
  readonly from: number;
  /** Undefined while letters of peers are among what is seen: nobody has saved those. */
  cursor: number | undefined;
}

export class View {
  readonly #mesh: Mesh;
  readonly #resource: ResourceId;
  readonly #me: ParticipantId;
  readonly #standings: Standings;
  /** What the frame lacks. A State has no line break in its name, so this is one text per place. */
  #lacking = new Map<string, { readonly state: StateId; readonly entry: Entry }>();
  /** The frame's own writes that the hub has not answered. */
  readonly #held = new Map<string, Stamp>();
  #unsaved: Unsaved[] = [];
  #whole = true;
  #number = 0;
  #told = 0;

  constructor(mesh: Mesh, resource: ResourceId, me: ParticipantId) {
    this.#mesh = mesh;
    this.#resource = resource;
    this.#me = me;
    this.#standings = new Standings(mesh);
    this.#takeAll([]);
  }

  get #own(): readonly StateId[] {
    return [stateOf(this.#resource), presenceOf(this.#resource)];
  }

  /** Whether the frame may write there: to its own resource, and which version its state has. */
  writable(state: StateId, key: string): boolean {
    return this.#own.includes(state) || (state === CALL && key === versionKey(this.#resource));
  }

  #shows(state: string, key: string): state is StateId {
    const resource = this.#resource;
    switch (state) {
      case CALL:
        return key === keyOf(resource) || key === versionKey(resource) || key.startsWith(accessKey(resource, ""));
      case APPS:
        return key === this.#app;
      case ROSTER:
        return key === this.#me || this.#standings.allows(resource, "participants");
      case HUB_STATE:
        return true;
      default:
        return this.#own.some((own) => own === state);
    }
  }

  /** The app whose rules the frame goes by. */
  get #app(): string | undefined {
    const record = this.#mesh.value(CALL, keyOf(this.#resource));
    return isRecord(record) && typeof record["app"] === "string" ? record["app"] : undefined;
  }

  // --- what happens

  /**
   * The frame wrote `entry`, which is about to be adopted. One that is not newer than what is there
   * will not be sent to the hub: it is answered with that, unless it was sent before.
   */
  hold(state: StateId, entry: Entry): void {
    const { key, time, writer } = entry;
    const place = placeOf(state, key);
    if (newer(entry, this.#mesh.entry(state, key))) this.#held.set(place, { time, writer });
    else if (!this.#held.has(place)) this.#touch(state, key);
  }

  /** Somebody here changed something, or the hub did. */
  changed({ state, keys, cause }: Change): void {
    const [from, letters] = [this.#number, cause === "peers"];
    for (const key of keys.keys()) if (this.#shows(state, key)) this.#touch(state, key, undefined, letters);
    if (letters && this.#number > from) this.#unsaved.push({ from, cursor: undefined });
  }

  /** The hub's batch, which is in the mesh. */
  heard({ whole, groups, cursor }: messages.Batch): void {
    const from = this.#number;
    if (whole) this.#takeAll(groups);
    else this.#takeEach(groups);
    if (this.#number > from) this.#unsaved.push({ from, cursor });
  }

  /**
   * The hub's denial: as it is to be told to this frame, of what is a write of its own.
   *
   * A write of the frame's that the page's own had replaced on its way is lost with that; it has
   * another stamp. What the page has stamped anew, and sent again, is no denial.
   */
  denied(denial: messages.Denial, own: string): messages.Denial[] {
    const found = new Map<string, messages.Denial>();
    for (const [state, key] of denial.places) {
      if (!this.#shows(state, key) || this.#again(denial, state, key)) continue;
      const held = this.#held.get(placeOf(state, key));
      const lost = held !== undefined && !newer(held, denial);
      if (lost) this.#held.delete(placeOf(state, key));
      this.#touch(state, key);
      if (!lost && denial.writer !== own) continue;
      const { time, writer } = lost ? held : denial;
      const known = found.get(`${time} ${writer}`);
      const places = [...(known?.places ?? []), [state, key] as const];
      found.set(`${time} ${writer}`, { ...denial, time, writer, places });
    }
    return [...found.values()];
  }

  #again({ reason, writer }: messages.Denial, state: StateId, key: string): boolean {
    return reason === "clock_ahead" && writer === this.#mesh.writer && this.#mesh.statusOf(state, key) === "pending";
  }

  // --- what the frame lacks

  /** Whether there is something to tell. */
  get hasOutput(): boolean {
    return this.#whole || this.#lacking.size > 0 || this.#saved > this.#told;
  }

  /** Everything the frame lacks; it counts as told. */
  take(): messages.Batch | messages.Saved | undefined {
    if (!this.hasOutput) return undefined;
    const saved = (this.#told = this.#saved);
    if (!this.#whole && this.#lacking.size === 0) return { type: "saved", cursor: saved };
    const groups = new Map<StateId, Entry[]>();
    for (const { state, entry } of this.#lacking.values()) {
      if (this.#whole && entry.value === DELETED && entry.unreadable === undefined) continue;
      const group = groups.get(state);
      if (group === undefined) groups.set(state, [entry]);
      else group.push(entry);
    }
    const whole = this.#whole;
    this.#whole = false;
    this.#lacking.clear();
    const list = [...groups].map(([state, entries]) => ({ state, entries, version: 0 }));
    return { type: "batch", cursor: this.#number, saved, whole, groups: list };
  }

  /** The largest number such that the hub has on its disk whatever came of the frame's writes up to it. */
  get #saved(): number {
    const { cursor: heard, letters, linked, saved } = this.#mesh;
    if (linked && letters.empty) for (const mark of this.#unsaved) mark.cursor ??= heard;
    this.#unsaved = this.#unsaved.filter(({ cursor }) => cursor === undefined || cursor > saved);
    return this.#unsaved[0]?.from ?? this.#number;
  }

  // --- places

  #takeAll(groups: readonly messages.Group[]): void {
    this.#whole = true;
    this.#lacking = new Map();
    this.#number++;
    this.#takeEach(groups);
    for (const state of [CALL, APPS, ROSTER, HUB_STATE, ...this.#own]) {
      for (const [key, unreadable] of this.#mesh.setAside.of(state)) {
        if (this.#shows(state, key)) this.#touch(state, key, { key, time: 0, writer: HUB, value: DELETED, unreadable });
      }
      for (const key of this.#mesh.keys(state)) if (this.#shows(state, key)) this.#touch(state, key);
    }
  }

  #takeEach(groups: readonly messages.Group[]): void {
    for (const { state, entries } of groups) {
      for (const entry of entries) if (this.#shows(state, entry.key)) this.#touch(state, entry.key, entry);
    }
  }

  /**
   * A place is another one; `heard` is what the hub has there. Where a letter has come or gone, the
   * frame is shown its own write too: it may have been shown the letter over it.
   */
  #touch(state: StateId, key: string, heard?: Entry, letters = false): void {
    const place = placeOf(state, key);
    const held = this.#held.get(place);
    const seen = this.#mesh.entry(state, key);
    const own = held !== undefined && seen?.time === held.time && seen.writer === held.writer;
    if (own && heard === undefined && !letters) return;
    const entry = own ? (heard ?? seen) : (seen ?? heard);
    if (held !== undefined && heard !== undefined && !newer(held, heard)) this.#held.delete(place);
    this.#number++;
    this.#lacking.delete(place);
    this.#lacking.set(place, { state, entry: entry ?? { key, time: 0, writer: HUB, value: DELETED } });
  }
}

function placeOf(state: string, key: string): string {
  return `${state}\n${key}`;
}

function isRecord(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
