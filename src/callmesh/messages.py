"""The messages of a session and their one codec: MessagePack, arrays, the tag first.

What travels over a link is a *bundle*: an array of messages, so several ride together. Messages
are encoded once however many receive them, and bundles are put together from those bytes.

Rubbish ends in `WireError` or `TooLarge` and in nothing else. `vectors/messages.json` holds every
message with its bytes.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw

from callmesh.errors import TooLarge, WireError
from callmesh.state import Entry

VERSION = 1
MAX_BUNDLE = 1024 * 1024
"""Bytes a hub takes in one bundle from a participant who has joined."""
MAX_BUNDLE_BEFORE_JOINING = 16 * 1024
MAX_MESSAGES = 1024
"""Messages in one bundle to a hub."""
MAX_SIGNAL = 64 * 1024
MAX_WORDS = 400
"""Characters that a host says to who waits."""
MAX_PAYLOAD = 60 * 1024
"""Bytes of one message of a DataStream: with its head it fits in 64 KiB, as WebRTC wants it."""
STREAM_WINDOW = 256 * 1024

Number = Annotated[int, Meta(ge=0, lt=2**53)]
Id = Annotated[str, Meta(max_length=64)]
Mode: TypeAlias = Literal["reliable", "latest"]
FileAnswer: TypeAlias = Literal["taken", "refused"]
Word: TypeAlias = Literal["open", "taken", "again", "off", "hold"]


class Group(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Entries of one State: `[state, [entry, …], version]`."""

    state: Id
    """`call`, `roster`, `apps`, `door` or `hub`, `state/<resource>` or `presence/<resource>`."""
    entries: list[Entry]
    """In the order of the hub, where they come from it."""
    version: Number = 0
    """With which state version of its app the writer writes; 0 where it does not say."""


class Hello(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="hello"):
    """First message of a participant: who wants into which call."""

    version: Number
    """Of the protocol: 1."""
    call: Annotated[str, Meta(max_length=256)]
    """The id of the call, as in `/call/<id>` (J9)."""
    name: Annotated[str, Meta(max_length=1024)]
    """How others are to see them (J10); where the token says a name, that counts."""
    role: Literal["host", "guest", "observer"] | None = None
    """What one asks to be. Only a `--dev` hub listens to it; elsewhere the token says."""
    token: str | None = None
    """A JWT that lets one in (J15); null on a `--dev` hub, and where `resume` does."""
    person: str | None = None
    """The hub's proof of who this is, from an earlier welcome: the same person across visits."""
    resume: str | None = None
    """The hub's own proof of which participant this was, to come back as the same one."""
    cursor: Number = 0
    """How far this replica has come; 0 for a newcomer."""
    offers: list[Annotated[str, Meta(max_length=16)]] = []
    """What this participant can do: `rtc` (data channels), `media` (audio and video)."""
    key: Annotated[str, Meta(max_length=64)] = ""
    """The public half of this session's Ed25519 key, base64url; empty where there is none."""


class Welcome(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="welcome"):
    """You are in. The first batch follows in the same bundle."""

    version: Number
    """Of the protocol: 1."""
    call: Id
    """The id of the call."""
    participant: Id
    """Who you are in this call: one presence."""
    writer: Id
    """What to sign writes with: the participant, or `<participant>.<n>` for a frame."""
    person: Id
    """Who you are in all your presences."""
    name: str
    """How others see you."""
    role: Literal["host", "guest", "observer"]
    """What you may do."""
    time: Number
    """The hub's clock, microseconds."""
    resume: str = ""
    """Say it in the next hello to come back as this participant (J2). The one before is void."""
    person_proof: str = ""
    """Say it in a later hello as `person` to be the same person (J3)."""
    resource: Id | None = None
    """In an app's frame: the one resource it is about."""


class Waiting(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="waiting"):
    """You wait to be let in. Said anew when it stands otherwise, with the apps for who waits."""

    version: Number
    """Of the protocol: 1."""
    call: Id
    """The id of the call."""
    person: Id
    """Who you are."""
    name: str
    """How hosts see you."""
    time: Number
    """The hub's clock, microseconds."""
    person_proof: str = ""
    """As in welcome."""
    held: bool = False
    """Whether a host has seen it, and asks to wait a little longer."""
    words: Annotated[str, Meta(max_length=MAX_WORDS)] = ""
    """What the host says."""
    role: Literal["host", "guest", "observer"] = "guest"
    """What you may do once you are in."""
    groups: list[Group] = []
    """Resources for who waits, and the rules of their apps: nothing else of the call."""
    locked: bool = False
    """Whether nobody new comes in at the moment (J29)."""


