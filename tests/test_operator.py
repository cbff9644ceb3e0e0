"""The operator's verbs: what they do, that it is on disk, and that asking makes nothing."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from callmesh import retention
from callmesh.audit import faults
from callmesh.door import DAY
from callmesh.errors import (
    BadInput,
    CallOver,
    Declined,
    Denied,
    NoSuchCall,
    Refused,
    Removed,
    StorageFailed,
)  # fmt: skip
from callmesh.hosted import HostedCall
from callmesh.ids import CallId, PersonId, ResourceId
from callmesh.operator import LONGEST, Operator
from callmesh.participant import Access, Role
from callmesh.saving import CANNOT_SAVE
from callmesh.storage.memory import MemoryStorage
from callmesh.testing import ADDRESS, MemoryHub
from callmesh.visits import RETURN
from tests.test_audit import told
from tests.test_door import KEY, Guest, ends, link
from tests.test_saving import FailingStorage, becomes
from tests.test_visits import Clock

pytestmark = pytest.mark.anyio
DEMO = CallId("demo")
SECOND = 1_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def storage() -> FailingStorage:
    return FailingStorage()


@pytest.fixture
async def hub(clock: Clock, storage: FailingStorage) -> AsyncIterator[MemoryHub]:
    async with MemoryHub(storage=storage, key=KEY) as hub:
        yield hub


@pytest.fixture
def operator(hub: MemoryHub) -> Operator:
    return Operator(hub.live, hub.live._authority)


async def waits(operator: Operator, count: int) -> list[PersonId]:
    """Who waits, once they are that many."""
    await becomes(lambda: len(live(operator).people.knocks) == count)
    found = await operator.participants(DEMO)
    return [PersonId(who.person) for who in found if who.state == "waiting"]


def live(operator: Operator) -> HostedCall:
    found = operator.live.here(DEMO)
    assert found is not None
    return found


VERBS: list[Callable[[Operator], Awaitable[object]]] = [
    lambda operator: operator.info(DEMO),
    lambda operator: operator.set_waiting_area(DEMO, True),
    lambda operator: operator.lock(DEMO, True),
    lambda operator: operator.set_retention(DEMO, 3),
    lambda operator: operator.delete(DEMO),
    lambda operator: operator.command(DEMO, "end"),
    lambda operator: operator.command(DEMO, "admit"),
    lambda operator: operator.participants(DEMO),
    lambda operator: operator.people(DEMO),
    lambda operator: operator.resources(DEMO),
    lambda operator: operator.set_access(DEMO, ResourceId("r1"), "guest", Access.VIEW),
    lambda operator: operator.invite(DEMO),
    lambda operator: operator.export(DEMO, io.BytesIO()),
]


@pytest.mark.parametrize("verb", range(len(VERBS)))
async def test_a_call_that_there_is_not_is_not_made_by_asking(
    operator: Operator, storage: FailingStorage, verb: int
) -> None:
    """[O16]"""
    with pytest.raises(NoSuchCall):
        await VERBS[verb](operator)
    assert await operator.calls() == []
    assert list(storage.calls()) == []
    assert storage.load(DEMO) is None
    assert told(storage) == []


async def test_a_call_is_made_once_and_listed(operator: Operator, clock: Clock) -> None:
    """[O16, O17]"""
    made = await operator.create("demo", waiting_area=False, retention=30)
    assert (made.id, made.made, made.used, made.expires) == (
        "demo", clock.now, clock.now, clock.now + 30 * DAY,
    )  # fmt: skip
    assert (made.waiting_area, made.waiting_area_set, made.retention) == (False, False, 30)
    with pytest.raises(Refused):
        await operator.create("demo")
    other = await operator.create()
    assert len(other.id) == 16
    assert (other.waiting_area, other.waiting_area_set, other.expires) == (True, None, None)
    ids = sorted(["demo", other.id])
    assert [call.id for call in await operator.calls()] == ids
    assert [call.id for call in await operator.calls(ids[0])] == ids[1:]
    assert [call.id for call in await operator.calls("", 1)] == ids[:1]
    for bad in ("no call", "x" * 65, "../x"):
        with pytest.raises(BadInput):
            await operator.create(bad)
    for days in (0, -1, 36_501):
        with pytest.raises(BadInput):
            await operator.create("other", retention=days)
    assert len(await operator.calls()) == 2


async def test_a_list_says_when_each_was_used_has_ended_and_expires(
    operator: Operator, storage: FailingStorage
) -> None:
    """[O16, O21] Also of a call that is on disk alone, which is not loaded for that."""
    await operator.create("demo", retention=30)
    await operator.create("other")
    await operator.command(DEMO, "end")
    async with MemoryHub(storage=storage, key=KEY) as later:
        for there in (operator, Operator(later.live, later.live._authority, keep=7)):
            listed = await there.calls()
            assert [one.ended > 0 for one in listed] == [True, False]
            infos = [await there.info(CallId(one.id)) for one in listed]
            for one, info in zip(listed, infos, strict=True):
                assert (one.used, one.ended, one.expires) == (info.used, info.ended, info.expires)
            assert await there.calls() == listed
        assert [one.expires is None for one in await operator.calls()] == [False, True]


async def test_what_a_verb_changed_is_on_disk_when_it_returns(
    operator: Operator, storage: FailingStorage, clock: Clock
) -> None:
    """[O17] And what the disk refuses is not said to be done."""
    await operator.create("demo")
    await operator.set_retention(DEMO, 9)
    await operator.set_waiting_area(DEMO, False)
    await operator.command(DEMO, "end")
    copy = MemoryStorage()
    kept = storage.load(DEMO)
    assert kept is not None
    copy._records, copy._kept = storage._records, storage._kept
    async with MemoryHub(storage=copy, key=KEY) as again:
        info = await Operator(again.live, again.live._authority).info(DEMO)
    assert (info.retention, info.waiting_area, info.ended, info.final) == (
        9, False, clock.now, True,
    )  # fmt: skip
    assert [(what, by, detail) for what, by, _, _, detail in told(storage)] == [
        ("call.created", "operator", {}),
        ("call.settings", "operator", {"retention": "9"}),
        ("call.settings", "operator", {"waiting_area": "false"}),
        ("call.ended", "operator", {"final": "true"}),
    ]
    storage.refuse = {"commit"}
    with pytest.raises(StorageFailed):
        await operator.command(DEMO, "reopen")
    before = len(storage.commits)
    with pytest.raises(StorageFailed):
        await operator.set_retention(DEMO, 10)
    with pytest.raises(StorageFailed):
        await operator.create("other")
    assert len(storage.commits) == before, "once it is known that the disk refuses, it is not asked"
    assert (await operator.info(DEMO)).retention == 9
    storage.refuse = set()


async def test_the_operator_commands_as_hosts_do(
    hub: MemoryHub, operator: Operator, clock: Clock, storage: FailingStorage
) -> None:
    """[O18] Admitting, holding, declining, roles, removing; the same answers, in another name."""
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        bob, eve = (Guest(hub, link(clock, "guest", name)) for name in ("bob", "eve"))
        await waits(operator, 2)
        names = {who.name: who for who in await operator.participants(DEMO)}
        assert (names["Ada"].state, names["Ada"].role) == ("here", Role.HOST)
        person = PersonId(names["Bob"].person)
        await operator.command(DEMO, "hold", person, "One moment")
        assert (await bob.waits(held=True)).words == "One moment"
        await operator.command(DEMO, "decline", PersonId(names["Eve"].person))
        with pytest.raises(Declined, match="the operator of this hub did not let you in"):
            await eve.inside()
        await operator.command(DEMO, "admit")
        inside = await bob.inside()
        await operator.command(DEMO, "role", person, "observer")
        await inside.until(lambda: inside.me.role == "observer")
        (noted,) = [one for one in await operator.people(DEMO) if one.person == person]
        assert (noted.name, noted.role, noted.admitted) == ("Bob", Role.OBSERVER, True)
        with pytest.raises(Denied) as caught:
            await operator.command(DEMO, "role", ada.me.person, "guest")
        assert caught.value.reason == "last_host"
        await operator.command(DEMO, "ban", person)
        gone = await ends(inside)
        assert isinstance(gone, Removed)
        assert str(gone) == "the operator of this hub took you out of this call"
        with pytest.raises(Removed):
            await Guest(hub, link(clock, "guest", "bob")).inside()
        await operator.command(DEMO, "allow", person)
        for action, reason in (
            ("allow", "nobody"), ("admit", "nobody"), ("reopen", "bad_value"),
            ("hand_over", "bad_value"), ("dance", "bad_value"),
        ):  # fmt: skip
            with pytest.raises(Denied) as caught:
                await operator.command(DEMO, action, person)
            assert caught.value.reason == reason
    done = [line for line in told(storage) if line[1] == "operator"]
    assert [(what, about) for what, _, about, _, _ in done] == [
        ("person.held", person), ("person.declined", names["Eve"].person),
        ("person.admitted", person), ("person.role", person), ("person.banned", person),
        ("person.allowed", person),
    ]  # fmt: skip


async def test_ending_a_call_again_changes_nothing(
    hub: MemoryHub, operator: Operator, storage: FailingStorage, clock: Clock
) -> None:
    """[O18] But that the operator's word goes before that of hosts."""
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        with contextlib.suppress(CallOver):
            await ada.hosting.end()
    ended = clock.now
    for _ in range(2):
        clock.now += SECOND
        await operator.command(DEMO, "end")
        info = await operator.info(DEMO)
        assert (info.ended, info.final) == (ended, True)
    found = [(by, detail) for what, by, _, _, detail in told(storage) if what == "call.ended"]
    assert found == [(ada.me.person, {}), ("operator", {"final": "true"})]


