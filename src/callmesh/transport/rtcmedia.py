"""Audio and video over the connections of `transport.webrtc`, by aiortc.

A pair that takes them has one transceiver of each kind, for good. Starting and stopping turns its
direction; which track is sent is nobody else's business. So nothing grows, and aiortc, which can
start a sender or a receiver once only, need not do it twice.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator
from fractions import Fraction
from typing import Any

from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpTransceiver
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import RtcpByePacket
from av import AudioFrame, AudioResampler, VideoFrame

from callmesh.ids import ParticipantId
from callmesh.signaling import KINDS, Kind

log = logging.getLogger("callmesh.rtc")

OnFrame = Callable[[ParticipantId, Kind, Any], None]
OnShown = Callable[[ParticipantId, frozenset[Kind]], None]
"""Called with what a participant sends, when that has been agreed."""
WAITING: dict[Kind, int] = {"audio": 25, "video": 2}
"""Frames that wait for an encoder: half a second of sound, or the newest pictures."""
RATE: dict[Kind, int] = {"audio": 48_000, "video": 90_000}
"""Ticks a second of what is sent."""
SOUND = 960
"""Samples of an encoded frame: 20 ms."""
APART = RATE["audio"] // 5
"""Ticks that sound may be behind the clock before it goes by the clock again."""


class Outlet(MediaStreamTrack):
    """What goes to one participant; it lives as long as the connection, whatever is sent."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        self._frames: deque[AudioFrame | VideoFrame] = deque(maxlen=WAITING[kind])
        self._came = asyncio.Event()
        self._is_read = False
        """Whether the connection has come so far."""

    def put(self, frame: AudioFrame | VideoFrame) -> None:
        """The newest are sent where an encoder is slower than its source."""
        if self._is_read:
            self._frames.append(frame)
            self._came.set()

    async def recv(self) -> AudioFrame | VideoFrame:
        self._is_read = True
        while not self._frames:
            self._came.clear()
            await self._came.wait()
        return self._frames.popleft()


