"""What a State costs, as tables."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.cpu import Costs
from benchmarks.facts import Facts
from benchmarks.joining import Size
from benchmarks.memory import Growth
from benchmarks.stalled import PLAN as STALL
from benchmarks.suite import Run
from benchmarks.tables import described, mark, table

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Times:
    """Of several runs, in milliseconds."""

    runs: int
    low: float
    """A quarter took less."""
    median: float
    high: float
    """A quarter took more."""


def times(seconds: Sequence[float]) -> Times | None:
    if len(seconds) < 2:
        return None
    low, median, high = (value * 1e3 for value in statistics.quantiles(seconds, n=4))
    return Times(len(seconds), low, median, high)


@dataclass(frozen=True, slots=True)
class Joined:
    """What joining costs after so many writes. Bytes are medians."""

    writes: int
    bundle: float
    batch: float
    python: Times | None
    browser: Times | None
    page: Times | None


def joined(size: Size) -> Joined:
    return Joined(
        size.writes, statistics.median(size.bundle), statistics.median(size.batch),
        times(size.python), times(size.browser), times(size.page),
    )  # fmt: skip


@dataclass
class Results:
    facts: Facts
    joins: list[Joined] = field(default_factory=list)
    growth: Growth | None = None
    stall: Run | None = None
    cpu: dict[str, dict[int, Costs]] = field(default_factory=dict)


def markdown(results: Results) -> str:
    parts = []
    goals = [*_join_goals(results.joins), *_hub_goals(results)]
    if goals:
        parts.append(table(["State", "measured", "goal", ""], goals))
    if results.joins:
        parts.append(_joins(results.joins))
    if results.growth:
        parts.append(_growth(results.growth))
    if results.stall:
        parts.append(_stall(results.stall))
    if results.cpu:
        parts.append(_cpu(results.cpu))
    return "\n\n".join([*parts, described(results.facts)]) + "\n"


# --- the goals


def _join_goals(joins: Sequence[Joined]) -> Iterator[list[str]]:
    if not joins:
        return
    few, many = joins[0], joins[-1]
    after = f"after {many.writes:,} writes over 20 keys"
    yield [
        f"bytes to a newcomer {after}",
        f"{many.bundle:,.0f} ({few.bundle:,.0f} after {few.writes})",
        "≤ 4,000", mark(many.bundle <= 4000),
    ]  # fmt: skip
    for who, one, other in (
        ("Python", many.python, few.python), ("the page in Chromium", many.browser, few.browser),
    ):  # fmt: skip
        if one and other:
            ratio = one.median / other.median
            yield [
                f"time until {who} is in step, {after} : after {few.writes}",
                f"{ratio:.2f} ({one.median:.1f} ms : {other.median:.1f} ms)",
                "≤ 1.2", mark(ratio <= 1.2),
            ]  # fmt: skip


def _hub_goals(results: Results) -> Iterator[list[str]]:
    if results.growth:
        few, many = results.growth.looks[0], results.growth.looks[-1]
        added = many.memory.rss - few.memory.rss
        yield [
            f"memory of the hub, {many.writes:,} writes over 20 keys against {few.writes}",
            f"{_mib(added, sign=True)}", "≤ 1 MiB", mark(added <= MIB),
        ]  # fmt: skip
    if stall := results.stall:
        much, rate = stall["held"], stall["written"] / 1e6
        fine = much <= MIB and stall["kicked"] == "no" and stall["right"] == "yes"
        yield [
            f"held for a reader stalled {stall['seconds']:.0f} s under {rate:.1f} MB/s",
            f"{_mib(much)}, {_outcome(stall)}", "≤ 1 MiB, not kicked, current", mark(fine),
        ]  # fmt: skip


def _outcome(stall: Run) -> str:
    if stall["kicked"] != "no":
        return f"kicked ({stall['kicked']})"
    return f"current {stall['current']:.0f} ms after waking"


# --- the details


def _joins(joins: Sequence[Joined]) -> str:
    def row(name: str, times: Sequence[Times | None]) -> list[str]:
        return [name, *(_time(found) for found in times)]

    rows = [
        ["bytes of the first bundle", *(f"{j.bundle:,.0f}" for j in joins)],
        ["of these the state", *(f"{j.batch:,.0f}" for j in joins)],
        row("Python in step", [j.python for j in joins]),
        row("Chromium in step", [j.browser for j in joins]),
        row("of this the page's own work", [j.page for j in joins]),
    ]
    heads = [f"{j.writes:,} writes" for j in joins]
    return table(["joining after", *heads], rows)


def _growth(growth: Growth) -> str:
    rows = [
        [
            name, _mib(look.memory.rss), _mib(look.memory.pss), _mib(look.memory.uss),
            f"{look.disk.database / 1024:,.0f} KiB", f"{look.disk.log / 1024:,.0f} KiB",
        ]
        for name, look in [
            (f"new process, {growth.new.writes}", growth.new),
            *((f"{look.writes:,}", look) for look in growth.looks),
        ]
    ]  # fmt: skip
    return table(["hub after writes", "RSS", "PSS", "USS", "database", "its log"], rows)


def _stall(stall: Run) -> str:
    rows = [
        ["live values in the call", f"{STALL.keys * STALL.size / 1024:,.0f} KiB"],
        ["written meanwhile", f"{stall['written'] * stall['seconds'] / 1e6:,.0f} MB"],
        ["held by the hub, median / most", f"{_mib(stall['held'])} / {_mib(stall['most'])}"],
        ["held by the kernel, at most (socket buffers)", _mib(stall["kernel"])],
        ["received after waking", _mib(stall["received"])],
        ["current after", f"{stall['current']:.0f} ms" if stall["kicked"] == "no" else "never"],
        ["kicked", stall["kicked"]],
    ]
    return table([f"reader stalled for {stall['seconds']:.0f} s", ""], rows)


STAGES = {
    "write": "writer: `Mesh.write`, `outgoing`, encode",
    "hub": "hub: decode, `HostedCall.receive`, `take` for two links",
    "read": "reader: decode, `Mesh.batch`",
    "answer": "writer: its own entry comes back",
}


def _cpu(cpu: dict[str, dict[int, Costs]]) -> str:
    columns = [(language, frame) for language, found in cpu.items() for frame in found]
    rows = [
        [name, *(_cost(cpu[language][frame].get(stage)) for language, frame in columns)]
        for stage, name in STAGES.items()
    ]
    heads = [f"{language}, {frame} a frame" for language, frame in columns]
    return table(["CPU per write, µs", *heads], rows)


# --- how things read


def _mib(size: float, *, sign: bool = False) -> str:
    return f"{size / MIB:{'+' if sign else ''}.2f} MiB"


def _time(found: Times | None) -> str:
    return f"{found.median:.1f} ms ({found.low:.1f}–{found.high:.1f})" if found else "–"


def _cost(micros: float | None) -> str:
    return "–" if micros is None else f"{micros:.1f}"
