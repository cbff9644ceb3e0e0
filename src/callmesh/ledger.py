"""The ledger: every State of a call in one order of acceptance, with one number per entry.

A write moves its key to the end, so the ledger is as long as there are keys, however often they
were written. Whoever follows needs one integer, the cursor it has reached; the disk does too.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from callmesh.clock import MICROSECONDS
from callmesh.errors import BadInput, StorageFailed
from callmesh.ids import RECORD, StateId, is_presence, is_volatile, is_writer, state_id
from callmesh.state import DELETED, Entry, HeadedState, State, newer
from callmesh.values import MAX_INTEGER, check_key, decode

RENEWED = 3600 * MICROSECONDS
"""How old that which the disk knows of a call's use may grow while somebody is in it."""
USED = 60 * MICROSECONDS
"""The same where something else of it is saved anyway."""
MAX_TOMBSTONES = 10_000
"""Deletes that are remembered of one State; beyond, the older half is let go of."""
PATIENCE = 4
"""How many times as many are, while some link has not got them: it would need a whole batch."""
BLOCK = 2**28
"""How many numbers are set aside on disk at a time, so that none is ever used twice.

Half of it is enough for half a day of presence at full speed, while the disk refuses to set aside
more.
"""


class Record(msgspec.Struct, frozen=True):
    """An accepted entry, its State and its number."""

    number: int
    state: StateId
    entry: Entry


@dataclass(frozen=True, slots=True)
class Kept:
    """What storage holds of a call."""

    records: list[Record]
    reserved: int = 0
    """Every number up to here may have been given out, and lost: none is used again."""
    used: int = 0
    """When somebody was in the call last, or made it: microseconds since the epoch."""
    keep: int = 0
    """Microseconds after which it is deleted when nobody was in it; 0 leaves that to the hub."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What storage has to take in one commit."""

    records: list[Record]
    forgotten: list[tuple[StateId, str]]
    """Registers to delete: collected tombstones, and everything of removed resources."""
    saved: int
    """The number the disk will have reached."""
    reserved: int
    used: int = 0
    keep: int = 0
    """Both as in `Kept`."""
    renews: bool = True
    """Whether the disk has other words than these three yet."""


