"""What a million participants are for nodes that share calls: `python -m benchmarks.nodes --page`.

A simulation, not a measurement. Calls do not speak to each other, so a node is a hub that serves
some of the calls, each chosen by its id alone (rendezvous hashing). What a participant costs comes
from `docs/performance/figures.json`. Asked is how evenly that falls, what happens where a node is
lost, and how many nodes there have to be.

    calls of 2–12, most of them small; one participant in twenty types or draws at a moment;
    a node is one core, of which it uses 60 %: the rest is for what comes all at once
"""

import argparse
import json
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from benchmarks.page import PAGE
from benchmarks.tables import with_part
from callmesh.connection import PAUSES

FIGURES = Path(__file__).parents[1] / "docs" / "performance" / "figures.json"
SIZES = ((2, 45), (3, 15), (4, 15), (6, 15), (12, 10))
"""Participants of a call, and how many of a hundred calls have so many."""
ACTIVE, RATE = 0.05, 5
"""How many change something at a moment, and how often a second: typing, dragging."""
ROOM = 0.6
"""Of a core that a node uses when nothing special happens."""
BACK = (PAUSES[0] / 2, PAUSES[0])
"""Seconds after which who has lost a link tries again, the first time."""


@dataclass(frozen=True)
class Costs:
    """CPU in seconds on one core, memory in bytes."""

    quiet: float
    """Of a participant who does nothing, a second."""
    change: float
    """Of a change, for each who gets it; in small calls, where it costs most."""
    coming: float
    """Of one who comes in."""
    memory: float
    """Of a connection."""
    sent: float
    """Bytes of a change, to each who gets it."""


def read_costs() -> Costs:
    figures = json.loads(FIGURES.read_text())

    def middle(scenario: str, column: str) -> float:
        runs = figures[scenario]["runs"]["callmesh"]
        return float(statistics.median(run[column] for run in runs))

    return Costs(
        quiet=middle("idle 10000", "cpu") / 1000 / 10_000,
        change=middle("250x4", "micros") / 1e6,
        coming=middle("idle 10000", "come") / 1000,
        memory=middle("idle 10000", "each"),
        sent=middle("250x4", "bytes"),
    )


def node_of(call: int, nodes: Sequence[int]) -> int:
    """Which of the nodes serves a call: whoever knows their names knows that."""
    return max(nodes, key=lambda node: blake2b(b"%d %d" % (call, node), digest_size=8).digest())


def told(participants: int) -> float:
    """Changes a second of a call, once for each who gets one."""
    return participants * ACTIVE * RATE * (participants - 1)


def load(participants: int, costs: Costs) -> float:
    """CPU a second of a call."""
    return participants * costs.quiet + told(participants) * costs.change


@dataclass(frozen=True)
class Outlook:
    """What the simulation gives: of each node, where there is a list, the least first."""

    seed: int
    sizes: list[int]
    people: list[int]
    loads: list[float]
    told: list[float]
    """Changes a second."""
    work: float
    """Cores in all."""


def simulate(participants: int, seed: int, costs: Costs) -> Outlook:
    chance = random.Random(seed)
    mean = sum(size * of for size, of in SIZES) / sum(of for _, of in SIZES)
    kinds, weights = zip(*SIZES, strict=True)
    sizes = chance.choices(kinds, weights, k=round(participants / mean))
    work = sum(load(size, costs) for size in sizes)
    nodes = range(int(work / ROOM) + 1)
    served: list[list[int]] = [[] for _ in nodes]
    for call, size in enumerate(sizes):
        served[node_of(call, nodes)].append(size)
    loads = sorted(sum(load(size, costs) for size in calls) for calls in served)
    changes = sorted(sum(map(told, calls)) for calls in served)
    return Outlook(seed, sizes, sorted(map(sum, served)), loads, changes, work)


def table(outlook: Outlook, costs: Costs) -> str:
    people, loads, count = outlook.people, outlook.loads, len(outlook.people)
    each = people[-1] / (count - 1)
    sent = outlook.told[-1] * costs.sent / 1e6
    rows = (
        ("participants, in calls", f"{sum(outlook.sizes):,}, in {len(outlook.sizes):,}"),
        ("nodes of one core", f"{count}, {outlook.work:.0f} cores of work"),
        ("participants of a node", f"{people[0]:,} to {people[-1]:,}"),
        ("work of a node", f"{loads[0]:.0%} to {loads[-1]:.0%} of its core"),
        ("memory for their connections, at most", f"{people[-1] * costs.memory / 1e6:,.0f} MB"),
        ("bytes that a node sends, at most", f"{sent:,.1f} MB/s"),
        (
            f"the fullest node is lost: {people[-1]:,} come back {BACK[0]} to {BACK[1]} s later",
            f"{each:,.0f} to each other node: {each * costs.coming * 1000:,.0f} ms of its core, "
            f"and {loads[-1] / (count - 1):.1%} more from then on",
        ),
        ("a call of 50, the largest there is", f"{load(50, costs):.1%} of a core"),
    )
    lines = ["| | |", "| --- | --- |", *(f"| {what} | {much} |" for what, much in rows)]
    return "\n".join([*lines, "", f"<sub>Simulated, seed {outlook.seed}</sub>"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--participants", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", action="store_true", help="put it into docs/performance.md")
    options = parser.parse_args()
    costs = read_costs()
    text = table(simulate(options.participants, options.seed, costs), costs)
    print(text)
    if options.page:
        page = with_part(PAGE.read_text(), text, "benchmarks/nodes")
        if page is None:
            raise SystemExit(f"there is no place for benchmarks/nodes in {PAGE}")
        PAGE.write_text(page)


if __name__ == "__main__":
    main()
