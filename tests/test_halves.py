"""Which Python halves run, when one is started again, and what a half may do in its call."""

import asyncio
import contextlib
import os
import re
from types import SimpleNamespace
from typing import Any

import pytest

import callmesh
from callmesh.auth import Authority
from callmesh.catalog import Catalog
from callmesh.clock import MICROSECONDS
from callmesh.errors import BadValue, Denied, TooFast, Unauthorized
from callmesh.halves import (
    ABSENT,
    FIRST,
    LONGEST,
    PATIENCE,
    SOUND,
    STARTING,
    STARTS,
    Halves,
    Key,
    Start,
    Stop,
    Wish,
)  # fmt: skip
from callmesh.ids import CallId, ResourceId
from callmesh.limits import Limits
from callmesh.live import LiveHub
from callmesh.livecall import steady
from callmesh.metrics import Metrics
from callmesh.running import tell_failure
from callmesh.storage.memory import MemoryStorage
from callmesh.supervisor import (
    LOOKED_AT,
    MAX_LINE,
    PRINTED,
    TAKEN,
    Printed,
    Supervisor,
    _End,
    _pipe,
    environment,
    kind,
)  # fmt: skip
from callmesh.testing import ADDRESS, MemoryHub
from tests.processes import ROOT

CRASHER = ROOT / "tests/apps/crasher"
DEMO = CallId("demo")


def key(name: str, call: str = "demo") -> Key:
    return CallId(call), ResourceId(name)


A, B = key("ra"), key("rb")
WISH = Wish("crasher", "1")


def started(steps: list[Start | Stop]) -> list[Key]:
    return [step.key for step in steps if isinstance(step, Start)]


# --- the machine


