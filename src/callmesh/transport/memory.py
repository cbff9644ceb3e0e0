"""A link between two ends in one process: the default in tests and in the tutorial."""

import asyncio
from collections import deque
from collections.abc import Callable

from callmesh.errors import Broken, CallmeshError, Closed, from_close


class MemoryLink:
    """One end. At most `room` bundles wait for a reader; then `send` waits."""

    def __init__(self, room: int = 16) -> None:
        self.other = self
        self._room = room
        self._waiting: deque[bytes] = deque()
        self._moved = asyncio.Event()
        """Set, and another put in its place, when something came, or went, or it ended."""
        self._over: CallmeshError | None = None

    async def receive(self) -> bytes:
        while not self._waiting:
            if self._over is not None:
                raise self._over
            await self._moved.wait()
        data = self._waiting.popleft()
        self._move()
        return data

    @property
    def waiting(self) -> int:
        """Bundles that nobody has received."""
        return len(self._waiting)

    @property
    def ready(self) -> bool:
        return self._over is None and self.other._over is None and self.other._has_room

    @property
    def _has_room(self) -> bool:
        return len(self._waiting) < self._room

    def write(self, *bundle: bytes) -> int:
        whole = b"".join(bundle)
        self.other._waiting.append(whole)
        self.other._move()
        return len(whole)

    async def send(self, bundle: bytes) -> None:
        while not self.ready:
            if self._over is not None:
                raise self._over
            if self.other._over is not None:
                raise Broken("the other end is gone")
            await self.other._moved.wait()
        self.write(bundle)

    def listen(self, hear: Callable[[bytes], bool]) -> None:
        """Everything is received."""

    def expect(self, size: int) -> None:
        """There are no bounds in memory."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._end(Closed("closed by us"))
        self.other._end(from_close(code, reason))

    async def cut(self) -> None:
        """Break it, as a pulled cable would: both ends find out."""
        self._end(Broken("the link was cut"))
        self.other._end(Broken("the link was cut"))

    def _end(self, reason: CallmeshError) -> None:
        self._over = self._over or reason
        self._move()

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


def memory_links(room: int = 16) -> tuple[MemoryLink, MemoryLink]:
    """Two ends of one link."""
    near, far = MemoryLink(room), MemoryLink(room)
    near.other, far.other = far, near
    return near, far
