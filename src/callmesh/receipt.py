"""Own writes on their way to disk, and receipts for those who wait for them."""

from dataclasses import dataclass, field
from typing import TypeAlias

from callmesh.errors import Denied
from callmesh.ids import StateId
from callmesh.state import Entry

Place: TypeAlias = tuple[StateId, str]
Stamp: TypeAlias = tuple[int, str]
"""Time and writer."""


@dataclass(slots=True, eq=False)
class Transaction:
    """Own writes that the hub takes or denies as one."""

    writes: "dict[Place, Pending]" = field(default_factory=dict)
    latest: int = 0
    """Of how many keys it has the latest own write. It is kept whole, and sent again whole, as long
    as there is one."""
    sent: int = 0
    """The how manieth it was to be sent last; 0 while it has to be."""
    tries: int = 0
    """How often it was stamped anew, as the clock here was ahead."""

    @property
    def stamp(self) -> Stamp:
        """Which all of it have alike."""
        return next(iter(self.writes.values())).entry.stamp

    @property
    def settled(self) -> bool:
        return all(own.settled is not None for own in self.writes.values())


@dataclass(slots=True, eq=False)
class Pending:
    """An own write that is not saved yet."""

    entry: Entry
    transaction: Transaction
    settled: int | None = None
    """The cursor at which the hub was seen to have it, or something newer."""
    version: int = 0
    """The state version of the app that it was written for; 0 where that was not said."""

    def is_saved(self, saved: int) -> bool:
        """Whether it is on a disk that has reached `saved`."""
        return self.settled is not None and self.settled <= saved


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

    def wait_on(self, place: Place, old: Stamp, latest: Pending) -> None:
        """What was stamped up to `old` is on its way once more, or what has overtaken it is."""
        waiting = self.waiting.get(place)
        if waiting is not None and waiting[0] <= old:
            self.waiting[place] = (latest.entry.stamp, latest.settled)


def worth_keeping(own: list[Pending]) -> list[Pending]:
    """Of the writes of one key, newest first, those that are sent again or stand if it is denied.

    The latest, what belongs to a transaction that is kept whole, and the newest of those that the
    hub has and of those that it has not answered.
    """
    kept: list[Pending] = []
    for number, pending in enumerate(own):
        first = all((pending.settled is None) != (p.settled is None) for p in own[1:number])
        if number == 0 or pending.transaction.latest or first:
            kept.append(pending)
    return kept
