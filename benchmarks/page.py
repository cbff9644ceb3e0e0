"""What was measured, as it stands in docs/performance.md: goals, plots and tables.

Everything is made of the file of figures, so a scenario that was measured anew changes its part.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import plots
from benchmarks.facts import Facts
from benchmarks.joins import WRITES
from benchmarks.plots import Axis
from benchmarks.servers import ROOT, SAVING
from benchmarks.suite import Figures, Part, Scenario, shown
from benchmarks.tables import described, mark, table, with_part

PAGE = ROOT / "docs" / "performance.md"
FOLDER = ROOT / "docs" / "performance"


@dataclass(frozen=True, slots=True)
class Section:
    """Of the page: what stands between its markers."""

    scenarios: tuple[str, ...]
    plots: tuple[str, ...] = ()


FANOUT = ("4", "16", "64", "250x4", "one writer", "saturated")
SECTIONS = {
    "fanout": Section(FANOUT, ("cpu", "latency")),
    "newcomers": Section(("newcomers", "page"), ("newcomers",)),
    "stalled": Section(("stalled",), ("stalled",)),
    "many": Section(("storm", "idle 1000", "idle 10000", "restart")),
    "streams": Section(("latest", "reliable", "reliable flood")),
    "kills": Section(("kills",)),
}


def render(figures: Figures, scenarios: Sequence[Scenario]) -> None:
    """Put all that there is into the page and beside it."""
    for file, text in rendered(figures, scenarios).items():
        file.write_text(text)


def rendered(figures: Figures, scenarios: Sequence[Scenario]) -> dict[Path, str]:
    """The page and its plots, by file. Raises `RuntimeError` if the page lacks a place."""
    pictures = {name: made for name, draw in PLOTS.items() if (made := draw(figures))}
    texts = {"goals": goals(figures)}
    for name, section in SECTIONS.items():
        texts[name] = _section(section, figures, scenarios, pictures)
    page = PAGE.read_text()
    for name, text in texts.items():
        replaced = with_part(page, text, f"benchmarks/{name}")
        if replaced is None:
            raise RuntimeError(f"there is no place for benchmarks/{name} in {PAGE}")
        page = replaced
    return {PAGE: page, **{FOLDER / f"{name}.svg": made.svg for name, made in pictures.items()}}


@dataclass(frozen=True, slots=True)
class Picture:
    svg: str
    says: str
    """For who does not see it."""


def _section(
    section: Section,
    figures: Figures,
    scenarios: Sequence[Scenario],
    pictures: dict[str, Picture],
) -> str:
    shows = [
        f"![{pictures[name].says}]({FOLDER.name}/{name}.svg)\n"
        for name in section.plots
        if name in pictures
    ]
    tables = [
        f"{shown(s, figures[s.name])}\n{_when(figures[s.name])}\n"
        for s in scenarios
        if s.name in section.scenarios and s.name in figures
    ]
    if shows and tables:  # the picture says it; who wants to know more unfolds it
        tables = ["<details><summary>The figures</summary>\n", *tables, "</details>\n"]
    return "\n".join([*shows, *tables])


def _when(part: Part) -> str:
    facts = part.facts
    return f"<sub>{facts.date}, commit {facts.commit}; load before: {facts.load:.1f}</sub>"


# --- the goals


def goals(figures: Figures) -> str:
    """Every number that the design sets, and how it stands."""
    rows = [row for make in GOALS for row in make(figures)]
    head = ["goal", "callmesh", "best peer", "the limit¹", "to reach", ""]
    text = f"""{table(head, rows)}

¹ A bare relay or sender on picows, which keeps nothing.

