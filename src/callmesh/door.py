"""What hosts decided about persons: who is let in, who is kept out, and as what.

G1 A person is admitted until they have been gone for `RETURN`: a reload does not knock again, and
   who was here last week does.
G2 Who was removed is kept out, with every token that was issued before; who is banned, with every
   token there is. A host may let either back in.
G3 A role that a host gave goes before that of every token that was issued before. Being removed
   ends that of a host, and no other: who is let back in is not more than they were.
G4 Who has left, or waited and went, stays known for `KNOWN`: a host can still keep them out.
"""

from dataclasses import dataclass

import msgspec

from callmesh.clock import MICROSECONDS
from callmesh.errors import CallOver, Refused, Removed
from callmesh.ids import DOOR, PersonId
from callmesh.ledger import Ledger
from callmesh.participant import Participant, Role
from callmesh.record import HubPen, Record
from callmesh.visits import RETURN

DAY = 24 * 3600 * MICROSECONDS
MAX_DAYS = 36_500
"""For how long a call is kept at most, if not for ever."""
PERSON, ABOUT = "person/", "about/"
"""Where in the record it stands."""
MAX_KEPT_OUT = 10_000
"""Persons of one call that are remembered as removed or banned."""
KNOWN = DAY
"""For how long hosts may decide about somebody who has left."""
MAX_LEFT = 1_000
"""Of those who have left, and about whom nothing was decided, the longest gone are forgotten."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who comes, as their token or their proof says."""

    participant: Participant
    """With the role that it may have without a word of a host."""
    issued: int = 0
    """When their token was issued, microseconds since the epoch; 0 without one."""
    waits: bool = True
    """Whether a host is asked, where there is a waiting area."""
    returns: bool = False
    """Whether this very presence was in the call before, and may come back."""


class Grant(msgspec.Struct):
    """What was decided about one person."""

    name: str
    """As others saw them last."""
    admitted: bool = False
    left: int = 0
    """Since when nobody of theirs is in the call, or waits; 0 while somebody does."""
    issued: int = 0
    """When the latest token was issued that they had when they left; 0 without one."""
    role: Role | None = None
    role_since: int = 0
    removed: int = 0
    """Since when they are kept out, microseconds; 0 while they are not."""
    banned: bool = False

    def gives(self, issued: int) -> Role | None:
        """The role a host gave, for who comes with a token of that time (G3)."""
        return self.role if issued <= self.role_since else None

    @property
    def says(self) -> bool:
        """Whether anything was decided."""
        return self.admitted or self.role is not None or self.removed > 0


class About(msgspec.Struct):
    """What is known of the call itself."""

    ended: int = 0
    """Since when it is over, microseconds; 0 while it is not."""
    final: bool = False
    """Whether the operator ended it: then no host opens it again by coming in."""
    made: int = 0
    """When it came to be here, microseconds; 0 where nobody has noted that."""
    days: int = 0
    """How long it is kept when nobody comes in; 0 leaves that to the hub."""

    @property
    def keep(self) -> int:
        """The same in microseconds."""
        return self.days * DAY


def over(*, final: bool) -> CallOver:
    """What is told to whom a call ends for, and who comes later."""
    if final:
        return CallOver("the operator has ended this call for everybody, and no host can open it")
    return CallOver("this call was ended for everybody; it opens again when a host comes in")


