"""Files that the hub keeps for those who are away: the rules, the disk, and the requests."""

import asyncio
import errno
import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

import callmesh
from callmesh import depot
from callmesh.app import Capability, Rulebook
from callmesh.asking import Asker
from callmesh.away import Away
from callmesh.callstate import CallState
from callmesh.depot import Depot, _hashes
from callmesh.errors import (
    BadValue,
    Broken,
    CallmeshError,
    Denied,
    Refused,
    StorageFailed,
    TooFast,
    TooLarge,
)  # fmt: skip
from callmesh.feed import Told
from callmesh.ids import CallId, ParticipantId, PersonId, ResourceId
from callmesh.kept import COMES, DAY, FORGOTTEN, MAX_GONE, Announced, KeptFiles
from callmesh.ledger import Kept, Ledger
from callmesh.limits import Limits
from callmesh.messages import Kept as News
from callmesh.messages import KeptFile, Ticket
from callmesh.operator import Operator
from callmesh.participant import Participant, Role
from callmesh.rates import Each
from callmesh.record import HubPen
from callmesh.resource import ResourceRecord
from callmesh.sight import Sight, Sights
from callmesh.storage.blobs import PART, Blobs
from callmesh.storage.memory import MemoryStorage
from callmesh.testing import MemoryHub
from tests.processes import SHELF
from tests.test_saving import becomes

pytestmark = pytest.mark.anyio
SECOND = 1_000_000
DEMO, R1 = CallId("demo"), ResourceId("r1")
CONTENT = b"what is kept " * 10_000
HASH = hashlib.sha256(CONTENT).hexdigest()
NOTHING = News([], False, [])
A, B = "00000000000000aa", "00000000000000bb"


def person(number: int, role: Role = Role.GUEST) -> Participant:
    return Participant(ParticipantId(f"p{number}"), PersonId(f"u{number}"), "N", role)


ADA, BOB, EVE, HOST = person(1), person(2), person(3), person(9, Role.HOST)


def said(**what: Any) -> Announced:
    usual = {"resource": "r1", "name": "map.png", "size": len(CONTENT), "sha256": HASH}
    return msgspec.convert({**usual, **what}, Announced)


class World:
    """What is kept of a call with one resource."""

    def __init__(self, **limits: int) -> None:
        self.ledger = Ledger()
        self.ledger.flush()
        self.ledger.flushed()
        self.call = CallState()
        self.asks = True
        """Whether the app asks for files."""
        record = ResourceRecord(app="poll", title="Poll", owner="u9", added=0)
        self.call.note("resource/r1", msgspec.to_builtins(record))
        pen = HubPen(self.ledger)
        self.sights = Sights(self.call, Rulebook(lambda app: None))
        self.files = KeptFiles(self.ledger, pen, self.call, Limits(**limits), self.asked_for)

    def asked_for(self, resource: ResourceId, capability: Capability) -> bool:
        return self.asks and capability is Capability.FILES

    def keep(self, id: str = A, by: Participant = ADA, now: int = 0, **what: Any) -> None:
        upload = self.files.announce(by, id, said(**what), now)
        self.files.keep(by, upload, now)

    def sight(self, me: Participant) -> Sight:
        return self.sights.of(me)

    def shown(self, me: Participant) -> list[KeptFile]:
        return self.files.news(me, self.sight(me), None).files

    def told(self, me: Participant) -> Told:
        """What somebody knows who was told all."""
        return Told(self.files.turns, self.sight(me))

    def news(self, me: Participant, told: Told) -> tuple[list[str], bool, list[str]]:
        news = self.files.news(me, self.sight(me), told)
        assert self.files.has_news(me, self.sight(me), told) == (news != NOTHING)
        return [file.id for file in news.files], news.whole, news.gone


# --- who may have what


def test_a_file_is_for_those_named_and_for_nobody_else() -> None:
    """[F7, F8] Its sender sees whom it is for and what they said; a receiver sees itself alone."""
    world = World()
    world.keep(to=["u2", "u4", "u2"])
    (file,) = world.shown(ADA)
    assert (file.to, file.expires) == (["u2", "u4"], 7 * DAY * SECOND)
    assert world.shown(BOB)[0].to == ["u2"]
    assert world.shown(EVE) == []
    assert world.files.may_fetch(EVE, A, 0) is None
    assert not world.files.answer(EVE, A, "taken", 0)
    world.files.answer(BOB, A, "refused", 0)
    world.files.answer(BOB, A, "taken", 0)
    world.files.answer(BOB, A, "refused", 0)
    assert world.shown(ADA)[0].answers == [("u2", "taken")]
    assert world.shown(person(4))[0].answers == []
    assert world.shown(HOST)[0].to == ["u2", "u4"]
    assert world.files.may_fetch(HOST, A, 0) is None, "a host sees that it is there, and no more"


