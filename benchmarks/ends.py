"""Both ends of what `benchmarks.channels` compares: a call page in Chromium, or a Python program.

An end has ways to the other one, by name: bare ones, and those of callmesh. A message begins with a
byte that says what it is for.
"""

import asyncio
import contextlib
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aiortc import RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import callmesh
from callmesh.ids import ParticipantId, ResourceId
from callmesh.lane import HIGH_WATER
from callmesh.messages import Mode
from callmesh.stream import LOW_WATER
from tests.browser.people import Person

MODES: tuple[Mode, ...] = ("reliable", "latest")
SMALL = 64
COUNT, ECHO, BACK, TIMED = 1, 2, 3, 4
REST = 0.005
"""Seconds between two messages whose way is timed, so that none waits for the one before."""
LOST = 2.0
"""Seconds after which one that was to come back is sent again."""
SCRIPT = (Path(__file__).parent / "channels.js").read_text()


@dataclass(frozen=True, slots=True)
class Came:
    messages: int
    bytes: int
    last: float
    """When the last one did, in milliseconds since the epoch, as the clock of all ends has it."""


class End(Protocol):
    """One end of all the ways between two."""

    async def flood(self, way: str, size: int, seconds: float) -> tuple[int, float]: ...
    async def count(self, way: str) -> int: ...
    async def came(self, way: str) -> Came: ...
    async def pings(self, way: str, times: int) -> list[float]: ...
    async def timed(self, way: str, times: int) -> None: ...
    async def late(self, way: str) -> list[float]: ...
    async def open(self, resource: ResourceId, to: ParticipantId) -> None: ...
    async def offer(self) -> Any: ...
    async def answer(self, offer: Any) -> Any: ...
    async def finish(self, answer: Any) -> None: ...
    async def opened(self) -> None: ...
    async def dial(self, url: str) -> None: ...


class PageEnd:
    """A call page in Chromium (`channels.js`)."""

    def __init__(self, someone: Person) -> None:
        self._page = someone.page

    async def _said(self, what: str, *given: Any) -> Any:
        return await self._page.evaluate(f"given => window.bench.{what}(...given)", list(given))

    async def open(self, resource: ResourceId, to: ParticipantId) -> None:
        await self._page.evaluate(
            "([resource, to]) => window.bench.open(window.callmesh.call, resource, to)",
            [resource, to],
        )

    async def offer(self) -> Any:
        return await self._said("offer")

    async def answer(self, offer: Any) -> Any:
        return await self._said("answer", offer)

    async def finish(self, answer: Any) -> None:
        await self._said("finish", answer)

    async def opened(self) -> None:
        await self._said("opened")

    async def dial(self, url: str) -> None:
        await self._said("dial", url)

    async def flood(self, way: str, size: int, seconds: float) -> tuple[int, float]:
        """How many were sent, and since when."""
        sent, since = await self._said("flood", way, size, seconds)
        return int(sent), float(since)

    async def count(self, way: str) -> int:
        return int(await self._said("count", way))

    async def came(self, way: str) -> Came:
        return Came(*await self._said("came", way))

    async def pings(self, way: str, times: int) -> list[float]:
        return [float(ms) for ms in await self._said("pings", way, times, SMALL, LOST * 1000)]

    async def timed(self, way: str, times: int) -> None:
        await self._said("timed", way, times, SMALL, REST * 1000)

    async def late(self, way: str) -> list[float]:
        return [float(ms) for ms in await self._said("late", way)]

    async def clock(self) -> tuple[float, float]:
        """By how much its clock is ahead of this process's, and by how much that may be wrong."""
        found = []
        for _ in range(100):
            before = time.time()
            said = await self._page.evaluate("performance.timeOrigin + performance.now()")
            after = time.time()
            found.append((after - before, said - (before + after) / 2 * 1000))
        trip, ahead = min(found)
        return ahead, trip / 2 * 1000


def now() -> float:
    """Milliseconds since the epoch, by the clock that all processes of a machine share."""
    return time.time() * 1000


class _Way:
    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self.send = send
        self.messages = self.bytes = 0
        self.last = 0.0
        self.late: list[float] = []
        self.number = 0
        """Of the message that is to come back."""
        self.pinged = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()

    def take(self, data: bytes) -> None:
        if data[0] == COUNT:
            self.last = now()
            self.messages += 1
            self.bytes += len(data)
        elif data[0] == ECHO:
            answer = asyncio.create_task(self._answer(bytes([BACK]) + data[1:]))
            self._answering.add(answer)
            answer.add_done_callback(self._answering.discard)
        elif data[0] == TIMED:
            self.late.append(now() - struct.unpack_from("<d", data, 1)[0])
        elif data[1] == self.number:
            self.pinged.set()

    async def _answer(self, data: bytes) -> None:
        await self.send(data)


