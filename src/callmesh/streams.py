"""DataStreams that run: who is reached by which path, and what waits for whom."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Any, get_args

from callmesh import messages
from callmesh.errors import BadInput, BadName, CallmeshError, Closed, TimedOut
from callmesh.ids import ParticipantId, ResourceId, stream_name
from callmesh.messages import Mode
from callmesh.notify import Notifier
from callmesh.participant import Participant
from callmesh.ports import Peers
from callmesh.session import Session
from callmesh.signaling import Direct, Pair, Path, Relay
from callmesh.stream import (
    Inbox,
    Outgoing,
    Piece,
    StreamMessage,
    decode_piece,
    encode_piece,
    label,
    open_piece,
    piece,
    read_label,
)  # fmt: skip


class DataStream:
    """Fast data between participants, peer to peer, no history. Made by `resource.stream(name)`.

    Iterate to read; `send` to write. Both ends need not open it at the same time, but what was
    sent before a reader opened it is gone.
    """

    def __init__(self, streams: "Streams", resource: ResourceId, name: str, mode: Mode) -> None:
        self._streams = streams
        self.resource = resource
        self.name = name
        self.mode: Mode = mode
        self.label = label(resource, name)
        """Of its channels."""
        self.number = 0
        """How many messages were sent."""
        self.inbox = Inbox()
        self._arrived = Notifier()
        self._closed = ""
        """Why it is."""

    async def send(
        self,
        data: Any,
        *,
        to: Iterable[ParticipantId] | None = None,
        timeout: float | None = None,
    ) -> None:
        """Send bytes or a JSON value to everybody else who is here, or to those named.

        In mode `reliable` it waits while more than 1 MiB waits for one of them; in `latest` never.
        Raises `TooLarge`, `BadValue`, `Closed`, or `TimedOut` after `timeout` seconds.
        """
        if self._closed:
            raise Closed(self._closed)
        self.number += 1
        sent = piece(self.number, data)
        await self._streams.post(self, sent, None if to is None else set(to), timeout)

    def take_in(self, message: StreamMessage, mode: Mode, size: int) -> None:
        self.inbox.put(message, mode, size)
        self._arrived.notify()

    def lost(self) -> None:
        """Messages that had to arrive are lost, since this participant was too slow."""
        self.inbox.overflow()
        self._arrived.notify()

    @property
    def dropped(self) -> int:
        """Mode `latest`: messages replaced before they left, or before they were read."""
        return self.inbox.dropped + self._streams.dropped(self)

    def fail(self, reason: CallmeshError) -> None:
        self._arrived.fail(reason)

    def close(self, why: str = "this stream is closed") -> None:
        """Stop reading and sending. Twice is fine."""
        self._closed = self._closed or why
        self._streams.forget(self)
        self._arrived.notify()

    def __aiter__(self) -> AsyncIterator[StreamMessage]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[StreamMessage]:
        """Ends when the stream is closed. Raises `Broken` when the reader was too slow."""
        while True:
            message = self.inbox.take()
            if message is not None:
                yield message
            elif self.inbox.broken:
                raise self.inbox.broken
            elif self._closed:
                return
            else:
                await self._arrived.wait()


class Streams:
    """Every stream of one participant, and the paths to the others."""

    def __init__(
        self,
        now: Callable[[], int],
        session: Callable[[], Session | None],
        flush: Callable[[], None],
        hidden: Callable[[ResourceId, Participant], bool] = lambda resource, other: False,
    ) -> None:
        """`hidden` tells whether a resource is not there for somebody."""
        self._now = now
        self._hidden = hidden
        self._session = session
        self._flush = flush
        self._me: Participant | None = None
        self._here: dict[ParticipantId, Participant] = {}
        self._pairs: dict[ParticipantId, Pair] = {}
        self._streams: dict[tuple[ResourceId, str], DataStream] = {}
        self._numbers: dict[tuple[ResourceId, str], int] = {}
        """How far closed streams have counted: one opened anew goes on from there."""
        self._outgoing: dict[ParticipantId, dict[DataStream, Outgoing]] = {}
        self._room = Notifier()
        self.peers: Peers | None = None

    def stream(self, resource: ResourceId, name: str, mode: Mode) -> DataStream:
        """The stream of that name; the same object every time."""
        if mode not in get_args(Mode):
            raise BadName(f"{mode} is no mode of a stream; use reliable or latest")
        place = (resource, stream_name(name))
        found = self._streams.get(place)
        if found is None:
            found = self._streams[place] = DataStream(self, resource, name, mode)
            found.number = self._numbers.get(place, 0)
        elif found.mode != mode:
            raise BadName(f"stream {name} is open already, in mode {found.mode}")
        return found

    def path(self, peer: ParticipantId) -> Path | None:
        pair = self._pairs.get(peer)
        return pair.path if pair else None

    def dropped(self, stream: DataStream) -> int:
        return sum(o[stream].dropped for o in self._outgoing.values() if stream in o)

    # --- who is here

    def roster(self, me: Participant, others: Collection[Participant]) -> None:
        """Keep a pair for everybody who is here; `others` is the whole roster without `me`."""
        self._me = me
        self._here = {other.id: other for other in others if other.here}
        known = {other.id for other in others}
        for other in self._here.values():
            if other.id not in self._pairs:
                self._pair(me, other)
        for gone in [id for id in self._pairs if id not in known]:
            self._part(gone)

    def _pair(self, me: Participant, other: Participant) -> None:
        rtc = self.peers is not None and "rtc" in me.offers and "rtc" in other.offers
        pair = self._pairs[other.id] = Pair(me.id, other.id, rtc=rtc, now=self._now())
        self._outgoing.setdefault(other.id, {})
        if rtc and self.peers:
            self.peers.connect(other.id, offers=pair.offers)

    def retry(self) -> None:
        """The link is back: what broke meanwhile, and is ours to offer, begins anew."""
        for id, pair in list(self._pairs.items()):
            if self._me and id in self._here and pair.offers and isinstance(pair.path, Relay):
                if self.peers:
                    self.peers.disconnect(id)
                self._pair(self._me, self._here[id])

    def link_lost(self) -> None:
        """What was on its way by the relay may be lost with the link."""
        for queues in self._outgoing.values():
            for queue in queues.values():
                if queue.relayed:
                    queue.again()

    def _part(self, peer: ParticipantId) -> None:
        """A direct path outlives a roster that has not come back yet after a hub's restart."""
        if isinstance(self._pairs[peer].path, Direct):
            return
        del self._pairs[peer]
        self._outgoing.pop(peer, None)
        if self.peers:
            self.peers.disconnect(peer)
        for stream in self._streams.values():
            stream.inbox.gone(peer)
        self._room.notify()

    def tick(self, now: int) -> None:
        for pair in self._pairs.values():
            if pair.tick(now):
                self._drain(pair.peer)

    # --- from the paths

    def path_changed(self, peer: ParticipantId, lost: str | None) -> None:
        """The direct path to `peer` is there, or was lost."""
        pair = self._pairs.get(peer)
        if pair is None:
            return
        if lost is None:
            pair.opened()
        else:
            pair.failed(lost)
            for queue in self._outgoing[peer].values():
                if not queue.relayed:
                    queue.again()
            if peer not in self._here:
                self._part(peer)
        self._drain(peer)

    def came_direct(self, peer: ParticipantId, text: str, mode: Mode, data: bytes) -> None:
        try:
            resource, name = read_label(text)
            sent = decode_piece(data)
            if sent.number > 0:  # that something was lost is not a peer's to say
                self._take_in(peer, resource, name, mode, sent)
        except BadInput:
            pass  # what a peer should not have sent is dropped (D8)

    def came_relayed(self, message: messages.Stream) -> None:
        try:
            sent = Piece(message.number, message.json, message.payload)
            peer, resource = ParticipantId(message.peers[0]), ResourceId(message.resource)
            self._take_in(peer, resource, message.name, message.mode, sent)
        except BadInput:
            pass  # (D8)

    def _take_in(
        self, peer: ParticipantId, resource: ResourceId, name: str, mode: Mode, sent: Piece
    ) -> None:
        stream = self._streams.get((resource, name))
        here = self._here.get(peer)
        if here is not None and self._hidden(resource, here):
            return
        if stream is None or stream.mode != mode:
            return
        if sent.number == 0:
            stream.lost()
        else:
            stream.take_in(open_piece(sent, peer), mode, len(sent.payload))

    # --- out

    async def post(
        self,
        stream: DataStream,
        sent: Piece,
        to: set[ParticipantId] | None,
        timeout: float | None,
    ) -> None:
        receivers = [
            id
            for id, other in self._here.items()
            if (to is None or id in to) and not self._hidden(stream.resource, other)
        ]
        for peer in receivers:
            self._queue(peer, stream).put(sent)
        for peer in receivers:
            self._drain_one(peer, stream)
        if not any(self._full(peer, stream) for peer in receivers):
            return
        try:
            async with asyncio.timeout(timeout):
                while any(self._full(peer, stream) for peer in receivers):
                    await self._room.wait()
        except TimeoutError:
            raise TimedOut(f"stream {stream.name}: a receiver did not keep up") from None

    def _queue(self, peer: ParticipantId, stream: DataStream) -> Outgoing:
        queues = self._outgoing.setdefault(peer, {})
        return queues.setdefault(stream, Outgoing(stream.mode))

    def _full(self, peer: ParticipantId, stream: DataStream) -> bool:
        queue = self._outgoing.get(peer, {}).get(stream)
        return queue is not None and queue.full

    def drain(self) -> None:
        """Something may have room again: the relay."""
        for peer in list(self._outgoing):
            self._drain(peer)

    def drained(self, peer: ParticipantId) -> None:
        """A direct channel has room again."""
        self._drain(peer)

    def _drain(self, peer: ParticipantId) -> None:
        for stream in self._outgoing.get(peer, ()):
            self._drain_one(peer, stream)

    def _drain_one(self, peer: ParticipantId, stream: DataStream) -> None:
        pair = self._pairs.get(peer)
        queue = self._outgoing.get(peer, {}).get(stream)
        if pair is None or not queue:
            return
        full = queue.full
        match pair.path:
            case Direct() if not queue.relayed:
                self._drain_direct(peer, stream, queue)
            case Direct() | Relay():
                self._drain_relay(peer, stream, queue)
            case _:
                pass  # it is sought
        if full and not queue.full:
            self._room.notify()

    def _drain_direct(self, peer: ParticipantId, stream: DataStream, queue: Outgoing) -> None:
        assert self.peers is not None
        while queue and self.peers.room(peer, stream.label, stream.mode):
            sent = queue.take()
            assert sent is not None
            self.peers.send(peer, stream.label, stream.mode, encode_piece(sent))

    def _drain_relay(self, peer: ParticipantId, stream: DataStream, queue: Outgoing) -> None:
        session = self._session()
        queue.relayed = stream.mode == "reliable"
        while queue and session is not None and session.may_stream:
            sent = queue.take()
            assert sent is not None
            session.streamed += len(sent.payload)
            session.put(
                messages.encode(
                    messages.Stream(
                        [peer], stream.resource, stream.name, stream.mode, sent.number, sent.json,
                        sent.payload,
                    )
                )
            )  # fmt: skip
            self._flush()

    def forget(self, stream: DataStream) -> None:
        place = (stream.resource, stream.name)
        if self._streams.pop(place, None) is not None:
            self._numbers[place] = stream.number
        for queues in self._outgoing.values():
            queues.pop(stream, None)
        self._room.notify()

    def fail(self, reason: CallmeshError) -> None:
        """The call is over: whoever reads or sends is told why."""
        self._room.fail(reason)
        for stream in self._streams.values():
            stream.fail(reason)

    def drop(self, resource: ResourceId, why: str) -> None:
        """The resource was removed: its streams close."""
        for stream in [s for s in self._streams.values() if s.resource == resource]:
            stream.close(why)