² One round.
"""
    latest = max((part.facts for part in figures.values()), key=lambda f: f.date, default=None)
    return f"{text}\n{described(latest)}\n" if latest else text


NOTHING = Part(Facts())
Rows = Iterator[list[str]]


def _once(part: Part) -> str:
    """What marks a figure that has no spread."""
    return "" if len(part.runs["callmesh"]) > 1 else "²"


def _against(
    scenario: str, field: str, what: str, times: float, unit: float, said: str,
    choose: Callable[..., str] = min,
) -> Callable[[Figures], Rows]:  # fmt: skip
    """One figure that is to be so many times the best peer's: at most, or with `max` at least."""

    def text(value: float) -> str:
        return f"{value / unit:.3g} {said}"

    def rows(figures: Figures) -> Rows:
        part = figures.get(scenario, NOTHING)
        ours, best = part.middle("callmesh", field), part.best_peer(field, choose)
        if ours is None or best is None:
            return
        bare = part.middle("relay on picows", field)
        reached = ours <= times * best[1] if choose is min else ours >= times * best[1]
        yield [
            what, f"{text(ours)}, {ours / best[1]:.2f} ×{_once(part)}",
            f"{text(best[1])} ({best[0]})",
            text(bare) if bare else "–",
            f"{'≤' if choose is min else '≥'} {times} × the best peer", mark(reached),
        ]  # fmt: skip

    return rows


def _most(
    scenario: str, field: str, what: str, most: float, unit: float, said: str, digits: int = 1,
    limit: str = "relay on picows",
) -> Callable[[Figures], Rows]:  # fmt: skip
    """One figure that is to be no more than that."""

    def text(value: float) -> str:
        return f"{value / unit:,.{digits}f} {said}"

    def rows(figures: Figures) -> Rows:
        part = figures.get(scenario, NOTHING)
        ours, best = part.middle("callmesh", field), part.best_peer(field)
        if ours is None:
            return
        bare = part.middle(limit, field)
        yield [
            what, text(ours) + _once(part), f"{text(best[1])} ({best[0]})" if best else "–",
            text(bare) if bare is not None else "–", f"≤ {most:g} {said}",
            mark(ours / unit <= most),
        ]  # fmt: skip

    return rows


def _in_step(figures: Figures) -> Rows:
    for scenario, who in (("newcomers", "a newcomer has it all"), ("page", "a browser is in step")):
        part = figures.get(scenario, NOTHING)
        few, many = (part.middle("callmesh", f"ms {writes}") for writes in (WRITES[0], WRITES[-1]))
        if few and many:
            best = part.best_peer(f"ms {WRITES[-1]}")
            yield [
                f"time until {who}, after 10⁶ writes against 20",
                f"{many / few:.2f} × ({few:.1f} → {many:.1f} ms){_once(part)}",
                f"{best[1]:.0f} ms ({best[0]})" if best else "–", "–", "≤ 1.2 ×",
                mark(many <= 1.2 * few),
            ]  # fmt: skip


def _stalled(figures: Figures) -> Rows:
    part = figures.get("stalled", NOTHING)
    ours, best = part.middle("callmesh", "most"), part.best_peer("most")
    if ours is not None and best:
        run, other = part.runs["callmesh"][-1], part.runs[best[0]][-1]
        fine = run["kicked"] == "no" and run["right"] == "yes"
        woke = "current when it wakes" if fine else "put out, or not right"
        put_out = "" if other["kicked"] == "no" else ", and put out"
        yield [
            f"held at most for a reader stalled {run['seconds']:.0f} s under 2 MB/s",
            f"{ours / 1e6:.2f} MB, {woke}{_once(part)}",
            f"{best[1] / 1e6:.0f} MB{put_out} ({best[0]})", "–", "≤ 1 MB, not kicked",
            mark(fine and ours <= 1e6),
        ]  # fmt: skip


