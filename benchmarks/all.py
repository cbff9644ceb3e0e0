"""Everything that is measured of servers, and the page about it: `python -m benchmarks.all --page`.

With --page the figures are kept in docs/performance/figures.json, and the page is made anew after
each scenario; --render makes it without measuring anything.
"""

import sys
from collections.abc import Sequence

from benchmarks import fanout, joins, kills, page, stalled, state, suite
from benchmarks.suite import FIGURES, Figures

SCENARIOS: Sequence[suite.Scenario] = [
    *fanout.SCENARIOS, *joins.SCENARIOS, *state.SCENARIOS, *stalled.SCENARIOS, *kills.SCENARIOS,
]  # fmt: skip


def main() -> int:
    if sys.argv[1:] == ["--render"]:
        page.render(Figures.read(FIGURES), SCENARIOS)
        return 0
    suite.run(SCENARIOS, __doc__, lambda figures: page.render(figures, SCENARIOS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
