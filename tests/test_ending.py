"""A hub that is told to stop: all that it took is saved, and its participants come back."""

import asyncio
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import callmesh
from callmesh import messages
from callmesh.connection import SPREAD
from callmesh.errors import CallmeshError, Restarting
from callmesh.ports import Link
from callmesh.storage.memory import MemoryStorage
from callmesh.testing import ADDRESS, MemoryHub
from tests.processes import SERVED, HubProcess
from tests.test_saving import FailingStorage, becomes

pytestmark = pytest.mark.anyio

HELLO = messages.bundle([messages.encode(messages.Hello(1, "demo", "Raw", role="guest"))])


@pytest.fixture
def spreads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Between what bounds clients have drawn their pauses, which are short."""
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return 0.01

    monkeypatch.setattr("callmesh.connection.random.uniform", uniform)
    return drawn


async def heard(link: Link) -> list[messages.Message]:
    """Everything that comes until the link is closed, and that it is closed as restarting."""
    found: list[messages.Message] = []
    try:
        while True:
            found += messages.unbundle(await link.receive())
    except Restarting:
        return found


async def test_a_hub_that_stops_tells_everybody_and_has_saved_what_it_took(
    spreads: list[tuple[float, float]],
) -> None:
    """[L10, J2] Everybody comes back as who they were, to what they wrote."""
    storage = MemoryStorage()
    async with MemoryHub(storage=storage) as first, MemoryHub(storage=storage) as second:
        hubs = [first]

        async def open_link(url: str) -> Link:
            return await hubs[-1].open_link(url)

        async def write(poll: callmesh.Resource, number: int) -> None:
            poll.state[f"options/{number}"] = number
            await poll.state.saved()

        async with (
            callmesh.join(ADDRESS, name="Ada", rtc=False, open_link=open_link) as ada,
            callmesh.join(ADDRESS, name="Bob", rtc=False, open_link=open_link) as bob,
        ):
            ids = ada.me.id, bob.me.id
            poll = await ada.resources.add("poll")
            await bob.resources.get(poll.id)
            writers = [asyncio.create_task(write(poll, number)) for number in range(50)]
            await ada.until(lambda: poll.state.status_of("options/49") == "accepted")
            hubs.append(second)
            await first.live.drain()
            await asyncio.gather(*writers)
            await becomes(lambda: spreads.count(SPREAD) == 2)
            await ada.until(lambda: ada.status == "synced")
            await bob.until(lambda: bob.status == "synced")
            assert (ada.me.id, bob.me.id) == ids
            assert len(bob.resources[poll.id].state) == 50
            assert bob._replica.mesh.cursor > 2**28, "they are in the second hub"


async def test_the_last_batch_comes_before_the_end_and_says_what_is_saved() -> None:
    """[L10, W6]"""
    async with MemoryHub() as hub, hub.join("Ada") as ada:
        link = await hub.open_link(f"{ADDRESS}/socket")
        await link.send(HELLO)
        welcome = messages.unbundle(await link.receive())[0]
        assert isinstance(welcome, messages.Welcome)
        poll = await ada.resources.add("poll", state={"question": "?"})
        await poll.state.accepted()
        await hub.live.drain()
        found = await heard(link)
        batches = [message for message in found if isinstance(message, messages.Batch)]
        told = {entry.key for batch in batches for g in batch.groups for entry in g.entries}
        assert "question" in told
        assert found[-2] == messages.Saved(batches[-1].cursor)
        assert found[-1] == messages.Error(
            "restarting", "the hub is restarting; you come back by yourself"
        )
        late = await hub.open_link(f"{ADDRESS}/socket")
        assert [type(message) for message in await heard(late)] == [messages.Error]


async def test_who_is_just_coming_in_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """[L10] The call was being loaded when the hub was told to stop."""
    async with MemoryHub() as hub:
        load, loading, go = hub.live._load, asyncio.Event(), asyncio.Event()

        async def slow(*which: Any) -> callmesh.livecall.LiveCall:
            loading.set()
            await go.wait()
            return await load(*which)

        monkeypatch.setattr(hub.live, "_load", slow)
        link = await hub.open_link(f"{ADDRESS}/socket")
        await link.send(HELLO)
        await loading.wait()
        await hub.live.drain()
        go.set()
        assert [type(message) for message in await heard(link)] == [messages.Error]


async def test_a_hub_stops_though_its_disk_refuses() -> None:
    """[L10, L8]"""
    storage = FailingStorage()
    async with MemoryHub(storage=storage) as hub:
        link = await hub.open_link(f"{ADDRESS}/socket")
        await link.send(HELLO)
        await link.receive()
        storage.refuse = {"commit"}
        await hub.live.drain()
        assert isinstance((await heard(link))[-1], messages.Error)
        storage.refuse = set()


async def test_a_hub_stops_though_its_disk_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """[L10] Nobody is told that anything was saved, and the log says what was not."""
    monkeypatch.setattr("callmesh.saving.LAST", (0.1, 0.05))
    storage = FailingStorage()
    try:
        async with MemoryHub(storage=storage) as hub, hub.join("Ada") as ada:
            await ada.state.saved()
            link = await hub.open_link(f"{ADDRESS}/socket")
            await link.send(HELLO)
            await link.receive()
            storage.free.clear()
            ada.state["title"] = "waits for ever"
            await ada.state.accepted()
            saved = asyncio.create_task(ada.state.saved())
            await hub.live.drain()
            assert isinstance((await heard(link))[-1], messages.Error)
            assert not saved.done()
            saved.cancel()
            monkeypatch.setattr("callmesh.client.SAVE_BEFORE_LEAVING", 0.01)
    finally:
        storage.free.set()
    assert caplog.text.count("the disk does not answer: the hub ends") == 1
    assert "something of a call is not saved" in caplog.text


HANGING = """
import sys, threading
from pathlib import Path
from callmesh import cli
from callmesh.storage.sqlite import SqliteStorage

