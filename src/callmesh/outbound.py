"""HTTP from the hub to hosts outside, for apps: one request over one connection, and bounded.

A name is resolved once; each of its addresses is judged, and what is connected to is that address.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence

import h11

from callmesh.errors import Denied, EndpointFailed, Unreachable
from callmesh.messages import Fetch
from callmesh.outside import KEPT_BACK, Reply, Target, is_loopback, is_public

BLOCK = 64 * 1024
TRIES = 3
"""Addresses of one name that are tried."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Outbound:
    """`private` are origins at private addresses that may be reached all the same."""

    def __init__(
        self, *, private: Sequence[str] = (), dev: bool = False, resolve: Resolve = resolve
    ) -> None:
        self.dev = dev
        self._private = frozenset(private)
        self._resolve = resolve
        self._tls: ssl.SSLContext | None = None

    async def fetch(self, target: Target, wish: Fetch, most: int, until: float) -> Reply:
        """What a host answers, with a body of at most `most` bytes, by `until` of the loop's clock.

        Raises `Denied` and `Unreachable` where nothing was sent, `EndpointFailed` where it was.
        """
        try:
            async with asyncio.timeout_at(until):
                reader, writer = await self._connect(target)
        except TimeoutError:
            raise Unreachable(f"{target.origin} was not reached in time") from None
        try:
            async with asyncio.timeout_at(until):
                return await _exchange(reader, writer, target, wish, most)
        except TimeoutError:
            raise EndpointFailed(f"{target.origin} did not answer in time") from None
        except (OSError, h11.RemoteProtocolError) as error:
            raise EndpointFailed(f"{target.origin} did not answer: {error}") from error
        finally:
            writer.transport.abort()

    async def _connect(self, target: Target) -> Streams:
        why = "it has no address"
        with contextlib.suppress(OSError, UnicodeError):
            for address in self._allowed(target, await self._resolve(target.host, target.port)):
                try:
                    return await self._open(target, address)
                except OSError as error:  # also of TLS
                    why = str(error) or type(error).__name__
        raise Unreachable(f"{target.origin} was not reached: {why}")

    def _allowed(self, target: Target, found: list[str]) -> list[str]:
        """Raises `Denied` where there are addresses, and none of them may be reached."""
        allowed = [address for address in found if self._may_reach(target, address)]
        if found and not allowed:
            raise Denied(
                "no_right",
                f"{target.origin} is at a private address: the operator of this hub may let apps "
                "fetch from there, with fetch_private (A20)",
            )
        return allowed[:TRIES]

    def _may_reach(self, target: Target, address: str) -> bool:
        if target.scheme == "http":
            return self.dev and is_loopback(address)
        return is_public(address) or target.origin in self._private

    async def _open(self, target: Target, address: str) -> Streams:
        if target.scheme == "http":
            return await asyncio.open_connection(address, target.port)
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return await asyncio.open_connection(
            address, target.port, ssl=self._tls, server_hostname=target.host
        )


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    target: Target,
    wish: Fetch,
    most: int,
) -> Reply:
    connection = h11.Connection(h11.CLIENT)
    place = target.origin.partition("://")[2]
    ours = [("Host", place), ("Connection", "close"), ("Accept-Encoding", "identity")]
    ours += [("User-Agent", "callmesh")]
    if wish.body or wish.method not in ("GET", "HEAD", "DELETE"):
        ours += [("Content-Length", str(len(wish.body)))]
    headers = [(name.encode(), value.encode("latin-1")) for name, value in [*ours, *wish.headers]]
    request = h11.Request(method=wish.method, target=target.path, headers=headers)
    for part in (request, h11.Data(data=wish.body), h11.EndOfMessage()):
        writer.write(connection.send(part) or b"")
    await writer.drain()
    head: h11.Response | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(BLOCK))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > most:
                raise EndpointFailed(
                    f"{target.origin} answered with more than {most} bytes; ask for less, or "
                    "have the operator of this hub raise limits.fetch_bytes"
                )
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _reply(target, head, bytes(body))
        elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            raise EndpointFailed(f"{target.origin} closed the connection")


def _reply(target: Target, head: h11.Response, body: bytes) -> Reply:
    if not 200 <= head.status_code < 600:
        raise EndpointFailed(f"{target.origin} answered with status {head.status_code}")
    said = [(name.decode().lower(), value.decode("latin-1")) for name, value in head.headers]
    kept = tuple((name, value) for name, value in said if name not in KEPT_BACK)
    return Reply(head.status_code, kept, body)
