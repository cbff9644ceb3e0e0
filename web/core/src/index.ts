/** `@callmesh/core`: the model and the protocol, without I/O. Messages come as `messages.Welcome` and so on. */

export {
  BadInput, BadManifest, BadName, BadValue, Broken, BY_CLOSE, BY_CODE, CallmeshError, CallOver, Closed, Declined, DENIALS,
  Denied, Ended, EndedByPeer, EndpointFailed, fromWire, NoSuchCall, Refused, Removed, Replaced, Restarting, StorageFailed, TimedOut, TooFast,
  TooLarge, Unauthorized, Unreachable, WireError, WouldBlock, type ErrorClass,
} from "./errors.ts";
export {
  appId, appStream, APPS, CALL, callId, DIRECT, displayName, DOOR, HUB, HUB_STATE, issue, isVolatile, MAX_NAME, MOST_STREAMS, presenceOf, personId, READ_ONLY, resourceId, STREAMS,
  resourceOf, ROSTER, stateId, stateOf, streamName, writesFor, type AppId, type CallId,
  type ParticipantId, type PersonId, type ResourceId, type StateId, type Writer,
} from "./ids.ts";
export {
  check, checkKey, decode as decodeValue, encode as encodeValue, frozen, MAX_DEPTH, MAX_KEY, MAX_VALUE,
  same, type Json, type JsonObject,
} from "./values.ts";
export { AHEAD, HybridClock, MICROSECONDS } from "./clock.ts";
export { CLOSED, readRules, Rules, type Capability, type KeyRule, type Standing, type Who } from "./app.ts";
export { DELETED, newer, sizeOf, State, valueOf, type Entry, type Stamp, type Value } from "./state.ts";
export {
  accessOf, ACCESSES, isAccess, isRole, mayEdit, readParticipant, ROLES, type Access, type Participant, type Role,
} from "./participant.ts";
export {
  accessKey, ACTIVE, keyOf, Lifecycle, readRecord, resourceIn, versionKey, type LifecycleState, type LifeEvent, type ResourceRecord,
} from "./resource.ts";
export { MAX_CACHE, MAX_ITEM, ResourceCache, type Keep } from "./cache.ts";
export type * as messages from "./messages.ts";
export { MAX_BUNDLE, MAX_PAYLOAD, STREAM_WINDOW, VERSION, type Ice, type Message } from "./messages.ts";
export { bundle, encode as encodeMessage, unbundle } from "./codec.ts";
export { Ledger, type Kept, type Record as LedgerRecord } from "./ledger.ts";
export { transactionsOf, type Written } from "./transactions.ts";
export { LedgerHub, MemoryLink, type HubRules, type LinkUser, type Member } from "./memory.ts";
export { MAX_WRITE, type Fate, type Unsaved } from "./outbox.ts";
export { Mesh, type Cause, type Change, type Changed, type Status } from "./mesh.ts";
export { Receipt } from "./receipt.ts";
export {
  OPENING_TIMEOUT, PING_EVERY, Session, SILENCE, type SessionState, type Side,
} from "./session.ts";
export { complain, Listeners } from "./listeners.ts";
export { checkFunction, MAX_KEEP, streamOptions } from "./options.ts";
export {
  ANEW, CONTROL_ID, CONTROL_LABEL, MOST_CHANNELS, MOST_EARLY, MOST_SIGNALS, Pair, PATIENCE, readSignal, REPEAT, type Mend, type Path,
  type PeerSignal,
} from "./signaling.ts";
export {
  BOUNDS, decodeFrame, delivery, encodeFrame, encodePiece, HEAD, isSameDelivery, label, LOW_WATER, MAX_MESSAGE, MAX_PARTS, modeOf, NO_BYTES, payloadOf, pieces,
  readLabel, readPayload, REFILL, tooMany, type Bound, type Delivery, type Payload, type Piece, type StreamMessage,
} from "./stream.ts";
export { Meter, type Counts } from "./meter.ts";
export { HIGH_WATER, Lane, STALLED, type Due, type Frame, type Reading } from "./lane.ts";
export { ACK, Inbox, lostOf, Source, type Came, type End, type InboxUser, type Whole } from "./inbox.ts";
export { INBOX, INBOX_BYTES } from "./shelf.ts";
export { Wake } from "./wake.ts";
export { Queue } from "./queue.ts";
export { RelayQueue, type StreamId } from "./relay.ts";
export { Turns } from "./turns.ts";
export { unlessAborted, type Abort } from "./abort.ts";
export {
  DataStream, type Codec, type Reach, type ReadOptions, type ReadyOptions, type SendOptions,
  type StreamOptions, type StreamPort, type Taking,
} from "./datastream.ts";
export { FILES, keptAfter } from "./files.ts";
export { Keeping, KeptFile, SLICE, type Announced, type Away, type Brought, type FileReply, type FileRequest, type ShelfUser } from "./away.ts";
export { FileOffer } from "./offers.ts";
export { Files, Transfer, type FileOptions, type FilesUser, type KeepOptions, type Progress } from "./transfers.ts";
export { Replica, type HubWord, type ReplicaAccess, type Runtime } from "./replica.ts";
export {
  SharedState, type Below, type ListenOptions, type StateRights, type Transaction,
} from "./shared.ts";
export { SharedPresence } from "./presence.ts";
export { received, SAVED_TIMEOUT, type WaitOptions } from "./wait.ts";
export { UndoHistory, type UndoOptions } from "./undo.ts";
export { OrderedList } from "./list.ts";
export { UnreadableReport } from "./unreadable.ts";
export { Roster } from "./roster.ts";
export { Exchange, LAST_PIECE, type Draft } from "./exchange.ts";
export { openLetter, signedBytes, type Held as HeldLetter } from "./letters.ts";
export { fetchFailed } from "./fetching.ts";
export { Standings, WAITING } from "./standing.ts";
export { Pace } from "./pace.ts";
export type { Mode } from "./messages.ts";
