"""The hybrid clock: microseconds since the epoch, never backwards, never behind what was seen."""

MICROSECONDS = 1_000_000
AHEAD = 5 * MICROSECONDS
"""How far ahead of its own clock a hub takes a write."""
FOLLOWING = 100
"""How far beyond the largest time accepted it takes one: room for writes in flight."""
MAX_JUMPS = 16
"""Jumps of a clock that are remembered."""


class HybridClock:
    """Stamps writes. Time is an argument: `now` is the local clock in microseconds."""

    def __init__(self) -> None:
        self.offset = 0
        """What to add to the local clock to read the hub's, learnt at joining."""
        self.seen = 0
        """The largest time heard of."""
        self.given = 0
        """The largest time given out."""
        self._jumps: list[int] = []
        """What had been given out before each jump ahead, the latest last."""

    def set_by(self, hub_time: int, now: int) -> None:
        """Learn the hub's time.

        What was given out so far ahead that no hub takes it counts no longer; no other time is
        given out twice.
        """
        self.offset = hub_time - now
        while self.given > max(hub_time + AHEAD, self.seen + FOLLOWING):
            self.given = self._jumps.pop() if self._jumps else hub_time - 1

    def hub_time(self, now: int) -> int:
        """The hub's clock, as far as it is known here."""
        return now + self.offset

    def saw(self, time: int) -> None:
        if time > self.seen:
            self.seen = time

    def stamp(self, now: int) -> int:
        """The time of a new write: `max(now, largest seen + 1)`, and later than the one before."""
        self.follow(max(self.hub_time(now), self.seen + 1, self.given + 1))
        return self.given

    def follow(self, time: int) -> None:
        """What is stamped next is later than `time`, also once `set_by` has taken a jump back."""
        if time <= self.given:
            if self._jumps:
                self._keep(time)
            return
        if time - self.given > AHEAD:
            self._keep(self.given)
        self.given = time

    def _keep(self, time: int) -> None:
        """Remember that it was given out; of those that lie close together the last one does."""
        before = [other for other in self._jumps if other < time]
        after = [other for other in self._jumps if other > time]
        if before and time - before[-1] <= AHEAD:
            before.pop()
        self._jumps = [*before, time, *after][-MAX_JUMPS:]
