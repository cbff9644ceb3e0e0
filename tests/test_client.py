"""Python participants and a live hub, over links in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import callmesh
from callmesh import messages
from callmesh.address import read_address
from callmesh.auth import Authority, Resume
from callmesh.cachefile import CacheFile
from callmesh.errors import (
    BadName,
    Broken,
    CallmeshError,
    CallOver,
    Denied,
    Removed,
    Replaced,
    TimedOut,
    TooLarge,
    Unauthorized,
)  # fmt: skip
from callmesh.ids import CallId, ParticipantId, PersonId
from callmesh.limits import Limits
from callmesh.livecall import LiveCall, steady
from callmesh.messages import Hello
from callmesh.participant import Participant, Role
from callmesh.resource import Event
from callmesh.storage.memory import MemoryStorage
from callmesh.stream import MAX_MESSAGE
from callmesh.testing import MemoryHub, check_link
from callmesh.transport.memory import memory_links

pytestmark = pytest.mark.anyio
ELSE = Participant(ParticipantId("pelse"), PersonId("uelse"), "Else", Role.HOST)
SOMEBODY_ELSE = Authority(b"s" * 32).person_proof(ELSE.person)


@pytest.fixture
async def hub() -> AsyncIterator[MemoryHub]:
    async with MemoryHub() as hub:
        yield hub


async def test_memory_links_keep_the_contract() -> None:
    """[W1]"""
    await check_link(*memory_links())


async def test_two_meet_and_share_a_resource(hub: MemoryHub) -> None:
    """[J1, R1, S6]"""
    async with hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        poll = await ada.resources.add("poll", title="Lunch?", state={"question": "Where?"})
        seen = await bob.resources.get(poll.id)
        assert (seen.title, seen.app, seen.owner) == ("Lunch?", "poll", ada.me.person)
        assert dict(seen.state) == {"question": "Where?"}
        seen.state[f"votes/{bob.me.person}"] = "1"
        await seen.state.saved()
        await ada.until(lambda: f"votes/{bob.me.person}" in poll.state)
        assert {p.name: p.role for p in ada.participants.values()} == {
            "Ada": "host",
            "Bob": "guest",
        }
        await ada.until(lambda: ada.status == "synced")
        await bob.until(lambda: bob.status == "synced")


async def test_a_late_joiner_sees_what_the_others_see(hub: MemoryHub) -> None:
    """[J1, S14]"""
    async with hub.join("Ada") as ada:
        poll = await ada.resources.add("poll")
        for number in range(500):
            poll.state["question"] = number
        ada.resources.show(poll)
        await poll.state.saved()
        async with hub.join("Late") as late:
            assert dict(late.resources[poll.id].state) == {"question": 499}
            assert late.resources.active is late.resources[poll.id]


async def test_what_is_not_sent_yet_is_conflated(hub: MemoryHub) -> None:
    """[S9]"""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        poll = await ada.resources.add("poll")
        seen = await bob.resources.get(poll.id)
        values = []

        async def watch() -> None:
            async for change in seen.state.changes():
                values.append(change["question"][1])
                if values[-1] == 9_999:
                    return

        watching = asyncio.create_task(watch())
        for number in range(10_000):
            poll.state["question"] = number
            if number % 1000 == 0:
                await asyncio.sleep(0)
        await asyncio.wait_for(watching, 10)
        assert values == sorted(values)
        assert len(values) < 200


async def test_a_denied_write_is_undone_and_told(hub: MemoryHub) -> None:
    """[S8, S10]"""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        poll = await ada.resources.add("poll")
        await bob.resources.get(poll.id)
        poll.state["votes/somebody"] = "1"
        assert poll.state["votes/somebody"] == "1"
        with pytest.raises(Denied, match="votes/somebody") as denied:
            await poll.state.saved()
        assert denied.value.reason == "no_right"
        assert "votes/somebody" not in poll.state
        assert dict(bob.resources[poll.id].state) == {}


async def test_adding_an_app_the_hub_does_not_have_is_denied(hub: MemoryHub) -> None:
    """[R6]"""
    async with hub.join("Ada") as ada:
        with pytest.raises(Denied) as denied:
            await ada.resources.add("whiteboardz")
        assert denied.value.reason == "no_app"
        assert len(ada.resources) == 0


async def test_adding_and_removing_tell_their_own_fate(hub: MemoryHub) -> None:
    """[S8, R1] Whatever else is denied meanwhile."""
    async with hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        bob.state["settings"] = 1  # of hosts alone
        poll = await bob.resources.add("poll")
        assert bob.resources[poll.id] is poll
        assert poll.id in ada.resources
        bob.state["settings"] = 1
        await bob.resources.remove(poll)
        assert not bob.resources
        bob.state["settings"] = 1
        with pytest.raises(Denied) as denied:
            await bob.resources.add("whiteboardz")
        assert denied.value.reason == "no_app"


async def test_what_is_removed_as_soon_as_it_is_added_is_denied(hub: MemoryHub) -> None:
    """[R5]"""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        held: list[messages.Message] = []
        heard, ada._connection._heard = ada._connection._heard, held.append
        adding = asyncio.create_task(ada.resources.add("poll", title="Lunch?"))
        await bob.until(lambda: bool(bob.resources))
        await bob.resources.remove(next(iter(bob.resources.values())))
        while sum(isinstance(message, messages.Batch) for message in held) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0)
        ada._connection._heard = heard
        for message in held:
            heard(message)
        with pytest.raises(Denied, match="was removed") as denied:
            await adding
        assert denied.value.reason == "no_resource"


async def test_what_was_removed_is_restored_with_its_state(hub: MemoryHub) -> None:
    """[R12, R2] It begins once more, and is not added once more; some time later it is gone."""
    lives: list[str] = []
    app = callmesh.App("poll")
    for event in ("add", "setup", "remove"):
        getattr(app, event)(lambda resource, event=event: lives.append(event))
    async with hub.join("Ada", apps=[app]) as ada, hub.join("Bob", role="guest") as bob:
        poll = await ada.resources.add("poll", title="Lunch?", state={"question": "Why?"})
        theirs = await bob.resources.get(poll.id)
        await ada.resources.remove(poll, restorable=True)
        assert not ada.resources
        await bob.until(lambda: not bob.resources)
        assert bob.resources.removed[poll.id].title == "Lunch?"
        assert not theirs.state.can_write("question")
        assert not bob.state.can_write(f"resource/{poll.id}")
        assert ada.state.can_write(f"resource/{poll.id}")
        again = await ada.resources.restore(poll.id)
        assert not ada.resources.removed
        assert dict(again.state) == {"question": "Why?"}
        assert dict((await bob.resources.get(poll.id)).state) == {"question": "Why?"}
        await ada.until(lambda: lives == ["add", "setup", "remove", "setup"])
        await ada.resources.remove(again, restorable=True)
        await bob.until(lambda: bool(bob.resources.removed))
        await ada.resources.remove(again)
        await bob.until(lambda: not bob.resources.removed)
        with pytest.raises(Denied, match="cannot be restored"):
            await ada.resources.restore(poll.id)


async def test_a_transaction_is_one_change_and_all_or_nothing(hub: MemoryHub) -> None:
    """[S5]"""
    async with hub.join("Ada") as ada:
        state = (await ada.resources.add("poll")).state
        changes = state.changes()
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        with state.transaction():
            state["question"] = "a"
            state["options/1"] = "b"
            assert dict(state) == {"question": "a", "options/1": "b"}
        assert dict(await first) == {"question": (None, "a"), "options/1": (None, "b")}
        with pytest.raises(ZeroDivisionError), state.transaction():
            state["question"] = 1 / 0
        with state.transaction():
            del state["question"]
            assert "question" not in state
            state["question"] = "a"
        assert dict(state) == {"question": "a", "options/1": "b"}
        await changes.aclose()


async def test_a_slow_listener_gets_several_changes_as_one(hub: MemoryHub) -> None:
    """[S5]"""
    async with hub.join("Ada") as ada:
        state = (await ada.resources.add("poll", state={"question": 0})).state
        changes = state.changes()
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        for number in range(1, 1000):
            state["question"] = number
        change = await first
        assert change["question"] == (0, 999)
        assert change.writer("question") == ada.me.id
        await changes.aclose()


async def test_a_link_that_is_cut_comes_back_as_the_same_participant(hub: MemoryHub) -> None:
    """[W7, S11, J2]"""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        poll = await ada.resources.add("poll")
        me = ada.me.id
        await hub.links[0].cut()
        await bob.until(lambda: not bob.participants[me].here)
        await ada.until(lambda: ada.status == "offline")
        poll.state["question"] = "written offline"
        await poll.state.saved()
        assert ada.me.id == me
        await bob.until(lambda: bob.participants[me].here)
        assert (await bob.resources.get(poll.id)).state["question"] == "written offline"


async def test_a_call_is_as_it_was_when_the_hub_is_started_again() -> None:
    """[L5, R1]"""
    storage = MemoryStorage()
    async with MemoryHub(storage=storage) as hub, hub.join("Ada") as ada:
        poll = await ada.resources.add("poll", state={"question": "?"})
        poll.presence["looking"] = True
        await ada.state.saved()
    async with MemoryHub(storage=storage) as hub, hub.join("Bob") as bob:
        again = bob.resources[poll.id]
        assert (again.title, dict(again.state), again.presence.all()) == (
            "Poll",
            {"question": "?"},
            {},
        )
        assert [p.name for p in bob.participants.values()] == ["Bob"]


async def test_removing_a_resource_ends_it_for_everybody(hub: MemoryHub) -> None:
    """[R5, J7]"""
    async with hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        vitals = await ada.resources.add("vitals")
        seen = await bob.resources.get(vitals.id)
        stream = seen.stream("pen")
        with pytest.raises(Denied):
            await bob.resources.remove(seen)
        assert vitals.id in bob.resources
        await ada.resources.remove(vitals)
        await bob.until(lambda: not bob.resources)
        with pytest.raises(Denied) as denied:
            seen.state["source"] = 1
        assert denied.value.reason == "no_resource"
        assert [change async for change in seen.state.changes()] == []
        with pytest.raises(callmesh.Closed, match="Vitals was removed"):
            await stream.send(1)


def recording(id: str, events: list[str]) -> callmesh.App:
    app = callmesh.App(id)
    for event in Event:

        async def handler(resource: callmesh.Resource, event: Event = event) -> None:
            events.append(event)

        getattr(app, event)(handler)
    return app


async def test_handlers_follow_a_resource_through_its_life(hub: MemoryHub) -> None:
    """[R2, R3, R4]"""
    adder: list[str] = []
    other: list[str] = []
    late: list[str] = []
    async with (
        hub.join("Ada", apps=[recording("poll", adder)]) as ada,
        hub.join("Bob", apps=[recording("poll", other)]) as bob,
    ):
        poll = await ada.resources.add("poll")
        ada.resources.show(poll)
        await bob.until(lambda: bob.resources.active is not None)
        async with hub.join("Late", apps=[recording("poll", late)]) as late_call:
            second = await ada.resources.add("vitals")
            ada.resources.show(second)
            await late_call.until(lambda: late_call.resources.active is not None)
            await ada.resources.remove(poll)
            await late_call.until(lambda: poll.id not in late_call.resources)
            await bob.until(lambda: poll.id not in bob.resources)
    assert adder == ["add", "setup", "enable", "disable", "remove"]
    assert other == ["setup", "enable", "disable", "remove"]
    assert late == ["setup", "enable", "disable", "remove"]


async def test_a_resync_sets_up_again(hub: MemoryHub) -> None:
    """[R2] After a hub that lost its memory, and only then."""
    events: list[str] = []
    storage = MemoryStorage()
    async with MemoryHub(storage=storage) as first:
        hubs = [first]

        async def open_link(url: str) -> object:
            return await hubs[-1].open_link(url)

        async with callmesh.join(
            "http://memory/call/demo", name="Ada", apps=[recording("poll", events)],
            open_link=open_link,  # type: ignore[arg-type]
            rtc=False,
        ) as ada:  # fmt: skip
            await (await ada.resources.add("poll")).state.saved()
            async with MemoryHub(storage=storage) as second:
                hubs.append(second)
                await first.links[0].cut()
                await ada.until(lambda: ada.status == "offline")
                await ada.until(lambda: ada.status == "synced")
                await ada.until(lambda: events.count("setup") == 2)
    assert events == ["add", "setup", "setup"]


async def test_a_handler_that_fails_is_logged_and_the_next_one_runs(
    hub: MemoryHub, caplog: pytest.LogCaptureFixture
) -> None:
    """[R2]"""
    done = asyncio.Event()
    app = callmesh.App("poll")

    @app.add
    async def add(resource: callmesh.Resource) -> None:
        raise RuntimeError("the app's own mistake")

    @app.setup
    async def setup(resource: callmesh.Resource) -> None:
        done.set()

    async with hub.join("Ada", apps=[app]) as ada:
        await ada.resources.add("poll")
        await done.wait()
    assert "the app's own mistake" in caplog.text


async def test_handlers_may_be_plain_functions(hub: MemoryHub) -> None:
    """[R2]"""
    events: list[str] = []
    app = callmesh.App("poll")
    app.setup(lambda resource: events.append("setup"))

    @app.enable
    def enable(resource: callmesh.Resource) -> None:
        events.append("enable")

    @app.remove
    async def remove(resource: callmesh.Resource) -> None:
        events.append("remove")

    async with hub.join("Ada", apps=[app]) as ada:
        poll = await ada.resources.add("poll")
        ada.resources.show(poll)
        await ada.until(lambda: ada.resources.active is poll)
        await ada.resources.remove(poll)
        await ada.until(lambda: events == ["setup", "enable", "remove"])


def test_what_is_no_handler_is_refused_where_it_is_written() -> None:
    """[R2, R9]"""
    app = callmesh.App("poll", version=2)
    with pytest.raises(callmesh.BadInput, match="setup stands before a function, and"):
        app.setup()
    with pytest.raises(callmesh.BadInput, match=r"@app\.migrate\(2\)"):
        app.migrate(lambda state: None)  # type: ignore[arg-type]
    with pytest.raises(callmesh.BadInput, match=r"@app\.migrate\(2\)"):
        app.migrate()

    async def later(state: callmesh.SharedState) -> None:
        state["a"] = 1

    with pytest.raises(callmesh.BadInput, match="plain function"):
        app.migrate(2)(later)  # type: ignore[arg-type]


async def test_streams_of_two_resources_do_not_mix(hub: MemoryHub) -> None:
    """[D1, D6, D7]"""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        one, two = [await ada.resources.add("vitals") for _ in range(2)]
        await bob.resources.get(two.id)
        heard_one = bob.resources[one.id].stream("ecg")
        heard_two = bob.resources[two.id].stream("ecg")
        for number in range(100):
            await one.stream("ecg").send({"one": number})
            await two.stream("ecg").send(b"two")
        got = [await anext(messages_of) for messages_of in [aiter(heard_one)] for _ in range(100)]
        assert [message.data for message in got] == [{"one": number} for number in range(100)]
        first = await anext(aiter(heard_two))
        assert (first.data, first.sender) == (b"two", ada.me.id)
        assert ada.path(bob.me.id) == "relay"


async def test_a_reliable_sender_waits_for_a_slow_hub(hub: MemoryHub) -> None:
    """[D2, W8]"""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        vitals = await ada.resources.add("vitals")
        reader = (await bob.resources.get(vitals.id)).stream("ecg")
        count = 0

        async def read() -> None:
            nonlocal count
            async for message in reader:
                count += 1
                assert message.number == count
                if count == 400:
                    return

        reading = asyncio.create_task(read())
        for _ in range(400):
            await vitals.stream("ecg").send(b"x" * 20_000, timeout=20)
        await asyncio.wait_for(reading, 20)


async def test_reliable_messages_survive_a_cut_link(hub: MemoryHub) -> None:
    """[D2, W7] The relay's link breaks twice while they are under way."""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        vitals = await ada.resources.add("vitals")
        reader = (await bob.resources.get(vitals.id)).stream("ecg")
        got: list[int] = []

        async def read() -> None:
            async for message in reader:
                got.append(message.number)
                if len(got) == 300:
                    return

        reading = asyncio.create_task(read())
        for number in range(300):
            await vitals.stream("ecg").send(b"x" * 10_000)
            if number in (100, 200):
                await ada.until(lambda: ada.status != "offline")
                await hub.links[-1 if number == 200 else 0].cut()
        await asyncio.wait_for(reading, 20)
        assert got == list(range(1, 301))