async def test_a_call_that_the_operator_ended_is_opened_by_the_operator(
    hub: MemoryHub, operator: Operator, clock: Clock
) -> None:
    """[O18, J23]"""
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        await operator.command(DEMO, "end")
        assert isinstance(await ends(ada), CallOver)
    with pytest.raises(CallOver, match=r"the operator has ended .* no host can open it"):
        await Guest(hub, link(clock, "host", "ada")).inside()
    await operator.command(DEMO, "reopen")
    assert (await operator.info(DEMO)).ended == 0
    async with hub.join("Ada", url=link(clock, "host", "ada")):
        assert (await operator.info(DEMO)).participants == 1


async def test_the_operator_sets_access_and_the_waiting_area(
    hub: MemoryHub, operator: Operator, clock: Clock, storage: FailingStorage
) -> None:
    """[O18, J12, J18] At once, for everybody."""
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        guest = Guest(hub, link(clock, "guest", "bob"))
        await waits(operator, 1)
        await operator.set_waiting_area(DEMO, False)
        bob = await guest.inside()
        poll = await ada.resources.add("poll", state={"question": "?"})
        seen = await bob.resources.get(poll.id)
        await operator.set_access(DEMO, poll.id, "guest", Access.HIDDEN)
        await bob.until(lambda: poll.id not in bob.resources)
        await operator.set_access(DEMO, poll.id, bob.me.person, Access.VIEW)
        seen = await bob.resources.get(poll.id)
        assert seen.access is Access.VIEW
        (found,) = await operator.resources(DEMO)
        assert (found.app, found.keys, found.access) == (
            "poll", 1, {"guest": "hidden", bob.me.person: "view"},
        )  # fmt: skip
        await operator.set_access(DEMO, poll.id, "guest", None)
        await operator.set_access(DEMO, poll.id, bob.me.person, None)
        await bob.until(lambda: seen.access is Access.EDIT)
        with pytest.raises(Denied) as caught:
            await operator.set_access(DEMO, ResourceId("r0"), "guest", Access.VIEW)
        assert caught.value.reason == "no_resource"
        for who in ("nobody", "p1", "guest/x", ""):
            with pytest.raises(BadInput):
                await operator.set_access(DEMO, poll.id, who, Access.VIEW)
        await guest.go()
    assert [line[4] for line in told(storage) if line[0] == "resource.access"] == [
        {"resource": poll.id, "who": "guest", "access": "hidden"},
        {"resource": poll.id, "who": bob.me.person, "access": "view"},
        {"resource": poll.id, "who": "guest", "access": ""},
        {"resource": poll.id, "who": bob.me.person, "access": ""},
    ]


