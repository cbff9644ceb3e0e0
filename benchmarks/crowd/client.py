"""One participant of a crowd, and what is counted of what comes.

Each update carries a mark as text, `@@@` with a number and a time: it is the same for all servers,
and found in whatever bytes they send. So an update that comes together with others counts as one,
and one that a newer replaced as none.
"""

import asyncio
import re
import resource
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from benchmarks.crowd import Plan
from benchmarks.crowd.dialects import DIALECTS, Dialect

MARK = re.compile(rb"@@@(\d{5})T(\d{16})")
SAMPLES = 7
"""One update in so many is looked at for how late it is."""
LARGEST = 2**28
"""Bytes of a message: some send all that ever was in one."""
PING_EVERY = 15.0
"""Seconds, as callmesh's SDK has it."""
PINGS = 75
"""So many times in between some of them ping: not all at once."""


def micros() -> int:
    return time.monotonic_ns() // 1000


def mark(number: int, time: int) -> str:
    return f"@@@{number:05}T{time:016}"


@dataclass
class Count:
    updates: int = 0
    bytes: int = 0
    frames: int = 0
    late: list[int] = field(default_factory=list)
    written: int = 0
    lag: float = 0.0


class Client(WSListener):
    """What bears the mark `own` is theirs: it does not count when it is back."""

    def __init__(self, number: int, speak: Dialect, count: Count) -> None:
        self.number = number
        self.own = b"@@@%05dT" % number
        self.speak = speak
        self.count = count
        self.transport: WSTransport
        self.ready: asyncio.Event = asyncio.Event()
        self.may_write = True
        self.seen = number
        self.leaving = False
        self.gone = ""
        """Why the server closed."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        for data in self.speak.hello():
            self.send(data)
        if self.speak.is_in_at_once:
            self.ready.set()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type in (WSMsgType.PING, WSMsgType.PONG):  # picows answers
            return
        if frame.msg_type == WSMsgType.CLOSE:
            why = (frame.get_close_message() or b"").decode()
            self.closed(f"closed {frame.get_close_code()} {why}".strip())
            transport.disconnect()
            return
        data = frame.get_payload_as_bytes()
        if not self.ready.is_set() and self.speak.hears_welcome(data):
            self.ready.set()
        for answer in self.speak.answers(data):
            self.send(answer)
        self.count.frames += 1
        self.count.bytes += len(data)
        self.hear(data)

    def hear(self, data: bytes) -> None:
        count = self.count
        others = data.count(b"@@@") - data.count(self.own)
        if others:
            count.updates += others
            self.seen += others
            if self.seen >= SAMPLES:
                self.seen = 0
                found = MARK.search(data)
                if found and int(found[1]) != self.number:
                    count.late.append(micros() - int(found[2]))

    def closed(self, why: str) -> None:
        """Nobody is to be put out while one measures."""
        self.gone = self.gone or why
        if not self.leaving:
            raise SystemExit(f"the server closed: {why}")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.gone = self.gone or "it broke"

    def pause_writing(self) -> None:
        self.may_write = False

    def resume_writing(self) -> None:
        self.may_write = True

    def send(self, data: bytes | None) -> None:
        if data is not None:
            self.transport.send(WSMsgType.BINARY, data)

    def write(self, filling: str = "") -> None:
        self.send(self.speak.update(mark(self.number, micros()) + filling))
        self.count.written += 1

    def stream(self, filling: str, mode: str) -> None:
        self.send(self.speak.stream(mark(self.number, micros()) + filling, mode))
        self.count.written += 1

    def leave(self) -> None:
        self.leaving = True
        self.send(self.speak.leave())
        self.transport.send_close(WSCloseCode.OK)


class Reader(Client):
    """Remembers the time of the last mark of each number, and can wait for what is to come."""

    def __init__(self, number: int, speak: Dialect, count: Count) -> None:
        super().__init__(number, speak, count)
        self.marks: dict[int, int] = {}
        self.moved = asyncio.Event()

    def hear(self, data: bytes) -> None:
        for found in MARK.finditer(data):
            number, time = int(found[1]), int(found[2])
            self.marks[number] = max(time, self.marks.get(number, 0))
        self.moved.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        super().on_ws_disconnected(transport)
        self.moved.set()

    async def until(self, true: Callable[[], bool], timeout: float = 120) -> bool:
        """Wait until it is `true()`; False if the link is over before."""
        async with asyncio.timeout(timeout):
            while not true() and not self.gone:
                self.moved.clear()
                await self.moved.wait()
        return true()

    async def get(self, true: Callable[[], bool]) -> None:
        """Wait until it is `true()`, which it has to become."""
        if not await self.until(true):
            raise SystemExit(f"the server closed: {self.gone}")


T = TypeVar("T", bound=Client)


async def enter(
    kind: type[T], plan: Plan, room: str, number: int, count: Count | None = None, *,
    url: str = "", receive_buffer: int = 0,
) -> T:  # fmt: skip
    """Come into a room, and be in."""
    client = kind(number, DIALECTS[plan.server](room, number), count or Count())
    options: dict[str, Any] = {}
    if receive_buffer:
        options["socket_factory"] = lambda _: _connected(url or plan.url, receive_buffer)
    await ws_connect(
        lambda *_: client, (url or plan.url).format(room=room), max_frame_size=LARGEST,
        websocket_handshake_timeout=60, **options,
    )  # fmt: skip
    await asyncio.wait_for(client.ready.wait(), 60)
    return client


async def found(
    kind: type[T], plan: Plan, room: str, number: int, count: Count | None = None, *, url: str = ""
) -> T:
    """The same of the first one in a room, which others can write to then."""
    client = await enter(kind, plan, room, number, count, url=url)
    if beginning := client.speak.begin():
        client.send(beginning)
        await asyncio.sleep(0.02)
    return client


def _connected(url: str, receive_buffer: int) -> socket.socket:
    """A connection whose buffer is set before it is made: later it would not count."""
    at = urlsplit(url)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.connect((at.hostname, at.port))
    made.setblocking(False)
    return made


def say(moment: str) -> None:
    """The server is looked at now."""
    print(moment, flush=True)


def cpu() -> float:
    """Seconds that this process ran."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def pings(clients: Iterable[Client], stop: asyncio.Event) -> None:
    everybody = list(clients)
    turn = 0
    while not stop.is_set():
        await asyncio.sleep(PING_EVERY / PINGS)
        for client in everybody[turn::PINGS]:
            if not client.gone:
                client.send(client.speak.ping())
        turn = (turn + 1) % PINGS
