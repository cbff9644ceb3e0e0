"""What it costs when people come, do nothing, and come back: `python -m benchmarks.joins`."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import suite
from benchmarks.crowd import Plan
from benchmarks.servers import RELAYS, SAVING, STORM, running
from benchmarks.suite import GENERATOR, Amount, Column, Run, Scenario

WRITES = (20, 1_000, 10_000, 100_000, 1_000_000)
NEWCOMERS = Plan(does="newcomers", writes=WRITES)
STORMING = Plan(does="storm", members=100, keys=STORM[0], size=STORM[1], warm=3)
IDLE = Plan(does="idle", calls=250, members=4, warm=3, seconds=30)
CALLS = Plan(calls=1_000, size=175)
"""On disk, with 20 keys of 200 characters in each."""
SETTLED = 4.0
"""Seconds after which everybody has saved: Hocuspocus waits for two."""


def newcomers(name: str, at: Path | None, amount: Amount) -> Run:
    """By number of writes: `bytes 1000` and so on."""
    plan = replace(NEWCOMERS, writes=tuple(w for w in WRITES if w <= 100_000 or not amount.quick))
    with running(name, at) as server:
        marks, found = suite.crowded(server, plan)
    run: Run = {"generator": found["own_cpu"]}
    pairs = zip(marks[::2], marks[1::2], strict=True)
    for writes, look, (before, after) in zip(plan.writes, found["looks"], pairs, strict=True):
        run[f"bytes {writes}"] = look["bytes"]
        run[f"ms {writes}"] = look["ms"]
        run[f"cpu {writes}"] = (after.cpu - before.cpu) / look["of"] * 1000
        run[f"added {writes}"] = before.memory - marks[0].memory
    return run


def storm(name: str, at: Path | None, amount: Amount) -> Run:
    with running(name, at) as server:
        (before, after), found = suite.crowded(server, STORMING)
        return {
            "cpu": (after.cpu - before.cpu) * 1000, "seconds": found["seconds"],
            "bytes": found["bytes"], "generator": found["own_cpu"],
        }  # fmt: skip


def idle(connections: int, name: str, at: Path | None, amount: Amount) -> Run:
    seconds = amount.seconds or (10.0 if amount.quick else IDLE.seconds)
    plan = replace(IDLE, calls=connections // IDLE.members, seconds=seconds)
    with running(name, at) as server:
        (before, came, rested), found = suite.crowded(server, plan)
        return {
            "each": (came.memory - before.memory) / connections,
            "memory": came.memory,
            "come": (came.cpu - before.cpu) / connections * 1000,
            "cpu": (rested.cpu - came.cpu) / found["seconds"] * 1000,
            "came": found["came"], "generator": found["own_cpu"],
        }  # fmt: skip


def restart(name: str, at: Path | None, amount: Amount) -> Run:
    calls = 200 if amount.quick else CALLS.calls
    with running(name, at) as server:
        suite.crowded(server, replace(CALLS, does="fill", calls=calls, warm=SETTLED))
        server.stop()
        began = time.perf_counter()
        server.start()
        ready, passed = server.started, time.perf_counter() - began
        (_, after), found = suite.crowded(server, replace(CALLS, does="come back", calls=calls))
        return {
            "ready": ready, "first": passed + found["first"],
            "all": passed + found["seconds"], "cpu": after.cpu, "memory": after.memory,
            "bytes": found["bytes"], "generator": found["own_cpu"],
        }  # fmt: skip


def after(
    title: str, name: str, digits: int, unit: float, writes: Sequence[int] = WRITES
) -> list[Column]:
    """Columns of a figure by number of writes; the first of them says what it is."""
    powers = dict(zip(WRITES, ("20", "10³", "10⁴", "10⁵", "10⁶"), strict=True))
    titles = [f"{title} after {powers[writes[0]]}", *(powers[w] for w in writes[1:])]
    return [
        Column(said, f"{name} {w}", digits, unit) for said, w in zip(titles, writes, strict=True)
    ]


SCENARIOS: Sequence[Scenario] = [
    Scenario(
        "newcomers", "after so many writes over 20 keys, in bundles of 1,000", newcomers,
        [*after("kB", "bytes", 1, 1e3), GENERATOR],
        more=[
            after("ms", "ms", 1, 1), after("CPU ms", "cpu", 1, 1),
            after("MB added", "added", 1, 1e6),
        ],
        rounds=1, guess=120,
    ),
    Scenario(
        "storm", "100 come at once into a call with 1 MB in it", storm,
        [
            Column("CPU ms", "cpu", 0, spread=True), Column("until all s", "seconds", 2),
            Column("kB each", "bytes", 0, 1e3), GENERATOR,
        ],
        (*SAVING, "least in Python", "bare send on picows"), guess=10,
    ),
    *(
        Scenario(
            f"idle {connections}", f"{connections:,} connections, four in a call, nobody writes",
            partial(idle, connections),
            [
                Column("kB each", "each", 1, 1e3, spread=True),
                Column("MB in all", "memory", 0, 1e6),
                Column("CPU ms/s", "cpu", 1, spread=True), Column("CPU ms to come in", "come", 2),
                Column("came in s", "came"), GENERATOR,
            ],
            (*SAVING, *RELAYS), rounds=rounds, guess=guess,
        )
        for connections, rounds, guess in ((1_000, 3, 40), (10_000, 1, 75))
    ),
    Scenario(
        "restart", "1,000 calls on disk, 20 keys of 200 characters each", restart,
        [
            Column("ready s", "ready", 2, spread=True), Column("first joined s", "first", 2),
            Column("all joined s", "all", 2, spread=True), Column("CPU s", "cpu", 2),
            Column("MB", "memory", 0, 1e6), Column("kB each", "bytes", 1, 1e3), GENERATOR,
        ],
        guess=30,
    ),
]  # fmt: skip

if __name__ == "__main__":
    suite.run(SCENARIOS, __doc__)
