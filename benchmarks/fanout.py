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
from typing import Any, TypeAlias

from benchmarks import facts, report
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

GOALS = {
    "16": ("micros", 0.6), "64": ("micros", 0.4), "250x4": ("micros", 0.7),
    "saturated": ("per_second", 1.5),
}  # fmt: skip
"""What is to be how many times that of the best peer: CPU at most, updates at least."""
BOUNDS = (
    ("64", "p99", 10, "p99 in ms", 1),
    ("250x4", "memory", 80, "MB resident", 1e6),
)
"""What is to be no more than that."""
PAGE = ROOT / "docs" / "performance.md"


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


Results: TypeAlias = dict[str, dict[str, list[Run]]]
"""The runs of each server in each scenario."""


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
    try:
        for line in crowd.stdout:
            if line.startswith("{"):
                found = json.loads(line)
            else:
                marks.append(Mark(server.cpu(), server.memory()))
    except BaseException:
        crowd.kill()
        raise
    if crowd.wait() or len(marks) < 2 or not found["updates"]:
        raise RuntimeError(f"the crowd at {server.kind.name} failed")
    return marks, found


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    install()
    results: Results = {}
    servers = options.server or list(KINDS)
    for scenario in options.scenario or list(SCENARIOS):
        plan = replace(SCENARIOS[scenario], seconds=options.seconds)
        runs = results.setdefault(scenario, {})
        for number in range(options.rounds):
            for server in servers:
                say(f"{scenario}: {server}, round {number + 1} of {options.rounds}")
                name, _, at = server.partition("@")
                try:
                    run = measure(name, plan, Path(at) if at else None)
                except (RuntimeError, OSError) as error:
                    if name == "callmesh":
                        raise
                    say(f"{scenario}: {server} is left out: {error}\n")
                else:
                    runs.setdefault(server, []).append(run)
    done()
    text = markdown(results)
    print(text)
    if options.page and not report.put_into(PAGE, text, "benchmarks/fanout"):
        raise SystemExit(f"there is no place for it in {PAGE}")
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
    parser.add_argument("--page", action="store_true", help="put the tables into the docs")
    return parser


def middle(runs: Sequence[Run], field: str) -> float:
    return float(statistics.median(getattr(run, field) for run in runs))


def by_goals(results: Results) -> str:
    """How callmesh stands to the best peer that saves, and whether that is what it should be."""
    rows = []
    for scenario, (field, most) in GOALS.items():
        runs = results.get(scenario, {})
        peers = [name for name, kind in KINDS.items() if kind.saves and name in runs]
        if "callmesh" not in runs or len(peers) < 2:
            continue
        peers.remove("callmesh")
        less = field == "micros"
        best = (min if less else max)(peers, key=lambda name: middle(runs[name], field))
        ours, theirs = middle(runs["callmesh"], field), middle(runs[best], field)
        ratio = ours / theirs
        reached = ratio <= most if less else ratio >= most
        what = "µs of CPU per update" if less else "updates a second"
        rows.append([
            f"{scenario}: {what}", f"{ours:,.1f}" if less else f"{ours:,.0f}",
            f"{theirs:,.1f} ({best})" if less else f"{theirs:,.0f} ({best})", f"{ratio:.2f}",
            f"{'≤' if less else '≥'} {most}", "✓" if reached else "✗",
        ])  # fmt: skip
    for scenario, field, most, what, unit in BOUNDS:
        if ours_at := results.get(scenario, {}).get("callmesh"):
            value = middle(ours_at, field) / unit
            mark = "✓" if value <= most else "✗"
            rows.append([f"{scenario}: {what}", f"{value:.1f}", "–", "–", f"≤ {most}", mark])
    return report.table(["", "callmesh", "best peer that saves", "ratio", "goal", ""], rows)


def of_all(by_server: dict[str, list[Run]]) -> str:
    head = ["server", "µs per update", "updates/s", "arrived", "p50 ms", "p99 ms", "MB",
            "B/update", "generator"]  # fmt: skip
    rows = []
    for name, runs in by_server.items():
        costs = sorted(run.micros for run in runs)
        rows.append([
            name, f"{middle(runs, 'micros'):.1f} ({costs[0]:.1f}–{costs[-1]:.1f})",
            f"{middle(runs, 'per_second'):,.0f}", f"{middle(runs, 'arrived'):.2f}",
            f"{middle(runs, 'p50'):.1f}", f"{middle(runs, 'p99'):.1f}",
            f"{middle(runs, 'memory') / 1e6:.0f}", f"{middle(runs, 'bytes'):.0f}",
            f"{middle(runs, 'load'):.2f}",
        ])  # fmt: skip
    return report.table(head, rows)


def markdown(results: Results) -> str:
    parts = [by_goals(results)]
    for scenario, by_server in results.items():
        plan, rounds = SCENARIOS[scenario], max(map(len, by_server.values()), default=0)
        many = f"{plan.rate:g} a second each" if plan.rate else "as many as go"
        who = f"{plan.writers or plan.members} of {plan.members} write, {many}"
        calls = f"{plan.calls} calls; " if plan.calls > 1 else ""
        parts.append(f"**{scenario}** – {calls}{who}; {rounds} rounds\n\n{of_all(by_server)}")
    return "\n\n".join([*parts, report.described(facts.gather())]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