def test_a_file_without_names_is_for_everybody_who_sees_the_resource() -> None:
    """[F7, F8]"""
    world = World()
    world.keep()
    assert world.shown(EVE)[0].to == []
    assert world.files.may_fetch(EVE, A, 0)
    world.call.note("access/r1/u3", "hidden")
    assert world.shown(EVE) == []
    assert world.files.may_fetch(EVE, A, 0) is None


def test_who_was_told_hears_what_is_another_and_each_once() -> None:
    """[F7] However many there are, and however long they did not read."""
    world = World(kept_files=300)
    ids = [f"{n:016x}" for n in range(100)]
    for id in ids:
        world.keep(id)
    told = world.told(BOB)
    assert world.news(BOB, told) == ([], False, [])
    world.keep(A, to=["u3"])
    assert world.news(BOB, told) == ([], False, []), "it is not for him"
    for who in range(10, 90):
        world.files.answer(person(who), ids[7], "taken", 0)
    world.keep(B)
    world.files.take_back(ADA, ids[3], 0)
    world.files.take_back(ADA, A, 0)
    assert world.news(BOB, told) == ([ids[7], B], False, [ids[3]])
    assert world.news(BOB, world.told(BOB)) == ([], False, [])


def test_who_sees_other_resources_hears_all_anew() -> None:
    """[F7] As does who becomes a host; and who was told so long ago that nobody knows what went."""
    world = World()
    world.keep()
    eve, host = world.told(EVE), world.told(person(3, Role.HOST))
    assert world.news(EVE, host) == ([A], True, [])
    world.call.note("access/r1/u3", "hidden")
    assert world.news(EVE, eve) == ([], True, [])
    bob = world.told(BOB)
    for n in range(MAX_GONE + 1):
        world.keep(id := f"1{n:015x}")
        world.files.take_back(ADA, id, 0)
    assert world.news(BOB, bob)[1]
    assert len(world.files._gone) <= MAX_GONE


def test_what_went_with_its_resource_is_gone_for_who_saw_it() -> None:
    """[F7]"""
    world = World()
    world.keep()
    told = world.told(BOB)
    world.files.clear(R1, 0)
    world.call.note("resource/r1", None)
    assert world.news(BOB, told) == ([], False, [A])


def test_an_id_that_is_used_again_is_told_anew() -> None:
    """[F7] It may be for others than before."""
    world = World()
    world.keep()
    told = world.told(BOB)
    world.files.take_back(ADA, A, 0)
    world.keep(to=["u3"])
    assert world.news(BOB, told) == ([], True, [])


def test_who_may_leave_a_file() -> None:
    """[F7]"""
    world = World()
    world.call.note("access/r1/u3", "hidden")
    for who, reason in ((EVE, "no_resource"), (person(5, Role.OBSERVER), "no_right")):
        with pytest.raises(Denied) as denied:
            world.files.announce(who, A, said(), 0)
        assert denied.value.reason == reason
    world.asks = False
    with pytest.raises(Denied) as denied:
        world.files.announce(ADA, A, said(), 0)
    assert denied.value.reason == "no_capability"


def test_who_may_no_more_does_not_bring_it_to_its_end() -> None:
    """[F8]"""
    world = World()
    upload = world.files.announce(EVE, A, said(), 0)
    world.call.note("access/r1/u3", "hidden")
    with pytest.raises(Denied):
        world.files.keep(EVE, upload, 0)
    assert not world.files.uploads


def test_it_is_taken_back_by_who_brought_it_and_by_hosts() -> None:
    """[F7]"""
    world = World()
    for taker in (ADA, person(1, Role.OBSERVER), HOST):
        world.keep()
        assert world.files.take_back(BOB, A, 0) is None
        assert world.files.take_back(taker, A, 0)
        assert world.shown(BOB) == []


def test_it_goes_with_its_time_and_its_resource() -> None:
    """[F7]"""
    world = World()
    world.keep(lasts=60)
    world.keep(B)
    world.files.loose = False
    assert world.files.may_fetch(BOB, A, 60 * SECOND) is None
    world.files.tick(59 * SECOND)
    assert len(world.shown(BOB)) == 2
    world.files.tick(60 * SECOND)
    assert [file.id for file in world.shown(BOB)] == [B]
    assert world.files.loose
    world.files.announce(ADA, "00000000000000cc", said(), 0)
    world.files.clear(R1, 0)
    assert (world.shown(ADA), world.files.uploads) == ([], {})


def test_what_is_kept_outlives_the_hub() -> None:
    """[F7]"""
    world = World()
    world.keep()
    again = Ledger(Kept(world.ledger.flush().records))
    files = KeptFiles(again, HubPen(again), world.call, Limits(), world.asked_for)
    assert files.all == world.files.all


