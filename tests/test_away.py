"""Files for those who are away, between real programs and a hub that is killed."""

import asyncio
import os
from pathlib import Path

import pytest

import callmesh
from callmesh.address import read_address
from callmesh.away import Away, Keeping, Shelf
from callmesh.errors import Broken, Closed, Denied, EndedByPeer, Refused, TooLarge
from callmesh.fileio import Memory
from callmesh.ids import ParticipantId, PersonId, ResourceId
from callmesh.participant import Participant, Role
from callmesh.storage.blobs import PART
from callmesh.transfers import FileOffer
from tests.processes import SHELF, HubProcess, hub_process

pytestmark = pytest.mark.anyio
MEGABYTE = 1_000_000
ADA = Participant(ParticipantId("p1"), PersonId("u1"), "Ada", Role.HOST)


async def first(files: callmesh.Resource) -> FileOffer:
    async with asyncio.timeout(20):
        return await anext(aiter(files.files.offers()))


async def test_a_file_waits_for_who_comes_when_its_sender_has_gone(tmp_path: Path) -> None:
    """[F7, F8] It is offered once; who has it is shown; who it is not for sees nothing."""
    data = os.urandom(3 * MEGABYTE)
    with hub_process(tmp_path / "hub", apps=(SHELF,)) as hub:
        join = callmesh.join
        async with join(hub.call(), name="Bob", keep=tmp_path / "bob", role="guest") as bob:
            person = bob.me.person
        async with join(hub.call(), name="Ada", keep=tmp_path / "ada") as ada:
            shelf = await ada.resources.add("shelf")
            keeping = await shelf.files.keep(data, name="map.png", to=[person], lasts=60)
            steps = [progress.sent async for progress in keeping]
            await keeping.done(timeout=20)
            assert steps[-1] == len(data)
            assert len(steps) > 3
        async with join(hub.call(), name="Eve", role="guest") as eve:
            theirs = await eve.resources.get(shelf.id)
            assert theirs.files.kept == []
            with pytest.raises(Refused):
                await eve._away.request("GET", keeping.id)
        async with join(hub.call(), name="Bob", keep=tmp_path / "bob", role="guest") as bob:
            there = await bob.resources.get(shelf.id)
            offer = await first(there)
            assert (offer.name, offer.kept_until) == ("map.png", keeping.kept_until)
            path = await offer.save(tmp_path, timeout=20)
            assert path.read_bytes() == data
            await bob.until(lambda: there.files.kept[0].answers == {person: "taken"})
            assert await there.files.kept[0].read(timeout=20) == data
            with pytest.raises(Refused):
                await there.files.kept[0].take_back()
        async with join(hub.call(), name="Bob", keep=tmp_path / "bob", role="guest") as bob:
            there = await bob.resources.get(shelf.id)
            await bob.until(lambda: len(there.files.kept) == 1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await anext(aiter(there.files.offers()))
            async with join(hub.call(), name="Ada", keep=tmp_path / "ada") as ada:
                shelf = await ada.resources.get(shelf.id)
                await ada.until(lambda: len(shelf.files.kept) == 1)
                (kept,) = shelf.files.kept
                assert kept.answers == {person: "taken"}
                await kept.take_back()
                await bob.until(lambda: there.files.kept == [])


async def test_what_is_taken_back_or_hidden_is_offered_no_more(tmp_path: Path) -> None:
    """[F7] Also to whom it was offered already, and who has not answered."""
    with hub_process(tmp_path / "hub", apps=(SHELF,)) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob", role="guest") as bob,
        ):
            shelf = await ada.resources.add("shelf")
            theirs = await bob.resources.get(shelf.id)
            keeping = await shelf.files.keep(b"x")
            offer = await first(theirs)
            offer.refuse()
            await ada.until(lambda: keeping.answers == {bob.me.person: "refused"})
            other = await shelf.files.keep(b"y")
            offer = await first(theirs)
            shelf.set_access("guest", "hidden")
            await bob.until(lambda: offer.over)
            with pytest.raises((Closed, EndedByPeer)):
                await offer.read()
            await other.take_back()
            await keeping.take_back()
            await ada.until(lambda: shelf.files.kept == [])


