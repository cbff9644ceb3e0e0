"""uvicorn, which lets the hub end its sessions before it closes anything itself."""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn

GRACE = 1.5
"""Seconds that connections have to close by themselves; then they are cut."""


class Server(uvicorn.Server):
    """`drain` ends what the application has going on. Being told to stop is no fault."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn would raise the signal once more at the end, and the process die of it."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain while the port is still open, so that who comes now is told; then close (L10)."""
        await self._drain()
        closing = asyncio.ensure_future(super().shutdown(sockets))
        await asyncio.wait([closing], timeout=GRACE)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # nobody reads there, and its buffer would never drain
        await closing
