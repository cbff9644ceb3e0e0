"""Who may do what, as a participant's replica knows it: what the hub would say beforehand."""

import contextlib
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Protocol

import msgspec
from msgspec import Raw

from callmesh.app import CLOSED, Capability, KeyRule, Rules, Standing, Who, not_asked
from callmesh.callstate import CallState, check_call_key, resource_about, version_in
from callmesh.errors import BadInput, Denied
from callmesh.ids import (
    APPS,
    CALL,
    ParticipantId,
    PersonId,
    ResourceId,
    StateId,
    is_presence,
    resource_of,
    state_of,
)  # fmt: skip
from callmesh.participant import Access, Participant, Role
from callmesh.resource import ACTIVE, ResourceRecord, resource_in
from callmesh.state import Entry
from callmesh.values import decode


class ToldRule(msgspec.Struct):
    """A key rule, every list spelled out. A word of a later hub lets in nobody here."""

    key: str
    write: list[str]
    change: list[str]
    read: list[str]

    def rule(self) -> KeyRule:
        return KeyRule(self.key, _known(self.write), _known(self.change), _known(self.read))


class Told(msgspec.Struct):
    """What the hub tells of an app; what a later hub adds is passed over."""

    keys: list[ToldRule]
    capabilities: list[str] = []
    owned: bool = True


class Readable(Protocol):
    """What is read: a mesh, or what the hub has confirmed of one."""

    @property
    def read_only(self) -> str | None: ...

    @property
    def versions(self) -> Mapping[StateId, int]: ...

    def value(self, state: StateId, key: str) -> Raw | None: ...

    def keys(self, state: StateId) -> Iterable[str]: ...


