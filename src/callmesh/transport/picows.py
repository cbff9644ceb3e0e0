"""Links of the hub that `callmesh serve` runs: WebSockets by picows, on uvicorn's port.

uvicorn speaks HTTP. Where a request asks for a WebSocket it hands the connection to `Upgrade`,
which asks the application as any ASGI server does; once that has accepted, the link it found in the
scope is open, and picows is what the connection speaks.
"""

import asyncio
import email.utils
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from picows import WSAutoPingStrategy, WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport
from picows.picows import WSProtocol  # type: ignore[attr-defined]
from uvicorn import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from uvicorn.server import ServerState

from callmesh.errors import Broken, CallmeshError, Closed, TooLarge, WireError, from_close
from callmesh.messages import MAX_BUNDLE, MAX_BUNDLE_BEFORE_JOINING
from callmesh.transport.asgi import LINK

HIGH = 64 * 1024
"""Bytes that are read in one turn, or wait for who receives them, before no more are read."""
MANY = 256
"""Messages that do."""
FRAGMENTS = 1_000
"""Frames that one message may come in."""
CONTROLS = 100
"""Pings and pongs that a peer may send in a second; ours sends none at all."""
COPIED = 8192
"""Bytes up to which picows copies what it sends. Of more than that it lends the transport a view of

a buffer in which it writes the next head. We lend it the bundle: many links may have the same one.
"""
BINARY = WSMsgType.BINARY
CARRIES = (BINARY, WSMsgType.CONTINUATION)
CLOSING = 2.0
"""Seconds that a peer has to answer that the link is closed."""

log = logging.getLogger("callmesh.hub")


