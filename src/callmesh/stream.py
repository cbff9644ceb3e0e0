"""DataStreams without I/O: how a message travels.

A stream belongs to a resource. Each sender opens a channel of its own to each receiver, labelled
`<resource>/<name>`; whoever has no channel is reached by way of the hub, with the same numbers.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from callmesh.errors import BadName, BadValue, TooLarge, WireError
from callmesh.ids import ParticipantId, ResourceId, resource_id, stream_name
from callmesh.messages import MAX_PAYLOAD, Mode, Number
from callmesh.values import decode, encode

LOW_WATER = 256 * 1024
"""Bytes a channel's own buffer is kept filled to."""
REFILL = 128 * 1024
"""A channel is filled up again when it holds no more bytes: once for many messages."""
HEAD = 64
"""Bytes that a message, or a part of one, counts besides its payload while it is kept."""
MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of one message, which travels in parts of `MAX_PAYLOAD`."""
MAX_RETRANSMITS = 0xFFFF
PACK = 8 * 1024
"""Bytes that leave together through a channel, where several small messages wait."""
SMALL = 1024
"""Bytes of a message that leaves together with others."""
PACKET = 1024
"""Bytes that leave together in mode `latest`: one packet holds them, so none is lost for others."""
MAX_PARTS = -(-MAX_MESSAGE // MAX_PAYLOAD)


class Piece(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message, or a part of one, as in `messages.Stream`."""

    number: Number
    json: bool
    payload: bytes
    step: Number = 1
    part: Number = 0
    parts: Number = 1


_encode_piece = msgspec.msgpack.Encoder().encode
_decode_piece = msgspec.msgpack.Decoder(Piece).decode
_decode_pieces = msgspec.msgpack.Decoder(list[Piece]).decode
SEVERAL = 0xDC
"""The first byte of several pieces: that of an array with its length in two more."""


class StreamMessage(msgspec.Struct, frozen=True):
    """What a reader of a stream gets."""

    data: Any
    """A JSON value, or bytes: what was sent."""
    sender: ParticipantId
    number: int


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How the channels of a stream are to deliver, as W3C has it."""

    mode: Mode
    ordered: bool
    max_retransmits: int | None


def delivery(mode: Mode, ordered: bool | None = None, retransmits: int | None = None) -> Delivery:
    """What is not said is as the mode has it. Raises `BadValue`."""
    if mode == "reliable":
        if ordered is not None or retransmits is not None:
            raise BadValue("all of a reliable stream arrives, in order: say how only in latest")
        return Delivery(mode=mode, ordered=True, max_retransmits=None)
    most = MAX_RETRANSMITS
    if retransmits is not None and (type(retransmits) is not int or not 0 <= retransmits <= most):
        raise BadValue(f"max_retransmits is a number from 0 to {most}")
    return Delivery(mode=mode, ordered=bool(ordered), max_retransmits=retransmits or 0)


def mode_of(ordered: bool, retransmits: int | None) -> Mode:
    """The mode of a channel that a peer opened: no channel of `latest` sends on and on."""
    return "reliable" if ordered and retransmits is None else "latest"


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


def payload_of(data: object) -> tuple[bool, bytes]:
    """`data` as what travels, and whether it is JSON. Raises `BadValue` or `TooLarge`."""
    if not isinstance(data, bytes | bytearray | memoryview):
        return True, bytes(encode(data, limit=MAX_MESSAGE))
    payload = bytes(data)
    if len(payload) > MAX_MESSAGE:
        raise TooLarge(f"a stream message has at most {MAX_MESSAGE} bytes; send it as several")
    return False, payload


def read_payload(json: bool, payload: bytes) -> Any:
    """What a reader gets. Raises `BadValue` or `TooLarge` for what a peer should not have sent."""
    return decode(payload, limit=MAX_MESSAGE) if json else payload


def pieces(number: int, json: bool, payload: bytes) -> Sequence[Piece]:
    """A message as it travels: whole, or in parts that are numbered from `number` on."""
    size = len(payload)
    if size <= MAX_PAYLOAD:
        return (Piece(number, json, payload),)
    parts = -(-size // MAX_PAYLOAD)
    return [
        Piece(number + part, json, payload[part * MAX_PAYLOAD : (part + 1) * MAX_PAYLOAD],
              1, part, parts)
        for part in range(parts)
    ]  # fmt: skip


def encode_piece(piece: Piece, step: int) -> bytes:
    """The bytes of a piece to one whose last number was `step` smaller."""
    if step == 1 and piece.parts == 1:
        return _encode_piece((piece.number, piece.json, piece.payload))
    number, json, payload, part, parts = (
        piece.number, piece.json, piece.payload, piece.part, piece.parts,
    )  # fmt: skip
    return _encode_piece((number, json, payload, step, part, parts))


def encode_frame(pieces: Sequence[Piece], step: int) -> bytes:
    """One message of a channel: a piece, or several that follow on each other."""
    first = encode_piece(pieces[0], step)
    if len(pieces) == 1:
        return first
    head = bytes([SEVERAL]) + len(pieces).to_bytes(2, "big")
    return b"".join((head, first, *(encode_piece(piece, 1) for piece in pieces[1:])))


def decode_frame(data: bytes) -> Sequence[Piece]:
    """What a peer sent through a channel. Raises `WireError`."""
    try:
        return _decode_pieces(data) if data[:1] == b"\xdc" else (_decode_piece(data),)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a stream message: {error}") from error