class Standings:
    """Reads a mesh. `follow` after each change of the call's own State or of apps."""

    def __init__(self, mesh: Readable) -> None:
        self._mesh = mesh
        self._call = CallState()
        self._rules: dict[str, Rules] = {}
        self._capabilities: dict[str, list[str]] = {}
        self._unowned: set[str] = set()
        """Apps whose resources hosts alone change and remove (J7)."""

    def follow(self) -> None:
        self._call = CallState(self._values(CALL))
        self._rules = {}
        self._capabilities = {}
        self._unowned = set()
        for app, value in self._values(APPS):
            with contextlib.suppress(msgspec.ValidationError):
                told = msgspec.convert(value, Told)
                self._rules[app] = Rules([rule.rule() for rule in told.keys])
                self._capabilities[app] = told.capabilities
                if not told.owned:
                    self._unowned.add(app)

    def _values(self, state: StateId) -> list[tuple[str, Any]]:
        found = [(key, self._mesh.value(state, key)) for key in self._mesh.keys(state)]
        return [(key, decode(value)) for key, value in found if value is not None]

    def access(self, resource: ResourceId, someone: Participant) -> Access:
        """What somebody may do with a resource, before the key rules narrow it."""
        return self._call.access(resource, someone)

    def settings(self, resource: ResourceId) -> dict[str, Access]:
        """What hosts have set for it, by role and person."""
        return self._call.settings(resource)

    def version(self, resource: ResourceId) -> int:
        """Which form its state has."""
        return self._call.version(resource)

    def check_capability(self, resource: ResourceId, capability: Capability) -> None:
        """Raises `Denied` unless the resource's app has asked for it."""
        record = self._call.resources.get(resource)
        if record is not None and capability not in self._capabilities.get(record.app, []):
            raise Denied("no_capability", not_asked(record.app, capability))

    def stand(self, resource: ResourceId, someone: Participant) -> Hashable:
        """All that decides about somebody's writes; while it is the same, so is what may be."""
        record = self._call.resources.get(resource)
        told = self._mesh.value(APPS, record.app) if record else None
        speaks = self._mesh.versions.get(state_of(resource), 0)
        access, version = self.access(resource, someone), self.version(resource)
        rules = None if told is None else bytes(told)
        return access, someone.role, version, speaks, rules, self._mesh.read_only

    def can_write(self, resource: ResourceId, key: str, someone: Participant) -> bool:
        """Whether somebody may write a key of a resource's state, as it stands."""
        record = self._call.resources.get(resource)
        if record is None or self._mesh.read_only is not None:
            return False
        if self.access(resource, someone) is not Access.EDIT:
            return False
        version = self._mesh.versions.get(state_of(resource), 0)
        if version not in (0, self.version(resource)):
            return False
        standing = _standing(record, someone)
        new = self._mesh.value(state_of(resource), key) is None
        with contextlib.suppress(BadInput):
            return self._rules.get(record.app, CLOSED).may_write(key, standing, new=new)
        return False

    def can_write_call(self, key: str, someone: Participant) -> bool:
        """Whether somebody may write a key of the call's own State, as it stands."""
        try:
            check_call_key(key)
        except BadInput:
            return False
        if self._mesh.read_only is not None:
            return False
        about = resource_about(key)
        found = self._call.kept if resource_in(key) else self._call.resources
        record = found.get(about) if about else None
        may_edit = about is not None and self.access(about, someone) is Access.EDIT
        if about is not None and version_in(key) is not None:
            return self.may_migrate(about, someone)
        if not someone.role.may_edit or someone.half:
            return False
        if resource_in(key) is not None:
            if record is None or someone.role is Role.HOST:
                return True
            own = record.owner == someone.person and record.app not in self._unowned
            return own and may_edit
        if key == ACTIVE:
            return True
        return someone.role is Role.HOST and (about is None or record is not None)

    # --- of letters

    def may_have(self, state: StateId, entry: Entry, someone: Participant) -> bool:
        """Whether an entry is for somebody's eyes, as things stand here."""
        resource = _subject(state, entry)
        if resource is None:
            return state == CALL
        record = self._call.resources.get(resource)
        if self.access(resource, someone) is Access.HIDDEN:
            return False
        if record is None or state != state_of(resource):
            return record is not None or state == CALL
        return self._rules.get(record.app, CLOSED).may_read(entry.key, _standing(record, someone))

    def is_for_all(self, state: StateId, entry: Entry) -> bool:
        """Whether it is for everybody who may ever be in the call, as things stand here."""
        resource = _subject(state, entry)
        if resource is None:
            return state == CALL
        record = self._call.resources.get(resource)
        if record is None or Access.HIDDEN in self.settings(resource).values():
            return False
        if state != state_of(resource):
            return True
        rules, nobody = self._rules.get(record.app, CLOSED), (ParticipantId(""), PersonId(""))
        return all(rules.may_read(entry.key, Standing(*nobody, role, False)) for role in Role)

    def may_have_written(self, state: StateId, key: str, author: Participant) -> bool:
        """Whether nothing known here speaks against it: what is new is the hub's to judge."""
        if state == CALL:
            if version_in(key) is not None:
                return False  # a migration waits for the hub
            about = resource_about(key)
            if about is not None and about not in self._call.resources:
                adds = author.role.may_edit and resource_in(key) == about
                return adds or author.role is Role.HOST
            return self.can_write_call(key, author)
        resource = resource_of(state)
        if is_presence(state):
            return key == author.id or key.startswith(f"{author.id}/")
        if resource is None or resource not in self._call.resources:
            return resource is not None
        return self.can_write(resource, key, author)

    def may_migrate(self, resource: ResourceId, someone: Participant) -> bool:
        """Whether somebody may bring its state to a later version: edit it, and read all of it."""
        record = self._call.resources.get(resource)
        if record is None or self.access(resource, someone) is not Access.EDIT:
            return False
        return self._rules.get(record.app, CLOSED).may_read_all(_standing(record, someone))


def _standing(record: ResourceRecord, someone: Participant) -> Standing:
    owner = record.owner == someone.person
    half = someone.half != ""  # it sees its own resource alone
    return Standing(someone.id, someone.person, someone.role, owner, half)


def _subject(state: StateId, entry: Entry) -> ResourceId | None:
    """The resource that an entry is about, or names."""
    if state != CALL:
        return resource_of(state)
    if entry.key == ACTIVE and not entry.deleted:
        return ResourceId(str(decode(entry.value)))
    return resource_about(entry.key)


def _known(words: list[str]) -> tuple[Who, ...]:
    return tuple(Who(word) for word in words if word in list(Who))
