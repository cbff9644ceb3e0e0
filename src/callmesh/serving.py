"""Runs a hub by its settings, for as long as the process lives: `callmesh serve`."""

import asyncio
import errno
import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from urllib.parse import urlsplit

import uvicorn

from callmesh.address import is_loopback
from callmesh.auth import Authority, read_secret
from callmesh.catalog import Catalog
from callmesh.connections import Watch, bounded_http, room
from callmesh.folder import APPS, DATABASE, FILES, CannotStart, alone_in
from callmesh.hub import FIRST_CALL, application
from callmesh.logs import configure
from callmesh.pages import PAGE
from callmesh.settings import Settings
from callmesh.storage.blobs import Blobs
from callmesh.storage.sqlite import SqliteStorage
from callmesh.tokens import Key, recipe
from callmesh.transport.picows import Upgrade

SEND_BUFFER = 128 * 1024
"""Bytes that the system keeps for one link. What lies there is old when a slow reader gets it."""


GC = (20_000, 20, 50)
"""When Python looks for cycles: rarely. A call makes few, and has much to look through."""
GRACE = 1.5
"""Seconds that connections have to close by themselves; then they are cut."""

log = logging.getLogger("callmesh.hub")


def serve(settings: Settings, greeting: Callable[[str], str] | None = None) -> int:
    """Run the hub until it is told to stop; the exit code.

    `greeting` is what is printed when it runs, given its address; without it, how to come in.

    Raises `CannotStart` or a `CallmeshError`.
    """
    problem = refusal(settings)
    if problem:
        print(f"callmesh: {problem}", file=sys.stderr)
        return 2
    configure(settings)
    with alone_in(settings.data):
        _run(settings, greeting)
    return 0


def _run(settings: Settings, greeting: Callable[[str], str] | None) -> None:
    catalog = Catalog(settings.apps, settings.data / APPS)
    storage = SqliteStorage(settings.data / DATABASE)
    key = Key.read(settings.key) if settings.key else None
    authority = Authority(read_secret(settings.data), key)
    app = application(storage, catalog, authority, settings, blobs=Blobs(settings.data / FILES))
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        log_level="warning",
        http=bounded_http(room(settings.limits.connections)),
        ws=Upgrade,
        timeout_graceful_shutdown=3,
    )
    listening = listen(settings.host, settings.port)
    port = listening.getsockname()[1]
    log.info("running", extra={"address": _address(settings, port)})
    if is_plain(settings):
        log.warning(
            "listens beyond this machine by plain HTTP: put a TLS proxy before it, and set url to "
            "its address", extra={"address": _address(settings, port)},
        )  # fmt: skip
    if settings.log == "text":
        greet = greeting or (lambda _: _greeting(settings, port, key))
        print(greet(_address(settings, port)), flush=True)
    gc.freeze()  # what is there now stays: nobody has to look through it again
    gc.set_threshold(*GC)
    Server(config, app.state.live.drain).run([listening])


class Server(uvicorn.Server):
    """`drain` ends what the application has going on. Being told to stop is no fault."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain
        self._watch = Watch()
        self._told = ""
        """The signal that it was told to stop by."""

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            self._watch.look(self.server_state.connections, now)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn would raise the signal once more at the end, and the process die of it."""
        self._told = signal.Signals(sig).name
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain while the port is still open, so that who comes now is told; then close (L10)."""
        log.info("stopping", extra={"signal": self._told})
        await self._drain()
        closing = asyncio.ensure_future(super().shutdown(sockets))
        await asyncio.wait([closing], timeout=GRACE)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # nobody reads there, and its buffer would never drain
        await closing


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on. Raises `CannotStart`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        return listening
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"port {port} is taken; stop what uses it, or choose another with --port"
            raise CannotStart(why) from error
        raise CannotStart(f"cannot listen on {host}, port {port}: {error.strerror}") from error


def refusal(settings: Settings) -> str | None:
    """Why these settings start no hub, as a sentence that says what to do."""
    if not settings.dev and not settings.key:
        return (
            f"a hub needs a key to know who may come in: make one with `{recipe('callmesh.key')}`, "
            "and start it with --key callmesh.key; or try it on this machine alone with --dev"
        )
    if settings.dev and settings.key:
        return "--dev lets in whoever asks, so a key means nothing; leave out --dev, or the key"
    if settings.dev and not is_loopback(settings.host):
        return (
            f"--dev lets in whoever asks, so it listens on this machine alone; "
            f"leave out --host {settings.host}"
        )
    if not (PAGE / "index.html").is_file():
        return "the call page is not built; run `make page`, or install the wheel"
    return None


def is_plain(settings: Settings) -> bool:
    """Whether others may come to it by plain HTTP, as far as the settings say (O15)."""
    return not is_loopback(settings.host) and urlsplit(settings.url or "").scheme != "https"


def _address(settings: Settings, port: int) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{port}"


def _greeting(settings: Settings, port: int, key: Key | None) -> str:
    address = _address(settings, port)
    call = f"{address}/call/{FIRST_CALL}"
    if key is not None:
        url = settings.url or "https://WHERE.PEOPLE.REACH.IT"
        signs = settings.key if key.can_sign else "PRIVATE.pem"
        with_what = "" if key.can_sign else f", with the private half of {settings.key},"
        return f"""
callmesh is running on {address}. Links that let people in are made{with_what} by

  callmesh invite CALL --role host --name Ada --key {signs} --url {url}

Browsers give camera and microphone to https:// alone: put a TLS proxy before it.
Calls are kept in {settings.data.resolve()}. Ctrl-C stops.
"""
    return f"""
callmesh is running. Open the first link here, the second in a private window or another browser:

  host    {call}#role=host
  guest   {call}#role=guest
  Python  async with callmesh.join("{call}", name="Ada") as call: ...
          (as a host; with role="guest" as a guest)

Calls are kept in {settings.data.resolve()}. Ctrl-C stops.
"""
