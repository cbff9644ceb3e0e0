"""The command `callmesh`."""

import argparse
import contextlib
import errno
import fcntl
import importlib.metadata
import ipaddress
import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from callmesh.auth import Authority, read_secret
from callmesh.catalog import Catalog
from callmesh.errors import CallmeshError
from callmesh.hub import FIRST_CALL, PAGE, application
from callmesh.messages import MAX_BUNDLE
from callmesh.storage.sqlite import SqliteStorage

DEFAULT_PORT = 8484
SEND_BUFFER = 128 * 1024
"""Bytes that the system keeps for one link. What lies there is old when a slow reader gets it."""


class CannotStart(Exception):
    """Why the hub does not start, and what to do."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return serve(options)
    except (CannotStart, CallmeshError) as error:
        print(f"callmesh: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="callmesh", description="Apps that live inside a call, on your own machine."
    )
    parser.add_argument(
        "--version", action="version", version=f"callmesh {importlib.metadata.version('callmesh')}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve", help="run a hub", description="Run a hub: the call page, the apps, and the calls."
    )
    serve.add_argument(
        "--dev", action="store_true",
        help="let in whoever asks, on this machine alone, and print links to open",
    )  # fmt: skip
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=DEFAULT_PORT, help="port (%(default)s)")
    serve.add_argument(
        "--data", type=Path, default=Path("callmesh-data"), metavar="DIR",
        help="where calls are kept (%(default)s)",
    )  # fmt: skip
    serve.add_argument(
        "--apps", type=Path, action="append", default=[], metavar="DIR",
        help="an app's folder, besides the built-in ones; may be given several times",
    )  # fmt: skip
    serve.add_argument("--verbose", action="store_true", help="log who comes and goes")
    return parser


def serve(options: argparse.Namespace) -> int:
    problem = _refusal(options)
    if problem:
        print(f"callmesh: {problem}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING)
    with _alone_in(options.data):
        _run(options)
    return 0


def _run(options: argparse.Namespace) -> None:
    catalog = Catalog(options.apps)
    for trouble in catalog.problems:
        print(f"callmesh: left out: {trouble}", file=sys.stderr)
    storage = SqliteStorage(options.data / "callmesh.sqlite")
    authority = Authority(read_secret(options.data))
    app = application(storage, catalog, authority)
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        log_level="warning",
        ws="websockets-sansio",
        ws_max_size=2 * MAX_BUNDLE,
        ws_per_message_deflate=False,
        ws_ping_interval=None,  # sessions ping; who does not read for a minute is slow, not gone
        timeout_graceful_shutdown=3,
    )
    listening = _listen(options.host, options.port)
    print(_greeting(options, listening.getsockname()[1]), flush=True)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn has shut down and passes it on
        uvicorn.Server(config).run([listening])


def _listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on. Raises `CannotStart`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        return listening
    except OverflowError as error:
        raise CannotStart("a port is a number from 0 to 65535") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"port {port} is taken; stop what uses it, or choose another with --port"
            raise CannotStart(why) from error
        raise CannotStart(f"cannot listen on {host}, port {port}: {error.strerror}") from error


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other hubs out of `folder`, for as long as this process lives. Raises `CannotStart`."""
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((folder / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStart(
                f"another hub keeps its calls in {folder}; stop it, or choose another --data"
            ) from error
        except OSError as error:
            raise CannotStart(f"{folder} cannot hold the hub's data: {error.strerror}") from error
        yield


def _refusal(options: argparse.Namespace) -> str | None:
    """Why the hub does not start, as a sentence that says what to do."""
    if not options.dev:
        return (
            "without --dev a hub needs tokens to know who may come in, and this version has none "
            "yet; start `callmesh serve --dev` to try it on this machine"
        )
    if not _is_loopback(options.host):
        return (
            f"--dev lets in whoever asks, so it listens on this machine alone; "
            f"leave out --host {options.host}"
        )
    if not (PAGE / "index.html").is_file():
        return "the call page is not built; run `make page`, or install the wheel"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _greeting(options: argparse.Namespace, port: int) -> str:
    host = f"[{options.host}]" if ":" in options.host else options.host
    call = f"http://{host}:{port}/call/{FIRST_CALL}"
    return f"""
callmesh is running. Open the first link here, the second in a private window or another browser:

  host    {call}#role=host
  guest   {call}#role=guest
  Python  async with callmesh.join("{call}", name="Ada") as call: ...

Calls are kept in {options.data.resolve()}. Ctrl-C stops.
"""
