"""The hub's disk: what participants are told while it refuses, and that it is taken up again."""

import asyncio
import threading
from collections.abc import Callable, Collection, Mapping, Sequence

import pytest

from callmesh.audit import Event
from callmesh.errors import Denied, StorageFailed
from callmesh.ids import HUB_STATE, READ_ONLY, CallId, presence_of
from callmesh.ledger import Delta, Kept, Ledger
from callmesh.saving import APART, CANNOT_SAVE
from callmesh.storage.memory import MemoryStorage
from callmesh.testing import MemoryHub
from tests.simulated import CALL_ID, RESOURCE, STATE, World

pytestmark = pytest.mark.anyio


class FailingStorage(MemoryStorage):
    """Refuses what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.refuse: set[str] = set()
        self.commits: list[set[CallId]] = []
        """Which calls were in each that was tried."""
        self.free = threading.Event()
        """Commits wait for it."""
        self.free.set()

    def load(self, call: CallId) -> Kept | None:
        if "load" in self.refuse:
            raise StorageFailed("the disk cannot be read")
        return super().load(call)

    def unused(self, now: int, keep: int) -> list[CallId]:
        if "unused" in self.refuse:
            self.commits.append(set())
            raise StorageFailed("the disk cannot be read")
        return super().unused(now, keep)

    def commit(
        self,
        deltas: Mapping[CallId, Delta],
        events: Sequence[Event] = (),
        gone: Collection[CallId] = (),
    ) -> None:
        self.commits.append(set(deltas))
        self.free.wait()
        if "commit" in self.refuse:
            raise StorageFailed("the disk is full")
        if "badly" in self.refuse:
            raise RuntimeError("nobody thought of this")
        super().commit(deltas, events, gone)


async def becomes(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callmesh.saving.RETRY", (0.01, 0.05))


@pytest.mark.parametrize("refuses", [False, True])
async def test_calls_that_begin_together_are_begun_in_few_commits(refuses: bool) -> None:
    """[L3, L9] Numbers are set aside on disk for each before it gives any out, as for one alone."""
    storage = FailingStorage()
    for number in range(10):
        storage.commit({CallId(f"old{number}"): Ledger().flush()})
    storage.commits.clear()
    async with MemoryHub(storage=storage) as hub:
        saving = hub.live._saving
        await becomes(lambda: bool(storage.commits))  # that the hub has started
        storage.commits.clear()
        storage.free.clear()
        storage.refuse = {"commit"} if refuses else set()
        kept = {CallId(f"old{n}"): storage.load(CallId(f"old{n}")) for n in range(10)}
        kept |= {CallId(f"new{n}"): None for n in range(10)}
        tasks = [asyncio.create_task(saving.begin(id, what)) for id, what in kept.items()]
        gives_up = asyncio.create_task(saving.begin(CallId("gone"), None))
        await asyncio.sleep(0)
        gives_up.cancel()
        storage.free.set()
        begun = await asyncio.gather(*tasks, return_exceptions=True)
        first = [commit for commit in storage.commits if commit & kept.keys()]
        assert len(first) <= 2
        for id, ledger in zip(kept, begun, strict=True):
            if refuses and kept[id] is None:
                assert isinstance(ledger, StorageFailed)
            else:
                assert isinstance(ledger, Ledger)
                assert (ledger.number >= APART[0]) is refuses
                on_disk = storage.load(id)
                assert on_disk is not None
                assert on_disk.reserved >= ledger._reserved or refuses
        storage.refuse.clear()


async def test_a_load_that_fails_lets_nobody_in_and_overwrites_nothing() -> None:
    """[L6]"""
    storage = FailingStorage()
    async with MemoryHub(storage=storage) as hub, hub.join("Ada") as ada:
        await (await ada.resources.add("poll", state={"question": "?"})).state.saved()
    kept = storage.load(CallId("demo"))
    assert kept is not None
    storage.refuse = {"load"}
    async with MemoryHub(storage=storage) as hub:
        with pytest.raises(StorageFailed, match="cannot be read"):
            async with hub.join("Ada"):
                pass
        storage.refuse = set()
        again = storage.load(CallId("demo"))
        assert again is not None
        assert again.records == kept.records
        async with hub.join("Ada") as ada:
            assert [dict(r.state) for r in ada.resources.values()] == [{"question": "?"}]


@pytest.mark.parametrize("how", ["commit", "badly"])
async def test_a_commit_that_fails_makes_calls_read_only_until_one_succeeds(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """[L7, L8, L5, S16]"""
    storage = FailingStorage()
    async with MemoryHub(storage=storage) as hub, hub.join("Ada") as ada, hub.join("Bob") as bob:
        vitals = await ada.resources.add("vitals")
        await vitals.state.saved()
        seen = await bob.resources.get(vitals.id)
        assert seen.state.can_write("source")
        storage.free.clear()
        vitals.state["source"] = "?"
        await vitals.state.accepted()
        saving = asyncio.create_task(vitals.state.saved())
        storage.refuse = {how}
        storage.free.set()
        for call in (ada, bob):
            await call.until(lambda call=call: call.status == "read_only")  # type: ignore[misc]
            assert not call.state.can_write("anything")
        assert (vitals.state.status, seen.state.status) == ("read_only", "read_only")
        assert not seen.state.can_write("source")
        assert vitals.state.status_of("source") == "accepted"
        seen.state["source"] = "overwritten?"
        with pytest.raises(Denied, match="what was saved is safe") as denied:
            await seen.state.accepted()
        assert (denied.value.reason, seen.state["source"]) == ("read_only", "?")
        with pytest.raises(Denied):
            await bob.resources.add("vitals")
        seen.presence["cursor"] = 1
        await ada.until(lambda: vitals.presence.of(bob.me.id) == {"cursor": 1})
        await seen.stream("pen").send(b"on")
        assert (await anext(aiter(vitals.stream("pen")))).data == b"on"
        tried = len(storage.commits)
        await becomes(lambda: len(storage.commits) > tried)
        assert not saving.done()
        storage.refuse = set()
        await saving
        for call in (ada, bob):
            await call.until(lambda call=call: call.status == "synced")  # type: ignore[misc]
        assert seen.state.can_write("source")
        seen.state["source"] = "now"
        await seen.state.saved()
    assert "every call is read-only" in caplog.text
    assert "takes what is to be saved again" in caplog.text


async def test_the_disk_is_tried_though_nothing_waits_for_it() -> None:
    """[L8]"""
    storage = FailingStorage()
    async with MemoryHub(storage=storage) as hub:
        storage.refuse = {"commit"}
        with pytest.raises(StorageFailed):
            async with hub.join("Ada"):
                pass
        assert hub.live._saving.refuses == CANNOT_SAVE
        tried = len(storage.commits)
        await becomes(lambda: len(storage.commits) >= tried + 3)
        assert storage.commits[-1] == set(), "with nothing in it"
        storage.refuse = set()
        await becomes(lambda: hub.live._saving.refuses is None)
        async with hub.join("Ada") as ada:
            assert ada.status == "synced"


async def test_a_kept_call_opens_read_only_and_a_new_one_does_not() -> None:
    """[L9, L6, L3] And what was to be saved by the life before is there afterwards."""
    storage = FailingStorage()
    async with MemoryHub(storage=storage) as hub, hub.join("Ada") as ada:
        poll = await ada.resources.add("poll", state={"question": "?"})
        await ada.state.saved()
    reserved = storage._kept[CallId("demo")].reserved
    storage.refuse = {"commit"}
    async with MemoryHub(storage=storage) as hub, hub.join("Bob") as bob:
        assert bob.status == "read_only"
        again = bob.resources[poll.id]
        assert dict(again.state) == {"question": "?"}
        assert bob._replica.mesh.cursor > reserved + APART[0]
        again.state["question"] = "lost?"
        with pytest.raises(Denied):
            await again.state.saved()
        with pytest.raises(StorageFailed):
            async with hub.join("Cy", url="http://memory/call/other"):
                pass
        storage.refuse = set()
        await bob.until(lambda: bob.status == "synced")
        again.state["question"] = "taken"
        await again.state.saved()
        assert storage._kept[CallId("demo")].reserved > bob._replica.mesh.cursor
    async with MemoryHub(storage=storage) as hub, hub.join("Bob") as bob:
        assert dict(bob.resources[poll.id].state) == {"question": "taken"}


async def test_the_end_of_a_hub_whose_disk_refuses_says_which_calls_lack_something(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """[L8]"""
    monkeypatch.setattr("callmesh.client.SAVE_BEFORE_LEAVING", 0.01)
    storage = FailingStorage()
    async with MemoryHub(storage=storage) as hub, hub.join("Ada") as ada:
        storage.free.clear()
        ada.state["title"] = "lost with the disk"
        await ada.state.accepted()
        storage.refuse = {"commit"}
        storage.free.set()
        await ada.until(lambda: ada.status == "read_only")
    assert "something of a call is not saved" in caplog.records[-1].message
    assert caplog.records[-1].__dict__["call"] == "demo"


def test_what_is_there_already_may_be_sent_again_while_read_only() -> None:
    """[L8, S10, S11] It changes nothing, and its answer is owed."""
    world = World()
    ada, bob = world.client("a"), world.client("b")
    ada.add_resource()
    ada.set("kept", 1)
    world.deliver()
    world.call.disk(CANNOT_SAVE, world.now)
    ada.cut()
    ada.connect()
    ada.set("new", 2)
    world.deliver()
    assert [(denial.reason, denial.places) for denial in ada.denials] == [
        ("read_only", [(STATE, "new")])
    ]
    assert ada.denials[0].why == f"{CANNOT_SAVE} (L8)"
    assert bob.view() == ada.view() == {"kept": 1}
    assert bob.view(HUB_STATE) == {READ_ONLY: CANNOT_SAVE}
    bob.set(READ_ONLY, "mine", HUB_STATE)
    world.deliver()
    assert [denial.reason for denial in bob.denials] == ["no_right"]
    world.call.disk(None, world.now)
    ada.set("new", 3)
    world.settle()
    assert bob.view() == {"kept": 1, "new": 3}
    assert (bob.view(HUB_STATE), bob.mesh.status(STATE)) == ({}, "synced")


def test_what_forbids_a_write_for_good_goes_before_that_nothing_is_saved() -> None:
    """[L8]"""
    world = World()
    ada = world.client("a")
    ada.add_resource()
    world.deliver()
    world.call.disk(CANNOT_SAVE, world.now)
    ada.set("closed", 1)
    ada.set("k", 1, presence_of(RESOURCE))
    world.deliver()
    assert [denial.reason for denial in ada.denials] == ["no_right", "no_right"]
    assert world.storage._kept[CALL_ID].reserved > world.call.ledger.number


async def test_what_goes_wrong_in_one_call_does_not_end_what_all_need(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """[O9] Time passes in the others, and what goes wrong beside saving does not end it."""
    monkeypatch.setattr("callmesh.live.TICK", 0.01)
    other_url = "http://memory/call/other"
    async with MemoryHub() as hub, hub.join("Ada"), hub.join("Bob", url=other_url) as bob:
        ticks: list[int] = []

        def fails(*_: object) -> None:
            raise RuntimeError("nobody thought of this")

        demo, other = (hub.live._calls[CallId(id)].hosted for id in ("demo", "other"))
        monkeypatch.setattr(demo, "tick", fails)
        monkeypatch.setattr(other, "tick", ticks.append)
        await becomes(lambda: len(ticks) > 2)
        saved = hub.live._saving._saved
        monkeypatch.setattr(hub.live._saving, "_saved", fails)
        bob.state["title"] = "a"
        await becomes(lambda: "something went wrong in saving" in caplog.text)
        monkeypatch.setattr(hub.live._saving, "_saved", saved)
        bob.state["title"] = "b"
        await bob.state.saved()
        await hub.live.check()
    assert "something went wrong in a call" in caplog.text


async def test_a_call_that_cannot_be_flushed_is_a_commit_that_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[L7, L8, O9] And is tried again; nothing of another call is lost by it."""
    storage = FailingStorage()
    async with (
        MemoryHub(storage=storage) as hub,
        hub.join("Ada") as ada,
        hub.join("Bob", url="http://memory/call/other") as bob,
    ):
        await bob.state.saved()
        flush, fails = Ledger.flush, [hub.live._calls[CallId("other")].hosted.ledger]

        def flushed(ledger: Ledger) -> Delta:
            if ledger in fails:
                raise RuntimeError("nobody thought of this")
            return flush(ledger)

        monkeypatch.setattr(Ledger, "flush", flushed)
        ada.state["title"], bob.state["title"] = "a", "b"
        await ada.until(lambda: ada.status == "read_only")
        with pytest.raises(StorageFailed):
            await hub.live.check()
        fails.clear()
        await ada.state.saved()
        await bob.state.saved()


@pytest.mark.parametrize("which", [0, 1])
async def test_a_hub_of_which_a_part_has_ended_is_not_ready(which: int) -> None:
    """[O9]"""
    async with MemoryHub() as hub:
        await hub.live.check()
        hub.live._tasks[which].cancel()
        await asyncio.wait([hub.live._tasks[which]])
        with pytest.raises(StorageFailed, match="come to an end"):
            await hub.live.check()
