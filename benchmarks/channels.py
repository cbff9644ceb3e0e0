"""Data channels: streams of callmesh against the bare channel: `python -m benchmarks.channels`.

Between call pages in Chromium and Python programs, each with each: by a direct path, beside a bare
channel of a peer connection of its own with the same water marks; and by way of the hub, beside a
bare relay on WebSockets. All ways take turns in every round, and each ratio is of one round.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import cursors, facts, page, tables
from benchmarks.all import SCENARIOS
from benchmarks.browser import chromium
from benchmarks.cursors import Cursors
from benchmarks.ends import MODES, SMALL, End, PageEnd
from benchmarks.pairs import LIMITS, PAIRS, Pair, bare_relay, ends
from benchmarks.progress import done, say
from benchmarks.suite import FIGURES as KEPT
from benchmarks.suite import Figures, Part
from callmesh.messages import MAX_PAYLOAD
from tests.processes import hub_process

BULK = MAX_PAYLOAD
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


@dataclass(frozen=True, slots=True)
class Run:
    """One way in one round."""

    bulk: float
    """Bytes that came in a second, in messages of `BULK` bytes."""
    small: float
    """Messages of `SMALL` bytes that came in a second."""
    p50: float
    p99: float
    """Milliseconds there and back, of a message of `SMALL` bytes."""
    one_p50: float
    one_p99: float
    """Milliseconds there, of such a message."""


@dataclass(frozen=True, slots=True)
class Plan:
    rounds: int
    seconds: float
    pings: int
    pairs: tuple[Pair, ...] = PAIRS
    cursors: bool = True


Ways = dict[str, list[Run]]
"""By way, one for each round."""


@dataclass(slots=True)
class Results:
    pairs: dict[str, Ways] = field(default_factory=dict)
    cursors: Cursors | None = None
    clocks: float = 0.0
    """Milliseconds by which the clocks of two ends may be apart, at most."""


# --- measuring


async def flooded(one: End, other: End, way: str, size: int, seconds: float) -> tuple[float, float]:
    """Messages and bytes that came in a second, from when the first one left."""
    sent, since = await one.flood(way, size, seconds)
    whole = not way.endswith("latest")
    came, quiet = -1, 0
    # In mode latest some never come; in mode reliable all do, however long a lost packet takes.
    while came != sent and quiet < (200 if whole else 3):
        await asyncio.sleep(0.1)
        now = await other.count(way)
        quiet = quiet + 1 if now == came else 0
        came = now
    if whole and came != sent:
        raise RuntimeError(f"{way}: {sent} were sent, {came} came")
    found = await other.came(way)
    passed = (found.last - since) / 1000
    return found.messages / passed, found.bytes / passed


async def timed(one: End, other: End, way: str, times: int) -> list[float]:
    """Milliseconds that each message takes, by the clock that both ends have."""
    await one.timed(way, times)
    await asyncio.sleep(0.1)
    late = sorted(await other.late(way))
    if len(late) < times // 2:
        raise RuntimeError(f"{way}: of {times} messages, one at a time, {len(late)} came")
    return late


async def measured(one: End, other: End, way: str, plan: Plan) -> Run:
    _, bulk = await flooded(one, other, way, BULK, plan.seconds)
    small, _ = await flooded(one, other, way, SMALL, plan.seconds)
    trips = sorted(await one.pings(way, plan.pings))
    late = await timed(one, other, way, plan.pings)
    return Run(bulk, small, *_middle_and_worst(trips), *_middle_and_worst(late))


def _middle_and_worst(found: Sequence[float]) -> tuple[float, float]:
    """p50 and p99."""
    return found[len(found) // 2], found[int(len(found) * 0.99)]


async def measure(one: End, other: End, plan: Plan, pair: Pair) -> Ways:
    ways = [*dict.fromkeys(pair.ways.values()), *pair.ways]
    found: Ways = {way: [] for way in ways}
    for round_ in range(-1, plan.rounds):  # the first one warms up
        for way in ways if round_ % 2 else reversed(ways):
            say(f"{pair}, round {round_ + 1} of {plan.rounds}: {way}")
            run = await measured(one, other, way, plan if round_ >= 0 else Plan(1, 0.3, 20))
            if round_ >= 0:
                found[way].append(run)
    return found


async def clocks_apart(*both: End) -> float:
    """By how many milliseconds the clocks of these ends may differ."""
    apart = [await end.clock() for end in both if isinstance(end, PageEnd)]
    return max((abs(ahead) + by for ahead, by in apart), default=0.0)


async def run(plan: Plan) -> Results:
    found = Results()
    with (
        tempfile.TemporaryDirectory(prefix="callmesh-bench-") as data,
        hub_process(Path(data, "a"), limits={}, apps=(cursors.APP,)) as hub,
        hub_process(Path(data, "b"), limits=LIMITS) as relaying,
        bare_relay() as relay,
    ):
        async with chromium() as browser:
            for pair in plan.pairs:
                by = relaying if pair.relayed else hub
                async with ends(pair, browser, by, relay) as (one, other):
                    found.clocks = max(found.clocks, await clocks_apart(one, other))
                    found.pairs[str(pair)] = await measure(one, other, plan, pair)
            if plan.cursors:
                found.cursors = await cursors.measure(browser, hub.call("cursors"), plan.rounds, 5)
    return found


# --- telling

FIGURES = (
    ("bulk", f"MB/s in messages of {BULK // 1024} KiB", 1e6, 1),
    ("small", f"messages/s of {SMALL} bytes", 1, 0),
    ("p50", "there and back, p50 ms", 1, 2),
    ("p99", "there and back, p99 ms", 1, 2),
    ("one_p50", "one way, p50 ms", 1, 2),
    ("one_p99", "one way, p99 ms", 1, 2),
)


def markdown(results: Results) -> str:
    parts = [_pair(pair, results.pairs[str(pair)]) for pair in PAIRS if str(pair) in results.pairs]
    if results.cursors is not None:
        parts.append(cursors.markdown(results.cursors))
    parts.append(f"The clocks of two ends were at most {results.clocks:.1f} ms apart.")
    return "\n\n".join(parts)


def _pair(pair: Pair, ways: Ways) -> str:
    rows = [
        [mode, name, *_compared(ways[bare], ways[ours], figure, unit, digits)]
        for mode, (ours, bare) in zip(MODES, pair.ways.items(), strict=True)
        for figure, name, unit, digits in FIGURES
    ]
    beside = "bare relay" if pair.relayed else "bare channel"
    return tables.table(["mode", str(pair), beside, "callmesh", "ratio (least–most)"], rows)


def ratios(pair: Pair, ways: Ways) -> list[dict[str, float]]:
    """How callmesh stands to the bare channel in each round, in bytes and in messages a second."""
    return [
        {
            f"{mode} {figure}": getattr(ways[ours][n], figure) / getattr(ways[bare][n], figure)
            for mode, (ours, bare) in zip(MODES, pair.ways.items(), strict=True)
            for figure in ("bulk", "small")
        }
        for n in range(len(next(iter(ways.values()))))
    ]


def _compared(
    bare: Sequence[Run], ours: Sequence[Run], figure: str, unit: float, digits: int
) -> list[str]:
    one = [getattr(run, figure) for run in bare]
    other = [getattr(run, figure) for run in ours]
    ratios = sorted(
        mine / theirs if theirs else 0.0 for mine, theirs in zip(other, one, strict=True)
    )
    cells = [f"{statistics.median(values) / unit:,.{digits}f}" for values in (one, other)]
    middle = statistics.median(ratios)
    return [*cells, f"{middle:.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"]


def main(given: Sequence[str] | None = None) -> None:
    names = {str(pair): pair for pair in PAIRS}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.channels", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each flood")
    parser.add_argument("--pings", type=int, default=200)
    parser.add_argument("--pair", choices=names, action="append", help="only this one")
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--page", action="store_true", help="put the tables into docs")
    chosen = parser.parse_args(given)
    about = facts.gather()
    pairs = tuple(names[name] for name in chosen.pair or names)
    plan = Plan(chosen.rounds, chosen.seconds, chosen.pings, pairs, not chosen.pair)
    results = asyncio.run(run(plan))
    done()
    text = f"{markdown(results)}\n\n{tables.described(about)}\n"
    sys.stdout.write(text)
    if chosen.json:
        every = {"facts": asdict(about), **asdict(results)}
        chosen.json.write_text(json.dumps(every, indent=1))
    if chosen.page:  # the goals, which are beside all others, are of direct paths
        figures = Figures.read(KEPT)
        direct = {str(pair): ratios(pair, results.pairs[str(pair)])
                  for pair in pairs if not pair.relayed}  # fmt: skip
        figures["channels"] = Part(about, direct)
        figures.write(KEPT)
        page.render(figures, SCENARIOS)
    if chosen.page and not tables.put_into(PAGE, text, "benchmarks/channels"):
        raise SystemExit(f"the markers of benchmarks/channels are not in {PAGE}")


if __name__ == "__main__":
    main()
