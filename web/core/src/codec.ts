/**
 * The one codec of messages: MessagePack, arrays, the tag first.
 *
 * What travels over a link is a *bundle*: an array of messages, so several ride together. Messages
 * are encoded once however many receive them, and bundles are put together from those bytes.
 *
 * Rubbish ends in `WireError` or `TooLarge` and in nothing else. `vectors/messages.json` holds every
 * message with its bytes.
 */

import { TooLarge, WireError } from "./errors.ts";
import { characters, type StateId, type Writer } from "./ids.ts";
import { MAX_BUNDLE, MAX_SIGNAL, MAX_WORDS } from "./messages.ts";
import type {
  Answer, Cache, Command, Error, Fetch, Fetched, FileAnswer, Group, Have, Header, Ice, IceServer, Kept, KeptFile, Leave, Letter, Life, Link, Message, Mode, Ping, Pong, ReachRow,
  Relayed, Signal, Stamped, Surroundings, Theme, Ticket, Void, Word,
} from "./messages.ts";
import { pack, Reader } from "./msgpack.ts";
import { ROLES } from "./participant.ts";
import type { LifeEvent } from "./resource.ts";
import { DELETED, type Entry, type Value } from "./state.ts";
import { MAX_DEPTH } from "./values.ts";

/** Characters of an id. */
const MAX_ID = 64;
/** Bytes of an Ed25519 signature. */
const SIGNATURE = 64;
const MODES: readonly Mode[] = ["reliable", "latest"];
const POLICIES: readonly Ice["policy"][] = ["all", "relay"];
const THEMES: readonly Theme[] = ["light", "dark"];
const ANSWERS: readonly FileAnswer[] = ["taken", "refused"];
const WORDS: readonly Word[] = ["open", "taken", "again", "off", "hold"];
const EVENTS: readonly LifeEvent[] = ["add", "setup", "enable", "disable", "remove"];

// --- out

export function encode(message: Message): Uint8Array {
  return pack([message.type, ...fieldsOf(message)]);
}

/** Put encoded messages together into what goes over the link. */
export function bundle(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const head = headOf(parts.length);
  const data = new Uint8Array(parts.reduce((size, part) => size + part.length, head.length));
  data.set(head);
  let at = head.length;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return data;
}

function headOf(count: number): readonly number[] {
  if (count < 16) return [0x90 | count];
  if (count < 0x10000) return [0xdc, count >> 8, count & 0xff];
  return [0xdd, count >>> 24, (count >> 16) & 0xff, (count >> 8) & 0xff, count & 0xff];
}

function fieldsOf(message: Message): unknown[] {
  switch (message.type) {
    case "hello": {
      const { version, call, name, role, token, person, resume, cursor, offers, key } = message;
      return [version, call, name, role, token, person, resume, cursor, offers, key];
    }
    case "welcome": {
      const { version, call, participant, writer, person, name, role, time } = message;
      const { resume, personProof, resource } = message;
      return [version, call, participant, writer, person, name, role, time, resume, personProof, resource];
    }
    case "waiting": {
      const { version, call, person, name, time, personProof, held, words, role, groups, locked } = message;
      return [version, call, person, name, time, personProof, held, words, role, groups.map(packableGroup), locked];
    }
    case "batch":
      return [message.cursor, message.saved, message.whole, message.groups.map(packableGroup)];
    case "write":
      return [message.groups.map(packableGroup)];
    case "saved":
      return [message.cursor];
    case "denied": {
      const { reason, why, time, writer, places, now } = message;
      return [reason, why, time, writer, places, now];
    }
    case "stream": {
      const { peers, resource, name, mode, number, json, payload, step, part, parts } = message;
      return [peers, resource, name, mode, number, json, payload, step, part, parts];
    }
    case "taken": {
      const { peers, resource, name, mode, opened, number, word, came, ordered, retransmits } = message;
      return [peers, resource, name, mode, opened, number, word, came, ordered, retransmits];
    }
    case "reach":
      return [message.name, message.mode, message.settled, message.peers.map(packableRow)];
    default:
      return fieldsOfSmall(message);
  }
}

