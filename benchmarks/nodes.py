"""What a million participants are for nodes that share calls: `python -m benchmarks.nodes`.

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

FIGURES = Path(__file__).parents[1] / "docs" / "performance" / "figures.json"
SIZES = ((2, 45), (3, 15), (4, 15), (6, 15), (12, 10))
"""Participants of a call, and how many of a hundred calls have so many."""
ACTIVE, RATE = 0.05, 5
"""How many change something at a moment, and how often a second: typing, dragging."""
ROOM = 0.6
"""Of a core that a node uses when nothing special happens."""
BACK = 8.0
"""Seconds over which the participants of a lost node come back (`connection.PAUSES`)."""


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
    )


def node_of(call: int, nodes: Sequence[int]) -> int:
    """Which of the nodes serves a call: whoever knows their names knows that."""
    return max(nodes, key=lambda node: blake2b(b"%d %d" % (call, node), digest_size=8).digest())


def load(participants: int, costs: Costs) -> float:
    """CPU a second of a call."""
    changes = participants * ACTIVE * RATE
    return participants * costs.quiet + changes * (participants - 1) * costs.change


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--participants", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    costs, chance = read_costs(), random.Random(options.seed)
    mean = sum(size * of for size, of in SIZES) / sum(of for _, of in SIZES)
    kinds, weights = zip(*SIZES, strict=True)
    sizes = chance.choices(kinds, weights, k=round(options.participants / mean))
    whole = sum(load(size, costs) for size in sizes)
    count = int(whole / ROOM) + 1
    nodes = range(count)
    served: list[list[int]] = [[] for _ in nodes]
    for call, size in enumerate(sizes):
        served[node_of(call, nodes)].append(size)
    loads = sorted(sum(load(size, costs) for size in calls) for calls in served)
    people = sorted(map(sum, served))
    lost = max(served, key=sum)
    each = sum(lost) / (count - 1)
    print(f"seed {options.seed}: {sum(sizes):,} participants in {len(sizes):,} calls")
    print(f"{count} nodes of one core, each {ROOM:.0%} busy: {whole:.1f} cores of work")
    print(f"participants of a node: {people[0]:,} to {people[-1]:,}")
    print(f"work of a node: {loads[0]:.0%} to {loads[-1]:.0%} of a core")
    print(f"memory for their connections, at most: {people[-1] * costs.memory / 1e6:,.0f} MB")
    print(f"a node is lost: {sum(lost):,} come back over {BACK:g} s, {each:,.0f} to each other")
    print(f"node, which takes {each * costs.coming / BACK:.1%} of its core meanwhile,")
    print(f"and {max(loads) / (count - 1):.2%} more from then on")
    largest = load(50, costs)
    print(f"a call of 50: {largest:.1%} of a core, so none is too large for a node")


if __name__ == "__main__":
    main()
