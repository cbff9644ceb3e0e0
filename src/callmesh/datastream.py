"""DataStream: what programs send and read through."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from callmesh.errors import BadInput, BadValue, Broken, CallmeshError, Closed
from callmesh.ids import ParticipantId, ResourceId
from callmesh.inbox import Ended, Inbox
from callmesh.lane import Lane, Reading
from callmesh.messages import Mode
from callmesh.notify import Notifier
from callmesh.stream import (
    HEAD,
    MAX_MESSAGE,
    MAX_PARTS,
    Piece,
    StreamMessage,
    delivery,
    label,
    payload_of,
    pieces,
    read_payload,
)  # fmt: skip

MAX_KEEP = 1_000
"""Messages that may be kept for who comes later."""
KEEP_BYTES = MAX_MESSAGE + MAX_PARTS * HEAD
"""Bytes of them, with `HEAD` for each of their parts: as much as one message may have."""


class Codec(Protocol):
    """What makes bytes of an app's own messages, and messages of bytes."""

    def encode(self, data: Any) -> bytes: ...

    def decode(self, data: bytes) -> Any: ...


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream stands to one other participant."""

    path: Literal["direct", "relay", "connecting"]
    reads: bool
    """Whether they have the stream open, so that what is sent reaches them."""
    buffered: int
    """Bytes that have not left, or are not known to have come."""
    sent: int
    """Payload bytes that have left for them."""
    received: int
    """Payload bytes that have come from them."""
    round_trip: float | None
    """Seconds, of the last measurement while something was sent."""
    resent: int
    """Messages, or parts, that left more than once, as the path was another one or lost them."""
    dropped: int
    """Mode `latest`: messages that a newer one replaced before they left."""
    lost: int
    """Mode `latest`: messages of theirs that did not come, as far as can be seen.

    Mode `reliable`: how often the stream was lost to them, as they took nothing for 30 s.
    """
    late: int
    """Mode `latest`: messages of theirs, or parts, that came after a newer one: too late."""
    loss: float
    """Mode `latest`: the share, 0 to 1, of what left for them that did not come in time.

    As they say every 5 s while something is sent; 0 until then.
    """
    messages_sent: int
    messages_received: int
    sent_rate: float
    """Payload bytes a second, over the last 5 s; what takes less than one second counts as one."""
    received_rate: float
    messages_sent_rate: float
    """Messages a second, likewise."""
    messages_received_rate: float


class Runner(Protocol):
    """Who runs streams."""

    def post(
        self, stream: "DataStream", sent: Iterable[Piece], to: set[ParticipantId] | None
    ) -> list[Lane]: ...
    async def until(self, true: Callable[[], bool], timeout: float | None, what: str) -> None: ...
    def read_on(self, stream: "DataStream") -> None: ...
    def reach(self, stream: "DataStream") -> dict[ParticipantId, Reach]: ...
    def forget(self, stream: "DataStream") -> None: ...


class DataStream:
    """Fast data between participants, peer to peer, no history. Made by `resource.stream(name)`.

    Iterate to read; `send` to write. What is sent reaches those who have opened it in the same
    mode; who opens it later gets what is sent from then on, and what is kept.
    """

    def __init__(
        self,
        runner: Runner,
        resource: ResourceId,
        name: str,
        mode: Mode,
        *,
        ordered: bool | None = None,
        max_retransmits: int | None = None,
        keep: int = 0,
        codec: Codec | None = None,
        number: int = 0,
        opened: int = 1,
    ) -> None:
        if not 0 <= keep <= MAX_KEEP:
            raise BadValue(f"keep is a number of messages from 0 to {MAX_KEEP}")
        self._runner = runner
        self.resource = resource
        self.name = name
        self.mode: Mode = mode
        self.delivery = delivery(mode, ordered, max_retransmits)
        self.keep = keep
        self.label = label(resource, name)
        """Of its channels."""
        self.number = number
        """How many messages, or parts of them, were sent."""
        self.served = 0
        """When it had its turn last by way of the hub, for who runs it."""
        self.codec = codec
        self.inbox = Inbox(mode, opened, self._read)
        self.lanes: dict[ParticipantId, Lane] = {}
        self.kept: deque[Sequence[Piece]] = deque()
        self.kept_size = 0
        """Bytes of it, with `HEAD` for each part."""
        self.arrived = Notifier()
        self._ending = ""
        """Why nothing is sent or read any more."""
        self._closed = asyncio.Event()

    # --- writing

    async def send(
        self,
        data: Any,
        *,
        to: Iterable[ParticipantId] | None = None,
        timeout: float | None = None,
    ) -> None:
        """Send bytes or a JSON value to everybody else who has the stream open, or to those named.

        In mode `reliable` it waits while 1 MiB is not acknowledged by one of them; in `latest`
        never. Who gives up waiting has sent it all the same. Raises `TooLarge`, `BadValue`,
        `Closed`, or `TimedOut` after `timeout` seconds.
        """
        full = self.put(data, to=to)
        if full:
            await self._runner.until(
                lambda: not any(lane.full for lane in full), timeout,
                f"room for more in stream {self.name}",
            )  # fmt: skip

    def put(self, data: Any, *, to: Iterable[ParticipantId] | None = None) -> list[Lane]:
        """Send without waiting for room; those who have none. Raises as `send` does."""
        if self._ending:
            raise Closed(self._ending)
        json, payload = self._write(data)
        sent = pieces(self.number + 1, json, payload)
        self.number += len(sent)
        full = self._runner.post(self, sent, None if to is None else set(to))
        if self.keep and to is None:
            self._keep(sent)
        return full

    def _keep(self, sent: Sequence[Piece]) -> None:
        self.kept.append(sent)
        self.kept_size += _size(sent)
        while len(self.kept) > self.keep or self.kept_size > KEEP_BYTES:
            self.kept_size -= _size(self.kept.popleft())

    def _write(self, data: Any) -> tuple[bool, bytes]:
        return payload_of(data if self.codec is None else self.codec.encode(data))

    def _read(self, json: bool, payload: bytes) -> Any:
        if self.codec is None:
            return read_payload(json, payload)
        try:
            return self.codec.decode(payload)
        except CallmeshError:
            raise
        except Exception as error:
            raise BadInput(f"the codec cannot read it: {error}") from error

    # --- whom it reaches

    @property
    def reaches(self) -> frozenset[ParticipantId]:
        """Who has it open, as far as they have said: what is sent reaches them."""
        return frozenset(id for id, lane in self.lanes.items() if lane.reading is Reading.READS)

    async def ready(
        self, *, to: Collection[ParticipantId] = (), timeout: float | None = 10
    ) -> frozenset[ParticipantId]:
        """Wait until everybody who is here has said whether they read it, and those in `to` do.

        Returns whom it reaches. Raises `TimedOut`, `Closed`. Nothing need wait for it: in mode
        `reliable` what is sent before reaches them too.
        """

        def settled() -> bool:
            if self._ending:
                raise Closed(self._ending)
            lanes = self.lanes.values()
            known = all(lane.reading is not Reading.UNKNOWN for lane in lanes)
            return known and self.reaches >= frozenset(to)

        await self._runner.until(settled, timeout, f"stream {self.name} reaching its readers")
        return self.reaches

    @property
    def stats(self) -> dict[ParticipantId, Reach]:
        """How it stands to each of the others."""
        return self._runner.reach(self)

    @property
    def dropped(self) -> int:
        """Mode `latest`: messages replaced before they left, or before they were read."""
        return self.inbox.dropped + sum(lane.dropped for lane in self.lanes.values())

    # --- reading

    def __aiter__(self) -> AsyncIterator[StreamMessage]:
        return self._messages(None)

    def of(self, sender: ParticipantId) -> AsyncIterator[StreamMessage]:
        """What one sender sends, which other readers here do not get meanwhile.

        Ends when they have closed the stream; raises `EndedByPeer` if they were cut short. Where
        several read one apart, each message is for one of them, and the end for all.
        """
        return self._messages(sender)

    async def _messages(self, sender: ParticipantId | None) -> AsyncIterator[StreamMessage]:
        """Ends when the stream is closed. Raises `Broken`, once, where something was lost."""
        inbox = self.inbox
        self._begin_reading(sender)
        try:
            while True:
                held = inbox.is_over(sender)
                item = inbox.take(sender)
                if held and not inbox.is_over(sender):
                    self._runner.read_on(self)
                if type(item) is StreamMessage:
                    yield item
                elif isinstance(item, Ended):
                    if item.why is not None:
                        raise item.why
                    return
                elif isinstance(item, Broken):
                    if sender is None and not item.sender:
                        inbox.full = False
                        self._runner.read_on(self)
                    raise item
                elif self._ending:
                    return
                else:
                    await self.arrived.wait()
        finally:
            if sender is not None:
                if inbox.read_together(sender):
                    self._runner.read_on(self)
                self.arrived.notify()  # what is left of it is for others here

    def _begin_reading(self, sender: ParticipantId | None) -> None:
        if sender is None:
            self.inbox.was_read = True
        else:
            self.inbox.read_apart(sender)
            self._runner.read_on(self)  # it waits for others here no more, nor they for it

    # --- the end

    async def close(self, *, timeout: float | None = 30) -> None:
        """Send what is left, then end: readers see that it was all. Nothing more is read here.

        Returns when everybody has everything. Raises `TimedOut`, after which it has ended as by
        `abort`. Twice is fine.
        """
        if self._ending:
            await self._closed.wait()
            return
        self._ending = "this stream is closed"
        self.arrived.notify()
        self.number += 1
        end = Piece(self.number, False, b"", 1, 0, 0)
        self._runner.post(self, [end], None)
        try:
            await self._runner.until(self._all_came, timeout, f"closing stream {self.name}")
        finally:
            self.end(self._ending)

    def _all_came(self) -> bool:
        lanes = self.lanes.values()
        return self._closed.is_set() or not any(lane.size and lane.takes for lane in lanes)

    def abort(self) -> None:
        """End it now: what has not left does not, and readers of this sender get `EndedByPeer`."""
        self.end("this stream was aborted")

    async def closed(self) -> None:
        """Wait until it has ended, in whatever way."""
        await self._closed.wait()

    def end(self, why: str) -> None:
        self._ending = self._ending or why
        if not self._closed.is_set():
            self._closed.set()
            self._runner.forget(self)
        self.arrived.notify()

    def fail(self, reason: CallmeshError) -> None:
        """For who runs it: the call is over."""
        self._ending = self._ending or str(reason)
        self._closed.set()
        self.arrived.fail(reason)


def _size(sent: Sequence[Piece]) -> int:
    return sum(len(piece.payload) + HEAD for piece in sent)
