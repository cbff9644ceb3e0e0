"""Participants: one live presence in a call each, as the roster shows them."""

from enum import StrEnum

import msgspec

from callmesh.ids import ParticipantId, PersonId


class Role(StrEnum):
    HOST = "host"
    GUEST = "guest"
    OBSERVER = "observer"

    @property
    def may_edit(self) -> bool:
        """Observers watch; everybody else may change what no rule forbids."""
        return self is not Role.OBSERVER


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