async def test_a_message_in_another_mode_than_the_readers_is_dropped(hub: MemoryHub) -> None:
    """[D8] A flood in `reliable` does not break a reader of `latest`."""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        vitals = await ada.resources.add("vitals")
        reader = (await bob.resources.get(vitals.id)).stream("pen", mode="latest")
        flood, pen = vitals.stream("pen", mode="reliable"), vitals.stream("other")
        for _ in range(2_000):
            await flood.send(b"")
        other = bob.resources[vitals.id].stream("other")
        await pen.send(b"after it")
        assert (await anext(aiter(other))).data == b"after it"
        assert len(reader.inbox) == 0


async def send_many(stream: callmesh.DataStream) -> None:
    for _ in range(100):
        await stream.send(b"x" * 50_000, timeout=0.01)


async def test_sending_without_room_times_out(hub: MemoryHub) -> None:
    """[D2]"""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        stream = (await ada.resources.add("vitals")).stream("ecg")
        (await bob.resources.get(stream.resource)).stream("ecg")
        assert await stream.ready(to=[bob.me.id]) == {bob.me.id}
        await hub.links[0].cut()
        with pytest.raises(TimedOut):
            await send_many(stream)
        with pytest.raises(TooLarge):
            await stream.send(b"x" * (MAX_MESSAGE + 1))
        with pytest.raises(TimedOut):
            await stream.close(timeout=0.01)
        await stream.close()
        await stream.closed()
        with pytest.raises(callmesh.Closed):
            await stream.send(b"x")
        assert [message async for message in stream] == []