class Ledger:
    """Starts after every number that an earlier life of the call may have given out.

    It gives out none before the first `flush` has set some aside on disk.
    """

    def __init__(self, kept: Kept | None = None) -> None:
        kept = kept or Kept([])
        self.states: dict[StateId, State] = {}
        self._order: dict[tuple[StateId, str], Record] = {}
        self.number = self.saved = self._horizon = self._reserved = kept.reserved
        self.used = self._used_saved = kept.used
        self.keep = kept.keep
        self.seen = 0
        """The largest time accepted."""
        self.crowded: set[StateId] = set()
        """States that remember too many deletes: see `thin_out`."""
        self._said = (kept.reserved, kept.used, kept.keep)
        """What the disk has of the call besides its records."""
        self._enough: dict[StateId, int] = {}
        """Where it is more than most: how many one may remember before it is looked at again."""
        self._forgotten: dict[tuple[StateId, str], None] = {}
        self._flushing: Delta | None = None
        self.set_aside: list[Record] = []
        """What was kept and makes no sense: it stays on disk as it is, and is not in the call."""
        for record in sorted(kept.records, key=lambda record: record.number):
            if _readable(record):
                self._put(record)
            else:
                self.set_aside.append(record)

    def put_aside(self, state: StateId, key: str) -> None:
        """What was kept there makes no sense to those who know what should be there."""
        self.set_aside.append(self._order.pop((state, key)))
        self.states[state].forget(key)

    def set_apart(self, distance: int) -> None:
        """No numbers could be set aside on disk: give out such as no other life of the call does.

        `distance` is random and large, so that nobody follows from one such life into another.
        Raises `StorageFailed` when there are no more.
        """
        self.number = self._horizon = self.saved + distance
        self._reserved = self.number + BLOCK
        if self._reserved > MAX_INTEGER:
            raise StorageFailed("this call has no more numbers to give out")

    def __len__(self) -> int:
        return len(self._order)

    def state(self, state: StateId) -> State:
        """The registers of one State; an empty one if nothing was ever written there."""
        return self.states.get(state) or State()

    def accept(self, state: StateId, entry: Entry) -> bool:
        """Merge `entry` and number it. False if what is there wins."""
        there = self.states.get(state)
        old = there.entries.get(entry.key) if there is not None else None
        if old is not None and entry.time <= old.time and not newer(entry, old):
            return False
        if self.number >= self._reserved:
            raise StorageFailed("the disk has set no more numbers aside")
        self.number += 1
        self._put(Record(self.number, state, entry))
        if entry.value == DELETED:
            most = self._enough.get(state, MAX_TOMBSTONES)
            if self.states[state].tombstones > most:
                self.crowded.add(state)
        return True

    def _put(self, record: Record) -> None:
        place = (record.state, record.entry.key)
        self._order.pop(place, None)
        self._order[place] = record
        self._forgotten.pop(place, None)
        state = self.states.get(record.state)
        if state is None:
            state = self.states[record.state] = _new_state(record.state)
        state.put(record.entry)
        if record.entry.time > self.seen:
            self.seen = record.entry.time

    def number_of(self, state: StateId, key: str) -> int:
        """The number of the register under `key`, which must exist."""
        return self._order[(state, key)].number

    def follows(self, cursor: int) -> bool:
        """Whether a replica at `cursor` can be brought up to date by what came since.

        Not if the cursor is from an earlier life of the call, which may have lost numbers in a
        crash and has lost its presence; nor if tombstones it has not seen are gone.
        """
        return self._horizon < cursor <= self.number

    def since(self, cursor: int) -> list[Record]:
        """What was accepted after `cursor`, oldest first. Costs what it returns."""
        found: list[Record] = []
        for record in reversed(self._order.values()):
            if record.number <= cursor:
                break
            found.append(record)
        found.reverse()
        return found

    def live(self) -> Iterator[Record]:
        """What is not deleted, in the order in which it was accepted."""
        return (record for record in self._order.values() if not record.entry.deleted)

    def drop(self, state: StateId) -> None:
        """Forget a whole State: its resource was removed."""
        self._enough.pop(state, None)
        for key in self.states.pop(state, State()).entries:
            self._forget(state, key)
        for record in self.set_aside:
            if record.state == state:
                self._forgotten[(state, record.entry.key)] = None
        self.set_aside = [record for record in self.set_aside if record.state != state]

    def collect(self, before: int, kept: Callable[[Record], bool] = lambda record: False) -> None:
        """Let go of tombstones written before the time `before`, but for those to be `kept`."""
        self._let_go(
            record
            for record in list(self._order.values())
            if record.entry.deleted and record.entry.time < before and not kept(record)
        )

    def thin_out(self, got: int) -> None:
        """Let go of the older deletes of States that remember too many.

        Every link has `got` what was accepted up to that number. What some have not got is kept,
        within bounds.
        """
        for state in self.crowded:
            tombs = [r for r in self._order.values() if r.entry.deleted and r.state == state]
            patient = len(tombs) <= PATIENCE * MAX_TOMBSTONES
            older = tombs[: len(tombs) - MAX_TOMBSTONES // 2]
            self._let_go([r for r in older if r.number <= got or not patient])
            self._enough.pop(state, None)
            if (left := self.state(state).tombstones) > MAX_TOMBSTONES // 2:
                self._enough[state] = max(MAX_TOMBSTONES, left + MAX_TOMBSTONES // 10)
        self.crowded.clear()

    def start_anew(self) -> None:
        """Whoever has not got what was accepted last gets a whole batch, once.

        What may be seen is another altogether.
        """
        self._horizon = self.number - 1

    def _let_go(self, tombstones: Iterable[Record]) -> None:
        for record in tombstones:
            self._horizon = max(self._horizon, record.number - 1)
            self.states[record.state].forget(record.entry.key)
            self._forget(record.state, record.entry.key)

    def _forget(self, state: StateId, key: str) -> None:
        del self._order[(state, key)]
        if not is_volatile(state):
            self._forgotten[(state, key)] = None

    @property
    def dirty(self) -> bool:
        """Whether anything accepted is not on disk yet."""
        if self.number > self.saved or self._forgotten:
            return True
        return self.used - self._used_saved >= RENEWED

    def flush(self) -> Delta:
        """What the disk lacks. Follow with `flushed` or `flush_failed` before the next."""
        assert self._flushing is None, "one commit at a time"
        reserved = self._reserved
        if reserved - self.number < BLOCK // 2:
            reserved = self.number + BLOCK
        used = self.used if self.used - self._used_saved >= USED else self._used_saved
        said = (reserved, used, self.keep)
        self._flushing = Delta(
            [r for r in self.since(self.saved) if not is_volatile(r.state)],
            list(self._forgotten), self.number, *said, renews=said != self._said,
        )  # fmt: skip
        self._forgotten.clear()
        return self._flushing

    def flushed(self) -> None:
        assert self._flushing is not None
        done, self._flushing = self._flushing, None
        self.saved, self._reserved, self._used_saved = done.saved, done.reserved, done.used
        self._said = (done.reserved, done.used, done.keep)

    def flush_failed(self) -> None:
        """The disk said no: what it lacks is still to be saved, and nothing was promised."""
        assert self._flushing is not None
        for place in self._flushing.forgotten:
            if place not in self._order:
                self._forgotten[place] = None
        self._flushing = None


def _new_state(id: StateId) -> State:
    return HeadedState() if is_presence(id) else State()


def _readable(record: Record) -> bool:
    """Whether everybody to whom it may be sent can read it."""
    state, entry = record.state, record.entry
    try:
        saved = state == RECORD or not is_volatile(state_id(state))
        check_key(entry.key)
        if not entry.deleted:
            decode(entry.value)
        return saved and is_writer(entry.writer) and 0 <= entry.time <= MAX_INTEGER
    except BadInput:
        return False