function fieldsOfSmall(message: Command | Answer | Signal | Relayed | Ping | Pong | Leave | Error | Cache | Life | Link | Fetch | Fetched | Surroundings | Ice | Ticket | Kept | Letter | Have | Void): unknown[] {
  switch (message.type) {
    case "command":
      return [message.id, message.action, message.person, message.option];
    case "answer":
      return [message.id, message.reason, message.why];
    case "signal":
      return [message.peer, message.data];
    case "relayed":
      return [message.total];
    case "ping":
      return [message.number];
    case "pong":
      return [message.number, message.time];
    case "leave":
      return [];
    case "error":
      return [message.code, message.message];
    case "cache":
      return [message.items.map(([key, value]) => [key, packable(value)])];
    case "life":
      return [message.event];
    case "link":
      return [message.state];
    case "fetch":
      return [message.number, message.resource, message.method, message.url, message.headers, message.body];
    case "fetched": {
      const { number, status, headers, body, code, reason, why } = message;
      return [number, status, headers, body, code, reason, why];
    }
    case "surroundings":
      return [message.locale, message.theme, message.width, message.height, message.visible];
    case "ice": {
      const servers = message.servers.map(({ urls, username, credential }) => [urls, username, credential]);
      return [servers, message.policy, message.expires];
    }
    case "ticket":
      return [message.ticket, message.expires];
    case "kept":
      return [message.files.map(packableFile), message.whole, message.gone];
    case "letter":
      return [message.author, message.epoch, message.open, message.write, message.signature];
    case "have":
      return [message.away, message.reaches, message.held];
    case "void":
      return [message.stamps];
  }
}

function packableFile(file: KeptFile): unknown {
  const { id, resource, name, size, sha256, type, sender, person, to, expires, answers } = file;
  return [id, resource, name, size, sha256, type, sender, person, to, expires, answers];
}

function packableRow(row: ReachRow): unknown {
  const { peer, path, reads, buffered, sent, received, roundTrip, resent, dropped, lost, late, loss } = row;
  const { messagesSent, messagesReceived, sentRate, receivedRate, messagesSentRate, messagesReceivedRate } = row;
  const rates = [messagesSent, messagesReceived, sentRate, receivedRate, messagesSentRate, messagesReceivedRate];
  return [peer, path, reads, buffered, sent, received, roundTrip, resent, dropped, lost, late, loss, ...rates];
}

const NO_BYTES = new Uint8Array(0);

function packable(value: Value): unknown {
  return value === DELETED ? NO_BYTES : value;
}

/** What cannot be read goes on as what no reader takes for a value: from a page to its frames. */
const UNREADABLE = new Uint8Array(1);

function packableGroup({ state, entries, version }: Group): unknown {
  return [state, entries.map((entry) => [entry.key, entry.time, entry.writer, packableValue(entry)]), version];
}

function packableValue({ value, unreadable }: Entry): unknown {
  return unreadable === undefined ? packable(value) : UNREADABLE;
}

// --- in

/** The messages in `data`, which may come from anybody; at most `limit` bytes, null for no limit. */
export function unbundle(data: Uint8Array, limit: number | null = MAX_BUNDLE): Message[] {
  if (limit !== null && data.length > limit) {
    throw new TooLarge(`a bundle has at most ${limit} bytes here, this one has ${data.length}`);
  }
  try {
    const reader = new Reader(data);
    const messages = reader.list(readMessage);
    reader.end();
    return messages;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new WireError(`not a callmesh message: ${error.message}`, { cause: error });
  }
}

/** How many fields must be there, how many are known, and how to read them. */
interface Shape<T> {
  readonly least: number;
  readonly known: number;
  /** Properties are read in the order in which they stand here, which is that of the wire. */
  readonly read: (reader: Reader, count: number) => T;
}

