"""Files that are kept for those who are away: which there are, and who may have them.

K1 What is kept is a line in the hub's own record of the call; its bytes lie in `storage.blobs`, by
   their hash. A line without bytes is no file, and bytes without a line are swept away.
K2 Whoever sees the resource and is no observer may have a file kept; it is for the persons named,
   or for everybody. Only they, and who brought it, may fetch it, and only while they see the
   resource. For anybody else it is not there.
K3 It goes when its time is over, when who brought it or a host takes it back, and with its
   resource.
K4 Who was told what is kept is told what has changed since, each file once. All is told anew to
   whoever sees other resources with files, is a host now or no more, or was told too long ago.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from callmesh.app import Capability, not_asked
from callmesh.callstate import CallState
from callmesh.clock import MICROSECONDS
from callmesh.errors import BadValue, Denied, Refused, TooFast, TooLarge
from callmesh.feed import Told
from callmesh.files import Id, file_name
from callmesh.ids import DOOR, ParticipantId, PersonId, ResourceId, person_id
from callmesh.ledger import Ledger
from callmesh.limits import Limits
from callmesh.messages import FileAnswer, Kept, KeptFile
from callmesh.participant import Access, Participant, Role
from callmesh.record import HubPen, Record
from callmesh.sight import Sight

DAY = 24 * 3600
PREFIX = "file/"
"""Where in the record it stands."""
MAX_TO = 100
"""Persons that one file is for, where it is not for everybody."""
MAX_ANSWERS = 1_000
"""Persons whose answer to one file is remembered."""
MAX_GONE = 1_000
"""Files that are gone, of which those hear who were told of them."""
COMES = 60 * MICROSECONDS
"""For how long a file of which nothing comes counts as one that does."""
FORGOTTEN = 600 * MICROSECONDS
"""After which it is not waited for; announced anew, it is gone on with all the same."""
ID = re.compile(r"[0-9a-f]{16}", re.ASCII)


class Announced(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody says of a file before they bring it."""

    resource: Annotated[str, Meta(max_length=64)]
    name: Annotated[str, Meta(max_length=1024)]
    size: Annotated[int, Meta(ge=0, lt=2**53)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    type: Annotated[str, Meta(max_length=128)] = ""
    to: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=MAX_TO)] = []
    """Persons; nobody named means everybody."""
    lasts: Annotated[int, Meta(ge=0, lt=2**40)] = 0
    """Seconds that it is to be kept; 0 as long as the hub keeps any."""


class Line(msgspec.Struct):
    """A kept file, as it stands in the record."""

    resource: ResourceId
    name: str
    size: int
    sha256: str
    type: str
    sender: ParticipantId
    person: PersonId
    to: list[PersonId]
    expires: int
    answers: dict[PersonId, FileAnswer] = {}


@dataclass(eq=False, slots=True)
class Upload:
    """A file that is being brought."""

    id: Id
    said: Line
    """With `expires` not known before all is there."""
    lasts: int
    """Microseconds."""
    moved: int
    """When something of it came last."""
    there: int = 0
    """Bytes that have come."""
    busy: bool = False
    """Whether somebody brings some of it at this moment."""

    @property
    def part(self) -> str:
        """The name under which its bytes lie until they are all there: nobody else's."""
        return f"{self.said.person}-{self.id}"


