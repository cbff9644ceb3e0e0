"""Direct paths over WebRTC data channels, by aiortc (the extra `callmesh[rtc]`)."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Any

import aioice.ice
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError
from aiortc.rtcconfiguration import RTCBundlePolicy, RTCIceTransportPolicy
from aiortc.sdp import candidate_from_sdp

from callmesh.errors import WireError
from callmesh.ice import is_turn
from callmesh.ids import ParticipantId
from callmesh.messages import Ice, Mode
from callmesh.signaling import (
    ANEW,
    ASKS,
    BEGAN_ANEW,
    CONTROL_ID,
    CONTROL_LABEL,
    MOST_CHANNELS,
    MOST_SIGNALS,
    fingerprints,
    read_signal,
)  # fmt: skip
from callmesh.stream import LOW_WATER, REFILL, Delivery, mode_of
from callmesh.transport.rtcmedia import RtcMedia, Tracks

log = logging.getLogger("callmesh.rtc")

OnSignal = Callable[[ParticipantId, str], None]
OnPath = Callable[[ParticipantId, str | None], None]
"""Called with None when the path is there, with the reason when it is lost."""
OnMessage = Callable[[ParticipantId, str, Mode, bytes], None]
OnRoom = Callable[[ParticipantId], None]
OnWord = Callable[[ParticipantId, bytes], None]
"""What came on the control channel."""
MAX_UNSENT = 256 * 1024
"""Bytes that wait on a control channel before more is said there."""


# A path that nobody answers on is known to be broken in 12 s or so, instead of half a minute.
aioice.ice.CONSENT_INTERVAL = 2
aioice.ice.CONSENT_FAILURES = 5


class _PeerConnection(RTCPeerConnection):
    """aiortc connects in tasks that nobody looks at, and closing pulls the ground from under them.

    What is raised there then is nobody's error; that there is no path is seen by its not opening.
    """

    async def _RTCPeerConnection__connect(self) -> None:
        try:
            await super()._RTCPeerConnection__connect()  # type: ignore[misc]
        except Exception as error:
            log.info("connecting was cut short: %r", error)


@dataclass(slots=True)
class _Connection:
    pc: RTCPeerConnection
    tracks: Tracks | None
    """Audio and video, where both sides take them."""
    control: RTCDataChannel
    channels: dict[str, RTCDataChannel] = field(default_factory=dict)
    """Our own, by label."""
    since: int = 0
    """When it was made, microseconds."""
    early: list[Any] = field(default_factory=list)
    """Candidates that came before their description."""
    signals: int = 0
    """How many of theirs wait for their turn."""
    theirs: int = 0
    """Channels that the other side has open."""
    offers: bool = False
    """Whether this side makes the offers."""
    asked: bool = False
    """The other side has something to change."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Descriptions are set one after the other."""


