"""How much a hub does for a write, counted in calls of functions: the same on every machine.

Time is for `benchmarks/`. What is counted here grows only where somebody lets the hub do more for
each write; then it is worth a look, and maybe a larger number.
"""

import asyncio
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
from callmesh.messages import Group, Mode, Taken, Write
from callmesh.participant import Participant, Role
from callmesh.people import Member
from callmesh.session import Session, Side
from callmesh.state import Entry
from callmesh.stream import Delivery, Piece, encode_piece
from callmesh.streams import Streams
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


class Sink:
    """Direct paths that take everything."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def configure(self, ice: messages.Ice) -> None: ...
    def connect(self, peer: ParticipantId, *, offers: bool) -> None: ...
    def signal(self, peer: ParticipantId, text: str) -> None: ...
    def repeat(self) -> None: ...
    def ask(self, peer: ParticipantId) -> None: ...
    def room(self, peer: ParticipantId, label: str, how: Delivery) -> bool:
        return True

    def send(self, peer: ParticipantId, label: str, mode: Mode, data: bytes) -> None:
        self.sent.append(data)

    def ready(self, peer: ParticipantId) -> bool:
        return True

    def tell(self, peer: ParticipantId, data: bytes) -> None:
        self.sent.append(data)

    def disconnect(self, peer: ParticipantId) -> None: ...
    async def close(self) -> None: ...


def test_a_stream_message_costs_so_many_calls() -> None:
    """[D2] Its way out to one receiver, and in; the receiver waits for nothing."""
    me, other = (
        Participant(ParticipantId(id), PersonId(f"u{id}"), "N", Role.GUEST, offers=["rtc"])
        for id in ("p1", "p2")
    )
    streams = Streams(lambda: 0, lambda: None, lambda: None)
    sink = streams.peers = Sink()
    streams.roster(me, [other])
    streams.path_changed(other.id, None)
    for name in ("a", "b", "c", "ecg"):  # others, which have nothing to send
        stream = streams.stream(ResourceId("r1"), name, "reliable")
        streams.came_word(Taken([other.id], "r1", name, "reliable", 1, 0, "taken"))
        asyncio.run(stream.send(b"x"))
    sink.sent.clear()

    async def send() -> None:
        for _ in range(100):
            await stream.send(b"x")

    runner = asyncio.Runner()
    empty = calls_of(lambda: runner.run(asyncio.sleep(0)))
    out = (calls_of(lambda: runner.run(send())) - empty) / 100
    runner.close()
    assert len(sink.sent) == 100
    assert out < 26, f"sending takes {out:.0f} calls of functions"

    streams.came_direct(other.id, "r1/ecg", "reliable", encode_piece(Piece(1, False, b"x"), 1))

    def come() -> None:
        for data in sink.sent:
            streams.came_direct(other.id, "r1/ecg", "reliable", data)

    into = calls_of(come) / 100
    assert len(stream.inbox) == 101
    assert into < 13, f"receiving takes {into:.0f} calls of functions"


STATE = state_of(ResourceId("r1"))


def test_a_write_costs_so_many_calls_and_so_does_each_who_gets_it() -> None:
    """[W13]"""
    call, members = busy_call(8)
    written(call, members[1], range(2 * SECOND, 2 * SECOND + 10))()
    taken = calls_of(written(call, members[1], range(3 * SECOND, 3 * SECOND + 100))) / 100
    assert taken < 18, f"a write takes {taken:.0f} calls of functions"
    bundles: set[messages.Pieces | None] = set()

    def send() -> None:
        for member in members:
            bundles.add(call.shared(member.feed))

    sent = calls_of(send) / len(members)
    assert len(bundles) == 1, "one encoding for everybody"
    assert sent < 5, f"a link takes {sent:.0f} calls of functions"


def test_newcomers_share_the_encoding_of_what_is_there() -> None:
    """[J1, L2] Though each of them changes who is here: a State is encoded when it has changed."""
    call, members = busy_call(8)
    written(call, members[1], range(2 * SECOND, 2 * SECOND + 10))()

    def state_as_come(number: int) -> bytes:
        me = Participant(ParticipantId(f"n{number}"), PersonId("n"), "N", Role.HOST)
        session = Session(Side.HUB, 0)
        member = call.people.arrive(Visitor(me, 0, waits=False), session, 0, SECOND)
        assert isinstance(member, Member)
        session.welcome(messages.encode(messages.Pong(0, 0)))
        call.people.introduce(member, SECOND)
        pieces = call.take(member) or ()
        heard = messages.unbundle(b"".join(pieces))
        assert isinstance(heard[1], messages.Batch)
        assert heard[1].whole
        entries = {group.state: group.entries for group in heard[1].groups}
        assert [entry.key for entry in entries[STATE]] == ["key"]
        return next(piece for piece in pieces if STATE.encode() in piece)

    first = state_as_come(0)
    assert state_as_come(1) is first
    written(call, members[1], range(3 * SECOND, 3 * SECOND + 1))()
    later = state_as_come(2)
    assert later != first
    call.tick(4 * SECOND)
    assert state_as_come(3) is not later, "what was made is not kept"
