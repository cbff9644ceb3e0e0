"""Starts and stops the Python halves of apps, each in a process of its own.

A process is the leader of a group and a session, gets what it has to do in the first line of a
pipe, and lives no longer than the other end of it, which only the hub has. Of what it prints the
last line is what it ended with.
"""

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from callmesh.auth import Authority
from callmesh.catalog import Catalog, InstalledApp
from callmesh.halves import Halves, Key, Order, Start, Stop, Trouble, Wish
from callmesh.links import pause
from callmesh.live import LiveHub
from callmesh.livecall import steady
from callmesh.rates import Rate

EVERY = 0.5
"""Seconds between two looks at who is to run."""
LEAVING = 2.0
"""Seconds that they have when the hub goes."""
PRINTED = (2, 100)
"""Lines that one prints into the log a second, for long and at once; more are left out."""
MAX_LINE = 1_000
"""Bytes of one."""
LOOKED_AT = (16 * 1024, 64 * 1024)
"""Bytes of what one prints that are looked at, a second and at once; of more lines are counted."""
TAKEN = 1024 * 1024
"""Bytes that are taken from one a second: one that prints more waits."""
BLOCK = 64 * 1024
SWITCHED_OFF = "this hub runs no Python (its setting `python` is off)"
NOT_ALLOWED = "the operator has not allowed its Python: callmesh apps add --allow-python"
NO_PORT = "this hub listens on no port by which its halves could reach it"

log = logging.getLogger("callmesh.hub")


@dataclass(slots=True)
class Printed:
    """What a process prints: bytes in, lines out."""

    last: str = ""
    """The last line that says something."""
    left_out: int = 0
    """Lines that there were too many of."""
    _lines: Rate = field(default_factory=lambda: Rate(*PRINTED, steady()))
    _looked_at: Rate = field(default_factory=lambda: Rate(*LOOKED_AT, steady()))
    _taken: Rate = field(default_factory=lambda: Rate(TAKEN, TAKEN, steady()))
    _rest: bytes = b""

    def feed(self, data: bytes, now: int) -> Iterator[str]:
        """The lines that are whole now, without those there are too many of; b"" ends it."""
        self._taken.take(len(data), now)
        if data and self._looked_at.lacks(now):
            self._pass_over(data)
            return
        self._looked_at.take(len(data), now)
        for line in self._split(self._rest + data, ends=not data):
            self.last = line.strip()
            if self._lines.takes(now):
                yield line
            else:
                self.left_out += 1

    def wait(self, now: int) -> float:
        """Seconds until more is to be taken."""
        return self._taken.due(now)

    def _pass_over(self, data: bytes) -> None:
        """But for its end: what it says last is what it ended with."""
        self.left_out += max(1, data.count(b"\n"))
        for line in self._split((self._rest + data)[-2 * MAX_LINE :]):
            self.last = line.strip()

    def _split(self, data: bytes, *, ends: bool = False) -> Iterator[str]:
        """The lines in it that say something."""
        *lines, self._rest = data.split(b"\n")
        if ends or len(self._rest) > MAX_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for raw in lines:
            if line := raw[:MAX_LINE].decode(errors="replace").rstrip():
                yield line