async def test_presence_is_seen_by_all_and_gone_with_its_participant(hub: MemoryHub) -> None:
    """[P1, P2]"""
    async with hub.join("Ada") as ada:
        poll = await ada.resources.add("poll")
        async with hub.join("Bob") as bob:
            bob.resources[poll.id].presence["cursor"] = [1, 2]
            await ada.until(lambda: poll.presence.of(bob.me.id) == {"cursor": [1, 2]})
            gone = bob.me.id
        await ada.until(lambda: gone not in ada.participants)
        assert poll.presence.all() == {}


async def test_a_cache_is_kept_for_the_person_and_the_resource(
    hub: MemoryHub, tmp_path: Path
) -> None:
    """[C1, C2, J3]"""
    async with hub.join("Ada", keep=tmp_path / "ada") as ada:
        one, two = [await ada.resources.add("poll") for _ in range(2)]
        one.cache["zoom"] = 1.5
        assert "zoom" not in two.cache
        person, presence = ada.me.person, ada.me.id
        await one.state.saved()
    async with hub.join("Ada", keep=tmp_path / "ada") as ada, hub.join("Bob") as bob:
        assert (ada.me.person, ada.me.id == presence) == (person, False)
        assert dict(ada.resources[one.id].cache) == {"zoom": 1.5}
        assert dict(ada.resources[two.id].cache) == {}
        assert dict(bob.resources[one.id].cache) == {}
    file = CacheFile(tmp_path / "ada")  # the same folder, another person
    file.keep_person("http://memory", SOMEBODY_ELSE)
    file.close()
    async with hub.join("Eve", keep=tmp_path / "ada") as eve:
        assert eve.me.person == "uelse"
        assert dict(eve.resources[one.id].cache) == {}


