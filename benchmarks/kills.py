"""What is lost when a server is killed after a burst: `python -m benchmarks.kills`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import suite
from benchmarks.crowd import Plan
from benchmarks.servers import running
from benchmarks.suite import Amount, Column, Mark, Run, Scenario

KILLS = 20
BURST = Plan(does="burst", keys=500)
LOOK = replace(BURST, does="look", warm=3)
"""For so long one waits for more than came at once."""
NO_WORD = ("y-websocket", "pycrdt-websocket")
"""They do not tell a writer that they have got anything."""


def kills(name: str, at: Path | None, amount: Amount) -> Run:
    """Each time another room, over the same folder."""
    run: Run = {"kills": 3 if amount.quick else KILLS, "seen": 0, "seen_lost": 0}
    if name not in NO_WORD:
        run |= {"acknowledged": 0, "lost": 0}
    with running(name, at) as server:
        for number in range(run["kills"]):
            room = f"room{number}"
            plan = replace(BURST, room=room, pid=server.process.pid)
            _, burst = suite.crowded(server, plan, lambda: Mark(0, 0))
            server.process.wait()
            server.start()
            _, found = suite.crowded(server, replace(LOOK, room=room))
            run["seen"] += burst["seen"]
            run["seen_lost"] += max(0, burst["seen"] - found["there"])
            if name not in NO_WORD:
                run["acknowledged"] += burst["acknowledged"]
                run["lost"] += max(0, burst["acknowledged"] - found["there"])
    return run


SCENARIOS: Sequence[Scenario] = [
    Scenario(
        "kills", "`kill -9` within 0.2 s after a burst of 500 writes, and a start over its folder",
        kills,
        [
            Column("kills", "kills", 0), Column("acknowledged", "acknowledged", 0),
            Column("of these lost", "lost", 0), Column("seen by another", "seen", 0),
            Column("of these lost", "seen_lost", 0),
        ],
        rounds=1, guess=100,
    )
]  # fmt: skip

if __name__ == "__main__":
    suite.run(SCENARIOS, __doc__)
