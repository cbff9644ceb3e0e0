"""Participants as benchmarks need them: every write reaches the hub, and every byte is counted.

The SDK conflates what is written to a key within 16 ms: a million writes of its would be a few
thousand on the wire. A `Peer` is a session over a WebSocket without that.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from callmesh import messages
from callmesh.address import read_address
from callmesh.ids import StateId, Writer
from callmesh.mesh import Mesh
from callmesh.messages import MAX_BUNDLE, MAX_MESSAGES, Group, Write
from callmesh.session import Session, Side
from callmesh.state import Entry
from callmesh.values import decode, encode

PING_EVERY = 10.0
"""Seconds. A hub takes a link that says nothing for 40 s for broken."""


def clock() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


class Peer:
    """A participant who is in. Its mesh holds what the hub has confirmed."""

    def __init__(self, connection: ClientConnection) -> None:
        self.mesh = Mesh()
        self.received = 0
        """Bytes of all bundles."""
        self.gone: Exception | None = None
        """Why the link is over."""
        self._connection = connection
        self._session = Session(Side.CLIENT, clock())
        self._moved = asyncio.Event()

    async def until(self, true: Callable[[], bool], *, timeout: float = 60) -> None:
        """Wait until something about what came is `true()`. Raises what ended the link."""
        async with asyncio.timeout(timeout):
            while not true():
                if self.gone is not None:
                    raise self.gone
                self._moved.clear()
                await self._moved.wait()

    def values(self, state: StateId) -> dict[str, object]:
        """What a State holds, as this participant has heard of it."""
        found = {key: self.mesh.value(state, key) for key in self.mesh.keys(state)}
        return {key: decode(value) for key, value in found.items() if value is not None}

    def stamped(self, state: StateId, key: str, value: object) -> Write:
        """A write of one's own, later than every one before it."""
        entry = Entry(key, self.mesh.clock.stamp(clock()), self.mesh.writer, encode(value))
        return Write([Group(state, [entry])])

    async def send(self, *sent: messages.Message) -> None:
        await self.send_bundle(messages.bundle([messages.encode(message) for message in sent]))

    async def send_bundle(self, bundle: bytes) -> None:
        await self._connection.send(bundle)

    async def run(self) -> None:
        """Read and ping, until the link is over."""
        pinging = asyncio.create_task(self._ping())
        try:
            async for data in self._connection:
                assert isinstance(data, bytes)
                self._hear(data)
            self.gone = ConnectionError("the hub closed the link")
        except Exception as error:  # whoever waits is told
            self.gone = error
        finally:
            pinging.cancel()
            self._moved.set()

    async def _ping(self) -> None:
        """Also while nothing is read: whoever has a slow link is alive."""
        number = 0
        while True:
            await asyncio.sleep(PING_EVERY)
            number += 1
            with contextlib.suppress(ConnectionClosed):
                await self.send(messages.Ping(number))

    def _hear(self, data: bytes) -> None:
        now = clock()
        self.received += len(data)
        for message in self._session.receive(data, now):
            match message:
                case messages.Welcome():
                    self.mesh.writer = Writer(message.writer)
                    self.mesh.clock.set_by(message.time, now)
                case messages.Batch():
                    self.mesh.batch(message, now)
                case messages.Saved(cursor):
                    self.mesh.disk(cursor)
                case messages.Denial():
                    raise RuntimeError(f"denied: {message.reason}, {message.why}")
                case _:
                    pass
        self._moved.set()


@contextlib.asynccontextmanager
async def peer(url: str, name: str) -> AsyncIterator[Peer]:
    """Join the call at `url` as a host."""
    address = read_address(url)
    async with connect(
        address.socket,
        compression=None, max_size=None, ping_interval=None,
    ) as connection:  # fmt: skip
        joined = Peer(connection)
        running = asyncio.create_task(joined.run())
        try:
            await joined.send(messages.Hello(messages.VERSION, address.call, name, "host"))
            await joined.until(lambda: joined.mesh.cursor > 0)
            came = joined.mesh.cursor
            await joined.send(messages.Ping(1))  # the hub notes that its welcome was heard
            await joined.until(lambda: joined.mesh.cursor > came)
            yield joined
            with contextlib.suppress(ConnectionClosed):
                await joined.send(messages.Leave())
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def pour(
    writer: Peer, state: StateId, keys: Sequence[str], writes: int, *, first: int = 0
) -> None:
    """Write `writes` times over `keys` in turn, and prove that each was accepted as an entry.

    The hub numbers what it accepts, so with nobody else in the call the numbers tell. The next
    bundle leaves when the one before is accepted. Raises `RuntimeError` if the count is another.
    """
    start = writer.mesh.cursor
    sent = 0
    while sent < writes:
        upto = min(sent + MAX_MESSAGES, writes)
        parts = [_write(writer, state, keys, first + n) for n in range(sent, upto)]
        bundle = messages.bundle(parts)
        assert len(bundle) <= MAX_BUNDLE
        await _accepted(writer, start + sent)
        await writer.send_bundle(bundle)
        sent = upto
    await _accepted(writer, start + sent)
    await writer.until(lambda: writer.mesh.saved >= start + sent)
    if writer.mesh.cursor - start != writes:
        raise RuntimeError(f"{writes} were written, {writer.mesh.cursor - start} accepted")


def _write(writer: Peer, state: StateId, keys: Sequence[str], number: int) -> bytes:
    return messages.encode(writer.stamped(state, keys[number % len(keys)], value_of(number)))


async def _accepted(writer: Peer, number: int) -> None:
    await writer.until(lambda: writer.mesh.cursor >= number)


def value_of(number: int) -> str:
    """What the write of that number says: always as long, so that sizes can be compared."""
    return f"value {number:010d}"