@pytest.mark.parametrize(
    ("limits", "what", "kind"),
    [
        ({"kept_file_bytes": 9}, {"size": 10}, TooLarge),
        ({"kept_bytes": 18}, {"size": 10}, Denied),
        ({"kept_files": 1}, {"size": 0}, Denied),
        ({}, {"lasts": 7 * DAY + 1}, BadValue),
        ({"kept_days": 1}, {"lasts": DAY + 1}, BadValue),
        ({}, {"to": ["Bob"]}, BadValue),
    ],
)
def test_what_is_beyond_a_limit_is_refused(
    limits: dict[str, int], what: dict[str, Any], kind: type[CallmeshError]
) -> None:
    """[F10] In words that say what to do."""
    world = World(**limits)
    world.keep(size=9)
    with pytest.raises((kind, callmesh.errors.BadName)) as refusal:
        world.files.announce(ADA, B, said(**what), 0)
    if kind is not BadValue:
        assert "send it while they are here" in str(refusal.value)
    assert not world.files.uploads


def test_a_hub_can_keep_none() -> None:
    """[F10]"""
    with pytest.raises(Denied):
        World(kept_files=0).keep()


def test_so_many_come_at_once() -> None:
    """[F10] One of which nothing comes makes room, and is forgotten later."""
    world = World(uploads=1)
    world.files.announce(ADA, A, said(), 0)
    with pytest.raises(TooFast):
        world.files.announce(ADA, B, said(), 0)
    world.files.announce(ADA, B, said(), COMES)
    world.files.tick(FORGOTTEN)
    world.files.tick(FORGOTTEN + 1)
    assert list(world.files.uploads) == [B]


def test_one_person_takes_half_of_the_room() -> None:
    """[F10] Announcing is enough; others have theirs, and hosts may have all."""
    limits = {"uploads": 3, "kept_files": 7, "kept_bytes": 80, "kept_file_bytes": 10}
    for size, now, most, kind in (
        (0, 0, 2, TooFast),
        (0, COMES, 4, Denied),
        (10, COMES, 4, Denied),
    ):
        world = World(**limits)
        if size:
            world = World(**{**limits, "kept_files": 100})
        for number in range(most):
            world.files.announce(ADA, f"{number:016x}", said(size=size), now * number)
        with pytest.raises(kind):
            world.files.announce(ADA, A, said(size=size), now * most)
        world.files.announce(BOB, A, said(size=size), now * most)
    world = World(**limits)
    for number in range(7):
        world.files.announce(HOST, f"{number:016x}", said(size=0), COMES * number)
    with pytest.raises(Denied):
        world.files.announce(HOST, A, said(size=0), COMES * 7)


def test_an_id_is_that_of_one_file() -> None:
    """[F8]"""
    world = World()
    upload = world.files.announce(ADA, A, said(), 0)
    assert world.files.announce(ADA, A, said(), 0) is upload
    with pytest.raises(Refused):
        world.files.upload_of(BOB, A)
    for who, id, more in ((BOB, A, {}), (ADA, A, {"size": 1}), (ADA, "../x", {})):
        with pytest.raises(BadValue):
            world.files.announce(who, id, said(**more), 0)


def test_its_name_is_safe() -> None:
    """[F5]"""
    world = World()
    world.keep(name="../../etc/pass\u202ewd")
    assert world.shown(BOB)[0].name == "pass wd"


# --- the disk


def test_a_content_is_there_once_and_only_whole(tmp_path: Path) -> None:
    """[F8, F9] Never across calls."""
    blobs = Blobs(tmp_path / "files")
    for part in ("u1-a", "u2-b"):
        assert blobs.begun(DEMO, part) == 0
        blobs.append(DEMO, part, 0, CONTENT[:5])
        assert blobs.begun(DEMO, part) == 5
        blobs.append(DEMO, part, 5, CONTENT[5:])
        blobs.finish(DEMO, part, len(CONTENT), HASH)
    assert os.listdir(tmp_path / "files" / "demo") == [HASH]
    assert blobs.open(CallId("Demo"), HASH) is None
    blobs.append(DEMO, "u1-a", 0, b"something else")
    with pytest.raises(Broken):
        blobs.finish(DEMO, "u1-a", 14, HASH)
    assert os.listdir(tmp_path / "files" / "demo") == [HASH]
    file = blobs.open(DEMO, HASH)
    assert file is not None
    with file:
        assert file.read() == CONTENT


def test_what_nobody_has_any_more_is_swept_away(tmp_path: Path) -> None:
    """[F11]"""
    blobs = Blobs(tmp_path)
    for call in ("demo", "Demo", "Demo-2"):
        blobs.append(CallId(call), "u1-a", 0, CONTENT)
        blobs.finish(CallId(call), "u1-a", len(CONTENT), HASH)
    assert sorted(blobs.calls()) == ["Demo", "Demo-2", "demo"]
    blobs.append(DEMO, "u1-b", 0, b"recent")
    blobs.append(DEMO, "u1-c", 0, b"old")
    os.utime(tmp_path / "demo" / f"u1-c{PART}", (1, 1))
    assert blobs.sweep(DEMO, {HASH}, {"u1-c"}, 6) == 0
    assert blobs.sweep(DEMO, {HASH}, (), 6) == 1
    assert blobs.sweep(DEMO, (), (), 6) == 1
    assert os.listdir(tmp_path / "demo") == [f"u1-b{PART}"]
    blobs.forget(DEMO)
    blobs.forget(DEMO)
    assert blobs.sweep(CallId("Demo"), (), (), 0) == 1
    assert blobs.calls() == ["Demo-2"]


