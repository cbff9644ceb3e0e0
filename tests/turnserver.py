"""Debian's coturn in a process of its own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TURN_SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class TurnServer:
    port: int
    log: Path
    process: "subprocess.Popen[bytes]"

    def url(self, transport: str = "udp") -> str:
        return f"turn:127.0.0.1:{self.port}?transport={transport}"

    def stop(self) -> None:
        """Nothing that goes by it arrives any more."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    @property
    def allocations(self) -> int:
        """How many times somebody was given an address."""
        return self.log.read_text(errors="replace").count("ALLOCATE processed, success")

    @property
    def refusals(self) -> int:
        """How many times somebody came with a login that is none."""
        return self.log.read_text(errors="replace").count("check_stun_auth: Cannot find")


@contextlib.contextmanager
def turn_server(folder: Path) -> Iterator[TurnServer]:
    """Skipped where coturn is not installed, but in CI that fails."""
    program = shutil.which("turnserver")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("coturn is missing: apt-get install coturn")
        pytest.skip("coturn is missing: as root, apt-get install coturn")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "turnserver.log"
    arguments = [
        "--no-cli", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={port}",
        "--allow-loopback-peers", "--use-auth-secret", f"--static-auth-secret={TURN_SECRET}",
        "--realm=callmesh", "--no-tls", "--no-dtls", "--verbose", "--log-file=stdout",
        f"--userdb={folder / 'turndb'}", f"--pidfile={folder / 'turn.pid'}",
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen([program, "-n", *arguments], stdout=output, stderr=output)
    try:
        _until_listening(port, process)
        yield TurnServer(port, log, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("coturn did not start")