async def test_an_invitation_lets_in_whom_it_names(
    hub: MemoryHub, operator: Operator, clock: Clock
) -> None:
    """[J15, J16, J17] And a hub that cannot sign says so."""
    await operator.create("demo")
    said = await operator.invite(
        DEMO, role=Role.HOST, name=" Dr  Ada ", person="ada@example.org", lasts=60, wait=False
    )
    assert said.expires == clock.now // SECOND * SECOND + 60 * SECOND
    async with hub.join("x", url=f"{ADDRESS}#token={said.token}") as ada:
        assert (ada.me.name, ada.me.role, ada.me.person) == ("Dr Ada", "host", said.person)
    for wrong in ({"lasts": 0}, {"lasts": LONGEST + 1}, {"name": " "}, {"person": ""}):
        with pytest.raises(BadInput):
            await operator.invite(DEMO, **wrong)
    async with MemoryHub() as open_hub:
        keyless = Operator(open_hub.live, open_hub.live._authority)
        await keyless.create("demo")
        with pytest.raises(Refused, match="no key"):
            await keyless.invite(DEMO)


async def test_an_invitation_works_whatever_was_decided_before(
    hub: MemoryHub, operator: Operator, clock: Clock
) -> None:
    """[O28, J13, J20] Or none is given."""
    await operator.create("demo")

    async def invited(role: Role = Role.GUEST) -> str:
        made = await operator.invite(DEMO, person="bob", name="Bob", role=role, wait=False)
        return f"{ADDRESS}#token={made.token}"

    start, first = clock.now, await invited()
    async with hub.join("x", url=first) as bob:
        person = bob.me.person
        await operator.command(DEMO, "remove", person)
        assert isinstance(await bob.over(), Removed)
    with pytest.raises(Removed):
        async with hub.join("x", url=first):
            pass
    async with hub.join("x", url=await invited()) as again:
        assert again.me.person == person
        await operator.command(DEMO, "role", person, "observer")
    async with hub.join("x", url=await invited(Role.HOST)) as host:
        assert host.me.role == "host"
        assert clock.now == start, "all of it within one second"
    await operator.command(DEMO, "ban", person)
    with pytest.raises(Refused, match="banned, and no invitation helps"):
        await invited()
    await operator.command(DEMO, "allow", person)
    async with hub.join("x", url=await invited()):
        pass
    await operator.command(DEMO, "end")
    assert (await operator.invite(DEMO)).ended == clock.now
    await operator.command(DEMO, "reopen")
    assert (await operator.invite(DEMO)).ended == 0