class PythonEnd:
    """A Python program: aiortc, and websockets."""

    def __init__(self, call: callmesh.Call) -> None:
        self._call = call
        self._ways: dict[str, _Way] = {}
        self._pc: RTCPeerConnection | None = None
        self._socket: ClientConnection | None = None
        self._opened: list[asyncio.Event] = []
        self._reading: list[asyncio.Task[None]] = []

    # --- the bare channels

    def _begin(self) -> RTCPeerConnection:
        self._pc = RTCPeerConnection()
        self._opened = [self._bare(self._pc, mode, 10 + n) for n, mode in enumerate(MODES)]
        return self._pc

    def _bare(self, pc: RTCPeerConnection, mode: Mode, id: int) -> asyncio.Event:
        latest = mode == "latest"
        channel: RTCDataChannel = pc.createDataChannel(
            mode, negotiated=True, id=id, ordered=not latest, maxRetransmits=0 if latest else None
        )
        channel.bufferedAmountLowThreshold = LOW_WATER
        room, opened = asyncio.Event(), asyncio.Event()
        channel.on("bufferedamountlow", room.set)
        channel.on("open", opened.set)

        async def send(data: bytes) -> None:
            if latest and channel.bufferedAmount > LOW_WATER:
                return
            channel.send(data)
            if not latest and channel.bufferedAmount > HIGH_WATER:
                room.clear()
                await room.wait()

        way = self._ways[f"bare {mode}"] = _Way(send)
        channel.on("message", way.take)
        return opened

    async def offer(self) -> Any:
        pc = self._begin()
        await pc.setLocalDescription(await pc.createOffer())
        return _said(pc)

    async def answer(self, offer: Any) -> Any:
        pc = self._begin()
        await pc.setRemoteDescription(RTCSessionDescription(**offer))
        await pc.setLocalDescription(await pc.createAnswer())
        return _said(pc)

    async def finish(self, answer: Any) -> None:
        assert self._pc is not None
        await self._pc.setRemoteDescription(RTCSessionDescription(**answer))

    async def opened(self) -> None:
        for event in self._opened:
            await event.wait()

    async def dial(self, url: str) -> None:
        """A bare relay, which has one mode."""
        socket = self._socket = await connect(url, max_size=None, compression=None)
        way = self._ways["bare"] = _Way(socket.send)
        self._reading.append(asyncio.create_task(self._receive(socket, way)))

    async def _receive(self, socket: ClientConnection, way: _Way) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                data = await socket.recv()
                assert isinstance(data, bytes)
                way.take(data)

    # --- the streams of callmesh

    async def open(self, resource: ResourceId, to: ParticipantId) -> None:
        found = await self._call.resources.get(resource)
        for mode in MODES:
            stream = found.stream(f"bench-{mode}", mode=mode)

            async def send(data: bytes, stream: callmesh.DataStream = stream) -> None:
                await stream.send(data, to=[to])

            way = self._ways[f"callmesh {mode}"] = _Way(send)
            self._reading.append(asyncio.create_task(self._read(stream, way)))

    async def _read(self, stream: callmesh.DataStream, way: _Way) -> None:
        with contextlib.suppress(callmesh.errors.Closed):
            async for message in stream:
                way.take(message.data)

    # --- what is asked of it

    async def flood(self, way: str, size: int, seconds: float) -> tuple[int, float]:
        send = self._ways[way].send
        data = bytes([COUNT]) + bytes(size - 1)
        since, sent = now(), 0
        while now() < since + seconds * 1000:
            for _ in range(1 if size > 1000 else 64):
                await send(data)
                sent += 1
            await asyncio.sleep(0)
        return sent, since

    async def count(self, way: str) -> int:
        return self._ways[way].messages

    async def came(self, way: str) -> Came:
        own = self._ways[way]
        found = Came(own.messages, own.bytes, own.last)
        own.messages = own.bytes = 0
        return found

    async def pings(self, way: str, times: int) -> list[float]:
        own = self._ways[way]
        found: list[float] = []
        for _ in range(2 * times):  # in mode latest some may be lost
            own.pinged.clear()
            own.number = (own.number + 1) % 256
            began = time.perf_counter()
            await own.send(bytes([ECHO, own.number]) + bytes(SMALL - 2))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(own.pinged.wait(), LOST)
                found.append((time.perf_counter() - began) * 1000)
            if len(found) == times:
                return found
        raise RuntimeError(f"{way}: of {2 * times} messages {len(found)} came back")

    async def timed(self, way: str, times: int) -> None:
        send = self._ways[way].send
        rest = bytes(SMALL - 9)
        for _ in range(times):
            await send(struct.pack("<Bd", TIMED, now()) + rest)
            await asyncio.sleep(REST)

    async def late(self, way: str) -> list[float]:
        found, self._ways[way].late = self._ways[way].late, []
        return found

    async def close(self) -> None:
        for task in self._reading:
            task.cancel()
        if self._socket is not None:
            await self._socket.close()
        if self._pc is not None:
            await self._pc.close()


def _said(pc: RTCPeerConnection) -> dict[str, str]:
    return {"type": pc.localDescription.type, "sdp": pc.localDescription.sdp}
