"""Connections to the hub's port: how many there may be, and which are cut because nothing moves.

uvicorn waits for whoever has connected, for ever.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 20.0
"""Seconds that a request may take to come, and an answer without a byte of it being read."""
LINGER = 5.0
"""Seconds that a connection which was closed has to read what is left."""
KEPT_BACK = 200
"""File descriptors that are not for connections."""


def room(most: int) -> int:
    """How many connections there may be: `most`, if the system lets this process have them."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # no such thing on Windows
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = most + KEPT_BACK
        if soft < wanted:
            enough = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
            return enough - KEPT_BACK
    return most


def bounded_http(most: int) -> type[asyncio.Protocol]:
    """What uvicorn speaks HTTP with; one connection more than `most` is cut at once."""

    class BoundedHttp(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.abort()

        def handle_websocket_upgrade(self, event: Any) -> None:
            """Whoever sends something before the answer does not speak WebSocket."""
            if self.conn.trailing_data[0]:
                self.transport.abort()
            else:
                super().handle_websocket_upgrade(event)

    return BoundedHttp


class Watch:
    """Cuts the connections on which nothing moves; to be told the time every second or so."""

    def __init__(self) -> None:
        self._idle: dict[Any, float] = {}
        """Since when each has had no whole request under way; seconds of the loop."""
        self._unread: dict[Any, tuple[int, float]] = {}
        """How many bytes of its answer wait, and since when it is so many."""
        self._closing: dict[Any, float] = {}
        """Since when each has been closed, and is not gone."""

    def look(self, connections: Iterable[Any], now: float) -> None:
        """A connection that a link was made of is the hub's business, until it is closed (W10)."""
        present = list(connections)
        http = [c for c in present if hasattr(c, "cycle")]
        self._idle = _since(self._idle, filter(_asks_nothing, http), now)
        self._closing = _since(self._closing, filter(_is_closing, present), now)
        unread = {c: c.transport.get_write_buffer_size() for c in http}
        self._unread = {
            c: old if (old := self._unread.get(c)) and old[0] == size else (size, now)
            for c, size in unread.items()
            if size
        }
        late = [c for c, since in self._idle.items() if now - since > PATIENCE]
        late += [c for c, since in self._closing.items() if now - since > LINGER]
        late += [c for c, (_, since) in self._unread.items() if now - since > PATIENCE]
        for connection in late:
            connection.transport.abort()


def _since(before: dict[Any, float], present: Iterable[Any], now: float) -> dict[Any, float]:
    return {connection: before.get(connection, now) for connection in present}


def _asks_nothing(connection: Any) -> bool:
    """Whether it has no whole request under way."""
    return connection.cycle is None or bool(connection.cycle.response_complete)


def _is_closing(connection: Any) -> bool:
    return bool(connection.transport.is_closing())
