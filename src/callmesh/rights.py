"""What a participant may write into a call, and how much of it there may be.

A transaction is looked at as one, on its way in: the form of its entries, their writer, their time,
the rights that role, access and key rules give, and the room that is left. What goes out to whom
is the business of `sight`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from callmesh.app import Rulebook, Standing
from callmesh.callstate import (
    CallState,
    check_call_key,
    check_call_value,
    resource_about,
    setting_in,
    version_in,
)
from callmesh.clock import AHEAD, FOLLOWING
from callmesh.errors import BadInput
from callmesh.ids import (
    APPS,
    CALL,
    DOOR,
    HUB_STATE,
    ROSTER,
    ResourceId,
    StateId,
    is_presence,
    is_volatile,
    presence_of,
    resource_of,
    state_id,
    state_of,
    writes_for,
)  # fmt: skip
from callmesh.ledger import Ledger
from callmesh.limits import Limits
from callmesh.participant import Access, Participant, Role
from callmesh.resource import ACTIVE, ResourceRecord, read_record, resource_in
from callmesh.state import DELETED, Entry, HeadedState, newer
from callmesh.values import check_key, decode, encode, encode_anew

CREEPING = 2
"""Microseconds by which a write may follow very far ahead: one, and one for what was taken back."""
MAX_GRANTED = 1_000
"""Grants that are remembered of a call."""
MAX_ENTRIES = 20_000
"""Of one transaction: by default as many as clear a full State and fill it anew."""

Written: TypeAlias = tuple[str, Entry, int]
"""An entry as it came: its State, and the state version its writer speaks."""
Taken: TypeAlias = tuple[StateId, Entry]


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: str
    """One of `errors.DENIALS`."""
    why: str
    """A sentence for the author."""
    place: tuple[str, str] = ("", "")
    """State and key of the entry at fault."""


NO_RESOURCE = Refusal("no_resource", "this resource is not in the call any more")
USED = Refusal(
    "no_resource", "a resource that was removed does not come back: add another one in its place"
)


class Grant(msgspec.Struct, frozen=True):
    """That somebody may change a key that is there, as long as the call stands as it does."""

    me: Participant
    state: StateId
    room: int
    """Bytes that its value may have."""


@dataclass(slots=True)
class Tally:
    """What one transaction adds to a State, or takes from it."""

    last: Entry
    """The last that adds something: the one at fault if there is no room for it."""
    keys: int = 0
    size: int = 0
    counted: set[str] = field(default_factory=set)
    """Keys that are in it: the same one once more is not taken."""


@dataclass(slots=True)
class Transaction:
    """What has been looked at so far of one transaction."""

    me: Participant
    added: dict[ResourceId, ResourceRecord] = field(default_factory=dict)
    removed: set[ResourceId] = field(default_factory=set)
    restored: set[ResourceId] = field(default_factory=set)
    migrated: dict[ResourceId, int] = field(default_factory=dict)
    tallies: dict[StateId, Tally] = field(default_factory=dict)


class Rights:
    """What the hub lets in."""

    def __init__(self, ledger: Ledger, call: CallState, rulebook: Rulebook, limits: Limits) -> None:
        self._ledger = ledger
        self._call = call
        self._rulebook = rulebook
        self.read_only: str | None = None
        """Why nothing new is taken that is to be saved; None while it is."""
        self._limits = limits
        self._latest = ledger.seen
        """The latest it has been: a clock that was set back does not make others late."""
        self._granted: dict[tuple[str, str, str, int], Grant] = {}
        """By writer, State, key and version."""
        self._granted_at = 0

    def forget(self) -> None:
        """The rules of some app may be others."""
        self._granted.clear()

    def check_change(
        self, me: Participant, state: str, entry: Entry, version: int, now: int
    ) -> Taken | None:
        """What `check` says of a single entry that changes what its writer has changed before.

        None where that is not so, or where anything speaks against it: then `check` has to say.
        """
        if self._granted_at != self._call.turns:
            self._granted.clear()
            self._granted_at = self._call.turns
            return None
        grant = self._granted.get((entry.writer, state, entry.key, version))
        if grant is None or grant.me is not me or self.read_only is not None:
            return None
        there = self._ledger.states.get(grant.state)
        old = there.entries.get(entry.key) if there is not None else None
        if there is None or old is None or old.value == DELETED or entry.value == DELETED:
            return None
        if entry.time > now + AHEAD or entry.time <= old.time or len(entry.value) > grant.room:
            return None
        try:
            value = encode_anew(entry.value, limit=grant.room)
        except BadInput:
            return None
        grown = len(value) - len(old.value)
        if grown > 0 and there.size + grown > self._limits.state_bytes:
            return None
        self._latest = max(self._latest, now)
        return grant.state, Entry(entry.key, entry.time, entry.writer, value)

    def _grant(self, me: Participant, taken: Taken, version: int) -> None:
        """Remember that somebody may change what is there, for when they do so again."""
        state, entry = taken
        old = self._old(state, entry)
        if state == CALL or entry.deleted or old is None or old.deleted or old.stamp == entry.stamp:
            return  # a new key, or one that is sent again, goes by other rules
        room = self._limits.value_bytes
        if is_presence(state):
            room = min(room, self._limits.presence_bytes - (entry.size - len(entry.value)))
        if len(self._granted) >= MAX_GRANTED:
            self._granted.clear()
        self._granted[entry.writer, state, entry.key, version] = Grant(me, state, room)

    def check(self, me: Participant, written: Sequence[Written], now: int) -> list[Taken] | Refusal:
        """The entries of one transaction as they are to be kept, or why none of them is taken."""
        if len(written) > MAX_ENTRIES:
            return Refusal("full", f"a transaction has at most {MAX_ENTRIES} entries")
        transaction = Transaction(me)
        taken: list[Taken] = []
        if len(written) > 1:
            written = sorted(written, key=lambda item: item[0] != CALL)
        for state, entry, version in written:
            found = self._check(transaction, state, entry, version, now)
            if isinstance(found, Refusal):
                if self._was_taken(me, written):
                    return [(StateId(state), entry) for state, entry, _ in written]
                return Refusal(found.reason, found.why, (state, entry.key))
            taken.append(found)
        refusal = self._room(transaction)
        if refusal is None and len(written) == 1:
            self._grant(me, taken[0], written[0][2])
        return refusal or taken

    def _was_taken(self, me: Participant, written: Sequence[Written]) -> bool:
        """Whether it is sent again, and changes nothing: one's rights may be others by now.

        What has overtaken an entry counts where its writer sees it: the answer tells of it, and
        must not tell of anything that is not for them.
        """
        again = False
        for state, entry, _ in written:
            place = StateId(state)
            old = self._old(place, entry)
            if old is None or newer(entry, old) or not writes_for(entry.writer, me.id):
                return False
            if old.stamp != entry.stamp and not self._sees(me, place, entry.key):
                return False
            again = again or old.stamp == entry.stamp
        return again

    def _sees(self, me: Participant, state: StateId, key: str) -> bool:
        """Whether somebody may read a key: the hub's own States count as not."""
        resource = resource_about(key) if state == CALL else resource_of(state)
        if resource is None:
            return state == CALL
        record = self._call.resources.get(resource)
        if record is None:  # it was removed: its id has to be known already
            return state == CALL
        if self._call.access(resource, me) is Access.HIDDEN:
            return False
        if state != state_of(resource):
            return True
        standing = _standing(me, record)
        return self._rulebook.rules(record.app).may_read(key, standing)

    def _check(
        self, transaction: Transaction, state: str, entry: Entry, version: int, now: int
    ) -> Taken | Refusal:
        me = transaction.me
        rule = "S4"
        try:
            place = state_id(state)
            check_key(entry.key)
            rule = "S3"
            limit = self._limits.value_bytes
            value = None if entry.deleted else decode(entry.value, limit=limit)
            kept = _as_kept(entry, value, limit)
            if place == CALL:
                rule = "J7"
                check_call_key(entry.key)
                if not entry.deleted:
                    check_call_value(entry.key, value)
        except BadInput as error:
            return Refusal("bad_value", f"{error} ({rule})")
        if not writes_for(entry.writer, me.id):
            return Refusal("foreign_writer", "a write is signed with one's own participant id (J4)")
        if self._is_ahead(entry.time, now):
            return Refusal("clock_ahead", "this device's clock is too far ahead (J5)")
        refusal = self._rights(transaction, place, kept, value, version)
        refusal = refusal or self._saving(place, kept)
        if refusal is None:
            self._count(transaction, place, kept)
        return refusal or (place, kept)

    def _saving(self, state: StateId, entry: Entry) -> Refusal | None:
        """What the disk does not take now. What is there already changes nothing (L8)."""
        if self.read_only is None or is_volatile(state):
            return None
        old = self._old(state, entry)
        there = old is not None and old.stamp >= entry.stamp
        return None if there else Refusal("read_only", f"{self.read_only} (L8)")

    def _is_ahead(self, time: int, now: int) -> bool:
        """Whether it is far ahead of the clock, and does not merely follow what came before.

        Very far ahead those who write fast get no further than time does, whoever helps them.
        """
        self._latest = max(self._latest, now)
        most = FOLLOWING if time <= self._latest + 2 * AHEAD else CREEPING
        return time > max(now + AHEAD, self._ledger.seen + most)

    def _rights(
        self, transaction: Transaction, state: StateId, entry: Entry, value: object, version: int
    ) -> Refusal | None:
        if state == CALL:
            return self._call_rights(transaction, entry, value)
        resource = resource_of(state)
        if resource is None:
            assert state in (ROSTER, APPS, DOOR, HUB_STATE)
            return Refusal("no_right", f"the {state} State is the hub's own")
        record = self._record(transaction, resource)
        if record is None:
            return NO_RESOURCE
        if state == presence_of(resource):
            return _presence_rights(transaction.me, entry, self._limits)
        return self._state_rights(transaction, resource, record, (state, entry), version)

    def _record(self, transaction: Transaction, resource: ResourceId) -> ResourceRecord | None:
        """The record of a resource that there is, for the writer."""
        if resource in transaction.removed:
            return None
        if resource in transaction.added:
            return transaction.added[resource]
        me = transaction.me
        if self._call.access(resource, me) is Access.HIDDEN:
            return None
        return self._call.resources.get(resource)

    def _may_edit(self, transaction: Transaction, resource: ResourceId) -> bool:
        me = transaction.me
        if resource in transaction.added:
            return True
        return self._call.access(resource, me) is Access.EDIT

    def _state_rights(
        self,
        transaction: Transaction,
        resource: ResourceId,
        record: ResourceRecord,
        written: Taken,
        version: int,
    ) -> Refusal | None:
        me, (state, entry) = transaction.me, written
        if not self._may_edit(transaction, resource):
            return Refusal("no_right", f"you may look at {record.title}, and not change it")
        current = transaction.migrated.get(resource) or self._call.version(resource)
        if resource in transaction.added:
            current = version
        if version not in (0, current):
            return Refusal(
                "outdated", f"{record.title} is at version {current} of its state: reload the app"
            )
        standing = _standing(me, record)
        free = me.role is Role.HOST or standing.owner or standing.half
        if resource in transaction.migrated and free:
            return None  # a migration touches everything, whoever wrote it
        rules = self._rulebook.rules(record.app)
        if not rules.rules:
            return None
        old = self._old(state, entry)
        if old is not None and old.stamp == entry.stamp:
            return None  # sent again: it is there, and changes nothing
        new = old is None or old.deleted
        if rules.may_write(entry.key, standing, new=new):
            return None
        changes = not new and rules.may_read(entry.key, standing)  # else the words would tell
        who = rules.who_may(entry.key, new=not changes)
        return Refusal("no_right", f"{who} in {record.title}")

    def _old(self, state: StateId, entry: Entry) -> Entry | None:
        return self._ledger.state(state).entries.get(entry.key)

    # --- the call's own State

    def _call_rights(self, transaction: Transaction, entry: Entry, value: object) -> Refusal | None:
        me, key = transaction.me, entry.key
        if (resource := version_in(key)) is not None:
            return self._migration(transaction, resource, entry, value)
        if not me.role.may_edit:
            return Refusal("no_right", "observers change nothing")
        if me.half:
            return Refusal("no_right", "a Python half changes its own resource's state alone")
        if (resource := resource_in(key)) is not None:
            return self._resource_rights(transaction, resource, entry, value)
        if key == ACTIVE:
            return None
        if me.role is not Role.HOST:
            return Refusal("no_right", "only a host changes access and settings of the call")
        setting = setting_in(key)
        if setting and not self._record(transaction, setting.resource):
            return NO_RESOURCE
        return None

    def _resource_rights(
        self, transaction: Transaction, resource: ResourceId, entry: Entry, value: object
    ) -> Refusal | None:
        me = transaction.me
        record = self._record(transaction, resource) or self._restorable(transaction, resource)
        if record is None and resource in self._call.kept:
            return NO_RESOURCE
        if record is None and not entry.deleted and self._old(CALL, entry) is not None:
            return USED  # (R11)
        if record and me.role is not Role.HOST:
            manifest = self._rulebook.manifest_of(record.app)
            if manifest is not None and not manifest.owned:
                return Refusal("no_right", f"only hosts change or remove {manifest.name}")
            own = record.owner == me.person and self._may_edit(transaction, resource)
            if not own:
                return Refusal(
                    "no_right", "only hosts, or who added it, change or remove a resource"
                )
        if entry.deleted:
            transaction.removed.add(resource)
            return None if record else NO_RESOURCE
        wanted = read_record(value)
        if record is None:
            return self._new_resource(transaction, resource, wanted)
        if wanted.owner != record.owner:
            return Refusal("no_right", "the owner of a resource is the person who added it")
        if wanted.app != record.app:
            return Refusal("no_right", "a resource stays with its app")
        if record.removed and not wanted.removed:
            transaction.restored.add(resource)
            return self._room_for(transaction)
        return None

    def _restorable(self, transaction: Transaction, resource: ResourceId) -> ResourceRecord | None:
        """The record of one that was removed, and can be restored by the writer (R12)."""
        if resource in transaction.removed:
            return None
        if self._call.access(resource, transaction.me) is Access.HIDDEN:
            return None
        return self._call.removed.get(resource)

    def _room_for(self, transaction: Transaction) -> Refusal | None:
        """Whether all that it adds and restores has room in the call."""
        most = self._limits.resources
        more = len(transaction.added) + len(transaction.restored)
        if len(self._call.resources) + more > most:
            return Refusal("full", f"a call has at most {most} resources; remove one first")
        return None

    def _new_resource(
        self, transaction: Transaction, resource: ResourceId, wanted: ResourceRecord
    ) -> Refusal | None:
        manifest = self._rulebook.manifest_of(wanted.app)
        if manifest is None:
            return Refusal("no_app", f"this hub has no app called {wanted.app}")
        if wanted.owner != transaction.me.person:
            return Refusal("no_right", "the owner of a resource is the person who added it")
        if wanted.removed:
            return Refusal("bad_value", "a resource that was never there is not removed (R12)")
        if transaction.me.role.value not in manifest.add:
            who = " and ".join(f"{role}s" for role in manifest.add)
            return Refusal("no_right", f"only {who} add {manifest.name}")
        transaction.added[resource] = wanted
        return self._room_for(transaction)

    def _migration(
        self, transaction: Transaction, resource: ResourceId, entry: Entry, value: object
    ) -> Refusal | None:
        """A step to a later state version: each is taken once."""
        me = transaction.me
        record = self._record(transaction, resource)
        if record is None or resource in transaction.added:
            return NO_RESOURCE
        if not self._may_edit(transaction, resource):
            return Refusal("no_right", f"you may look at {record.title}, and not change it")
        manifest = self._rulebook.manifest_of(record.app)
        most = manifest.state.version if manifest else 0
        if not isinstance(value, int) or value > most:
            return Refusal("bad_value", f"{record.app} is at state version {most} on this hub (R9)")
        old = self._old(CALL, entry)
        if old is not None and old.stamp == entry.stamp:
            return None  # sent again, and no way around the key rules any more
        current = self._call.version(resource)
        if value <= current or not newer(entry, old):
            return Refusal("outdated", f"{record.title} is at version {current} already")
        standing = _standing(me, record)
        if not self._rulebook.rules(record.app).may_read_all(standing):
            return Refusal(
                "no_right",
                f"who brings {record.title} to version {value} of its state has to read all of it",
            )
        transaction.migrated[resource] = value
        return None

    # --- room

    def _count(self, transaction: Transaction, state: StateId, entry: Entry) -> None:
        """Add an entry to what the transaction changes; one that does not win changes nothing."""
        old = self._ledger.state(state).entries.get(entry.key)
        tally = transaction.tallies.get(state)
        if tally is None:
            tally = transaction.tallies[state] = Tally(entry)
        if entry.key in tally.counted or not newer(entry, old):
            return
        tally.counted.add(entry.key)
        if not entry.deleted:
            tally.last = entry
            tally.keys += 1
            tally.size += entry.size
        if old is not None and not old.deleted:
            tally.keys -= 1
            tally.size -= old.size

    def _room(self, transaction: Transaction) -> Refusal | None:
        """Whether there is room for the transaction as a whole, with what it makes room for."""
        for state, tally in transaction.tallies.items():
            place = (state, tally.last.key)
            kept, limits = self._ledger.state(state), self._limits
            if tally.keys > 0 and kept.keys + tally.keys > limits.keys:
                return Refusal("full", f"a State has at most {limits.keys} keys", place)
            if tally.size > 0 and kept.size + tally.size > limits.state_bytes:
                return Refusal("full", f"a State has at most {limits.state_bytes} bytes", place)
            shown = len(kept.under(transaction.me.id)) if isinstance(kept, HeadedState) else 0
            if is_presence(state) and tally.keys > 0 and shown + tally.keys > limits.presence_keys:
                why = f"a participant shows at most {limits.presence_keys} things"
                return Refusal("full", why, place)
        return None


def _standing(me: Participant, record: ResourceRecord) -> Standing:
    """Who somebody is towards a resource that they see: a half sees its own alone."""
    return Standing(me.id, me.person, me.role, record.owner == me.person, me.half != "")


def _presence_rights(me: Participant, entry: Entry, limits: Limits) -> Refusal | None:
    if entry.key != me.id and not entry.key.startswith(f"{me.id}/"):
        return Refusal("no_right", "presence is written under one's own id")
    if not entry.deleted and entry.size > limits.presence_bytes:
        return Refusal("full", f"a presence value has at most {limits.presence_bytes} bytes")
    return None


def _as_kept(entry: Entry, value: object, limit: int) -> Entry:
    """The entry with its value encoded once more, by us.

    What came may say a member's name twice; one reader keeps the last, another looks at both. What
    one browser cannot read must not reach any.
    """
    data = DELETED if entry.deleted else encode(value, limit=limit)
    return Entry(entry.key, entry.time, entry.writer, data)
