"""A hub whose links are picows's and whose sockets are none: what it does can be counted.

Nothing waits and no thread runs meanwhile, and the clock stands still until it is told to go on. So
the same work comes to the same counts on every machine, as long as the Python is the same.
"""

import asyncio
import contextlib
import gc
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, cast

import pytest
from picows import WSFrame, WSMsgType, WSTransport

from callmesh import messages
from callmesh.app import Manifest
from callmesh.auth import Authority
from callmesh.catalog import Catalog
from callmesh.ids import CALL, CallId, ParticipantId, ResourceId, StateId, Writer, state_of
from callmesh.limits import Limits
from callmesh.links import Links
from callmesh.live import LiveHub
from callmesh.messages import Group, Hello, Message, Write
from callmesh.state import Entry
from callmesh.storage.memory import MemoryStorage
from callmesh.transport.picows import PicowsLink
from callmesh.values import encode

APP = Manifest(id="bench", name="Bench", version="1.0.0")
STATE = state_of(ResourceId("r1"))
TESTS = str(Path(__file__).parent)
SECOND = 1_000_000
START = 1_700_000_000 * SECOND


@dataclass
class Work:
    calls: int = 0
    """Functions of Python that were called, or gone on with."""
    steps: int = 0
    """Instructions of Python that were run: a loop that calls nothing counts as well."""


@contextlib.contextmanager
def counted() -> Iterator[Work]:
    """What is done within, without what the tests do themselves."""
    work = Work()

    def each(frame: FrameType, event: str, argument: Any) -> Any:
        work.steps += event == "opcode"
        return each

    def begins(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename.startswith(TESTS):
            return None
        work.calls += 1
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return each

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 looks for one that wants them here alone
    sys.settrace(begins)
    try:
        yield work
    finally:
        sys.settrace(before)


@dataclass
class Room:
    kept: int = 0
    """Bytes that are there afterwards and were not before."""
    most: int = 0
    """The same at the worst moment."""


@contextlib.contextmanager
def room() -> Iterator[Room]:
    """What Python allocates within."""
    found = Room()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        yield found
        found.most = tracemalloc.get_traced_memory()[1] - before
        gc.collect()
        found.kept = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.enable()


class Frame:
    """A whole message, as picows hands it over."""

    msg_type, fin = WSMsgType.BINARY, True
    tail_size = rsv1 = rsv2 = rsv3 = 0

    def __init__(self, *given: Message) -> None:
        self._data = messages.bundle([messages.encode(message) for message in given])
        self.payload_size = len(self._data)

    def get_payload_as_bytes(self) -> bytes:
        return self._data


class Seat:
    """A participant's link, and what lies under it: a socket that takes everything."""

    is_close_frame_sent = False

    def __init__(self, hub: "BusyHub") -> None:
        self._hub = hub
        self.underlying_transport = self
        self.bundles = 0
        self.bytes = 0
        self.link = PicowsLink()
        self.serving: asyncio.Task[None]
        self.id = ParticipantId("")
        self.link.on_ws_connected(cast(WSTransport, self))

    async def come(self, call: str = "demo") -> None:
        """Say hello, until what comes next is acted on at once."""
        self.serving = asyncio.create_task(self._hub.links.serve(call, self.link))
        self.hear(Frame(Hello(1, call, "Ada")))
        await self.heard()

    async def heard(self) -> None:
        """Wait until all that came was acted on."""
        link = self.link
        while link._hear_at_once is None or link._heard or link._waiter is None:
            assert not self.serving.done(), "the link is over"
            await asyncio.sleep(0)

    def hear(self, frame: Frame) -> None:
        self.link.on_ws_frame(cast(WSTransport, self), cast(WSFrame, frame))

    def send(self, kind: WSMsgType, data: bytes) -> None:
        self.bundles += 1
        self.bytes += len(data)

    def writelines(self, parts: list[bytes]) -> None:
        self.bundles += 1
        self.bytes += sum(map(len, parts))

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def disconnect(self, graceful: bool = True) -> None: ...


class BusyHub:
    """It saves nothing, as nobody runs what does. Use inside `async with`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = START
        for name in ("live.clock", "live.steady", "links.clock", "links.steady", "livecall.steady"):
            monkeypatch.setattr(f"callmesh.{name}", lambda: self.now)
        monkeypatch.setattr("callmesh.live.ahead", lambda: 0)
        limits = Limits(participants=1_000, tabs=1_000, joins_per_minute=100_000)
        catalog = cast(Catalog, SimpleNamespace(manifest={"bench": APP}.get))
        authority = Authority(b"s" * 32)
        self.live = LiveHub(MemoryStorage(), catalog, authority, limits=limits)
        self.links = Links(self.live, authority)
        self.seats: list[Seat] = []

    async def __aenter__(self) -> "BusyHub":
        return self

    async def __aexit__(self, *error: object) -> None:
        for seat in self.seats:
            seat.serving.cancel()
        await asyncio.gather(*(seat.serving for seat in self.seats), return_exceptions=True)
        await self.live._saving.close()

    async def seat(self, people: int, call: str = "demo") -> list[Seat]:
        """So many more come in, and are told all that there is."""
        come = []
        for _ in range(people):
            self.wait()
            seat = Seat(self)
            self.seats.append(seat)
            come.append(seat)
            await seat.come(call)
            seat.id = next(reversed(self.live._calls[CallId(call)].lines))
            self.wait(call)
            seat.hear(Frame(messages.Ping(1)))  # the first word says that the welcome has come
        return come

    async def busy(self, people: int) -> list[Seat]:
        """The same, with a resource there, and everything done that is done once."""
        seats = await self.seat(people)
        owner = self.live._calls[CallId("demo")].hosted.people.members[seats[0].id]
        record = {"app": "bench", "title": "Bench", "owner": owner.participant.person}
        self.hear(seats[0], self.write(seats[0], record, key="resource/r1", state=CALL))
        for _ in range(5):
            for seat in seats:
                self.hear(seat, self.write(seat))
        return seats

    def wait(self, call: str = "demo") -> None:
        """A tenth of a second passes: what comes next is sent at once."""
        self.now += SECOND // 10
        if live := self.live._calls.get(CallId(call)):
            live._quiet_until = live._not_before = 0.0

    def write(
        self, seat: Seat, value: object = "value", *, key: str = "key", state: StateId = STATE
    ) -> Frame:
        """A write that is later than all before it."""
        self.wait()
        return Frame(Write([Group(state, [Entry(key, self.now, Writer(seat.id), encode(value))])]))

    def hear(self, seat: Seat, frame: Frame) -> None:
        self.wait()
        seat.hear(frame)

    async def fill(self, seat: Seat, keys: int, size: int) -> None:
        """Write so much; what is large is not taken at once."""
        for number in range(keys):
            self.hear(seat, self.write(seat, "x" * size, key=f"large{number}"))
            await seat.heard()

    def cost(self, seat: Seat, frames: list[Frame]) -> Work:
        """Of one of these, on the average."""
        with counted() as work:
            for frame in frames:
                self.hear(seat, frame)
        return Work(work.calls // len(frames), work.steps // len(frames))