async def test_an_upload_and_a_download_go_on_after_kill_9(tmp_path: Path) -> None:
    """[F9, F11] The hub dies in the middle of either; nothing is lost, nothing is left over."""
    data = os.urandom(24 * MEGABYTE)
    hub = HubProcess(tmp_path / "hub", apps=(SHELF,))
    folder = tmp_path / "hub" / "files" / "demo"
    try:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob", role="guest") as bob,
        ):
            shelf = await ada.resources.add("shelf")
            await shelf.state.saved()
            keeping = await shelf.files.keep(data)
            killed = 0
            async for progress in keeping:
                if 2 * MEGABYTE < progress.sent < len(data) and not killed:
                    killed = progress.sent
                    hub.kill()
                    assert os.listdir(folder) != []
                    (folder / ("0" * 64)).write_bytes(b"an orphan")
                    (folder / f"u1-1{PART}").write_bytes(b"another")
                    os.utime(folder / f"u1-1{PART}", (1, 1))
                    hub = HubProcess(tmp_path / "hub", apps=(SHELF,), port=hub.port)
                assert progress.sent >= killed or not progress.sent, "it goes on"
            await keeping.done(timeout=60)
            assert killed
            theirs = await bob.resources.get(shelf.id)
            offer = await first(theirs)
            coming = asyncio.create_task(offer.save(tmp_path / "got.bin", timeout=60))
            await bob.until(lambda: offer.received > 2 * MEGABYTE, timeout=20)
            hub.kill()
            assert not coming.done()
            hub = HubProcess(tmp_path / "hub", apps=(SHELF,), port=hub.port)
            path = await coming
            assert path.read_bytes() == data
            await ada.until(lambda: len(os.listdir(folder)) == 1, timeout=20)
    finally:
        hub.end()


async def test_a_sender_sees_why_it_is_not_kept(tmp_path: Path) -> None:
    """[F10] Each limit of a hub that is set so."""
    limits = {"kept_file_bytes": 10, "kept_files": 1}
    with hub_process(tmp_path / "hub", apps=(SHELF,), limits=limits) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Eve", role="observer") as eve,
        ):
            shelf = await ada.resources.add("shelf")
            with pytest.raises(TooLarge, match="at most 10 bytes"):
                await (await shelf.files.keep(b"x" * 11)).done(timeout=20)
            empty = await shelf.files.keep(b"")
            await empty.done(timeout=20)
            with pytest.raises(Denied, match="at most 1 files") as full:
                await (await shelf.files.keep(b"y")).done(timeout=20)
            assert full.value.reason == "full"
            theirs = await eve.resources.get(shelf.id)
            assert await (await first(theirs)).read(timeout=20) == b""
            with pytest.raises(Denied) as denied:
                await (await theirs.files.keep(b"z")).done(timeout=20)
            assert denied.value.reason == "no_right"
            await empty.take_back()
            await (await shelf.files.keep(b"y")).done(timeout=20)


async def test_an_answer_that_is_not_the_hubs_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """[F9] It is tried again, and in the end whoever waits is told."""
    answers = [b"<html>sign in", b"[]", b'"at"', b'{"at":-1,"expires":0}', b'{"at":0}', b"\xff"]
    asked = 0

    class Hub(Away):
        async def request(
            self, method: str, path: str, body: bytes = b"", **headers: str
        ) -> tuple[int, bytes]:
            nonlocal asked
            asked += 1
            return 200, answers.pop(0) if answers else b'{"at":0,"expires":7}'

    monkeypatch.setattr("callmesh.away.PAUSES", (0.0, 0.0))
    away = Hub(read_address("http://127.0.0.1:1/call/demo"), lambda: ADA, lambda: None)
    shelf = Shelf(away, ResourceId("r1"), lambda: None)
    keeping = Keeping(shelf, Memory(b""), "a", "", [], 0)
    await keeping.done(timeout=20)
    assert (asked, keeping.kept_until) == (7, 7)
    answers += [b"<html>"]
    monkeypatch.setattr("callmesh.away.PATIENCE", -1.0)
    with pytest.raises(Broken, match="in its place"):
        await Keeping(shelf, Memory(b""), "a", "", [], 0).done(timeout=20)
    monkeypatch.setattr(Hub, "request", None)
    with pytest.raises(Broken, match="TypeError"):
        await Keeping(shelf, Memory(b""), "a", "", [], 0).done(timeout=20)


async def test_who_is_removed_has_nothing_of_it_any_more(tmp_path: Path) -> None:
    """[F8]"""
    with hub_process(tmp_path / "hub", apps=(SHELF,)) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob", role="guest") as bob,
        ):
            shelf = await ada.resources.add("shelf")
            await (await shelf.files.keep(b"x" * 100)).done(timeout=20)
            theirs = await bob.resources.get(shelf.id)
            offer, ticket = await first(theirs), await bob._away._show()
            await ada.hosting.remove(bob.me.person)
            with pytest.raises(callmesh.CallmeshError):
                await offer.read(timeout=20)
            headers = {"Authorization": f"Bearer {ticket}"}
            path = f"files/{offer.incoming.offer.id}"
            status, said = bob._away._request("GET", path, b"", headers)
            assert (status, Closed.code in said.decode()) == (409, True)
