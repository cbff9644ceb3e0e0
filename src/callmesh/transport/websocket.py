"""A Python participant's link over WebSocket."""

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from callmesh.errors import Broken, CallmeshError, NoSuchCall, WireError, from_close


class WebSocketLink:
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
