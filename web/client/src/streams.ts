/** All streams of a call: who reads them, what of them comes, and where what is sent goes. */

import {
  BadValue, CallmeshError, Closed, DataStream, decodePiece, label, openPiece, readLabel, RelayQueue,
  type messages, type Mode, type ParticipantId, type Path, type Piece, type ResourceId, type Session, type StreamId,
} from "@callmesh/core";

import { Lane } from "./lane.ts";

/** Channels that one peer may have open here. */
const MOST_CHANNELS = 256;

/** A piece of a stream, and whose it is. */
export interface Arrival {
  readonly sender: ParticipantId;
  readonly name: string;
  readonly mode: Mode;
  readonly piece: Piece;
}

export interface StreamsUser {
  /** Everybody else for whom a resource is there. */
  others(resource: ResourceId): readonly ParticipantId[];
  /** Whether a resource is known to be hidden from somebody. */
  isHidden(resource: ResourceId, id: ParticipantId): boolean;
  path(id: ParticipantId): Path["kind"];
  open(id: ParticipantId, label: string, mode: Mode): RTCDataChannel | undefined;
  /** Something waits for the relay. */
  flush(): void;
}

/** What this participant sends of one stream. */
interface Sender {
  /** Counts its messages, whoever of this participant's frames they come from. */
  number: number;
  replaced: number;
  /** By mode and receiver. */
  readonly lanes: Map<string, { readonly receiver: ParticipantId; readonly lane: Lane }>;
}

export class Streams {
  readonly #user: StreamsUser;
  readonly #relay = new RelayQueue();
  readonly #senders = new Map<string, Sender>();
  readonly #opened = new Map<string, DataStream>();
  readonly #listeners = new Map<ResourceId, Set<(arrival: Arrival) => void>>();
  readonly #channels = new Map<ParticipantId, Set<RTCDataChannel>>();
  /** Those who wait until there is room. */
  #waiting: { readonly full: () => boolean; readonly resolve: () => void }[] = [];

  constructor(user: StreamsUser) {
    this.#user = user;
  }

  // --- reading

  /** The stream of that name. Raises `BadName`, and `BadValue` if it is open in another mode. */
  open(resource: ResourceId, name: string, mode?: Mode): DataStream {
    const key = label(resource, name);
    const known = this.#opened.get(key);
    if (known !== undefined && !known.closed) {
      if (mode === undefined || mode === known.mode) return known;
      throw new BadValue(`the stream ${name} is open already, in mode ${known.mode}`);
    }
    const id: StreamId = { resource, name, mode: mode ?? "reliable" };
    const dropped = (): number => this.#dropped(key);
    const stream = new DataStream(name, id.mode, {
      send: (piece, to) => this.send(id, piece, to),
      closed: () => void this.#opened.delete(key),
      get dropped() {
        return dropped();
      },
    });
    this.#opened.set(key, stream);
    return stream;
  }

  /** Told of every piece of every stream of one resource. */
  listen(resource: ResourceId, fn: (arrival: Arrival) => void): () => void {
    const listeners = this.#listeners.get(resource) ?? new Set();
    listeners.add(fn);
    this.#listeners.set(resource, listeners);
    return () => void listeners.delete(fn);
  }