def test_what_is_gone_on_with_has_the_room_that_nothing_else_takes(tmp_path: Path) -> None:
    """[F10, F11] The newest stays."""
    blobs = Blobs(tmp_path)
    for number in range(5):
        blobs.append(DEMO, f"u1-{number}", 0, b"x" * 10)
        os.utime(tmp_path / "demo" / f"u1-{number}{PART}", (time.time(), time.time() - 9 + number))
    assert blobs.sweep(DEMO, (), {"u1-0"}, 25) == 2
    assert sorted(os.listdir(tmp_path / "demo")) == [f"u1-{n}{PART}" for n in (0, 3, 4)]


def test_a_folder_is_swept_while_it_gets_its_first_file(tmp_path: Path) -> None:
    """[F11]"""
    blobs, over = Blobs(tmp_path), threading.Event()

    def sweep() -> None:
        while not over.is_set():
            blobs.sweep(DEMO, (), (), 0)

    with ThreadPoolExecutor(1) as pool:
        sweeping = pool.submit(sweep)
        try:
            for _ in range(2000):
                blobs.append(DEMO, "u1-a", 0, b"x")
                blobs.drop_part(DEMO, "u1-a")
        finally:
            over.set()
        sweeping.result()


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[F10]"""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(StorageFailed, match="the hub's disk is full; send it while they are here"):
        Blobs(tmp_path).append(DEMO, "u1-a", 0, b"x")


def test_what_nobody_is_in_is_known_by_its_record() -> None:
    """[F11]"""
    world = World()
    world.keep(lasts=60)
    kept = Kept(world.ledger.flush().records)
    assert _hashes(kept, 59 * SECOND) == {HASH}
    assert _hashes(kept, 60 * SECOND) == set()


# --- requests


class House:
    """A hub in memory, its requests, and two who are in a call."""

    def __init__(
        self, hub: MemoryHub, depot: Depot, ada: callmesh.Call, bob: callmesh.Call
    ) -> None:
        self.hub = hub
        self.depot = depot
        self.ada = ada
        self.bob = bob
        transport = httpx.ASGITransport(Starlette(routes=depot.routes()))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://hub")
        self.resource = ""

    async def ask(
        self, who: callmesh.Call | None, method: str, path: str = A, **more: Any
    ) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {await who._away._show()}"
        return await self.http.request(
            method, f"/call/demo/files/{path}", headers=headers, timeout=20, **more
        )

    async def announce(self, who: callmesh.Call, id: str = A, **what: Any) -> httpx.Response:
        body = msgspec.to_builtins(said(resource=self.resource, **what))
        return await self.ask(who, "POST", id, json=body)

    async def bring(self, who: callmesh.Call, at: int, data: Any, id: str = A) -> httpx.Response:
        return await self.ask(who, "PUT", id, content=data, headers={"Upload-Offset": str(at)})

    async def keep(self, who: callmesh.Call, id: str = A, **what: Any) -> None:
        assert (await self.announce(who, id, **what)).json()["at"] == 0
        there = await self.bring(who, 0, CONTENT, id)
        assert there.json()["expires"] > 0, there.text

    @property
    def folder(self) -> list[str]:
        place = self.hub.live.blobs.folder / "demo"
        return sorted(os.listdir(place)) if place.is_dir() else []


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with (
        MemoryHub(apps=(SHELF,)) as hub,
        hub.join(name="Ada") as ada,
        hub.join(name="Bob", role="guest") as bob,
    ):
        hub.live.blobs = Blobs(tmp_path / "files")
        house = House(hub, Depot(hub.live, hub.live._authority), ada, bob)
        house.resource = (await ada.resources.add("shelf")).id
        async with house.http:
            yield house


def code(answer: httpx.Response) -> tuple[int, str]:
    assert "access-control-allow-origin" not in answer.headers
    return answer.status_code, answer.json()["code"]


async def test_nobody_asks_without_a_ticket_of_this_call(house: House) -> None:
    """[F8]"""
    await house.keep(house.ada)
    ticket = await house.bob._away._show()
    another = house.hub.live._authority.ticket(CallId("other"), house.bob.me.id, 2**52)
    late = house.hub.live._authority.ticket(DEMO, house.bob.me.id, 1)
    for given in ("", "Bearer", f"Bearer {ticket[:-1]}0x", f"Bearer {another}", f"Bearer {late}"):
        for method in ("GET", "PUT", "POST", "DELETE"):
            answer = await house.ask(None, method, headers={"Authorization": given})
            assert code(answer) == (401, "unauthorized")
    gone = house.hub.live._authority.ticket(DEMO, ParticipantId("p0"), 2**52)
    answer = await house.ask(None, "GET", headers={"Authorization": f"Bearer {gone}"})
    assert code(answer) == (409, "closed")


async def test_what_is_not_for_one_is_as_what_is_not_there(house: House) -> None:
    """[F8] Whose bytes somebody else has left cannot be learned, by its id or by its hash."""
    await house.keep(house.ada, to=["u77"])
    for method, path in (("GET", A), ("POST", f"{A}/taken"), ("DELETE", A)):
        theirs = await house.ask(house.bob, method, path)
        nothing = await house.ask(house.bob, method, path.replace(A, B))
        assert (theirs.status_code, theirs.text) == (nothing.status_code, nothing.text)
        assert code(theirs) == (404, "refused")
    assert (await house.announce(house.bob, B)).json() == {"at": 0, "expires": 0}


async def test_a_part_is_fetched_from_anywhere(house: House) -> None:
    """[F9]"""
    await house.keep(house.ada)
    whole = await house.ask(house.bob, "GET")
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert whole.headers["content-disposition"] == "attachment"
    for asked, first, beyond in (
        ("5-9", 5, 10),
        ("100-", 100, len(CONTENT)),
        ("7-99999999", 7, len(CONTENT)),
    ):
        part = await house.ask(house.bob, "GET", headers={"Range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, CONTENT[first:beyond])
        assert part.headers["content-range"] == f"bytes {first}-{beyond - 1}/{len(CONTENT)}"
    last = await house.ask(house.bob, "GET", headers={"Range": "bytes=-5"})
    assert (last.status_code, last.content) == (206, CONTENT[-5:])
    for asked in ("bytes=9-5", "lines=1-2", "bytes=x-", "bytes=-", "bytes=0-1,3-4", "5"):
        whole = await house.ask(house.bob, "GET", headers={"Range": asked})
        assert (whole.status_code, whole.content) == (200, CONTENT), asked
    for asked in (f"bytes={len(CONTENT)}-", "bytes=-0"):
        none = await house.ask(house.bob, "GET", headers={"Range": asked})
        assert (none.status_code, none.content) == (416, b"")
        assert none.headers["content-range"] == f"bytes */{len(CONTENT)}"


async def test_one_person_asks_so_often(house: House) -> None:
    """[F10] What is kept and taken back again and again fills no log; others are not held up."""
    house.depot._changes = Each(0.001, 2, "wait")
    await house.keep(house.bob)
    assert (await house.ask(house.bob, "DELETE")).status_code == 200
    for method, path in (("POST", A), ("POST", f"{A}/taken"), ("DELETE", A)):
        assert code(await house.ask(house.bob, method, path)) == (429, "too_fast")
    await house.keep(house.ada)
    assert (await house.ask(house.bob, "GET")).content == CONTENT


async def test_one_person_fetches_so_much_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[F10] Others are not held up, and what is over counts no more."""
    await house.keep(house.ada)
    monkeypatch.setattr(depot, "FETCHES", 1)
    go_on, read = threading.Event(), depot._read

    def slow(file: BinaryIO, at: int, size: int) -> bytes:
        assert go_on.wait(20)
        return read(file, at, size)

    monkeypatch.setattr(depot, "_read", slow)
    first = asyncio.create_task(house.ask(house.bob, "GET"))
    await becomes(lambda: bool(house.depot._fetching))
    assert code(await house.ask(house.bob, "GET")) == (429, "too_fast")
    theirs = asyncio.create_task(house.ask(house.ada, "GET"))
    await becomes(lambda: len(house.depot._fetching) == 2)
    go_on.set()
    assert (await first).content == (await theirs).content == CONTENT
    assert not house.depot._fetching
    os.unlink(house.hub.live.blobs.folder / "demo" / HASH)
    assert (await house.ask(house.bob, "GET")).status_code == 404
    assert not house.depot._fetching