commit, hang = SqliteStorage.commit, Path(sys.argv[sys.argv.index("--data") + 1], "hang")

def hangs(*given):
    if hang.exists():
        threading.Event().wait()
    commit(*given)

SqliteStorage.commit = hangs
sys.exit(cli.main())
"""


async def test_a_hub_process_stops_though_its_disk_hangs(tmp_path: Path) -> None:
    """[L10]"""
    hub = HubProcess(tmp_path, python=("-c", HANGING))
    try:
        async with callmesh.join(hub.call(), name="Ada", rtc=False) as ada:
            ada.state["title"] = "saved"
            await ada.state.saved()
            (tmp_path / "hang").touch()
            ada.state["title"] = "waits for ever"
            await ada.state.accepted()
            begun = time.monotonic()
            assert await asyncio.to_thread(hub.stop) == 0
            assert time.monotonic() - begun < 10, "it took too long"
            assert "the disk does not answer" in hub.end()
            hub = HubProcess(tmp_path, port=hub.port)
            await ada.state.saved(timeout=30)
    finally:
        hub.end()


class Stalled:
    """A participant that reads nothing after the first bundle."""

    def __init__(self, hub: HubProcess) -> None:
        self._hub = hub
        self.socket: ClientConnection

    async def join(self) -> None:
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect(("127.0.0.1", self._hub.port))
        small.setblocking(False)
        url = f"{self._hub.call().replace('http', 'ws')}/socket"
        self.socket = await connect(url, sock=small, max_queue=1, max_size=None, ping_interval=None)
        await self.socket.send(HELLO)
        await self.socket.recv()

    async def wake(self) -> int:
        """Read what is left; how many bytes came."""
        size = 0
        try:
            while True:
                size += len(await self.socket.recv())
        except ConnectionClosed:
            return size


@pytest.mark.parametrize(
    ("by", "how"), [("picows", signal.SIGTERM), ("picows", signal.SIGINT), ("asgi", signal.SIGTERM)]
)
async def test_a_hub_process_stops_within_seconds_and_nothing_is_lost(
    by: str, how: signal.Signals, tmp_path: Path, spreads: list[tuple[float, float]]
) -> None:
    """[L10, L5, J2] Under load, with one who reads nothing."""
    hub = HubProcess(tmp_path, python=SERVED[by])
    stalled = Stalled(hub)
    try:
        async with (
            callmesh.join(hub.call(), name="Ada", rtc=False) as ada,
            callmesh.join(hub.call(), name="Bob", rtc=False) as bob,
            callmesh.join(hub.call(), name="Cy", rtc=False) as cy,
        ):
            calls = [ada, bob, cy]
            ids = [call.me.id for call in calls]
            poll = await ada.resources.add("poll")
            mine = [await call.resources.get(poll.id) for call in calls]
            await stalled.join()
            for number in range(4):  # as much as it takes before it reads no more
                poll.state["question"] = str(number)
                await poll.state.saved()
            for number in range(50):
                poll.state[f"options/large{number}"] = "x" * 60_000
            await poll.state.saved()
            told = [0, 0, 0]
            going = True

            async def write(at: int) -> int:
                number = 0
                while going:
                    number += 1
                    mine[at].state[f"options/{at}"] = number
                    await mine[at].state.saved(timeout=60)
                    told[at] = number
                return number

            writers = [asyncio.create_task(write(at)) for at in range(3)]
            for call in calls:
                await call.until(lambda: min(told) > 5)
            begun = time.monotonic()
            assert await asyncio.to_thread(hub.stop, how) == 0
            assert time.monotonic() - begun < 8, "it took too long"
            assert hub.end() == "", "it had something to complain of"
            assert await stalled.wake() < 50 * 60_000
            hub = HubProcess(tmp_path, port=hub.port, python=SERVED[by])
            before = list(told)
            for call in calls:
                await call.until(lambda: all(a > b for a, b in zip(told, before, strict=True)))
            going = False
            last = await asyncio.gather(*writers)
            assert [call.me.id for call in calls] == ids
            assert last == told
            assert all(len(one.state) == 54 for one in mine)
            assert spreads.count(SPREAD) >= 3, "each was told that the hub restarts"
    except CallmeshError as error:
        raise AssertionError(hub.end()) from error
    finally:
        hub.end()
