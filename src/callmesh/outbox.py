"""Own writes of one participant on their way to the hub's disk, and what became of them.

Pure bookkeeping: what others see and what the hub has said is the business of `Mesh`, whose rules
M3 to M7 this carries out. What is kept depends on how many keys are written, not how often:

O1 A transaction is kept, and sent, whole as long as it has the latest own write of some key: the
   hub is to take or deny all of it. When all of it was overtaken it is not sent (again).
O2 What was overtaken under a key stands again if what overtook it is denied, unless it has not
   reached the hub either (M5).
"""

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from callmesh.clock import AHEAD, HybridClock
from callmesh.errors import Denied
from callmesh.ids import CALL, StateId, Writer, is_volatile
from callmesh.messages import MAX_BUNDLE, Group, Write
from callmesh.receipt import Pending, Place, Receipt, Stamp, Transaction, worth_keeping
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
        self._own: dict[Place, list[Pending]] = {}
        """By key, the latest first."""
        self._transaction = Transaction()
        """What is being put."""
        self._unsent: dict[Transaction, None] = {}
        self._sent = 0
        self._receipts: list[Receipt] = []
        self._fates: dict[Place, Fate] = {}

    # --- what there is

    def get(self, place: Place) -> Pending | None:
        """The latest own write of a key."""
        own = self._own.get(place)
        return own[0] if own else None

    def __contains__(self, place: Place) -> bool:
        return place in self._own

    def places(self) -> Iterator[Place]:
        return iter(self._own)

    def saving(self, state: StateId) -> bool:
        """Whether anything written to a State is not known to be on disk."""
        return not is_volatile(state) and any(place == state for place, _ in self._own)

    def fate(self, place: Place) -> Fate | None:
        """What became of the last write of a key; None where there was none lately."""
        pending = self.get(place)
        if pending is None:
            return self._fates.get(place)
        return "pending" if pending.settled is None else "accepted"

    def fates(self, state: StateId) -> dict[str, Fate]:
        """What became of the last writes to a State, by key."""
        found = {key: fate for (place, key), fate in self._fates.items() if place == state}
        for (place, key), [latest, *_] in self._own.items():
            if place == state:
                found[key] = "pending" if latest.settled is None else "accepted"
        return found

    @property
    def unsent(self) -> int:
        """How many transactions have to go out."""
        return len(self._unsent)

    def unsaved(self) -> list[Unsaved]:
        """Every write that a restart here would lose, the oldest first; transactions are whole."""
        return [
            (state, own.entry, own.version)
            for transaction in self._kept()
            for (state, _), own in transaction.writes.items()
            if not is_volatile(state)
        ]

    def _kept(self) -> list[Transaction]:
        """The transactions that are sent again until they are saved (O1), the oldest first."""
        found = dict.fromkeys(own[0].transaction for own in self._own.values())
        return sorted(found, key=lambda transaction: transaction.stamp)

    def transactions(self) -> Iterator[tuple[Stamp, Write]]:
        """What is not known to be saved, and presence: each transaction whole, the oldest first."""
        for transaction in self._kept():
            groups: Groups = {}
            for (state, _), own in transaction.writes.items():
                groups.setdefault((state, own.version), []).append(own.entry)
            yield transaction.stamp, _write(groups)

    # --- in

    def begin(self) -> None:
        """What is put from now on belongs to a new transaction."""
        self._transaction = Transaction()

    def put(self, place: Place, entry: Entry, version: int) -> None:
        transaction = self._transaction
        pending = transaction.writes[place] = Pending(entry, transaction, version=version)
        self._unsent[transaction] = None
        own = [pending, *self._own.get(place, [])]
        if len(own) > 1:
            own.sort(key=_stamp_of, reverse=True)  # what is replayed may be an older one
        self._set(place, own)
        self._fates.pop(place, None)

    def _set(self, place: Place, own: list[Pending]) -> None:
        """Keep this of one's own writes of a key, the latest first."""
        before, now = self.get(place), own[0] if own else None
        if now is not before and now is not None:
            now.transaction.latest += 1
        if now is not before and before is not None:
            before.transaction.latest -= 1
        if own:
            self._own[place] = worth_keeping(own) if len(own) > 1 else own
        else:
            self._own.pop(place, None)
        if now is not before and before is not None and not before.transaction.latest:
            self._overtaken(before.transaction)

    def _overtaken(self, transaction: Transaction) -> None:
        """Nothing of it is the latest: it is not sent any more, and is forgotten if it was not."""
        never = transaction in self._unsent
        self._unsent.pop(transaction, None)
        for place in transaction.writes:
            own = self._own.get(place, [])
            self._set(place, [o for o in own if not never or o.transaction is not transaction])

    def times(self) -> set[int]:
        """Those that own writes on their way have."""
        return {own.entry.time for all in self._own.values() for own in all}

    def follow(self, place: Place) -> None:
        """What is stamped next is later than what is pending there, even by a wrong clock."""
        pending = self.get(place)
        if pending is None or pending.settled is not None:
            return
        if pending.entry.time > self.clock.given:
            # The clock was set back behind what is under way: the next stamp is nobody's there.
            for own in self._own.values():
                if own[0].settled is None:
                    self.clock.follow(own[0].entry.time)

    def receipt(self, state: StateId, key: str | None = None) -> Receipt:
        """Follow everything that was written to `state`, or to one key of it, and is not saved."""
        waiting = {
            place: (own[0].entry.stamp, own[0].settled)
            for place, own in self._own.items()
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
        writes: list[Write] = []
        groups: Groups = {}
        total = 0
        for transaction in self._unsent:
            self._sent += 1
            transaction.sent = self._sent
            size = sum(own.entry.size + 32 for own in transaction.writes.values())
            if groups and total + size > MAX_WRITE:
                writes.append(_write(groups))
                groups, total = {}, 0
            total += size
            for (state, _), own in transaction.writes.items():
                groups.setdefault((state, own.version), []).append(own.entry)
        self._unsent.clear()
        return [*writes, _write(groups)] if groups else writes

    def send_again(self, now: int, *, new_link: bool) -> None:
        """All that is not known to have arrived goes out again, presence with a new stamp."""
        if new_link:  # the hub has just told its time
            self._correct(now)
        for place, [latest, *_] in list(self._own.items()):
            if is_volatile(place[0]) and not latest.entry.deleted:
                self._set(place, [])
                self.begin()
                time = self.clock.stamp(now)
                self.put(place, _stamped(latest.entry, time, self.writer), latest.version)
        self._unsent.clear()
        for transaction in self._kept():  # in the order of writing
            if not transaction.settled:
                transaction.sent = 0
                self._unsent[transaction] = None
        for place in list(self._own):
            self._drop_unanswered(place)

    def _drop_unanswered(self, place: Place) -> None:
        """What the hub has not answered, and is not sent again, does not stand any more."""
        own = self._own.get(place, [])
        self._set(place, [o for o in own if o.settled is not None or o.transaction.latest])

    # --- what the hub says

    def settle(self, place: Place, entry: Entry, cursor: int) -> None:
        """The hub has `entry`: what was written there up to its stamp is settled (M4)."""
        for own in self._own.get(place, []):
            if own.settled is None and own.entry.stamp <= entry.stamp:
                own.settled = cursor
        for receipt in self._receipts:
            receipt.settle(place, entry.stamp, cursor)

    def start_over(self) -> None:
        """What the hub had said counts no longer: it may have lost it."""
        for own in self._own.values():
            for pending in own:
                pending.settled = None
        for receipt in self._receipts:
            receipt.start_over()

    def disk(self, saved: int) -> list[Place]:
        """The hub's disk has reached `saved`. Returns what is done with."""
        done = []
        for place, [latest, *rest] in list(self._own.items()):
            kept = is_volatile(place[0]) and not latest.entry.deleted  # for the next link (M6)
            if latest.is_saved(saved) and not kept:
                done.append(place)
            elif rest:
                self._set(place, [latest, *(own for own in rest if not own.is_saved(saved))])
        for place in done:
            self._set(place, [])
            self._note(place, "saved")
        for receipt in self._receipts:
            receipt.disk(saved)
        self._close_receipts()
        return done

    def deny(self, places: Iterable[Place], stamp: Stamp, why: Denied) -> None:
        """The transaction of `stamp` was denied; what was sent before it is answered too (M5)."""
        places = list(places)
        denied = self._find(places, stamp)
        for place in places:
            if denied is not None and place in denied.writes:
                self._take_out(place, denied)
            for receipt in self._receipts:
                receipt.deny(place, stamp, why, nothing_left=place not in self._own)
        self._close_receipts()

    def _take_out(self, place: Place, denied: Transaction) -> None:
        before, sent = self.get(place), denied.sent
        own = [own for own in self._own.get(place, []) if own.transaction is not denied]
        self._set(place, own)
        if before is not None and before.transaction is denied:
            self._note(place, "denied")
        own = [o for o in own if o.settled is not None or not 0 < o.transaction.sent < sent]
        self._set(place, own)

    def _find(self, places: Iterable[Place], stamp: Stamp) -> Transaction | None:
        """The transaction of that stamp, if anything is left of it."""
        found = (own for place in places for own in self._own.get(place, []))
        return next((own.transaction for own in found if own.entry.stamp == stamp), None)

    def drop(self, state: StateId, why: Denied) -> None:
        """Forget a State: of what was written to it nobody will say anything any more."""
        for place in [place for place in (*self._own, *self._fates) if place[0] == state]:
            for own in self._own.get(place, []):
                del own.transaction.writes[place]
            self._set(place, [])
            self._fates.pop(place, None)
        for receipt in self._receipts:
            for place in [place for place in receipt.waiting if place[0] == state]:
                receipt.waiting.pop(place)
                receipt.denied.append(Denied(why.reason, str(why), place[1]))
        self._close_receipts()

    def _note(self, place: Place, fate: Fate) -> None:
        """Remember what became of the last write of a key."""
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
        found = self._find(places, stamp)
        if found is not None and found.latest:
            if found.tries >= MAX_TRIES:
                return False
            self._stamp_anew(found, now)
        for place in places:  # also those that a later write of one's own stands for by now
            self._wait_on(place, stamp)
        return True

    def _correct(self, now: int) -> None:
        """Stamp anew what a clock here gave out so far ahead of the hub's that it would not do."""
        latest = self.clock.hub_time(now) + AHEAD
        for transaction in self._kept():
            own = transaction.stamp[1] == self.writer and not transaction.settled
            lasts = not all(is_volatile(state) for state, _ in transaction.writes)
            if own and lasts and transaction.stamp[0] > latest:
                self._stamp_anew(transaction, now)

    def _stamp_anew(self, transaction: Transaction, now: int) -> None:
        """By the clock as it is now; after it what has overtaken some of it, and is under way."""
        anew = sorted(self._overtaking(transaction), key=lambda again: again.stamp)
        old_stamps = [again.stamp for again in anew]
        for place in [place for again in anew for place in again.writes]:
            self._drop_unanswered(place)
            for own in self._own.get(place, []):  # what is older may keep its stamp
                if own.transaction not in anew:
                    self.clock.follow(own.entry.time)
        for again in anew:  # all, before any are compared: the new stamp may be the later one
            time = self.clock.stamp(now)
            again.tries, again.sent = again.tries + 1, 0
            for own in again.writes.values():
                own.entry = _stamped(own.entry, time, self.writer)
        for again, old in zip(anew, old_stamps, strict=True):
            for place in again.writes:
                self._set(place, sorted(self._own.get(place, []), key=_stamp_of, reverse=True))
            self._unsent.pop(again, None)
            self._unsent[again] = None
            for place in again.writes:
                self._wait_on(place, old)

    def _overtaking(self, transaction: Transaction) -> set[Transaction]:
        """Itself, and what is on its way of later transactions that have overtaken some of it.

        Their order stays. What has been answered is not written again: what it has overtaken goes.
        """
        found, todo, start = {transaction}, [transaction], transaction.stamp
        while todo:
            writes = todo.pop().writes
            for place in list(writes):
                later = [own for own in self._own.get(place, []) if own.entry.stamp > start]
                if any(own.settled is not None or not self._is_own(own) for own in later):
                    self._leave_out(place, writes.pop(place))
                    continue
                new = {own.transaction for own in later} - found
                found |= new
                todo += new
        return found

    def _is_own(self, own: Pending) -> bool:
        """Whether it is this participant's own, not its frame's."""
        return own.entry.writer == self.writer

    def _leave_out(self, place: Place, gone: Pending) -> None:
        self._set(place, [own for own in self._own.get(place, []) if own is not gone])

    def _wait_on(self, place: Place, stamp: Stamp) -> None:
        latest = self.get(place)
        if latest is None:
            return
        for receipt in self._receipts:
            receipt.wait_on(place, stamp, latest)


def _stamp_of(own: Pending) -> Stamp:
    return own.entry.stamp


def _stamped(entry: Entry, time: int, writer: Writer) -> Entry:
    return Entry(entry.key, time, writer, entry.value)


def _write(groups: Groups) -> Write:
    """The call's own State first: a resource is there before its state."""
    ordered = sorted(groups.items(), key=lambda group: group[0][0] != CALL)
    return Write([Group(state, entries, version) for (state, version), entries in ordered])