class PicowsLink(WSListener):
    """The hub's end. `Upgrade` opens it."""

    __slots__ = (
        "_controls", "_gone", "_hear_at_once", "_heard", "_heard_size", "_over",
        "_parts", "_parts_size", "_paused", "_room", "_since", "_socket", "_waiter", "deaf", "most",
        "ready", "served_by", "unread",
    )  # fmt: skip

    def __init__(self) -> None:
        self._socket: WSTransport | None = None
        self._heard: list[bytes] = []
        self._heard_size = 0
        self._hear_at_once: Callable[[bytes], bool] | None = None
        self._waiter: asyncio.Future[None] | None = None
        """Who receives, when nothing is there."""
        self._room: asyncio.Future[None] | None = None
        """Who sends, when there is no room."""
        self._paused = False
        self._over: CallmeshError | None = None
        """Why nothing comes any more, once what is there was received."""
        self._gone = False
        """Whether nothing can be sent any more either."""
        self._parts: list[bytes] = []
        """Of a message that comes in several frames."""
        self._parts_size = 0
        self.most = 2 * MAX_BUNDLE_BEFORE_JOINING
        """Bytes of a message that is still to be looked at."""
        self._controls, self._since = 0, 0.0
        self.unread = 0
        """Bytes that have come of a frame that is not whole."""
        self.served_by: Callable[[], Awaitable[None]] | None = None
        """Who uses the link; the application says so."""
        self.deaf = False
        """Whether what comes is not even looked at."""
        self.ready = False

    # --- the hub's side

    async def receive(self) -> bytes:
        if self._heard:
            await asyncio.sleep(0)  # one who sends a lot lets others have their turn
        while not self._heard:
            if self._over is not None:
                raise self._over
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = self._heard.pop(0)
        self._heard_size -= len(data)
        if self._paused and not self._heard and self._socket:
            self._paused = False
            self._socket.underlying_transport.resume_reading()
        return data

    def write(self, *bundle: bytes) -> int:
        size = len(bundle[0]) if len(bundle) == 1 else sum(map(len, bundle))
        if self._socket is None:
            return size
        if size <= COPIED:
            whole = bundle[0] if len(bundle) == 1 else b"".join(bundle)
            self._socket.send(BINARY, whole)
        else:
            self._socket.underlying_transport.writelines([_head(size), *bundle])
        return size

    async def send(self, bundle: bytes) -> None:
        while not self.ready:
            if self._gone:
                raise self._over or Broken("the link to a participant broke")
            self._room = self._room or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._room)
        self.write(bundle)

    def listen(self, hear: Callable[[bytes], bool]) -> None:
        self._hear_at_once = hear

    def expect(self, size: int) -> None:
        self.most = 2 * size

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Who does not read what was sent before is not waited for."""
        if not self._gone:
            reads = self.ready
            self._end(Closed("closed by us"))
            if reads:
                self._say_close(code, reason)
            else:
                self.abort()

    def _say_close(self, code: int, reason: str) -> None:
        """The peer answers, and the connection is closed; or it is cut a little later."""
        assert self._socket is not None
        self._socket.send_close(cast(WSCloseCode, code), reason.encode())
        if self._paused:
            self._paused = False
            self._socket.underlying_transport.resume_reading()
        asyncio.get_running_loop().call_later(CLOSING, self.abort)

    def abort(self) -> None:
        """Nothing of it is left, at once."""
        self._end(Broken("the link was cut"))
        if self._socket is not None:
            self._socket.disconnect(False)

    @property
    def is_open(self) -> bool:
        return self._socket is not None and not self._gone

    # --- picows's side

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._socket = transport
        self.ready = True

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.unread = frame.tail_size
        kind = frame.msg_type
        if self._over is not None and kind != WSMsgType.CLOSE:
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.fail(1002, "a bit is set that means nothing here")
        elif kind in CARRIES:
            self._hear(frame, kind == BINARY)
        elif kind == WSMsgType.CLOSE:
            self._closed_by_peer(transport, frame)
        elif kind == WSMsgType.TEXT:
            self._over = WireError("a bundle is a binary message, not text")
            self._tell_receiver()
        else:
            self._control(transport, frame, kind == WSMsgType.PING)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._end(from_close(1006, ""))

    def pause_writing(self) -> None:
        self.ready = False

    def resume_writing(self) -> None:
        self.ready = not self._gone
        self._tell_sender()

    def _hear(self, frame: WSFrame, begins: bool) -> None:
        if begins == bool(self._parts):
            self.fail(1002, "the frames of a message follow each other")
            return
        size = self._parts_size + frame.payload_size
        if size > self.most or len(self._parts) >= FRAGMENTS:
            self.fail(1009, "a message is too large, or in too many frames")
            return
        data = frame.get_payload_as_bytes()
        if not frame.fin:
            self._parts.append(data)
            self._parts_size = size
            return
        if self._parts:
            data = b"".join([*self._parts, data])
            self._parts.clear()
            self._parts_size = 0
        alone = frame.tail_size == 0 and self._waiter is not None and not self._waiter.done()
        if alone and self._hear_at_once and self._hear_at_once(data):
            return  # many that came together wait their turn
        self._heard.append(data)
        self._heard_size += size
        if not self._paused and (self._heard_size > HIGH or len(self._heard) > MANY):
            self._paused = True
            assert self._socket is not None
            self._socket.underlying_transport.pause_reading()
        self._tell_receiver()

    def _control(self, transport: WSTransport, frame: WSFrame, is_ping: bool) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._since > 1:
            self._controls, self._since = 0, now
        self._controls += 1
        if self._controls > CONTROLS:
            self.fail(1008, "too many pings")
        elif is_ping and self.ready:
            transport.send_pong(frame.get_payload_as_bytes())

    def _closed_by_peer(self, transport: WSTransport, frame: WSFrame) -> None:
        code = cast(int, frame.get_close_code()) or 1005
        self._end(from_close(code, frame.get_close_reason() or ""))
        if not transport.is_close_frame_sent:
            transport.send_close(cast(WSCloseCode, code if code != 1005 else 1000))
        transport.disconnect()

    def fail(self, code: int, why: str) -> None:
        """The peer breaks the rules of WebSockets: it is told so, and nothing more is looked at."""
        if not self._gone:
            self._end(TooLarge(why) if code == 1009 else WireError(why))
            self._say_close(code, why)
        self.deaf = True

    def _end(self, reason: CallmeshError) -> None:
        self._over = self._over or reason
        self._gone = True
        self.ready = False
        self._tell_receiver()
        self._tell_sender()

    def _tell_receiver(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _tell_sender(self) -> None:
        if self._room is not None:
            self._room.set_result(None)
            self._room = None


def _head(size: int) -> bytes:
    """Of a frame that is a whole binary message of so many bytes, from a server."""
    if size < 65_536:
        return b"\x82\x7e" + size.to_bytes(2, "big")
    return b"\x82\x7f" + size.to_bytes(8, "big")


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """That a peer comes, goes and sends rubbish is its own affair, until it has said hello."""

    def info(self, *args: Any, **named: Any) -> None:
        """Nothing."""

    error = info


class _Bounded(WSProtocol):  # type: ignore[misc]
    """picows, which reads so much in one turn, and keeps so much of a frame that is not whole."""

    def __init__(self, upgrade: "Upgrade", link: PicowsLink) -> None:
        super().__init__(
            None,  # our address
            None,  # our path
            False,  # is_client_side
            lambda request: link,
            _Quiet(log),
            True,  # disconnect_on_exception
            None,  # websocket_handshake_timeout
            False,  # enable_auto_ping: sessions ping
            0,
            0,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            False,  # enable_auto_pong: they are counted
            2 * MAX_BUNDLE,
            None,  # extra_headers
            0,  # read_buffer_init_size: the least
        )
        self._upgrade = upgrade
        self._link = link

    def get_buffer(self, size_hint: int) -> memoryview:
        buffer: memoryview = WSProtocol.get_buffer(self, size_hint)
        return buffer[:HIGH]

    def buffer_updated(self, size: int) -> None:
        link = self._link
        if link.deaf:
            return
        link.unread += size
        if link.unread > link.most + HIGH:
            link.fail(1009, "a message is too large")
            return
        WSProtocol.buffer_updated(self, size)
        if self.transport.is_close_frame_sent and link.is_open:  # by picows
            sent = self.transport.close_handshake.sent
            link.fail(int(sent.code), sent.reason)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._upgrade.connection_lost(error)


class Upgrade(asyncio.Protocol):
    """What uvicorn makes of a request for a WebSocket (`ws=`)."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._head = b""
        self._greeted = False
        """Whether the application has heard that somebody connects."""
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answered = False
        self._answer: tuple[int, list[tuple[bytes, bytes]]] = (500, [])
        self._link = PicowsLink()
        self._asking: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport = None  # type: ignore[assignment]

    # --- uvicorn's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._state.connections.add(self)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        """The request; whatever comes after it has to wait for the answer."""
        if self._asking is None:
            self._head = data
            self._asking = asyncio.get_running_loop().create_task(self._ask())
            self._state.tasks.add(self._asking)
            self._asking.add_done_callback(self._state.tasks.discard)
        else:
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._state.connections.discard(self)
        if not self._gone.done():
            self._gone.set_result(None)

    def shutdown(self) -> None:
        """The server ends. The hub has said so over its links before."""
        self.transport.close()

    # --- the application's side

    async def _ask(self) -> None:
        try:
            await self._config.loaded_app(self._scope(), self._say, self._hear)
            if self._link.served_by is not None:
                await self._link.served_by()
        except Exception:
            log.exception("something went wrong while a link was open")
        finally:
            if not self._answered:
                self._refuse(500, [], b"")
            elif self._link.is_open:
                self._link.abort()

    async def _say(self) -> dict[str, Any]:
        if not self._greeted:
            self._greeted = True
            return {"type": "websocket.connect"}
        await asyncio.shield(self._gone)
        return {"type": "websocket.disconnect", "code": 1006}

    def _scope(self) -> dict[str, Any]:
        line, *lines = self._lines()
        raw_path, _, query = line.split(b" ")[1].partition(b"?")
        named = (line.partition(b": ") for line in lines)
        root = self._config.root_path
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "server": get_local_addr(self.transport),
            "client": get_remote_addr(self.transport),
            "root_path": root,
            "path": root + unquote(raw_path.decode("latin-1")),
            "raw_path": root.encode() + raw_path,
            "query_string": query,
            "headers": [(name.lower(), value) for name, _, value in named],
            "subprotocols": [],
            "state": self._app_state.copy(),
            "extensions": {"websocket.http.response": {}, LINK: self._link},
        }

    def _lines(self) -> list[bytes]:
        return self._head.split(b"\r\n\r\n")[0].split(b"\r\n")

    async def _hear(self, message: Any) -> None:
        match message["type"]:
            case "websocket.accept" if not self._answered:
                self._accept()
            case "websocket.close" if not self._answered:
                self._refuse(403, [], b"")
            case "websocket.http.response.start" if not self._answered:
                self._answer = (message["status"], list(message.get("headers", [])))
            case "websocket.http.response.body" if not self._answered:
                self._refuse(*self._answer, message.get("body", b""))
            case other:
                raise RuntimeError(f"{other} is not for here: there is a link in the scope")

    def _accept(self) -> None:
        """From now on picows speaks; it is told of the request what it needs."""
        self._answered = True
        if self.transport.get_write_buffer_size():  # earlier answers that nobody reads
            self._link.abort()
            self.transport.abort()
            return
        protocol = _Bounded(self, self._link)
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        line, *lines = self._lines()
        kept = (said for said in lines if said.lower().startswith((b"host:", b"sec-websocket-")))
        asked = (b"Connection: Upgrade", b"Upgrade: websocket")  # uvicorn has seen that it does
        request = b"\r\n".join([line, *kept, *asked, b"", b""])
        while request:
            room = protocol.get_buffer(-1)
            part, request = request[: len(room)], request[len(room) :]
            room[: len(part)] = part
            protocol.buffer_updated(len(part))
        self._head = b""
        self._link.unread = 0

    def _refuse(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._answered = True
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(),
            *(name + b": " + value for name, value in headers if name != b"content-length"),
            f"date: {email.utils.formatdate(usegmt=True)}".encode(),
            f"content-length: {len(body)}".encode(),
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()
