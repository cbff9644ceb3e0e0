"""Audio and video of a call, as a program has them."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from callmesh.errors import BadInput, CallmeshError
from callmesh.ids import ParticipantId, PersonId
from callmesh.notify import Notifier
from callmesh.signaling import KINDS, Kind

if TYPE_CHECKING:  # the extra callmesh[rtc]
    from aiortc import MediaStreamTrack
    from av import AudioFrame, VideoFrame

    from callmesh.transport.rtcmedia import RtcMedia

BUFFER: dict[Kind, int] = {"audio": 50, "video": 2}
"""Frames that wait for who reads them: a second of sound, or two pictures."""

F = TypeVar("F")
log = logging.getLogger("callmesh")


class Frames(Generic[F]):
    """What one participant sends of one kind, decoded: `async for frame in frames`.

    Made by `call.media.frames` or `call.media.incoming`. It waits until they start, and ends when
    they stop or leave; a path that breaks and is found again only makes a pause. A slow reader gets
    the newest: what is older than its buffer is dropped, and counted in `dropped`.

    A `VideoFrame` has the format `yuv420p` and a size that may change on the way; an `AudioFrame`
    20 ms of sound, `s16`, stereo, at 48,000 Hz, 960 samples a channel, which are interleaved.
    `frame.time` is seconds since the first one. Raises why the call is over, when it is.
    """

    def __init__(self, participant: ParticipantId, kind: Kind, buffer: int, begun: bool) -> None:
        self.participant = participant
        self.kind = kind
        self.dropped = 0
        """Frames that newer ones have pushed out."""
        self._frames: deque[F] = deque(maxlen=buffer)
        self._begun = begun
        self._over = False
        self._failure: CallmeshError | None = None
        self._moved = asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> F:
        while not self._frames:
            if self._failure is not None:
                raise self._failure
            if self._over:
                raise StopAsyncIteration
            self._moved.clear()
            await self._moved.wait()
        return self._frames.popleft()

    def close(self) -> None:
        """Read no more; whoever waits sees the end. Twice is fine."""
        self._frames.clear()
        self._end()

    # --- for who makes it

    @property
    def is_over(self) -> bool:
        return self._over

    def _put(self, frame: F) -> None:
        if self._over:
            return
        self.dropped += len(self._frames) == self._frames.maxlen
        self._frames.append(frame)
        self._moved.set()

    def _shown(self, shown: bool) -> None:
        if self._begun and not shown:
            self._end()
        self._begun = self._begun or shown

    def _end(self, failure: CallmeshError | None = None) -> None:
        if not self._over:
            self._over, self._failure = True, failure
        self._moved.set()


class Media:
    """Audio and video: what this program sends, and what others do. For `join(…, media=True)`.

    Each participant sends one track of each kind at most, `audio` and `video`, as pages do with a
    microphone and a camera.
    """

    def __init__(self) -> None:
        self._rtc: RtcMedia | None = None
        self._here: Collection[ParticipantId] = ()
        self._starts: dict[tuple[ParticipantId, Kind], int] = {}
        """Who sends what, and the number of that start."""
        self._started = 0
        self._readers: list[Frames[Any]] = []
        self._moved = Notifier()
        self._on_muted: list[Callable[[PersonId], object]] = []
        self._failure: CallmeshError | None = None

    # --- sending

    def send(self, track: "MediaStreamTrack") -> None:
        """Send a track to everybody who takes audio and video, those who come later included.

        Any track of aiortc: of a file or a camera (`aiortc.contrib.media.MediaPlayer`), or one of
        your own, whose `recv` gives an `av.VideoFrame` or `av.AudioFrame` when it is time for it;
        each frame is an object of its own, and its `pts` is not looked at. It takes the place of
        what was sent of its kind. A track that ends (`track.stop()`, the end of a file) is sent no
        more, and pages show the camera or the microphone as off. Each receiver costs an encoder.

        Raises `BadInput` for what is no track, or has ended, or without `join(…, media=True)`.
        """
        rtc, kind = self._ask(), getattr(track, "kind", None)
        if kind not in KINDS or not hasattr(track, "recv"):
            raise BadInput(f"not a track of audio or video: {track!r}")
        if track.readyState == "ended":
            raise BadInput(f"the {kind} track has ended")
        rtc.play(kind, track)

    def stop(self, kind: Kind) -> None:
        """Send nothing of that kind any more. The track itself goes on, and may be sent again."""
        self._ask().play(_kind(kind), None)

    def on_muted(self, tell: Callable[[PersonId], object]) -> Callable[[], None]:
        """Call `tell` when a host turns this program's microphone off; returns what ends that.

        It is told which person did; an empty one is the operator. Audio that was sent is stopped by
        then, and may be sent again.
        """
        self._on_muted.append(tell)
        return lambda: self._on_muted.remove(tell) if tell in self._on_muted else None

    @property
    def sending(self) -> Mapping[Kind, "MediaStreamTrack"]:
        """The tracks that are sent, by kind: a live mapping."""
        return MappingProxyType(self._ask().sending)

    # --- receiving

    def shows(self, participant: ParticipantId) -> frozenset[Kind]:
        """What a participant sends: of the kinds that are received here, and directly reached."""
        return frozenset(kind for kind in KINDS if (participant, kind) in self._starts)

    @overload
    def frames(
        self, participant: ParticipantId, kind: Literal["video"] = ..., *, buffer: int | None = ...
    ) -> "Frames[VideoFrame]": ...
    @overload
    def frames(
        self, participant: ParticipantId, kind: Literal["audio"], *, buffer: int | None = ...
    ) -> "Frames[AudioFrame]": ...
    def frames(
        self, participant: ParticipantId, kind: Kind = "video", *, buffer: int | None = None
    ) -> "Frames[Any]":
        """What a participant sends of that kind, from now on.

        `buffer` is how many frames wait for a slow reader: 50 of audio, a second, or 2 of video.
        Raises `BadInput` for a kind that is not received here.
        """
        self._receives(kind)
        if buffer is not None and buffer < 1:
            raise BadInput("a buffer holds one frame at least")
        begun = (participant, kind) in self._starts
        frames: Frames[Any] = Frames(participant, kind, buffer or BUFFER[kind], begun)
        if self._failure is not None:
            frames._end(self._failure)
        elif participant not in self._here:
            frames._end()
        else:
            self._readers = [reader for reader in self._readers if not reader.is_over]
            self._readers.append(frames)
        return frames

    @overload
    def incoming(
        self, kind: Literal["video"] = ..., *, buffer: int | None = ...
    ) -> "AsyncIterator[Frames[VideoFrame]]": ...
    @overload
    def incoming(
        self, kind: Literal["audio"], *, buffer: int | None = ...
    ) -> "AsyncIterator[Frames[AudioFrame]]": ...
    def incoming(
        self, kind: Kind = "video", *, buffer: int | None = None
    ) -> "AsyncIterator[Frames[Any]]":
        """The frames of everybody who sends that kind now, and of everybody who starts to.

        Who stops and starts again comes once more. Ends never; raises why the call is over.
        """
        self._receives(kind)
        return self._incoming(kind, buffer)

    async def _incoming(self, kind: Kind, buffer: int | None) -> AsyncIterator[Frames[Any]]:
        seen: dict[tuple[ParticipantId, Kind], int] = {}

        def new() -> list[ParticipantId]:
            starts = self._starts.items()
            return [at[0] for at, number in starts if at[1] == kind and seen.get(at) != number]

        while True:
            await self._moved.until(lambda: bool(new()), timeout=None, what="somebody who sends")
            participant = new()[0]
            seen[participant, kind] = self._starts[participant, kind]
            yield self.frames(participant, kind, buffer=buffer)

    # --- for the call

    def mute(self, by: PersonId) -> None:
        """A host said so."""
        if self._rtc is not None and "audio" in self._rtc.sending:
            self._rtc.play("audio", None)
        for tell in [*self._on_muted]:
            try:
                tell(by)
            except Exception:
                log.exception("somebody who was told of being muted failed")

    def attach(self, rtc: "RtcMedia") -> None:
        self._rtc = rtc

    def came(self, participant: ParticipantId, kind: Kind, frame: Any) -> None:
        if (participant, kind) in self._starts:
            for reader in self._readers:
                if reader.participant == participant and reader.kind == kind:
                    reader._put(frame)

    def shown(self, participant: ParticipantId, kinds: frozenset[Kind]) -> None:
        """It was agreed what a participant sends."""
        for kind in KINDS:
            at = (participant, kind)
            if kind not in kinds:
                self._starts.pop(at, None)
            elif at not in self._starts:
                self._started += 1
                self._starts[at] = self._started
        for reader in self._readers:
            if reader.participant == participant:
                reader._shown(reader.kind in kinds)
        self._moved.notify()

    def here(self, participants: Collection[ParticipantId]) -> None:
        """Who is in the call: the others have left."""
        self._here = participants
        for at in [at for at in self._starts if at[0] not in participants]:
            del self._starts[at]
        for reader in self._readers:
            if reader.participant not in participants:
                reader._end()

    def fail(self, reason: CallmeshError) -> None:
        self._failure = self._failure or reason
        self._starts.clear()
        for reader in self._readers:
            reader._end(reason)
        self._moved.fail(reason)

    def _ask(self) -> "RtcMedia":
        if self._rtc is None:
            raise BadInput("audio and video are for those who join with media=True")
        return self._rtc

    def _receives(self, kind: Kind) -> None:
        if _kind(kind) not in self._ask().receives:
            raise BadInput(f"no {kind} is received here: join with receives=(…, {kind!r})")


def _kind(kind: Kind) -> Kind:
    if kind not in KINDS:
        raise BadInput(f"{kind!r} is no kind of track: audio or video")
    return kind


def read_kinds(kinds: Collection[Kind]) -> frozenset[Kind]:
    """Raises `BadInput`."""
    return frozenset(_kind(kind) for kind in kinds)