# --- deleting


async def test_a_deleted_call_is_over_for_everybody_and_gone(
    hub: MemoryHub, operator: Operator, clock: Clock, storage: FailingStorage
) -> None:
    """[O19]"""
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        guest = Guest(hub, link(clock, "guest", "bob"))
        await waits(operator, 1)
        await (await ada.resources.add("poll", state={"question": "?"})).state.saved()
        await operator.delete(DEMO)
        assert storage.load(DEMO) is None
        assert isinstance(await ends(ada), CallOver)
        with pytest.raises(CallOver):
            await guest.inside()
    with pytest.raises(NoSuchCall):
        await operator.info(DEMO)
    assert storage.audit(-1, 1)[0].event.what == "call.deleted"
    assert storage.audit(-1, 1)[0].event.by == "operator"
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        assert list(ada.resources) == []
    await operator.delete(DEMO)
    with pytest.raises(NoSuchCall):
        await operator.delete(DEMO)
    assert list(faults(storage.audit(0, 1_000))) == []


async def test_who_comes_while_a_call_is_deleted_finds_a_new_one(
    hub: MemoryHub, operator: Operator, clock: Clock, storage: FailingStorage
) -> None:
    """[O19] Never half of the old one, wherever in between they come."""
    for turns in range(12):
        async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
            await (await ada.resources.add("poll", title="old")).state.saved()
            deleting = asyncio.create_task(operator.delete(DEMO))
            for _ in range(turns):
                await asyncio.sleep(0)
            bob = Guest(hub, link(clock, "host", "bob"))
            try:
                inside = await bob.inside()
            except CallOver:  # they were in it before
                continue
            finally:
                await deleting
        if not inside.resources:
            await inside.resources.add("poll", title="new")
            await inside.state.saved()
            assert (await operator.info(DEMO)).resources == 1
        else:
            assert isinstance(await ends(inside), CallOver)
        await bob.go()
        await operator.delete(DEMO)
    assert list(storage.calls()) == []


async def test_what_came_before_a_deletion_leads_nowhere_into_the_call_after_it(
    hub: MemoryHub, operator: Operator, clock: Clock
) -> None:
    """[O19, L3] A proof and a cursor of the old call, whose numbers begin anew."""
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        for number in range(50):
            ada.state[f"old/{number}"] = number
        await ada.state.saved()
        proof, cursor = ada._resume, 3
        await operator.delete(DEMO)
        await ends(ada)
        async with hub.join("Bob", url=link(clock, "host", "bob")) as bob:
            for number in range(50):
                bob.state[f"new/{number}"] = number
            await bob.state.saved()
            url = link(clock, "host", "ada")
            async with hub.join("Ada", url=url) as again:
                assert len([key for key in again.state if key.startswith("new/")]) == 50
                assert again.me.id != ada.me.id
            from callmesh import messages

            near = await hub.open_link(f"{ADDRESS}/socket")
            token = url.partition("=")[2]
            hello = messages.Hello(1, "demo", "A", token=token, resume=proof, cursor=cursor)
            await near.send(messages.bundle([messages.encode(hello)]))
            _, batch = messages.unbundle(await near.receive())
            assert isinstance(batch, messages.Batch)
            assert batch.whole