class Fitting:
    """Makes what any source gives fit for every encoder: one format, and one time for all sources.

    Receivers drop what seems to be older than what they have, so time never goes back where one
    source takes the place of another.
    """

    def __init__(self, kind: Kind, clock: Callable[[], float]) -> None:
        self._ticks = RATE[kind]
        self._clock = clock
        self._origin = clock()
        self._next = 0
        """The earliest time of what comes next, in ticks."""
        self._resampler: AudioResampler | None = None

    def another(self) -> None:
        """Another source follows."""
        self._resampler = None

    def pictures(self, frame: VideoFrame) -> VideoFrame:
        if frame.format.name != "yuv420p":
            frame = frame.reformat(format="yuv420p")
        self._stamp(frame, max(self._now(), self._next), 1)
        return frame

    def sound(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        for part in self._resample(frame):
            late = self._now() - self._next > APART
            self._stamp(part, self._now() if late else self._next, part.samples)
            yield part

    def _resample(self, frame: AudioFrame) -> list[AudioFrame]:
        frame.pts = None  # it is counted here
        if self._resampler is not None:
            with contextlib.suppress(ValueError):  # of another format than the one before
                return self._resampler.resample(frame)
        self._resampler = AudioResampler("s16", "stereo", RATE["audio"], SOUND)
        return self._resampler.resample(frame)

    def _now(self) -> int:
        return int((self._clock() - self._origin) * self._ticks)

    def _stamp(self, frame: AudioFrame | VideoFrame, time: int, length: int) -> None:
        frame.pts, frame.time_base = time, Fraction(1, self._ticks)
        self._next = time + length


class Tracks:
    """Audio and video of one connection."""

    def __init__(
        self,
        pc: RTCPeerConnection,
        sends: Collection[Kind],
        receives: Collection[Kind],
        on_frame: Callable[[Kind, Any], None],
    ) -> None:
        self._receives = receives
        self._on_frame = on_frame
        self._outlets: dict[Kind, Outlet] = {}
        self._transceivers: dict[Kind, RTCRtpTransceiver] = {}
        self._said: dict[Kind, str] = {}
        """The directions of the last description."""
        self._reading: dict[Kind, asyncio.Task[None]] = {}
        for kind in KINDS:
            outlet = self._outlets[kind] = Outlet(kind)
            transceiver = pc.addTransceiver(outlet, direction="inactive")
            self._transceivers[kind] = transceiver
            _go_on_after_goodbye(transceiver.receiver)
        self.aim(sends)

    def aim(self, sends: Collection[Kind]) -> None:
        """Send these kinds from the next description on."""
        for kind, transceiver in self._transceivers.items():
            transceiver.direction = _direction(kind in sends, kind in self._receives)

    def put(self, kind: Kind, frame: AudioFrame | VideoFrame) -> None:
        """Nothing is sent before that has been agreed on, as in browsers."""
        if self._transceivers[kind].currentDirection in ("sendonly", "sendrecv"):
            self._outlets[kind].put(frame)

    @property
    def differs(self) -> bool:
        """Whether something is to be agreed on anew."""
        return any(t.direction != self._said.get(k) for k, t in self._transceivers.items())

    def described(self) -> None:
        self._said = {kind: t.direction for kind, t in self._transceivers.items()}

    def agreed(self) -> frozenset[Kind]:
        """Read what comes in from now on; which kinds that is."""
        shown: set[Kind] = set()
        for kind, transceiver in self._transceivers.items():
            if transceiver.currentDirection not in ("recvonly", "sendrecv"):
                continue
            shown.add(kind)
            if kind not in self._reading:
                reading = self._read(kind, transceiver.receiver.track)
                self._reading[kind] = asyncio.create_task(reading)
        return frozenset(shown)

    async def _read(self, kind: Kind, track: MediaStreamTrack) -> None:
        """Whether anybody looks or not: aiortc keeps what is not read."""
        with contextlib.suppress(MediaStreamError):
            while True:
                self._on_frame(kind, await track.recv())

    def close(self) -> None:
        for task in self._reading.values():
            task.cancel()


class RtcMedia:
    """Audio and video of one participant, with everybody who takes them."""

    def __init__(
        self,
        receives: Collection[Kind],
        *,
        takes: Callable[[ParticipantId], bool],
        on_frame: OnFrame,
        on_shown: OnShown,
    ) -> None:
        """`takes`: whether a participant takes audio and video at all."""
        self.takes = takes
        self.sending: dict[Kind, MediaStreamTrack] = {}
        self.negotiate: Callable[[], None] = lambda: None
        """What has every connection agree on what is sent."""
        self.receives = receives
        self._on_frame = on_frame
        self._on_shown = on_shown
        self._connections: dict[ParticipantId, Tracks] = {}
        clock = asyncio.get_running_loop().time
        self._fitting = {kind: Fitting(kind, clock) for kind in KINDS}
        self._playing: dict[Kind, asyncio.Task[None]] = {}

    # --- connections

    def open(self, peer: ParticipantId, pc: RTCPeerConnection) -> Tracks:
        """Put audio and video on a new connection, before its first description."""

        def came(kind: Kind, frame: Any) -> None:
            if self._connections.get(peer) is tracks:
                self._on_frame(peer, kind, frame)

        tracks = Tracks(pc, self.sending, self.receives, came)
        self._connections[peer] = tracks
        return tracks

    def agreed(self, peer: ParticipantId, tracks: Tracks) -> None:
        if self._connections.get(peer) is tracks:
            self._on_shown(peer, tracks.agreed())

    def close(self, peer: ParticipantId) -> None:
        if tracks := self._connections.pop(peer, None):
            tracks.close()

    # --- what is sent

    def play(self, kind: Kind, track: MediaStreamTrack | None) -> None:
        """Send `track`, in place of what is sent of its kind, to everybody; None: nothing more."""
        if playing := self._playing.pop(kind, None):
            playing.cancel()
        if track is None:
            self.sending.pop(kind, None)
        else:
            self.sending[kind] = track
            self._playing[kind] = asyncio.create_task(self._play(kind, track))
        self._aim()

    def _aim(self) -> None:
        for tracks in self._connections.values():
            tracks.aim(self.sending)
        self.negotiate()

    async def _play(self, kind: Kind, track: MediaStreamTrack) -> None:
        self._fitting[kind].another()
        try:
            while True:
                await self._put(kind, await track.recv())
        except MediaStreamError:
            log.info("the %s track has ended", kind)
        except Exception:
            log.exception("the %s track failed, and is sent no more", kind)
        if self.sending.get(kind) is track:
            del self._playing[kind], self.sending[kind]
            self._aim()

    async def _put(self, kind: Kind, frame: object) -> None:
        fitting = self._fitting[kind]
        match frame:
            case VideoFrame() if kind == "video":
                self._send(kind, await asyncio.to_thread(fitting.pictures, frame))
            case AudioFrame() if kind == "audio":
                for part in fitting.sound(frame):
                    self._send(kind, part)
            case _:
                raise TypeError(f"a track of {kind} gave {frame!r}")

    def _send(self, kind: Kind, frame: AudioFrame | VideoFrame) -> None:
        for tracks in self._connections.values():
            tracks.put(kind, frame)

    async def stop(self) -> None:
        playing = list(self._playing.values())
        for task in playing:
            task.cancel()
        for peer in list(self._connections):
            self.close(peer)
        await asyncio.gather(*playing, return_exceptions=True)


def _direction(sends: bool, receives: bool) -> str:
    if sends:
        return "sendrecv" if receives else "sendonly"
    return "recvonly" if receives else "inactive"


def _go_on_after_goodbye(receiver: RTCRtpReceiver) -> None:
    """A browser says goodbye when its camera is turned off, and aiortc would end for good then."""
    handle = receiver._handle_rtcp_packet

    async def handle_all_but_goodbye(packet: Any) -> None:
        if not isinstance(packet, RtcpByePacket):
            await handle(packet)

    receiver._handle_rtcp_packet = handle_all_but_goodbye  # type: ignore[method-assign]