  /** A message by way of the hub. */
  receive({ peers, resource, name, mode, number, json, payload }: messages.Stream): void {
    const [sender] = peers;
    if (sender === undefined) return;
    this.#arrive(resource as ResourceId, {
      sender: sender as ParticipantId, name, mode, piece: { number, json, payload },
    }); // prettier-ignore
  }

  /** A channel that a peer has opened. One that is no stream's is closed. */
  accept(sender: ParticipantId, channel: RTCDataChannel): void {
    const channels = this.#channels.get(sender) ?? new Set();
    this.#channels.set(sender, channels);
    try {
      if (channels.size >= MOST_CHANNELS) throw new BadValue("too many channels");
      const { resource, name } = readLabel(channel.label);
      const mode = channel.ordered && channel.maxRetransmits === null ? "reliable" : "latest";
      channels.add(channel);
      channel.onclose = () => void channels.delete(channel);
      channel.onmessage = ({ data }: MessageEvent<unknown>) => {
        if (!(data instanceof ArrayBuffer)) return;
        dropRubbish(() => {
          const piece = decodePiece(new Uint8Array(data));
          // That something was lost is not a peer's to say.
          if (piece.number > 0) this.#arrive(resource, { sender, name, mode, piece });
        });
      };
    } catch (error) {
      if (!(error instanceof CallmeshError)) throw error;
      channel.close();
    }
  }

  #arrive(resource: ResourceId, arrival: Arrival): void {
    const { sender, name } = arrival;
    if (this.#user.isHidden(resource, sender)) return;
    const stream = this.#opened.get(`${resource}/${name}`);
    if (stream !== undefined) dropRubbish(() => take(stream, arrival));
    for (const listener of this.#listeners.get(resource) ?? []) listener(arrival);
  }

  // --- sending

  /** Send to those named, or to everybody else. Resolves when there is room for the next one. */
  async send(id: StreamId, unnumbered: Piece, to?: readonly ParticipantId[]): Promise<void> {
    const sender = this.#sender(label(id.resource, id.name));
    const piece = { ...unnumbered, number: ++sender.number };
    const lanes: Lane[] = [];
    const relayed: ParticipantId[] = [];
    for (const receiver of this.#user.others(id.resource)) {
      if (to?.includes(receiver) === false) continue;
      const lane = this.#lane(id, sender, receiver);
      if (lane.put(piece)) lanes.push(lane);
      else relayed.push(receiver);
    }
    if (relayed.length > 0) this.#putRelayed(id, sender, piece, relayed);
    const full = (): boolean => lanes.some((lane) => lane.full) || this.#relay.full;
    if (id.mode === "reliable" && full()) await this.#room(full);
  }

  #putRelayed(id: StreamId, sender: Sender, piece: Piece, to: readonly ParticipantId[]): void {
    if (this.#relay.put(id, piece, to)) sender.replaced++;
    this.#user.flush();
  }

  #sender(key: string): Sender {
    const known = this.#senders.get(key);
    if (known !== undefined) return known;
    const sender: Sender = { number: 0, replaced: 0, lanes: new Map() };
    this.#senders.set(key, sender);
    return sender;
  }

  #lane(id: StreamId, sender: Sender, receiver: ParticipantId): Lane {
    const key = `${id.mode} ${receiver}`;
    const known = sender.lanes.get(key);
    if (known !== undefined) return known.lane;
    const lane = new Lane(id.mode, {
      open: () => this.#user.open(receiver, label(id.resource, id.name), id.mode),
      relay: (piece) => this.#putRelayed(id, sender, piece, [receiver]),
      room: () => this.#settle(),
    });
    sender.lanes.set(key, { receiver, lane });
    lane.follow(this.#user.path(receiver));
    return lane;
  }

  #dropped(key: string): number {
    const sender = this.#senders.get(key);
    if (sender === undefined) return 0;
    let sum = sender.replaced;
    for (const { lane } of sender.lanes.values()) sum += lane.dropped;
    return sum;
  }

  /** Resolves when `full` says no. */
  async #room(full: () => boolean): Promise<void> {
    await new Promise<void>((resolve) => void this.#waiting.push({ full, resolve }));
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ full }) => full());
    for (const one of waiting) if (!this.#waiting.includes(one)) one.resolve();
  }

  // --- the link, the paths, and the end

  /** Put on the session what its window lets through. */
  fill(session: Session): void {
    this.#relay.fill(session);
    this.#settle();
  }

  linkLost(): void {
    this.#relay.linkLost();
  }

  pathChanged(id: ParticipantId): void {
    for (const sender of this.#senders.values()) {
      for (const { receiver, lane } of sender.lanes.values()) {
        if (receiver === id) lane.follow(this.#user.path(id));
      }
    }
  }

  /** A participant is gone. */
  part(id: ParticipantId): void {
    for (const stream of this.#opened.values()) stream.gone(id);
    for (const sender of this.#senders.values()) {
      for (const [key, { receiver, lane }] of sender.lanes) {
        if (receiver !== id) continue;
        sender.lanes.delete(key);
        lane.close();
      }
    }
    this.#channels.delete(id);
  }

  /** A resource is gone, and its streams with it. */
  drop(resource: ResourceId): void {
    const own = `${resource}/`;
    for (const [key, stream] of this.#opened) {
      if (!key.startsWith(own)) continue;
      this.#opened.delete(key);
      stream.end(new Closed("this resource was removed"));
    }
    for (const [key, sender] of this.#senders) {
      if (key.startsWith(own)) for (const { lane } of sender.lanes.values()) lane.close();
    }
    this.#relay.keep((message) => message.resource !== resource);
    this.#settle();
  }

  /** The call is over: nobody waits any more. */
  end(reason: CallmeshError): void {
    for (const stream of this.#opened.values()) stream.end(reason);
    this.#opened.clear();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}

/** What a peer should not have sent is dropped, and nothing else suffers (D8). */
function dropRubbish(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof CallmeshError)) throw error;
  }
}

/** Messages that had to arrive were lost where the number is 0: this participant was too slow for them (D8). */
function take(stream: DataStream, { sender, mode, piece }: Arrival): void {
  if (piece.number > 0) stream.receive(openPiece(piece, sender), mode, piece.payload.length);
  else if (stream.mode === mode) stream.overflow();
}