async def test_all_calls_together_have_so_much(house: House) -> None:
    """[F10] What lies there and what was announced, in whichever call; who goes on may go on."""
    live, size = house.hub.live, len(CONTENT)
    other = CallId("other")
    live.blobs.append(other, "u1-a", 0, CONTENT)
    live._limits = msgspec.structs.replace(live.limits, kept_bytes_of_hub=3 * size)
    assert (await house.announce(house.ada)).status_code == 200
    await house.bring(house.ada, 0, CONTENT[:1000])
    assert (await house.announce(house.bob, B)).status_code == 200
    assert live.blobs.used == size + 1000
    full = await house.announce(house.ada, "00000000000000cc")
    assert (*code(full), full.json()["reason"]) == (403, "denied", "full")
    assert f"at most {3 * size} bytes of all its calls: send it while" in full.json()["message"]
    assert (await house.announce(house.ada)).json()["at"] == 1000
    assert (await house.bring(house.ada, 1000, CONTENT[1000:])).json()["expires"]
    assert (await house.bring(house.bob, 0, CONTENT, B)).json()["expires"]
    assert live.blobs.used == 2 * size, "the same content lies there once"
    await house.keep(house.ada, "00000000000000cc")
    live.blobs.append(other, "u1-b", 0, CONTENT)
    assert code(await house.announce(house.ada, "00000000000000dd")) == (403, "denied")
    live.blobs.forget(other)
    assert (await house.announce(house.ada, "00000000000000dd")).status_code == 200