class _End:
    """One end of a pipe."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.is_open = True

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self.fd)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[_End, _End]]:
    ends = tuple(map(_End, os.pipe()))
    try:
        yield ends[0], ends[1]
    finally:
        for end in ends:
            end.close()


class Supervisor:
    def __init__(
        self, live: LiveHub, catalog: Catalog, authority: Authority, *, allowed: bool
    ) -> None:
        self._live = live
        self._catalog = catalog
        self._authority = authority
        self._allowed = allowed
        self._halves = Halves(live.limits.halves, live.limits.hub_halves)
        self._address = ""
        """Where halves reach the hub: as somebody else has."""
        self._pids: dict[Key, int] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._turned = asyncio.Event()
        self._closes = False
        """The hub goes: who ends now has not failed."""
        self._shown: dict[Key, tuple[Trouble, dict[str, object]]] = {}

    def reached(self, scope: MutableMapping[str, Any]) -> None:
        """Somebody has come by this connection: what is started from now on does so too."""
        host, port = scope.get("server") or ("", None)
        if port:
            host = f"[{host}]" if ":" in host else host
            self._address = f"http://{host}:{port}{scope.get('root_path', '').rstrip('/')}"

    async def follow(self) -> None:
        """Look after them, for as long as the hub runs, whatever goes wrong with some."""
        try:
            while True:
                self._turned.clear()
                try:
                    if not self._live.ends:
                        self.look()
                except Exception:
                    log.exception("something went wrong with Python halves, which go on")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._turned.wait(), EVERY)
        finally:
            await self._close()

    def look(self) -> None:
        """Bring what runs in step with what should."""
        apps = {id: app for id, app in self._catalog.apps.items() if app.manifest.python}
        if not apps and not self._tasks and not self._shown:
            return
        wishes = dict(self._wishes(apps))
        here = {
            (call.hosted.id, resource)
            for call in self._live.calls
            for resource in call.hosted.people.halves
        }
        for step in self._halves.decide(wishes, here, steady()):
            match step:
                case Start(key, wish):
                    self._tasks[key] = asyncio.create_task(self._run(key, apps[wish.app]))
                case Stop(key) if key not in self._tasks:
                    self._halves.ended(key, "it could not be started", steady())
                case Stop(key, kill):
                    self._signal(key, kill=kill)
        self._show({key: apps[wish.app] for key, wish in wishes.items()})

    def _wishes(self, apps: Mapping[str, InstalledApp]) -> Iterator[tuple[Key, Wish]]:
        """One for each resource of an app with a half, in calls where somebody else is."""
        for call in self._live.calls if apps else ():
            hosted = call.hosted
            if hosted.people.guests:
                for resource, record in hosted.resources.items():
                    if app := apps.get(record.app):
                        wish = Wish(record.app, app.hash, self._refusal(app))
                        yield (hosted.id, resource), wish

    def _refusal(self, app: InstalledApp) -> str:
        if not self._allowed:
            return SWITCHED_OFF
        if not app.runs:
            return NOT_ALLOWED
        return "" if self._address else NO_PORT

    def _show(self, apps: Mapping[Key, InstalledApp]) -> None:
        """Tell hosts what does not run."""
        troubles = {key: it for key, it in self._halves.troubles.items() if key in apps}
        for key in self._shown.keys() - troubles.keys():
            del self._shown[key]
            self._live.show_half(*key, None)
        for key, trouble in troubles.items():
            shown = self._shown.get(key)
            if shown is None or shown[0] != trouble:
                again = trouble.again and self._live.now() + trouble.again - steady()
                said = {
                    "app": apps[key].manifest.name, "failures": trouble.failures, "again": again,
                    "error": trouble.error,
                }  # fmt: skip
                shown = self._shown[key] = (trouble, said)
            self._live.show_half(*key, shown[1])

    # --- processes

    async def _run(self, key: Key, app: InstalledApp) -> None:
        """One process, from its start to its end."""
        call, resource = key
        about = {"call": call, "resource": resource, "app": app.manifest.id}
        name = app.manifest.name
        code, printed, token = 1, Printed(), ""
        try:
            token = self._authority.invite_half(call, resource, name, self._live.now())
            order = Order(
                f"{self._address}/call/{call}", token, app.manifest.id, str(app.folder),
                app.manifest.python,
            )  # fmt: skip
            log.info("a Python half starts", extra=about)
            code = await self._process(key, order, printed, about)
        except OSError as error:
            printed.last = f"it cannot be started: {error.strerror}"
        except Exception:
            printed.last = "it could not be looked after; the hub's log says why"
            log.exception("something went wrong with a Python half", extra=about)
        finally:
            self._authority.withdraw(token)
            self._pids.pop(key, None)
            del self._tasks[key]
            words = printed.last or f"it ended with code {code}"
            failed = self._halves.ended(key, words, steady()) and not self._closes
            self._turned.set()
        if printed.left_out:
            said = f"{printed.left_out} lines left out"
            log.info("a Python half says too much", extra={**about, "said": said})
        if failed:
            about = {**about, "code": str(code), "error": kind(printed.last)}
            log.warning("a Python half has failed", extra=about)
        else:
            log.info("a Python half has ended", extra=about)

    async def _process(
        self, key: Key, order: Order, printed: Printed, about: Mapping[str, object]
    ) -> int:
        """The exit code."""
        with _pipe() as (theirs, ours), _pipe() as (output, print_to):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-u", "-m", "callmesh.running",
                stdin=theirs.fd, stdout=print_to.fd, stderr=print_to.fd,
                start_new_session=True, cwd="/", env=environment(os.environ),
            )  # fmt: skip
            self._pids[key] = process.pid
            theirs.close()
            print_to.close()
            os.write(ours.fd, msgspec.json.encode(order) + b"\n")
            reading = asyncio.create_task(self._read(output, printed, about))
            try:
                code = await process.wait()
            finally:
                _kill(process.pid)  # what it has left behind
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reading, 1)
        return code

    async def _read(self, output: _End, printed: Printed, about: Mapping[str, object]) -> None:
        """Hand what is printed to the log, line by line, until nobody can print any more."""
        loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
        output.is_open = False  # the transport closes it
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output.fd, "rb", buffering=0)
        )
        try:
            data = b"-"
            while data:
                data = await reader.read(BLOCK)
                before = printed.left_out
                for line in printed.feed(data, steady()):
                    log.info("a Python half says", extra={**about, "said": line})
                self._live.counts.unprinted += printed.left_out - before
                if wait := printed.wait(steady()):
                    await pause(wait)
        finally:
            transport.close()

    def _signal(self, key: Key, *, kill: bool) -> None:
        if pid := self._pids.get(key):
            if kill:
                _kill(pid)
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)

    async def _close(self) -> None:
        """The hub goes, and they go with it."""
        self._closes = True
        for key in self._tasks:
            self._signal(key, kill=False)
        if self._tasks:
            await asyncio.wait([*self._tasks.values()], timeout=LEAVING)
        for key in self._tasks:
            self._signal(key, kill=True)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def environment(of_hub: Mapping[str, str]) -> dict[str, str]:
    """What a half knows of the hub's: all but its settings. Nothing is written into an app."""
    kept = {name: value for name, value in of_hub.items() if not name.startswith("CALLMESH_")}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1"}


def kind(line: str) -> str:
    """What kind of error a line tells of: its words may quote what somebody wrote (O12)."""
    found = re.match(r"[A-Za-z_][\w.]*(?=:|$)", line)
    return found[0] if found else ""