async def test_proofs_cannot_be_made_or_moved(hub: MemoryHub) -> None:
    """[J3, J2]"""
    ours, theirs = Authority(b"s" * 32), Authority(b"t" * 32)
    me = ours.visitor(CallId("demo"), Hello(1, "demo", "Ada"), 0).participant
    said = Resume(me.id, 7, 1_000)
    proof, resume = ours.person_proof(me.person), ours.resume_proof(CallId("demo"), said)
    assert ours.read_resume(CallId("demo"), resume) == said
    again = ours.visitor(CallId("demo"), Hello(1, "demo", "Ada", person=proof), 0).participant
    assert (again.id == me.id, again.person) == (False, me.person)
    with pytest.raises(Unauthorized):
        ours.read_resume(CallId("other"), resume)
    forgeries = (
        theirs.resume_proof(CallId("demo"), said), proof, "x", f"{resume}0", resume[:-1],
        resume.replace(".7.", ".8."), resume.replace(".7.", ".07."),
        resume.replace(".1000.", ".2000."), resume.replace("p", "q", 1),
    )  # fmt: skip
    for forged in forgeries:
        with pytest.raises(Unauthorized):
            ours.read_resume(CallId("demo"), forged)
    for forged in (theirs.person_proof(me.person), resume, "x", "", "a.b.c", proof[:-2]):
        if forged:
            with pytest.raises(Unauthorized):
                ours.visitor(CallId("demo"), Hello(1, "demo", "Ada", person=forged), 0)


