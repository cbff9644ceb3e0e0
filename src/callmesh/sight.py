"""What of a call a participant may see: the filter on everything that goes out."""

from collections.abc import Mapping
from typing import TypeAlias
from weakref import WeakValueDictionary

from callmesh.app import Rulebook, Rules, Standing
from callmesh.callstate import CallState, resource_about
from callmesh.ids import (
    CALL,
    DOOR,
    HUB,
    RECORD,
    ParticipantId,
    PersonId,
    ResourceId,
    StateId,
    presence_of,
    resource_of,
    state_of,
)  # fmt: skip
from callmesh.participant import Access, Participant, Role
from callmesh.resource import ACTIVE, ResourceRecord
from callmesh.state import DELETED, Entry
from callmesh.values import decode

Subject: TypeAlias = ResourceId | StateId
"""What is shown or not as one: a resource, or the State of the door."""
Part: TypeAlias = tuple[Rules, Standing] | None
"""What somebody sees of one subject: all of it, or what its rules let them read."""


class Sight:
    """What of a call somebody may see. Those who may see the same share one."""

    __slots__ = ("__weakref__", "_parts", "whole")

    def __init__(self, parts: Mapping[Subject, Part]) -> None:
        self._parts = parts
        self.whole = frozenset(
            state
            for subject, part in parts.items()
            if part is None and subject != DOOR
            for state in (state_of(ResourceId(subject)), presence_of(ResourceId(subject)))
        )
        """States of which everything is for these eyes."""

    def sees(self, resource: ResourceId) -> bool:
        return resource in self._parts

    def shows(self, state: StateId, entry: Entry) -> bool:
        """Whether an entry is for these eyes: a delete, if what was deleted was."""
        if state == RECORD:
            return False
        if state == DOOR:
            return DOOR in self._parts
        resource = resource_of(state)
        if resource is None:
            about = resource_about(entry.key) if state == CALL else None
            return about is None or about in self._parts
        if resource not in self._parts:
            return False
        part = self._parts[resource]
        if part is None or state == presence_of(resource):
            return True
        rules, standing = part
        return rules.may_read(entry.key, standing)

    def shown(self, state: StateId, entry: Entry) -> Entry | None:
        """The entry as these eyes get it: as it is, or taken back, or not at all."""
        if state == CALL and entry.key == ACTIVE and not entry.deleted:
            return entry if decode(entry.value) in self._parts else taken_back(entry)
        return entry if self.shows(state, entry) else None

    def differs(self, other: "Sight") -> set[Subject]:
        """The subjects of which this shows something else than `other`."""
        both = self._parts.keys() | other._parts.keys()
        return {r for r in both if self._parts.get(r, False) != other._parts.get(r, False)}


def taken_back(entry: Entry) -> Entry:
    """What somebody gets for an entry they may not see (any more): a delete of the hub's.

    One microsecond later, so that a write of theirs which it had overtaken is answered too.
    """
    return Entry(entry.key, entry.time + 1, HUB, DELETED)


class Sights:
    """Gives each participant their sight of a call as it stands."""

    def __init__(self, call: CallState, rulebook: Rulebook) -> None:
        self._call = call
        self._rulebook = rulebook
        self._known: WeakValueDictionary[object, Sight] = WeakValueDictionary()
        """As long as some link has them, so that those who may see the same share one."""

    def of(self, me: Participant) -> Sight:
        parts: dict[Subject, Part] = {DOOR: None} if me.role is Role.HOST else {}
        for resource, record in self._call.kept.items():
            if self._call.access(resource, me) is not Access.HIDDEN:
                parts[resource] = self._part(me, record)
        same = tuple(parts.items())
        return self._known.get(same) or self._known.setdefault(same, Sight(parts))

    def _part(self, me: Participant, record: ResourceRecord) -> Part:
        rules = self._rulebook.rules(record.app)
        if not rules.restrict_reading or me.half:
            return None
        owner = record.owner == me.person
        if rules.reading_names:
            return rules, Standing(me.id, me.person, me.role, owner)
        return rules, Standing(ParticipantId(""), PersonId(""), me.role, owner)  # shared by more
