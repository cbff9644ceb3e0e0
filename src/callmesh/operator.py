"""What an operator may do with the calls of a hub: every verb in Python, without HTTP.

O16 A call that there is not is `NoSuchCall`, and asking makes none.
O17 What a verb changed is on disk when it returns, with its line in the audit log.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

from callmesh import archive
from callmesh.audit import OPERATOR, Event, Line
from callmesh.auth import Authority
from callmesh.callstate import LOCKED, WAITING, WAITING_AREA
from callmesh.clock import MICROSECONDS
from callmesh.door import DAY, MAX_DAYS, Door
from callmesh.errors import BadValue, Denied
from callmesh.hosted import HostedCall
from callmesh.ids import (
    CallId,
    PersonId,
    ResourceId,
    call_id,
    display_name,
    person_id,
    state_of,
)  # fmt: skip
from callmesh.ledger import Kept, Ledger, Record
from callmesh.live import LiveHub
from callmesh.messages import Command
from callmesh.participant import Access, Role
from callmesh.people import Member
from callmesh.record import HubPen
from callmesh.resource import access_key
from callmesh.tokens import Claims

LINES = 1_000
"""Lines of the audit log that are read at a time."""
MAX_SUBJECT = 256
LONGEST = 10 * 365 * 24 * 3600
"""Seconds that an invitation lasts at most."""


@dataclass(frozen=True, slots=True)
class CallInfo:
    """A call as it is now."""

    id: str
    made: int
    """When it came to be here, microseconds since the epoch; 0 where that was not noted."""
    used: int
    """When somebody was in it last, or made it, microseconds since the epoch."""
    ended: int
    """Since when it is over, microseconds since the epoch; 0 while it is not."""
    final: bool
    """Whether the operator ended it: then no host opens it by coming in."""
    waiting_area: bool
    """Whether hosts are asked who comes in."""
    waiting_area_set: bool | None
    """What hosts or the operator have said of it; null where that is left to the hub."""
    locked: bool
    """Whether nobody new comes in."""
    retention: int | None
    """Days after which it is deleted when nobody was in it; null where that is left to the hub."""
    expires: int | None
    """When it is deleted if nobody comes in, microseconds since the epoch; null for never."""
    participants: int
    """How many are in it, those who are lost and may come back among them."""
    waiting: int
    """How many wait to be let in."""
    resources: int
    """How many there are in it."""


@dataclass(frozen=True, slots=True)
class CallListed:
    """A call in a list."""

    id: str
    used: int
    """When somebody was in it last, or made it, microseconds since the epoch."""
    ended: int
    """Since when it is over, microseconds since the epoch; 0 while it is not."""
    expires: int | None
    """When it is deleted if nobody comes in, microseconds since the epoch; null for never."""
    participants: int
    """How many are in it, those who are lost and may come back among them."""
    waiting: int
    """How many wait to be let in."""


@dataclass(frozen=True, slots=True)
class Present:
    """One who is in a call, is lost and may come back, or waits to be let in."""

    id: str
    """Of this presence."""
    person: str
    """The same for all presences of one person."""
    name: str
    role: Role
    state: Literal["here", "lost", "waiting"]
    """Who is lost may come back."""
    since: int | None = None
    """Since when they wait or are lost, microseconds since the epoch."""
    held: bool = False
    """Whether the one who waits was asked for patience."""
    words: str = ""
    """What the host said to the one who waits."""


@dataclass(frozen=True, slots=True)
class PersonNoted:
    """What was decided about a person, or who has left within a day."""

    person: str
    """As the hub names them."""
    name: str
    role: Role | None
    """The role they were given; null where none was."""
    admitted: bool
    """Whether they come in without asking, until they have been gone for ten minutes."""
    removed: int
    """Since when they are kept out, microseconds since the epoch; 0 while they are not."""
    banned: bool
    """Whether no new invitation helps."""
    left: int
    """Since when nobody of theirs is in the call or waits, microseconds; 0 while somebody does."""


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    id: str
    app: str
    title: str
    owner: str
    """The person who added it."""
    added: int
    """When, microseconds since the epoch."""
    keys: int
    """Of its state."""
    size: int
    """Bytes of its state."""
    access: dict[str, Access] = field(default_factory=dict)
    """What is set, by role and person."""


@dataclass(frozen=True, slots=True)
class Invitation:
    token: str
    person: str
    """Who will come in with it."""
    expires: int
    ended: int
    """Since when the call is over, microseconds since the epoch; 0 while it is not."""


class Operator:
    """`keep` is how many days a call is kept when nobody comes in; 0 is for ever."""

    def __init__(self, live: LiveHub, authority: Authority, *, keep: int = 0) -> None:
        self.live = live
        self.keep = keep
        self._authority = authority

    # --- calls

    async def calls(self, after: str = "", most: int = 100) -> list[CallListed]:
        """The calls behind the id `after`, by id."""
        found = await self.live.on_disk(lambda storage: storage.calls(after, most))
        return [self._listed(id, kept) for id, kept in found.items()]

    def _listed(self, id: CallId, kept: Kept) -> CallListed:
        call = self.live.here(id)
        if call is None:
            ledger = Ledger(kept)
            door, members, knocks = Door(ledger, HubPen(ledger)), 0, 0
        else:
            ledger, door = call.ledger, call.people.door
            members, knocks = len(call.people.members), len(call.people.knocks)
        expires = self._expires(ledger)
        return CallListed(id, ledger.used, door.about.ended, expires, members, knocks)

    def _expires(self, ledger: Ledger) -> int | None:
        lasts = ledger.keep or self.keep * DAY
        return ledger.used + lasts if lasts else None

    async def create(
        self, id: str = "", *, waiting_area: bool | None = None, retention: int | None = None
    ) -> CallInfo:
        """A new call; without an `id` it gets one. Raises `Refused` where there is one already."""
        _check_days(retention)
        call = call_id(id or secrets.token_hex(8))
        await self.live.make(call)
        async with self.live.changing(call) as hosted:
            if waiting_area is not None:
                hosted.set(WAITING_AREA, waiting_area, self.live.now())
            if retention is not None:
                hosted.keep_for(retention, self.live.now())
        return self._info(hosted)

    async def info(self, id: CallId) -> CallInfo:
        async with self.live.holding(id) as hosted:
            return self._info(hosted)

    def _info(self, hosted: HostedCall) -> CallInfo:
        about, people = hosted.people.door.about, hosted.people
        return CallInfo(
            id=hosted.id,
            made=about.made,
            used=hosted.ledger.used,
            ended=about.ended,
            final=about.final,
            waiting_area=people.has_waiting_area,
            waiting_area_set=hosted.call.waiting_area,
            locked=hosted.call.locked,
            retention=about.days or None,
            expires=self._expires(hosted.ledger),
            participants=len(people.members),
            waiting=len(people.knocks),
            resources=len(hosted.resources),
        )

    async def set_waiting_area(self, id: CallId, on: bool | None) -> None:
        """Whether hosts are asked who comes in; None leaves it to the hub."""
        async with self.live.changing(id) as hosted:
            hosted.set(WAITING_AREA, on, self.live.now())

    async def lock(self, id: CallId, on: bool) -> None:
        """Whether nobody new comes in."""
        async with self.live.changing(id) as hosted:
            hosted.set(LOCKED, on or None, self.live.now())

    async def set_retention(self, id: CallId, days: int | None) -> None:
        """How long it is kept when nobody is in it; None leaves that to the hub."""
        _check_days(days)
        async with self.live.changing(id) as hosted:
            hosted.keep_for(days or 0, self.live.now())

    async def delete(self, id: CallId) -> None:
        """Everybody in it is told that it is over, and nothing of it stays but the audit log."""
        await self.live.forget(id, Event(self.live.now(), "call.deleted", id, OPERATOR))

    async def run_out(self, now: int) -> list[CallId]:
        """Delete the calls that nobody was in for as long as they are kept, and say which."""
        keep = self.keep * DAY
        unused = await self.live.on_disk(lambda storage: storage.unused(now, keep))

        def is_over(ledger: Ledger) -> bool:
            lasts = ledger.keep or keep
            return 0 < lasts <= now - ledger.used

        detail = {"reason": "retention"}
        return [
            id
            for id in unused
            if await self.live.forget(id, Event(now, "call.deleted", id, detail=detail), is_over)
        ]

    # --- people

    async def command(
        self, id: CallId, action: str, person: PersonId | None = None, option: str = ""
    ) -> None:
        """What hosts may command, in the operator's name. Raises `Denied` where it cannot be done.

        A call that the operator ends opens again when the operator says so.
        """
        said = Command(secrets.token_hex(8), action, person or "", option)
        async with self.live.changing(id) as hosted:
            refused = hosted.commands.carry_out(said, None, self.live.now())
        if refused:
            raise Denied(*refused)

    async def participants(self, id: CallId) -> list[Present]:
        async with self.live.holding(id) as hosted:
            people = hosted.people
            return [
                *(_member(member) for member in people.members.values()),
                *(
                    Present(who.id, who.person, who.name, who.role, "waiting", knock.since,
                            knock.held, knock.words)
                    for knock in people.knocks.values()
                    for who in [knock.participant]
                ),
            ]  # fmt: skip

    async def people(self, id: CallId) -> list[PersonNoted]:
        async with self.live.holding(id) as hosted:
            return [
                PersonNoted(
                    person,
                    grant.name,
                    grant.role,
                    grant.admitted,
                    grant.removed,
                    grant.banned,
                    grant.left,
                )
                for person, grant in sorted(hosted.people.door.grants.all.items())
            ]

    async def invite(
        self,
        id: CallId,
        *,
        role: Role = Role.GUEST,
        name: str | None = None,
        person: str | None = None,
        lasts: int = 24 * 3600,
        wait: bool = True,
    ) -> Invitation:
        """A token that lets somebody into a call, for `lasts` seconds.

        Raises `Refused` where the hub has no key that signs, or the person is banned.
        """
        if not 1 <= lasts <= LONGEST:
            raise BadValue(f"an invitation lasts 1–{LONGEST} seconds")
        subject = secrets.token_urlsafe(12) if person is None else person
        if not 1 <= len(subject) <= MAX_SUBJECT:
            raise BadValue(f"a person is named by 1–{MAX_SUBJECT} characters")
        shown = None if name is None else display_name(name)
        who = self._authority.person_called(subject)
        async with self.live.holding(id) as hosted:
            now, door = self.live.now(), hosted.people.door
            issued, ends = door.invited(who, now), now // MICROSECONDS + lasts
            claims = Claims(id, role.value, subject, issued, ends, name=shown, wait=wait)
            token = self._authority.sign(claims)
        return Invitation(token, who, ends * MICROSECONDS, door.about.ended)

    # --- resources

    async def resources(self, id: CallId) -> list[ResourceInfo]:
        async with self.live.holding(id) as hosted:
            return [_resource(hosted, resource) for resource in hosted.resources]

    async def set_access(
        self, id: CallId, resource: ResourceId, who: str, access: Access | None
    ) -> None:
        """What a role, a person, or `waiting` may do with a resource; None for the usual.

        Raises `BadName`, or `Denied` where there is no such resource.
        """
        if who not in (*Role, WAITING):
            person_id(who)
        async with self.live.changing(id) as hosted:
            value = None if access is None else access.value
            hosted.set(access_key(resource, who), value, self.live.now())

    # --- archives

    async def export(self, id: CallId, to: BinaryIO) -> str:
        """Write everything of a call as one archive. Returns what to call the file."""
        now = self.live.now()
        async with self.live.changing(id) as hosted:
            records = archive.kept_of(hosted.ledger)
            outline = _outline(hosted, records, now)
            hosted.journal.add("call.exported", now, by=OPERATOR)
        lines = [line async for line in self.audit(id)]
        await asyncio.to_thread(archive.write, to, outline, records, lines)
        return archive.name_of(id, now)

    async def take_in(self, source: BinaryIO, id: CallId | None = None) -> CallInfo:
        """A call out of an archive, under its own id or another. Raises `BadInput`, or `Refused`

        where there is one of that id already.
        """
        now = self.live.now()
        found = await asyncio.to_thread(archive.read, source, now, self.live.limits)
        sha256 = await asyncio.to_thread(_digest, source)
        call = id or CallId(found.outline.id)
        detail = {"of": found.outline.id, "sha256": sha256, "exported": str(found.outline.exported)}
        event = Event(now, "call.imported", call, OPERATOR, detail=detail)
        await self.live.take_in(call, found.delta, event)
        return await self.info(call)

    async def audit(self, call: CallId | None = None, after: int = 0) -> AsyncIterator[Line]:
        """The lines of the audit log behind the number `after`, or those of them about a call."""
        while lines := await self.lines(after, LINES):
            for line in lines:
                if call is None or line.event.call == call:
                    yield line
            after = lines[-1].number

    async def lines(self, after: int, most: int) -> list[Line]:
        """Lines of the audit log; a negative `after` counts from its end."""
        return await self.live.on_disk(lambda storage: storage.audit(after, most))


def _check_days(days: int | None) -> None:
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise BadValue(f"a call is kept for 1–{MAX_DAYS} days")


def _member(member: Member) -> Present:
    who = member.participant
    state: Literal["here", "lost"] = "here" if member.session else "lost"
    since = None if member.session else member.lost
    return Present(who.id, who.person, who.name, who.role, state, since)


def _resource(hosted: HostedCall, id: ResourceId) -> ResourceInfo:
    record, state = hosted.resources[id], hosted.ledger.state(state_of(id))
    return ResourceInfo(
        id, record.app, record.title, record.owner, record.added, state.keys, state.size,
        hosted.call.settings(id),
    )  # fmt: skip


def _outline(hosted: HostedCall, records: list[Record], now: int) -> archive.Outline:
    about = hosted.people.door.about
    return archive.Outline(
        archive.FORMAT, hosted.id, now, len(records), about.made, about.ended, about.days,
        hosted.call.waiting_area,
    )  # fmt: skip


def _digest(source: BinaryIO) -> str:
    source.seek(0)
    digest = hashlib.sha256()
    while part := source.read(1024 * 1024):
        digest.update(part)
    return digest.hexdigest()