@pytest.mark.parametrize(
    ("name", "call", "error"),
    [
        ("", "demo", BadName), ("\u200b\n", "demo", BadName), ("x" * 81, "demo", BadName),
        ("Ada", "no call", BadName), ("Ada", "x" * 65, BadName), ("Ada", "%2e%2e", BadName),
    ],
)  # fmt: skip
async def test_bad_names_are_refused(
    hub: MemoryHub, name: str, call: str, error: type[CallmeshError]
) -> None:
    """[J9, J10]"""
    with pytest.raises(error):
        async with hub.join(name, url=f"http://memory/call/{call}"):
            pass


async def test_a_name_with_markup_is_text(hub: MemoryHub) -> None:
    """[J10]"""
    async with hub.join("  <b>Ada</b>\n & co ") as ada:
        assert ada.me.name == "<b>Ada</b> & co"


async def test_after_leaving_everything_says_so_at_once(hub: MemoryHub) -> None:
    async with hub.join("Ada") as ada:
        poll = await ada.resources.add("poll")
    with pytest.raises(callmesh.Closed, match="left"):
        poll.state["question"] = 1
    with pytest.raises(callmesh.Closed, match="left"):
        await ada.resources.add("poll")
    with pytest.raises(callmesh.Closed, match="left"):
        await ada.until(lambda: False)


