"""Own writes on their way to disk, and receipts for those who wait for them."""

from dataclasses import dataclass, field
from typing import TypeAlias

from callmesh.errors import Denied
from callmesh.ids import StateId
from callmesh.state import Entry

Place: TypeAlias = tuple[StateId, str]
Stamp: TypeAlias = tuple[int, str]
"""Time and writer."""


@dataclass(slots=True)
class Pending:
    """An own write that is not saved yet."""

    entry: Entry
    settled: int | None = None
    """The cursor at which the hub was seen to have it."""
    earlier: "list[Pending]" = field(default_factory=list)
    """Older writes of the key, newest first, that were sent and are not saved: the newest that the
    hub has, and the newest that it has not answered. They stand if this one is denied."""
    version: int = 0
    """The state version of the app that it was written for; 0 where that was not said."""
    tries: int = 0
    """How often it was stamped anew, as the clock here was ahead."""

    def is_saved(self, saved: int) -> bool:
        """Whether it is on a disk that has reached `saved`."""
        return self.settled is not None and self.settled <= saved

    def settled_earlier(self) -> "list[Pending]":
        """The older writes that the hub was seen to have."""
        return [own for own in self.earlier if own.settled is not None]


@dataclass(slots=True)
class Receipt:
    """Follows writes to disk. `done` when each was saved, or overtaken by what was; or denied."""

    waiting: dict[Place, tuple[Stamp, int | None]]
    """Stamp, and the cursor at which it was settled."""
    denied: list[Denied] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Whether the hub has answered for each."""
        return all(settled is not None for _, settled in self.waiting.values())

    @property
    def done(self) -> bool:
        return not self.waiting

    def settle(self, place: Place, stamp: Stamp, cursor: int) -> None:
        """The hub has what was written at `stamp`, as of `cursor`."""
        waiting = self.waiting.get(place)
        if waiting is not None and waiting[1] is None and waiting[0] <= stamp:
            self.waiting[place] = (waiting[0], cursor)

    def start_over(self) -> None:
        """The hub may have lost what was settled."""
        for place, (stamp, _) in self.waiting.items():
            self.waiting[place] = (stamp, None)

    def disk(self, saved: int) -> None:
        """The hub's disk has reached `saved`."""
        for place, (_, settled) in list(self.waiting.items()):
            if settled is not None and settled <= saved:
                del self.waiting[place]

    def deny(self, place: Place, stamp: Stamp, why: Denied, *, nothing_left: bool) -> None:
        """The write at `stamp` was not taken, and with it what it had replaced on its way.

        One that had been overtaken before it was denied counts as denied too, if `nothing_left` of
        it could be sent again: what overtook it may yet be lost.
        """
        waiting = self.waiting.get(place)
        if waiting is None or waiting[0] > stamp:
            return
        if waiting[1] is None or nothing_left:
            del self.waiting[place]
            self.denied.append(why)

    def wait_on(self, place: Place, old: Stamp, stamp: Stamp) -> None:
        """What was stamped up to `old` is on its way once more, as of `stamp`."""
        waiting = self.waiting.get(place)
        if waiting is not None and waiting[0] <= old:
            self.waiting[place] = (stamp, None)


def newest_of_each(earlier: list[Pending]) -> list[Pending]:
    """Of those that are settled, and of those that are not, the first."""
    kept: list[Pending] = []
    for pending in earlier:
        if all((pending.settled is None) != (other.settled is None) for other in kept):
            kept.append(pending)
    return kept
