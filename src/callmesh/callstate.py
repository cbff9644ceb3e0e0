"""What the call's own State says: its resources, who may do what with them, and given roles.

resource/<id>        a `ResourceRecord`
access/<id>/<who>    what a role or a person may do with it: edit, view or hidden
version/<id>         which form its state has; 1 where nothing is said
role/<person>        the role a host has given to a person
active               the resource in view for everybody
"""

from collections.abc import Iterable
from dataclasses import dataclass

from callmesh.errors import BadInput, BadValue
from callmesh.ids import PersonId, ResourceId, person_id, resource_id
from callmesh.participant import Access, Role, access_of
from callmesh.resource import ACTIVE, ResourceRecord, read_record, resource_in
from callmesh.values import MAX_INTEGER


@dataclass(frozen=True, slots=True)
class Setting:
    """What one access or role key is about."""

    resource: ResourceId | None
    who: str


def setting_in(key: str) -> Setting | None:
    """The access or role setting that stands under `key`. Raises `BadName` or `BadValue`."""
    match key.split("/"):
        case ["access", resource, who]:
            if who not in list(Role):
                person_id(who)
            return Setting(resource_id(resource), who)
        case ["role", person]:
            return Setting(None, person_id(person))
        case ["access" | "role", *_]:
            raise BadValue("settings stand under access/<resource>/<who> and role/<person>")
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
    elif (setting := setting_in(key)) is not None:
        words = list(Access) if setting.resource else list(Role)
        if value not in words:
            raise BadValue(f"{key} is one of {', '.join(words)}")
    elif version_in(key) is not None:
        if type(value) is not int or not 1 <= value <= MAX_INTEGER:
            raise BadValue(f"{key} is a state version, a number from 1")
    elif key == ACTIVE and not isinstance(value, str):
        raise BadValue("active is the id of a resource")


class CallState:
    """Follows the entries of the call's own State. What cannot be understood is passed over."""

    def __init__(self, values: Iterable[tuple[str, object]] = ()) -> None:
        self.resources: dict[ResourceId, ResourceRecord] = {}
        self.roles: dict[PersonId, Role] = {}
        self._access: dict[ResourceId, dict[str, Access]] = {}
        self._versions: dict[ResourceId, int] = {}
        for key, value in values:
            self.note(key, value)

    def access(self, resource: ResourceId, person: str, role: Role) -> Access:
        """What a participant may do with a resource."""
        return access_of(person, role, self._access.get(resource, {}))

    def settings(self, resource: ResourceId) -> dict[str, Access]:
        """What is set for a resource, by role and person."""
        return dict(self._access.get(resource, {}))

    def version(self, resource: ResourceId) -> int:
        """Which form the state of a resource has."""
        return self._versions.get(resource, 1)

    def note(self, key: str, value: object | None) -> bool:
        """Take in what stands under `key` now; None for nothing. False if it makes no sense."""
        try:
            if value is not None:
                check_call_value(key, value)
            self._note(key, value)
        except BadInput:
            return False
        return True

    def _note(self, key: str, value: object | None) -> None:
        if (resource := resource_in(key)) is not None:
            if value is None:
                self.resources.pop(resource, None)
            else:
                self.resources[resource] = read_record(value)
        elif (resource := version_in(key)) is not None:
            if value is None:
                self._versions.pop(resource, None)
            else:
                assert isinstance(value, int)
                self._versions[resource] = value
        elif (setting := setting_in(key)) is not None:
            self._set(setting, value)

    def _set(self, setting: Setting, value: object | None) -> None:
        if setting.resource is None:
            if value is None:
                self.roles.pop(PersonId(setting.who), None)
            else:
                self.roles[PersonId(setting.who)] = Role(str(value))
            return
        settings = self._access.setdefault(setting.resource, {})
        if value is None:
            settings.pop(setting.who, None)
        else:
            settings[setting.who] = Access(str(value))
        if not settings:
            del self._access[setting.resource]
