"""Participants: one live presence in a call each, as the roster shows them; and their access."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from callmesh.ids import ParticipantId, PersonId, ResourceId


class Role(StrEnum):
    HOST = "host"
    GUEST = "guest"
    OBSERVER = "observer"

    @property
    def may_edit(self) -> bool:
        """Observers watch; everybody else may change what nothing forbids."""
        return self is not Role.OBSERVER


class Access(StrEnum):
    """What somebody may do with one resource, before the key rules of its app narrow it."""

    EDIT = "edit"
    VIEW = "view"
    HIDDEN = "hidden"
    """It is not there for them at all."""


def access_of(person: str, role: Role, settings: Mapping[str, Access]) -> Access:
    """The access of a participant to a resource, by its `settings` for persons and for roles.

    The person's own setting goes before that of the role. Hosts can always edit, so that nobody is
    locked out for good.
    """
    if role is Role.HOST:
        return Access.EDIT
    usual = Access.EDIT if role.may_edit else Access.VIEW
    return settings.get(person) or settings.get(role.value) or usual


class Participant(msgspec.Struct, frozen=True):
    """A roster entry. The roster is a State that only the hub writes, under participants' ids."""

    id: ParticipantId
    """This presence: a tab, a program, a device. Issued by the hub."""
    person: PersonId
    """Who it is: the same across tabs, reloads and visits."""
    name: str
    role: Role
    offers: list[str] = []
    """What it can do: `rtc`, `media`."""
    here: bool = True
    """False while its link is lost and it may still come back."""
    key: str = ""
    """The public half of what it signs with, base64url; empty where it has no key."""
    half: ResourceId = ResourceId("")
    """The resource whose Python half it is, started by the hub; empty for everybody else."""
