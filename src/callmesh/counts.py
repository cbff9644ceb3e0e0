"""What a hub has done since it started: plain numbers, added up where it happens.

Nothing here knows who reads them. Counting costs an addition, so it may stand where every message
passes; `callmesh.metrics` puts the numbers into words when somebody asks.
"""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds up to which a bucket of a histogram reaches; one more has the rest."""


@dataclass(slots=True)
class Histogram:
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


@dataclass(slots=True)
class Commits:
    """What the disk is asked for. Times are seconds of one clock."""

    took: Histogram = field(default_factory=Histogram)
    failures: int = 0
    _waiting: float = 0.0
    """Since when something waits for the next commit; 0 if nothing does."""
    _carried: float = 0.0
    """The same of what the one under way carries."""
    _begun: float = 0.0

    def wanted(self, now: float) -> None:
        self._waiting = self._waiting or now

    def begins(self, now: float) -> None:
        self._begun, self._carried, self._waiting = now, self._waiting, 0

    def failed(self) -> None:
        self.failures += 1
        self._waiting, self._carried = self._carried or self._waiting, 0

    def done(self, now: float) -> None:
        self.took.observe(now - self._begun)
        self._carried = 0

    def nothing(self) -> None:
        """There was nothing to save."""
        self._waiting = 0

    def age(self, now: float) -> float:
        """Seconds that the oldest of what is not saved has waited; 0 if nothing does."""
        oldest = self._carried or self._waiting
        return now - oldest if oldest else 0.0


@dataclass(slots=True)
class Counts:
    joined: Counter[str] = field(default_factory=Counter)
    """By role."""
    refused: Counter[str] = field(default_factory=Counter)
    """Links that came to nothing, by the code of the error."""
    ended: Counter[str] = field(default_factory=Counter)
    """Sessions of those who had joined or waited, by the code of what ended them."""
    accepted: int = 0
    """Transactions that were taken."""
    denied: Counter[str] = field(default_factory=Counter)
    """Transactions that were not, by reason."""
    bundles: int = 0
    """Bundles that left."""
    sent: int = 0
    """Bytes of them."""
    slowed: float = 0.0
    """Seconds that nothing was read from those who went too fast."""
    relayed: int = 0
    """Payload bytes of stream messages that came to go by the hub."""
    webhooks: Counter[str] = field(default_factory=Counter)
    """Tries to tell an endpoint something, by what came of them: `delivered` or `failed`."""
    fetches: Counter[str] = field(default_factory=Counter)
    """What apps fetched, by what came of it: `sent`, `failed`, `unreachable` or `refused`."""
    unprinted: int = 0
    """Lines that Python halves printed, and that were too many for the log."""
    commits: Commits = field(default_factory=Commits)
    lag: Histogram = field(default_factory=Histogram)
    """How late the event loop is, looked at once a second."""
