"""Real programs that go on with each other while a real hub is dead, and after."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest

import callmesh
from callmesh.errors import Broken
from callmesh.ports import Link
from callmesh.testing import ADDRESS, MemoryHub
from tests.memory_peers import MemoryPeers
from tests.processes import HubProcess
from tests.test_rtc import until_direct

pytestmark = [pytest.mark.anyio, pytest.mark.rtc, pytest.mark.timeout(120)]


def an_app(folder: Path) -> Path:
    """One in which everybody may write everything."""
    app = folder / "notes"
    app.mkdir(parents=True)
    about = {"id": "notes", "name": "Notes", "version": "1", "entry": "index.html"}
    (app / "manifest.json").write_text(json.dumps({**about, "capabilities": ["streams"]}))
    (app / "index.html").write_text("<!doctype html>")
    return app


async def until_away(*calls: callmesh.Call) -> None:
    for call in calls:
        await call.until(partial(is_, call, "offline"), what="losing the hub")


def is_(call: callmesh.Call, status: str) -> bool:
    return call.status == status


def has(resource: callmesh.Resource, state: dict[str, object]) -> bool:
    return dict(resource.state) == state


def no_letters(call: callmesh.Call) -> bool:
    return not call._replica.mesh.letters


async def test_kill_9_and_all_are_in_step_without_the_hub(tmp_path: Path) -> None:
    """[E1, E2, E8] Three programs edit, add and show; nothing is saved before it is."""
    apps = (an_app(tmp_path / "apps"),)
    hub = HubProcess(tmp_path / "data", apps=apps)
    try:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob", role="guest") as bob,
            callmesh.join(hub.call(), name="Cyd", role="guest") as cyd,
        ):
            notes = await ada.resources.add("notes", title="Notes")
            bobs, cyds = [await c.resources.get(notes.id) for c in (bob, cyd)]
            for left, right in ((ada, bob), (ada, cyd), (bob, cyd)):
                await until_direct(left, right)
            notes.state["of"] = "Ada"
            await notes.state.saved()
            await bob.until(lambda: bobs.state.get("of") == "Ada")
            hub.kill()
            await until_away(ada, bob, cyd)
            notes.state["a"] = 1
            bobs.state["b"] = 2
            with cyds.state.transaction():
                cyds.state["c"] = 3
                cyds.state["of"] = "Cyd"
            bobs.presence["at"] = [1, 2]
            whole = {"of": "Cyd", "a": 1, "b": 2, "c": 3}
            for call, one in ((ada, notes), (bob, bobs), (cyd, cyds)):
                await call.until(partial(has, one, whole), what="being in step")
                assert call.reached == 2
                assert one.state.status == "offline"
            await ada.until(lambda: notes.presence.of(bob.me.id) == {"at": [1, 2]})
            assert bobs.state.status_of("b") == "pending"
            for round in range(50):
                notes.state[f"n/{round % 5}"] = round
            del bobs.state["a"]
            await cyd.until(lambda: "a" not in cyds.state and cyds.state.get("n/4") == 49)
            hub = HubProcess(tmp_path / "data", port=hub.port, apps=apps)
            whole = {"of": "Cyd", "b": 2, "c": 3} | {f"n/{n}": 45 + n for n in range(5)}
            for call, one in ((ada, notes), (bob, bobs), (cyd, cyds)):
                await one.state.saved(timeout=30)
                await call.until(partial(is_, call, "synced"), timeout=30)
                await call.until(partial(has, one, whole), timeout=30)
                await call.until(partial(no_letters, call), timeout=30)
                assert dict(one.state) == whole
        async with callmesh.join(hub.call(), name="Late") as late:
            assert dict(late.resources[notes.id].state) == whole
    finally:
        hub.end()


async def test_who_comes_back_carries_what_another_one_wrote_who_is_gone(tmp_path: Path) -> None:
    """[E6] Bob's program ends while the hub is dead; Ada has what he wrote, and it is saved."""
    apps = (an_app(tmp_path / "apps"),)
    hub = HubProcess(tmp_path / "data", apps=apps)
    try:
        async with callmesh.join(hub.call(), name="Ada") as ada:
            async with callmesh.join(hub.call(), name="Bob", role="guest") as bob:
                notes = await ada.resources.add("notes")
                bobs = await bob.resources.get(notes.id)
                await until_direct(ada, bob)
                me = bob.me.id
                await asyncio.sleep(0.1)  # his visit is to be on disk: no word says that it is
                hub.kill()
                await until_away(ada, bob)
                bobs.state["b"] = 2
                added = asyncio.create_task(bob.resources.add("poll", title="Bob's"))
                await ada.until(lambda: len(ada.resources) == 2)
                (poll,) = [r for r in ada.resources.values() if r.app == "poll"]
                poll.state["question"] = "?"
                await ada.until(lambda: notes.state.get("b") == 2)
                added.cancel()
                bob._connection._drop(callmesh.errors.Closed("gone"))
                bob._replica.mesh._outbox._own.clear()  # he does not wait until it is saved
            hub = HubProcess(tmp_path / "data", port=hub.port, apps=apps)
            await poll.state.saved(timeout=30)
            await ada.until(partial(no_letters, ada), timeout=30)
            assert notes.state["b"] == 2
            assert poll.state["question"] == "?"
            assert ada._replica.mesh.confirmed_entry(notes.state._root.id, "b").writer == me  # type: ignore[union-attr]
        async with callmesh.join(hub.call(), name="Late") as late:
            assert late.resources[notes.id].state["b"] == 2
            assert late.resources[poll.id].state["question"] == "?"
    finally:
        hub.end()