class Command(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="command"):
    """What a host wants done about a person. Sent again over every new link until answered."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    """Chosen by who commands; one that was carried out is answered again, and not done again."""
    action: Annotated[str, Meta(max_length=16)]
    """One of `commands.ACTIONS`."""
    person: Id = ""
    """Whom it is about; nobody named means everybody who waits or is here, or the call itself."""
    option: Annotated[str, Meta(max_length=MAX_WORDS)] = ""
    """A role, or words to who waits."""


class Answer(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="answer"):
    """What became of a command. What was done is on disk."""

    id: str
    """That of the command."""
    reason: str = ""
    """Empty where it was done; else why not, for programs, as in denied."""
    why: str = ""
    """A sentence; empty where it was done."""


class Batch(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="batch"):
    """Everything up to `cursor`, applied as one step.

    `whole`: this is all there is; forget what you had. Without it, what changed since your cursor.
    """

    cursor: Number
    """The number of the last entry: say it in the next hello."""
    saved: Number
    """Everything up to here is on disk."""
    whole: bool
    """Whether this is all there is, and replaces what you had (S12)."""
    groups: list[Group]
    """Each State of which something comes."""


class Write(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="write"):
    """A participant's own entries, stamped. Those of one stamp are one transaction: all or none."""

    groups: list[Group]
    """Each State that is written to."""


class Saved(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="saved"):
    """Everything up to `cursor` is on disk."""

    cursor: Number
    """A number of the hub, as in batch."""


class Denial(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="denied"):
    """One transaction was not taken. `reason` is one of `errors.DENIALS`."""

    reason: str
    """Why, for programs."""
    why: str
    """Why, in a sentence."""
    time: Number
    """That of the transaction, as it was sent."""
    writer: str
    """Who signed it."""
    places: list[tuple[str, str]]
    """State and key of each of its entries; the one at fault first."""
    now: Number = 0
    """The hub's clock, microseconds."""


class Signal(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="signal"):
    """A WebRTC description or candidate. `peer` is the receiver; on the way out, the sender."""

    peer: Id
    """A participant."""
    data: Annotated[str, Meta(max_length=MAX_SIGNAL)]
    """JSON text, which the hub does not read."""


class Stream(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="stream"):
    """A message of a DataStream, or a part of one, by way of the hub, or of the page for a frame.

    Through a data channel goes the same without what the channel is labelled with: `number`,
    `json`, `payload`, and what is not its default of the rest.
    """

    peers: list[Id]
    """The receivers, nobody named meaning everybody else; on the way out, the sender alone."""
    resource: Id
    """Whose stream it is."""
    name: Id
    """Which of its streams."""
    mode: Mode
    """How it is to arrive (D2, D3)."""
    number: Number
    """Counts what this sender sends on this stream, from 1: messages, or parts of them.

    0 says that some that had to arrive are lost to this receiver (D11).
    """
    json: bool
    """Whether the payload is an encoded JSON value, or bytes as they are."""
    payload: bytes
    """What the hub does not read."""
    step: Number = 1
    """By how much the one before it, of those to this receiver, has a smaller number (D9).

    0 brings nothing: whoever has all up to `number` says so at once, and who has not, what is
    missing.
    """
    part: Number = 0
    """Which part of a message it is, from 0 (D13)."""
    parts: Number = 1
    """How many there are; 0 where the sender ends the stream, with a reason if it was cut short."""


class Taken(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="taken"):
    """How far one who reads a DataStream has come with what somebody sends on it.

    Goes between participants as a stream message does, direct or by way of the hub.
    """

    peers: list[Id]
    """To whom it is said, nobody named meaning everybody else; on the way out, by whom."""
    resource: Id
    """Whose stream it is."""
    name: Id
    """Which of its streams."""
    mode: Mode
    """How it is read."""
    opened: Number
    """How often this reader has opened the stream: what they said before counts no more."""
    number: Number
    """Everything up to here has come, of those to this reader.

    From a frame that opens it to its page: how many messages are kept for newcomers.
    """
    word: Word
    """`taken`; `open`, which is answered with how it stands on the other side; `again`: send from
    here on; `off`: nobody reads it here any more; from a frame to its page, `hold`: no more now.
    """
    came: Number = 0
    """How many messages have come, whole and in time, since they opened it so.

    From a page to a frame whose stream it does not open (`off`): by which bound; `number` is it.
    """
    ordered: bool = False
    """From a frame that opens it to its page: how the channels of mode `latest` deliver."""
    retransmits: Number = 0
    """And how often they try again."""


class ReachRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a stream stands to one other participant, as `DataStream.stats` has it."""

    peer: Id
    """Who it is about."""
    path: Id
    """`direct`, `relay` or `connecting`."""
    reads: bool
    """Whether they have it open."""
    buffered: Number
    """Bytes that have not left, or are not known to have come."""
    sent: Number
    """Payload bytes that have left for them."""
    received: Number
    """Payload bytes that have come from them."""
    round_trip: Number
    """Microseconds; 0 where it was not measured."""
    resent: Number
    """Messages, or parts, that left more than once."""
    dropped: Number
    """Messages that a newer one replaced before they left."""
    lost: Number
    """Messages of theirs that did not come; in `reliable`, how often they have lost the stream."""
    late: Number
    """Messages of theirs, or parts, that came after a newer one."""
    loss: Number
    """Millionths of what left for them that did not come in time, as they said last."""
    messages_sent: Number
    """Messages that have left for them."""
    messages_received: Number
    """Messages that have come from them."""
    sent_rate: Number
    """Payload bytes a second that left for them lately."""
    received_rate: Number
    """Payload bytes a second that came from them lately."""
    messages_sent_rate: Number
    """Messages a second that left for them lately, in thousandths."""
    messages_received_rate: Number
    """Messages a second that came from them lately, in thousandths."""


class Reach(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="reach"):
    """From page to frame: whom a stream of the resource reaches, and how."""

    name: Id
    """Which stream."""
    mode: Mode
    """And in which mode."""
    settled: bool
    """Whether everybody has said whether they read it."""
    peers: list[ReachRow]
    """Each of the others."""


class Relayed(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="relayed"):
    """How many payload bytes of your stream messages have gone on, in all, over this link.

    Whoever sends keeps at most `STREAM_WINDOW` bytes ahead of it.
    """

    total: Number
    """Bytes since the link began."""


class Ping(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="ping"):
    """Are you there? Participants ask, hubs answer."""

    number: Number
    """Any; the pong brings it back."""


class Pong(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="pong"):
    """I am; `time` is the hub's clock, microseconds."""

    number: Number
    """That of the ping."""
    time: Number
    """The hub's clock, microseconds."""


class Leave(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="leave"):
    """I go, and do not come back as the same participant."""


class Error(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="error"):
    """What is wrong; the link closes next. `code` is one of `errors.BY_CODE`."""

    code: str
    """Its name."""
    message: str
    """A sentence for whoever it happens to."""


class Cache(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="cache"):
    """Between page and frame: `[[key, value], …]` of the cache, empty bytes for deleted."""

    items: list[tuple[str, Raw]]
    """A key, and its value encoded."""


class Life(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="life"):
    """From page to frame: what happened to the resource."""

    event: Literal["add", "setup", "enable", "disable", "remove"]
    """What comes next in its life (R2–R4)."""


class Link(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="link"):
    """From page to frame: how the page's own link to the hub stands."""

    state: Id
    """`joined`; with any other word, `reconnecting` or `left`, the hub is out of reach."""


class Fetch(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="fetch"):
    """From frame to page, and from there to the hub by HTTP: what an app fetches (A20)."""

    number: Number
    """Any; the answer brings it back."""
    resource: Id
    """That of the app."""
    method: Annotated[str, Meta(max_length=16)]
    """`GET`, `POST` …"""
    url: Annotated[str, Meta(max_length=4_096)]
    """Where from."""
    headers: list[tuple[str, str]]
    """Name and value."""
    body: bytes
    """What is sent along."""


class Fetched(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="fetched"):
    """What came of it: the answer of the host, or an error."""

    number: Number
    """That of `Fetch`."""
    status: Number
    """That of HTTP; 0 where there is no answer."""
    headers: list[tuple[str, str]]
    """Name and value."""
    body: bytes
    """What came along."""
    code: str = ""
    """Of the error; empty where there is an answer."""
    reason: str = ""
    """Of a denial, one of `DENIALS`."""
    why: str = ""
    """A sentence for whoever it happens to."""


class Surroundings(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="surroundings"):
    """From page to frame: where the app is shown, and how."""

    locale: Id
    """The language of who looks at it, as BCP 47 has it."""
    theme: Literal["light", "dark"]
    """How the page looks."""
    width: Number
    """Of the frame, CSS pixels."""
    height: Number
    """Of the frame, CSS pixels."""
    visible: bool
    """Whether it can be seen: in view, and its tab too."""


class IceServer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An `RTCIceServer`."""

    urls: list[str]
    """`stun:…` and `turn:…` addresses."""
    username: str = ""
    """For TURN."""
    credential: str = ""
    """The password."""


class Ice(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="ice"):
    """With what servers to look for direct paths. Comes with welcome, and again before it ends."""

    servers: list[IceServer]
    """What `RTCConfiguration` has as `iceServers`."""
    policy: Literal["all", "relay"] = "all"
    """Its `iceTransportPolicy`: with `relay`, nobody tells another one their address."""
    expires: Number = 0
    """Until when the logins are good: microseconds of the hub's clock; 0 where there are none."""


