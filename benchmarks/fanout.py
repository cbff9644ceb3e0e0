"""What it costs a server to hand on updates: `python -m benchmarks.fanout`.

All servers take turns in every round, A-B-C-A-B-C, each time with an empty folder; what is given is
the median over the rounds, and the spread. One process plays everybody (`crowd.py`).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import facts
from benchmarks.crowd import Plan
from benchmarks.progress import done, say
from benchmarks.servers import KINDS, ROOT, Server, install, python, running

SCENARIOS = {
    "4": Plan("", "", members=4),
    "16": Plan("", "", members=16),
    "64": Plan("", "", members=64),
    "250x4": Plan("", "", calls=250, members=4, rate=5, warm=5),
    "one writer": Plan("", "", members=64, writers=1, rate=250),
    "saturated": Plan("", "", members=64, rate=0),
}


@dataclass(frozen=True)
class Run:
    """One server in one round."""

    micros: float
    """CPU of the server for each update that reached somebody else."""
    per_second: float
    """Updates that reached somebody else."""
    arrived: float
    """Of those that were written, the part that reached the others; a newer one may have."""
    p50: float
    p99: float
    """Milliseconds from writing to arriving."""
    memory: int
    """Resident bytes of the server."""
    load: float
    """Cores that the generator used."""
    lag: float
    """Seconds that it was late by, at most."""
    bytes: float
    """For each update that arrived."""


def measure(name: str, plan: Plan, at: Path | None = None) -> Run:
    with running(name, at) as server:
        marks, found = crowded(server, plan)
        return Run(
            micros=(marks[1].cpu - marks[0].cpu) / found["updates"] * 1e6,
            per_second=found["updates"] / found["seconds"],
            arrived=found["updates"] / max(1, found["expected"]),
            p50=found["late"].get("p50", 0), p99=found["late"].get("p99", 0),
            memory=server.memory(), load=found["own_cpu"], lag=found["lag"],
            bytes=found["bytes"] / found["updates"],
        )  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """What a server had used at a moment that its crowd named."""

    cpu: float
    memory: int


def crowded(server: Server, plan: Plan) -> tuple[list[Mark], dict[str, Any]]:
    """Let a crowd at a server: what it used at each moment, and what the crowd says of it."""
    plan = replace(plan, server=server.kind.dialect, url=server.url)
    crowd = subprocess.Popen(
        [python(), "-m", "benchmarks.crowd", json.dumps(asdict(plan))],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )  # fmt: skip
    assert crowd.stdout is not None
    marks: list[Mark] = []
    found: dict[str, Any] = {}
    for line in crowd.stdout:
        if line.startswith("{"):
            found = json.loads(line)
        else:
            marks.append(Mark(server.cpu(), server.memory()))
    if crowd.wait() or len(marks) < 2 or not found["updates"]:
        raise RuntimeError(f"the crowd at {server.kind.name} failed")
    return marks, found


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    install()
    results: dict[str, dict[str, list[Run]]] = {}
    servers = options.server or list(KINDS)
    for scenario in options.scenario or list(SCENARIOS):
        plan = replace(SCENARIOS[scenario], seconds=options.seconds)
        runs = results.setdefault(scenario, {})
        for number in range(options.rounds):
            for server in servers:
                say(f"{scenario}: {server}, round {number + 1} of {options.rounds}")
                name, _, at = server.partition("@")
                runs.setdefault(server, []).append(measure(name, plan, Path(at) if at else None))
    done()
    for scenario, by_server in results.items():
        print(f"\n{scenario}\n{table(by_server)}")
    if options.json:
        plain = {
            s: {n: [asdict(r) for r in rs] for n, rs in by.items()} for s, by in results.items()
        }
        options.json.write_text(
            json.dumps({"facts": asdict(facts.gather()), "runs": plain}, indent=1)
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fanout", description=__doc__)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one")
    parser.add_argument(
        "--server", action="append", help="only this one; callmesh@FOLDER is another source tree"
    )
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run (default: 8)")
    parser.add_argument("--json", type=Path, help="keep every run in this file")
    return parser


def table(by_server: dict[str, list[Run]]) -> str:
    head = ("server", "µs per update", "updates/s", "arrived", "p50 ms", "p99 ms", "MB", "B/update",
            "generator")  # fmt: skip
    rows = [head]
    for name, runs in by_server.items():

        def mid(field: str, runs: list[Run] = runs) -> float:
            return float(statistics.median(getattr(run, field) for run in runs))

        spread = f"{min(r.micros for r in runs):.1f}-{max(r.micros for r in runs):.1f}"
        rows.append((
            name, f"{mid('micros'):.1f} ({spread})", f"{mid('per_second'):,.0f}",
            f"{mid('arrived'):.2f}", f"{mid('p50'):.1f}", f"{mid('p99'):.1f}",
            f"{mid('memory') / 1e6:.0f}", f"{mid('bytes'):.0f}", f"{mid('load'):.2f}",
        ))  # fmt: skip
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    lines = (" ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