class RtcPeers:
    def __init__(
        self,
        *,
        on_signal: OnSignal,
        on_path: OnPath,
        on_message: OnMessage,
        on_room: OnRoom,
        on_word: OnWord,
        media: RtcMedia | None = None,
    ) -> None:
        self._media = media
        if media is not None:
            media.negotiate = self._negotiate_all
        self._on_signal = on_signal
        self._on_path = on_path
        self._on_message = on_message
        self._on_room = on_room
        self._on_word = on_word
        self._connections: dict[ParticipantId, _Connection] = {}
        self._ice = Ice([])
        self._told = False
        """Whether it was said that no TURN server lets us in."""
        self._tasks: set[asyncio.Task[None]] = set()

    def configure(self, ice: Ice) -> None:
        self._ice, self._told = ice, False

    def connect(self, peer: ParticipantId, *, offers: bool) -> None:
        connection = self._open(peer)
        connection.offers = offers
        if offers:
            self._start(peer, connection, self._offer(peer, connection))

    def signal(self, peer: ParticipantId, text: str) -> None:
        try:
            signal = read_signal(text)
        except WireError as error:
            log.info("a signal of %s was passed over: %s", peer, error)
            return
        if "again" in signal:
            self._on_path(peer, ASKS)
            return
        connection = self._connections.get(peer)
        if connection is not None and connection.signals >= MOST_SIGNALS:
            return
        if connection is not None and _is_another(connection.pc, signal):
            if monotonic_ns() // 1_000 - connection.since < ANEW:
                return  # who wants it says so again
            self.disconnect(peer)
            self._on_path(peer, BEGAN_ANEW)
            connection = None
        connection = connection or self._open(peer)
        connection.signals += 1
        self._start(peer, connection, self._take_signal(peer, connection, signal))

    def repeat(self) -> None:
        for peer, connection in self._connections.items():
            self._start(peer, connection, self._repeat(peer, connection))

    def ask(self, peer: ParticipantId) -> None:
        self._on_signal(peer, json.dumps({"again": True}))

    def room(self, peer: ParticipantId, label: str, how: Delivery) -> bool:
        connection = self._connections.get(peer)
        if connection is None:
            return False
        channel = connection.channels.get(label)
        if channel is None:
            self._open_channel(peer, connection, label, how)
            return False
        return bool(channel.readyState == "open" and channel.bufferedAmount <= LOW_WATER)

    def send(self, peer: ParticipantId, label: str, mode: Mode, data: bytes) -> None:
        with contextlib.suppress(InvalidStateError):  # closed just now; the path's news follows
            self._connections[peer].channels[label].send(data)

    def ready(self, peer: ParticipantId) -> bool:
        connection = self._connections.get(peer)
        if connection is None or connection.control.readyState != "open":
            return False
        return bool(connection.control.bufferedAmount <= MAX_UNSENT)

    def tell(self, peer: ParticipantId, data: bytes) -> None:
        with contextlib.suppress(InvalidStateError, KeyError):  # closed just now
            self._connections[peer].control.send(data)

    def disconnect(self, peer: ParticipantId) -> None:
        connection = self._connections.pop(peer, None)
        if connection:
            if self._media:
                self._media.close(peer)
            self._run(peer, connection.pc.close())

    async def close(self) -> None:
        for peer in list(self._connections):
            self.disconnect(peer)
        if self._media:
            await self._media.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    # --- one connection

    def _open(self, peer: ParticipantId) -> _Connection:
        media = self._media if self._media and self._media.takes(peer) else None
        pc = _PeerConnection(_configuration(self._ice))
        # Before the channel, as in browsers: what all goes through belongs to what comes first.
        tracks = media.open(peer, pc) if media else None
        control = pc.createDataChannel(CONTROL_LABEL, negotiated=True, id=CONTROL_ID)
        connection = _Connection(pc, tracks, control, since=monotonic_ns() // 1_000)
        self._connections[peer] = connection
        _lose_what_cannot_go(pc)

        def lost(why: str) -> None:
            if self._connections.get(peer) is connection:
                self.disconnect(peer)
                self._on_path(peer, why)

        def word(data: bytes | str) -> None:
            if isinstance(data, bytes) and self._connections.get(peer) is connection:
                self._on_word(peer, data)

        control.on("message", word)

        def opened() -> None:
            _tell_when_nobody_answers(pc, lambda: lost("nobody answers on the direct path"))
            self._on_path(peer, None)

        control.on("open", opened)
        control.on("close", lambda: lost("the peer closed the direct path"))
        pc.on("datachannel", lambda channel: self._listen(peer, connection, channel))
        pc.on(
            "connectionstatechange",
            lambda: lost("the direct path broke") if pc.connectionState == "failed" else None,
        )
        return connection

    def _open_channel(
        self, peer: ParticipantId, connection: _Connection, label: str, how: Delivery
    ) -> None:
        channel = connection.pc.createDataChannel(
            label, ordered=how.ordered, maxRetransmits=how.max_retransmits
        )
        connection.channels[label] = channel
        channel.bufferedAmountLowThreshold = REFILL
        channel.on("open", lambda: self._on_room(peer))
        channel.on("bufferedamountlow", lambda: self._on_room(peer))
        channel.on("close", lambda: connection.channels.pop(label, None))

    def _listen(
        self, peer: ParticipantId, connection: _Connection, channel: RTCDataChannel
    ) -> None:
        if connection.theirs >= MOST_CHANNELS:
            channel.close()
            return
        connection.theirs += 1
        mode = mode_of(channel.ordered, channel.maxRetransmits)

        def message(data: bytes | str) -> None:
            if isinstance(data, bytes):
                self._on_message(peer, channel.label, mode, data)

        def closed() -> None:
            connection.theirs -= 1

        channel.on("message", message)
        channel.on("close", closed)

    async def _offer(self, peer: ParticipantId, connection: _Connection) -> None:
        pc = connection.pc
        connection.asked = False
        if connection.tracks:
            connection.tracks.described()
        await pc.setLocalDescription(await pc.createOffer())
        self._describe(peer, connection)

    async def _take_signal(
        self, peer: ParticipantId, connection: _Connection, signal: dict[str, Any]
    ) -> None:
        connection.signals -= 1
        pc = connection.pc
        description, candidate = signal.get("description"), signal.get("candidate")
        if "negotiate" in signal:
            connection.asked = connection.offers
            await self._negotiate(peer, connection)
        elif description:
            await self._take_description(peer, connection, description)
        elif candidate:
            described: object = pc.remoteDescription  # None at first, whatever its type says
            if described is None:
                if len(connection.early) < MOST_SIGNALS:
                    connection.early.append(candidate)
            else:
                await _add(pc, candidate)

    async def _take_description(
        self, peer: ParticipantId, connection: _Connection, description: dict[str, Any]
    ) -> None:
        pc, tracks = connection.pc, connection.tracks
        answers = description["type"] == "answer"
        if connection.offers != answers:
            return  # who offers is not offered anything
        if answers and pc.signalingState != "have-local-offer":
            return  # to what was said twice
        await pc.setRemoteDescription(
            RTCSessionDescription(sdp=description["sdp"], type=description["type"])
        )
        early, connection.early = connection.early, []
        for waited in early:
            await _add(pc, waited)
        if not answers:
            if tracks:
                tracks.described()
            await pc.setLocalDescription(await pc.createAnswer())
            self._describe(peer, connection)
        if self._media and tracks:
            self._media.agreed(peer, tracks)
            await self._negotiate(peer, connection)

    async def _negotiate(self, peer: ParticipantId, connection: _Connection) -> None:
        """Agree on what is to change: it is offered, or asked for.

        Not before the first description, nor while an answer is on its way: it looks again then.
        """
        pc, tracks = connection.pc, connection.tracks
        known: object = pc.remoteDescription
        if known is None or pc.signalingState != "stable" or tracks is None:
            return
        if connection.offers and (connection.asked or tracks.differs):
            await self._offer(peer, connection)
        elif not connection.offers and tracks.differs:
            self._on_signal(peer, json.dumps({"negotiate": True}))

    def _negotiate_all(self) -> None:
        for peer, connection in self._connections.items():
            self._start(peer, connection, self._negotiate(peer, connection))

    async def _repeat(self, peer: ParticipantId, connection: _Connection) -> None:
        """What was said last, or its answer, may have been lost with a link to the hub."""
        if connection.pc.signalingState == "have-local-offer":
            self._describe(peer, connection)
        await self._negotiate(peer, connection)

    def _describe(self, peer: ParticipantId, connection: _Connection) -> None:
        """Send our description; aiortc has put all its candidates in."""
        local = connection.pc.localDescription
        turn = [url for server in self._ice.servers for url in server.urls if is_turn(url)]
        if turn and " typ relay" not in local.sdp:
            why = f"{turn[0]} gave no address: it is not reached, or refuses the login"
            if not self._told:
                log.warning("%s; who is not reached directly is reached by way of the hub", why)
                self._told = True
            if self._ice.policy == "relay":
                self._on_path(peer, why)
        self._on_signal(peer, json.dumps({"description": {"type": local.type, "sdp": local.sdp}}))

    def _start(
        self, peer: ParticipantId, connection: _Connection, work: Coroutine[Any, Any, None]
    ) -> None:
        """Run `work` on a connection when it is its turn."""

        async def in_turn() -> None:
            async with connection.turn:
                await work

        self._run(peer, in_turn())

    def _run(self, peer: ParticipantId, work: Coroutine[Any, Any, None]) -> None:
        """What a peer's nonsense makes aiortc raise costs that peer its direct path."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:
                log.info("no direct path to %s: %r", peer, error)

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _configuration(ice: Ice) -> RTCConfiguration:
    """aiortc takes one STUN and one TURN server: the first that it can use of each."""
    servers = [
        RTCIceServer(urls=url, username=server.username or None, credential=server.credential)
        for server in ice.servers
        for url in server.urls
        if not url.startswith("stuns:")
    ]
    return RTCConfiguration(
        servers,
        bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
        iceTransportPolicy=RTCIceTransportPolicy(ice.policy),
    )


def _lose_what_cannot_go(pc: RTCPeerConnection) -> None:
    """A packet that cannot go any more is lost like any other, and no error of a timer's task."""
    assert pc.sctp is not None
    transport = pc.sctp.transport
    send = transport._send_data

    async def send_or_lose(data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            await send(data)

    transport._send_data = send_or_lose  # type: ignore[method-assign]


def _tell_when_nobody_answers(pc: RTCPeerConnection, tell: Callable[[], None]) -> None:
    """ICE closes its connection then, and says so when all is closed: by TURN 30 s later."""
    assert pc.sctp is not None
    ice = pc.sctp.transport.transport._connection
    close = ice.close

    async def tell_and_close() -> None:
        tell()
        await close()

    ice.close = tell_and_close  # type: ignore[method-assign]


def _is_another(pc: RTCPeerConnection, signal: dict[str, Any]) -> bool:
    """Whether an offer comes from a connection that has taken the place of the one known here."""
    description = signal.get("description")
    known: RTCSessionDescription | None = pc.remoteDescription
    if not isinstance(description, dict) or description.get("type") != "offer" or known is None:
        return False
    return fingerprints(known.sdp).isdisjoint(fingerprints(str(description.get("sdp"))))


async def _add(pc: RTCPeerConnection, candidate: dict[str, Any]) -> None:
    text = candidate.get("candidate", "")
    if not text:
        return  # the end of candidates
    parsed = candidate_from_sdp(text.removeprefix("candidate:"))
    parsed.sdpMid = candidate.get("sdpMid")
    parsed.sdpMLineIndex = candidate.get("sdpMLineIndex")
    await pc.addIceCandidate(parsed)
