"""Links over WebSocket: under an ASGI server, and from a Python participant."""

import asyncio
import contextlib
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from callmesh.errors import Broken, CallmeshError, NoSuchCall, WireError, from_close

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


class WebSocketLink:
    """A Python participant's end."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str) -> "WebSocketLink":
        """Raises `Broken` when there is no hub, `NoSuchCall` when there is, but not that call."""
        try:
            # The session pings: the library must not give up on a hub that is only busy.
            return cls(
                await connect(
                    url, max_size=None, compression=None, open_timeout=10, ping_interval=None
                )
            )
        except InvalidStatus as error:
            status = error.response.status_code
            if status in (403, 404):
                raise NoSuchCall(f"{url} is no call of this hub (HTTP {status})") from error
            raise Broken(f"the hub at {url} answered with HTTP {status}") from error
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
            raise Broken(f"no hub answers at {url}: {error!r}") from error

    async def receive(self) -> bytes:
        try:
            data = await self._connection.recv()
        except ConnectionClosed as closed:
            raise _ending(closed) from closed
        if isinstance(data, str):
            raise WireError("a bundle is a binary message, not text")
        return data

    async def send(self, bundle: bytes) -> None:
        try:
            await self._connection.send(bundle)
        except ConnectionClosed as closed:
            raise _ending(closed) from closed

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._connection.close(code, reason)


def _ending(closed: ConnectionClosed) -> CallmeshError:
    """What the hub said when it closed; `Broken` if it said nothing."""
    frame = closed.rcvd
    return from_close(frame.code, frame.reason) if frame else Broken("the link to the hub broke")
