/** What a courier asks of the call it stands in. `Call.courierHost` of the client is one. */

import type {
  Away, Change, Delivery, End, HubWord, Json, Mesh, messages, Participant, ParticipantId, Payload, Reach, ResourceId, Taking, Value, Whole, Writer,
} from "@callmesh/core";

/** A frame that has a stream open: what it is told, and whether it takes anything now. */
export interface StreamConsumer {
  receive(whole: Whole): void;
  ended(end: End): void;
  /** A sender that has ended it has opened it again. */
  began(sender: ParticipantId): void;
  reachChanged(): void;
  takes(sender: ParticipantId): Taking;
  readonly keep: number;
}

/** What a frame does with a stream that it has open. */
export interface StreamHandle {
  /** Resolves when there is room for the next one. */
  send(payload: Payload, to: readonly ParticipantId[] | undefined): Promise<void>;
  /** Tells readers that it was all. Resolves when they have it. */
  end(): Promise<void>;
  /** What it takes is another. */
  turned(): void;
  reach(): { readonly settled: boolean; readonly peers: ReadonlyMap<ParticipantId, Reach> };
  close(): void;
}

export interface CourierHost {
  readonly mesh: Mesh;
  readonly me: Participant;
  readonly callId: string;
  readonly resource: ResourceId;
  /** How the call's link to the hub stands: `joined`, or a word for why the hub is out of reach. */
  readonly link: string;
  onLink(fn: () => void): () => void;
  readonly cache: {
    items(): Iterable<readonly [string, Json]>;
    /** Raises `TooLarge`, or whatever is wrong with it. */
    put(key: string, value: Value): void;
  };
  /** Microseconds since the epoch; only runs forward. */
  now(): number;
  /** Something was written to the mesh: tell of the changes, and send it soon. */
  wrote(changes: readonly Change[]): void;
  onChange(fn: (change: Change) => void): () => void;
  /** Told of each word of the hub, when it is in the mesh and its changes were told. */
  onWord(fn: (word: HubWord) => void): () => void;
  /** A writer id that no frame had before: `<participant>.<n>`. */
  writer(): Writer;
  /** What the hub keeps for those who are away. */
  readonly away: Away;
  /** Raises `BadValue` where the page has it open in another mode, or delivers otherwise. */
  openStream(name: string, how: Delivery, consumer: StreamConsumer): StreamHandle;
  /** Ask the hub to fetch something. What came of it, an error too. */
  fetch(wish: messages.Fetch): Promise<messages.Fetched>;
}
