"""The audit log: what is written down, that it is, and that a changed line shows."""

import asyncio
import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from callmesh import auditing, messages
from callmesh.audit import (
    CONFLATED,
    EVENTS,
    MAX_REFUSALS,
    START,
    Event,
    Line,
    Refusals,
    faults,
    follow,
    from_json,
    to_json,
)  # fmt: skip
from callmesh.auditing import lines_in, written_in
from callmesh.clock import MICROSECONDS
from callmesh.errors import (
    BadInput,
    CallOver,
    Declined,
    Denied,
    StorageFailed,
    TooFast,
    Unauthorized,
)  # fmt: skip
from callmesh.ids import CallId, ParticipantId, PersonId
from callmesh.ledger import Delta
from callmesh.limits import Limits
from callmesh.messages import Command
from callmesh.participant import Participant, Role
from callmesh.storage.memory import MemoryStorage
from callmesh.storage.sqlite import SqliteStorage
from callmesh.testing import ADDRESS, MemoryHub
from callmesh.tokens import Claims
from callmesh.visits import LONGEST
from tests.test_door import KEY, Guest, keyed, link, live, seen
from tests.test_saving import FailingStorage, becomes
from tests.test_visits import Clock

BOB = Participant(ParticipantId("p1"), PersonId("u1"), "Bob", Role.GUEST)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def chain(count: int) -> list[Line]:
    lines = [START]
    for number in range(count):
        event = Event(number, EVENTS[number % len(EVENTS)], "demo", name="Ådá", detail={"a": "1"})
        lines.append(follow(lines[-1], event))
    return lines[1:]


# --- the chain


def test_a_chain_holds_and_can_be_exported() -> None:
    """[O2]"""
    lines = chain(50)
    assert list(faults(lines)) == []
    assert [from_json(to_json(line)) for line in lines] == lines
    for rubbish in (b"", b"{}", b"\xff", b'{"number":1,"hash":"x","event":[]}'):
        with pytest.raises(BadInput):
            from_json(rubbish)


@given(st.data())
def test_whatever_is_changed_shows(data: st.DataObject) -> None:
    """[O2]"""
    lines = chain(8)
    at = data.draw(st.integers(0, 6))
    line = lines[at]
    match data.draw(st.sampled_from(["time", "detail", "hash", "out", "in", "swap", "name"])):
        case "time":
            event = msgspec.structs.replace(line.event, time=99)
            lines[at] = Line(line.number, event, line.hash)
        case "detail":
            event = msgspec.structs.replace(line.event, detail={})
            lines[at] = Line(line.number, event, line.hash)
        case "name":
            event = msgspec.structs.replace(line.event, name="Eve")
            lines[at] = follow(lines[at - 1] if at else START, event)
        case "hash":
            lines[at] = Line(line.number, line.event, "0" * 64)
        case "out":
            del lines[at]
        case "in":
            lines.insert(at, follow(line, line.event))
        case "swap":
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
    assert list(faults(lines)) != []


def shows(lines: Iterator[Line]) -> bool:
    """Whether it is said that they are not what was written."""
    try:
        return list(faults(lines)) != []
    except BadInput:
        return True