class KeptFiles:
    """Of one call. Pure: no disk, no clock."""

    def __init__(
        self,
        ledger: Ledger,
        pen: HubPen,
        call: CallState,
        limits: Limits,
        asked_for: Callable[[ResourceId, Capability], bool],
    ) -> None:
        """`asked_for` is whether the app of a resource has asked for something (A8)."""
        self._asked_for = asked_for
        self._call = call
        self._limits = limits
        self._lines: Record[str, Line] = Record(ledger, pen, PREFIX, Line)
        self.uploads: dict[str, Upload] = {}
        self.turns = 0
        """How often something of it has changed."""
        self._turned: dict[str, int] = {}
        """At which turn each has changed last, in this order."""
        self._gone: dict[str, Line] = {}
        self._floor = 0
        """Who was told before this turn is told all anew (K4)."""
        self.loose = False
        """Whether bytes may lie about that no file has any more."""
        self.dropped: set[str] = set()
        """Names of what was on its way, and is not gone on with."""

    @property
    def all(self) -> dict[str, Line]:
        return self._lines.all

    @property
    def hashes(self) -> set[str]:
        """Of what is kept, or may be in a moment."""
        coming = (upload.said.sha256 for upload in self.uploads.values())
        return {*coming, *(line.sha256 for line in self.all.values())}

    @property
    def parts(self) -> set[str]:
        """The names of what is on its way."""
        return {upload.part for upload in self.uploads.values()}

    @property
    def spare(self) -> int:
        """Bytes of the room of this call that nothing kept or coming takes."""
        return self._limits.kept_bytes - sum(line.size for line in self._taken)

    @property
    def lacking(self) -> int:
        """Bytes that are still to come."""
        return sum(upload.said.size - upload.there for upload in self.uploads.values())

    @property
    def _taken(self) -> list[Line]:
        return [*self.all.values(), *(upload.said for upload in self.uploads.values())]

    # --- bringing

    def announce(self, me: Participant, id: str, said: Announced, now: int) -> Upload:
        """Somebody wants to bring a file, or goes on with it. Raises why it cannot be."""
        self._check_right(me, ResourceId(said.resource))
        known = self.uploads.get(id)
        if known is not None and known.said.person == me.person and _same(known.said, said):
            self.check_turn(me, known, now)
            known.moved = now
            return known
        if known is not None or id in self.all or not ID.fullmatch(id):
            raise BadValue("an offer has an id of its own, 16 random digits of hex")
        self._check_room(me, said)
        self.check_turn(me, None, now)
        to = [person_id(person) for person in dict.fromkeys(said.to)]
        line = Line(
            ResourceId(said.resource), file_name(said.name), said.size, said.sha256, said.type,
            me.id, me.person, to, 0,
        )  # fmt: skip
        upload = self.uploads[id] = Upload(id, line, self._lasts(said.lasts), now)
        self.dropped.discard(upload.part)
        self.loose = True  # what nobody goes on with makes room
        return upload

    def _check_right(self, me: Participant, resource: ResourceId) -> None:
        if not self._sees(me, resource):
            raise Denied("no_resource", "this resource is not in the call")
        if not me.role.may_edit:
            raise Denied("no_right", "observers leave no files in a call")
        if not self._asked_for(resource, Capability.FILES):
            app = self._call.resources[resource].app
            raise Denied("no_capability", not_asked(app, Capability.FILES))

    def _check_room(self, me: Participant, said: Announced) -> None:
        """In the call, and what one person may have of it: half, so that nobody takes it all."""
        limits = self._limits
        if said.size > limits.kept_file_bytes:
            raise TooLarge(
                f"the hub keeps files of at most {limits.kept_file_bytes} bytes; send it while "
                "they are here"
            )
        self._check_files(self._taken, said.size, limits.kept_files, limits.kept_bytes, "a call")
        if me.role is Role.HOST:
            return
        mine = [line for line in self._taken if line.person == me.person]
        room = max(_half(limits.kept_bytes), limits.kept_file_bytes)
        self._check_files(mine, said.size, _half(limits.kept_files), room, "one person")

    def check_turn(self, me: Participant, upload: Upload | None, now: int) -> None:
        """Raises `TooFast` where so many others come that this has to wait."""
        coming = [
            one
            for one in self.uploads.values()
            if one is not upload and (one.busy or now - one.moved < COMES)
        ]
        mine = [one for one in coming if one.said.person == me.person]
        most = self._limits.uploads
        if len(coming) >= most:
            raise TooFast(f"{most} files come already; try again when one is there")
        if me.role is not Role.HOST and len(mine) >= _half(most):
            raise TooFast(f"{_half(most)} files of yours come already; try again when one is there")

    def _check_files(self, lines: list[Line], size: int, files: int, room: int, of: str) -> None:
        if len(lines) >= files:
            most = f"{files} files"
        elif sum(line.size for line in lines) + size > room:
            most = f"{room} bytes"
        else:
            return
        raise Denied(
            "full",
            f"the hub keeps at most {most} of {of}: take one back, or send it while they are here",
        )

    def _lasts(self, seconds: int) -> int:
        most = self._limits.kept_days * DAY
        if seconds > most:
            raise BadValue(f"the hub keeps a file for at most {self._limits.kept_days} days")
        return (seconds or most) * MICROSECONDS

    def upload_of(self, me: Participant, id: str) -> Upload:
        """What somebody is bringing. Raises `Refused` where they may not, or do not, any more."""
        upload = self.uploads.get(id)
        if upload is None or upload.said.person != me.person:
            raise Refused("no such file is announced; announce it")
        try:
            self._check_right(me, upload.said.resource)
        except Refused:
            self.give_up(upload)
            raise
        return upload

    def give_up(self, upload: Upload) -> None:
        """Nothing more of it is wanted."""
        if self.uploads.get(upload.id) is upload:
            self._wait_no_more(upload)
            self.dropped.add(upload.part)

    def _wait_no_more(self, upload: Upload) -> None:
        del self.uploads[upload.id]
        self.loose = True

    def keep(self, me: Participant, upload: Upload, now: int) -> Line:
        """All of it is there, and is what was said. Raises `Refused` as `upload_of` does."""
        if self.upload_of(me, upload.id) is not upload:
            raise Refused("this file was announced anew")
        del self.uploads[upload.id]
        line = msgspec.structs.replace(upload.said, expires=now + upload.lasts)
        self._put(upload.id, line, now)
        return line

    def _put(self, id: str, line: Line, now: int) -> None:
        if self._gone.pop(id, None) is not None:
            self._floor = self.turns + 1  # it may be for others now
        self._lines.keep(id, line, now)
        self._turn(id)

    def _turn(self, id: str) -> None:
        self.turns += 1
        self._turned.pop(id, None)
        self._turned[id] = self.turns

    # --- having

    def _sees(self, me: Participant, resource: ResourceId) -> bool:
        there = resource in self._call.resources
        return there and self._call.access(resource, me) is not Access.HIDDEN

    def may_fetch(self, me: Participant, id: str, now: int) -> Line | None:
        """A file that somebody may have; None where there is none for them."""
        line = self.all.get(id)
        if line is None or now >= line.expires or not self._sees(me, line.resource):
            return None
        return line if me.person == line.person or _is_for(me.person, line) else None

    def answer(self, me: Participant, id: str, answer: FileAnswer, now: int) -> bool:
        """Somebody has it, or does not want it, and is not offered it again; whether it is news."""
        line = self.may_fetch(me, id, now)
        if line is None or line.answers.get(me.person) in (answer, "taken"):
            return False
        if me.person not in line.answers and len(line.answers) >= MAX_ANSWERS:
            return False
        line.answers = {**line.answers, me.person: answer}
        self._put(id, line, now)
        return True

    def take_back(self, me: Participant, id: str, now: int) -> Line | None:
        """What somebody has brought, or a host does not want there; None where it is not."""
        line = self.all.get(id)
        sees = line is not None and self._sees(me, line.resource)
        if line is None or not (me.person == line.person or (sees and me.role is Role.HOST)):
            return None
        self._forget(id, now)
        return line

    def _forget(self, id: str, now: int) -> None:
        self._gone[id] = self.all[id]
        self._lines.forget(id, now)
        self._turn(id)
        self.loose = True
        if len(self._gone) > MAX_GONE:
            oldest = next(iter(self._gone))
            del self._gone[oldest]
            self._floor = self._turned.pop(oldest)

    def clear(self, resource: ResourceId, now: int) -> None:
        """The resource is gone."""
        for upload in list(self.uploads.values()):
            if upload.said.resource == resource:
                self.give_up(upload)
        for id, line in list(self.all.items()):
            if line.resource == resource:
                self._forget(id, now)

    def tick(self, now: int) -> None:
        """Let time pass: what is over goes, and so does what nobody brings any more."""
        for upload in list(self.uploads.values()):
            if not upload.busy and now - upload.moved > FORGOTTEN:
                self._wait_no_more(upload)
        for id, line in list(self.all.items()):
            if now >= line.expires:
                self._forget(id, now)

    def has_news(self, me: Participant, sight: Sight, told: Told | None) -> bool:
        """Whether somebody who sees this now, and was told that, has to be told something."""
        if told is not None and self._is_whole(sight, told):
            return True
        news = self.news(me, sight, told)
        return bool(news.files or news.gone)

    def news(self, me: Participant, sight: Sight, told: Told | None) -> Kept:
        """What it is (K4)."""
        if told is None or self._is_whole(sight, told):
            return Kept(self._shown(me, sight, self.all))
        since = self._since(told.turn)
        gone = [
            id
            for id in since
            if (line := self._gone.get(id))
            and told.sight.sees(line.resource)
            and _concerns(me, line)
        ]
        return Kept(self._shown(me, sight, since), False, gone)

    def _is_whole(self, sight: Sight, told: Told) -> bool:
        if told.turn < self._floor:
            return True
        turned = sight.differs(told.sight) if sight is not told.sight else ()
        return DOOR in turned or any(line.resource in turned for line in self.all.values())

    def _since(self, turn: int) -> list[str]:
        """What has changed since, the latest last."""
        found = []
        for id in reversed(self._turned):
            if self._turned[id] <= turn:
                break
            found.append(id)
        return found[::-1]

    def _shown(self, me: Participant, sight: Sight, ids: Iterable[str]) -> list[KeptFile]:
        there = [(id, line) for id in ids if (line := self.all.get(id))]
        return [
            _shown(id, line, me)
            for id, line in there
            if sight.sees(line.resource) and _concerns(me, line)
        ]


def _half(most: int) -> int:
    return (most + 1) // 2


def _same(line: Line, said: Announced) -> bool:
    """Whether it is one upload that is gone on with."""
    return (line.resource, line.size, line.sha256) == (said.resource, said.size, said.sha256)


def _is_for(person: PersonId, line: Line) -> bool:
    return not line.to or person in line.to


def _concerns(me: Participant, line: Line) -> bool:
    """Whether somebody who sees the resource is told of it."""
    return me.person == line.person or me.role is Role.HOST or _is_for(me.person, line)


def _shown(id: str, line: Line, me: Participant) -> KeptFile:
    """To whom it concerns: a receiver sees itself alone."""
    to, answers = line.to, list(line.answers.items())
    if me.person != line.person and me.role is not Role.HOST:
        to = [me.person] if line.to else []
        answers = [(who, answer) for who, answer in answers if who == me.person]
    return KeptFile(
        id, line.resource, line.name, line.size, line.sha256, line.type, line.sender, line.person,
        [*to], line.expires, [*answers],
    )  # fmt: skip