def test_what_lies_there_is_counted_as_it_comes_and_goes(tmp_path: Path) -> None:
    """[F10] As it is when it is counted anew."""
    blobs = Blobs(tmp_path)
    blobs.append(DEMO, "u1-a", 0, CONTENT)
    blobs.count()

    def counted() -> int:
        found = blobs.used
        blobs.count(anew=True)
        assert blobs.used == found
        return found

    assert counted() == len(CONTENT)
    blobs.append(DEMO, "u1-b", 0, b"x" * 10)
    blobs.append(DEMO, "u1-b", 4, b"y")
    assert counted() == len(CONTENT) + 5
    with pytest.raises(Broken):
        blobs.finish(DEMO, "u1-b", 5, HASH)
    blobs.append(DEMO, "u1-c", 0, b"z")
    blobs.drop_part(DEMO, "u1-c")
    blobs.drop_part(DEMO, "u1-c")
    assert counted() == len(CONTENT)
    blobs.finish(DEMO, "u1-a", len(CONTENT), HASH)
    blobs.append(CallId("other"), "u1-a", 0, b"1234")
    assert counted() == len(CONTENT) + 4
    blobs.sweep(DEMO, (), (), 0)
    assert counted() == 4
    blobs.forget(CallId("other"))
    assert counted() == 0


async def test_a_part_of_nothing_is_nothing(house: House) -> None:
    """[F9]"""
    await house.announce(house.ada, size=0, sha256=hashlib.sha256(b"").hexdigest())
    assert (await house.bring(house.ada, 0, b"")).json()["expires"]
    there = await house.ask(house.bob, "GET", headers={"Range": "bytes=0-"})
    assert (there.status_code, there.content) == (200, b"")


async def test_who_asks_for_the_head_has_nothing_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[F9]"""
    await house.keep(house.ada)
    monkeypatch.setattr(Blobs, "open", None)
    head = await house.ask(house.bob, "HEAD", headers={"Range": "bytes=10-"})
    assert (head.status_code, head.headers["content-length"]) == (206, str(len(CONTENT) - 10))
    assert (await house.ask(house.bob, "HEAD", B)).status_code == 404


async def test_it_is_gone_on_with_from_where_it_is(house: House) -> None:
    """[F9] Whoever says another place is told the right one; what is not whole is nothing."""
    await house.announce(house.ada)
    assert (await house.bring(house.ada, 0, CONTENT[:1000])).json() == {"at": 1000, "expires": 0}
    wrong = await house.bring(house.ada, 500, CONTENT[500:])
    assert (wrong.status_code, wrong.json()["at"]) == (409, 1000)
    assert (await house.announce(house.ada)).json()["at"] == 1000
    assert code(await house.ask(house.ada, "GET")) == (404, "refused")
    there = (await house.bring(house.ada, 1000, CONTENT[1000:])).json()
    assert there["at"] == len(CONTENT)
    assert (await house.announce(house.ada)).json() == there, "the answer may have been lost"
    assert house.folder == [HASH]


@pytest.mark.parametrize(
    ("data", "kind"),
    [(CONTENT + b"x", "bad_message"), (b"x" * len(CONTENT), "broken")],
)
async def test_what_is_not_what_was_announced_does_not_stay(
    house: House, data: bytes, kind: str
) -> None:
    """[F9] Longer, or of another hash."""
    await house.announce(house.ada)
    assert code(await house.bring(house.ada, 0, data))[1] == kind
    assert house.folder == []
    assert code(await house.bring(house.ada, 0, b"")) == (404, "refused")


async def test_two_bring_one_content_at_once(house: House) -> None:
    """[F8, F9]"""
    for who, id in ((house.ada, A), (house.bob, B)):
        assert (await house.announce(who, id)).json()["at"] == 0
        assert (await house.bring(who, 0, CONTENT[:70_000], id)).json()["at"] == 70_000
    assert [name.endswith(PART) for name in house.folder] == [True, True]
    for who, id in ((house.ada, A), (house.bob, B)):
        assert (await house.bring(who, 70_000, CONTENT[70_000:], id)).json()["expires"]
    assert house.folder == [HASH]
    await house.ask(house.ada, "DELETE", A)
    await house.depot._look(every=False)
    assert (await house.ask(house.ada, "GET", B)).content == CONTENT
    await house.ask(house.bob, "DELETE", B)
    await house.depot._look(every=False)
    assert house.folder == []


async def test_who_stalls_is_not_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """[F9] What came stays; and whoever goes on over another connection is not held up."""
    monkeypatch.setattr(depot, "STALL", 0.05)

    async def stalls(at: int) -> AsyncIterator[bytes]:
        yield CONTENT[at : at + 1000]
        await asyncio.Event().wait()

    await house.announce(house.ada)
    assert code(await house.bring(house.ada, 0, stalls(0))) == (408, "timed_out")
    monkeypatch.setattr(depot, "STALL", 60)
    stuck = asyncio.create_task(house.bring(house.ada, 1000, stalls(1000)))
    await becomes(lambda: bool(house.depot._scopes))
    at = (await house.announce(house.ada)).json()["at"]
    there = await house.bring(house.ada, at, CONTENT[at:])
    assert there.json()["expires"], there.text
    assert code(await stuck)[0] == 408


async def test_nobody_writes_beside_a_write_that_takes_long(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[F9] Who goes on with it waits until what was begun is on disk."""
    begun, go_on, append = threading.Event(), threading.Event(), Blobs.append

    def slow(blobs: Blobs, call: CallId, part: str, at: int, data: bytes) -> None:
        if not at:
            begun.set()
            assert go_on.wait(20)
        append(blobs, call, part, at, data)

    monkeypatch.setattr(Blobs, "append", slow)
    monkeypatch.setattr(depot, "BLOCK", 1000)
    await house.announce(house.ada)
    first = asyncio.create_task(house.bring(house.ada, 0, CONTENT[:1000]))
    await asyncio.to_thread(begun.wait, 20)
    announced = asyncio.create_task(house.announce(house.ada))
    await becomes(lambda: not house.depot._scopes)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not first.done()
    go_on.set()
    assert (await announced).json()["at"] == 1000
    assert code(await first)[0] == 408
    assert (await house.bring(house.ada, 1000, CONTENT[1000:])).json()["expires"]


