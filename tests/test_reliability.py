"""What is told `saved` is saved: after power cuts, `kill -9`, and disks that are full or refuse.

`FAULTS` is how many power cuts are made, and a hundredth of it how often a hub is killed; a test
prints its seed (`SEED`), which repeats it. Figures: docs/reliability.md.
"""

import asyncio
import contextlib
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import callmesh
from callmesh.audit import Event, faults
from callmesh.errors import Denied, StorageFailed
from callmesh.ids import CallId, StateId, Writer
from callmesh.ledger import Ledger
from callmesh.state import DELETED, Entry
from callmesh.storage.sqlite import SqliteStorage
from callmesh.testing import MemoryHub
from callmesh.values import decode, encode
from tests.processes import HubProcess
from tests.recording import Recorder, Saved, Step, cut

FAULTS = int(os.environ.get("FAULTS", "400"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(2**32)))

CALLS = [CallId("one"), CallId("two")]
STATES = [StateId("state/r1"), StateId("state/r2")]
FILE = "callmesh.sqlite"

pytestmark = pytest.mark.anyio

Kept = dict[CallId, dict[tuple[StateId, str], tuple[int, int, bytes]]]
"""What a disk has of each call: number, time and value of each register."""


@pytest.fixture
def dice() -> random.Random:
    print(f"repeat with SEED={SEED}")
    return random.Random(SEED)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a place: nothing but what SQLite asked for is on a disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)


# --- a power cut, below SQLite


def recorded(
    folder: Path, dice: random.Random, factory: type[sqlite3.Connection] = sqlite3.Connection
) -> tuple[list[Step], list[Kept]]:
    """Two lives of a hub's storage: all that was done to its disk, and each commit's outcome."""
    fill(folder, {})
    recorder = Recorder()
    outcomes: list[Kept] = [{}]
    with recorder.recording():
        for _ in range(2):
            storage = SqliteStorage(
                folder / FILE, connect=lambda path: recorder.connect(path, factory)
            )
            ledgers = {id: Ledger(storage.load(id)) for id in CALLS}
            for number in range(40):
                if number:
                    for ledger in ledgers.values():
                        write(ledger, dice)
                deltas = {id: ledger.flush() for id, ledger in ledgers.items()}
                storage.commit(deltas, [Event(number, "call.settings")])
                recorder.steps.append(Saved())
                for ledger in ledgers.values():
                    ledger.flushed()
                outcomes.append({id: registers(ledger) for id, ledger in ledgers.items()})
            storage.close()
    return recorder.steps, outcomes


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for file in folder.iterdir():
        file.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def write(ledger: Ledger, dice: random.Random) -> None:
    """What people do between two commits."""
    for _ in range(dice.randrange(1, 6)):
        gone = dice.random() < 0.1
        value = DELETED if gone else encode("x" * dice.choice([1, 100, 2_000, 9_000]))
        key, time = f"k{dice.randrange(30)}", ledger.seen + 1
        ledger.accept(dice.choice(STATES), Entry(key, time, Writer("p1"), value))
    if dice.random() < 0.05:
        ledger.drop(dice.choice(STATES))
    if dice.random() < 0.2:
        ledger.collect(ledger.seen - 5)


def registers(ledger: Ledger) -> dict[tuple[StateId, str], tuple[int, int, bytes]]:
    return {
        (record.state, record.entry.key): (
            record.number, record.entry.time, bytes(record.entry.value)
        )
        for record in ledger.since(0)
    }  # fmt: skip


