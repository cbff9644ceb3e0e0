"""The hub's end of a link under any ASGI server."""

import asyncio
import contextlib
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from callmesh.errors import CallmeshError, WireError, from_close

LINK = "callmesh.link"
"""Where a server that has a link of its own puts it: among the extensions of the scope.

It awaits `served_by()` of it, when the application has accepted and come to its end.
"""


class AsgiLink:
    """The hub's end under any ASGI server, which does not tell whether there is room."""

    ready = False

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._closed = False
        self._over: asyncio.Future[CallmeshError] = asyncio.get_running_loop().create_future()
        """Why it is over."""

    async def receive(self) -> bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            error = from_close(message.get("code") or 1006, message.get("reason") or "")
            if not self._over.done():
                self._over.set_result(error)
            raise error
        data: bytes | None = message.get("bytes")
        if data is None:
            raise WireError("a bundle is a binary message, not text")
        return data

    async def send(self, bundle: bytes) -> None:
        try:
            await self._websocket.send_bytes(bundle)
        except (WebSocketDisconnect, RuntimeError, OSError) as error:
            self._closed = True
            raise await asyncio.shield(self._over) from error  # who receives is told

    def write(self, *bundle: bytes) -> int:
        raise AssertionError("this link is never ready")

    def listen(self, hear: Callable[[bytes], bool]) -> None:
        """Everything is received."""

    def expect(self, size: int) -> None:
        """The server has bounds of its own."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):  # gone already
            await self._websocket.close(code, reason)