@given(st.data())
def test_whatever_is_changed_in_the_text_of_an_export_shows(data: st.DataObject) -> None:
    """[O2] Any byte of it, but for white space around a line."""
    before = b"".join(to_json(line) + b"\n" for line in chain(4))
    first, last = sorted(data.draw(st.integers(0, len(before))) for _ in range(2))
    match data.draw(st.sampled_from(["put in", "replaced", "taken out", "member"])):
        case "put in":
            after = before[:first] + data.draw(st.binary(min_size=1, max_size=3)) + before[first:]
        case "replaced":
            after = before[:first] + data.draw(st.binary(min_size=1, max_size=3)) + before[last:]
        case "taken out":
            after = before[:first] + before[min(last, first + 3) :]
        case _:
            member = data.draw(st.sampled_from([b'"x":1', b'"number":1', b'"name":"Eve"', b"\n"]))
            opens = data.draw(st.sampled_from([m.end() for m in re.finditer(rb"\{", before)]))
            after = before[:opens] + member + b"," + before[opens:]
    texts = [text for text in after.split(b"\n") if text.strip()]
    kept = before.splitlines()
    assume([text.strip() for text in texts] != kept[: len(texts)])  # lines off the end do not show
    with tempfile.NamedTemporaryFile() as file:
        file.write(after)
        file.flush()
        assert shows(lines_in(Path(file.name)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{", '{"name":"Eve",'),  # twice: the first does not count
        ("{", '{"more":1,'),
        (":", ": "),
        ("joined", "joi\\u006eed"),
        ("Å", "\\u00c5"),
        ("}", ',"by":""}'),  # what is left out stands for the same
        ("joined", "left"),
        ("{", "["),
    ],
)
def test_whatever_is_changed_in_the_text_of_the_database_shows(
    old: str, new: str, data: Path
) -> None:
    """[O2] Also where it is read as the same."""
    assert not shows(written_in(data))
    db = sqlite3.connect(data / "callmesh.sqlite")
    (text,) = db.execute("SELECT event FROM audit WHERE number = 4").fetchone()
    db.execute("UPDATE audit SET event = ? WHERE number = 4", (text.replace(old, new, 1),))
    db.commit()
    db.close()
    assert shows(written_in(data))


# --- what is written down


def told(storage: MemoryStorage) -> list[tuple[str, str, str, str, dict[str, str]]]:
    """What, by whom, about whom by id and name, and the details, as they stand on disk."""
    lines = storage.audit(0, 10_000)
    events = [line.event for line in lines if not line.event.what.startswith("hub.")]
    return [(e.what, e.by, e.person, e.name, e.detail) for e in events]


@pytest.mark.anyio
async def test_everything_about_people_is_written_down_and_nothing_they_say(clock: Clock) -> None:
    """[O1]"""
    storage = MemoryStorage()
    async with keyed(storage=storage) as hub:
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            me = ada.me.person
            guest = Guest(hub, link(clock, "guest", "bob"))
            (waiting,) = await seen(ada, lambda found: len(found) == 1)
            bob = waiting.person
            await ada.hosting.hold(bob, "hush-hush")
            await ada.hosting.admit(bob)
            await guest.inside()
            poll = await ada.resources.add("poll", title="hush-hush", state={"question": "hush"})
            poll.set_access("guest", "view")
            await ada.state.saved()
            await ada.hosting.set_role(bob, "observer")
            await ada.hosting.mute(bob)
            await ada.hosting.mute()
            await ada.hosting.remove(bob)
            await guest.go()
            with pytest.raises(Denied):
                await ada.hosting.remove(me)
            await ada.hosting.set_waiting_area(False)
            await ada.state.saved()
            cy = Guest(hub, link(clock, "guest", "cy"))
            third = (await cy.inside()).me.person
            await cy.go()
        assert live(hub).hosted.commands.carry_out(Command("x", "end"), None, clock.now) is None
        hub.live.changed(live(hub))
    found = told(storage)
    assert [line for line in found if line[0] != "participant.lost"] == [
        ("call.created", "", "", "", {}),
        ("participant.joined", "", me, "Ada", {"role": "host"}),
        ("participant.waiting", "", bob, "Bob", {"role": "guest"}),
        ("person.held", me, bob, "Bob", {}),
        ("person.admitted", me, bob, "Bob", {}),
        ("participant.joined", "", bob, "Bob", {"role": "guest"}),
        ("resource.access", me, "", "", {"resource": poll.id, "who": "guest", "access": "view"}),
        ("person.role", me, bob, "Bob", {"role": "observer"}),
        ("person.muted", me, bob, "Bob", {}),
        ("person.muted", me, "", "", {}),
        ("person.removed", me, bob, "Bob", {}),
        ("participant.left", "", bob, "Bob", {"reason": "removed"}),
        ("call.settings", me, "", "", {"waiting_area": "false"}),
        ("participant.joined", "", third, "Cy", {"role": "guest"}),
        ("participant.left", "", third, "Cy", {"reason": "left"}),
        ("participant.left", "", me, "Ada", {"reason": "left"}),
        ("call.ended", "operator", "", "", {"final": "true"}),
    ]
    assert "hush" not in str(storage.audit(0, 1_000))
    assert list(faults(storage.audit(0, 1_000))) == []


@pytest.mark.anyio
async def test_a_call_that_a_host_opens_again_is_written_down(clock: Clock) -> None:
    """[O1, J23]"""
    storage = MemoryStorage()
    async with keyed(storage=storage) as hub:
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            with contextlib.suppress(CallOver):
                await ada.hosting.end()
        async with hub.join("Ada", url=link(clock, "host", "ada")):
            pass
    said = [(what, by) for what, by, _, _, _ in told(storage) if what.startswith("call.")]
    me = ada.me.person
    assert said == [("call.created", ""), ("call.ended", me), ("call.reopened", me)]


@pytest.mark.anyio
async def test_everybody_who_is_let_in_is_named_also_when_the_room_ends(clock: Clock) -> None:
    """[O1] Admitting all is one line a person; who was declined has a name."""
    storage = MemoryStorage()
    limits = Limits(participants=3)
    async with keyed(storage=storage, limits=limits) as hub:  # noqa: SIM117
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            declined = Guest(hub, link(clock, "guest", "eve"))
            (eve,) = await seen(ada, lambda found: len(found) == 1)
            await ada.hosting.decline(eve.person)
            with contextlib.suppress(Declined):
                await declined.inside()
            guests = [Guest(hub, link(clock, "guest", name)) for name in ("bob", "cy", "dee")]
            await seen(ada, lambda found: len(found) == 3)
            with pytest.raises(Denied):
                await ada.hosting.admit()
            for guest in guests[:2]:
                await guest.inside()
            guests[2].task.cancel()
            await asyncio.gather(guests[2].task, return_exceptions=True)
            for guest in guests[:2]:
                await guest.go()
    done = [(what, name) for what, by, _, name, _ in told(storage) if by]
    assert done == [
        ("person.declined", "Eve"), ("person.admitted", "Bob"), ("person.admitted", "Cy"),
    ]  # fmt: skip


@pytest.mark.anyio
async def test_who_was_here_when_the_hub_died_is_told_of(clock: Clock) -> None:
    """[O1] Lost, and then left, once each, when the call is next opened; who comes back is not."""
    storage = MemoryStorage()
    ada, bob = link(clock, "host", "ada"), link(clock, "guest", "bob", wait=False)
    async with keyed(storage=storage) as hub, hub.join("Ada", url=ada):
        guest = Guest(hub, bob)
        await guest.inside()
        await hub.live._saving.commit()
        kept, events = storage.load(CallId("demo")), [line.event for line in storage.audit(0, 99)]
        await guest.go()
    assert kept is not None
    killed = MemoryStorage()
    killed.commit({CallId("demo"): Delta(kept.records, [], 0, kept.reserved)}, events)
    before = len(events)
    clock.now += 60_000_000
    async with keyed(storage=killed) as hub, hub.join("Ada", url=ada):
        for _ in range(3):
            hub.live._tidy()
            clock.now += 50_000_000
        await hub.live._saving.commit()
    after = [line.event for line in killed.audit(before, 99) if line.event.name == "Bob"]
    assert [event.what for event in after] == ["participant.lost", "participant.left"]
    assert after[-1].detail == {"reason": "lost"}


@pytest.mark.anyio
async def test_who_went_is_told_of_with_the_reason_and_after_it(clock: Clock) -> None:
    """[O1]"""
    storage = MemoryStorage()
    async with keyed(storage=storage, limits=Limits(participants=2)) as hub:
        ada = Guest(hub, link(clock, "host", "ada"))
        call = await ada.inside()
        for name in ("bob", "cy", "dee"):  # one makes room for the next
            guest = Guest(hub, link(clock, "guest", name, wait=False))
            member = live(hub).hosted.people.members[(await guest.inside()).me.id]
            if member.session is not None and name != "dee":
                live(hub).hosted.people.lose(member, member.session, clock.now)
                guest.task.cancel()
                await asyncio.gather(guest.task, return_exceptions=True)
            clock.now += 1_000_000
        await hub.links[-1].send(b"rubbish")
        await becomes(lambda: len(live(hub).hosted.people.members) == 1)
        with contextlib.suppress(CallOver):
            await call.hosting.end()
        await ada.go()
        await guest.go()
    lines = [line.event for line in storage.audit(0, 100)]
    went = ("participant.left", "call.ended")
    times = [event.time for event in lines if event.call]
    assert times == sorted(times)
    told = [(e.what, e.name, e.detail.get("reason")) for e in lines if e.what in went]
    assert told == [
        ("participant.left", "Bob", "made_room"),
        ("participant.left", "Cy", "made_room"),
        ("participant.left", "Dee", "bad_message"),
        ("call.ended", "", None),
        ("participant.left", "Ada", "call_over"),
    ]


@pytest.mark.anyio
async def test_who_is_refused_is_written_down_once_a_minute_and_counted(clock: Clock) -> None:
    """[O1, O3] And no call is made for them."""
    storage = MemoryStorage()
    async with keyed(storage=storage) as hub:
        for _ in range(5):
            with pytest.raises(Unauthorized):
                async with hub.join("Eve", url=f"{ADDRESS}#token=x"):
                    pass
        assert hub.live._calls == {}
        clock.now += CONFLATED
        hub.live._tidy()
        await hub.live._saving.commit()
        assert list(storage.calls()) == []
        refused = [("unauthorized", "1"), ("unauthorized", "4")]
        assert [(d["code"], d["times"]) for *_, d in told(storage)] == refused
        clock.now += CONFLATED
        hub.live._tidy()
        await hub.live._saving.commit()
        assert len(told(storage)) == 2


@pytest.mark.anyio
async def test_calls_that_strangers_invent_are_one_kind_of_refusal(clock: Clock) -> None:
    """[O1] With no token, a wrong one or a bad name, they do not fill the log; open calls show."""
    storage = MemoryStorage()

    async def refused(call: str, token: str = "") -> None:
        with pytest.raises(Unauthorized):
            async with hub.join("Eve", url=f"http://memory/call/{call}{token}"):
                pass

    async with keyed(storage=storage) as hub:
        for number in range(20):
            await refused(f"invented{number}", "#token=x" if number % 2 else "")
        async with hub.join("Ada", url=link(clock, "host", "ada")):
            for _ in range(3):
                await refused("demo")
        await hub.live._saving.commit()
        lines = [line.event for line in storage.audit(0, 100)]
        found = [event.call for event in lines if event.what == "participant.refused"]
        assert found == ["", "demo"]


@pytest.mark.anyio
async def test_who_brings_a_token_and_finds_no_room_is_named(clock: Clock) -> None:
    """[O1] Also before there is a call that they could be refused by."""
    storage = MemoryStorage()
    async with keyed(storage=storage, limits=Limits(calls=1, joins_per_minute=1)) as hub:  # noqa: SIM117
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            me = ada.me.person
            for _ in range(2):
                with pytest.raises(TooFast, match="too often"):
                    async with hub.join("Ada", url=link(clock, "host", "ada")):
                        pass
            now = clock.now / MICROSECONDS
            claims = Claims("another", "host", "ada", now, now + 60, name="Ada")
            url = f"http://memory/call/another#token={KEY.sign(claims)}"
            with pytest.raises(TooFast, match="1 calls"):
                async with hub.join("Ada", url=url):
                    pass
    found = [line.event for line in storage.audit(0, 100)]
    refused = [(e.call, e.person, e.name) for e in found if e.what == "participant.refused"]
    assert refused == [("demo", me, "Ada"), ("another", me, "Ada")]


@pytest.mark.anyio
async def test_refusals_that_cannot_be_written_keep_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[O4] The oldest of them are dropped, and all else is written down in order."""
    monkeypatch.setattr("callmesh.saving.RETRY", (0.01, 0.05))
    monkeypatch.setattr("callmesh.saving.MAX_UNWRITTEN", 5)
    storage = FailingStorage()
    async with MemoryHub(storage=storage) as hub, hub.join("Ada") as ada:
        await ada.state.saved()
        storage.refuse = {"commit"}
        for number in range(20):
            hub.live._saving.note([Event(number, "participant.refused", name=str(number))])
        async with hub.join("Bob"):
            pass
        storage.refuse = set()
        await becomes(lambda: not hub.live._saving._events)
    lines = told(storage)
    assert [name for what, _, _, name, _ in lines if what == "participant.refused"] == [
        "15", "16", "17", "18", "19"
    ]  # fmt: skip
    assert [name for what, _, _, name, _ in lines if what == "participant.joined"] == ["Ada", "Bob"]


def test_refusals_are_bounded() -> None:
    """[O1]"""
    refusals = Refusals()
    written = [refusals.add(f"call{number}", "unauthorized", BOB, 0) for number in range(5_000)]
    assert sum(map(len, written)) == MAX_REFUSALS + 1
    later = refusals.tick(CONFLATED)
    assert [event.detail["times"] for event in later] == [str(5_000 - MAX_REFUSALS - 1)]
    assert later[0].call == "", "so many at once are told apart no more"
    assert refusals.tick(2 * CONFLATED) == []
    refusals.add("call", "unauthorized", BOB, 2 * CONFLATED)
    refusals.add("call", "unauthorized", BOB, 2 * CONFLATED)
    assert refusals.tick(1), "the clock was set back, perhaps by years"


@pytest.mark.anyio
async def test_what_happened_while_the_disk_refused_is_written_down_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[O1, O4] In order, once; and when too much waits, nobody comes in."""
    monkeypatch.setattr("callmesh.saving.RETRY", (0.01, 0.05))
    storage = FailingStorage()
    async with MemoryHub(storage=storage) as hub, hub.join("Ada") as ada:
        await ada.resources.add("poll")
        storage.refuse = {"commit"}
        async with hub.join("Bob"):
            pass
        monkeypatch.setattr("callmesh.saving.MAX_UNWRITTEN", 1)
        with pytest.raises(StorageFailed):
            async with hub.join("Cy"):
                pass
        storage.refuse = set()
        await ada.until(lambda: ada.status == "synced")
    names = [name for what, _, _, name, _ in told(storage) if what == "participant.joined"]
    assert names == ["Ada", "Bob"]
    assert list(faults(storage.audit(0, 100))) == []


@pytest.mark.anyio
async def test_a_resume_proof_touches_no_call_unless_it_is_ours() -> None:
    """[O3]"""
    async with MemoryHub(key=KEY) as hub:
        near = await hub.open_link(f"{ADDRESS}/socket")
        hello = messages.Hello(1, "demo", "Bob", resume=f"p1.1.{'0' * 64}")
        await near.send(messages.bundle([messages.encode(hello)]))
        (error,) = messages.unbundle(await near.receive())
        assert isinstance(error, messages.Error)
        assert error.code == "unauthorized"
        assert hub.live._calls == {}


@pytest.mark.anyio
async def test_a_resume_proof_that_is_too_old_touches_no_call(clock: Clock) -> None:
    """[O3, J2] Who brings a token along comes in by that."""

    async def come(**brought: str) -> messages.Message:
        near = await hub.open_link(f"{ADDRESS}/socket")
        hello = messages.Hello(1, "demo", "Ada", **brought)  # type: ignore[arg-type]
        await near.send(messages.bundle([messages.encode(hello)]))
        return messages.unbundle(await near.receive())[0]

    async with keyed() as hub:
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            proof = ada._resume or ""
        hub.live._tidy()
        await hub.live._saving.commit()
        hub.live._tidy()
        for away, loaded in ((LONGEST + 1, False), (LONGEST, True)):
            assert hub.live._calls == {}
            clock.now += away
            answer = await come(resume=proof)
            assert isinstance(answer, messages.Error)
            assert answer.code == "unauthorized"
            assert bool(hub.live._calls) is loaded
            clock.now -= away
        clock.now += LONGEST + 1
        token = link(clock, "host", "ada").partition("=")[2]
        assert isinstance(await come(resume=proof, token=token), messages.Welcome)


# --- the command


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "callmesh", "audit", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    storage = SqliteStorage(tmp_path / "callmesh.sqlite")
    storage.commit({}, [Event(n, "participant.joined", f"c{n % 2}", name="Ådá") for n in range(9)])
    yield tmp_path
    storage.close()


def test_it_is_exported_and_checked_while_the_hub_has_it_open(data: Path, tmp_path: Path) -> None:
    """[O2]"""
    whole = run("export", "--data", str(data))
    lines: list[dict[str, Any]] = [json.loads(line) for line in whole.stdout.splitlines()]
    assert [line["number"] for line in lines] == list(range(1, 10))
    one = run("export", "--data", str(data), "--call", "c1")
    assert len(one.stdout.splitlines()) == 4
    file = tmp_path / "log"
    file.write_text(whole.stdout)
    noted = f"5:{lines[4]['hash']}"
    for source in (["--data", str(data)], ["--file", str(file)]):
        good = run("verify", *source, "--noted", noted)
        assert (good.returncode, good.stderr) == (0, "")
        assert f"9:{lines[-1]['hash']}" in good.stdout
        bad = run("verify", *source, "--noted", f"5:{'0' * 64}")
        assert bad.returncode == 1
        assert "is not in it" in bad.stderr
    file.write_text(whole.stdout.replace("Ådá", "Eve", 1))
    assert "line 1 is not what was written" in run("verify", "--file", str(file)).stderr
    file.write_text(whole.stdout.replace("{", '{"number":7,', 1))
    assert "line 1: this is not what was written" in run("verify", "--file", str(file)).stderr
    db = sqlite3.connect(data / "callmesh.sqlite")
    db.execute("UPDATE audit SET event = replace(event, '{', '{\"more\":1,') WHERE number = 8")
    db.commit()
    assert "line 8 is not what was written" in run("verify", "--data", str(data)).stderr
    db.execute("UPDATE audit SET event = replace(event, '\"more\":1,', '') WHERE number = 8")
    db.execute("DELETE FROM audit WHERE number = 4")
    db.commit()
    db.close()
    cut = run("verify", "--data", str(data))
    assert (cut.returncode, cut.stderr) == (1, "callmesh: line 5 follows line 3\n")


def test_a_part_proves_what_it_can(data: Path, tmp_path: Path) -> None:
    """[O2] Lines of one call, and as the API answers them."""
    lines = run("export", "--data", str(data)).stdout.splitlines()
    file = tmp_path / "part"
    empty = {"call": "", "by": "", "person": "", "participant": "", "name": "", "detail": {}}
    said = json.loads(lines[6])
    spelled = said | {"event": {"time": 0, "what": ""} | empty | said["event"]}
    lines[6] = json.dumps(spelled, ensure_ascii=False, separators=(",", ":"))
    file.write_text("\n".join([*lines[2:5], *lines[6:8]]))
    whole = run("verify", "--file", str(file))
    assert whole.returncode == 1
    assert whole.stderr.splitlines() == [
        "callmesh: line 3 follows line 0", "callmesh: line 7 follows line 5",
        "callmesh: if it is a part of a log, check it as one: --part",
    ]  # fmt: skip
    part = run("verify", "--file", str(file), "--part")
    assert (part.returncode, part.stderr) == (0, "")
    assert part.stdout.startswith("5 lines, 3 of them right after the line before")
    noted = part.stdout.split()[-1]
    assert noted.startswith("8:")
    assert run("verify", "--data", str(data), "--noted", noted).returncode == 0
    for changed in (
        [lines[2], lines[3].replace("Ådá", "Eve")], [lines[3], lines[2]], [lines[2], lines[2]],
        [lines[6].replace(',"by"', ', "by"')],
    ):  # fmt: skip
        file.write_text("\n".join(changed))
        assert run("verify", "--file", str(file), "--part").returncode == 1
    assert "--file FILE" in run("verify", "--data", str(data), "--part").stderr


def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    """[O2]"""
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("what\n")
    for arguments, words in (
        (["verify", "--data", str(tmp_path)], "--data DIR"),
        (["verify", "--file", str(tmp_path / "none")], "cannot be read"),
        (["verify", "--file", str(rubbish)], "line 1"),
        (["verify", "--file", str(rubbish), "--noted", "x"], "NUMBER:HASH"),
    ):
        ended = run(*arguments)
        assert ended.returncode == 1
        assert words in ended.stderr
        assert ended.stderr.count("\n") == 1, ended.stderr


def test_one_line_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """[O2]"""
    line = follow(START, Event(1, "hub.started"))
    assert auditing.verify([line], None) == 0
    assert auditing.verify([line], None, part=True) == 0
    said = capsys.readouterr().out
    assert (said.count("1 line, "), said.count("1 lines")) == (2, 0)
