"""What the call's own State says: its resources, and who may do what with them.

resource/<id>        a `ResourceRecord`
access/<id>/<who>    what a role or a person may do with it: edit, view or hidden; `waiting` is who
                     waits to be let in
version/<id>         which form its state has; 1 where nothing is said
waiting_area         whether hosts are asked before somebody comes in
locked               whether nobody new comes in
active               the resource in view for everybody
"""

from collections.abc import Iterable
from dataclasses import dataclass

from callmesh.errors import BadInput, BadValue
from callmesh.ids import ResourceId, person_id, resource_id
from callmesh.participant import Access, Participant, Role, access_of
from callmesh.resource import ACTIVE, ResourceRecord, read_record, resource_in
from callmesh.values import MAX_INTEGER

WAITING_AREA = "waiting_area"
LOCKED = "locked"
WAITING = "waiting"
"""Whom an access setting may be for besides roles and persons: who waits to be let in."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What one access key is about."""

    resource: ResourceId
    who: str


def setting_in(key: str) -> Setting | None:
    """The access setting that stands under `key`. Raises `BadName` or `BadValue`."""
    match key.split("/"):
        case ["access", resource, who]:
            if who not in (*Role, WAITING):
                person_id(who)
            return Setting(resource_id(resource), who)
        case ["access", *_]:
            raise BadValue("settings stand under access/<resource>/<who>")
        case _:
            return None


def version_in(key: str) -> ResourceId | None:
    """The resource whose state version stands under `key`. Raises `BadName`."""
    return resource_id(key.removeprefix("version/")) if key.startswith("version/") else None


def resource_about(key: str) -> ResourceId | None:
    """The resource that a key of the call's own State is about, if it is about one."""
    try:
        setting = setting_in(key)
        return setting.resource if setting else resource_in(key) or version_in(key)
    except BadInput:
        return None


def check_call_key(key: str) -> None:
    """Raises `BadName` or `BadValue` unless `key` is free, or names what it should."""
    resource_in(key)
    setting_in(key)
    version_in(key)


def check_call_value(key: str, value: object) -> None:
    """Raises `BadValue` or `BadName` unless `value` can stand under `key`."""
    if resource_in(key) is not None:
        read_record(value)
    elif setting_in(key) is not None:
        if value not in list(Access):
            raise BadValue(f"{key} is one of {', '.join(Access)}")
    elif version_in(key) is not None:
        if type(value) is not int or not 1 <= value <= MAX_INTEGER:
            raise BadValue(f"{key} is a state version, a number from 1")
    elif key == ACTIVE and not isinstance(value, str):
        raise BadValue("active is the id of a resource")
    elif key in (WAITING_AREA, LOCKED) and not isinstance(value, bool):
        raise BadValue(f"{key} is true or false")


class CallState:
    """Follows the entries of the call's own State. What cannot be understood is passed over."""

    def __init__(self, values: Iterable[tuple[str, object]] = ()) -> None:
        self.resources: dict[ResourceId, ResourceRecord] = {}
        self.removed: dict[ResourceId, ResourceRecord] = {}
        """Those that are there no more, and can be restored (R12)."""
        self.waiting_area: bool | None = None
        """Whether hosts are asked before somebody comes in; None where hosts have not said."""
        self.locked = False
        """Whether nobody new comes in (J29)."""
        self._access: dict[ResourceId, dict[str, Access]] = {}
        self._versions: dict[ResourceId, int] = {}
        self.turns = 0
        """How often it has changed."""
        for key, value in values:
            self.note(key, value)

    @property
    def kept(self) -> dict[ResourceId, ResourceRecord]:
        """Those that are in the call, and those that can be restored."""
        return {**self.resources, **self.removed} if self.removed else self.resources

    def access(self, resource: ResourceId, me: Participant) -> Access:
        """What a participant may do with a resource. A Python half has its own, and no other."""
        if me.half:
            return Access.EDIT if me.half == resource else Access.HIDDEN
        return access_of(me.person, me.role, self._access.get(resource, {}))

    def settings(self, resource: ResourceId) -> dict[str, Access]:
        """What is set for a resource, by role and person."""
        return dict(self._access.get(resource, {}))

    def version(self, resource: ResourceId) -> int:
        """Which form the state of a resource has."""
        return self._versions.get(resource, 1)

    def note(self, key: str, value: object | None) -> bool:
        """Take in what stands under `key` now; None for nothing. False if it makes no sense."""
        self.turns += 1
        try:
            if value is not None:
                check_call_value(key, value)
            self._note(key, value)
        except BadInput:
            return False
        return True

    def _note(self, key: str, value: object | None) -> None:
        if (resource := resource_in(key)) is not None:
            record = None if value is None else read_record(value)
            here, there = self.resources, self.removed
            if record is None or record.removed:
                here, there = there, here
            there.pop(resource, None)
            if record is None:
                here.pop(resource, None)
            else:
                here[resource] = record
        elif (resource := version_in(key)) is not None:
            if value is None:
                self._versions.pop(resource, None)
            else:
                assert isinstance(value, int)
                self._versions[resource] = value
        elif (setting := setting_in(key)) is not None:
            self._set(setting, value)
        elif key == WAITING_AREA:
            self.waiting_area = None if value is None else bool(value)
        elif key == LOCKED:
            self.locked = bool(value)

    def _set(self, setting: Setting, value: object | None) -> None:
        settings = self._access.setdefault(setting.resource, {})
        if value is None:
            settings.pop(setting.who, None)
        else:
            settings[setting.who] = Access(str(value))
        if not settings:
            del self._access[setting.resource]