def test_one_that_fails_is_started_again_after_pauses_that_double() -> None:
    """[Y5]"""
    halves, now, pauses = Halves(8, 32), 0, []
    for _ in range(12):
        assert started(halves.decide({A: WISH}, {A}, now)) == [A]
        assert halves.ended(A, "ValueError: it", now)
        again = halves.troubles[A].again
        assert halves.decide({A: WISH}, set(), again - 1) == []
        pauses.append(again - now)
        now = again
    assert pauses[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert pauses[-1] == LONGEST
    assert halves.troubles[A].failures == 12
    assert halves.troubles[A].error == "ValueError: it"


def test_one_that_has_run_for_a_minute_has_recovered() -> None:
    """[Y5, Y6]"""
    halves = Halves(8, 32)
    halves.decide({A: WISH}, set(), 0)
    halves.ended(A, "x" * 10_000, 0)
    assert len(halves.troubles[A].error) == 300
    halves.decide({A: WISH}, set(), FIRST)
    for now in range(FIRST, FIRST + SOUND + 1, MICROSECONDS):
        halves.decide({A: WISH}, {A}, now)
        assert A in halves.troubles
    now = FIRST + SOUND + MICROSECONDS
    halves.decide({A: WISH}, {A}, now)
    assert halves.troubles == {}
    halves.ended(A, "again", now)
    assert halves.troubles[A].again == now + FIRST


def test_one_that_hangs_is_killed_and_has_failed() -> None:
    """[Y5]"""
    halves = Halves(8, 32)
    halves.decide({A: WISH}, set(), 0)
    assert halves.decide({A: WISH}, {A}, ABSENT) == []
    assert halves.decide({A: WISH}, set(), 2 * ABSENT) == []
    late = 2 * ABSENT + 1
    assert halves.decide({A: WISH}, set(), late) == [Stop(A, kill=True)]
    assert halves.ended(A, "it printed this", late)
    assert halves.troubles[A].error == "it was not in the call for 30 s, and was killed"


def test_one_that_is_not_wanted_is_told_to_stop_and_then_killed() -> None:
    """[Y7]"""
    halves = Halves(8, 32)
    halves.decide({A: WISH}, set(), 0)
    assert halves.decide({}, {A}, 10) == [Stop(A, kill=False)]
    assert halves.decide({}, {A}, 10 + PATIENCE) == []
    assert halves.decide({}, {A}, 11 + PATIENCE) == [Stop(A, kill=True)]
    assert halves.running == 1
    assert not halves.ended(A, "it was stopped", 12)
    assert (halves.running, halves.troubles) == (0, {})
    assert started(halves.decide({A: WISH}, set(), 12 + PATIENCE)) == [A]


def test_another_version_is_started_when_the_old_one_is_gone() -> None:
    """[Y7]"""
    halves, other = Halves(8, 32), Wish("crasher", "2")
    halves.decide({A: WISH}, set(), 0)
    assert halves.decide({A: other}, {A}, 1) == [Stop(A, kill=False)]
    assert halves.decide({A: other}, {A}, 2) == []
    halves.ended(A, "", 3)
    assert halves.decide({A: other}, set(), 3) == [Start(A, other)]
    halves.ended(A, "it fails", 4)
    mended = Wish("crasher", "3")
    assert halves.decide({A: mended}, set(), 5) == [Start(A, mended)], "it need not wait"
    assert halves.troubles == {}


def test_no_more_run_than_may_and_hosts_are_told_why() -> None:
    """[Y9, Y6]"""
    halves = Halves(2, 3)
    wishes = {key(f"r{n}", call): WISH for call in ("one", "two") for n in range(3)}
    ran = started(halves.decide(wishes, set(), 0))
    assert ran == [key("r0", "one"), key("r0", "two"), key("r1", "one")]
    assert "limits.halves" in halves.troubles[key("r2", "one")].error
    assert "limits.hub_halves" in halves.troubles[key("r1", "two")].error
    del wishes[key("r0", "one")]
    halves.decide(wishes, set(ran), 1)
    assert started(halves.decide(wishes, set(ran), 2)) == [], "it is not gone yet"
    halves.ended(key("r0", "one"), "", 3)
    assert started(halves.decide(wishes, set(ran), 4)) == [key("r2", "one")]
    assert Halves(0, 9).decide({A: WISH}, set(), 0) == []


def test_calls_take_turns_in_starting_halves() -> None:
    """[Y9] A call with many resources does not have those of others wait for all of its own."""
    halves = Halves(8, 32)
    wishes = {key(f"r{n}", "many"): WISH for n in range(8)}
    wishes |= {key("r0", f"few{n}"): WISH for n in range(4)}
    here: set[Key] = set()
    began, now = [], 0
    while new := started(halves.decide(wishes, here, now)):
        assert len(new) <= STARTS[1]
        began += new
        here |= set(new)
        now += 1
    assert began[:5] == [key("r0", "many"), *[key("r0", f"few{n}") for n in range(4)]]
    assert len(began) == len(wishes)
    assert halves.troubles == {}, "whose turn comes is no trouble"


def test_so_many_start_at_a_time() -> None:
    """[Y9] One that does not come in has its place for 5 s."""
    halves = Halves(8, 32)
    wishes = {key(f"r{n}", call): WISH for call in ("one", "two", "three") for n in range(3)}
    first = started(halves.decide(wishes, set(), 0))
    assert [call for call, _ in first] == ["one", "two", "three", "one"]
    assert started(halves.decide(wishes, set(), STARTING - 1)) == []
    assert started(halves.decide(wishes, {first[1]}, STARTING - 1)) == [key("r1", "two")]
    assert len(started(halves.decide(wishes, {first[1]}, STARTING))) == 3
    alone = Halves(8, 32)
    assert len(started(alone.decide({key(f"r{n}"): WISH for n in range(8)}, set(), 0))) == STARTS[0]


def test_one_that_may_not_run_is_not_started() -> None:
    """[Y2, Y6]"""
    halves, refused = Halves(8, 32), Wish("crasher", "1", "the operator says no")
    assert halves.decide({A: refused, B: WISH}, set(), 0) == [Start(B, WISH)]
    assert halves.troubles[A].error == "the operator says no"
    assert halves.troubles[A].failures == 0
    assert halves.decide({A: refused, B: refused}, {B}, 1) == [Stop(B, kill=False)]
    halves.decide({}, {B}, 2)
    assert halves.troubles == {}


# --- what is printed


def test_what_a_half_prints_is_bounded() -> None:
    """[Y8]"""
    printed = Printed()
    assert [*printed.feed(b"one\ntw", 0)] == ["one"]
    assert [*printed.feed(b"o\n\n \xff\n", 0)] == ["two", " \ufffd"]
    long = [*printed.feed(b"x" * (MAX_LINE + 1), 0)]
    assert [len(line) for line in long] == [MAX_LINE]
    many = [*printed.feed(b"".join(b"%d\n" % n for n in range(1000)), 0)]
    assert PRINTED == (2, 100)
    assert len(many) == PRINTED[1] - 4
    assert printed.left_out == 1000 - len(many)
    assert [*printed.feed(b"the last", 0), *printed.feed(b"", 0)] == []
    assert printed.last == "the last"


def test_of_a_deep_stack_the_end_fits_into_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    """[Y5, Y8] As where a listener has called itself."""

    def one(depth: int) -> None:
        other(depth + 1)

    def other(depth: int) -> None:
        one(depth + 1)

    with pytest.raises(RecursionError) as raised:
        one(0)
    tell_failure(raised.type, raised.value, raised.value.__traceback__)
    said = capfd.readouterr().err.splitlines()
    assert len(said) < PRINTED[1]
    assert said[-1].startswith("RecursionError")
    assert "one(depth + 1)" in " ".join(said)


def test_of_a_flood_little_is_looked_at_and_its_end_is_known() -> None:
    """[Y8] What is beyond is counted, and after a while one is heard again."""
    printed, now = Printed(), steady()
    flood = b"\n".join(b"%d" % n for n in range(20_000)) + b"\n"
    assert len(flood) > LOOKED_AT[1]
    said = [*printed.feed(flood, now), *printed.feed(flood, now), *printed.feed(b"the e", now)]
    assert len(said) == PRINTED[1]
    assert printed.left_out == 40_000 - len(said) + 1
    assert printed.last == "19999"
    later = now + 60 * MICROSECONDS
    assert [*printed.feed(b"nd\n", later)] == ["the end"]
    assert printed.last == "the end"
    assert [*printed.feed(flood, later), *printed.feed(b"over", later), *printed.feed(b"", later)]
    assert printed.last == "over"


def supervised(*, python: str = "half.py") -> Supervisor:
    """The halves of a hub in which nobody is."""
    app = SimpleNamespace(manifest=SimpleNamespace(python=python), hash="1", runs=True)
    catalog: Any = SimpleNamespace(apps={"crasher": app})
    authority = Authority(b"k" * 32)
    live = LiveHub(MemoryStorage(), Catalog(), authority)
    return Supervisor(live, catalog, authority, allowed=True)


@pytest.mark.anyio
async def test_one_that_prints_in_a_loop_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """[Y8, O10] The hub takes a MiB a second of it."""
    now, waited = MICROSECONDS, 0.0

    async def pause(seconds: float) -> None:
        nonlocal now, waited
        now, waited = now + int(seconds * MICROSECONDS), waited + seconds

    monkeypatch.setattr("callmesh.supervisor.steady", lambda: now)
    monkeypatch.setattr("callmesh.supervisor.pause", pause)

    def print_much(end: _End) -> None:
        for _ in range(8):
            assert os.write(end.fd, b"x\n" * (TAKEN // 2)) == TAKEN
        os.write(end.fd, b"the last\n")
        end.close()

    halves, printed = supervised(), Printed()
    with _pipe() as (output, print_to):
        printing = asyncio.create_task(asyncio.to_thread(print_much, print_to))
        await halves._read(output, printed, {})
        await printing
    assert 6 < waited < 8
    assert printed.last == "the last"
    assert printed.left_out > 3 * TAKEN
    numbers = Metrics(halves._live).text().decode()
    (count,) = re.findall(r"^callmesh_unprinted_lines_total (.+)$", numbers, re.MULTILINE)
    assert float(count) == printed.left_out


@pytest.mark.anyio
async def test_what_goes_wrong_with_halves_is_logged_and_they_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """[Y5]"""
    halves, again = supervised(), asyncio.Event()

    def look() -> None:
        if "which go on" in caplog.text:
            again.set()
        else:
            halves._turned.set()
        raise LookupError("it")

    monkeypatch.setattr(halves, "look", look)
    task = asyncio.create_task(halves.follow())
    await again.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert "LookupError: it" in caplog.text


def test_one_that_was_never_started_is_not_waited_for() -> None:
    """[Y5]"""
    halves = supervised()
    halves._halves.decide({A: WISH}, set(), steady())
    assert halves._halves.running == 1
    halves.look()
    assert halves._halves.running == 0


def test_halves_reach_the_hub_as_others_do_now() -> None:
    """[Y1]"""
    halves = supervised()
    halves.reached({"server": ("127.0.0.1", 8000)})
    halves.reached({"server": ("/run/hub", None)})
    assert halves._address == "http://127.0.0.1:8000"
    halves.reached({"server": ("::1", 9000), "root_path": "/calls/"})
    assert halves._address == "http://[::1]:9000/calls"


def test_a_half_does_not_know_the_settings_of_the_hub() -> None:
    """[Y8]"""
    told = environment({"CALLMESH_KEY": "/etc/secret", "PATH": "/bin"})
    assert told == {"PATH": "/bin", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ValueError: Ada wrote this", "ValueError"),
        ("callmesh.errors.Denied: no", "callmesh.errors.Denied"),
        ("KeyboardInterrupt", "KeyboardInterrupt"),
        ("Ada wrote this", ""),
    ],
)
def test_of_an_error_the_log_has_its_kind(line: str, expected: str) -> None:
    """[O12]"""
    assert kind(line) == expected


# --- in a call


def half_of(hub: MemoryHub, resource: callmesh.Resource, **options: Any) -> Any:
    """Join as its half."""
    authority = hub.live._authority
    token = authority.invite_half(DEMO, resource.id, "Crasher", hub.live.now())
    return hub.join("nobody", url=f"{ADDRESS}#token={token}", **options)


@pytest.mark.anyio
async def test_a_half_is_in_the_roster_as_what_it_is_and_waits_for_nobody() -> None:
    """[Y3, J29, J30]"""
    limits = Limits(participants=2)
    async with (
        MemoryHub(apps=[CRASHER], waiting_area=True, limits=limits) as hub,
        hub.join("Ada", role="host") as ada,
    ):
        resource = await ada.resources.add("crasher", access={"guest": "hidden"})
        await ada.hosting.lock()
        async with half_of(hub, resource) as half, hub.join("Bob", role="host") as bob:
            await ada.until(lambda: len(ada.participants) == 3)
            shown = ada.participants[half.me.id]
            assert (shown.name, shown.role, shown.half) == ("Crasher", "guest", resource.id)
            assert ada.me.half == ""
            commands = [
                ada.hosting.remove(shown.person), ada.hosting.ban(shown.person),
                ada.hosting.set_role(shown.person, "host"), ada.hosting.hand_over(shown.person),
            ]  # fmt: skip
            for command in commands:
                with pytest.raises(Denied, match="remove its resource"):
                    await command
            told: list[str] = []
            half.media.on_muted(lambda _: told.append("half"))
            bob.media.on_muted(lambda _: told.append("Bob"))
            await ada.hosting.mute()
            await hub.settled()
            assert told == ["Bob"]
            with pytest.raises(TooFast):  # halves take nobody's place, and make no room
                async with hub.join("Eve", role="host"):
                    pass
        await ada.until(lambda: all(not other.half for other in ada.participants.values()))
        assert shown.person not in ada.hosting.left
        async with half_of(hub, resource) as half:
            assert half.me.person == shown.person


@pytest.mark.anyio
async def test_the_token_of_a_half_counts_once_and_in_its_own_call() -> None:
    """[Y3]"""
    async with MemoryHub(apps=[CRASHER]) as hub, hub.join("Ada") as ada:
        resource = await ada.resources.add("crasher")
        authority, now = hub.live._authority, hub.live.now()
        token = authority.invite_half(DEMO, resource.id, "Crasher", now)
        other = ADDRESS.replace("demo", "other")
        late = authority.invite_half(DEMO, resource.id, "Crasher", now - 61 * MICROSECONDS)
        gone = authority.invite_half(DEMO, ResourceId("rgone"), "Crasher", now)
        for url in (f"{other}#token={token}", f"{ADDRESS}#token={late}", f"{ADDRESS}#token={gone}"):
            with pytest.raises(Unauthorized):
                async with hub.join("x", url=url):
                    pass
        url = f"{ADDRESS}#token={token}"
        async with hub.join("x", url=url) as half:
            assert half.me.half == resource.id
            with pytest.raises(Unauthorized):
                async with hub.join("x", url=url):
                    pass


@pytest.mark.anyio
async def test_a_half_whose_link_is_lost_is_gone() -> None:
    """[Y3]"""
    async with MemoryHub(apps=[CRASHER]) as hub, hub.join("Ada") as ada:
        resource = await ada.resources.add("crasher")
        async with half_of(hub, resource) as half:
            await ada.until(lambda: len(ada.participants) == 2)
            await hub.links[-1].cut()
            await ada.until(lambda: len(ada.participants) == 1)
            assert isinstance(await half.over(), Unauthorized)


@pytest.mark.anyio
async def test_a_half_has_its_own_resource_whole_and_nothing_else() -> None:
    """[Y4]"""
    async with MemoryHub(apps=[CRASHER]) as hub, hub.join("Ada") as ada:
        mine, other = [await ada.resources.add("crasher", title=name) for name in ("One", "Two")]
        mine.set_access("guest", "view")
        await ada.state.accepted()
        async with half_of(hub, mine) as half:
            own = await half.resources.get(mine.id)
            assert list(half.resources) == [mine.id]
            assert own.state.can_write("half/score")
            own.state["half/score"] = 3
            await own.state.saved()
            assert not mine.state.can_write("half/score")
            mine.state["half/score"] = 4
            with pytest.raises(Denied, match="nobody may change"):
                await mine.state.accepted()
            assert mine.state["half/score"] == 3
            for act in (
                half.resources.remove(own),
                half.resources.add("poll"),
                add_to(half, {"active": mine.id}),
                add_to(half, {"whatever": 1}),
            ):
                with pytest.raises(Denied):
                    await act
            own.presence["here"] = True
            await ada.until(lambda: "here" in mine.presence.of(half.me.id))
            ada.resources.show(other)
            other.state["a"] = 1
            await other.state.saved()
            assert list(half.resources) == [mine.id]
            assert half.resources.active is None


async def add_to(call: callmesh.Call, values: dict[str, object]) -> None:
    call.state.update(values)
    await call.state.accepted()


@pytest.mark.anyio
async def test_streams_of_a_half_reach_those_of_its_resource() -> None:
    """[Y4]"""
    async with MemoryHub() as hub, hub.join("Ada") as ada:
        mine, other = [await ada.resources.add("vitals", title=name) for name in ("One", "Two")]
        async with half_of(hub, mine) as half:
            own = await half.resources.get(mine.id)
            await ada.until(lambda: len(ada.participants) == 2)
            heard = mine.stream("ecg")
            await other.stream("ecg").send("for nobody")
            await own.stream("ecg").send("from the half")
            async with asyncio.timeout(10):
                assert (await anext(aiter(heard))).data == "from the half"


@pytest.mark.anyio
async def test_what_the_owner_made_can_be_taken_over_and_handed_back() -> None:
    """[Y10]"""
    async with MemoryHub(apps=[CRASHER]) as hub, hub.join("Ada") as ada:
        async with hub.join("Bob", role="guest") as bob:
            resource = await bob.resources.add("crasher")
            seen = await ada.resources.get(resource.id)
            told: asyncio.Queue[bool] = asyncio.Queue()
            end = seen.on_owner(told.put_nowait)
            assert told.get_nowait()
        async with asyncio.timeout(10):
            assert not await told.get()
        assert not seen.owner_here
        end()
        again: list[bool] = []
        seen.on_owner(again.append)
        assert again == [False]
        with pytest.raises(BadValue):
            seen.on_owner(None)  # type: ignore[arg-type]
    assert again == [False], "a call that is over tells nothing of its owner"
