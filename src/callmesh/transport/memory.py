"""A link between two ends in one process: the default in tests and in the tutorial."""

import asyncio
from collections import deque

from callmesh.errors import Broken, CallmeshError, Closed, from_close


class MemoryLink:
    """One end. At most `room` bundles wait for a reader; then `send` waits."""

    def __init__(self, room: int = 16) -> None:
        self.other = self
        self._room = room
        self._waiting: deque[bytes] = deque()
        self._moved = asyncio.Condition()
        self._over: CallmeshError | None = None

    async def receive(self) -> bytes:
        async with self._moved:
            await self._moved.wait_for(lambda: self._waiting or self._over)
            if not self._waiting:
                assert self._over is not None
                raise self._over
            self._moved.notify_all()
            return self._waiting.popleft()

    async def send(self, bundle: bytes) -> None:
        if self._over is not None:
            raise self._over
        other = self.other
        async with other._moved:
            await other._moved.wait_for(lambda: len(other._waiting) < other._room or other._over)
            if other._over is not None:
                raise Broken("the other end is gone")
            other._waiting.append(bundle)
            other._moved.notify_all()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._end(Closed("closed by us"))
        await self.other._end(from_close(code, reason))

    async def cut(self) -> None:
        """Break it, as a pulled cable would: both ends find out."""
        await self._end(Broken("the link was cut"))
        await self.other._end(Broken("the link was cut"))

    async def _end(self, reason: CallmeshError) -> None:
        async with self._moved:
            self._over = self._over or reason
            self._moved.notify_all()


def memory_links(room: int = 16) -> tuple[MemoryLink, MemoryLink]:
    """Two ends of one link."""
    near, far = MemoryLink(room), MemoryLink(room)
    near.other, far.other = far, near
    return near, far
