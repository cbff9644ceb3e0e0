"""How figures read: Markdown, and its place in a page."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.facts import Facts


def put_into(page: Path, text: str, name: str = "benchmarks/state") -> bool:
    """Replace what stands between the markers of that name; False if they are not there."""
    before, begin, rest = page.read_text().partition(f"<!-- {name} -->")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not begin or not end:
        return False
    page.write_text(f"{before}{begin}\n{text}{end}{after}")
    return True


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
