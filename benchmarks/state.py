"""What a State costs: joining after N writes, memory, a stalled reader, CPU per write.

    .venv/bin/python -m benchmarks.state --quick

`README.md` beside this says what each figure means.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.browser import call_page
from benchmarks.cpu import costs
from benchmarks.facts import ROOT, gather
from benchmarks.hub import running_hub
from benchmarks.joining import Size, browse_in_turn, join_in_turn, prepared
from benchmarks.joins import after
from benchmarks.memory import grow
from benchmarks.progress import done
from benchmarks.report import Results, joined, markdown
from benchmarks.servers import install
from benchmarks.stalled import stall
from benchmarks.suite import Amount, Run, Scenario
from benchmarks.tables import put_into

README = ROOT / "README.md"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    sizes: tuple[int, ...]
    joins: int
    pages: int
    stall: float
    """Seconds."""
    repetitions: int


FULL = Plan((20, 1_000, 10_000, 100_000, 1_000_000), joins=60, pages=30, stall=60, repetitions=100)
QUICK = Plan((20, 1_000, 10_000, 100_000), joins=20, pages=7, stall=10, repetitions=30)


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    partly = options.quick or options.only or options.no_browser or options.stall is not None
    if options.readme and partly:
        parser.error("the README shows whole runs: no other choice goes with --readme")
    results = asyncio.run(_measure(options))
    text = markdown(results)
    done()
    print(text, end="")
    if options.json:
        options.json.write_text(json.dumps(asdict(results), indent=2) + "\n")
    if options.readme and not put_into(README, text):
        print(f"{README} has no place for it", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.state",
        description="Measure what a State costs, against a hub in a process of its own.",
    )
    parser.add_argument("--quick", action="store_true", help="a minute instead of four")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--stall", type=float, metavar="SECONDS",
        help=f"how long the reader stalls ({FULL.stall:.0f}, quick {QUICK.stall:.0f})",
    )  # fmt: skip
    parser.add_argument("--no-browser", action="store_true", help="leave Chromium out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument(
        "--readme", action="store_true", help="put the tables into README.md, between its markers"
    )
    return parser


async def _measure(options: argparse.Namespace) -> Results:
    plan = QUICK if options.quick else FULL
    results = Results(gather())
    for name, part in PARTS.items():
        if not options.only or name in options.only:
            await part(results, plan, options)
    return results


async def _join(results: Results, plan: Plan, options: argparse.Namespace) -> None:
    with running_hub() as hub:
        async with prepared(hub, plan.sizes) as sizes:
            await join_in_turn(sizes, plan.joins)
            if not options.no_browser:
                async with call_page() as page:
                    results.facts.browser = page.version if page else ""
                    if page:
                        await browse_in_turn(sizes, page, plan.pages)
            results.joins = [joined(size) for size in sizes]


async def _memory(results: Results, plan: Plan, options: argparse.Namespace) -> None:
    results.growth = await grow(plan.sizes)


async def _stall(results: Results, plan: Plan, options: argparse.Namespace) -> None:
    install()
    seconds = plan.stall if options.stall is None else options.stall
    results.stall = stall("callmesh", None, Amount(seconds=seconds))  # nothing else runs meanwhile


async def _cpu(results: Results, plan: Plan, options: argparse.Namespace) -> None:
    results.cpu = costs(plan.repetitions)


def in_step(name: str, at: Path | None, amount: Amount) -> Run:
    """The call page in Chromium, after few writes and after many; nothing where there is none."""
    sizes = (FULL.sizes[0], (QUICK if amount.quick else FULL).sizes[-1])
    measured = asyncio.run(_in_step(sizes, 7 if amount.quick else FULL.pages))
    run: Run = {}
    for size in measured:
        if size.browser:
            run[f"ms {size.writes}"] = statistics.median(size.browser) * 1000
            run[f"own {size.writes}"] = statistics.median(size.page) * 1000
    return run


async def _in_step(sizes: tuple[int, ...], pages: int) -> list[Size]:
    with running_hub() as hub:
        async with prepared(hub, sizes) as made, call_page() as page:
            if page:
                await browse_in_turn(made, page, pages)
            return made


SCENARIOS = [
    Scenario(
        "page", "the call page in Chromium, after so many writes over 20 keys", in_step,
        [
            *after("ms until in step", "ms", 1, 1, (FULL.sizes[0], FULL.sizes[-1])),
            *after("ms of its own work", "own", 1, 1, (FULL.sizes[0], FULL.sizes[-1])),
        ],
        ("callmesh",), rounds=1, guess=150,
    )
]  # fmt: skip

Part = Callable[[Results, Plan, argparse.Namespace], Awaitable[None]]
PARTS: dict[str, Part] = {"join": _join, "memory": _memory, "stall": _stall, "cpu": _cpu}


if __name__ == "__main__":
    sys.exit(main())
