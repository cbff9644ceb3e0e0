/** What a courier asks of the call it stands in. `Call.courierHost` of the client is one. */

import type {
  Change, HubWord, Json, Mesh, Mode, Participant, ParticipantId, Piece, ResourceId, Value, Writer,
} from "@callmesh/core";

/** A piece of a stream of the resource, and whose it is. */
export interface Arrival {
  readonly sender: ParticipantId;
  readonly name: string;
  readonly mode: Mode;
  readonly piece: Piece;
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
  /** Sends a piece, whose number does not count. Resolves when there is room for the next one. */
  sendStream(name: string, mode: Mode, piece: Piece, to: readonly ParticipantId[] | undefined): Promise<void>;
  onStream(fn: (arrival: Arrival) => void): () => void;
}
