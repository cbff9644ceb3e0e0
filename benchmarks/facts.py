"""On what it was measured."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(slots=True)
class Facts:
    date: str = ""
    commit: str = ""
    """Of the work tree; `+` where there is more than was committed."""
    processor: str = ""
    cores: int = 0
    memory: int = 0
    """Bytes."""
    system: str = ""
    load: float = 0.0
    """Processes that wanted to run in the minute before: the fewer, the better the times."""
    python: str = ""
    node: str = ""
    browser: str = ""
    """Told by the measurement that starts one."""


def gather() -> Facts:
    return Facts(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_commit(),
        processor=_field("/proc/cpuinfo", "model name"),
        cores=len(os.sched_getaffinity(0)),
        memory=int(_field("/proc/meminfo", "MemTotal").split()[0]) * 1024,
        system=f"{platform.system()} {platform.release()}",
        load=round(os.getloadavg()[0], 2),
        python=platform.python_version(),
        node=_said("node", "--version").lstrip("v"),
    )


def _commit() -> str:
    changed = _said("git", "status", "--porcelain", "--", "src", "web", "benchmarks")
    return _said("git", "rev-parse", "--short", "HEAD") + ("+" if changed else "")


def _field(path: str, name: str) -> str:
    """What the first line that begins with `name` says after its colon."""
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "?"


def _said(*command: str) -> str:
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "?"
    return ended.stdout.strip()
