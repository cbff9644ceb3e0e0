"""How much a hub does for a write, counted in calls of functions: the same on every machine.

Time is for `benchmarks/`. What is counted here grows only where somebody lets the hub do more for
each write; then it is worth a look, and maybe a larger number.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from callmesh import messages
from callmesh.app import Manifest
from callmesh.door import Visitor
from callmesh.hosted import HostedCall
from callmesh.ids import CALL, CallId, ParticipantId, PersonId, ResourceId, Writer, state_of
from callmesh.ledger import Ledger
from callmesh.messages import Group, Write
from callmesh.participant import Participant, Role
from callmesh.people import Member
from callmesh.session import Session, Side
from callmesh.state import Entry
from callmesh.values import encode

APP = Manifest(id="bench", name="Bench", version="1.0.0")
SECOND = 1_000_000


def calls_of(act: Callable[[], None]) -> int:
    """How many functions of Python are called."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def busy_call(people: int) -> tuple[HostedCall, list[Member]]:
    """A call with a resource, and everybody in step."""
    ledger = Ledger()
    ledger.flush()
    ledger.flushed()
    call = HostedCall(CallId("demo"), ledger, {"bench": APP}.get)
    members = []
    for number in range(people):
        me = Participant(ParticipantId(f"p{number}"), PersonId(f"u{number}"), "N", Role.HOST)
        session = Session(Side.HUB, 0)
        member = call.people.arrive(Visitor(me, 0, waits=False), session, 0, SECOND)
        assert isinstance(member, Member)
        session.welcome(b"\x90")
        members.append(member)
    record = {"app": "bench", "title": "Bench", "owner": "u0"}
    entry = Entry("resource/r1", SECOND, Writer("p0"), encode(record))
    call.receive(members[0], Write([Group(CALL, [entry])]), SECOND)
    for member in members:
        while call.take(member):
            pass
    return call, members


def written(call: HostedCall, member: Member, times: range) -> Callable[[], None]:
    def act() -> None:
        for time in times:
            entry = Entry("key", time, Writer(member.participant.id), encode("value"))
            bundle = messages.bundle([messages.encode(Write([Group(STATE, [entry])]))])
            assert member.session is not None
            for message in member.session.receive(bundle, time):
                call.receive(member, message, time)

    return act


STATE = state_of(ResourceId("r1"))


def test_a_write_costs_so_many_calls_and_so_does_each_who_gets_it() -> None:
    """[W13]"""
    call, members = busy_call(8)
    written(call, members[1], range(2 * SECOND, 2 * SECOND + 10))()
    taken = calls_of(written(call, members[1], range(3 * SECOND, 3 * SECOND + 100))) / 100
    assert taken < 80, f"a write takes {taken:.0f} calls of functions"
    bundles: set[bytes | None] = set()

    def send() -> None:
        for member in members:
            bundles.add(call.take(member))

    sent = calls_of(send) / len(members)
    assert len(bundles) == 1, "one encoding for everybody"
    assert sent < 9, f"a link takes {sent:.0f} calls of functions"
