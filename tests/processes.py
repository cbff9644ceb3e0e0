"""A real hub in a process of its own, which a test may kill."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).parent.parent
SHELF = ROOT / "tests" / "apps" / "shelf"
"""An app that may hand on files."""
SERVED = {"picows": ("-m", "callmesh"), "asgi": (str(ROOT / "tests" / "served_by_asgi.py"),)}
"""By whom the WebSockets of a hub are spoken: as `callmesh serve` does, or by the ASGI server."""


class HubProcess:
    """`callmesh serve` on a free port, over `data`: with `key`, or else with `--dev`."""

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        apps: tuple[Path, ...] = (),
        key: Path | None = None,
        limits: Mapping[str, int] = MappingProxyType({}),
        more: tuple[str, ...] = (),
        python: tuple[str, ...] = SERVED["picows"],
    ) -> None:
        self.key = key
        mode = ["--key", str(key)] if key else ["--dev"]
        arguments = ["serve", *mode, "--port", str(port), "--data", str(data), *more]
        for app in apps:
            arguments += ["--apps", str(app)]
        for name, number in limits.items():
            arguments += ["--limit", f"{name}={number}"]
        self.process = subprocess.Popen(
            [sys.executable, *python, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.greeting = self._read_greeting()
        found = re.search(r"http://127\.0\.0\.1:(\d+)\b", self.greeting)
        if found is None:
            raise RuntimeError(f"the hub did not start: {self.greeting}{self.end()}")
        self.port = int(found[1])

    def _read_greeting(self) -> str:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        return "".join(lines)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, id: str = "demo") -> str:
        return f"{self.address}/call/{id}"

    def invite(self, call: str, *arguments: str) -> str:
        """A link that lets somebody into a call of a hub with a key."""
        command = [sys.executable, "-m", "callmesh", "invite", call, "--key", str(self.key)]
        command += ["--url", self.address, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def memory(self) -> int:
        """Resident bytes of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.communicate()

    def interrupt(self) -> int:
        """Ctrl-C. The exit code."""
        return self.stop(signal.SIGINT)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop. The exit code."""
        self.process.send_signal(how)
        return self.process.wait(timeout=20)

    def end(self) -> str:
        """Stop it; what it wrote to its standard error."""
        if self.process.poll() is None:
            self.process.terminate()
        if self.process.stderr is None or self.process.stderr.closed:
            return ""
        _, errors = self.process.communicate(timeout=20)
        return errors


@contextlib.contextmanager
def hub_process(data: Path, **options: object) -> Iterator[HubProcess]:
    hub = HubProcess(data, **options)  # type: ignore[arg-type]
    try:
        yield hub
    finally:
        hub.end()
