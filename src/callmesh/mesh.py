"""The mesh as one participant sees it: replicas of a call's States, and own writes on their way.

M1 What is seen of a key is what the hub has confirmed, what peers have sent while it was away if
   that is newer, or one's own newer write until that is settled.
M2 What the hub sends is taken as it comes, without comparing stamps: the hub has decided.
M3 An own write is kept, and sent again over every new link and after every whole batch, until it
   is saved or denied.
M4 An own write is settled at the cursor of the batch that brings its key at its stamp or a larger
   one: the hub has taken it or something newer. It is saved when the disk has reached that cursor.
M5 A denied transaction is taken out of the merge, in one step. The hub has told by then what it
   took before: older writes of a key that are not settled never reached it, and share its fate.
M6 Own presence is never saved: it is stamped and sent anew over every new link.
M7 What the hub found stamped ahead of its clock is stamped anew by that clock, and sent again.
M8 A value that cannot be read counts as none, and is set aside.
M9 A peer's letter is in the merge until the hub has answered all of it, or it is let go of. It
   settles and saves nothing, and moves no clock but for a write over it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal, TypeAlias

from msgspec import Raw

from callmesh.clock import AHEAD, HybridClock
from callmesh.errors import BadInput, Denied, TooLarge
from callmesh.ids import (
    HUB_STATE,
    READ_ONLY,
    ResourceId,
    StateId,
    Writer,
    is_volatile,
    presence_of,
    state_of,
)  # fmt: skip
from callmesh.letters import Held, Layer
from callmesh.messages import Batch, Denial, Write
from callmesh.outbox import MAX_WRITE, Fate, Outbox, Unsaved
from callmesh.receipt import Place, Receipt, Stamp
from callmesh.state import DELETED, Entry, State, newer
from callmesh.values import decode

Cause: TypeAlias = Literal["own", "hub", "denied", "peers"]
Status: TypeAlias = Literal["synced", "saving", "read_only", "offline"]
Seen: TypeAlias = dict[StateId, dict[str, Entry | None]]


@dataclass(frozen=True, slots=True)
class Changed:
    """One key's step from `old` to `new`; None where there is no value."""

    old: Raw | None
    new: Raw | None
    writer: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction, batch, denial or letter changed in one State."""

    state: StateId
    keys: Mapping[str, Changed]
    cause: Cause
    denied: Denied | None = None
    """Why, where own writes were undone."""


class Mesh:
    def __init__(self) -> None:
        self.clock = HybridClock()
        self.cursor = 0
        """How far this replica has come; 0 before the first batch."""
        self.saved = 0
        self.linked = False
        """Whether there is a link to the hub, and the first batch has come over it."""
        self.versions: dict[StateId, int] = {}
        """The state version that own writes to a State are made for; 0 does not say."""
        self.set_aside: dict[Place, str] = {}
        """What the hub sent and cannot be read, and why (M8)."""
        self._confirmed: dict[StateId, State] = {}
        self.letters = Layer()
        """What peers have sent, and the hub has not answered (M9)."""
        self._outbox = Outbox(self.clock)

    @property
    def writer(self) -> Writer:
        """What own writes are signed with."""
        return self._outbox.writer

    @writer.setter
    def writer(self, writer: Writer) -> None:
        self._outbox.writer = writer

    # --- reading

    def entry(self, state: StateId, key: str) -> Entry | None:
        """The register as this participant sees it (M1)."""
        entry = self.confirmed_entry(state, key)
        sent = self.letters.get((state, key)) if self.letters else None
        if sent is not None and newer(sent, entry):
            entry = sent
        pending = self._outbox.get((state, key))
        if pending and pending.settled is None and newer(pending.entry, entry):
            return pending.entry
        return entry

    def value(self, state: StateId, key: str) -> Raw | None:
        """The encoded value under a key, as this participant sees it; None if there is none."""
        return _value(self.entry(state, key))

    def confirmed_entry(self, state: StateId, key: str) -> Entry | None:
        """The register as the hub has confirmed it."""
        confirmed = self._confirmed.get(state)
        return confirmed.entries.get(key) if confirmed else None

    def confirmed(self, state: StateId) -> dict[str, Raw]:
        """The values of a State as the hub has confirmed them."""
        found = self._confirmed.get(state)
        return {entry.key: entry.value for entry in found.live()} if found else {}

    def keys(self, state: StateId) -> Iterator[str]:
        """The live keys of a State."""
        confirmed = self._confirmed.get(state)
        known = dict.fromkeys(confirmed.entries) if confirmed else {}
        known |= dict.fromkeys(self.letters.places(state))
        known |= dict.fromkeys(key for place, key in self._outbox.places() if place == state)
        return (key for key in known if self.value(state, key) is not None)

    def status(self, state: StateId) -> Status:
        """Whether everything here is safe on the hub's disk."""
        if not self.linked:
            return "offline"
        if self.read_only is not None and not is_volatile(state):
            return "read_only"
        return "saving" if self._outbox.saving(state) else "synced"

    @property
    def read_only(self) -> str | None:
        """Why the hub saves nothing at the moment, in its words; None while it does."""
        value = self.value(HUB_STATE, READ_ONLY)
        return None if value is None else str(decode(value))

    def status_of(self, state: StateId, key: str) -> Fate | None:
        """What became of one's own last write of a key; None where there was none lately."""
        return self._outbox.fate((state, key))

    def fates(self, state: StateId) -> dict[str, Fate]:
        """What became of one's own last writes to a State, by key."""
        return self._outbox.fates(state)

    @property
    def unsent(self) -> int:
        """How many transactions have to go out."""
        return self._outbox.unsent

    @property
    def unsaved(self) -> int:
        """How many entries of one's own are not known to be on disk."""
        return sum(not is_volatile(state) for state, _ in self._outbox.places())

    # --- own writes

    def write(self, groups: Mapping[StateId, Mapping[str, Raw]], now: int) -> list[Change]:
        """Write values, or `DELETED`, as one transaction. Raises `TooLarge`.

        `now` is the local clock, microseconds. Applied here at once, sent with the next `outgoing`.
        """
        places = [(state, key) for state, group in groups.items() for key in group]
        size = sum(len(key.encode()) + len(bytes(groups[state][key])) + 64 for state, key in places)
        if size > MAX_WRITE:
            raise TooLarge(f"a transaction has at most {MAX_WRITE} bytes; write in several steps")
        for place in places:
            self._outbox.follow(place)
            if (sent := self.letters.get(place)) is not None:
                self.clock.follow(sent.time)
        time = self.clock.stamp(now)
        before = self._look(places)
        self._outbox.begin()
        for state, key in places:
            entry = Entry(key, time, self.writer, groups[state][key])
            self._outbox.put((state, key), entry, self.versions.get(state, 0))
        return self._changes(before, "own")

    def unsaved_writes(self) -> list[Unsaved]:
        """Every own write that a restart here would lose, the oldest first."""
        return self._outbox.unsaved()

    def replay(self, writes: Iterable[Unsaved]) -> list[Change]:
        """Take back what was unsaved before a restart: at its time, now in this writer's name.

        What is newer stays, and what is there already is not written again. One time is one
        transaction, as it was, and taken or denied whole. Where this writer has something on its
        way with that very time, it and what comes after it are later by as little as that takes.
        """
        before: Seen = {}
        transactions: dict[int, list[Unsaved]] = {}
        for state, old, version in sorted(writes, key=lambda write: write[1].time):
            entry = Entry(old.key, old.time, self.writer, old.value)
            transactions.setdefault(old.time, []).append((state, entry, version))
        taken, last = self._outbox.times(), 0
        for time, transaction in transactions.items():
            lost = [write for write in transaction if not self._is_there(write[0], write[1])]
            if any(newer(entry, self.entry(state, entry.key)) for state, entry, _ in lost):
                self._look([(state, entry.key) for state, entry, _ in lost], before)
                last = max(time, last + 1)
                while last in taken:
                    last += 1
                self.clock.follow(last)  # no later one of this writer has it
                self._outbox.begin()
                for state, old, version in lost:
                    entry = Entry(old.key, last, self.writer, old.value)
                    self._outbox.put((state, old.key), entry, version)
        return self._changes(before, "own")

    def _is_there(self, state: StateId, entry: Entry) -> bool:
        """Whether this very write is there, in whosever name."""
        seen = self.entry(state, entry.key)
        return seen is not None and (seen.time, seen.value) == (entry.time, entry.value)

    def outgoing(self) -> list[Write]:
        """What has to be sent now: transactions whole, as many to a message as fit."""
        return self._outbox.take() if self.linked else []

    def transactions(self) -> Iterator[tuple[Stamp, Write]]:
        """Own transactions that are not known to be saved, and presence: what peers may need."""
        return self._outbox.transactions()

    def receipt(self, state: StateId, key: str | None = None) -> Receipt:
        """Follow what this participant has written to `state`, or to one key, and is not saved.

        `let_go` of it when nobody waits for it any more.
        """
        return self._outbox.receipt(state, key)

    def let_go(self, receipt: Receipt) -> None:
        """Follow no longer. Twice is fine."""
        self._outbox.let_go(receipt)

    @property
    def receipts(self) -> int:
        """How many receipts are followed."""
        return self._outbox.followed

    # --- from the hub

    def link_lost(self) -> None:
        self.linked = False

    def batch(self, batch: Batch, now: int) -> list[Change]:
        """Apply a batch as one step (M2)."""
        relinked, self.linked = not self.linked, True
        before = self._look(self._touched(batch))
        if batch.whole:
            self._confirmed.clear()
            self.set_aside.clear()
            self._outbox.start_over()
        self.cursor = batch.cursor
        for group in batch.groups:
            state = StateId(group.state)
            for entry in group.entries:
                self._confirm(state, entry)
        for held in self.letters.at(places_of(before)) if self.letters else []:
            if self._is_answered(held):
                self.letters.drop(held)
        changes = self._changes(before, "hub")
        if relinked or batch.whole:
            over_letters = self._stay_over_letters()
            self._outbox.send_again(now, new_link=relinked)
            changes += self._changes(over_letters, "peers")
        self.disk(batch.saved)
        for state, keys in before.items():
            for key in keys:
                self._forget_tombstone((state, key))
        return changes

    # --- from peers

    def take_in(self, held: Held) -> list[Change]:
        """A peer's letter, if the hub has not answered all of it, and there is room (M9)."""
        if self._is_answered(held):
            return []
        before = self._look(held.writes)
        self.letters.put(held)
        return self._changes(before, "peers")

    def let_letters_go(self, letters: Iterable[Held]) -> list[Change]:
        """Letters that count no longer."""
        letters = list(letters)
        before = self._look(place for held in letters for place in held.writes)
        for held in letters:
            self.letters.drop(held)
        changes = self._changes(before, "peers")
        for place in places_of(before):
            self._forget_tombstone(place)
        return changes

    def _stay_over_letters(self, latest: float = inf) -> Seen:
        """What is stamped anew from here on stays over the letters that it stands over.

        Not over those later than `latest`, where the hub would take neither. How those keys stand.
        """
        before = self._look(place for place in self._outbox.places() if place in self.letters)
        for place in places_of(before):
            own, sent = self._outbox.get(place), self.letters.get(place)
            stands = own and sent and own.settled is None and newer(own.entry, sent)
            if sent and stands and sent.time < latest:
                self.clock.follow(sent.time)
        return before

    def _is_answered(self, held: Held) -> bool:
        """Whether the hub has each of its entries, or something newer there."""
        found = ((self.confirmed_entry(*place), entry) for place, entry in held.writes.items())
        return all(there is not None and not newer(entry, there) for there, entry in found)

    def _touched(self, batch: Batch) -> Iterator[Place]:
        for group in batch.groups:
            yield from ((StateId(group.state), entry.key) for entry in group.entries)
        if batch.whole:
            for state, confirmed in self._confirmed.items():
                yield from ((state, key) for key in confirmed.entries)
            yield from self._outbox.places()

    def _confirm(self, state: StateId, entry: Entry) -> None:
        self.clock.saw(entry.time)
        self._outbox.settle((state, entry.key), entry, self.cursor)
        self._confirmed.setdefault(state, State()).put(self._readable(state, entry))

    def _readable(self, state: StateId, entry: Entry) -> Entry:
        """The entry; as one without a value, if that cannot be read (M8)."""
        self.set_aside.pop((state, entry.key), None)
        try:
            if not entry.deleted:
                decode(entry.value)
        except BadInput as error:
            self.set_aside[state, entry.key] = str(error)
            return Entry(entry.key, entry.time, entry.writer, DELETED)
        # A copy: what was decoded is a view, and would keep all of its bundle in memory.
        return Entry(entry.key, entry.time, entry.writer, entry.value.copy())

    def disk(self, cursor: int) -> None:
        """The hub's disk has reached `cursor`: what was settled up to there is saved."""
        self.saved = max(self.saved, cursor)
        for place in self._outbox.disk(self.saved):
            self._forget_tombstone(place)

    def deny(self, denial: Denial, now: int) -> list[Change]:
        """One own transaction was not taken: undo it (M5), or send it at a better time (M7)."""
        places = [(StateId(state), key) for state, key in denial.places]
        stamp = (denial.time, denial.writer)
        if denial.reason == "clock_ahead" and denial.writer == self.writer:
            self.clock.set_by(denial.now, now)
            over_letters = self._stay_over_letters(denial.now + AHEAD)
            if self._outbox.try_again(places, stamp, now):
                return self._changes(over_letters, "peers")
        before = self._look(places)
        why = Denied(denial.reason, denial.why, places[0][1] if places else "")
        self._outbox.deny(places, stamp, why)
        return self._changes(before, "denied", why)

    def drop(self, resource: ResourceId) -> None:
        """Forget the States of a resource that was removed, and own writes to it."""
        for state in (state_of(resource), presence_of(resource)):
            self._confirmed.pop(state, None)
            self.letters.drop_state(state)
            self.versions.pop(state, None)
            self._outbox.drop(state, Denied("no_resource", "this resource was removed"))
        for place in [place for place in self.set_aside if place[0] == state_of(resource)]:
            del self.set_aside[place]

    def _forget_tombstone(self, place: Place) -> None:
        """A confirmed delete is needed only to hold back an older write, own or a peer's."""
        confirmed = self._confirmed.get(place[0])
        entry = confirmed.entries.get(place[1]) if confirmed else None
        needed = place in self._outbox or place in self.letters
        if confirmed and entry and entry.deleted and not needed:
            confirmed.forget(place[1])

    # --- changes

    def _look(self, places: Iterable[Place], seen: Seen | None = None) -> Seen:
        """How keys stand now, added to what was `seen` before."""
        seen = {} if seen is None else seen
        for state, key in places:
            keys = seen.setdefault(state, {})
            if key not in keys:
                keys[key] = self.entry(state, key)
        return seen

    def _changes(self, before: Seen, cause: Cause, denied: Denied | None = None) -> list[Change]:
        changes = []
        for state, olds in before.items():
            keys = {}
            for key, old in olds.items():
                new = self.entry(state, key)
                if _value(old) != _value(new):
                    writer = new.writer if new else old.writer if old else ""
                    keys[key] = Changed(_value(old), _value(new), writer)
            if keys:
                changes.append(Change(state, keys, cause, denied))
        return changes


def places_of(seen: Seen) -> Iterator[Place]:
    return ((state, key) for state, keys in seen.items() for key in keys)


def _value(entry: Entry | None) -> Raw | None:
    return None if entry is None or entry.deleted else entry.value
