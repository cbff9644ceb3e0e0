/** The messages of a session, and their limits. How they stand on the wire is in `codec.ts`. */

import type { StateId } from "./ids.ts";
import type { Role } from "./participant.ts";
import type { LifeEvent } from "./resource.ts";
import type { Entry, Value } from "./state.ts";

export const VERSION = 1;
/** Bytes a hub takes in one bundle from a participant who has joined. */
export const MAX_BUNDLE = 1024 * 1024;
export const MAX_BUNDLE_BEFORE_JOINING = 16 * 1024;
/** Messages in one bundle to a hub. */
export const MAX_MESSAGES = 1024;
/** Characters that a host says to who waits. */
export const MAX_WORDS = 400;
/** Characters of one `Signal`. */
export const MAX_SIGNAL = 64 * 1024;
/** Bytes of one message of a DataStream. */
export const MAX_PAYLOAD = 60 * 1024;
/** Payload bytes of stream messages that a sender keeps ahead of what has gone on. */
export const STREAM_WINDOW = 256 * 1024;

export type Mode = "reliable" | "latest";

/** Entries of one State: `[state, [entry, …], version]`. */
export interface Group {
  readonly state: StateId;
  readonly entries: readonly Entry[];
  /** With which state version of its app the writer writes; 0 where it does not say. */
  readonly version: number;
}

/** First message of a participant: who wants into which call. */
export interface Hello {
  readonly type: "hello";
  readonly version: number;
  readonly call: string;
  readonly name: string;
  /** What one asks to be. Only a `--dev` hub listens to it; elsewhere the token says. */
  readonly role: Role | null;
  readonly token: string | null;
  /** The hub's own proof of who this is, from an earlier welcome: the same person across visits. */
  readonly person: string | null;
  /** The hub's own proof of which participant this was, to come back as the same one. */
  readonly resume: string | null;
  /** How far this replica has come; 0 for a newcomer. */
  readonly cursor: number;
  /** What this participant can do: `rtc` (data channels), `media` (audio and video). */
  readonly offers: readonly string[];
  /** The public half of this session's Ed25519 key, base64url; empty where there is none. */
  readonly key: string;
}

/** You are in. The first batch follows in the same bundle. */
export interface Welcome {
  readonly type: "welcome";
  readonly version: number;
  readonly call: string;
  readonly participant: string;
  /** What to sign writes with: the participant, or `<participant>.<n>` for a frame. */
  readonly writer: string;
  readonly person: string;
  readonly name: string;
  readonly role: Role;
  /** The hub's clock, microseconds. */
  readonly time: number;
  readonly resume: string;
  readonly personProof: string;
  /** In an app's frame: the one resource it is about. */
  readonly resource: string | null;
}

/** You wait to be let in. Said anew when it stands otherwise. */
export interface Waiting {
  readonly type: "waiting";
  readonly version: number;
  readonly call: string;
  readonly person: string;
  readonly name: string;
  /** The hub's clock, microseconds. */
  readonly time: number;
  readonly personProof: string;
  /** Whether a host has seen it, and asks to wait a little longer. */
  readonly held: boolean;
  /** What the host says. */
  readonly words: string;
  /** What you may do once you are in. */
  readonly role: Role;
  /** Resources that are shown to who waits, and the rules of their apps: of the call nothing else. */
  readonly groups: readonly Group[];
  /** Whether nobody new comes in at the moment (J29). */
  readonly locked: boolean;
}

/** What a host wants done about a person. Sent again over every new link until answered. */
export interface Command {
  readonly type: "command";
  /** Chosen by who commands; one that was carried out is answered again, and not done again. */
  readonly id: string;
  readonly action: string;
  /** Whom it is about; nobody named means everybody who waits, or the call itself. */
  readonly person: string;
  /** A role, or words to who waits. */
  readonly option: string;
}

/** What became of a command. What was done is on disk. */
export interface Answer {
  readonly type: "answer";
  readonly id: string;
  /** Empty where it was done; else one of `DENIALS`. */
  readonly reason: string;
  readonly why: string;
}

/**
 * Everything up to `cursor`, applied as one step.
 *
 * `whole`: this is all there is; forget what you had. Without it, what changed since your cursor.
 */
export interface Batch {
  readonly type: "batch";
  readonly cursor: number;
  /** Everything up to here is on disk. */
  readonly saved: number;
  readonly whole: boolean;
  readonly groups: readonly Group[];
}

/** A participant's own entries, stamped. Those of one stamp are one transaction: all or none. */
export interface Write {
  readonly type: "write";
  readonly groups: readonly Group[];
}

/** Everything up to `cursor` is on disk. */
export interface Saved {
  readonly type: "saved";
  readonly cursor: number;
}

