"""Everything that somebody may try who means harm, against a real hub, with others in the call.

Two honest participants are in it all the time, and write between the attacks. After each they are
still there, over the same link, and see what they wrote and nothing else; the hub lives.
"""

import asyncio
import contextlib
import json
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import callmesh
from callmesh import messages
from callmesh.auth import Authority, Resume
from callmesh.commands import ACTIONS
from callmesh.errors import BY_CODE
from callmesh.ids import CallId, ParticipantId
from callmesh.messages import Command, Group, Hello, Message, Stream, Write
from callmesh.state import DELETED, Entry
from callmesh.tokens import TYP, Claims, Key
from callmesh.values import encode
from tests import vectors
from tests.processes import SERVED, HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
SECRET = b"0123456789abcdef0123456789abcdef"
KEY = Key(SECRET)
AGES = 2**53 - 1
RECORD = {"app": "notes", "title": "x", "owner": "u1"}


def claims(role: str, sub: str, call: str = "demo", **said: Any) -> Claims:
    now = time.time()
    return Claims(call, role, sub, now - 1, now + 600, name=sub, **said)  # type: ignore[arg-type]


def token(role: str, sub: str, call: str = "demo", **said: Any) -> str:
    return KEY.sign(claims(role, sub, call, **said))


def bundle(*given: Message) -> bytes:
    return messages.bundle([messages.encode(message) for message in given])


