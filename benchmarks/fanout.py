"""What it costs a server to hand on updates: `python -m benchmarks.fanout`."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import suite
from benchmarks.crowd import Plan
from benchmarks.servers import RELAYS, SAVING, running
from benchmarks.suite import GENERATOR, Amount, Column, Run, Scenario

PLANS = {
    "4": Plan(members=4),
    "16": Plan(members=16),
    "64": Plan(members=64),
    "250x4": Plan(calls=250, members=4, rate=5, warm=5),
    "one writer": Plan(members=64, writers=1, rate=250),
    "saturated": Plan(members=64, rate=0),
    "latest": Plan(members=16, rate=20, size=100, carry="latest"),
    "reliable": Plan(members=16, rate=20, size=100, carry="reliable"),
    "reliable flood": Plan(members=4, writers=1, rate=0, size=16_000, carry="reliable"),
}
COLUMNS = (
    Column("µs per update", "micros", 1, spread=True),
    Column("updates/s", "per_second", 0),
    Column("arrived", "arrived", 2),
    Column("p50 ms", "p50"),
    Column("p99 ms", "p99"),
    Column("MB", "memory", 0, 1e6),
    Column("B/update", "bytes", 0),
    GENERATOR,
)
STREAMING = ("callmesh", *RELAYS)
"""The peers have no streams."""


def measure(plan: Plan, name: str, at: Path | None, amount: Amount) -> Run:
    plan = replace(plan, seconds=amount.seconds or (4.0 if amount.quick else plan.seconds))
    with running(name, at) as server:
        (before, after), found = suite.crowded(server, plan)
        return {
            "micros": (after.cpu - before.cpu) / found["updates"] * 1e6,
            "per_second": found["updates"] / found["seconds"],
            "arrived": found["updates"] / max(1, found["expected"]),
            "p50": found["late"].get("p50", 0), "p99": found["late"].get("p99", 0),
            "memory": after.memory, "bytes": found["bytes"] / found["updates"],
            "generator": found["own_cpu"], "lag": found["lag"],
        }  # fmt: skip


def _scenario(name: str, plan: Plan) -> Scenario:
    many = f"{plan.rate:g} a second each" if plan.rate else "as many as go"
    calls = f"{plan.calls} calls; " if plan.calls > 1 else ""
    what = f"{calls}{plan.writers or plan.members} of {plan.members} write, {many}"
    if plan.carry:
        what += f": messages of a `{plan.carry}` stream, {plan.size + 25:,} bytes each"
    return Scenario(
        name, what, partial(measure, plan), COLUMNS,
        STREAMING if plan.carry else (*SAVING, *RELAYS, "least in Python"),
        rounds=5, guess=plan.seconds + plan.warm + 3,
    )  # fmt: skip


SCENARIOS: Sequence[Scenario] = [_scenario(name, plan) for name, plan in PLANS.items()]

if __name__ == "__main__":
    suite.run(SCENARIOS, __doc__)
