"""How fast a participant may go: what is beyond a rate waits, and nothing of it is lost."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from callmesh.clock import MICROSECONDS
from callmesh.errors import TooFast
from callmesh.limits import Limits
from callmesh.messages import (
    MAX_PAYLOAD,
    STREAM_WINDOW,
    Command,
    Letter,
    Message,
    Stream,
    Taken,
    Write,
)

ENTRIES = 32
"""Entries that count as one write."""
BYTES = 16 * 1024
"""Bytes that count as one write."""
LETTER = 1024
"""Bytes of somebody else's letter that count as one write: about as many as 32 entries have."""
SMALL = 0.25
"""Of a write: what a message costs that asks little of anybody."""
HEAD = 32
"""Bytes that a stream message counts for besides its payload, for each who gets it.

So does a word of a reader.
"""
AHEAD = STREAM_WINDOW + MAX_PAYLOAD
"""Bytes beyond the rate that are still taken: the window is given back when they are due."""
LONGEST = 10.0
"""Seconds that one wait may take, so that nobody takes it for silence; what is left waits later."""
MAX_KNOWN = 10_000
"""Whose joins are counted at a time."""


class Rate:
    """A bucket that holds `burst` and fills by `per_second`. Times are microseconds."""

    __slots__ = ("_at", "_burst", "_per_second", "left")

    def __init__(self, per_second: float, burst: float, now: int) -> None:
        self._per_second, self._burst = per_second, burst
        self.left = float(burst)
        """What was in it when somebody took from it last; below 0 where they took too much."""
        self._at = now

    def take(self, amount: float, now: int) -> float:
        """Take it all, now; the seconds until the bucket holds something again."""
        passed = max(0, now - self._at) / MICROSECONDS
        self.left = min(self._burst, self.left + passed * self._per_second) - amount
        self._at = now
        return 0.0 if self.left >= 0 else -self.left / self._per_second

    def due(self, now: int, ahead: float = 0.0) -> float:
        """The same when nothing is taken; or until it lacks only so much as may be `ahead`."""
        return self.lacks(now, ahead) / self._per_second

    def lacks(self, now: int, ahead: float = 0.0) -> float:
        """How much it lacks, beyond that."""
        if self.left >= -ahead:
            return 0.0
        self._fill(now)
        return max(0.0, -self.left - ahead)

    def takes(self, now: int) -> bool:
        """Take one if it is there."""
        self._fill(now)
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def _fill(self, now: int) -> None:
        passed = max(0, now - self._at) / MICROSECONDS
        self.left = min(self._burst, self.left + passed * self._per_second)
        self._at = now


class Often:
    """Whether something happens more often than so many times a second, as of the last tenth."""

    __slots__ = ("_count", "_most", "_slot", "is_so")

    def __init__(self, per_second: int) -> None:
        self._most = per_second // 10
        self._slot = self._count = 0
        self.is_so = False

    def note(self, now: int) -> bool:
        """It happens; whether it does so often. `now` is microseconds."""
        slot = now // (MICROSECONDS // 10)
        if slot != self._slot:
            self.is_so = self._count > self._most and slot == self._slot + 1
            self._slot, self._count = slot, 0
        self._count += 1
        return self.is_so


class Pace:
    """What one participant has sent, and how long to wait before the next is taken."""

    def __init__(self, limits: Limits, now: int) -> None:
        self._writes = Rate(limits.writes_per_second, limits.write_burst, now)
        self._relay = Rate(limits.relay_bytes_per_second, 2 * limits.relay_bytes_per_second, now)

    def due(self, now: int) -> float:
        """Seconds until the next bundle may be taken."""
        if self._writes.left >= 0 and self._relay.left >= -AHEAD:
            return 0.0
        return min(LONGEST, max(self._writes.due(now), self._relay.due(now, AHEAD)))

    def owes(self, now: int) -> int:
        """Bytes that were relayed beyond the rate."""
        return int(self._relay.lacks(now))

    def took(self, heard: Sequence[Message], size: int, others: int, now: int) -> None:
        """A bundle of `size` bytes with these messages, in a call with so many `others`."""
        if len(heard) == 1 and type(heard[0]) is Write:
            self._writes.take(_entries(heard[0]) + size / BYTES, now)
            return
        streams = [message for message in heard if isinstance(message, Stream | Taken)]
        relayed = sum(len(stream.payload) for stream in streams if isinstance(stream, Stream))
        heads = sum(min(len(stream.peers), others) or others or 1 for stream in streams)
        cost = _cost(heard) + (size - relayed) / BYTES if heard else SMALL
        if streams:
            self._relay.take(relayed + HEAD * heads, now)
        self._writes.take(cost, now)


def _entries(write: Write) -> float:
    groups = write.groups
    if len(groups) == 1 and len(groups[0].entries) <= ENTRIES:
        return 1.0
    return max(1.0, sum([len(group.entries) for group in groups]) / ENTRIES)


def _cost(heard: Iterable[Message]) -> float:
    """In writes."""
    cost = 0.0
    for message in heard:
        if isinstance(message, Write):
            cost += _entries(message)
        elif isinstance(message, Letter):
            cost += max(1.0, len(message.write) / LETTER)
        elif isinstance(message, Command):
            cost += 1
        elif not isinstance(message, Stream | Taken):
            cost += SMALL
    return cost


class Each:
    """A rate for each person. Those who have done nothing for long are forgotten."""

    def __init__(self, per_second: float, burst: float, why: str) -> None:
        """`why` is what is said to one who goes too fast."""
        self._per_second, self._burst, self._why = per_second, burst, why
        self._known: OrderedDict[str, Rate] = OrderedDict()

    def check(self, who: str, now: int) -> None:
        """Raises `TooFast` for one who does it again and again."""
        rate = self._known.get(who)
        if rate is None:
            rate = self._known[who] = Rate(self._per_second, self._burst, now)
        self._known.move_to_end(who)
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        if not rate.takes(now):
            raise TooFast(self._why)


def joins(limits: Limits) -> Each:
    """How often each person comes in."""
    most = limits.joins_per_minute
    return Each(most / 60, most, "you have come in too often; try again in a minute")
