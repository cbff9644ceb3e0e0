"""The hybrid clock: microseconds since the epoch, never backwards, never behind what was seen."""

MICROSECONDS = 1_000_000


class HybridClock:
    """Stamps writes. Time is an argument: `now` is the local clock in microseconds."""

    def __init__(self) -> None:
        self.offset = 0
        """What to add to the local clock to read the hub's, learnt at joining."""
        self.seen = 0
        """The largest time seen or given out."""

    def set_by(self, hub_time: int, now: int) -> None:
        """Learn the hub's time."""
        self.offset = hub_time - now

    def saw(self, time: int) -> None:
        if time > self.seen:
            self.seen = time

    def stamp(self, now: int) -> int:
        """The time of a new write: `max(now, largest seen + 1)`."""
        self.seen = max(now + self.offset, self.seen + 1)
        return self.seen
