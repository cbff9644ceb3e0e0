"""The command `callmesh`."""

import argparse
import contextlib
import errno
import fcntl
import importlib.metadata
import ipaddress
import logging
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from callmesh import auditing
from callmesh.auth import Authority, read_secret
from callmesh.catalog import Catalog
from callmesh.errors import BadInput, CallmeshError
from callmesh.hub import FIRST_CALL, PAGE, application
from callmesh.ids import call_id, display_name
from callmesh.messages import MAX_BUNDLE
from callmesh.participant import Role
from callmesh.serving import Server
from callmesh.storage.sqlite import SqliteStorage
from callmesh.tokens import Claims, Key

DEFAULT_PORT = 8484
SEND_BUFFER = 128 * 1024
"""Bytes that the system keeps for one link. What lies there is old when a slow reader gets it."""


class CannotStart(Exception):
    """Why the hub does not start, and what to do."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
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
    serve.set_defaults(run=_serve)
    _add_key(serve, "check tokens with it")
    for name, about, run in (
        ("invite", "print a link that lets somebody into a call", _invite),
        ("token", "print a token for a call, as `callmesh.join` and links carry it", _token),
    ):
        command = commands.add_parser(name, help=about, description=f"{about.capitalize()}.")
        command.set_defaults(run=run)
        _add_visitor(command)
        if name == "invite":
            command.add_argument(
                "--url", default=os.environ.get("CALLMESH_URL", f"http://127.0.0.1:{DEFAULT_PORT}"),
                help="where people reach the hub; or set CALLMESH_URL (%(default)s)",
            )  # fmt: skip
    _add_audit(commands.add_parser("audit", help="read and check the log of who came and went"))
    return parser


def _add_audit(audit: argparse.ArgumentParser) -> None:
    audit.description = "The audit log: who was let in, refused, removed, and changes of access."
    commands = audit.add_subparsers(required=True, metavar="COMMAND")
    for name, about, run in (
        ("export", "print it, one JSON object a line", _export_audit),
        ("verify", "check that no line was changed or taken out", _verify_audit),
    ):
        command = commands.add_parser(name, help=about, description=f"{about.capitalize()}.")
        command.set_defaults(run=run)
        command.add_argument(
            "--data", type=Path, default=Path("callmesh-data"), metavar="DIR",
            help="the hub's data; it may be running (%(default)s)",
        )  # fmt: skip
        if name == "export":
            command.add_argument("--call", metavar="CALL", help="of this call alone")
        else:
            command.add_argument("--file", type=Path, help="check an export, not a hub's data")
            command.add_argument(
                "--noted", metavar="NUMBER:HASH", help="a line noted before, which has to be in it"
            )


def _export_audit(options: argparse.Namespace) -> int:
    return auditing.export(auditing.lines_of(options.data), options.call)


def _verify_audit(options: argparse.Namespace) -> int:
    file: Path | None = options.file
    lines = auditing.lines_in(file) if file else auditing.lines_of(options.data)
    return auditing.verify(lines, options.noted)


def _add_visitor(command: argparse.ArgumentParser) -> None:
    command.add_argument("call", metavar="CALL", help="the call's id, as in /call/CALL")
    command.add_argument("--role", choices=list(Role), default=Role.GUEST, help="(%(default)s)")
    command.add_argument("--name", help="how others see them; left out, they say it themselves")
    command.add_argument(
        "--person", help="who it is, in your own words: the same text is the same person",
    )  # fmt: skip
    command.add_argument(
        "--no-wait", action="store_true", help="they come in without asking a host"
    )
    command.add_argument(
        "--for", dest="lasts", default="24h", metavar="TIME",
        help="how long one may come in with it: 30m, 8h, 7d (%(default)s)",
    )  # fmt: skip
    _add_key(command, "sign with it")


def _add_key(command: argparse.ArgumentParser, use: str) -> None:
    command.add_argument(
        "--key", type=Path, default=os.environ.get("CALLMESH_KEY"), metavar="FILE",
        help=f"{use}: a secret of 32 bytes or more, or an Ed25519 key in PEM; or set CALLMESH_KEY",
    )  # fmt: skip


def _invite(options: argparse.Namespace) -> int:
    print(f"{options.url.rstrip('/')}/call/{options.call}#token={_signed(options)}")
    return 0


def _token(options: argparse.Namespace) -> int:
    print(_signed(options))
    return 0


def _signed(options: argparse.Namespace) -> str:
    """A token for whom `options` describe. Raises `BadInput`."""
    if options.key is None:
        raise BadInput("say which key signs, the one that the hub checks with: --key FILE")
    now = int(time.time())
    return Key.read(Path(options.key)).sign(
        Claims(
            call=call_id(options.call),
            role=Role(options.role).value,
            sub=options.person or secrets.token_urlsafe(12),
            iat=now,
            exp=now + _seconds(options.lasts),
            name=display_name(options.name) if options.name else None,
            wait=not options.no_wait,
        )
    )


def _seconds(text: str) -> int:
    """`90s`, `30m`, `8h` or `7d` in seconds. Raises `BadInput`."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if found is None:
        raise BadInput(f"{text} is no time; say 30m, 8h or 7d")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def _serve(options: argparse.Namespace) -> int:
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
    storage = SqliteStorage(options.data / "callmesh.sqlite")
    authority = Authority(
        read_secret(options.data), Key.read(Path(options.key)) if options.key else None
    )
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
    Server(config, app.state.live.drain).run([listening])


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
    if not options.dev and not options.key:
        return (
            "a hub needs a key to know who may come in: make one with `head -c 48 /dev/urandom | "
            "base64 > callmesh.key`, and start it with --key callmesh.key; or try it on this "
            "machine alone with --dev"
        )
    if options.dev and options.key:
        return "--dev lets in whoever asks, so a key means nothing; leave out --dev, or the key"
    if options.dev and not _is_loopback(options.host):
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
    if not options.dev:
        return f"""
callmesh is running on http://{host}:{port}. Links that let people in are made by

  callmesh invite CALL --role host --name Ada --key {options.key} --url https://WHERE.PEOPLE.REACH.IT

Browsers give camera and microphone to https:// alone: put a TLS proxy before it.
Calls are kept in {options.data.resolve()}. Ctrl-C stops.
"""
    return f"""
callmesh is running. Open the first link here, the second in a private window or another browser:

  host    {call}#role=host
  guest   {call}#role=guest
  Python  async with callmesh.join("{call}", name="Ada") as call: ...
          (as a host; with role="guest" as a guest)

Calls are kept in {options.data.resolve()}. Ctrl-C stops.
"""
