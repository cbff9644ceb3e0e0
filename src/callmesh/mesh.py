"""The mesh as one participant sees it: replicas of a call's States, and own writes on their way.

M1 What is seen of a key is what the hub has confirmed, or one's own newer write until that is
   settled.
M2 What the hub sends is taken as it comes, without comparing stamps: the hub has decided.
M3 An own write is kept, and sent again over every new link and after every whole batch, until it
   is saved or denied.
M4 An own write is settled at the cursor of the batch that brings its key at its stamp or a larger
   one: the hub has taken it or something newer. It is saved when the disk has reached that cursor.
M5 A denied write is taken out of the merge. The hub has told by then what it took before: older
   writes of the key that are not settled never reached it, and share its fate.
M6 Own presence is never saved: it is stamped and sent anew over every new link.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from msgspec import Raw

from callmesh.clock import HybridClock
from callmesh.errors import Denied, TooLarge
from callmesh.ids import CALL, ResourceId, StateId, Writer, is_volatile, presence_of, state_of
from callmesh.messages import MAX_BUNDLE, Batch, Denial, Group, Write
from callmesh.receipt import Pending, Place, Receipt, newest_of_each
from callmesh.state import Entry, State, newer

MAX_WRITE = MAX_BUNDLE - 1024
"""Bytes of one transaction."""

Cause: TypeAlias = Literal["own", "hub", "denied"]


@dataclass(frozen=True, slots=True)
class Changed:
    """One key's step from `old` to `new`; None where there is no value."""

    old: Raw | None
    new: Raw | None
    writer: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction, batch or denial changed in one State."""

    state: StateId
    keys: Mapping[str, Changed]
    cause: Cause


class Mesh:
    def __init__(self) -> None:
        self.writer = Writer("")
        self.clock = HybridClock()
        self.cursor = 0
        """How far this replica has come; 0 before the first batch."""
        self.saved = 0
        self.linked = False
        """Whether there is a link to the hub, and the first batch has come over it."""
        self._confirmed: dict[StateId, State] = {}
        self._pending: dict[Place, Pending] = {}
        self._unsent: dict[Place, int] = {}
        """What has to go out, with the number of the transaction it belongs to."""
        self._transaction = 0
        self._receipts: list[Receipt] = []

    # --- reading

    def entry(self, state: StateId, key: str) -> Entry | None:
        """The register as this participant sees it (M1)."""
        confirmed = self._confirmed.get(state)
        entry = confirmed.entries.get(key) if confirmed else None
        pending = self._pending.get((state, key))
        if pending and pending.settled is None and newer(pending.entry, entry):
            return pending.entry
        return entry

    def value(self, state: StateId, key: str) -> Raw | None:
        """The encoded value under a key, as this participant sees it; None if there is none."""
        return _value(self.entry(state, key))

    def confirmed(self, state: StateId) -> dict[str, Raw]:
        """The values of a State as the hub has confirmed them."""
        found = self._confirmed.get(state)
        return {entry.key: entry.value for entry in found.live()} if found else {}

    def keys(self, state: StateId) -> Iterator[str]:
        """The live keys of a State."""
        confirmed = self._confirmed.get(state)
        known = dict.fromkeys(confirmed.entries) if confirmed else {}
        known |= dict.fromkeys(key for place, key in self._pending if place == state)
        return (key for key in known if self.value(state, key) is not None)

    def status(self, state: StateId) -> Literal["synced", "saving", "offline"]:
        """Whether everything here is safe on the hub's disk."""
        if not self.linked:
            return "offline"
        saving = not is_volatile(state) and any(place == state for place, _ in self._pending)
        return "saving" if saving else "synced"

    @property
    def unsent(self) -> int:
        """How many entries have to go out."""
        return len(self._unsent)

    @property
    def unsaved(self) -> int:
        """How many entries of one's own are not known to be on disk."""
        return sum(not is_volatile(state) for state, _ in self._pending)

    # --- own writes

    def write(self, groups: Mapping[StateId, Mapping[str, Raw]], now: int) -> list[Change]:
        """Write values, or `DELETED`, as one transaction. Raises `TooLarge`.

        `now` is the local clock, microseconds. Applied here at once, sent with the next `outgoing`.
        """
        size = sum(
            len(key.encode()) + len(bytes(value)) + 64
            for group in groups.values()
            for key, value in group.items()
        )
        if size > MAX_WRITE:
            raise TooLarge(f"a transaction has at most {MAX_WRITE} bytes; write in several steps")
        time = self.clock.stamp(now)
        self._transaction += 1
        before = self._snapshot({state: group.keys() for state, group in groups.items()})
        for state, group in groups.items():
            for key, value in group.items():
                self._put((state, key), Entry(key, time, self.writer, value))
        return self._changes(before, "own")

    def _put(self, place: Place, entry: Entry) -> None:
        old = self._pending.get(place)
        unsent = self._unsent.pop(place, None) is not None
        sent = [*([] if unsent else [old]), *old.earlier] if old is not None else []
        self._pending[place] = Pending(entry, earlier=newest_of_each(sent))
        self._unsent[place] = self._transaction

    def outgoing(self) -> list[Write]:
        """What has to be sent now: transactions whole, as many to a message as fit."""
        if not self.linked:
            return []
        writes: list[Write] = []
        groups: dict[StateId, list[Entry]] = {}
        total = 0
        transactions: dict[int, list[Place]] = {}
        for place, number in self._unsent.items():
            transactions.setdefault(number, []).append(place)
        for places in transactions.values():
            entries = [(state, self._pending[state, key].entry) for state, key in places]
            size = sum(entry.size + 32 for _, entry in entries)
            if groups and total + size > MAX_WRITE:
                writes.append(_write(groups))
                groups, total = {}, 0
            total += size
            for state, entry in entries:
                groups.setdefault(state, []).append(entry)
        if groups:
            writes.append(_write(groups))
        self._unsent.clear()
        return writes

    def receipt(self, state: StateId) -> Receipt:
        """Follow everything this participant has written to `state` and that is not saved yet."""
        waiting = {
            place: (pending.entry.stamp, pending.settled)
            for place, pending in self._pending.items()
            if place[0] == state and not is_volatile(state)
        }
        receipt = Receipt(waiting)
        if not receipt.done:
            self._receipts.append(receipt)
        return receipt

    # --- from the hub

    def link_lost(self) -> None:
        self.linked = False

    def batch(self, batch: Batch, now: int) -> list[Change]:
        """Apply a batch as one step (M2)."""
        relinked, self.linked = not self.linked, True
        before = self._snapshot(self._touched(batch))
        if batch.whole:
            self._forget_all()
        self.cursor = batch.cursor
        for group in batch.groups:
            confirmed = self._confirmed.setdefault(StateId(group.state), State())
            for entry in group.entries:
                confirmed.put(entry)
                self.clock.saw(entry.time)
                self._settle((StateId(group.state), entry.key), entry)
        if relinked or batch.whole:
            self._send_again(now)
        self.disk(batch.saved)
        changes = self._changes(before, "hub")
        for state, keys in before.items():
            for key in keys:
                self._forget_tombstone((state, key))
        return changes

    def drop(self, resource: ResourceId) -> None:
        """Forget the States of a resource that was removed, and own writes to it."""
        for state in (state_of(resource), presence_of(resource)):
            self._confirmed.pop(state, None)
            for place in [place for place in self._pending if place[0] == state]:
                del self._pending[place]
                self._unsent.pop(place, None)
            for receipt in list(self._receipts):
                for place in [place for place in receipt.waiting if place[0] == state]:
                    gone = Denied("no_resource", "this resource was removed", place[1])
                    self._deny_receipt(receipt, place, gone)

    def _touched(self, batch: Batch) -> dict[StateId, list[str]]:
        touched: dict[StateId, list[str]] = {}
        for group in batch.groups:
            keys = touched.setdefault(StateId(group.state), [])
            keys.extend(entry.key for entry in group.entries)
        if batch.whole:
            for state, confirmed in self._confirmed.items():
                touched.setdefault(state, []).extend(confirmed.entries)
            for state, key in self._pending:
                touched.setdefault(state, []).append(key)
        return touched

    def _forget_all(self) -> None:
        """What the hub had said counts no longer: it may have lost it."""
        self._confirmed.clear()
        for pending in self._pending.values():
            pending.settled = None
            for earlier in pending.earlier:
                earlier.settled = None
        for receipt in self._receipts:
            for place, (stamp, _) in receipt.waiting.items():
                receipt.waiting[place] = (stamp, None)

    def _settle(self, place: Place, entry: Entry) -> None:
        """The hub has `entry`: what was written there up to its stamp is settled (M4)."""
        pending = self._pending.get(place)
        for own in (pending, *pending.earlier) if pending else ():
            if own.settled is None and not newer(own.entry, entry):
                own.settled = self.cursor
        for receipt in self._receipts:
            waiting = receipt.waiting.get(place)
            if waiting and waiting[1] is None and entry.stamp >= waiting[0]:
                receipt.waiting[place] = (waiting[0], self.cursor)

    def _send_again(self, now: int) -> None:
        """All that is not known to have arrived goes out again (M3, M6)."""
        for place, pending in self._pending.items():
            if is_volatile(place[0]) and not pending.entry.deleted:
                entry = pending.entry
                time = self.clock.stamp(now)
                pending.entry = Entry(entry.key, time, self.writer, entry.value)
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
            pending.earlier = [
                earlier for earlier in pending.earlier if earlier.settled is not None
            ]

    def disk(self, cursor: int) -> None:
        """The hub's disk has reached `cursor`: what was settled up to there is saved."""
        self.saved = max(self.saved, cursor)
        for pending in self._pending.values():
            pending.earlier = [own for own in pending.earlier if not self._is_saved(own)]
        done = [
            place
            for place, pending in self._pending.items()
            if self._is_saved(pending) and (pending.entry.deleted or not is_volatile(place[0]))
        ]
        for place in done:
            del self._pending[place]
            self._unsent.pop(place, None)
            self._forget_tombstone(place)
        for receipt in list(self._receipts):
            for place, (_, settled) in list(receipt.waiting.items()):
                if settled is not None and settled <= self.saved:
                    del receipt.waiting[place]
            if receipt.done:
                self._receipts.remove(receipt)

    def _is_saved(self, pending: Pending) -> bool:
        return pending.settled is not None and pending.settled <= self.saved

    def deny(self, denial: Denial) -> list[Change]:
        """One own entry was not taken: undo it (M5)."""
        place = (StateId(denial.state), denial.key)
        before = self._snapshot({place[0]: [place[1]]})
        pending = self._pending.get(place)
        stamp = (denial.time, denial.writer)
        if pending:
            pending.earlier = [own for own in pending.earlier if own.settled is not None]
        if pending and pending.entry.stamp == stamp:
            del self._pending[place]
            self._unsent.pop(place, None)
            if pending.earlier:
                self._pending[place] = pending.earlier[0]
                self._pending[place].earlier = pending.earlier[1:]
        for receipt in list(self._receipts):
            waiting = receipt.waiting.get(place)
            if waiting and waiting[1] is None and stamp >= waiting[0]:
                why = Denied(denial.reason, denial.why, denial.key)
                self._deny_receipt(receipt, place, why)
        return self._changes(before, "denied")

    def _deny_receipt(self, receipt: Receipt, place: Place, why: Denied) -> None:
        del receipt.waiting[place]
        receipt.denied.append(why)
        if receipt.done:
            self._receipts.remove(receipt)

    def _forget_tombstone(self, place: Place) -> None:
        """A confirmed delete is needed only to hold back an older write of one's own."""
        confirmed = self._confirmed.get(place[0])
        entry = confirmed.entries.get(place[1]) if confirmed else None
        if confirmed and entry and entry.deleted and place not in self._pending:
            confirmed.forget(place[1])

    # --- changes

    def _snapshot(
        self, touched: Mapping[StateId, Iterable[str]]
    ) -> dict[StateId, dict[str, Entry | None]]:
        return {
            state: {key: self.entry(state, key) for key in keys} for state, keys in touched.items()
        }

    def _changes(
        self, before: dict[StateId, dict[str, Entry | None]], cause: Cause
    ) -> list[Change]:
        changes = []
        for state, olds in before.items():
            keys = {}
            for key, old in olds.items():
                new = self.entry(state, key)
                if _value(old) != _value(new):
                    writer = new.writer if new else old.writer if old else ""
                    keys[key] = Changed(_value(old), _value(new), writer)
            if keys:
                changes.append(Change(state, keys, cause))
        return changes


def _value(entry: Entry | None) -> Raw | None:
    return None if entry is None or entry.deleted else entry.value


def _write(groups: Mapping[StateId, list[Entry]]) -> Write:
    """The call's own State first: a resource is there before its state."""
    ordered = sorted(groups.items(), key=lambda group: group[0] != CALL)
    return Write([Group(state, entries) for state, entries in ordered])