async def test_who_goes_on_when_the_time_is_just_over_is_let_in(house: House) -> None:
    """[F9]"""
    await house.announce(house.ada)
    upload = _hosted(house).files.uploads[A]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0) as scope:
            await asyncio.Event().wait()
    house.depot._scopes[upload] = scope
    assert (await house.bring(house.ada, 0, CONTENT)).json()["expires"]


async def test_who_waited_long_has_no_turn_before_others(house: House) -> None:
    """[F10] Neither by what is announced anew, nor by bytes."""
    files = _hosted(house).files
    await house.announce(house.bob)
    files.uploads[A].moved -= COMES
    files._limits = Limits(uploads=1)
    await house.announce(house.ada, B)
    assert code(await house.announce(house.bob)) == (429, "too_fast")
    assert code(await house.bring(house.bob, 0, CONTENT)) == (429, "too_fast")
    assert (await house.bring(house.ada, 0, CONTENT, B)).json()["expires"]
    assert (await house.bring(house.bob, 0, CONTENT)).json()["expires"]


async def test_what_is_given_up_makes_room_on_disk(house: House) -> None:
    """[F7, F11] Its resource went; or it was left lying, and others need its room."""
    await house.announce(house.ada)
    await house.bring(house.ada, 0, CONTENT[:1000])
    await house.ada.resources.remove(await house.ada.resources.get(ResourceId(house.resource)))
    await house.depot._look(every=False)
    assert house.folder == []
    house.resource = (await house.ada.resources.add("shelf")).id
    files = _hosted(house).files
    await house.announce(house.ada)
    await house.bring(house.ada, 0, CONTENT[:1000])
    files.tick(files.uploads[A].moved + FORGOTTEN + 1)
    await house.depot._look(every=False)
    assert len(house.folder) == 1, "it may be gone on with"
    files._limits = Limits(kept_bytes=len(CONTENT))
    assert (await house.announce(house.bob, B)).json()["at"] == 0
    await house.depot._look(every=False)
    assert house.folder == []
    assert (await house.bring(house.bob, 0, CONTENT, B)).json()["expires"]


async def test_an_id_that_was_for_something_longer_starts_anew(house: House) -> None:
    """[F9] As after a restart of the hub."""
    await house.announce(house.ada)
    await house.bring(house.ada, 0, CONTENT[:1000])
    _hosted(house).files.uploads.clear()
    short: dict[str, Any] = {"size": 3, "sha256": hashlib.sha256(b"yes").hexdigest()}
    assert (await house.announce(house.ada, **short)).json()["at"] == 0
    assert (await house.bring(house.ada, 0, b"yes")).json()["expires"]


