"""A reader that stops reading for a while under 2 MB/s: `python -m benchmarks.stalled`.

A second server gets the same load without such a reader: what the one holds more is held for them.
"""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import suite
from benchmarks.crowd import Plan
from benchmarks.hub import unread
from benchmarks.servers import SAVING, running
from benchmarks.suite import GENERATOR, Amount, Column, Mark, Run, Scenario

PLAN = Plan(does="stall", keys=100, size=8_192, warm=5, seconds=60)


def stall(name: str, at: Path | None, amount: Amount) -> Run:
    plan = replace(PLAN, seconds=amount.seconds or (10.0 if amount.quick else PLAN.seconds))
    pairs: list[tuple[int, int]] = []
    kernel: list[int] = []
    with running(name, at) as server, running(name, at) as beside:

        def look() -> Mark:
            pairs.append((server.memory(), beside.memory()))
            kernel.append(unread(server.process.pid))
            return Mark(server.cpu(), pairs[-1][0])

        marks, found = suite.crowded(server, replace(plan, beside=beside.url), look)
    (stalled, alone), *_ = pairs
    held = [one - stalled - (other - alone) for one, other in pairs]
    every = found["seconds"] / (len(held) - 1)
    return {
        "held": statistics.median(held[1:]), "most": max(held), "kernel": max(kernel),
        "over time": [[round(n * every, 1), bytes] for n, bytes in enumerate(held)],
        "cpu": (marks[-1].cpu - marks[0].cpu) / found["seconds"] * 1000,
        "written": found["written"], "kicked": found["kicked"] or "no",
        "right": "yes" if found["right"] else "no", "received": found["received"],
        "current": found["current"] * 1000, "seconds": found["seconds"],
        "generator": found["own_cpu"],
    }  # fmt: skip


SCENARIOS: Sequence[Scenario] = [
    Scenario(
        "stalled", "a reader reads nothing while 2 MB/s are written, 100 keys of 8 KiB", stall,
        [
            Column("MB held", "held", 2, 1e6, spread=True), Column("at most", "most", 2, 1e6),
            Column("kernel MB", "kernel", 2, 1e6), Column("kicked", "kicked"),
            Column("MB after waking", "received", 2, 1e6), Column("current after ms", "current", 0),
            Column("has it all", "right"), Column("CPU ms/s", "cpu", 0), GENERATOR,
        ],
        SAVING, rounds=1, guess=75,
    )
]  # fmt: skip

if __name__ == "__main__":
    suite.run(SCENARIOS, __doc__)