/** One transaction was not taken. `reason` is one of `DENIALS`. */
export interface Denial {
  readonly type: "denied";
  readonly reason: string;
  readonly why: string;
  readonly time: number;
  readonly writer: string;
  /** State and key of each of its entries; the one at fault first. */
  readonly places: readonly (readonly [state: string, key: string])[];
  /** The hub's clock, microseconds. */
  readonly now: number;
}

/** A WebRTC description or candidate. `peer` is the receiver; on the way out, the sender. */
export interface Signal {
  readonly type: "signal";
  readonly peer: string;
  /** JSON text, which the hub does not read. */
  readonly data: string;
}

/** A message of a DataStream, or a part of one, by way of the hub, or of the page for a frame. */
export interface Stream {
  readonly type: "stream";
  /** The receivers, nobody named meaning everybody else; on the way out, the sender alone. */
  readonly peers: readonly string[];
  readonly resource: string;
  readonly name: string;
  readonly mode: Mode;
  /** Counts what this sender sends on this stream, from 1; 0 says that some is lost to this receiver (D11). */
  readonly number: number;
  /** Whether the payload is an encoded JSON value, or bytes as they are. */
  readonly json: boolean;
  /** What the hub does not read. */
  readonly payload: Uint8Array;
  /** By how much the one before it, of those to this receiver, has a smaller number (D9); 0 brings nothing, and asks. */
  readonly step: number;
  /** Which part of a message it is, from 0, and how many there are (D13); 0 where the sender ends the stream. */
  readonly part: number;
  readonly parts: number;
}

/** `open` is answered with how it stands there; `again`: send from here on; `hold`: no more now. */
export type Word = "open" | "taken" | "again" | "off" | "hold";

/** How far one who reads a DataStream has come with what somebody sends on it. */
export interface Taken {
  readonly type: "taken";
  /** To whom it is said, nobody named meaning everybody else; on the way out, by whom. */
  readonly peers: readonly string[];
  readonly resource: string;
  readonly name: string;
  readonly mode: Mode;
  /** How often this reader has opened the stream: what they said before counts no more. */
  readonly opened: number;
  /** Everything up to here has come. From a frame that opens it: how many messages are kept for newcomers. */
  readonly number: number;
  readonly word: Word;
  /** How many messages have come, whole and in time, since they opened it so. To a frame, of a stream that is not opened: by which bound. */
  readonly came: number;
  /** From a frame that opens it to its page: how the channels of mode `latest` deliver, and how often they try again. */
  readonly ordered: boolean;
  readonly retransmits: number;
}

/** From page to frame: whom a stream of the resource reaches, and how. */
export interface Reach {
  readonly type: "reach";
  readonly name: string;
  readonly mode: Mode;
  /** Whether everybody has said whether they read it. */
  readonly settled: boolean;
  readonly peers: readonly ReachRow[];
}

export interface ReachRow {
  readonly peer: string;
  readonly path: string;
  readonly reads: boolean;
  readonly buffered: number;
  readonly sent: number;
  readonly received: number;
  /** Microseconds; 0 where it was not measured. */
  readonly roundTrip: number;
  readonly resent: number;
  readonly dropped: number;
  readonly lost: number;
  readonly late: number;
  /** Millionths. */
  readonly loss: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Payload bytes a second. */
  readonly sentRate: number;
  readonly receivedRate: number;
  /** Messages a second, in thousandths. */
  readonly messagesSentRate: number;
  readonly messagesReceivedRate: number;
}

/**
 * How many payload bytes of your stream messages have gone on, in all, over this link.
 *
 * Whoever sends keeps at most `STREAM_WINDOW` bytes ahead of it.
 */
export interface Relayed {
  readonly type: "relayed";
  readonly total: number;
}

export interface Ping {
  readonly type: "ping";
  readonly number: number;
}

export interface Pong {
  readonly type: "pong";
  readonly number: number;
  readonly time: number;
}

/** I go, and do not come back as the same participant. */
export interface Leave {
  readonly type: "leave";
}

/** What is wrong; the link closes next. `code` is one of `BY_CODE`. */
export interface Error {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
}

/** Between page and frame: `[[key, value], …]` of the resource cache. */
export interface Cache {
  readonly type: "cache";
  readonly items: readonly (readonly [key: string, value: Value])[];
}

/** From page to frame: what happened to the resource. */
export interface Life {
  readonly type: "life";
  readonly event: LifeEvent;
}

/** From page to frame: how the page's own link to the hub stands. */
export interface Link {
  readonly type: "link";
  /** `joined`; with any other word, `reconnecting` or `left`, the hub is out of reach. */
  readonly state: string;
}

export type Header = readonly [name: string, value: string];

/** From frame to page, and from there to the hub by HTTP: what an app fetches (A20). */
export interface Fetch {
  readonly type: "fetch";
  /** Any; the answer brings it back. */
  readonly number: number;
  /** That of the app. */
  readonly resource: string;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}