def entry(key: str, value: object, writer: str, at: int | None = None) -> Entry:
    data = DELETED if value is ... else encode(value)
    return Entry(key, time.time_ns() // 1000 if at is None else at, writer, data)  # type: ignore[arg-type]


@dataclass
class Attacker:
    """A socket without manners. Whatever the hub sends is kept."""

    socket: ClientConnection
    heard: list[Message] = field(default_factory=list)
    received: bytearray = field(default_factory=bytearray)
    closed: int = 0
    """The close code."""

    @classmethod
    async def open(cls, hub: HubProcess, call: str = "demo") -> "Attacker":
        url = f"{hub.call(call).replace('http', 'ws')}/socket"
        return cls(await connect(url, max_size=None, compression=None, ping_interval=None))

    async def come(self, who: str, role: str, call: str = "demo", **said: Any) -> "Attacker":
        """Say hello with a good token, and take the first answer."""
        await self.say(Hello(1, call, who, token=token(role, who, call, **said)))
        await self.hear()
        return self

    async def say(self, *given: Message) -> None:
        await self.send(bundle(*given))

    async def send(self, data: bytes | str) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self.socket.send(data)

    async def hear(self) -> None:
        """One bundle more, or the end."""
        try:
            data = await asyncio.wait_for(self.socket.recv(), 20)
        except ConnectionClosed as closed:
            self.closed = closed.rcvd.code if closed.rcvd else 1006
            return
        assert isinstance(data, bytes)
        self.received += data
        self.heard += messages.unbundle(data, limit=None)

    async def answered(self, kind: type[Message], count: int = 1) -> None:
        """Until so many answers of that kind have come, or the link was closed."""
        while sum(isinstance(message, kind) for message in self.heard) < count and not self.closed:
            await self.hear()

    async def ends(self) -> str:
        """Until the hub has closed the link: the error that it named."""
        while not self.closed:
            await self.hear()
        return next((m.code for m in self.heard if isinstance(m, messages.Error)), "")

    @property
    def id(self) -> ParticipantId:
        (welcome,) = [m for m in self.heard if isinstance(m, messages.Welcome)]
        return ParticipantId(welcome.participant)

    async def close(self) -> None:
        await self.socket.close()


@pytest.fixture(scope="module", params=SERVED)
def hub(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("hub")
    key = folder / "callmesh.key"
    key.write_bytes(SECRET)
    notes = folder / "notes"
    notes.mkdir()
    manifest = {"id": "notes", "name": "Notes", "version": "1", "capabilities": ["streams"]}
    (notes / "manifest.json").write_text(json.dumps(manifest))
    (notes / "index.html").write_text("<!doctype html>")
    limits = {"joins_per_minute": 100_000}  # one person attacks many times
    python = SERVED[request.param]
    with hub_process(folder / "data", key=key, apps=(notes,), limits=limits, python=python) as hub:
        yield hub


class Honest:
    """Two people who notice nothing."""

    def __init__(self, ada: callmesh.Call, bob: callmesh.Call, poll: callmesh.Resource) -> None:
        self.ada, self.bob, self.poll = ada, bob, poll
        self._links = (ada._connection._link, bob._connection._link)
        self._number = 0

    async def unharmed(self) -> None:
        self._number += 1
        theirs = await self.bob.resources.get(self.poll.id)
        self.poll.state["question"] = self._number
        await self.poll.state.saved()
        await self.bob.until(lambda: theirs.state["question"] == self._number)
        assert (self.ada._connection._link, self.bob._connection._link) == self._links
        for state in (self.poll.state, theirs.state):
            assert dict(state) == {"question": self._number, "secret": "hush-hush"}
        assert list(self.ada.resources) == list(self.bob.resources) == [self.poll.id]
        assert dict(self.poll.presence.all()) == {self.bob.me.id: {"at": 1}}
        assert self.ada.me.role == "host"
        assert self.bob.me.role == "guest"
        assert self.ada.hosting.noted == {}


@pytest.fixture
async def honest(hub: HubProcess) -> AsyncIterator[Honest]:
    url = hub.call("demo")
    async with (
        callmesh.join(f"{url}#token={token('host', 'ada')}", name="", rtc=False) as ada,
        callmesh.join(
            f"{url}#token={token('guest', 'bob', wait=False)}", name="", rtc=False
        ) as bob,
    ):
        poll = await ada.resources.add("notes", state={"question": 0, "secret": "hush-hush"})
        (await bob.resources.get(poll.id)).presence["at"] = 1
        await ada.until(lambda: bool(poll.presence.all()))
        yield Honest(ada, bob, poll)
        await ada.resources.remove(poll)


@contextlib.asynccontextmanager
async def attacker(
    hub: HubProcess, role: str, call: str = "demo", **said: Any
) -> AsyncIterator[Attacker]:
    one = await (await Attacker.open(hub, call)).come("eve", role, call, **said)
    try:
        yield one
    finally:
        await one.close()


# --- every message, from everybody


EVERY = [bytes.fromhex(case["hex"]) for case in vectors.load("messages")["messages"]]
OPEN = ("observer", "guest", "host of another call")
ROLES = ("nobody", "waiting", *OPEN)
BAD = "error bad_message 4400"
NOT_FOR_HUBS: tuple[Message, ...] = (
    messages.Welcome(1, "demo", "p1", "p1", "u1", "Eve", "host", 0),
    messages.Waiting(1, "demo", "u1", "Eve", 0),
    messages.Batch(9, 9, True, []),
    messages.Saved(9),
    messages.Denial("no_right", "no", 1, "p1", []),
    messages.Answer("c1"),
    messages.Reach("pen", "latest", True, []),
    messages.Relayed(9),
    messages.Pong(1, 1),
    messages.Life("remove"),
    messages.Link("joined"),
    messages.Surroundings("en", "dark", 1, 1, True),
    messages.Fetched(1, 200, [], b""),
    messages.Ice([]),
    messages.Kept([]),
    messages.Have(True, [], []),
    messages.Void([]),
    messages.Error("bad_message", "so there"),
)


@dataclass
class Case:
    """A message of Eve's, and what comes of it for each role in `OPEN`."""

    message: Message
    observer: str
    guest: str
    other_host: str

    def expected(self, role: str) -> str:
        if role in OPEN:
            return (self.observer, self.guest, self.other_host)[OPEN.index(role)]
        if role == "waiting" and isinstance(self.message, messages.Ping):
            return "nothing"
        if role == "waiting" and isinstance(self.message, messages.Leave):
            return "closed 1000"
        if role == "nobody" and isinstance(self.message, Hello):
            return "error unauthorized 4401"
        return BAD


def cases(honest: Honest, witness: ParticipantId, me: ParticipantId) -> Iterator[Case]:
    """Every message that there is, about what there is in the call, for `me` to send."""
    poll, bob = honest.poll.id, honest.bob.me

    def write(state: str, *entries: Entry) -> Write:
        return Write([Group(state, list(entries))])

    no_right, gone = "denied no_right", "denied no_resource"
    state, presence = f"state/{poll}", f"presence/{poll}"
    for key, value in (("question", -1), ("secret", "known"), ("secret", ...)):
        foreign = entry(key, value, bob.id)
        yield Case(write(state, foreign), *["denied foreign_writer"] * 3)
    yield Case(write(state, entry("question", -2, me)), no_right, "taken", gone)
    yield Case(write(state, entry("question", -3, me, AGES)), *["denied clock_ahead"] * 3)
    yield Case(write(presence, entry(f"{me}/at", 1, me)), "taken", "taken", gone)
    yield Case(write(presence, entry(f"{bob.id}/at", 9, me)), no_right, no_right, gone)
    yield Case(write(presence, entry(f"{bob.id}/at", ..., me)), no_right, no_right, gone)
    yield Case(write("call", entry(f"resource/{poll}", ..., me)), no_right, no_right, gone)
    stolen = dict(RECORD, owner=bob.person)
    yield Case(write("call", entry(f"resource/{poll}", stolen, me)), *[no_right] * 3)
    hidden = entry(f"access/{poll}/guest", "hidden", me)
    yield Case(write("call", hidden), no_right, no_right, gone)
    yield Case(write("call", entry("waiting_area", True, me)), no_right, no_right, "taken")
    for of_the_hub in ("roster", "apps", "door", "hub"):
        yield Case(write(of_the_hub, entry(bob.id, ..., me)), *[no_right] * 3)
    yield Case(write("record", entry(f"visit/{bob.id}", ..., me)), *["denied bad_value"] * 3)
    own = messages.encode(write(state, entry("question", -4, bob.id)))
    forged = messages.Letter(bob.id, 1, True, own, bytes(64))
    yield Case(forged, *["denied foreign_writer"] * 3)
    for action in ACTIONS:
        there = {"end": "error call_over 4412", "reopen": "answer bad_value"}
        command = Command(f"c-{action}", action, bob.person, "host")
        denied = "answer no_right"
        yield Case(command, denied, denied, there.get(action, "answer nobody"))
    to: list[str] = [bob.id, witness]
    pen = Stream(to, poll, "pen", "reliable", 1, False, b"hello")
    yield Case(pen, *["relayed"] * 3)
    said = messages.Taken(to, poll, "pen", "reliable", 9, 9, "again")
    yield Case(said, *["nothing"] * 3)
    yield Case(messages.Signal(witness, "{}"), *["nothing"] * 3)
    yield Case(messages.Cache([]), *["nothing"] * 3)
    yield Case(messages.Ping(1), *["nothing"] * 3)
    yield Case(messages.Ticket(), *["nothing"] * 3)
    yield Case(messages.Fetch(1, "r1", "GET", "", [], b""), *["nothing"] * 3)
    yield Case(messages.Leave(), *["closed 1000"] * 3)
    yield Case(Hello(1, "demo", "Eve", role="host"), *[BAD] * 3)
    for message in NOT_FOR_HUBS:
        yield Case(message, *[BAD] * 3)


async def came_of(eve: Attacker, message: Message, expected: str) -> str:
    """Send a message, and wait until the hub has said all that it has to say to it."""
    before = len(eve.heard)
    await eve.say(message)
    if expected.startswith(("error", "closed")):
        with contextlib.suppress(TimeoutError):  # it should have ended
            await eve.ends()
    else:
        if not isinstance(message, messages.Ping):
            await eve.say(messages.Ping(7))
        while messages.Pong not in map(type, eve.heard[before:]) and not eve.closed:
            await eve.hear()
        later: dict[str, type[Message]] = {"answer": messages.Answer, "relayed": messages.Relayed}
        if kind := later.get(expected.split()[0]):  # these wait for the disk, or for others
            await eve.answered(kind)
    heard = eve.heard[before:]
    for said in heard:
        match said:
            case messages.Error(code, _):
                return f"error {code} {eve.closed}"
            case messages.Denial(reason):
                return f"denied {reason}"
            case messages.Answer(_, reason):
                return f"answer {reason or 'done'}"
            case messages.Relayed():
                return "relayed"
    if eve.closed:
        return f"closed {eve.closed}"
    if isinstance(message, Write):
        stamp = message.groups[0].entries[0].stamp
        batches = [
            group for said in heard if isinstance(said, messages.Batch) for group in said.groups
        ]
        return "taken" if any(e.stamp == stamp for g in batches for e in g.entries) else "swallowed"
    return "nothing"


def test_every_message_that_there_is_is_sent_in_the_test_below() -> None:
    """[W3]"""

    class Stub:
        id = person = "x"

    stub: Any = Stub()
    stub.poll = stub.bob = stub.me = stub
    sent = {type(case.message) for case in cases(stub, ParticipantId("p"), ParticipantId("p"))}
    assert sent == set(Message.__args__)


@pytest.mark.parametrize("role", ROLES)
async def test_every_message_as_everybody(hub: HubProcess, honest: Honest, role: str) -> None:
    """[W3, J4, J5, J6, J7, J15, J18, J21] Each has its one answer, and none is swallowed.

    The ids are those of the call, its resource, and the people in it.
    """
    call = "other" if role == "host of another call" else "demo"
    witness = await (await Attacker.open(hub)).come("wim", "guest", wait=False)
    count = len(list(cases(honest, witness.id, ParticipantId("p"))))
    for number in range(count):
        eve = await Attacker.open(hub, call)
        match role:
            case "waiting":
                await eve.come("eve", "guest")
            case "observer" | "guest":
                await eve.come("eve", role, wait=False)
            case "host of another call":
                await eve.come("eve", "host", "other")
        me = eve.id if role in OPEN else honest.bob.me.id
        case = list(cases(honest, witness.id, me))[number]
        expected = case.expected(role)
        assert await came_of(eve, case.message, expected) == expected, case.message
        if role in ("nobody", "waiting"):
            assert b"hush-hush" not in eve.received
            assert not any(isinstance(m, messages.Batch) for m in eve.heard)
        if role in ("observer", "guest"):
            if not eve.closed:
                await eve.say(messages.Leave())
                await eve.ends()
            await honest.ada.until(lambda id=me: id not in honest.ada.participants)  # type: ignore[misc]
        await eve.close()
    await witness.say(messages.Ping(1))
    await witness.answered(messages.Pong)
    got = [m for m in witness.heard if isinstance(m, messages.Signal | Stream)]
    assert [type(m) for m in got] == ([Stream, messages.Signal] if role in OPEN[:2] else [])
    await witness.close()
    await honest.unharmed()


async def test_the_host_of_another_call_at_the_address_of_this_one(
    hub: HubProcess, honest: Honest
) -> None:
    """[J15, J1] Their token is for their own call, whatever hello says and whoever they name."""
    theirs = token("host", "eve", "other")
    own = await (await Attacker.open(hub, "other")).come("eve", "host", "other")
    (welcome,) = [m for m in own.heard if isinstance(m, messages.Welcome)]
    for hello, error, close in (
        (Hello(1, "demo", "Eve", token=theirs), "unauthorized", 4401),
        (Hello(1, "demo", "Eve", "host", theirs, welcome.person_proof), "unauthorized", 4401),
        (Hello(1, "demo", "Eve", resume=welcome.resume), "unauthorized", 4401),
        (Hello(1, "demo", "Eve", token=theirs, resume=welcome.resume), "unauthorized", 4401),
        (Hello(1, "other", "Eve", token=theirs), "no_such_call", 4404),
        (Hello(1, "other", "Eve", resume=welcome.resume), "no_such_call", 4404),
    ):
        eve = await Attacker.open(hub, "demo")
        await eve.say(hello)
        assert (await eve.ends(), eve.closed) == (error, close), hello
        assert b"hush-hush" not in eve.received
    await own.close()
    await honest.unharmed()


@pytest.mark.parametrize("role", ["observer", "guest", "host of another call"])
async def test_every_command_as_everybody(hub: HubProcess, honest: Honest, role: str) -> None:
    """[J21, J22] Each is answered, and none is done."""
    mine = role == ROLES[-1]
    async with attacker(
        hub, "host" if mine else role, "other" if mine else "demo", wait=False
    ) as eve:
        people = [honest.ada.me.person, honest.bob.me.person, "", "u", "x" * 64]
        asked = 0
        for action in ACTIONS:
            for person in people:
                if mine and action in ("end", "admit", "hold", "decline", "mute") and person == "":
                    continue  # which a host may do in a call of their own
                if mine and action == "end":
                    continue
                asked += 1
                await eve.say(Command(f"c{asked}", action, person, "host"))
        await eve.answered(messages.Answer, asked)
        answers = [m for m in eve.heard if isinstance(m, messages.Answer)]
        assert len(answers) == asked
        assert {answer.reason for answer in answers} <= {"no_right", "nobody", "bad_value"}
        assert all(answer.why for answer in answers)
    await honest.unharmed()


# --- forged writes


async def test_nothing_forged_lands(hub: HubProcess, honest: Honest) -> None:
    """[J4, J5, J6, J7, P1] Others' ids, times to come, others' presence, the hub's own States."""
    poll, bob = f"state/{honest.poll.id}", honest.bob.me
    for role in ("guest", "observer"):
        async with attacker(hub, role, wait=False) as eve:
            writers = [bob.id, f"{bob.id}.1", "hub", "p", f"{eve.id}.0", f"{eve.id}x", "p" * 64]
            forged: list[tuple[str, Entry]] = [
                *((poll, entry("question", "forged", writer)) for writer in writers),
                *((poll, entry("question", "late", eve.id, at)) for at in (AGES, AGES - 1)),
                (poll, entry("question", "soon", eve.id, time.time_ns() // 1000 + 20_000_000)),
                (f"presence/{honest.poll.id}", entry(f"{bob.id}/at", 9, eve.id)),
                (f"presence/{honest.poll.id}", entry(f"{bob.id}", 9, eve.id)),
                ("roster", entry(eve.id, {"role": "host"}, eve.id)),
                ("roster", entry(bob.id, ..., eve.id)),
                ("apps", entry("poll", {"keys": []}, eve.id)),
                ("door", entry("person/u1", {"name": "x", "role": "host"}, eve.id)),
                ("hub", entry("read_only", "so there", eve.id)),
                ("record", entry("person/u1", {"role": "host"}, eve.id)),
                ("state/../record", entry("x", 1, eve.id)),
                ("state/rnone", entry("x", 1, eve.id)),
                ("call", entry(f"resource/{honest.poll.id}", ..., eve.id)),
                ("call", entry(f"access/{honest.poll.id}/guest", "hidden", eve.id)),
                ("call", entry("waiting_area", False, eve.id)),
                ("call", entry("title", "x", eve.id)),
                (
                    "call",
                    entry("resource/r1", RECORD, eve.id),
                ),
                (poll, entry("__proto__/x/" + "y" * 300, 1, eve.id)),
            ]
            for number, (state, one) in enumerate(forged):
                at = one.time if one.time > 1e15 * 1.9 else one.time + number  # stamps of their own
                await eve.say(Write([Group(state, [msgspec.structs.replace(one, time=at)])]))
            await eve.answered(messages.Denial, len(forged))
            denied = [m for m in eve.heard if isinstance(m, messages.Denial)]
            assert len(denied) == len(forged), "each is answered"
            assert not eve.closed, "which is no reason to end a session"
        await honest.unharmed()


async def test_a_guest_of_one_call_writes_into_no_other(hub: HubProcess, honest: Honest) -> None:
    """[J15] Resources of the same id are resources of another call."""
    async with attacker(hub, "host", "other") as eve:
        await eve.say(
            Write([Group(f"state/{honest.poll.id}", [entry("question", "x", eve.id)])]),
            Stream([honest.bob.me.id], honest.poll.id, "pen", "reliable", 1, False, b"x"),
            messages.Signal(honest.bob.me.id, "{}"),
        )
        await eve.answered(messages.Denial)
        assert [m.reason for m in eve.heard if isinstance(m, messages.Denial)] == ["no_resource"]
    await honest.unharmed()


async def test_ten_thousand_forbidden_writes(hub: HubProcess, honest: Honest) -> None:
    """[L4, S10] All are answered, and those who are allowed to write do not wait for them."""
    many = 10_000
    async with attacker(hub, "observer", wait=False) as eve:
        start = time.time_ns() // 1000

        async def flood() -> None:
            for number in range(0, many, 100):
                entries = [
                    entry("question", n, eve.id, start + n) for n in range(number, number + 100)
                ]
                await eve.say(Write([Group(f"state/{honest.poll.id}", entries)]))

        flooding = asyncio.create_task(flood())
        for _ in range(3):
            await honest.unharmed()
        answered = asyncio.create_task(eve.answered(messages.Denial, many))
        await asyncio.gather(flooding, answered)
        denied = {m.time for m in eve.heard if isinstance(m, messages.Denial)}
        assert denied == set(range(start, start + many))
        assert not eve.closed
    await honest.unharmed()


# --- forged proofs


async def test_no_forged_proof_lets_anybody_in(hub: HubProcess, honest: Honest) -> None:
    """[J2, J15] Tokens and resume proofs of all kinds; each is told `unauthorized`."""
    now = time.time()
    good = {
        "aud": "callmesh",
        "call": "demo",
        "role": "host",
        "sub": "eve",
        "iat": now,
        "exp": now + 60,
    }

    def signed(key: Any = SECRET, alg: str = "HS256", typ: str = TYP, **changed: Any) -> str:
        said = {k: v for k, v in (good | changed).items() if v is not ...}
        return jwt.encode(said, key, algorithm=alg, headers={"typ": typ})

    tokens = [
        signed("", "none"), signed(b"x" * 32), signed(SECRET * 2, "HS512"), signed(typ="JWT"),
        signed(typ="person"), signed(exp=now - 1), signed(exp=...), signed(iat=now + 3_600),
        signed(nbf=now + 3_600), signed(aud="callmesh2"), signed(aud=...), signed(call="other"),
        signed(call="DEMO"), signed(call=...), signed(role="hub"), signed(role="operator"),
        signed(sub=...), signed(sub=""), signed(exp="soon"), "", "a.b.c", "x" * 9_000,
        token("host", "eve", "other"),
    ]  # fmt: skip
    hellos = [Hello(1, "demo", "Eve", role="host", token=bad) for bad in tokens]
    theirs = Authority(b"x" * 32).resume_proof(CallId("demo"), Resume(honest.ada.me.id, 1, 1))
    proof = honest.ada._resume or ""
    assert proof
    moved = proof.replace(honest.ada.me.id, honest.bob.me.id)
    later = proof.replace(".1.", ".2.")
    hellos += [
        Hello(1, "demo", "Eve", resume=bad) for bad in (theirs, moved, later, proof[:-1], "x")
    ]
    hellos += [Hello(1, "demo", "Eve", person=proof), Hello(1, "demo", "Eve")]
    for hello in hellos:
        eve = await Attacker.open(hub)
        await eve.say(hello)
        assert await eve.ends() == "unauthorized", hello
        assert eve.closed == 4401
        assert b"hush-hush" not in eve.received
    other = await Attacker.open(hub, "other")
    await other.say(Hello(1, "other", "Eve", resume=proof))
    assert await other.ends() == "unauthorized", "a proof is for one call"
    await honest.unharmed()


async def test_a_replayed_resume_proof_is_worth_nothing(hub: HubProcess, honest: Honest) -> None:
    """[J2] Once the one it was for has used the next, or has been removed."""
    eve = await (await Attacker.open(hub)).come("eve", "guest", wait=False)
    (first,) = [m for m in eve.heard if isinstance(m, messages.Welcome)]
    eve.socket.transport.abort()
    again = await Attacker.open(hub)
    await again.say(Hello(1, "demo", "Eve", resume=first.resume))
    await again.answered(messages.Welcome)
    await again.say(messages.Ping(1))
    await again.answered(messages.Pong)
    thief = await Attacker.open(hub)
    await thief.say(Hello(1, "demo", "Eve", resume=first.resume))
    assert await thief.ends() == "unauthorized"
    (second,) = [m for m in again.heard if isinstance(m, messages.Welcome)]
    await honest.ada.until(lambda: second.participant in honest.ada.participants)
    await honest.ada.hosting.remove(
        honest.ada.participants[ParticipantId(second.participant)].person
    )
    assert await again.ends() == "removed"
    assert again.closed == 4411
    for hello in (
        Hello(1, "demo", "Eve", resume=second.resume, token=token("guest", "eve", wait=False)),
        Hello(1, "demo", "Eve", resume=second.resume),
    ):
        late = await Attacker.open(hub)
        await late.say(hello)
        assert await late.ends() in ("removed", "unauthorized")
    (removed,) = honest.ada.hosting.noted
    await honest.ada.hosting.allow(removed)
    await honest.unharmed()


# --- rubbish


async def test_mutated_messages_end_one_session_at_most(hub: HubProcess, honest: Honest) -> None:
    """[W2, W3] Bytes changed, cut, doubled and put together anew."""
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    print(f"SEED={seed}")
    rng = random.Random(seed)
    for number in range(150):
        eve = await Attacker.open(hub)
        if number % 3:
            await eve.come("eve", rng.choice(["guest", "observer"]), wait=False)
        parts = [mutated(rng, rng.choice(EVERY)) for _ in range(rng.randint(1, 4))]
        data = messages.bundle(parts)
        await eve.send(mutated(rng, data) if rng.random() < 0.3 else data)
        await eve.say(messages.Ping(7))
        await eve.answered(messages.Pong)
        named = [m.code for m in eve.heard if isinstance(m, messages.Error)]
        assert set(named) <= set(BY_CODE)
        assert eve.closed in (0, 1009, *(kind.close for kind in BY_CODE.values()))
        await eve.close()
    await honest.unharmed()


def mutated(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(4):
            case 0 if at < len(changed):
                changed[at] = rng.randrange(256)
            case 1:
                changed[at:at] = rng.randbytes(rng.randint(1, 4))
            case 2:
                del changed[at : at + rng.randint(1, 8)]
            case _:
                changed[at:at] = rng.choice(
                    [b"\xc1", b"\xdf\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff", b"\x91" * 500]
                )
    return bytes(changed)


async def test_text_silence_and_size(hub: HubProcess, honest: Honest) -> None:
    """[W2, W4]"""
    for data, code in (
        ("text", 4400), (b"x" * 20_000, 4413), (b"", 4400), (b"\x90", 4400),
        (b"x" * (2 * 1024 * 1024 + 1), 1009),
    ):  # fmt: skip
        eve = await Attacker.open(hub)
        await eve.send(data)
        await eve.ends()
        assert eve.closed == code
    async with attacker(hub, "guest", wait=False) as eve:
        await eve.send(b"x" * (1024 * 1024 + 1))
        assert await eve.ends() == "too_large"
    await honest.unharmed()
