"""Scenarios: how they are measured in turns, kept, and shown. `README.md` says what figures mean.

In every round all servers take turns, A-B-C-A-B-C, each a process of its own over an empty folder.
What is kept of a scenario is one part of a file of JSON; to measure it anew replaces that part.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks import facts
from benchmarks.crowd import Plan
from benchmarks.progress import done, say
from benchmarks.servers import KINDS, ROOT, SAVING, Server, install, python
from benchmarks.tables import table

Run: TypeAlias = dict[str, Any]
"""What one server did in one round, by name."""
FIGURES = ROOT / "docs" / "performance" / "figures.json"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of everything."""

    quick: bool = False
    seconds: float | None = None
    """Of each run, where a scenario lets that be chosen."""


@dataclass(frozen=True, slots=True)
class Column:
    """One of a table: the median of a figure, in a unit of `unit`."""

    title: str
    name: str
    digits: int = 1
    unit: float = 1.0
    spread: bool = False
    """Also the least and the most."""

    def of(self, runs: Sequence[Run]) -> str:
        values = sorted(run[self.name] for run in runs if self.name in run)
        if not values:
            return "–"
        if isinstance(values[0], str):
            return values[-1] or "no"
        texts = [f"{v / self.unit:,.{self.digits}f}" for v in values]
        middle = f"{statistics.median(values) / self.unit:,.{self.digits}f}"
        return f"{middle} ({texts[0]}–{texts[-1]})" if self.spread and len(runs) > 1 else middle


GENERATOR = Column("generator", "generator", 2)


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    what: str
    measure: Callable[[str, Path | None, Amount], Run]
    """One server in one round; the path is another source tree of callmesh."""
    columns: Sequence[Column]
    servers: tuple[str, ...] = SAVING
    more: Sequence[Sequence[Column]] = ()
    """Further tables."""
    rounds: int = 3
    guess: float = 20.0
    """Seconds of one server in one round, roughly."""


@dataclass
class Part:
    """What is kept of one scenario."""

    facts: facts.Facts
    runs: dict[str, list[Run]] = field(default_factory=dict)
    """By server."""
    seconds: float = 0.0
    """All of it took."""

    def middle(self, server: str, name: str) -> float | None:
        """The median over the rounds."""
        values = [run[name] for run in self.runs.get(server, ()) if name in run]
        return float(statistics.median(values)) if values else None

    def best_peer(self, name: str, choose: Callable[..., Any] = min) -> tuple[str, float] | None:
        """Of those that save, and its figure."""
        peers = {s: self.middle(s, name) for s in self.runs if s in SAVING and s != "callmesh"}
        found = {server: value for server, value in peers.items() if value is not None}
        if not found:
            return None
        best: str = choose(found, key=found.__getitem__)
        return best, found[best]


class Figures(dict[str, Part]):
    """The parts of all scenarios that were measured."""

    @classmethod
    def read(cls, file: Path) -> "Figures":
        if not file.exists():
            return cls()
        parts = json.loads(file.read_text())
        return cls(
            (name, Part(facts.Facts(**part.pop("facts")), **part)) for name, part in parts.items()
        )

    def write(self, file: Path) -> None:
        """A line for each part, so that one sees which of them changed."""
        file.parent.mkdir(parents=True, exist_ok=True)
        parts = [f"{json.dumps(name)}: {json.dumps(asdict(part))}" for name, part in self.items()]
        file.write_text("{\n" + ",\n".join(parts) + "\n}\n")


# --- a crowd at a server


@dataclass(frozen=True, slots=True)
class Mark:
    """What a server had used at a moment that its crowd named."""

    cpu: float
    memory: int


def crowded(
    server: Server, plan: Plan, look: Callable[[], Mark] | None = None
) -> tuple[list[Mark], dict[str, Any]]:
    """Let a crowd at a server: what it used at each moment, and what the crowd says of it."""
    kind = server.kind
    plan = replace(plan, server=kind.dialect, url=server.url, at_once=kind.at_once)
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
                marks.append(look() if look else Mark(server.cpu(), server.memory()))
    except BaseException:
        crowd.kill()
        raise
    finally:
        crowd.stdout.close()
    if crowd.wait() or not found.get("updates"):
        server.check()
        raise RuntimeError(f"the crowd at {server.kind.name} failed: {server.said()}")
    return marks, found