class Away:
    """A hub in memory that can be out of reach."""

    def __init__(self, hub: MemoryHub) -> None:
        self.hub = hub
        self.is_away = False

    async def open(self, url: str) -> Link:
        if self.is_away:
            raise Broken("the hub is away")
        return await self.hub.open_link(url)

    async def go(self) -> None:
        self.is_away = True
        for link in self.hub.links:
            await link.cut()


async def test_a_path_that_breaks_without_the_hub_is_back_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """[D5, D22, E1, E8, P1] Meanwhile it is said, and a third one whom both reach hands on."""
    monkeypatch.setattr("callmesh.transport.webrtc.RtcPeers", MemoryPeers)
    hour = 3_600_000_000  # so that nothing but the hub's return mends it
    monkeypatch.setattr("callmesh.signaling.MEND", (hour, hour))
    async with MemoryHub(apps=(an_app(tmp_path),)) as hub:
        away = Away(hub)
        async with (
            callmesh.join(ADDRESS, name="Ada", open_link=away.open) as ada,
            callmesh.join(ADDRESS, name="Bob", open_link=away.open) as bob,
            callmesh.join(ADDRESS, name="Cyd", open_link=away.open) as cyd,
        ):
            notes = await ada.resources.add("notes")
            bobs, cyds = [await call.resources.get(notes.id) for call in (bob, cyd)]
            for left, right in ((ada, bob), (ada, cyd), (bob, cyd)):
                await until_direct(left, right)
            said, heard = notes.stream("ecg"), bobs.stream("ecg")
            await said.send(b"before")
            assert (await anext(aiter(heard))).data == b"before"
            await away.go()
            await until_away(ada, bob, cyd)
            peers = ada._streams.peers
            assert isinstance(peers, MemoryPeers)
            peers.break_path(bob.me.id)
            await bob.until(lambda: bob.path(ada.me.id) == "relay", what="a broken path")
            assert (ada.path(bob.me.id), ada.path(cyd.me.id)) == ("relay", "direct")
            assert said.stats[bob.me.id].path == "relay"
            await said.send(b"meanwhile", to=[bob.me.id])
            notes.state["a"] = 1
            bobs.presence["at"] = 7
            await bob.until(lambda: bobs.state.get("a") == 1, what="State by way of Cyd")
            await ada.until(lambda: notes.presence.of(bob.me.id) == {"at": 7})
            assert notes.state.status_of("a") == "pending"
            away.is_away = False
            await until_direct(ada, bob)
            assert (await anext(aiter(heard))).data == b"meanwhile"
            for one in (notes, bobs, cyds):
                await one.state.saved(timeout=30)
                assert dict(one.state) == {"a": 1}
