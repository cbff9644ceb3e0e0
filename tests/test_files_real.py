"""Files between real participants: over WebRTC, and over a hub that is killed."""

import asyncio
import hashlib
import os
import sys
from pathlib import Path

import pytest

import callmesh
from callmesh.ids import ParticipantId
from tests.file_taker import resident
from tests.processes import SHELF, HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.rtc]
MEGABYTE = 1_000_000
SIZE = int(os.environ.get("FILE_MEGABYTES", "60")) * MEGABYTE
"""Of the large file; of 200 MB it takes 40 s."""
GROWTH = 30 * MEGABYTE
"""Bytes of memory that either side may take for it."""


def hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def test_files_go_direct_both_ways_at_once(tmp_path: Path) -> None:
    """[F1, F2]"""
    with hub_process(tmp_path, apps=(SHELF,)) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob") as bob,
        ):
            mine = await ada.resources.add("shelf")
            theirs = await bob.resources.get(mine.id)

            async def exchange(one: callmesh.Resource, data: bytes) -> bytes:
                transfer = await one.files.send(data)
                async for offer in one.files.offers():
                    got = await offer.read(timeout=20)
                    await transfer.done(timeout=20)
                    return got
                raise AssertionError("nothing was offered")

            there, back = os.urandom(3 * MEGABYTE), os.urandom(2 * MEGABYTE)
            got = await asyncio.gather(exchange(mine, there), exchange(theirs, back))
            assert list(got) == [back, there]


async def test_a_large_file_comes_whole_through_two_cuts(tmp_path: Path) -> None:
    """[F1, F3] The direct path breaks, then the hub is killed. Memory stays small at both."""
    source = tmp_path / "large.bin"
    digest = hashlib.sha256()
    with source.open("wb") as file:
        for _ in range(SIZE // MEGABYTE):
            block = os.urandom(MEGABYTE)
            digest.update(block)
            file.write(block)
    (tmp_path / "to").mkdir()
    hub = HubProcess(tmp_path, apps=(SHELF,))
    try:
        async with callmesh.join(hub.call(), name="Ada") as ada:
            shelf = await ada.resources.add("shelf")
            await shelf.state.saved()
            taker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.file_taker", hub.call(), tmp_path / "to",
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            await ada.until(lambda: len(ada.participants) == 2, timeout=20)
            (bob,) = (id for id in ada.participants if id != ada.me.id)
            before = most = resident()
            transfer = await shelf.files.send(source, to=[bob])
            cuts = [(SIZE // 4, cut_path), (SIZE // 4 + 2 * MEGABYTE, kill)]
            async for progress in transfer:
                most = max(most, resident())
                if cuts and progress.sent >= cuts[0][0]:
                    hub = await cuts.pop(0)[1](ada, bob, hub, tmp_path)
            await transfer.done(timeout=60)
            assert taker.stdout is not None
            path, grown, _ = (await asyncio.wait_for(taker.stdout.readline(), 20)).split()
            await taker.wait()
            assert not cuts
            assert hashed(Path(path.decode())) == digest.hexdigest()
            print(f"grown by {(most - before) / MEGABYTE} and {int(grown) / MEGABYTE} MB")
            assert most - before < GROWTH
            assert int(grown) < GROWTH
    finally:
        hub.end()


async def cut_path(
    call: callmesh.Call, peer: ParticipantId, hub: HubProcess, folder: Path
) -> HubProcess:
    assert call.path(peer) == "direct"
    await call._streams.peers._connections[peer].pc.close()  # type: ignore[union-attr]
    return hub


async def kill(
    call: callmesh.Call, peer: ParticipantId, hub: HubProcess, folder: Path
) -> HubProcess:
    hub.kill()
    return HubProcess(folder, port=hub.port, apps=(SHELF,))


@pytest.mark.parametrize("kept", [False, True], ids=["from its sender", "from the hub"])
async def test_a_receiver_whose_program_is_killed_goes_on_when_it_runs_anew(
    tmp_path: Path, kept: bool
) -> None:
    """[F3, F9] As the same person, it is offered the file by itself; not a byte comes again."""
    data = os.urandom(60 * MEGABYTE if kept else 8 * MEGABYTE)
    folder = tmp_path / "to"
    folder.mkdir()

    async def run() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.file_taker", hub.call(), folder, tmp_path / "bob",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    with hub_process(tmp_path, apps=(SHELF,)) as hub:
        async with callmesh.join(hub.call(), name="Ada", rtc=False) as ada:
            shelf = await ada.resources.add("shelf")
            await shelf.state.saved()
            taker = await run()
            await ada.until(lambda: len(ada.participants) == 2, timeout=20)
            files = shelf.files
            transfer = await (files.keep(data) if kept else files.send(data))
            while there(folder) < MEGABYTE:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            taker.kill()
            await taker.wait()
            came = there(folder)
            assert came < len(data), "it is killed in the middle of it"
            taker = await run()
            assert taker.stdout is not None
            # Its sender offers it again when the hub lets go of who was killed, after 45 s.
            path, _, began = (await asyncio.wait_for(taker.stdout.readline(), 100)).split()
            assert int(began) >= came
            assert hashed(Path(path.decode())) == hashlib.sha256(data).hexdigest()
            await transfer.done(timeout=20)
            await taker.wait()


def there(folder: Path) -> int:
    """Bytes of what is coming into a folder."""
    return sum(path.stat().st_size for path in folder.glob("*.part"))
