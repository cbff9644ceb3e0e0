"""Own writes of one participant on their way to the hub's disk, and what became of them.

Pure bookkeeping: what others see and what the hub has said is the business of `Mesh`, whose rules
M3 to M7 this carries out. One pending write per key, however often it is written.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from callmesh.clock import AHEAD, HybridClock
from callmesh.errors import Denied
from callmesh.ids import CALL, StateId, Writer, is_volatile
from callmesh.messages import MAX_BUNDLE, Group, Write
from callmesh.receipt import Pending, Place, Receipt, Stamp, newest_of_each
from callmesh.state import Entry

MAX_WRITE = MAX_BUNDLE - 1024
"""Bytes of one transaction."""
MAX_TRIES = 3
"""How often a write is stamped anew before the hub's "ahead" is taken for a denial."""
MAX_FATES = 1_000
"""Keys of which it is remembered what became of one's last write."""

Fate: TypeAlias = Literal["pending", "accepted", "saved", "denied"]
Unsaved: TypeAlias = tuple[StateId, Entry, int]
"""An own write that is not saved, with the state version it was written for."""
Groups: TypeAlias = dict[tuple[StateId, int], list[Entry]]


class Outbox:
    def __init__(self, clock: HybridClock) -> None:
        self.writer = Writer("")
        self.clock = clock
        self._pending: dict[Place, Pending] = {}
        self._unsent: dict[Place, int] = {}
        """What has to go out, with the number of the transaction it belongs to."""
        self._transaction = 0
        self._receipts: list[Receipt] = []
        self._fates: dict[Place, Fate] = {}

    # --- what there is

    def get(self, place: Place) -> Pending | None:
        return self._pending.get(place)

    def __contains__(self, place: Place) -> bool:
        return place in self._pending

    def places(self) -> Iterator[Place]:
        return iter(self._pending)

    def saving(self, state: StateId) -> bool:
        """Whether anything written to a State is not known to be on disk."""
        return not is_volatile(state) and any(place == state for place, _ in self._pending)

    def fate(self, place: Place) -> Fate | None:
        """What became of the last write of a key; None where there was none lately."""
        pending = self._pending.get(place)
        if pending is None:
            return self._fates.get(place)
        return "pending" if pending.settled is None else "accepted"

    def fates(self, state: StateId) -> dict[str, Fate]:
        """What became of the last writes to a State, by key."""
        found = {key: fate for (place, key), fate in self._fates.items() if place == state}
        for (place, key), pending in self._pending.items():
            if place == state:
                found[key] = "pending" if pending.settled is None else "accepted"
        return found

    @property
    def unsent(self) -> int:
        return len(self._unsent)

    def unsaved(self) -> list[Unsaved]:
        """Every write that a restart here would lose, the oldest first."""
        found = [
            (place[0], pending.entry, pending.version)
            for place, pending in self._pending.items()
            if not is_volatile(place[0])
        ]
        return sorted(found, key=lambda write: write[1].stamp)

    # --- in

    def begin(self) -> None:
        """What is put from now on belongs to a new transaction."""
        self._transaction += 1

    def put(self, place: Place, entry: Entry, version: int) -> None:
        old = self._pending.get(place)
        unsent = self._unsent.pop(place, None) is not None
        sent = [*([] if unsent else [old]), *old.earlier] if old is not None else []
        self._pending[place] = Pending(entry, earlier=newest_of_each(sent), version=version)
        self._unsent[place] = self._transaction
        self._fates.pop(place, None)

    def follow(self, place: Place) -> None:
        """What is stamped next is later than what is pending there, even by a wrong clock."""
        pending = self._pending.get(place)
        if pending is None or pending.settled is not None:
            return
        if pending.entry.time > self.clock.given:
            # The clock was set back behind what is under way: the next stamp is nobody's there.
            for own in self._pending.values():
                if own.settled is None:
                    self.clock.follow(own.entry.time)

    def receipt(self, state: StateId, key: str | None = None) -> Receipt:
        """Follow everything that was written to `state`, or to one key of it, and is not saved."""
        waiting = {
            place: (pending.entry.stamp, pending.settled)
            for place, pending in self._pending.items()
            if place[0] == state and key in (None, place[1]) and not is_volatile(state)
        }
        receipt = Receipt(waiting)
        if not receipt.done:
            self._receipts.append(receipt)
        return receipt

    def let_go(self, receipt: Receipt) -> None:
        """Nobody waits for it any more. Twice is fine."""
        self._receipts = [other for other in self._receipts if other is not receipt]

    @property
    def followed(self) -> int:
        """How many receipts are followed."""
        return len(self._receipts)

    # --- out

    def take(self) -> list[Write]:
        """What has to be sent now: transactions whole, as many to a message as fit."""
        transactions: dict[int, list[Place]] = {}
        for place, number in self._unsent.items():
            transactions.setdefault(number, []).append(place)
        self._unsent.clear()
        writes: list[Write] = []
        groups: Groups = {}
        total = 0
        for places in transactions.values():
            size = sum(self._pending[place].entry.size + 32 for place in places)
            if groups and total + size > MAX_WRITE:
                writes.append(_write(groups))
                groups, total = {}, 0
            total += size
            for place in places:
                pending = self._pending[place]
                groups.setdefault((place[0], pending.version), []).append(pending.entry)
        return [*writes, _write(groups)] if groups else writes

    def send_again(self, now: int, *, new_link: bool) -> None:
        """All that is not known to have arrived goes out again, presence with a new stamp."""
        if new_link:  # the hub has just told its time
            self._correct(now)
        for place, pending in self._pending.items():
            if is_volatile(place[0]) and not pending.entry.deleted:
                pending.entry = self._stamped(place, self.clock.stamp(now))
                pending.settled = None
        again = [place for place, pending in self._pending.items() if pending.settled is None]
        again.sort(key=lambda place: self._pending[place].entry.stamp)
        self._unsent.clear()
        last = None
        for place in again:  # in the order of writing; one stamp is one transaction
            pending = self._pending[place]
            self._transaction += pending.entry.stamp != last
            last = pending.entry.stamp
            self._unsent[place] = self._transaction
            pending.earlier = pending.settled_earlier()

    # --- what the hub says

    def settle(self, place: Place, entry: Entry, cursor: int) -> None:
        """The hub has `entry`: what was written there up to its stamp is settled (M4)."""
        pending = self._pending.get(place)
        for own in (pending, *pending.earlier) if pending else ():
            if own.settled is None and own.entry.stamp <= entry.stamp:
                own.settled = cursor
        for receipt in self._receipts:
            receipt.settle(place, entry.stamp, cursor)

    def start_over(self) -> None:
        """What the hub had said counts no longer: it may have lost it."""
        for pending in self._pending.values():
            for own in (pending, *pending.earlier):
                own.settled = None
        for receipt in self._receipts:
            receipt.start_over()

    def disk(self, saved: int) -> list[Place]:
        """The hub's disk has reached `saved`. Returns what is done with."""
        for pending in self._pending.values():
            pending.earlier = [own for own in pending.earlier if not own.is_saved(saved)]
        done = [
            place
            for place, pending in self._pending.items()
            if pending.is_saved(saved) and (pending.entry.deleted or not is_volatile(place[0]))
        ]
        for place in done:
            self._forget(place, "saved")
        for receipt in self._receipts:
            receipt.disk(saved)
        self._close_receipts()
        return done

    def take_out(self, place: Place, stamp: Stamp, why: Denied) -> None:
        """The write of `stamp` was denied, and older ones that were not answered never arrived."""
        pending = self._pending.get(place)
        if pending:
            pending.earlier = pending.settled_earlier()
        if pending and pending.entry.stamp == stamp:
            self._forget(place, "denied")
            if pending.earlier:
                self._pending[place] = pending.earlier[0]
                self._pending[place].earlier = pending.earlier[1:]
        for receipt in self._receipts:
            receipt.deny(place, stamp, why, nothing_left=place not in self._pending)
        self._close_receipts()

    def drop(self, state: StateId, why: Denied) -> None:
        """Forget a State: of what was written to it nobody will say anything any more."""
        for place in [place for place in (*self._pending, *self._fates) if place[0] == state]:
            self._pending.pop(place, None)
            self._unsent.pop(place, None)
            self._fates.pop(place, None)
        for receipt in self._receipts:
            for place in [place for place in receipt.waiting if place[0] == state]:
                receipt.waiting.pop(place)
                receipt.denied.append(Denied(why.reason, str(why), place[1]))
        self._close_receipts()

    def _forget(self, place: Place, fate: Fate) -> None:
        del self._pending[place]
        self._unsent.pop(place, None)
        self._fates.pop(place, None)
        self._fates[place] = fate
        if len(self._fates) > MAX_FATES:
            del self._fates[next(iter(self._fates))]

    def _close_receipts(self) -> None:
        self._receipts = [receipt for receipt in self._receipts if not receipt.done]

    # --- clocks that were ahead (M7)

    def try_again(self, places: Iterable[Place], stamp: Stamp, now: int) -> bool:
        """Send what was stamped ahead of the hub's clock again, by that clock; False after many."""
        places = list(places)
        found = [place for place in places if self._stamp_of(place) == stamp]
        if any(self._pending[place].tries >= MAX_TRIES for place in found):
            return False
        self._stamp_anew(found, now)
        for place in places:  # also those that a later write of one's own stands for by now
            self._wait_on(place, stamp)
        return True

    def _correct(self, now: int) -> None:
        """Stamp anew what a clock here gave out so far ahead of the hub's that it would not do."""
        ahead: dict[Stamp, list[Place]] = {}
        latest = self.clock.hub_time(now) + AHEAD
        for place, pending in self._pending.items():
            own = pending.settled is None and pending.entry.writer == self.writer
            if own and pending.entry.time > latest and not is_volatile(place[0]):
                ahead.setdefault(pending.entry.stamp, []).append(place)
        for stamp in sorted(ahead):
            self._stamp_anew(ahead[stamp], now)
            for place in ahead[stamp]:
                self._wait_on(place, stamp)

    def _stamp_anew(self, places: list[Place], now: int) -> None:
        time = self.clock.stamp(now)
        self.begin()
        for place in places:
            pending = self._pending[place]
            pending.entry = self._stamped(place, time)
            pending.tries += 1
            pending.earlier = pending.settled_earlier()
            self._unsent.pop(place, None)
            self._unsent[place] = self._transaction

    def _stamped(self, place: Place, time: int) -> Entry:
        return Entry(place[1], time, self.writer, self._pending[place].entry.value)

    def _wait_on(self, place: Place, stamp: Stamp) -> None:
        for receipt in self._receipts:
            receipt.wait_on(place, stamp, self._stamp_of(place) or stamp)

    def _stamp_of(self, place: Place) -> Stamp | None:
        pending = self._pending.get(place)
        return pending.entry.stamp if pending else None


def _write(groups: Groups) -> Write:
    """The call's own State first: a resource is there before its state."""
    ordered = sorted(groups.items(), key=lambda group: group[0][0] != CALL)
    return Write([Group(state, entries, version) for (state, version), entries in ordered])
