"""What hosts, and the operator, may have done about persons and the call.

A command is carried out once, however often it comes, and answered when what it did is on disk:
the record of the visit of who commands remembers it.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from callmesh.door import MAX_KEPT_OUT
from callmesh.errors import Declined, Removed, TooFast
from callmesh.ids import PersonId
from callmesh.ledger import Ledger
from callmesh.messages import Answer, Command
from callmesh.participant import Participant, Role
from callmesh.people import Knock, Member, People

By: TypeAlias = Participant | None
"""Who commands; nobody is the operator."""
Refused: TypeAlias = tuple[str, str] | None
"""Reason and sentence; None where it was done."""
Action: TypeAlias = Callable[["Commands", Command, By, int], Refused]

NOBODY = ("nobody", "there is no such person in this call")
NOT_WAITING = ("nobody", "this person does not wait")


class Commands:
    """`said` is told each command that was carried out, by whom, about whom, and its time."""

    def __init__(
        self,
        people: People,
        ledger: Ledger,
        said: Callable[[Command, By, Participant | None, int], None],
    ) -> None:
        self._people = people
        self._ledger = ledger
        self._said = said

    def hear(self, command: Command, member: Member, now: int) -> tuple[int, Answer]:
        """Carry out what a participant commands: the answer, and the number it waits for."""
        me = member.participant
        refused: Refused = None
        if self._people.visits.has_done(me.id, command.id):
            pass  # and whoever did it may be no host any more
        elif me.role is not Role.HOST:
            refused = ("no_right", "only hosts decide who is in a call, and as what")
        else:
            refused = self.carry_out(command, me, now)
            if refused is None:
                self._people.visits.note_done(me.id, command.id, now)
        return self._ledger.number, Answer(command.id, *(refused or ()))

    def carry_out(self, command: Command, by: By, now: int) -> Refused:
        """Do it, whoever is allowed to say so; why not, where it cannot be done."""
        action = _ACTIONS.get(command.action)
        if action is None:
            return "bad_value", f"a command is one of {', '.join(ACTIONS)}"
        if self._is_half(command.person):
            return "bad_value", "this is the Python half of an app; remove its resource instead"
        return action(self, command, by, now)

    def _is_half(self, person: str) -> bool:
        halves = self._people.halves.values()
        return any(member.participant.person == person for member in halves)

    def _tell(self, command: Command, by: By, now: int) -> None:
        """It was done: to nobody in particular."""
        self._said(command, by, None, now)

    # --- the waiting area

    def _knocks(self, person: str) -> list[Knock]:
        knocks = self._people.knocks.values()
        return [knock for knock in knocks if person in ("", knock.participant.person)]

    def _does_not_wait(self, command: Command) -> Refused:
        """Somebody who is here, or was, may have come in or gone by now."""
        known = self._people.known(PersonId(command.person))
        return NOBODY if known is None else NOT_WAITING

    def _each(self, command: Command, by: By, now: int) -> Iterator[Knock]:
        """Who waits and is meant, one after the other; each is told of once it was done."""
        told = set[str]()
        for knock in self._knocks(command.person):
            yield knock
            if knock.participant.person not in told:
                self._said(command, by, knock.participant, now)
            told.add(knock.participant.person)

    def _admit(self, command: Command, by: By, now: int) -> Refused:
        if command.person and not self._knocks(command.person):
            return self._does_not_wait(command)
        try:
            for knock in self._each(command, by, now):
                self._people.let_in(knock, now)
        except TooFast as full:
            return "full", str(full)
        return None

    def _hold(self, command: Command, by: By, now: int) -> Refused:
        if command.person and not self._knocks(command.person):
            return self._does_not_wait(command)
        for knock in self._each(command, by, now):
            knock.held, knock.words = True, " ".join(command.option.split())
            self._people.show_knock(knock, now)
            self._people.tell_to_wait(knock, "", now)
        return None

    def _decline(self, command: Command, by: By, now: int) -> Refused:
        if command.person and not self._knocks(command.person):
            return self._does_not_wait(command)
        for knock in self._each(command, by, now):
            self._people.turn_away(knock, Declined(f"{_who(by)} did not let you in"), now)
        return None

    # --- those in the call

    def _remove(self, command: Command, by: By, now: int) -> Refused:
        if by is not None and command.person == by.person:
            return "bad_value", "this is you; leave the call instead"
        grants = self._people.door.grants.all
        if sum(grant.removed > 0 for grant in grants.values()) >= MAX_KEPT_OUT:
            return "full", f"a call remembers at most {MAX_KEPT_OUT} people who are kept out"
        ban = command.action == "ban"
        known = self._people.known(PersonId(command.person))
        if known is None:
            return NOBODY
        why = Removed(f"{_who(by)} took you out of this call")
        self._said(command, by, known[0], now)
        self._people.keep_out(PersonId(command.person), why, now, ban=ban)
        return None

    def _allow(self, command: Command, by: By, now: int) -> Refused:
        known = self._people.known(PersonId(command.person))
        if known is None:
            return NOBODY
        if not self._people.door.allow(PersonId(command.person), now):
            return "nobody", "nobody keeps this person out"
        self._said(command, by, known[0], now)
        return None

    def _role(self, command: Command, by: By, now: int) -> Refused:
        if command.option not in ("", *Role):
            return "bad_value", f"a role is one of {', '.join(Role)}, or empty to take it back"
        role = Role(command.option) if command.option else None
        person = PersonId(command.person)
        if role is not Role.HOST and self._is_last_host(person, role):
            return "last_host", "they are the only host here; make somebody else a host before"
        return self._give(command, by, person, role, now)

    def _hand_over(self, command: Command, by: By, now: int) -> Refused:
        if by is None:
            return "bad_value", "an operator gives roles, and has none to hand over"
        if command.person == by.person:
            return "bad_value", "this is you"
        here = [m.participant for m in self._people.members.values() if m.session is not None]
        to = next((other for other in here if other.person == command.person), None)
        if to is None:
            return NOBODY
        self._set(to.person, Role.HOST, now)
        self._set(by.person, Role.GUEST, now)
        self._said(command, by, to, now)
        return None

    def _mute(self, command: Command, by: By, now: int) -> Refused:
        me = "" if by is None else by.person
        if command.person and command.person == me:
            return "bad_value", "this is you; turn your own microphone off"
        others = [m for m in self._people.guests if m.participant.person != me]
        meant = [m for m in others if command.person in ("", m.participant.person)]
        if command.person and not meant:
            return NOBODY
        for member in meant:
            self._people.mute(member, PersonId(me), now)
        self._said(command, by, meant[0].participant if command.person else None, now)
        return None

    def _end(self, command: Command, by: By, now: int) -> Refused:
        about = self._people.door.about
        if about.ended and (about.final or by is not None):
            return None  # it is as it was to be
        self._tell(command, by, now)
        self._people.end(now, final=by is None)
        return None

    def _reopen(self, command: Command, by: By, now: int) -> Refused:
        if not self._people.door.about.ended:
            return "bad_value", "this call has not ended"
        self._people.door.reopen(now)
        self._tell(command, by, now)
        return None

    def _is_last_host(self, person: PersonId, role: Role | None) -> bool:
        """Whether somebody is a host here, nobody else is, and they would not be one any more.

        Who has lost their link is not here: they may never come back.
        """
        members = [m for m in self._people.members.values() if m.session is not None]
        hosts = {m.participant.person for m in members if m.participant.role is Role.HOST}
        if hosts != {person}:
            return False
        own = (m.admitted for m in members if m.participant.person == person)
        return role is not None or any(admitted is not Role.HOST for admitted in own)

    def _give(
        self, command: Command, by: By, person: PersonId, role: Role | None, now: int
    ) -> Refused:
        about = self._set(person, role, now)
        if about is None:
            return NOBODY
        self._said(command, by, about, now)
        return None

    def _set(self, person: PersonId, role: Role | None, now: int) -> Participant | None:
        """Who has the role now; None for nobody who is known."""
        known = self._people.known(person)
        if known is None:
            return None
        participant, issued = known
        self._people.door.give(participant, role, issued, now)
        self._people.turn(now, rights=True)
        return participant


def _who(by: By) -> str:
    """For those to whom it was done."""
    return "the operator of this hub" if by is None else "a host"


_ACTIONS: dict[str, Action] = {
    "admit": Commands._admit,
    "hold": Commands._hold,
    "decline": Commands._decline,
    "remove": Commands._remove,
    "ban": Commands._remove,
    "allow": Commands._allow,
    "role": Commands._role,
    "hand_over": Commands._hand_over,
    "mute": Commands._mute,
    "end": Commands._end,
    "reopen": Commands._reopen,
}
ACTIONS = tuple(_ACTIONS)
DONE = {
    "admit": "person.admitted",
    "hold": "person.held",
    "decline": "person.declined",
    "remove": "person.removed",
    "ban": "person.banned",
    "allow": "person.allowed",
    "role": "person.role",
    "hand_over": "person.handed_over",
    "mute": "person.muted",
    "end": "call.ended",
    "reopen": "call.reopened",
}
"""How the audit log calls what each does."""
