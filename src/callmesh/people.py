"""Who is in a call, who waits to be let in, and who may come back."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypedDict

import msgspec

from callmesh import messages
from callmesh.audit import Journal
from callmesh.callstate import CallState
from callmesh.clock import MICROSECONDS
from callmesh.door import Door, Grant, Visitor, over
from callmesh.errors import CallmeshError, Removed, Replaced, TooFast, Unauthorized
from callmesh.feed import Feed
from callmesh.ids import (
    DOOR,
    ROSTER,
    CallId,
    ParticipantId,
    PersonId,
    ResourceId,
    presence_of,
)
from callmesh.ledger import Ledger
from callmesh.limits import Limits
from callmesh.meanwhile import shown_to
from callmesh.participant import Participant, Role
from callmesh.record import HubPen
from callmesh.session import Session
from callmesh.sight import Sights
from callmesh.state import HeadedState
from callmesh.values import decode
from callmesh.visits import Visit, Visits

GRACE = 45 * MICROSECONDS
"""How long a participant whose link broke, or from whom nothing comes, stays in the roster."""


AREA = "waiting_area"
"""The key in the State of the door that says whether hosts are asked who comes in."""


class Muted(TypedDict):
    time: int
    by: PersonId
    """Empty for the operator."""


@dataclass(slots=True)
class Member:
    """A participant, and what the hub keeps per link."""

    participant: Participant
    admitted: Role
    """The role it came in with; a host may have given another."""
    session: Session | None
    feed: Feed
    issued: int = 0
    """When the token was issued that it came with; 0 without one."""
    lost: int = 0
    """Since when there is no link; meaningless while there is one."""
    streams: set[tuple[str, str]] = field(default_factory=set)
    """By resource and name: those it has sent by way of the hub lately."""
    muted: Muted | None = None
    """When a host turned its microphone off last."""
    told: int = 0
    """The generation of the proof that was given over this link, until a word comes back."""


@dataclass(slots=True)
class Knock:
    """One who waits to be let in, and gets nothing of the call but what is there for who waits."""

    visitor: Visitor
    session: Session
    since: int
    held: bool = False
    """Whether a host has asked for patience."""
    words: str = ""
    locked: bool = False
    """Whether it was told that the call is locked."""
    shown: list[messages.Group] = field(default_factory=list)
    """What it is shown of the call meanwhile."""

    @property
    def participant(self) -> Participant:
        return self.visitor.participant

    @property
    def issued(self) -> int:
        return self.visitor.issued


class People:
    """Pure: no task, no socket, no clock."""

    def __init__(
        self,
        id: CallId,
        ledger: Ledger,
        pen: HubPen,
        journal: Journal,
        call: CallState,
        sights: Sights,
        limits: Limits,
        *,
        waiting_area: bool,
    ) -> None:
        self.id = id
        self.limits = limits
        self.members: dict[ParticipantId, Member] = {}
        self.knocks: dict[ParticipantId, Knock] = {}
        self.entered: list[Member] = []
        self.door = Door(ledger, pen)
        self.visits = Visits(ledger, pen)
        self._ledger = ledger
        self._pen = pen
        self._journal = journal
        self._call = call
        self._sights = sights
        self._waiting_area = waiting_area
        self.turned = 0
        """The number of the last entry that changed what somebody may see."""

    def __iter__(self) -> Iterator[Member | Knock]:
        yield from self.members.values()
        yield from self.knocks.values()

    def at(self, id: ParticipantId, session: Session) -> Member | Knock | None:
        """Who is at that end of a link; None if they are not in the call any more."""
        found = self.members.get(id) or self.knocks.get(id)
        return found if found is not None and found.session is session else None

    @property
    def guests(self) -> list[Member]:
        """Everybody but Python halves."""
        return [member for member in self.members.values() if not member.participant.half]

    @property
    def halves(self) -> dict[ResourceId, Member]:
        """The Python halves, by resource."""
        here = self.members.values()
        return {half: member for member in here if (half := member.participant.half)}

    # --- coming

    @property
    def has_waiting_area(self) -> bool:
        """Whether hosts are asked before somebody comes in."""
        return self._waiting_area if self._call.waiting_area is None else self._call.waiting_area

    def show_waiting_area(self, now: int) -> None:
        """Tell hosts whether they are asked."""
        shown = self._ledger.state(DOOR).entries.get(AREA)
        if shown is None or decode(shown.value) is not self.has_waiting_area:
            self._pen.write(DOOR, AREA, self.has_waiting_area, now)

    def arrive(self, visitor: Visitor, session: Session, cursor: int, now: int) -> Member | Knock:
        """Let somebody in, or have them wait.

        Raises `Removed`, `CallOver`, `Unauthorized`, or `TooFast` when there is no room.
        """
        me, was_over = visitor.participant, self.door.about.ended
        if me.half and me.half not in self._call.resources:
            raise Unauthorized("the resource of this Python half is not in the call any more")
        self.door.check(visitor, now)
        if was_over:
            self._journal.add("call.reopened", now, by=me.person)
        role = self.door.role(me, me.role, visitor.issued)
        if not self._has_to_wait(visitor, role):
            member = self.join(me, session, cursor, now, issued=visitor.issued)
            if me.half:
                return member
            if role is Role.HOST:
                self.door.came(me.person, now)
            else:
                self.door.admit(me, now)
            return member
        own = sum(knock.participant.person == me.person for knock in self.knocks.values())
        if own >= self.limits.tabs:
            raise TooFast(f"you wait here {own} times already; close one of them first")
        if len(self.knocks) >= self.limits.waiting:
            raise TooFast(f"{self.limits.waiting} people wait already; try again later")
        knock = self.knocks[me.id] = Knock(visitor, session, now)
        self.door.came(me.person, now)
        self._journal.add("participant.waiting", now, me, role=me.role.value)
        self.show_knock(knock, now)
        return knock

    def _has_to_wait(self, visitor: Visitor, role: Role) -> bool:
        """Whether somebody waits for a host's word (J18), or until the call is opened (J29)."""
        me = visitor.participant
        if role is Role.HOST or me.half or visitor.returns or self.door.has_admitted(me.person):
            return False
        return self._call.locked or (self.has_waiting_area and visitor.waits)

    def join(
        self, participant: Participant, session: Session, cursor: int, now: int, *, issued: int = 0
    ) -> Member:
        """Let a participant in over `session`. Raises `TooFast` when the call is full.

        One who is here already has come back, or came in twice: the older session is over.
        """
        member = self.members.get(participant.id)
        if member is None and not participant.half:
            self._find_room(participant.person, now)
        if member is not None and member.session is not None:
            member.session.end(Replaced("you joined again somewhere else"))
            member.session = None  # whatever ends of it later is not this participant's end
        admitted = participant.role
        role = self.door.role(participant, admitted, issued)
        participant = msgspec.structs.replace(participant, role=role)
        cursor = cursor if cursor >= self.turned else 0  # may have seen what it may no longer see
        feed = Feed(self._sights.of(participant), cursor)
        streams, muted = (member.streams, member.muted) if member is not None else (set(), None)
        member = Member(participant, admitted, session, feed, issued, streams=streams, muted=muted)
        self.members[participant.id] = member
        return member

    def _find_room(self, person: PersonId, now: int) -> None:
        """Room for one more. Raises `TooFast` where there is none.

        Who has been lost for longest makes it: of the same person, or for somebody who has nobody
        here. Nobody loses their place to somebody's second tab.
        """
        own = [m for m in self.members.values() if m.participant.person == person]
        if len(own) >= self.limits.tabs and not self._let_go_of(own, now):
            raise TooFast(f"you are in this call {len(own)} times; close one of them first")
        if len(self.guests) < self.limits.participants:
            return
        if not self._let_go_of(own if own else self.guests, now):
            raise TooFast(f"this call is full: it has {self.limits.participants} participants")

    def _let_go_of(self, members: list[Member], now: int) -> bool:
        """The one of them that has been lost for longest goes, if any is lost."""
        lost = [member for member in members if member.session is None]
        if lost:
            first = min(lost, key=lambda member: member.lost)
            self._take_out(first, now, "made_room")
        return bool(lost)

    def introduce(self, member: Member, now: int) -> None:
        """Show the member in the roster, as it is now."""
        shown = msgspec.to_builtins(member.participant)
        if not member.participant.half:
            del shown["half"]
        if member.muted is not None:
            shown["muted"] = member.muted
        self._pen.write(ROSTER, member.participant.id, shown, now)

    def mute(self, member: Member, by: PersonId, now: int) -> None:
        """Have a member's microphone turned off: the roster says so, now or on coming back."""
        member.muted = Muted(time=now, by=by)
        self.introduce(member, now)

    # --- waiting

    def show_knock(self, knock: Knock, now: int) -> None:
        """Tell hosts who waits."""
        me = knock.participant
        shown = {
            "id": me.id, "person": me.person, "name": me.name, "role": me.role.value,
            "since": knock.since, "held": knock.held, "words": knock.words,
        }  # fmt: skip
        self._pen.write(DOOR, f"waiting/{me.id}", shown, now)

    def tell_to_wait(self, knock: Knock, proof: str, now: int) -> None:
        """Tell the one who waits how that stands."""
        me = knock.participant
        knock.shown = shown_to(me.role, self._call, self._ledger)
        knock.locked = self._call.locked
        knock.session.wait(
            messages.encode(
                messages.Waiting(messages.VERSION, self.id, me.person, me.name, now, proof,
                                 knock.held, knock.words, me.role.value, knock.shown,
                                 knock.locked)
            )
        )  # fmt: skip

    def _show_meanwhile(self, now: int) -> None:
        """What those who wait are shown, and why they do, may be something else by now."""
        for knock in self.knocks.values():
            shown = shown_to(knock.participant.role, self._call, self._ledger)
            if knock.shown != shown or knock.locked is not self._call.locked:
                self.tell_to_wait(knock, "", now)

    def let_in(self, knock: Knock, now: int) -> None:
        """A host said so, or there is nobody to ask any more. Raises `TooFast`."""
        visitor = knock.visitor
        member = self.join(visitor.participant, knock.session, 0, now, issued=visitor.issued)
        self._forget_knock(knock, now)
        self.door.admit(visitor.participant, now)
        self.entered.append(member)

    def let_in_now(self) -> list[Member]:
        """Those who were let in since this was asked last: they are to be welcomed."""
        if not self.entered:
            return []
        entered, self.entered = self.entered, []
        return [member for member in entered if member.session is not None]

    def turn_away(self, knock: Knock, reason: CallmeshError, now: int) -> None:
        knock.session.end(reason)
        self._forget_knock(knock, now)

    def _forget_knock(self, knock: Knock, now: int) -> None:
        self.knocks.pop(knock.participant.id, None)
        self._pen.delete(DOOR, f"waiting/{knock.participant.id}", now)
        self._note_gone(knock.participant, knock.issued, now)

    # --- coming back

    def back(
        self, id: ParticipantId, generation: int, offers: list[str], key: str, now: int
    ) -> Visitor | None:
        """Who comes back with a proof of that generation; None for one who is somebody new.

        Raises `Unauthorized` for a proof that was used before.
        """
        visit = self.visits.back(id, generation, now, here=id in self.members)
        if visit is None:
            return None
        participant = Participant(id, visit.person, visit.name, visit.role, offers, key=key)
        return Visitor(participant, visit.issued, waits=False, returns=True)

    def may_come_back(self, member: Member, generation: int, now: int) -> int:
        """Keep who the member is; the generation of the proof to give it (J2).

        `generation` is that of the proof it came with; 0 for none.
        """
        me = member.participant
        if me.half:  # the process that was it does not come back
            self._journal.add("participant.joined", now, me, role=me.role.value, half=me.half)
            return generation + 1
        old = self.visits.all.get(me.id)
        counts = old.counts if old else 0
        member.told = generation + 1
        what = "participant.resumed" if generation else "participant.joined"
        self._journal.add(what, now, me, role=me.role.value)
        visit = Visit(
            me.person, me.name, member.admitted, now, counts, issued=member.issued,
            done=old.done if old else [], key=me.key, epoch=now, before=old.epoch if old else 0,
        )  # fmt: skip
        self.visits.keep(me.id, visit, now)
        return member.told

    def heard_of(self, member: Member, now: int) -> None:
        """A word over a new link: the member has its new proof, and no older one counts."""
        visit = self.visits.all[member.participant.id]
        visit.counts, visit.before, member.told = member.told, 0, 0
        self.visits.keep(member.participant.id, visit, now)

    def author(self, letter: messages.Letter, time: int, now: int) -> Participant | None:
        """Who has signed a letter that somebody else brings; None where it does not count (E7)."""
        id = ParticipantId(letter.author)
        visit = self.visits.speaks(id, letter.epoch, time, now)
        if visit is None:
            return None
        if id in self.members:
            return self.members[id].participant
        me = Participant(id, visit.person, visit.name, visit.role, here=False, key=visit.key)
        return msgspec.structs.replace(me, role=self.door.role(me, visit.role, visit.issued))

    def refused(self, id: ParticipantId, time: int) -> None:
        """A write of somebody's own was denied: nobody else brings it once more."""
        if visit := self.visits.all.get(id):
            visit.refused = max(visit.refused, time)

    # --- going

    def lose(self, who: Member | Knock, session: Session, now: int) -> None:
        """The link of `session` broke; a member may come back within `GRACE`.

        Who fell silent vanished with the last word, and has been lost since then (P2).
        """
        if who.session is not session:
            return
        if isinstance(who, Knock):
            self._give_up(who, now)
            return
        if who.participant.half:
            self.leave(who, session, now, "lost")
            return
        self._journal.add("participant.lost", now, who.participant)
        who.session, who.lost = None, now - session.silent
        who.participant = msgspec.structs.replace(who.participant, here=False)
        self.introduce(who, now)
        if visit := self.visits.all.get(who.participant.id):
            visit.lost = who.lost
            self.visits.keep(who.participant.id, visit, now)

    def leave(self, who: Member | Knock, session: Session, now: int, reason: str = "left") -> None:
        """They go for good: a member goes out of the roster, and its presence with it."""
        if who.session is not session:
            return
        if isinstance(who, Knock):
            self._give_up(who, now)
            return
        who.session = None
        self._take_out(who, now, reason)
        self.visits.forget(who.participant.id, now)

    def _give_up(self, knock: Knock, now: int) -> None:
        self._journal.add("participant.gave_up", now, knock.participant)
        self._forget_knock(knock, now)

    def known(self, person: PersonId) -> tuple[Participant, int] | None:
        """A person as they were here last, and when their latest token was issued."""
        here = [(who.participant, who.issued) for who in self if who.participant.person == person]
        visits = [visit for visit in self.visits.all.values() if visit.person == person]
        grant = self.door.grants.all.get(person)
        noted: list[Grant | Visit] = [*([grant] if grant else []), *visits]
        issued = max([*(issued for _, issued in here), *(one.issued for one in noted)], default=0)
        if here:
            return here[-1][0], issued
        if not noted:
            return None
        return Participant(ParticipantId(""), person, noted[-1].name, Role.GUEST), issued

    def keep_out(self, person: PersonId, why: Removed, now: int, *, ban: bool) -> bool:
        """Everybody of a person's goes, from the waiting area too; whether they are known.

        Their proofs count no more, nor does what they may have been given (G2).
        """
        known = self.known(person)
        if known is None:
            return False
        for who in [who for who in self if who.participant.person == person]:
            self._throw_out(who, why, now)
        for id in [id for id, visit in self.visits.all.items() if visit.person == person]:
            self.visits.forget(id, now)
        self.door.keep_out(*known, now, ban=ban)
        return True

    def end(self, now: int, *, final: bool) -> None:
        """The call is over, for everybody."""
        for who in list(self):
            self._throw_out(who, over(final=final), now)
        self.door.end(now, final=final)

    def _throw_out(self, who: Member | Knock, reason: CallmeshError, now: int) -> None:
        """They go at once, and do not come back as the same."""
        if isinstance(who, Knock):
            self.turn_away(who, reason, now)
            return
        if who.session is not None:
            who.session.end(reason)
        who.session = None
        self._take_out(who, now, reason.code)
        self.visits.forget(who.participant.id, now)

    def _take_out(self, member: Member, now: int, reason: str) -> None:
        id = member.participant.id
        self._journal.add("participant.left", now, member.participant, reason=reason)
        if visit := self.visits.all.get(id):
            visit.gone = True
            self.visits.keep(id, visit, now)
        self.members.pop(id, None)
        shown = self._ledger.state(ROSTER).entries.get(id)
        if shown is not None and not shown.deleted:
            self._pen.delete(ROSTER, id, now)
        for state in map(presence_of, self._call.resources):
            kept = self._ledger.state(state)
            for key in list(kept.under(id)) if isinstance(kept, HeadedState) else ():
                self._pen.delete(state, key, now)
        self._note_gone(member.participant, member.issued, now)

    def _note_gone(self, participant: Participant, issued: int, now: int) -> None:
        """One of a person's is gone: it may have been the last. Of halves nothing is decided."""
        if not participant.half and all(
            other.participant.person != participant.person for other in self
        ):
            self.door.gone(participant, issued, now)

    # --- time, and turns

    def clock_was_set(self, by: int, now: int) -> None:
        """The hub's clock has been set, and shows `now`: nobody was away for that (P3)."""
        step = max(by, 0)
        for member in self.members.values():
            member.lost = min(member.lost + step, now)
        for id, visit in list(self.visits.all.items()):
            visit.since = min(visit.since + step, now)
            visit.lost = min(visit.lost and visit.lost + step, now)
            self.visits.keep(id, visit, now)
        self.door.clock_was_set(step, now)

    def tick(self, now: int) -> None:
        """Let time pass: who has been lost for too long goes, and cannot come back for ever."""
        for member in list(self.members.values()):
            if member.session is None and now - member.lost > GRACE:
                self._take_out(member, now, "lost")
        self._close_visits(now)
        for id in list(self.visits.over(set(self.members), now)):
            self.visits.forget(id, now)
        self._let_in_who_need_not_wait(now)
        self.door.tidy({who.participant.person for who in self}, now)

    def turn(self, now: int, *, rights: bool) -> None:
        """Resources are others, or also `rights` to them: so may be what each may see (H4)."""
        if rights:
            self.turned = self._ledger.number
        for member in self.members.values():
            me = member.participant
            role = self.door.role(me, member.admitted, member.issued)
            if role is not me.role:
                member.participant = msgspec.structs.replace(me, role=role)
                self.introduce(member, now)
            member.feed.see(self._sights.of(member.participant), anew=rights)
        self.show_waiting_area(now)
        self._let_in_who_need_not_wait(now)
        self._show_meanwhile(now)

    def _let_in_who_need_not_wait(self, now: int) -> None:
        """Who waits though neither a host is asked nor the call locked does so for room alone."""
        with contextlib.suppress(TooFast):  # the others go on waiting
            for knock in list(self.knocks.values()):
                me = knock.participant
                role = self.door.role(me, me.role, knock.issued)
                if not self._has_to_wait(knock.visitor, role):
                    self.let_in(knock, now)

    def _close_visits(self, now: int) -> None:
        """Who was here when the hub ended, and has not come back, is told of as any other."""
        for id, visit in list(self.visits.all.items()):
            if id in self.members or visit.gone:
                continue
            me = Participant(id, visit.person, visit.name, visit.role)
            if not visit.lost:
                visit.lost = now
                self._journal.add("participant.lost", now, me)
            elif now - visit.lost > GRACE:
                visit.gone = True
                self._journal.add("participant.left", now, me, reason="lost")
                self._note_gone(me, visit.issued, now)
            else:
                continue
            self.visits.keep(id, visit, now)