async def test_a_program_is_told_that_the_call_is_over_for_it(hub: MemoryHub) -> None:
    """[W14] Also one that writes nothing and waits for nothing else."""
    async with hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        told, waits = asyncio.create_task(bob.over()), asyncio.create_task(bob.until(lambda: False))
        await bob.until(lambda: len(bob.participants) == 2)
        await hub.links[1].cut()
        await bob.until(lambda: bob.status == "offline")
        await bob.until(lambda: bob.status == "synced")
        assert not told.done()
        await ada.hosting.remove(bob.me.person)
        assert isinstance(await told, Removed)
        assert (bob.status, dict(bob.participants), bob.me.name) == ("over", {}, "Bob")
        with pytest.raises(Removed):
            await waits
        assert isinstance(await bob.over(), Removed)
        with contextlib.suppress(CallOver):
            await ada.hosting.end()
        assert isinstance(await ada.over(), CallOver)
    async with hub.join("Ada") as again:
        pass
    assert isinstance(await again.over(), callmesh.Closed)


async def test_mistakes_of_a_programmer_are_named(hub: MemoryHub) -> None:
    with pytest.raises(BadName, match="king is no role; use host"):
        async with hub.join("Ada", role="king"):
            pass
    async with hub.join("Ada") as ada:
        poll, vitals = [await ada.resources.add(app) for app in ("poll", "vitals")]
        with pytest.raises(callmesh.BadInput, match="a key is a text"):
            poll.state[1] = 1  # type: ignore[index]
        with pytest.raises(BadName, match="reliable or latest"):
            vitals.stream("x", mode="fast")  # type: ignore[arg-type]
        with pytest.raises(BadName, match="a title"):
            await ada.resources.add("poll", title="x" * 81)
        poll.state["question"] = "?"
        assert repr(poll.state) == "<SharedState {'question': '?'}>"