function shape<T>(fields: number | readonly [least: number, known: number], read: Shape<T>["read"]): Shape<T> {
  const [least, known] = typeof fields === "number" ? [fields, fields] : fields;
  return { least, known, read };
}

const SHAPES: { readonly [T in Message["type"]]: Shape<Extract<Message, { type: T }>> } = {
  hello: shape([3, 10], (r, count) => ({
    type: "hello",
    version: r.number(),
    call: text(r, 256),
    name: text(r, 1024),
    role: count > 3 && !r.nil() ? oneOf(r, ROLES) : null,
    token: count > 4 && !r.nil() ? r.text() : null,
    person: count > 5 && !r.nil() ? r.text() : null,
    resume: count > 6 && !r.nil() ? r.text() : null,
    cursor: count > 7 ? r.number() : 0,
    offers: count > 8 ? r.list(offer) : [],
    key: count > 9 ? text(r, MAX_ID) : "",
  })),
  welcome: shape([8, 11], (r, count) => ({
    type: "welcome",
    version: r.number(),
    call: id(r),
    participant: id(r),
    writer: id(r),
    person: id(r),
    name: r.text(),
    role: oneOf(r, ROLES),
    time: r.number(),
    resume: count > 8 ? r.text() : "",
    personProof: count > 9 ? r.text() : "",
    resource: count > 10 && !r.nil() ? id(r) : null,
  })),
  waiting: shape([5, 11], (r, count) => ({
    type: "waiting",
    version: r.number(),
    call: id(r),
    person: id(r),
    name: r.text(),
    time: r.number(),
    personProof: count > 5 ? r.text() : "",
    held: count > 6 ? r.boolean() : false,
    words: count > 7 ? text(r, MAX_WORDS) : "",
    role: count > 8 ? oneOf(r, ROLES) : "guest",
    groups: count > 9 ? r.list(group) : [],
    locked: count > 10 ? r.boolean() : false,
  })),
  command: shape([2, 4], (r, count) => ({
    type: "command",
    id: id(r),
    action: text(r, 16),
    person: count > 2 ? id(r) : "",
    option: count > 3 ? text(r, MAX_WORDS) : "",
  })),
  answer: shape([1, 3], (r, count) => ({
    type: "answer",
    id: r.text(),
    reason: count > 1 ? r.text() : "",
    why: count > 2 ? r.text() : "",
  })),
  batch: shape(4, (r) => ({
    type: "batch",
    cursor: r.number(),
    saved: r.number(),
    whole: r.boolean(),
    groups: r.list(group),
  })),
  write: shape(1, (r) => ({ type: "write", groups: r.list(group) })),
  saved: shape(1, (r) => ({ type: "saved", cursor: r.number() })),
  denied: shape([5, 6], (r, count) => ({
    type: "denied",
    reason: r.text(),
    why: r.text(),
    time: r.number(),
    writer: r.text(),
    places: r.list(place),
    now: count > 5 ? r.number() : 0,
  })),
  signal: shape(2, (r) => ({ type: "signal", peer: id(r), data: text(r, MAX_SIGNAL) })),
  stream: shape([7, 10], (r, count) => ({
    type: "stream",
    peers: r.list(id),
    resource: id(r),
    name: id(r),
    mode: oneOf(r, MODES),
    number: r.number(),
    json: r.boolean(),
    payload: r.bytes(),
    step: count > 7 ? r.number() : 1,
    part: count > 8 ? r.number() : 0,
    parts: count > 9 ? r.number() : 1,
  })),
  taken: shape([7, 10], (r, count) => ({
    type: "taken",
    peers: r.list(id),
    resource: id(r),
    name: id(r),
    mode: oneOf(r, MODES),
    opened: r.number(),
    number: r.number(),
    word: oneOf(r, WORDS),
    came: count > 7 ? r.number() : 0,
    ordered: count > 8 && r.boolean(),
    retransmits: count > 9 ? r.number() : 0,
  })),
  reach: shape(4, (r) => ({
    type: "reach",
    name: id(r),
    mode: oneOf(r, MODES),
    settled: r.boolean(),
    peers: r.list(row),
  })),
  relayed: shape(1, (r) => ({ type: "relayed", total: r.number() })),
  ping: shape(1, (r) => ({ type: "ping", number: r.number() })),
  pong: shape(2, (r) => ({ type: "pong", number: r.number(), time: r.number() })),
  leave: shape(0, () => ({ type: "leave" })),
  error: shape(2, (r) => ({ type: "error", code: r.text(), message: r.text() })),
  cache: shape(1, (r) => ({ type: "cache", items: r.list(item) })),
  life: shape(1, (r) => ({ type: "life", event: oneOf(r, EVENTS) })),
  link: shape(1, (r) => ({ type: "link", state: id(r) })),
  fetch: shape(6, (r) => ({
    type: "fetch",
    number: r.number(),
    resource: id(r),
    method: text(r, 16),
    url: text(r, 4_096),
    headers: r.list(header),
    body: r.bytes(),
  })),
  fetched: shape([4, 7], (r, count) => ({
    type: "fetched",
    number: r.number(),
    status: r.number(),
    headers: r.list(header),
    body: r.bytes(),
    code: count > 4 ? r.text() : "",
    reason: count > 5 ? r.text() : "",
    why: count > 6 ? r.text() : "",
  })),
  surroundings: shape(5, (r) => ({
    type: "surroundings",
    locale: id(r),
    theme: oneOf(r, THEMES),
    width: r.number(),
    height: r.number(),
    visible: r.boolean(),
  })),
  ice: shape([1, 3], (r, count) => ({
    type: "ice",
    servers: r.list(iceServer),
    policy: count > 1 ? oneOf(r, POLICIES) : "all",
    expires: count > 2 ? r.number() : 0,
  })),
  ticket: shape([0, 2], (r, count) => ({
    type: "ticket",
    ticket: count > 0 ? text(r, 256) : "",
    expires: count > 1 ? r.number() : 0,
  })),
  kept: shape([1, 3], (r, count) => ({
    type: "kept",
    files: r.list(keptFile),
    whole: count > 1 ? r.boolean() : true,
    gone: count > 2 ? r.list(id) : [],
  })),
  letter: shape(5, (r) => ({
    type: "letter",
    author: id(r),
    epoch: r.number(),
    open: r.boolean(),
    write: r.bytes(),
    signature: signature(r),
  })),
  have: shape(3, (r) => ({ type: "have", away: r.boolean(), reaches: r.list(id), held: r.list(stamped) })),
  void: shape(1, (r) => ({ type: "void", stamps: r.list(stamped) })),
};