class Ticket(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="ticket"):
    """With what to ask the hub by HTTP (F8, A20). Empty, it asks for one."""

    ticket: Annotated[str, Meta(max_length=256)] = ""
    """Opaque; of this participant in this call, for files and what apps fetch."""
    expires: Number = 0
    """Until when it is good: microseconds of the hub's clock."""


class KeptFile(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file that the hub keeps (F7)."""

    id: Id
    """Chosen by the sender, as that of an offer."""
    resource: Id
    """In which resource it is offered."""
    name: str
    """Safe in any folder (F5)."""
    size: Number
    """Bytes."""
    sha256: str
    """Of its content, in hex."""
    type: str
    """A media type, as the sender says."""
    sender: Id
    """The participant who brought it."""
    person: Id
    """Who that is."""
    to: list[Id]
    """The persons it is for, nobody named meaning everybody; of those, a receiver sees itself."""
    expires: Number
    """Until when it is kept: microseconds of the hub's clock."""
    answers: list[tuple[Id, FileAnswer]]
    """Which persons have `taken` or `refused` it; a receiver sees its own answer alone."""


class Kept(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="kept"):
    """Files that the hub keeps, as far as they are for you, of you, or you are a host."""

    files: list[KeptFile]
    """The oldest first: all of them, or those that are new or have changed."""
    whole: bool = True
    """Whether these are all, and take the place of what was said before."""
    gone: list[Id] = []
    """Which are kept no longer."""


class Letter(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="letter"):
    """One transaction, signed by its author, and brought by somebody else (E4, E6)."""

    author: Id
    """The participant who wrote it."""
    epoch: Number
    """`time` of the last welcome that its author had: once there is a later one, it is void."""
    open: bool
    """Whether its author lets anybody in the call have it from anybody."""
    write: Annotated[bytes, Meta(max_length=MAX_BUNDLE)]
    """An encoded `write` with one transaction."""
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]
    """Of the author's key, over call, author, epoch, open and write."""


class Have(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="have"):
    """Between participants: how one stands to the hub and the others, and which letters one has."""

    away: bool
    """Whether the hub is out of reach."""
    reaches: Annotated[list[Id], Meta(max_length=200)]
    """The participants one has a direct path to."""
    held: Annotated[list[tuple[Number, Id]], Meta(max_length=20_000)]
    """Time and writer of each letter one has."""


class Void(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="void"):
    """Between participants: letters of one's own that the hub has denied."""

    stamps: Annotated[list[tuple[Number, Id]], Meta(max_length=2_000)]
    """Time and writer of each."""


Message: TypeAlias = (
    Hello | Welcome | Waiting | Batch | Write | Saved | Denial | Command | Answer | Signal | Stream
    | Taken | Reach | Relayed | Ping | Pong | Leave | Error | Cache | Life | Link | Fetch | Fetched
    | Surroundings | Ice | Ticket | Kept | Letter | Have | Void
)  # fmt: skip

Pieces: TypeAlias = tuple[bytes, ...]
"""Bytes that follow each other, and are copied nowhere until they leave."""

_encode = msgspec.msgpack.Encoder().encode
_decode_bundle = msgspec.msgpack.Decoder(list[Message]).decode


def encode(message: Message | Group) -> bytes:
    return _encode(message)


def bundle(encoded: Iterable[bytes]) -> bytes:
    """Put encoded messages together into what goes over the link."""
    parts = list(encoded)
    return b"".join([_array(len(parts)), *parts])


def pieces(encoded: Sequence[Pieces]) -> Pieces:
    """The same of messages that are in pieces."""
    return (_array(len(encoded)), *chain.from_iterable(encoded))


def whole(cursor: int, saved: int, groups: Sequence[bytes]) -> Pieces:
    """A whole batch of groups that are encoded already."""
    batch = _encode(Batch(cursor, saved, True, []))
    return (batch[:-1] + _array(len(groups)), *groups)  # the groups are last in it


ONE = b"\x91"
"""How a bundle of one message begins."""


def _array(length: int) -> bytes:
    """How an array of so many elements begins."""
    if length < 16:
        return bytes([0x90 | length])
    if length < 65536:
        return b"\xdc" + length.to_bytes(2, "big")
    return b"\xdd" + length.to_bytes(4, "big")


def unbundle(data: bytes, *, limit: int | None = MAX_BUNDLE) -> list[Message]:
    """The messages in `data`, which may come from anybody."""
    if limit is not None and len(data) > limit:
        raise TooLarge(f"a bundle has at most {limit} bytes here, this one has {len(data)}")
    try:
        return _decode_bundle(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise WireError(f"not a callmesh message: {error}") from error
