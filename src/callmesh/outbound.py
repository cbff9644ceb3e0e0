"""HTTP from the hub to hosts outside, for apps: one request over one connection, and bounded.

A name is resolved once; each of its addresses is judged, and what is connected to is that address.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import h11

from callmesh.errors import Denied, EndpointFailed, Unreachable
from callmesh.messages import Fetch
from callmesh.outside import KEPT_BACK, Reply, Target, is_loopback, is_public

BLOCK = 64 * 1024
TRIES = 3
"""Addresses of one name that are tried."""
LOOKUPS = (4, 32)
"""Names that are looked up at a time for one app, and in all; further ones wait."""
HEADS = 64 * 1024
"""Bytes that an answer may have besides its body, which may come in twice as many as it has."""
PIECES = (1_000, 64)
"""Pieces in which a body may come; those beyond have at least so many bytes, on the average."""
EARLY = 16
"""Answers that may come before the answer: 1xx."""
TURN = 64
"""Parts of an answer that are taken before others have their turn."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises `OSError`.

    In a thread of its own, for nothing ends it before the system does: nobody waits for it who does
    not wait for the name, not even a hub that stops.
    """
    found: Future[list[str]] = Future()
    found.set_running_or_notify_cancel()

    def look() -> None:
        try:
            known = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.set_result(list(dict.fromkeys(str(address[0]) for *_, address in known)))
        except (OSError, UnicodeError) as error:
            found.set_exception(error)

    threading.Thread(target=look, name="callmesh-name", daemon=True).start()
    return await asyncio.wrap_future(found)


class Outbound:
    """`private` are origins at private addresses that may be reached all the same."""

    def __init__(
        self, *, private: Sequence[str] = (), dev: bool = False, resolve: Resolve = resolve
    ) -> None:
        self.dev = dev
        self._private = frozenset(private)
        self._resolve = resolve
        self._tls: ssl.SSLContext | None = None
        one, all = LOOKUPS
        self._turns = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(one))
        """Of each app."""
        self._turn = asyncio.Semaphore(all)
        self._looking: set[asyncio.Future[list[str]]] = set()

    async def fetch(self, app: str, target: Target, wish: Fetch, most: int, until: float) -> Reply:
        """What a host answers, with a body of at most `most` bytes, by `until` of the loop's clock.

        Names that are slow keep only this app waiting.

        Raises `Denied` and `Unreachable` where nothing was sent, `EndpointFailed` where it was.
        """
        try:
            async with asyncio.timeout_at(until):
                reader, writer = await self._connect(app, target)
        except TimeoutError:
            raise Unreachable(f"{target.origin} was not reached in time") from None
        try:
            async with asyncio.timeout_at(until):
                return await _exchange(reader, writer, target, wish, most)
        except TimeoutError:
            raise EndpointFailed(f"{target.origin} did not answer in time") from None
        except (OSError, h11.ProtocolError) as error:
            raise EndpointFailed(f"{target.origin} did not answer: {error}") from error
        finally:
            writer.transport.abort()

    async def _addresses(self, app: str, target: Target) -> list[str]:
        """A lookup has its place until it is over, also when nobody waits for it any more."""
        turns = (self._turns[app], self._turn)
        async with contextlib.AsyncExitStack() as places:
            for turn in turns:
                await places.enter_async_context(turn)
            looking = asyncio.ensure_future(self._resolve(target.host, target.port))
            places.pop_all()
        self._looking.add(looking)

        def over(_: object) -> None:
            self._looking.discard(looking)
            for turn in turns:
                turn.release()

        looking.add_done_callback(over)
        return await asyncio.shield(looking)

    async def _connect(self, app: str, target: Target) -> Streams:
        why = "it has no address"
        with contextlib.suppress(OSError, UnicodeError):
            for address in self._allowed(target, await self._addresses(app, target)):
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
    for part in _request(target, wish):
        writer.write(connection.send(part) or b"")
    await writer.drain()
    coming = _Coming(connection, reader, target, 2 * most + HEADS)
    head: h11.Response | None = None
    body = bytearray()
    pieces = 0
    while event := await coming.next():
        if isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            pieces += 1
            if len(body) > most:
                raise EndpointFailed(
                    f"{target.origin} answered with more than {most} bytes; ask for less, or "
                    "have the operator of this hub raise limits.fetch_bytes"
                )
            if pieces > PIECES[0] + len(body) // PIECES[1]:
                raise EndpointFailed(f"{target.origin} answered in too many small pieces")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _reply(target, head, bytes(body))
    raise EndpointFailed(f"{target.origin} closed the connection")


def _request(target: Target, wish: Fetch) -> Iterator[h11.Event]:
    place = target.origin.partition("://")[2]
    ours = [("Host", place), ("Connection", "close"), ("Accept-Encoding", "identity")]
    ours += [("User-Agent", "callmesh")]
    if wish.body or wish.method not in ("GET", "HEAD", "DELETE"):
        ours += [("Content-Length", str(len(wish.body)))]
    headers = [(name.encode(), value.encode("latin-1")) for name, value in [*ours, *wish.headers]]
    yield h11.Request(method=wish.method, target=target.path, headers=headers)
    yield h11.Data(data=wish.body)
    yield h11.EndOfMessage()


@dataclass(slots=True)
class _Coming:
    """What a host sends. However small its parts are and fast they come, others have a turn."""

    connection: h11.Connection
    reader: asyncio.StreamReader
    target: Target
    most: int
    """Bytes that may still come, as they are on the wire."""
    taken: int = 0
    early: int = 0

    async def next(self) -> h11.Event | None:
        """The next part of the answer; None when the connection is closed."""
        while True:
            self.taken += 1
            if self.taken % TURN == 0:
                await asyncio.sleep(0)
            event = self.connection.next_event()
            if event is h11.NEED_DATA:
                await self._read()
            elif isinstance(event, h11.InformationalResponse):
                self.early += 1
                if self.early > EARLY:
                    raise EndpointFailed(f"{self.target.origin} says only that it will answer")
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return None
            else:
                assert isinstance(event, h11.Event)
                return event

    async def _read(self) -> None:
        data = await self.reader.read(BLOCK)
        self.most -= len(data)
        if self.most < 0:
            raise EndpointFailed(f"{self.target.origin} sent far more than its answer")
        self.connection.receive_data(data)
        await asyncio.sleep(0)  # it need not have waited, and heads are long to read


def _reply(target: Target, head: h11.Response, body: bytes) -> Reply:
    if not 200 <= head.status_code < 600:
        raise EndpointFailed(f"{target.origin} answered with status {head.status_code}")
    said = [(name.decode().lower(), value.decode("latin-1")) for name, value in head.headers]
    kept = tuple((name, value) for name, value in said if name not in KEPT_BACK)
    return Reply(head.status_code, kept, body)