async def test_what_an_app_has_not_asked_for_is_denied_to_programs(hub: MemoryHub) -> None:
    """[A8]"""
    async with hub.join("Ada") as ada, hub.join("Bob", role="guest") as bob:
        poll, vitals = [await ada.resources.add(app) for app in ("poll", "vitals")]
        seen = await bob.resources.get(poll.id)
        for resource in (poll, seen):
            with pytest.raises(Denied, match='app poll has not asked for streams: add "str') as no:
                resource.stream("pen")
            assert no.value.reason == "no_capability"
        for resource in (poll, vitals):
            with pytest.raises(
                Denied, match=f'{resource.app} has not asked for files: add "files"'
            ):
                _ = resource.files
        vitals.stream("pen")


async def test_joining_without_async_with_is_told_what_to_do() -> None:
    with pytest.raises(callmesh.BadInput, match="use `async with"):
        await callmesh.join("http://127.0.0.1:9/call/demo", name="Ada")


def test_joining_with_a_plain_with_is_told_what_to_do() -> None:
    with (
        pytest.raises(callmesh.BadInput, match="use `async with"),
        callmesh.join("http://127.0.0.1:9/call/demo", name="Ada"),
    ):
        pass


async def test_no_hub_is_said_at_once() -> None:
    with pytest.raises(Broken, match="no hub answers"):
        async with callmesh.join("http://127.0.0.1:9/call/demo", name="Ada"):
            pass


async def test_one_who_is_replaced_is_told_and_does_not_come_back(hub: MemoryHub) -> None:
    """[J2]"""
    async with hub.join("Ada") as ada:
        poll = await ada.resources.add("poll")
        link = await hub.open_link("http://memory/call/demo/socket")
        hello = Hello(1, "demo", "Ada", resume=ada._resume)
        await link.send(messages.bundle([messages.encode(hello)]))
        welcome = messages.unbundle(await link.receive())[0]
        assert isinstance(welcome, messages.Welcome)
        assert welcome.participant == ada.me.id
        with pytest.raises(Replaced):
            await ada.until(lambda: False, timeout=10)
        with pytest.raises(Replaced):
            poll.state["question"] = 1
        await link.send(messages.bundle([messages.encode(messages.Ping(1))]))
        while not isinstance(messages.unbundle(await link.receive())[0], messages.Pong):
            pass  # the end of the first link is not the end of the participant
        member = hub.live._calls[CallId("demo")].hosted.people.members[
            ParticipantId(welcome.participant)
        ]
        assert member.session is not None
        assert member.participant.here


async def test_one_who_is_taken_for_somebody_new_is_told(hub: MemoryHub) -> None:
    """[J2] Its unsaved writes are signed by who it was: nothing is said to be saved."""
    async with hub.join("Ada") as ada:
        poll = await ada.resources.add("poll")
        await poll.state.saved()
        ada._resume = None
        await hub.links[0].cut()
        poll.state["question"] = "?"
        with pytest.raises(Unauthorized):
            await poll.state.saved()


async def test_coming_back_costs_what_was_missed(hub: MemoryHub) -> None:
    """[W7, L1, R2] A batch from one's own cursor; no re-sync, so no second setup."""
    events: list[str] = []
    async with hub.join("Ada", apps=[recording("poll", events)]) as ada, hub.join("Bob") as bob:
        poll = await ada.resources.add("poll")
        await poll.state.saved()
        batches: list[messages.Batch] = []
        heard = ada._connection._heard

        def listen(message: messages.Message) -> None:
            if isinstance(message, messages.Batch):
                batches.append(message)
            heard(message)

        ada._connection._heard = listen
        await hub.links[0].cut()
        await bob.until(lambda: not bob.participants[ada.me.id].here)
        (await bob.resources.get(poll.id)).state["question"] = "missed"
        await ada.until(lambda: poll.state.get("question") == "missed")
        assert not any(batch.whole for batch in batches)
        assert events == ["add", "setup"]


