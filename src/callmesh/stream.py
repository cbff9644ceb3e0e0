"""DataStreams without I/O: what goes through a channel, what waits to go, what has come.

A stream belongs to a resource. Each sender opens a channel of its own to each receiver, labelled
`<resource>/<name>`; whoever has no channel is reached by way of the hub, with the same numbers.
"""

from collections import deque
from functools import lru_cache
from typing import Any

import msgspec

from callmesh.errors import BadName, Broken, CallmeshError, TooLarge, WireError
from callmesh.ids import ParticipantId, ResourceId, resource_id, stream_name
from callmesh.messages import MAX_PAYLOAD, Mode
from callmesh.values import decode, encode

HIGH_WATER = 1024 * 1024
"""Bytes that may wait for one receiver before `send` waits too."""
LOW_WATER = 256 * 1024
"""Bytes a channel's own buffer is kept filled to."""
RECENT = 512 * 1024
"""Bytes of `reliable` messages kept after they left: what a path that breaks may take with it."""
REFILL = 128 * 1024
"""A channel is filled up again when it holds no more bytes: once for many messages."""
INBOX = 1024
"""Mode `latest`: messages that may wait for the app to read them."""
INBOX_BYTES = 8 * 1024 * 1024
"""Mode `reliable`: bytes of them. A burst of small ones, however many, is no slow reader."""
HEAD = 64
"""Bytes that a message counts besides its payload while it waits to be read."""


class Piece(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one channel message holds: `[number, json, payload]`."""

    number: int
    """Counts this sender's messages on this stream, from 1."""
    json: bool
    payload: bytes


_encode_piece = msgspec.msgpack.Encoder().encode
_decode_piece = msgspec.msgpack.Decoder(Piece).decode


class StreamMessage(msgspec.Struct, frozen=True):
    """What a reader of a stream gets."""

    data: Any
    """A JSON value, or bytes: what was sent."""
    sender: ParticipantId
    number: int


def label(resource: ResourceId, name: str) -> str:
    """The label of a stream's data channels."""
    return f"{resource}/{stream_name(name)}"


@lru_cache(1024)
def read_label(text: str) -> tuple[ResourceId, str]:
    """Which stream a channel that a peer opened belongs to. Raises `BadName`."""
    resource, slash, name = text.partition("/")
    if not slash:
        raise BadName("a stream's channel is labelled <resource>/<name>")
    return resource_id(resource), stream_name(name)


def piece(number: int, data: object) -> Piece:
    """`data` (bytes, or a JSON value) as what travels. Raises `BadValue` or `TooLarge`."""
    if isinstance(data, bytes | bytearray | memoryview):
        payload = bytes(data)
        if len(payload) > MAX_PAYLOAD:
            raise TooLarge(f"a stream message has at most {MAX_PAYLOAD} bytes; send it in parts")
        return Piece(number, False, payload)
    return Piece(number, True, bytes(encode(data, limit=MAX_PAYLOAD)))


def encode_piece(piece: Piece) -> bytes:
    return _encode_piece(piece)


def decode_piece(data: bytes) -> Piece:
    """What a peer sent through a channel. Raises `WireError`."""
    try:
        return _decode_piece(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a stream message: {error}") from error


def open_piece(piece: Piece, sender: ParticipantId) -> StreamMessage:
    """What a reader gets. Raises `BadValue` or `TooLarge` for what a peer should not have sent."""
    data = decode(piece.payload, limit=MAX_PAYLOAD) if piece.json else piece.payload
    return StreamMessage(data, sender, piece.number)


class Outgoing:
    """What waits for one receiver of one stream."""

    def __init__(self, mode: Mode) -> None:
        self.mode: Mode = mode
        self.relayed = False
        """Mode `reliable`: it has gone by the relay, and stays there, so that nothing overtakes."""
        self._waiting: deque[Piece] = deque()
        self._recent: deque[Piece] = deque()
        self._size = self._recent_size = 0
        self.dropped = 0
        """Mode `latest`: messages that a newer one replaced before they left."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether `send` should wait: only ever in mode `reliable`."""
        return self._size >= HIGH_WATER

    def put(self, piece: Piece) -> None:
        if self.mode == "latest" and self._waiting:
            self.take()
            self.dropped += 1
        self._waiting.append(piece)
        self._size += len(piece.payload)

    def take(self) -> Piece | None:
        if not self._waiting:
            return None
        piece = self._waiting.popleft()
        self._size -= len(piece.payload)
        if self.mode == "reliable":
            self._recent.append(piece)
            self._recent_size += len(piece.payload)
            while self._recent_size > RECENT:
                self._recent_size -= len(self._recent.popleft().payload)
        return piece

    def again(self) -> None:
        """The path broke: send once more what it may have taken along. Readers drop doubles."""
        self._waiting.extendleft(reversed(self._recent))
        self._size += self._recent_size
        self._recent.clear()
        self._recent_size = 0


class Inbox:
    """What has come for the reader of one stream, from all senders."""

    def __init__(self) -> None:
        self._waiting: deque[StreamMessage] = deque()
        self._sizes: deque[int] = deque()
        self._size = 0
        self._last: dict[ParticipantId, int] = {}
        self.dropped = 0
        """Mode `latest`: messages the reader was too slow for, or that came after a newer one."""
        self.broken: CallmeshError | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: StreamMessage, mode: Mode, size: int = 0) -> None:
        """Take a message of `size` bytes in. A reader too slow for `reliable` gets `Broken`."""
        if message.number <= self._last.get(message.sender, 0):
            self.dropped += mode == "latest"
            return
        self._last[message.sender] = message.number
        size += HEAD
        while self._is_full(mode, size):
            if mode == "reliable":
                self.overflow()
                return
            self.take()
            self.dropped += 1
        self._waiting.append(message)
        self._sizes.append(size)
        self._size += size

    def _is_full(self, mode: Mode, size: int) -> bool:
        if mode == "latest" and len(self._waiting) >= INBOX:
            return True
        return bool(self._waiting) and self._size + size > INBOX_BYTES

    def take(self) -> StreamMessage | None:
        if not self._waiting:
            return None
        self._size -= self._sizes.popleft()
        return self._waiting.popleft()

    def overflow(self) -> None:
        """Messages that had to arrive are lost: nobody read them in time."""
        self.broken = Broken("too many messages wait to be read: the reader is too slow")

    def gone(self, sender: ParticipantId) -> None:
        """A sender left: its numbers may start anew."""
        self._last.pop(sender, None)