# --- the command


def main(
    scenarios: Sequence[Scenario], about: str, render: Callable[["Figures"], None] | None = None
) -> None:
    """`render` puts what was measured into the page, where the command has --page."""
    parser = _parser(scenarios, about)
    if render:
        parser.add_argument("--page", action="store_true", help="keep them, and make the page anew")
    options = parser.parse_args()
    if render and options.page:
        options.json = options.json or FIGURES
    figures = Figures.read(options.json) if options.json else Figures()
    chosen = [s for s in scenarios if not options.scenario or s.name in options.scenario]
    if options.missing:
        chosen = [s for s in chosen if s.name not in figures]
    install()
    for part in measured(chosen, options, figures):
        print(part)
        if options.json:
            figures.write(options.json)
        if render and options.page:
            render(figures)


def measured(
    scenarios: Sequence[Scenario], options: argparse.Namespace, figures: Figures
) -> Iterator[str]:
    """Measure one after the other into `figures`; the table of each."""
    amount = Amount(options.quick, options.seconds)
    left = sum(_guess(s, options) for s in scenarios)
    for scenario in scenarios:
        figures[scenario.name] = part = Part(facts.gather())
        began = say(f"{scenario.name}: about {left / 60:.0f} minutes to go")
        for number in range(_rounds(scenario, options)):
            for server in options.server or scenario.servers:
                say(f"{scenario.name}: {server}, round {number + 1}")
                name, _, at = server.partition("@")
                if name not in scenario.servers:
                    continue
                try:
                    run = scenario.measure(name, Path(at) if at else None, amount)
                except (RuntimeError, OSError) as error:
                    if name == "callmesh":
                        raise
                    say(f"{scenario.name}: {server} is left out: {error}")
                else:
                    part.runs.setdefault(server, []).append(run)
        part.seconds = say(f"{scenario.name}: done") - began
        left -= _guess(scenario, options)
        done()
        yield shown(scenario, part)


def _rounds(scenario: Scenario, options: argparse.Namespace) -> int:
    return int(options.rounds or (1 if options.quick else scenario.rounds))


def _guess(scenario: Scenario, options: argparse.Namespace) -> float:
    chosen = [s.partition("@")[0] for s in options.server or scenario.servers]
    servers = sum(name in scenario.servers for name in chosen)
    return servers * _rounds(scenario, options) * scenario.guess * (0.5 if options.quick else 1)


def _parser(scenarios: Sequence[Scenario], about: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=about, allow_abbrev=False)
    names = [scenario.name for scenario in scenarios]
    parser.add_argument("--scenario", action="append", choices=names, help="only this one")
    parser.add_argument(
        "--server", action="append", metavar="NAME", help=f"only this one of {', '.join(KINDS)}; "
        "callmesh@FOLDER is another source tree",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, help="instead of those that each scenario has")
    parser.add_argument("--seconds", type=float, help="of each run, where it has such a length")
    parser.add_argument("--quick", action="store_true", help="one round, and less of all")
    parser.add_argument(
        "--json", type=Path, metavar="FILE",
        help="keep every run in this file, in place of what it has of these scenarios",
    )  # fmt: skip
    parser.add_argument("--missing", action="store_true", help="only what that file does not have")
    return parser


def shown(scenario: Scenario, part: Part) -> str:
    """What was measured of a scenario, as tables."""
    tables = [
        table(
            ["server", *(column.title for column in columns)],
            [[s, *(column.of(runs) for column in columns)] for s, runs in part.runs.items()],
        )
        for columns in (scenario.columns, *scenario.more)
    ]
    rounds = max(map(len, part.runs.values()), default=0)
    many = f"{rounds} rounds" if rounds > 1 else "one round"
    return f"**{scenario.name}** – {scenario.what}; {many}\n\n" + "\n\n".join(tables) + "\n"


def run(
    scenarios: Sequence[Scenario],
    about: str | None,
    render: Callable[[Figures], None] | None = None,
) -> None:
    """As a command. Who ends it ends the servers, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main(scenarios, about or "", render)
