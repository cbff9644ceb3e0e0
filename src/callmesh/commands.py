"""What hosts, and the operator, may have done about persons and the call.

A command is carried out once, however often it comes, and answered when what it did is on disk.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from callmesh.door import MAX_KEPT_OUT
from callmesh.errors import Declined, TooFast
from callmesh.ids import PersonId
from callmesh.ledger import Ledger
from callmesh.messages import Answer, Command
from callmesh.participant import Participant, Role
from callmesh.people import Knock, Member, People

MAX_REMEMBERED = 256
"""Answers of one call that are remembered, for commands that come again."""

By: TypeAlias = Participant | None
"""Who commands; nobody is the operator."""
Refused: TypeAlias = tuple[str, str] | None
"""Reason and sentence; None where it was done."""
Action: TypeAlias = Callable[["Commands", Command, By, int], Refused]

NOBODY = ("nobody", "there is no such person in this call")
NOT_WAITING = ("nobody", "this person does not wait any more")


class Commands:
    """`said` is told each command that was carried out, by whom, and its time."""

    def __init__(
        self, people: People, ledger: Ledger, said: Callable[[Command, By, int], None]
    ) -> None:
        self._people = people
        self._ledger = ledger
        self._said = said
        self._answers: OrderedDict[tuple[str, str], tuple[int, Answer]] = OrderedDict()

    def hear(self, command: Command, member: Member, now: int) -> tuple[int, Answer]:
        """Carry out what a participant commands: the answer, and the number it waits for."""
        asked = (member.participant.id, command.id)
        if asked in self._answers:
            return self._answers[asked]
        if member.participant.role is Role.HOST:
            refused = self.carry_out(command, member.participant, now)
        else:
            refused = ("no_right", "only hosts decide who is in a call, and as what")
        answer = Answer(command.id, *(refused or ()))
        answered = self._answers[asked] = (self._ledger.number, answer)
        while len(self._answers) > MAX_REMEMBERED:
            self._answers.popitem(last=False)
        return answered

    def carry_out(self, command: Command, by: By, now: int) -> Refused:
        """Do it, whoever is allowed to say so; why not, where it cannot be done."""
        action = _ACTIONS.get(command.action)
        if action is None:
            return "bad_value", f"a command is one of {', '.join(ACTIONS)}"
        refused = action(self, command, by, now)
        if refused is None:
            self._said(command, by, now)
        return refused

    # --- the waiting area

    def _knocks(self, person: str) -> list[Knock]:
        knocks = self._people.knocks.values()
        return [knock for knock in knocks if person in ("", knock.participant.person)]

    def _admit(self, command: Command, by: By, now: int) -> Refused:
        knocks = self._knocks(command.person)
        if command.person and not knocks:
            return NOT_WAITING
        try:
            for knock in knocks:
                self._people.let_in(knock, now)
        except TooFast as full:
            return "full", str(full)
        return None

    def _hold(self, command: Command, by: By, now: int) -> Refused:
        knocks = self._knocks(command.person)
        if command.person and not knocks:
            return NOT_WAITING
        for knock in knocks:
            knock.held, knock.words = True, " ".join(command.option.split())
            self._people.show_knock(knock, now)
            self._people.tell_to_wait(knock, "", now)
        return None

    def _decline(self, command: Command, by: By, now: int) -> Refused:
        knocks = self._knocks(command.person)
        if command.person and not knocks:
            return NOT_WAITING
        for knock in knocks:
            self._people.turn_away(knock, Declined("a host did not let you in"), now)
        return None

    # --- those in the call

    def _remove(self, command: Command, by: By, now: int) -> Refused:
        if by is not None and command.person == by.person:
            return "bad_value", "this is you; leave the call instead"
        grants = self._people.door.grants.all
        if sum(grant.removed > 0 for grant in grants.values()) >= MAX_KEPT_OUT:
            return "full", f"a call remembers at most {MAX_KEPT_OUT} people who are kept out"
        ban = command.action == "ban"
        found = self._people.keep_out(PersonId(command.person), now, ban=ban)
        return None if found else NOBODY

    def _allow(self, command: Command, by: By, now: int) -> Refused:
        found = self._people.door.allow(PersonId(command.person), now)
        return None if found else ("nobody", "nobody keeps this person out")

    def _role(self, command: Command, by: By, now: int) -> Refused:
        if command.option not in ("", *Role):
            return "bad_value", f"a role is one of {', '.join(Role)}, or empty to take it back"
        role = Role(command.option) if command.option else None
        person = PersonId(command.person)
        if role is not Role.HOST and self._is_last_host(person, role):
            return "last_host", "they are the only host here; make somebody else a host before"
        return self._give(person, role, now)

    def _hand_over(self, command: Command, by: By, now: int) -> Refused:
        if by is None:
            return "bad_value", "an operator gives roles, and has none to hand over"
        if command.person == by.person:
            return "bad_value", "this is you"
        members = self._people.members.values()
        if all(member.participant.person != command.person for member in members):
            return NOBODY
        self._give(PersonId(command.person), Role.HOST, now)
        return self._give(by.person, Role.GUEST, now)

    def _end(self, command: Command, by: By, now: int) -> Refused:
        self._people.end(now, final=by is None)
        return None

    def _reopen(self, command: Command, by: By, now: int) -> Refused:
        if not self._people.door.about.ended:
            return "bad_value", "this call has not ended"
        self._people.door.reopen(now)
        return None

    def _is_last_host(self, person: PersonId, role: Role | None) -> bool:
        """Whether somebody is a host here, nobody else is, and they would not be one any more."""
        members = self._people.members.values()
        hosts = {m.participant.person for m in members if m.participant.role is Role.HOST}
        if hosts != {person}:
            return False
        own = (m.admitted for m in members if m.participant.person == person)
        return role is not None or any(admitted is not Role.HOST for admitted in own)

    def _give(self, person: PersonId, role: Role | None, now: int) -> Refused:
        known = self._people.known(person)
        if known is None:
            return NOBODY
        participant, issued = known
        self._people.door.give(participant, role, issued, now)
        self._people.turn(now, rights=True)
        return None


_ACTIONS: dict[str, Action] = {
    "admit": Commands._admit,
    "hold": Commands._hold,
    "decline": Commands._decline,
    "remove": Commands._remove,
    "ban": Commands._remove,
    "allow": Commands._allow,
    "role": Commands._role,
    "hand_over": Commands._hand_over,
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
    "end": "call.ended",
    "reopen": "call.reopened",
}
"""How the audit log calls what each does."""