const ICE_SERVER = shape([1, 3], (r, count): IceServer => ({
  urls: r.list((each) => each.text()),
  username: count > 1 ? r.text() : "",
  credential: count > 2 ? r.text() : "",
}));

const KEPT_FILE = shape(11, (r): KeptFile => ({
  id: id(r),
  resource: id(r),
  name: r.text(),
  size: r.number(),
  sha256: r.text(),
  type: r.text(),
  sender: id(r),
  person: id(r),
  to: r.list(id),
  expires: r.number(),
  answers: r.list(fileAnswer),
}));

const GROUP = shape([2, 3], (r, count): Group => {
  return { state: id(r) as StateId, entries: r.list(entry), version: count > 2 ? r.number() : 0 };
});
const ENTRY = shape(4, (r): Entry => {
  return { key: r.text(), time: r.number(), writer: r.text() as Writer, ...valueOrNot(r) };
});

const ROW = shape(18, (r): ReachRow => ({
  peer: id(r),
  path: id(r),
  reads: r.boolean(),
  buffered: r.number(),
  sent: r.number(),
  received: r.number(),
  roundTrip: r.number(),
  resent: r.number(),
  dropped: r.number(),
  lost: r.number(),
  late: r.number(),
  loss: r.number(),
  messagesSent: r.number(),
  messagesReceived: r.number(),
  sentRate: r.number(),
  receivedRate: r.number(),
  messagesSentRate: r.number(),
  messagesReceivedRate: r.number(),
}));