async def test_it_is_not_called_kept_before_it_is_on_disk(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[F9] Nor where the answer to its last bytes was lost."""
    await house.announce(house.ada)
    saving = house.hub.live._saving
    commit, on_disk = saving.commit, asyncio.Event()

    async def late() -> None:
        await on_disk.wait()
        await commit()

    monkeypatch.setattr(saving, "commit", late)
    last = asyncio.create_task(house.bring(house.ada, 0, CONTENT))
    await becomes(lambda: bool(_hosted(house).files.all))
    again = asyncio.create_task(house.announce(house.ada))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not again.done()
    on_disk.set()
    assert (await again).json() == (await last).json()


async def test_who_is_taken_out_gets_not_a_byte_more(house: House) -> None:
    """[F8] In the middle of it, too."""
    await house.keep(house.ada)
    asker = Asker(house.hub.live, _hosted(house), house.bob.me.id)
    file = house.hub.live.blobs.open(DEMO, HASH)
    assert file is not None
    with file:
        parts = house.depot._parts(file, asker, A, 0, len(CONTENT))
        ticket = await house.bob._away._show()
        await house.ada.hosting.remove(house.bob.me.person)
        assert [part async for part in parts] == []
    answer = await house.ask(None, "GET", headers={"Authorization": f"Bearer {ticket}"})
    assert code(answer) == (409, "closed")


def _hosted(house: House) -> Any:
    hosted = house.hub.live.here(DEMO)
    assert hosted is not None
    return hosted


async def test_a_disk_that_refuses_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """[F10] Nothing else happens."""

    def refuses(*_: object) -> None:
        raise StorageFailed("the hub's disk is full")

    await house.announce(house.ada)
    monkeypatch.setattr(house.hub.live.blobs, "append", refuses)
    assert code(await house.bring(house.ada, 0, CONTENT)) == (503, "storage_failed")
    assert _hosted(house).files.uploads == {}


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff", b'{"size": -1}', b"x" * 40_000])
async def test_rubbish_is_refused(house: House, body: bytes) -> None:
    """[F9]"""
    answer = await house.ask(house.ada, "POST", content=body)
    assert answer.status_code in (413, 422)
    assert (await house.bring(house.ada, 0, b"x")).status_code == 404


async def test_files_go_with_their_resource_and_their_call(house: House) -> None:
    """[F7, F11]"""
    await house.keep(house.ada)
    poll = await house.ada.resources.get(ResourceId(house.resource))
    await house.ada.resources.remove(poll)
    await house.depot._look(every=False)
    assert house.folder == []
    house.resource = (await house.ada.resources.add("shelf")).id
    await house.keep(house.ada)
    assert house.folder == [HASH]
    await Operator(house.hub.live, house.hub.live._authority).delete(DEMO)
    assert house.folder == []


async def test_over_a_link_goes_what_has_changed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[F7] All of it once, and then one file at a time."""
    heard: list[Ticket | News] = []
    hear = Away.heard

    def hears(away: Away, said: Ticket | News) -> None:
        heard.append(said)
        hear(away, said)

    monkeypatch.setattr(Away, "heard", hears)
    ids = [f"{n:016x}" for n in range(5)]
    for id in ids:
        await house.announce(house.ada, id)
        await house.bring(house.ada, 0, CONTENT, id)
    theirs = await house.bob.resources.get(ResourceId(house.resource))
    await house.bob.until(lambda: len(theirs.files.kept) == 5)
    heard.clear()
    await house.ask(house.ada, "DELETE", ids[1])
    await house.bob.until(lambda: len(theirs.files.kept) == 4)
    news = [said for said in heard if type(said) is News]
    assert news
    assert all(said == News([], False, [ids[1]]) for said in news)


async def test_over_a_new_link_they_hear_that_nothing_is_kept_any_more(house: House) -> None:
    """[F7]"""
    await house.keep(house.ada)
    theirs = await house.bob.resources.get(ResourceId(house.resource))
    await house.bob.until(lambda: len(theirs.files.kept) == 1)
    hosted = _hosted(house)
    hosted.files.take_back(house.ada.me, A, house.hub.live.now())
    await house.hub.links[1].cut()
    await house.bob.until(lambda: theirs.files.kept == [])


async def test_of_a_call_that_is_gone_nothing_stays(tmp_path: Path) -> None:
    """[F11] Also where the hub died between the two."""
    async with MemoryHub(storage=MemoryStorage()) as hub:
        hub.live.blobs = Blobs(tmp_path)
        hub.live.blobs.append(CallId("gone"), "u1-a", 0, b"x")
        await Depot(hub.live, hub.live._authority)._look(every=True)
        assert hub.live.blobs.calls() == []


async def test_it_is_in_the_audit_log(house: House) -> None:
    """[F7] Each of it once, and its name is not."""
    await house.keep(house.ada, name="secret.txt")
    for answer in ("refused", "taken", "taken", "refused", "taken"):
        await house.ask(house.bob, "POST", f"{A}/{answer}")
    await house.ask(house.ada, "DELETE", A)
    lines = await Operator(house.hub.live, house.hub.live._authority).lines(0, 100)
    events = [line.event for line in lines if line.event.what.startswith("file.")]
    assert [event.what for event in events] == ["file.kept", "file.fetched", "file.taken_back"]
    assert events[0].detail["size"] == str(len(CONTENT))
    assert "secret" not in repr(events)