def lost(folder: Path, files: dict[str, bytes], promised: int, outcomes: list[Kept]) -> str | None:
    """What is wrong with a disk after a cut; None if everything is there and it goes on."""
    fill(folder, files)
    try:
        storage = SqliteStorage(folder / FILE)
    except StorageFailed as error:
        return str(error)
    try:
        found = storage._db.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            return f"not whole: {found}"
        ledgers = {id: Ledger(storage.load(id)) for id in storage.calls()}
        there = {id: registers(ledger) for id, ledger in ledgers.items()}
        lines = storage.audit(0, len(outcomes))
        if list(faults(lines)):
            return "the audit log is another"
        commits = len(lines)  # one in each
        if commits not in (promised, promised + 1) or there != outcomes[commits]:
            return f"not what {promised} commits had promised, nor that and the next"
        for id in CALLS:
            storage.commit({id: ledgers.setdefault(id, Ledger()).flush()})
            ledgers[id].flushed()
            write(ledgers[id], random.Random(promised))
        storage.commit({id: ledger.flush() for id, ledger in ledgers.items()})
        again = {id: registers(Ledger(storage.load(id))) for id in CALLS}
        if again != {id: registers(ledger) for id, ledger in ledgers.items()}:
            return "it did not go on"
        return None
    except (StorageFailed, sqlite3.Error) as error:
        return str(error)
    finally:
        storage.close()


def cuts(
    folder: Path, dice: random.Random, factory: type[sqlite3.Connection], count: int
) -> list[str]:
    """Cut the power `count` times; what was lost."""
    steps, outcomes = recorded(folder, dice, factory)
    found = []
    for _ in range(count):
        files, promised = cut(steps[: dice.randrange(len(steps) + 1)], dice)
        if dice.random() < 0.2:
            files = cut_again(folder, files, dice)
        if problem := lost(folder, files, promised, outcomes):
            found.append(problem)
    return found


def cut_again(folder: Path, files: dict[str, bytes], dice: random.Random) -> dict[str, bytes]:
    """The power is back, and goes again while the hub starts, or stops with nothing done."""
    fill(folder, files)
    recorder = Recorder()
    with recorder.recording(), contextlib.suppress(StorageFailed):
        storage = SqliteStorage(folder / FILE, connect=recorder.connect)
        storage.calls()
        storage.close()
    return cut(recorder.steps[: dice.randrange(len(recorder.steps) + 1)], dice, files)[0]


def test_a_power_cut_loses_nothing_that_was_saved(folder: Path, dice: random.Random) -> None:
    """[L5, L11] Also while the database is made, or the log written back; and twice in a row."""
    done = 0
    while done < FAULTS:
        assert cuts(folder, dice, sqlite3.Connection, 200) == []
        done += 200
    print(f"{done} power cuts, nothing lost")


