"""What a participant may write into a call, and how much of it there may be.

Every entry is looked at by itself, on its way in: its form, its writer, its time, the rights that
role and key rules give, and the room that is left.
"""

from collections.abc import Callable, Mapping

from callmesh.app import KeyWriter, Manifest, may_write
from callmesh.clock import MICROSECONDS
from callmesh.errors import BadInput, BadValue
from callmesh.ids import (
    CALL,
    ROSTER,
    ResourceId,
    StateId,
    presence_of,
    resource_of,
    state_id,
    writes_for,
)  # fmt: skip
from callmesh.ledger import Ledger
from callmesh.participant import Participant, Role
from callmesh.resource import ACTIVE, ResourceRecord, read_record, resource_in
from callmesh.state import Entry, State
from callmesh.values import check_key, decode

AHEAD = 5 * MICROSECONDS
"""How far into the future a write may be stamped."""
FOLLOWING = 100
"""How far beyond the largest accepted time it may be: room for writes in flight."""
MAX_KEYS = 10_000
MOST_REGISTERS = 4 * MAX_KEYS
"""Live keys and remembered deletes of one State."""
MAX_PRESENCE_KEYS = 64
MAX_STATE = 16 * 1024 * 1024
MAX_PRESENCE = 4 * 1024
MAX_RESOURCES = 64


class Rights:
    """`resources` is what the call holds now; `manifest_of` knows the apps of this hub."""

    def __init__(
        self,
        ledger: Ledger,
        resources: Mapping[ResourceId, ResourceRecord],
        manifest_of: Callable[[str], Manifest | None],
    ) -> None:
        self._ledger = ledger
        self._resources = resources
        self._manifest_of = manifest_of

    def refusal(
        self, me: Participant, state: str, entry: Entry, now: int
    ) -> tuple[str, str] | None:
        """Why `entry` is not taken, as a reason and a sentence; None if it is (H1)."""
        try:
            place = state_id(state)
            check_key(entry.key)
            value = None if entry.deleted else decode(entry.value)
            if place == CALL:
                _check_call_entry(entry, value)
        except BadInput as error:
            return "bad_value", str(error)
        if not writes_for(entry.writer, me.id):
            return "foreign_writer", "a write is signed with one's own participant id"
        if entry.time > max(now + AHEAD, self._ledger.seen + FOLLOWING):
            return "clock_ahead", "this device's clock is too far ahead; join again to correct it"
        resource = resource_of(place)
        if resource is not None and resource not in self._resources:
            return "no_resource", "this resource is not in the call any more"
        return self._rights(me, place, resource, entry, value) or self._room(place, entry)

    def _rights(
        self,
        me: Participant,
        state: StateId,
        resource: ResourceId | None,
        entry: Entry,
        value: object,
    ) -> tuple[str, str] | None:
        if state == ROSTER:
            return "no_right", "the roster is the hub's own"
        if state == CALL:
            return self._call_rights(me, entry, value)
        assert resource is not None
        if state == presence_of(resource):
            own = entry.key == me.id or entry.key.startswith(f"{me.id}/")
            return None if own else ("no_right", "presence is written under one's own id")
        record = self._resources[resource]
        manifest = self._manifest_of(record.app)
        writer = KeyWriter(me.id, me.person, me.role, owner=record.owner == me.person)
        if may_write(manifest.keys if manifest else [], entry.key, writer):
            return None
        return "no_right", f"the rules of {record.app} do not let you write {entry.key}"

    def _call_rights(self, me: Participant, entry: Entry, value: object) -> tuple[str, str] | None:
        if not me.role.may_edit:
            return "no_right", "observers change nothing"
        resource = resource_in(entry.key)
        if resource is not None:
            return self._resource_rights(me, resource, entry, value)
        if entry.key == ACTIVE or me.role is Role.HOST:
            return None
        return "no_right", "only a host changes the settings of the call"

    def _resource_rights(
        self, me: Participant, resource: ResourceId, entry: Entry, value: object
    ) -> tuple[str, str] | None:
        record = self._resources.get(resource)
        if record and me.role is not Role.HOST and record.owner != me.person:
            return "no_right", "only a host, or who added a resource, changes or removes it"
        if entry.deleted:
            return None if record else ("no_resource", "there is no such resource to remove")
        wanted = read_record(value)
        if self._manifest_of(wanted.app) is None:
            return "no_app", f"this hub has no app called {wanted.app}"
        if wanted.owner != (record.owner if record else me.person):
            return "no_right", "the owner of a resource is the person who added it"
        if record is not None and wanted.app != record.app:
            return "no_right", "a resource stays with its app"
        if record is None and len(self._resources) >= MAX_RESOURCES:
            return "full", f"a call has at most {MAX_RESOURCES} resources; remove one first"
        return None

    def _room(self, state: StateId, entry: Entry) -> tuple[str, str] | None:
        kept = self._ledger.state(state)
        old = kept.entries.get(entry.key)
        if entry.deleted:
            return None
        if old is None or old.deleted:
            if kept.keys >= MAX_KEYS or len(kept.entries) >= MOST_REGISTERS:
                return "full", f"a State has at most {MAX_KEYS} keys"
            if state.startswith("presence/") and self._presence(kept, entry) >= MAX_PRESENCE_KEYS:
                return "full", f"a participant shows at most {MAX_PRESENCE_KEYS} things"
        if kept.size + entry.size - (old.size if old else 0) > MAX_STATE:
            return "full", f"a State has at most {MAX_STATE} bytes"
        if state.startswith("presence/") and entry.size > MAX_PRESENCE:
            return "full", f"a presence value has at most {MAX_PRESENCE} bytes"
        return None

    def _presence(self, kept: State, entry: Entry) -> int:
        """How many keys the participant who writes `entry` shows already."""
        own = entry.key.partition("/")[0]
        return sum(found.key.partition("/")[0] == own for found in kept.live())


def _check_call_entry(entry: Entry, value: object) -> None:
    """What the hub must understand: resource records, and which one is in view."""
    if resource_in(entry.key) is not None:
        if not entry.deleted:
            read_record(value)
    elif entry.key == ACTIVE and not (entry.deleted or isinstance(value, str)):
        raise BadValue("active is the id of a resource")
