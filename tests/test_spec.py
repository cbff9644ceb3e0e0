"""SPEC.md and the tests hold each other: every rule has a test, every cited rule exists.

A rule is a list item of SPEC.md that starts with its bold id. A test cites it by the id in square
brackets, or several with commas between: in Python in a docstring or a comment, in TypeScript in a
title or a comment.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
RULE = re.compile(r"^- \*\*([A-Z]+\d+)\*\*", re.MULTILINE)
# Not after a name or a bracket: that is an index or a type parameter.
CITATION = re.compile(r"(?<![\w)\]])\[([A-Z]+\d+(?:, ?[A-Z]+\d+)*)\]")


def rules() -> list[str]:
    return RULE.findall((ROOT / "SPEC.md").read_text())


def citing_files() -> Iterator[Path]:
    yield from ROOT.glob("tests/**/*.py")
    for workspace in sorted(ROOT.glob("web/*/tests")):
        yield from workspace.rglob("*.test.ts")
        yield from workspace.rglob("*.test.tsx")


def citations() -> dict[str, set[str]]:
    """The cited ids, each with the files that cite it."""
    cited = defaultdict(set)
    for path in citing_files():
        for match in CITATION.finditer(path.read_text()):
            for rule in re.split(", ?", match[1]):
                cited[rule].add(str(path.relative_to(ROOT)))
    return cited


def test_rule_ids_are_unique() -> None:
    twice = [rule for rule, count in Counter(rules()).items() if count > 1]
    assert not twice, f"SPEC.md uses these ids more than once: {', '.join(twice)}"


def test_every_rule_has_a_test() -> None:
    found = rules()
    assert found, "SPEC.md holds no rules"
    cited = citations()
    missing = [rule for rule in found if rule not in cited]
    assert not missing, f"no test cites these rules of SPEC.md: {', '.join(missing)}"


def test_every_cited_rule_exists() -> None:
    known = set(rules())
    unknown = [
        f"{rule} ({', '.join(sorted(files))})"
        for rule, files in sorted(citations().items())
        if rule not in known
    ]
    assert not unknown, f"cited, but not in SPEC.md: {'; '.join(unknown)}"