/** What came of it: the answer of the host, or an error. */
export interface Fetched {
  readonly type: "fetched";
  /** That of `Fetch`. */
  readonly number: number;
  /** That of HTTP; 0 where there is no answer. */
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
  /** Of the error; empty where there is an answer. */
  readonly code: string;
  /** Of a denial, one of `DENIALS`. */
  readonly reason: string;
  readonly why: string;
}

export type Theme = "light" | "dark";

/** From page to frame: where the app is shown, and how. */
export interface Surroundings {
  readonly type: "surroundings";
  /** The language of who looks at it, as BCP 47 has it. */
  readonly locale: string;
  /** How the page looks. */
  readonly theme: Theme;
  /** Of the frame, CSS pixels. */
  readonly width: number;
  readonly height: number;
  /** Whether it can be seen: in view, and its tab too. */
  readonly visible: boolean;
}

/** An `RTCIceServer`. */
export interface IceServer {
  /** `stun:…` and `turn:…` addresses. */
  readonly urls: readonly string[];
  /** For TURN. */
  readonly username: string;
  /** The password. */
  readonly credential: string;
}

/** With what servers to look for direct paths. Comes with welcome, and again before it ends. */
export interface Ice {
  readonly type: "ice";
  /** What `RTCConfiguration` has as `iceServers`. */
  readonly servers: readonly IceServer[];
  /** Its `iceTransportPolicy`: with `relay`, nobody tells another one their address. */
  readonly policy: "all" | "relay";
  /** Until when the logins are good: microseconds of the hub's clock; 0 where there are none. */
  readonly expires: number;
}

/** With what to ask the hub by HTTP (F8, A20). Empty, it asks for one. */
export interface Ticket {
  readonly type: "ticket";
  /** Opaque; of this participant in this call, for files and what apps fetch. */
  readonly ticket: string;
  /** Until when it is good: microseconds of the hub's clock. */
  readonly expires: number;
}

export type FileAnswer = "taken" | "refused";

/** A file that the hub keeps (F7). */
export interface KeptFile {
  /** Chosen by the sender, as that of an offer. */
  readonly id: string;
  /** In which resource it is offered. */
  readonly resource: string;
  /** Safe in any folder (F5). */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Of its content, in hex. */
  readonly sha256: string;
  /** A media type, as the sender says. */
  readonly type: string;
  /** The participant who brought it. */
  readonly sender: string;
  /** Who that is. */
  readonly person: string;
  /** The persons it is for, nobody named meaning everybody; of those, a receiver sees itself. */
  readonly to: readonly string[];
  /** Until when it is kept: microseconds of the hub's clock. */
  readonly expires: number;
  /** Which persons have taken or refused it; a receiver sees its own answer alone. */
  readonly answers: readonly (readonly [person: string, answer: FileAnswer])[];
}

/** Files that the hub keeps, as far as they are for you, of you, or you are a host. */
export interface Kept {
  readonly type: "kept";
  /** The oldest first: all of them, or those that are new or have changed. */
  readonly files: readonly KeptFile[];
  /** Whether these are all, and take the place of what was said before. */
  readonly whole: boolean;
  /** Which are kept no longer. */
  readonly gone: readonly string[];
}

/** One transaction, signed by its author, and brought by somebody else (E4, E6). */
export interface Letter {
  readonly type: "letter";
  /** The participant who wrote it. */
  readonly author: string;
  /** `time` of the last welcome that its author had: once there is a later one, it is void. */
  readonly epoch: number;
  /** Whether its author lets anybody in the call have it from anybody. */
  readonly open: boolean;
  /** An encoded `Write` with one transaction. */
  readonly write: Uint8Array;
  /** Of the author's key, over call, author, epoch, open and write. */
  readonly signature: Uint8Array;
}

/** Between participants: how one stands to the hub and the others, and which letters one has. */
export interface Have {
  readonly type: "have";
  /** Whether the hub is out of reach. */
  readonly away: boolean;
  /** The participants one has a direct path to. */
  readonly reaches: readonly string[];
  /** Time and writer of each letter one has. */
  readonly held: readonly Stamped[];
}

/** Between participants: letters of one's own that the hub has denied. */
export interface Void {
  readonly type: "void";
  readonly stamps: readonly Stamped[];
}
export type Stamped = readonly [time: number, writer: string];

export type Message =
  | Hello | Welcome | Waiting | Batch | Write | Saved | Denial | Command | Answer | Signal | Stream
  | Taken | Reach | Relayed | Ping | Pong | Leave | Error | Cache | Life | Link | Fetch | Fetched | Surroundings | Ice | Ticket
  | Kept | Letter | Have | Void;
