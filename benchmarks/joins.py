"""What it costs a server when many come, and when they do nothing: `python -m benchmarks.joins`."""

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.crowd import Plan
from benchmarks.fanout import crowded
from benchmarks.progress import done, say
from benchmarks.servers import KINDS, install, running

STORM = Plan("", "", members=100, storm=100, size=10_000, warm=3)
IDLE = Plan("", "", calls=250, members=4, writers=-1, warm=3, seconds=10)


def storm(name: str, at: Path | None) -> tuple[float, float, float]:
    """CPU of the server in ms, seconds until all have all of it, bytes to each."""
    with running(name, at) as server:
        marks, found = crowded(server, STORM)
        return (marks[1].cpu - marks[0].cpu) * 1000, found["seconds"], found["bytes"]


def idle(name: str, at: Path | None) -> tuple[float, float]:
    """Bytes of memory for each connection, and CPU of the server in ms a second."""
    with running(name, at) as server:
        marks, found = crowded(server, IDLE)
        memory = (marks[1].memory - marks[0].memory) / found["updates"]
        return memory, (marks[2].cpu - marks[1].cpu) / found["seconds"] * 1000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.joins", description=__doc__)
    parser.add_argument(
        "--server", action="append", help="only this one; callmesh@FOLDER is another source tree"
    )
    parser.add_argument("--rounds", type=int, default=3, help="(default: 3)")
    options = parser.parse_args(arguments)
    install()
    servers = options.server or [kind.name for kind in KINDS.values() if kind.saves]
    storms: dict[str, list[tuple[float, float, float]]] = {}
    idles: dict[str, list[tuple[float, float]]] = {}
    for number in range(options.rounds):
        for server in servers:
            name, _, folder = server.partition("@")
            at = Path(folder) if folder else None
            say(f"{server}, round {number + 1} of {options.rounds}")
            try:
                found = storm(name, at), idle(name, at)
            except (RuntimeError, OSError) as error:
                if name == "callmesh":
                    raise
                say(f"{server} is left out: {error}\n")
                continue
            storms.setdefault(server, []).append(found[0])
            idles.setdefault(server, []).append(found[1])
    done()
    print(
        "server              100 join 1 MB: CPU ms  until all s  kB each   idle: kB each  CPU ms/s"
    )
    for server in storms:
        cpu, seconds, size = (
            statistics.median(values) for values in zip(*storms[server], strict=True)
        )
        memory, rest = (statistics.median(values) for values in zip(*idles[server], strict=True))
        print(
            f"{server:19} {cpu:21.0f} {seconds:12.2f} {size / 1000:8.0f} "
            f"{memory / 1000:15.1f} {rest:9.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