def _channels(figures: Figures) -> Rows:
    """The pair of ends and the mode in which it is the least."""
    part = figures.get("channels", NOTHING)
    for field, what in (("bulk", "bytes"), ("small", "small messages")):
        ratios = {
            (pair, mode): ratio
            for pair in part.runs
            for mode in ("reliable", "latest")
            if (ratio := part.middle(pair, f"{mode} {field}")) is not None
        }
        if ratios:
            pair, mode_ = least = min(ratios, key=ratios.__getitem__)
            yield [
                f"data channel against the bare one, {what} per second, least of all pairs",
                f"{ratios[least]:.2f} × ({pair}, `{mode_}`)", "–", "1 ×", "≥ 0.9 ×",
                mark(ratios[least] >= 0.9),
            ]  # fmt: skip


def _kills(figures: Figures) -> Rows:
    part = figures.get("kills")
    if part and "callmesh" in part.runs:
        run = part.runs["callmesh"][-1]
        peers = [
            f"{other['lost']:,} of {other['acknowledged']:,} ({name})"
            for name, runs in part.runs.items()
            for other in runs
            if name != "callmesh" and "lost" in other
        ]
        yield [
            f"acknowledged writes lost in {run['kills']} × `kill -9`",
            f"{run['lost']:,} of {run['acknowledged']:,}{_once(part)}",
            ", ".join(peers) or "–", "–", "0", mark(run["lost"] == 0),
        ]  # fmt: skip


GOALS: Sequence[Callable[[Figures], Rows]] = (
    _against("16", "micros", "CPU per delivered update, 16 × 10/s", 0.6, 1, "µs"),
    _against("64", "micros", "the same, 64 × 10/s", 0.4, 1, "µs"),
    _against("250x4", "micros", "the same, 250 calls × 4 × 5/s", 0.7, 1, "µs"),
    _most("64", "p99", "p99 at 64 × 10/s", 10, 1, "ms"),
    _most("250x4", "memory", "resident memory, 250 calls × 4", 80, 1e6, "MB", 0),
    _against("saturated", "per_second", "saturated, 64 in a call", 1.5, 1e6, "M/s", max),
    _most("newcomers", "bytes 1000000", "bytes to a newcomer after 10⁶ writes", 4, 1e3, "kB"),
    _in_step,
    _most("newcomers", "added 1000000", "hub memory added by 10⁶ writes", 1, 1e6, "MB"),
    _most("storm", "cpu", "100 join a 1 MB call at once: CPU", 60, 1, "ms", 0,
          "bare send on picows"),
    _most("idle 1000", "each", "memory per idle connection, of 1,000", 25, 1e3, "kB"),
    _most("idle 10000", "each", "memory per idle connection, of 10,000", 25, 1e3, "kB"),
    _stalled,
    _kills,
    _channels,
)  # fmt: skip


# --- the plots


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 1 else f"{value:.1f}"


def _span(value: float) -> str:
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{_number(value)} ms"


def _bytes(value: float) -> str:
    for unit, name in ((1e6, "MB"), (1e3, "kB")):
        if abs(value) >= unit:
            return f"{value / unit:,.{0 if value >= 10 * unit else 1}f} {name}"
    return f"{value:.0f} B"


def _told(values: dict[str, str]) -> str:
    return ", ".join(f"{server} {value}" for server, value in values.items())


def _panels(figures: Figures, *names: str) -> dict[str, dict[str, tuple[float, ...]]]:
    """Of every scenario of fan-out and every server: those figures, where none is nothing."""
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    for scenario in FANOUT:
        if part := figures.get(scenario):
            values = {s: [part.middle(s, name) for name in names] for s in part.runs}
            panel = {s: tuple(v for v in given if v) for s, given in values.items()}
            found[_named(scenario)] = {s: v for s, v in panel.items() if len(v) == len(names)}
    return found


def _told_all(panels: plots.Panels, said: Callable[[float], str]) -> str:
    """Of callmesh and the best of the peers; all of it is in the table below."""
    told = {}
    for name, panel in panels.items():
        peers = [s for s in panel if s in SAVING and s != "callmesh"]
        shown = [*(["callmesh"] if "callmesh" in panel else []), min(peers, key=panel.__getitem__)]
        told[name] = _told({s: " and ".join(map(said, panel[s])) for s in shown})
    return "; ".join(f"{name}: {values}" for name, values in told.items())


