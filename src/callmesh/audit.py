"""The audit log: who was let in, refused, removed, and every change of roles and access.

Each line says what happened, and carries a hash over itself and the line before, so that a line
which was changed, put in or taken out shows. Taking lines off the end does not: keep the last hash
somewhere else. What people write, say or show in a call is in none of them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from callmesh.clock import MICROSECONDS
from callmesh.errors import BadInput
from callmesh.ids import CallId, ParticipantId, PersonId
from callmesh.participant import Participant

EVENTS = (
    "call.created",  # somebody came into it for the first time, or the operator made it
    "call.ended",  # for everybody; `final` when only the operator opens it again
    "call.reopened",  # by the operator, or by a host who came in
    "call.settings",  # by the operator, or by a host the waiting area and the lock
    "call.deleted",  # by the operator, or because nobody was in it for as long as it is kept
    "call.exported",  # as one archive
    "call.imported",  # from one: `of` says of which call, `sha256` of which file
    "participant.waiting",  # asks to be let in
    "participant.gave_up",  # asked, and went
    "participant.joined",
    "participant.resumed",  # came back over a new link
    "participant.lost",  # the link broke
    "participant.left",  # for good; `reason`: left, lost, removed, call_over, made_room, an error
    "participant.refused",  # was not let in; `code` says why, `times` how often within a minute
    "person.admitted",  # nobody named means everybody who waited
    "person.held",  # asked for patience
    "person.declined",  # may ask again
    "person.removed",  # by every way in that they had
    "person.banned",  # by every way in there may be
    "person.allowed",  # may ask again
    "person.role",  # was given the role, or it was taken back
    "person.handed_over",  # became host in the place of who did it
    "person.muted",  # had their microphone turned off; nobody named means everybody else
    "file.kept",  # is kept for those who are away: `id`, `resource`, `size`, `to` how many persons
    "file.fetched",  # was taken by who it is for
    "file.taken_back",  # by who brought it, or a host
    "fetch.begun",  # an app fetches by way of the hub; `fetch` is in the line of what came of it
    "fetch.sent",  # the host answered: `status`
    "fetch.failed",  # the host was reached, and gave no answer that can be handed on: `why`
    "fetch.unreachable",  # the host was not reached, and nothing was sent: `why`
    "resource.access",  # what a role or a person may do with a resource
    "hub.started",
    "hub.stopped",
)

OPERATOR = "operator"
REFUSED = "participant.refused"
CONFLATED = 60 * MICROSECONDS
"""For how long refusals of one kind are counted before they are written down again."""
MAX_REFUSALS = 1_000
"""Kinds of refusals that are told apart at a time."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened."""

    time: int
    """Microseconds since the epoch."""
    what: str
    """One of `EVENTS`."""
    call: str = ""
    by: str = ""
    """The person who did it, or `operator`; empty where it happened by itself."""
    person: str = ""
    participant: str = ""
    name: str = ""
    """As others saw them."""
    detail: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    """From 1, without gaps."""
    event: Event
    hash: str
    """SHA-256 over the hash before, the number and the event; 64 hexadecimal digits."""


START = Line(0, Event(0, ""), "0" * 64)
"""What the first line follows."""


def follow(before: Line, event: Event) -> Line:
    """The line of `event` behind the line `before`."""
    number = before.number + 1
    said = f"{before.hash} {number} ".encode() + text_of(event)
    return Line(number, event, hashlib.sha256(said).hexdigest())


def faults(lines: Iterable[Line], before: Line = START, *, part: bool = False) -> Iterator[str]:
    """Every place where the chain does not hold, in a sentence each.

    Of a `part`, lines may be left out; the one behind them is taken as it is.
    """
    for line in lines:
        if line.number != before.number + 1:
            if not part or line.number <= before.number:
                yield f"line {line.number} follows line {before.number}"
        elif follow(before, line.event).hash != line.hash:
            yield f"line {line.number} is not what was written, or a line before it is not"
        before = line


class _Written(msgspec.Struct):
    number: int
    hash: str
    event: Event


def to_json(line: Line) -> bytes:
    """A line as it is exported: one JSON object."""
    return _encode(_Written(line.number, line.hash, line.event))


def from_json(text: bytes) -> Line:
    """A line that stands there as it was exported, or answered by the API. Raises `BadInput`."""
    try:
        written = msgspec.json.decode(text, type=_Written)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(f"this is no line of an audit log: {error}") from error
    line = Line(written.number, written.event, written.hash)
    if text.strip() not in (to_json(line), _spelled_out(line)):
        raise BadInput("this is not what was written: it says more, or says it otherwise")
    return line


def _spelled_out(line: Line) -> bytes:
    """The same as the API answers it: with what does not apply."""
    event = {name: getattr(line.event, name) for name in Event.__struct_fields__}
    return msgspec.json.encode({"number": line.number, "hash": line.hash, "event": event})


def text_of(event: Event) -> bytes:
    """An event as it is written down: there is one text for each."""
    return _encode(event)


def as_written(number: int, text: str, hash: str) -> Line:
    """The line of which the event is written down as `text`. Raises `BadInput`."""
    try:
        event = msgspec.json.decode(text, type=Event)
        if text_of(event) == text.encode():
            return Line(number, event, hash)
    except msgspec.MsgspecError:
        pass
    raise BadInput(f"line {number} is not what was written")


_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(slots=True)
class Journal:
    """What happened in one call, until it is taken to be written down."""

    call: CallId
    events: list[Event] = field(default_factory=list)

    def add(
        self,
        what: str,
        now: int,
        about: Participant | None = None,
        *,
        by: PersonId | str = "",
        **detail: str,
    ) -> None:
        assert what in EVENTS, what
        person = about.person if about else ""
        participant = about.id if about else ParticipantId("")
        name = about.name if about else ""
        event = Event(now, what, self.call, by, person, participant, name, detail)
        self.events.append(event)

    def take(self) -> list[Event]:
        events, self.events = self.events, []
        return events


@dataclass(slots=True)
class _Again:
    since: int
    about: Participant | None
    times: int = 0


class Refusals:
    """Who is not let in, conflated: whoever comes again within a minute is counted."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], _Again] = {}

    def add(self, call: str, code: str, about: Participant | None, now: int) -> list[Event]:
        """What to write down of it now."""
        if len(self._known) >= MAX_REFUSALS:
            call, about = "", None
        key = (call, code, about.person if about else "")
        if key in self._known:
            self._known[key].times += 1
            return []
        self._known[key] = _Again(now, about)
        return [_refused(call, code, about, 1, now)]

    def tick(self, now: int) -> list[Event]:
        """What to write down now that time has passed."""
        over = {
            kind: again
            for kind, again in self._known.items()
            if not 0 <= now - again.since < CONFLATED  # before 0 where the clock was set back
        }
        for key in over:
            del self._known[key]
        return [
            _refused(call, code, again.about, again.times, now)
            for (call, code, _), again in over.items()
            if again.times
        ]


def _refused(call: str, code: str, about: Participant | None, times: int, now: int) -> Event:
    person, name = (about.person, about.name) if about else ("", "")
    detail = {"code": code, "times": str(times)}
    return Event(now, REFUSED, call, person=person, name=name, detail=detail)