async def test_a_deletion_that_the_disk_refuses_loses_nothing(
    hub: MemoryHub, operator: Operator, clock: Clock, storage: FailingStorage
) -> None:
    """[O19, L7] The call has ended, and what was not saved yet is saved later."""
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        poll = await ada.resources.add("poll", state={"question": "?"})
        await poll.state.saved()
        storage.refuse = {"commit"}
        poll.state["question"] = "later"
        await poll.state.accepted()
        with pytest.raises(StorageFailed):
            await operator.delete(DEMO)
        assert isinstance(await ends(ada), CallOver)
        assert live(operator)._rights.read_only == CANNOT_SAVE, "as every call is"
        storage.refuse = set()
    await becomes(lambda: hub.live._saving.refuses is None)
    await operator.command(DEMO, "reopen")
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        assert [dict(r.state) for r in ada.resources.values()] == [{"question": "later"}]
    assert "call.deleted" not in [line[0] for line in told(storage)]


# --- retention


async def test_a_call_runs_out_when_nobody_was_in_it_for_so_long(
    hub: MemoryHub, operator: Operator, clock: Clock, storage: FailingStorage
) -> None:
    """[O21] By its own time or the hub's; never while somebody is in it."""
    operator.keep = 30
    await operator.create("own", retention=10)
    await operator.create("hubs")
    await operator.create("long", retention=100)
    async with hub.join("Ada", url=link(clock, "host", "ada")):
        clock.now += 10 * DAY - 1
        assert await operator.run_out(clock.now) == []
        clock.now += 1
        assert await operator.run_out(clock.now) == ["own"]
        clock.now += 50 * DAY
        hub.live._tidy()
        assert await operator.run_out(clock.now) == ["hubs"]
    hub.live._tidy()
    assert list(storage.calls()) == ["demo", "long"]
    clock.now += 30 * DAY - 1
    assert await operator.run_out(clock.now) == []
    await operator.info(DEMO)
    clock.now += 1
    assert await operator.run_out(clock.now) == ["demo"], "looking at it is not being in it"
    operator.keep = 0
    clock.now += 1_000 * DAY
    assert await operator.run_out(clock.now) == ["long"]
    assert list(storage.calls()) == []
    deleted = [line for line in told(storage) if line[0] == "call.deleted"]
    assert [(by, detail) for _, by, _, _, detail in deleted] == [("", {"reason": "retention"})] * 4


async def test_a_call_that_the_clock_passes_while_somebody_is_in_it_stays(
    hub: MemoryHub, operator: Operator, clock: Clock, storage: FailingStorage
) -> None:
    """[O21] Though nothing was written in it for years, and after the hub has died."""
    operator.keep = 1
    async with hub.join("Ada", url=link(clock, "host", "ada")):
        clock.now += 100 * DAY
        assert await operator.run_out(clock.now) == []
        hub.live._tidy()
        await hub.live._saving.commit()
        kept = storage.load(DEMO)
        assert kept is not None
        assert kept.used == clock.now, "the disk knows it too, though nobody wrote anything"
    clock.now += RETURN
    hub.live._tidy()
    assert await operator.run_out(clock.now) == []


async def test_retention_that_the_disk_refuses_is_tried_again(
    operator: Operator, clock: Clock, storage: FailingStorage
) -> None:
    """[O21]"""
    await operator.create("demo", retention=1)
    clock.now += DAY
    storage.refuse = {"commit"}
    with pytest.raises(StorageFailed):
        await operator.run_out(clock.now)
    storage.refuse = set()
    await becomes(lambda: operator.live._saving.refuses is None)
    assert await operator.run_out(clock.now) == ["demo"]


async def test_the_hub_looks_for_them_by_itself(
    operator: Operator, clock: Clock, storage: FailingStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[O21] And goes on looking, whatever the disk says."""
    monkeypatch.setattr("callmesh.retention.EVERY", 0.01)
    await operator.create("demo", retention=1)
    storage.refuse = {"unused"}
    looking = asyncio.create_task(retention.follow(operator))
    clock.now += DAY
    tried = len(storage.commits)
    await becomes(lambda: len(storage.commits) > tried)
    storage.refuse = set()
    await becomes(lambda: list(storage.calls()) == [])
    looking.cancel()