def careless(word: str) -> type[sqlite3.Connection]:
    class Careless(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == "PRAGMA synchronous=FULL":
                sql = f"PRAGMA synchronous={word}"
            return super().execute(sql, *parameters)

    return Careless


@pytest.mark.parametrize("word", ["NORMAL", "OFF"])
def test_these_cuts_find_what_less_care_loses(word: str, folder: Path, dice: random.Random) -> None:
    """[L5] Otherwise the test above would prove nothing."""
    found = cuts(folder, dice, careless(word), 200)
    print(f"with {word}, {len(found)} of 200 power cuts lost something")
    assert found


# --- kill -9


@dataclass(slots=True)
class Promises:
    """What participants were told is saved, and what was found on the disk of a dead hub."""

    told: dict[tuple[CallId, str], int] = field(default_factory=dict)
    """By call and key, the largest value."""
    found: dict[tuple[CallId, StateId, str], tuple[int, int]] = field(default_factory=dict)
    """Time and number of each register."""
    reserved: dict[CallId, int] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with every word of `saved`."""

    async def write(self, call: callmesh.Call, poll: callmesh.Resource, key: str) -> None:
        """For ever: a value that grows, in a burst of others, until each is saved."""
        number = 0
        while True:
            number += 1
            poll.state[f"options/{key}"] = number
            for other in range(number % 7):
                poll.state[f"options/{key}-{other}"] = number
            await poll.state.saved(timeout=None)
            self.told[call.id, f"options/{key}"] = number
            self.news.set()

    def check(self, data: Path, scratch: Path, calls: list[callmesh.Call]) -> None:
        """Of a hub that is dead: nothing is missing, older, or has a number that was used."""
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(data, scratch)
        storage = SqliteStorage(scratch / FILE)
        assert storage._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert list(faults(storage.audit(0, 1_000_000))) == []
        for id in storage.calls():
            kept = storage.load(id)
            assert kept is not None
            numbers = [record.number for record in kept.records]
            assert len(numbers) == len(set(numbers)), "a number was used twice"
            given = [call._replica.mesh.cursor for call in calls if call.id == id]
            assert max([*numbers, *given]) <= kept.reserved, "a number will be used twice"
            for record in kept.records:
                place = (id, record.state, record.entry.key)
                now = (record.entry.time, record.number)
                if self.found.get(place, now) != now:
                    assert record.number > self.reserved[id], "a number of an earlier life"
                self.found[place] = now
                said = self.told.get((id, record.entry.key), 0)
                if said:
                    assert decode(record.entry.value) >= said, "older than what was saved"
            there = {record.entry.key for record in kept.records}
            assert {key for call, key in self.told if call == id} <= there, "missing"
            self.reserved[id] = kept.reserved
        storage.close()


@contextlib.asynccontextmanager
async def writers(
    hub: HubProcess, promises: Promises
) -> AsyncIterator[tuple[list[callmesh.Call], Callable[[], bool]]]:
    """Four participants of two calls who write all the time; and whether each has got on."""
    async with contextlib.AsyncExitStack() as stack:
        calls, tasks = [], []
        for number in range(4):
            id = CallId(f"call{number % 2}")
            call = await stack.enter_async_context(
                callmesh.join(hub.call(id), name=f"Writer {number}", rtc=False)
            )
            poll = await call.resources.add("poll")
            promises.told[id, f"options/{number}"] = 0
            tasks.append(asyncio.create_task(promises.write(call, poll, str(number))))
            calls.append(call)
        before: dict[tuple[CallId, str], int] = {}

        def all_get_on() -> bool:
            if not before:
                before.update(promises.told)
            if any(promises.told[place] <= said for place, said in before.items()):
                return False
            before.clear()
            return True

        try:
            yield calls, all_get_on
        finally:
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(result, asyncio.CancelledError), result


async def test_kill_9_at_random_moments_loses_nothing_that_was_saved(
    tmp_path: Path, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[L5, L3, S11] Also while it starts, and while participants come back."""
    monkeypatch.setattr("callmesh.connection.PAUSES", (0.05, 0.2))
    promises, data = Promises(), tmp_path / "data"
    hub = HubProcess(data)
    kills = max(5, FAULTS // 100)
    try:
        async with writers(hub, promises) as (calls, all_get_on):
            for _ in range(kills):
                if dice.random() < 0.7:
                    await becomes(all_get_on)
                await asyncio.sleep(dice.uniform(0, 0.3))  # the moment is what is random
                if dice.random() < 0.5:  # or just when somebody was told
                    promises.news.clear()
                    await promises.news.wait()
                hub.kill()
                promises.check(data, tmp_path / "scratch", calls)
                hub = HubProcess(data, port=hub.port)
            await becomes(all_get_on)
        saved = sum(promises.told.values())
        print(f"{kills} kills, {saved} times something was told saved, nothing lost")
    finally:
        hub.end()


async def becomes(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# --- disks that refuse


def limited(hub: HubProcess, folder: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """The kernel lets the process write to no file any more; and lets it again."""
    soft, hard = resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE)

    def limit(bytes: int) -> None:
        resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, (bytes, hard))

    return lambda: limit(0), lambda: limit(soft)


def full(hub: HubProcess, folder: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """Something else fills the disk to the last byte; and goes away."""
    ballast = folder / "ballast"

    def fill() -> None:
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    return fill, ballast.unlink


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=False,
        capture_output=True,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("only root mounts file systems")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


async def rides_out(
    data: Path,
    refusing: Callable[[HubProcess, Path], tuple[Callable[[], None], Callable[[], None]]],
) -> None:
    """A hub whose disk refuses, again and again: everybody is told, and it goes on by itself."""
    hub = HubProcess(data / "data")
    refuse, relent = refusing(hub, data)
    rounds = max(2, FAULTS // 1000)
    try:
        async with (
            callmesh.join(hub.call(), name="Ada", rtc=False) as ada,
            callmesh.join(hub.call(), name="Bob", rtc=False) as bob,
        ):
            poll = await ada.resources.add("poll")
            await poll.state.saved()
            seen = await bob.resources.get(poll.id)
            seen.state["question"] = "ready?"
            await seen.state.saved()  # and with it whatever was before
            for number in range(rounds):
                refuse()
                tries = 0
                while ada.status != "read_only":  # a full disk may have room in the log
                    tries += 1
                    poll.state[f"options/{tries % 20}"] = f"{number}:{tries}" + "x" * 50_000
                    await ada.until(lambda: ada.status in ("synced", "read_only"), timeout=30)
                last = f"options/{tries % 20}"
                assert poll.state.status_of(last) == "accepted"
                await bob.until(lambda: bob.status == "read_only")
                seen.state["question"] = "denied?"
                with pytest.raises(Denied, match="what was saved is safe"):
                    await seen.state.saved()
                seen.presence["cursor"] = number
                await ada.until(lambda: poll.presence.of(bob.me.id) == {"cursor": number})  # noqa: B023
                relent()
                await ada.until(lambda: ada.status == "synced", timeout=30)
                await bob.until(lambda: bob.status == "synced", timeout=30)
                assert poll.state.status_of(last) == "saved"
                seen.state["question"] = str(number)
                await seen.state.saved()
            expected = dict(poll.state)
        hub.kill()
        hub = HubProcess(data / "data")
        async with callmesh.join(hub.call(), name="Cy", rtc=False) as cy:
            assert dict(cy.resources[poll.id].state) == expected
        print(f"{rounds} times the disk refused, nothing that was accepted was lost")
    finally:
        hub.end()


async def test_a_disk_that_refuses_every_write(tmp_path: Path) -> None:
    """[L8, L7]"""
    await rides_out(tmp_path, limited)


async def test_a_disk_that_is_full(small_disk: Path) -> None:
    """[L8, L7]"""
    await rides_out(small_disk, full)


async def test_a_database_that_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[L8, L9] A call that is kept opens meanwhile, and what is there can be read."""
    monkeypatch.setattr("callmesh.saving.RETRY", (0.01, 0.05))
    storage = SqliteStorage(tmp_path / FILE)
    async with MemoryHub(storage=storage) as hub:
        async with hub.join("Ada") as ada:
            poll = await ada.resources.add("poll", state={"question": "?"})
            await ada.state.saved()
        await becomes(lambda: not hub.live._calls)
        on_disk = hub.live._saving.on_disk
        await on_disk(lambda: storage._db.execute("PRAGMA query_only = 1"))
        async with hub.join("Bob") as bob:
            assert (bob.status, dict(bob.resources[poll.id].state)) == (
                "read_only",
                {"question": "?"},
            )
            with pytest.raises(StorageFailed):
                async with hub.join("Cy", url="http://memory/call/other"):
                    pass
            await on_disk(lambda: storage._db.execute("PRAGMA query_only = 0"))
            await bob.until(lambda: bob.status == "synced")


def test_a_hub_does_not_start_on_a_disk_that_is_read_only(small_disk: Path) -> None:
    """[L8] It says so in a sentence; what is there stays there."""
    SqliteStorage(small_disk / FILE).close()
    before = (small_disk / FILE).read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    serve = ["serve", "--dev", "--port", "0", "--data", str(small_disk)]
    ended = subprocess.run(
        [sys.executable, "-m", "callmesh", *serve],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "cannot hold the hub's data" in ended.stderr
    assert (small_disk / FILE).read_bytes() == before