async def test_up_to_how_many_streams_go_direct_is_the_hubs_to_say() -> None:
    """[D17, O6]"""
    async with (
        MemoryHub(limits=Limits(direct_participants=3)) as hub,
        hub.join("Ada") as ada,
        hub.join("Bob"),
    ):
        assert ada._streams._is_small
        async with hub.join("Cleo"):
            await ada.until(lambda: len(ada.participants) == 3)
            assert ada._streams._is_small
            async with hub.join("Dan"):
                await ada.until(lambda: len(ada.participants) == 4)
                assert not ada._streams._is_small


async def test_only_those_named_hear(hub: MemoryHub) -> None:
    """[D7] And nobody, where nobody is named."""
    async with hub.join("Ada") as ada, hub.join("Bob") as bob, hub.join("Cleo") as cleo:
        vitals = await ada.resources.add("vitals")
        heard = [(await call.resources.get(vitals.id)).stream("ecg") for call in (bob, cleo)]
        ecg = vitals.stream("ecg")
        await ecg.send("to nobody", to=[])
        await ecg.send("to Cleo", to=[cleo.me.id])
        await ecg.send("to both")
        assert [(await anext(aiter(heard[0]))).data] == ["to both"]
        of_cleo = aiter(heard[1])
        assert [(await anext(of_cleo)).data for _ in range(2)] == ["to Cleo", "to both"]


async def test_writes_leave_once_a_frame(hub: MemoryHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """[S9]"""
    monkeypatch.setattr("callmesh.connection.FRAME", 0.2)
    async with hub.join("Ada") as ada:
        poll = await ada.resources.add("poll")
        sent: list[int] = []
        writes = ada._connection._writes

        def count() -> Sequence[messages.Message]:
            due = writes()
            sent.extend(1 for _ in due)
            return due

        ada._connection._writes = count
        start = asyncio.get_running_loop().time()
        for number in range(50):
            poll.state["question"] = number
            await asyncio.sleep(0.01)
        await poll.state.saved()
        frames = (asyncio.get_running_loop().time() - start) / 0.2
        assert 1 <= len(sent) <= frames + 2


async def test_timeouts_go_by_a_clock_that_nobody_sets(hub: MemoryHub) -> None:
    """[W7] Not by that of the wall: a step of it would break every link."""
    async with hub.join("Ada") as ada:
        lines = [line for call in hub.live._calls.values() for line in call.lines.values()]
        for session in (lines[0].session, ada._connection.session):
            assert session is not None
            assert 0 <= steady() - session._heard < 60_000_000


async def test_who_vanished_is_gone_after_a_while(
    hub: MemoryHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[P2] The hub's own clock does it."""
    monkeypatch.setattr("callmesh.people.GRACE", 100_000)
    monkeypatch.setattr("callmesh.connection.PAUSES", (60, 60))
    async with hub.join("Ada") as ada, hub.join("Bob") as bob:
        gone = bob.me.id
        await hub.links[1].cut()
        await ada.until(lambda: gone not in ada.participants)


async def test_a_call_is_not_let_go_of_while_somebody_comes_in(
    hub: MemoryHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[R1] Two of one call, each with half of the people, is what would follow."""
    load = hub.live._load

    async def load_then_tidy(*which: Any) -> LiveCall:
        call = await load(*which)
        hub.live._tidy()
        return call

    monkeypatch.setattr(hub.live, "_load", load_then_tidy)
    opened = await hub.live.open(CallId("demo"))
    assert hub.live._calls[CallId("demo")] is opened
    opened.links -= 1


async def test_a_call_that_nobody_is_in_is_let_go_of(hub: MemoryHub) -> None:
    async with hub.join("Ada") as ada:
        await (await ada.resources.add("poll")).state.saved()
        assert list(hub.live._calls) == ["demo"]
    async with asyncio.timeout(10):
        while hub.live._calls:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def test_addresses() -> None:
    found = read_address("https://host:1/prefix/call/demo#role=guest")
    assert (found.socket, found.role) == ("wss://host:1/prefix/call/demo/socket", "guest")
    for wrong in (
        "", "demo", "ftp://host/call/demo", "http://host/demo", "http:///call/demo",
        "http://host/call/", "http://host/call/a b", "http://h/call/d#role=king",
    ):  # fmt: skip
        with pytest.raises(BadName):
            read_address(wrong)