class Door:
    """Follows the hub's record, and shows hosts what they decided."""

    def __init__(self, ledger: Ledger, pen: HubPen) -> None:
        self._ledger = ledger
        self._pen = pen
        self.grants: Record[PersonId, Grant] = Record(ledger, pen, PERSON, Grant)
        self._about: Record[str, About] = Record(ledger, pen, ABOUT, About)
        for person, grant in self.grants.all.items():
            self._show(person, grant, 0)

    @property
    def about(self) -> About:
        return self._about.all.get("call") or About()

    def role(self, participant: Participant, admitted: Role, issued: int) -> Role:
        """The role somebody has who came in with the role `admitted`."""
        grant = self.grants.all.get(participant.person)
        return (grant.gives(issued) if grant else None) or admitted

    def check(self, visitor: Visitor, now: int) -> None:
        """Raises `Removed` or `CallOver`. A host who comes opens a call that hosts have ended."""
        me = visitor.participant
        grant = self.grants.all.get(me.person)
        if grant and grant.banned:
            raise Removed("you cannot come into this call any more")
        if grant and grant.removed and visitor.issued <= grant.removed:
            raise Removed("you were taken out of this call; ask for a new invitation")
        about = self.about
        if about.ended:
            host = self.role(me, me.role, visitor.issued) is Role.HOST
            if about.final or not host:
                raise over(final=about.final)
            self.reopen(now)

    def invited(self, person: PersonId, now: int) -> int:
        """When an invitation that is made now is issued, in seconds: after what was decided before.

        Raises `Refused` for who is banned.
        """
        grant = self.grants.all.get(person)
        if grant is None:
            return now // MICROSECONDS
        if grant.banned:
            raise Refused("this person is banned, and no invitation helps; let them back in first")
        decided = max(grant.removed, grant.role_since if grant.role else 0)
        return max(now // MICROSECONDS, decided // MICROSECONDS + 1)

    def has_admitted(self, person: PersonId) -> bool:
        """Whether somebody was let in, and has not been gone for too long (G1)."""
        grant = self.grants.all.get(person)
        return grant is not None and grant.admitted

    # --- decisions

    def admit(self, participant: Participant, now: int) -> None:
        grant = self._grant(participant)
        grant.admitted, grant.left = True, 0
        self._keep(participant.person, grant, now)

    def keep_out(self, participant: Participant, issued: int, now: int, *, ban: bool) -> None:
        """From now on, and every token up to now, or as late as the one they brought (G2)."""
        grant = self._grant(participant)
        grant.admitted = False
        if grant.role is Role.HOST:
            grant.role = None
        grant.removed, grant.banned = max(now, issued), ban or grant.banned
        self._keep(participant.person, grant, now)

    def allow(self, person: PersonId, now: int) -> bool:
        """Let somebody come back; whether they were kept out."""
        grant = self.grants.all.get(person)
        if grant is None or not grant.removed:
            return False
        grant.removed, grant.banned = 0, False
        self._keep(person, grant, now)
        return True

    def give(self, participant: Participant, role: Role | None, issued: int, now: int) -> None:
        """Give a person another role; None takes it back."""
        grant = self._grant(participant)
        grant.role, grant.role_since = role, max(now, issued)
        self._keep(participant.person, grant, now)

    def end(self, now: int, *, final: bool) -> None:
        self._know(now, ended=self.about.ended or now, final=final)

    def reopen(self, now: int) -> None:
        self._know(now, ended=0, final=False)

    def begin(self, now: int) -> None:
        """The call is new."""
        self._ledger.used = now
        self._know(now, made=now)

    def keep_for(self, days: int, now: int) -> None:
        """How long the call is kept when nobody comes in; 0 leaves that to the hub."""
        self._know(now, days=days)
        self._ledger.keep = self.about.keep

    def _know(self, now: int, **what: int) -> None:
        self._about.keep("call", msgspec.structs.replace(self.about, **what), now)

    # --- time

    def came(self, person: PersonId, now: int) -> None:
        """Somebody of theirs is in the call again, or waits."""
        grant = self.grants.all.get(person)
        if grant and grant.left:
            grant.left = 0
            self._keep(person, grant, now)

    def gone(self, participant: Participant, issued: int, now: int) -> None:
        """Nobody of theirs is in the call any more, nor waits."""
        grant = self._grant(participant)
        grant.left, grant.issued = now, max(issued, grant.issued)
        self._keep(participant.person, grant, now)

    def clock_was_set(self, step: int, now: int) -> None:
        for person, grant in list(self.grants.all.items()):
            grant.left = min(grant.left and grant.left + step, now)
            self._keep(person, grant, now)

    def tidy(self, here: set[PersonId], now: int) -> None:
        """Let time pass: who has been gone for too long is asked about anew (G1), or forgotten."""
        known = []
        for person, grant in list(self.grants.all.items()):
            if person in here:
                continue
            if not grant.left:  # it was the hub that was gone
                grant.left = now
            elif grant.admitted and now - grant.left > RETURN:
                grant.admitted = False
                self._keep(person, grant, now)
            if not grant.says:
                known.append((grant.left, person))
        known.sort()
        for number, (left, person) in enumerate(known):
            if now - left > KNOWN or number < len(known) - MAX_LEFT:
                self._forget(person, now)

    def _grant(self, participant: Participant) -> Grant:
        grant = self.grants.all.get(participant.person) or Grant(participant.name)
        grant.name = participant.name
        return grant

    def _keep(self, person: PersonId, grant: Grant, now: int) -> None:
        if not grant.says and not grant.left:
            self._forget(person, now)
            return
        self.grants.keep(person, grant, now)
        self._show(person, grant, now)

    def _forget(self, person: PersonId, now: int) -> None:
        self.grants.forget(person, now)
        self._show(person, Grant(""), now)

    def _show(self, person: PersonId, grant: Grant, now: int) -> None:
        """Tell hosts of given roles, of who is kept out, and of who has left."""
        shown: dict[str, object] = {"name": grant.name}
        if grant.role:
            shown["role"] = grant.role.value
        if grant.removed:
            shown |= {"removed": grant.removed, "banned": grant.banned}
        self._tell(f"person/{person}", shown if len(shown) > 1 else None, now)
        left = {"name": grant.name, "since": grant.left}
        self._tell(f"left/{person}", left if grant.left and not grant.removed else None, now)

    def _tell(self, key: str, said: dict[str, object] | None, now: int) -> None:
        entry = self._ledger.state(DOOR).entries.get(key)
        if said is not None:
            self._pen.write(DOOR, key, said, now)
        elif entry is not None and not entry.deleted:
            self._pen.delete(DOOR, key, now)
