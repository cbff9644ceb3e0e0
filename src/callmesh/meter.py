"""How fast something goes: what was counted over the last seconds, by a clock that is passed in."""

from collections import deque

from callmesh.clock import MICROSECONDS

WINDOW = 5 * MICROSECONDS
"""Over how long a rate is taken."""
LEAST = MICROSECONDS
"""What goes in a shorter time than this counts as if it had taken so long."""

Counts = tuple[int, int, int, int]
"""Bytes and messages out, bytes and messages in, since the beginning."""
Rates = tuple[float, float, float, float]
"""The same in a second."""
NONE: Counts = (0, 0, 0, 0)


class Meter:
    """Told now and then how far the counts are: nothing is done for a single message."""

    __slots__ = ("_noted",)

    def __init__(self) -> None:
        self._noted: deque[tuple[int, Counts]] = deque()

    def note(self, now: int, counts: Counts) -> None:
        noted = self._noted
        noted.append((now, counts if noted else NONE))
        while len(noted) > 1 and noted[1][0] <= now - WINDOW:
            noted.popleft()

    def rates(self, now: int, counts: Counts) -> Rates:
        since, before = self._noted[0] if self._noted else (now, NONE)
        seconds = max(now - since, LEAST) / MICROSECONDS
        a, b, c, d = (max(0, n - m) / seconds for n, m in zip(counts, before, strict=True))
        return a, b, c, d
