"""How figures read: Markdown, and its place in a page."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.facts import Facts


def put_into(page: Path, text: str, name: str = "benchmarks/state") -> bool:
    """Replace what stands between the markers of that name; False if they are not there."""
    replaced = with_part(page.read_text(), text, name)
    if replaced is not None:
        page.write_text(replaced)
    return replaced is not None


def with_part(page: str, text: str, name: str) -> str | None:
    """The same of a page that was read; None if they are not there."""
    before, begin, rest = page.partition(f"<!-- {name} -->")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    return f"{before}{begin}\n{text}{end}{after}" if begin and end else None


def described(facts: Facts) -> str:
    return (
        f"{facts.date}, commit {facts.commit}, {facts.cores} × {facts.processor}, "
        f"{facts.memory / 2**30:.0f} GiB, {facts.system}, Python {facts.python}, "
        f"Node {facts.node}{', ' if facts.browser else ''}{facts.browser}; "
        f"load before: {facts.load:.1f}. Ratios travel, absolute values do not."
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown: the first column to the left, the others to the right."""
    rule = ["---", *("--:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])


def mark(reached: bool) -> str:
    return "✓" if reached else "✗"


def spread(values: Sequence[float], digits: int = 0) -> str:
    least, most = min(values), max(values)
    return f"{statistics.median(values):,.{digits}f} ({least:,.{digits}f}–{most:,.{digits}f})"