def _cpu(figures: Figures) -> Picture | None:
    panels = _panels(figures, "micros")
    svg = plots.bars(
        "CPU of the server for each update that reaches somebody",
        "µs, less is better; each panel has a scale of its own; the grey ones keep nothing",
        panels, _number,
    )  # fmt: skip
    says = f"CPU per delivered update in µs. {_told_all(panels, _number)}"
    return Picture(svg, says) if panels else None


def _named(scenario: str) -> str:
    return {
        "4": "4 in a call, 10/s each", "16": "16 in a call, 10/s each",
        "64": "64 in a call, 10/s each", "250x4": "250 calls of 4, 5/s each",
        "one writer": "one of 64 writes 250/s", "saturated": "64 as fast as they can",
    }[scenario]  # fmt: skip


def _latency(figures: Figures) -> Picture | None:
    panels = _panels(figures, "p50", "p99")
    panels.pop(_named("saturated"), None)  # there everything waits, the longer the more is sent
    svg = plots.spans(
        "From writing to arriving: the median, and 99 of 100",
        "small dot p50, large dot and figure p99; one logarithmic scale for all, in ms",
        panels, Axis(0.1, 10_000, (1, 10, 100, 1000), _number, log=True), _span,
    )  # fmt: skip
    says = f"p50 and p99 from writing to arriving. {_told_all(panels, _span)}"
    return Picture(svg, says) if panels else None


def _newcomers(figures: Figures) -> Picture | None:
    part = figures.get("newcomers")
    if part is None:
        return None
    series = {
        server: [(w, v) for w in WRITES if (v := part.middle(server, f"bytes {w}"))]
        for server in part.runs
    }
    svg = plots.curves(
        "What a newcomer is sent, after so many writes over the same 20 keys",
        "bytes against writes, both logarithmic; what is live is the same everywhere", series,
        Axis(WRITES[0], WRITES[-1], WRITES, lambda v: f"{v:,.0f}", log=True),
        Axis(100, 2e7, (100, 1e3, 1e4, 1e5, 1e6, 1e7), _bytes, log=True),
    )  # fmt: skip
    ends = {s: f"{_bytes(p[0][1])} to {_bytes(p[-1][1])}" for s, p in series.items()}
    return Picture(svg, f"Bytes to a newcomer after {WRITES[0]} to 10⁶ writes: {_told(ends)}")


def _held(figures: Figures) -> Picture | None:
    part = figures.get("stalled")
    if part is None:
        return None
    series = {
        server: [(x, max(0.0, y)) for x, y in runs[-1]["over time"]]
        for server, runs in part.runs.items()
    }
    seconds = max(points[-1][0] for points in series.values())
    most = max(y for points in series.values() for _, y in points)
    step = next(s for s in (1e6, 5e6, 1e7, 2.5e7, 5e7, 1e8, 2.5e8) if most / s <= 6)
    high = step * (most // step + 1)
    svg = plots.curves(
        "What a server holds for one reader who reads nothing",
        "memory more than the same server without such a reader, while 2 MB/s are written", series,
        Axis(0, seconds, [seconds * n / 6 for n in range(7)], lambda v: f"{v:.0f} s"),
        Axis(0, high, [step * n for n in range(round(high / step) + 1)], _bytes),
        {s: ", put out" for s, runs in part.runs.items() if runs[-1]["kicked"] != "no"},
    )  # fmt: skip
    ends = {server: _bytes(points[-1][1]) for server, points in series.items()}
    return Picture(svg, f"Memory held for a stalled reader after {seconds:.0f} s: {_told(ends)}")


PLOTS: dict[str, Callable[[Figures], Picture | None]] = {
    "cpu": _cpu, "latency": _latency, "newcomers": _newcomers, "stalled": _held,
}  # fmt: skip