function readMessage(reader: Reader): Message {
  const count = reader.array();
  if (count === 0) throw new WireError("a message without a tag");
  const tag = reader.text();
  if (!Object.hasOwn(SHAPES, tag)) throw new WireError("an unknown tag");
  return readFields<Message>(reader, SHAPES[tag as Message["type"]], count - 1);
}

/** What a later version adds at the end is passed over. */
function readFields<T>(reader: Reader, { least, known, read }: Shape<T>, count: number): T {
  if (count < least) throw new WireError(`${least} fields are expected, here are ${count}`);
  const found = read(reader, count);
  for (let left = count - known; left > 0; left--) reader.skip();
  return found;
}

function group(reader: Reader): Group {
  return readFields(reader, GROUP, reader.array());
}

function keptFile(reader: Reader): KeptFile {
  return readFields(reader, KEPT_FILE, reader.array());
}

function fileAnswer(reader: Reader): readonly [string, FileAnswer] {
  if (reader.array() !== 2) throw new WireError("an answer is a person and a word");
  return [id(reader), oneOf(reader, ANSWERS)];
}

function iceServer(reader: Reader): IceServer {
  return readFields(reader, ICE_SERVER, reader.array());
}

function entry(reader: Reader): Entry {
  return readFields(reader, ENTRY, reader.array());
}

function row(reader: Reader): ReachRow {
  return readFields(reader, ROW, reader.array());
}

function place(reader: Reader): readonly [string, string] {
  if (reader.array() !== 2) throw new WireError("a place is a State and a key");
  return [reader.text(), reader.text()];
}

/** What cannot be read is passed over, and said: it ends nobody's session (M8). */
function valueOrNot(reader: Reader): Pick<Entry, "value" | "unreadable"> {
  const start = reader.at;
  try {
    return { value: value(reader) };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    reader.at = start;
    reader.skip();
    return { value: DELETED, unreadable: error.message };
  }
}

function header(reader: Reader): Header {
  if (reader.array() !== 2) throw new WireError("a header is a name and a value");
  return [reader.text(), reader.text()];
}

function item(reader: Reader): readonly [string, Value] {
  if (reader.array() !== 2) throw new WireError("an item is a key and a value");
  return [reader.text(), value(reader)];
}

function value(reader: Reader): Value {
  if (!reader.atBytes) return reader.json(MAX_DEPTH);
  if (reader.bytes().length > 0) throw new WireError("bytes are no value");
  return DELETED;
}

function signature(reader: Reader): Uint8Array {
  const found = reader.bytes();
  if (found.length !== SIGNATURE) throw new WireError(`a signature has ${SIGNATURE} bytes`);
  return found;
}

function stamped(reader: Reader): Stamped {
  if (reader.array() !== 2) throw new WireError("a stamp is a time and a writer");
  return [reader.number(), id(reader)];
}

function id(reader: Reader): string {
  return text(reader, MAX_ID);
}

function offer(reader: Reader): string {
  return text(reader, 16);
}

function text(reader: Reader, most: number): string {
  const found = reader.text();
  if (found.length > most && characters(found) > most) {
    throw new WireError(`a text has at most ${most} characters here`);
  }
  return found;
}

function oneOf<T extends string>(reader: Reader, words: readonly T[]): T {
  const found = reader.text();
  const word = words.find((known) => known === found);
  if (word === undefined) throw new WireError(`one of ${words.join(", ")} is expected`);
  return word;
}
