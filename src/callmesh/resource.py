"""Resources: instances of apps in a call, and the life each of them leads."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from callmesh.errors import BadValue
from callmesh.ids import MAX_NAME, ResourceId, resource_id
from callmesh.values import MAX_INTEGER

ACTIVE = "active"
"""The key in the call's own State that names the resource in view for everybody."""

RECORDS = "resource/"
"""What the keys of records begin with."""

_ACCESS = "access/"
_VERSION = "version/"


def key_of(resource: ResourceId) -> str:
    """The key in the call's own State that holds a resource's record."""
    return RECORDS + resource


def resource_in(key: str) -> ResourceId | None:
    """The resource whose record stands under `key`, if it is such a key. Raises `BadName`."""
    return resource_id(key.removeprefix(RECORDS)) if key.startswith(RECORDS) else None


def access_key(resource: ResourceId, who: str) -> str:
    """The key that says what a role or a person may do with a resource."""
    return f"{_ACCESS}{resource}/{who}"


def version_key(resource: ResourceId) -> str:
    """The key that says which form the state of a resource has."""
    return _VERSION + resource


class ResourceRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the call's own State says about a resource."""

    app: Annotated[str, Meta(max_length=40)]
    title: Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
    owner: Annotated[str, Meta(max_length=64)]
    """The person who added it."""
    added: Annotated[int, Meta(ge=0, le=MAX_INTEGER)] = 0
    """When, microseconds since the epoch: tabs stand in this order."""
    removed: bool = False
    """Whether it is on its way out: not there any more, and still to be restored (R12)."""


def read_record(value: object) -> ResourceRecord:
    """A resource's record out of the call's own State. Raises `BadValue`."""
    try:
        return msgspec.convert(value, ResourceRecord)
    except msgspec.ValidationError as error:
        raise BadValue(f"not a resource record: {error}") from error


class Event(StrEnum):
    ADD = "add"
    """Once, on the adder: set the first state."""
    SETUP = "setup"
    """On every participant, after a re-sync too: must be safe to repeat."""
    ENABLE = "enable"
    DISABLE = "disable"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not set up yet."""

    adder: bool


@dataclass(frozen=True, slots=True)
class Ready:
    in_view: bool


@dataclass(frozen=True, slots=True)
class Removed:
    pass


class Lifecycle:
    """What one resource's handlers are told, in which order, on one participant.

    SPEC R2: `add` comes first, once, on the adder alone; `setup` follows, and comes again after a
    re-sync. R3: `enable` and `disable` alternate, `enable` first, after `setup`. R4: `remove` comes
    last, once, after a `disable` if it was enabled.
    """

    def __init__(self, *, adder: bool = False) -> None:
        self.state: Waiting | Ready | Removed = Waiting(adder)

    def synced(self) -> list[Event]:
        """The resource's state is there: at first, and after every re-sync."""
        match self.state:
            case Waiting(adder):
                self.state = Ready(in_view=False)
                return [Event.ADD, Event.SETUP] if adder else [Event.SETUP]
            case Ready(in_view):
                return [Event.DISABLE, Event.SETUP, Event.ENABLE] if in_view else [Event.SETUP]
            case Removed():
                return []

    def view(self, in_view: bool) -> list[Event]:
        """The resource is now the one in view for this participant, or not."""
        match self.state:
            case Ready(was) if was != in_view:
                self.state = Ready(in_view)
                return [Event.ENABLE if in_view else Event.DISABLE]
            case _:
                return []

    def removed(self) -> list[Event]:
        match self.state:
            case Ready(in_view):
                self.state = Removed()
                return [Event.DISABLE, Event.REMOVE] if in_view else [Event.REMOVE]
            case Waiting():
                self.state = Removed()
                return []
            case Removed():
                return []
