"""Who was here and may come back as the same participant: the hub's own record, shown to nobody.

A proof of having been here carries a generation. Each welcome gives the next one; from the first
word that comes over the new link, no earlier one counts. Until then both do, since the welcome may
have been lost; and as the record says only what counts, a crash before it is saved forgets no
proof that somebody holds.
"""

from collections.abc import Iterator

import msgspec

from callmesh.clock import MICROSECONDS
from callmesh.errors import Unauthorized
from callmesh.ids import ParticipantId, PersonId
from callmesh.ledger import Ledger
from callmesh.participant import Role
from callmesh.record import HubPen, Record

RETURN = 600 * MICROSECONDS
"""How long one whose link was lost may come back as the same participant."""
LONGEST = 24 * 3600 * MICROSECONDS
"""How long one may who was here when the hub died, however long ago that was."""
MAX_VISITS = 1_000
"""Of those who are not here, the longest gone are forgotten first."""


MAX_DONE = 32
"""Commands of one participant that are remembered, for those that come again."""


class Visit(msgspec.Struct):
    person: PersonId
    name: str
    role: Role
    """The role it was let in with."""
    since: int
    """When it joined over its last link, microseconds."""
    counts: int = 0
    """The smallest generation that still counts."""
    lost: int = 0
    """Since when it has no link; 0 while it has one."""
    issued: int = 0
    """When the token was issued that it came with, microseconds; 0 without one."""
    gone: bool = False
    """Whether it was told that it has left."""
    done: list[str] = []
    """The latest of its commands that were carried out, by id."""
    key: str = ""
    """What its letters are signed with; empty where it has no key."""
    epoch: int = 0
    """`time` of the welcome over its last link: only letters with that count."""
    before: int = 0
    """That of the one before, which counts until the first word over the new link; 0 for none."""
    refused: int = 0
    """The time of the latest write of its own that was denied: nobody carries older ones."""


class Visits(Record[ParticipantId, Visit]):
    """Who was here, by participant."""

    def __init__(self, ledger: Ledger, pen: HubPen) -> None:
        super().__init__(ledger, pen, "visit/", Visit)

    def back(self, id: ParticipantId, generation: int, now: int, *, here: bool) -> Visit | None:
        """The visit of one who has come back; None if it left, or was away for too long.

        Raises `Unauthorized` for a proof that was used before.
        """
        visit = self.all.get(id)
        if visit is None or (not here and _is_over(visit, now)):
            return None
        if generation < visit.counts:
            raise Unauthorized("this proof of having been here was used before; join again")
        return visit

    def speaks(self, id: ParticipantId, epoch: int, time: int, now: int) -> Visit | None:
        """The visit of one in whose name somebody else brings a write of that `time`, signed in
        that `epoch`; None where it does not count (E7).
        """
        visit = self.all.get(id)
        if visit is None or not visit.key or _is_over(visit, now):
            return None
        ours = epoch == visit.epoch or (epoch == visit.before and visit.before > 0)
        return visit if ours and time > visit.refused else None

    def has_done(self, id: ParticipantId, command: str) -> bool:
        """Whether a command of a participant was carried out before."""
        visit = self.all.get(id)
        return visit is not None and command in visit.done

    def note_done(self, id: ParticipantId, command: str, now: int) -> None:
        if visit := self.all.get(id):
            visit.done = [*visit.done, command][-MAX_DONE:]
            self.keep(id, visit, now)

    def over(self, here: set[ParticipantId], now: int) -> Iterator[ParticipantId]:
        """Those who will not come back any more."""
        away = [(visit, id) for id, visit in self.all.items() if id not in here]
        away.sort(key=lambda item: item[0].lost or now)
        for number, (visit, id) in enumerate(away):
            if _is_over(visit, now) or number < len(away) - MAX_VISITS:
                yield id
            visit.lost = min(visit.lost or now, now)  # the hub's clock may have been set back


def _is_over(visit: Visit, now: int) -> bool:
    """Of one who is not here: whether it was away for too long, or the hub was that was its."""
    return now - visit.lost > RETURN if visit.lost else now - visit.since > LONGEST
