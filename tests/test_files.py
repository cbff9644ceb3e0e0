"""Files between participants, over a network that a test owns."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from callmesh.datastream import DataStream
from callmesh.errors import (
    BadName,
    BadValue,
    Broken,
    CallmeshError,
    Closed,
    Declined,
    EndedByPeer,
    StorageFailed,
    TimedOut,
    TooFast,
    TooLarge,
    WireError,
    WouldBlock,
)  # fmt: skip
from callmesh.fileio import Buffer, Disk, Memory, PartFile
from callmesh.files import (
    MAX_OFFERS,
    PART,
    REMEMBERED,
    STREAM,
    Accept,
    Offer,
    Part,
    Receiving,
    decode,
    encode_part,
    encode_word,
    file_name,
    kept_after,
)  # fmt: skip
from callmesh.ids import ParticipantId, PersonId, app_stream
from callmesh.lane import HIGH_WATER
from callmesh.messages import Kept, KeptFile
from callmesh.participant import Participant, Role
from callmesh.transfers import FileOffer, Files, Transfer
from tests import vectors
from tests.simulated_paths import RESOURCE, SECOND, Node, World

pytestmark = pytest.mark.anyio
LONG = 200 * PART
"""Bytes of a file that cannot be on its way as a whole."""
SEEDS = range(int(os.environ.get("SCHEDULES", "20")))
VECTORS = vectors.load("files")
ADA, BOB = ParticipantId("p0"), ParticipantId("p1")


# --- what travels


@pytest.mark.parametrize("case", VECTORS["words"], ids=lambda case: case["about"])
def test_words_are_the_same_in_both_languages(case: dict[str, Any]) -> None:
    """[F1]"""
    word = decode(case["word"])
    assert not isinstance(word, Part)
    assert encode_word(word) == case["word"]


@pytest.mark.parametrize("case", VECTORS["kept"], ids=lambda case: case["about"])
def test_what_is_kept_is_the_same_in_both_languages(case: dict[str, Any]) -> None:
    """[F7]"""
    files: list[KeptFile] = []
    for news in case["news"]:
        shown = [KeptFile(**file) for file in news["files"]]
        files = kept_after(files, Kept(shown, news["whole"], news["gone"]))
    assert [f"{file.id[0]}/{file.name}" for file in files] == case["names"]


@pytest.mark.parametrize("case", VECTORS["parts"], ids=lambda case: case["about"])
def test_parts_are_the_same_in_both_languages(case: dict[str, Any]) -> None:
    """[F1]"""
    data = bytes.fromhex(case["data"])
    assert encode_part(case["id"], case["at"], data).hex() == case["hex"]
    assert decode(bytes.fromhex(case["hex"])) == Part(case["id"], case["at"], data)


@pytest.mark.parametrize("data", [*VECTORS["bad"], *map(bytes.fromhex, VECTORS["badParts"])])
def test_what_is_no_word_is_dropped(data: Any) -> None:
    """[F6]"""
    with pytest.raises(WireError):
        decode(data)


@pytest.mark.parametrize(("given", "name"), VECTORS["names"])
def test_names_are_safe_in_any_folder(given: str, name: str) -> None:
    """[F5]"""
    assert file_name(given) == name
    assert file_name(name) == name


def test_apps_cannot_take_the_stream_of_files() -> None:
    """[F1]"""
    assert app_stream("ecg.2") == "ecg.2"
    with pytest.raises(BadName):
        app_stream(STREAM)


# --- a call


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk answers at once, so that a seed says all that happens."""

    async def at_once(work: Callable[..., Any], *given: Any) -> Any:
        return work(*given)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


class Room:
    """Participants with files, whose network moves by itself until a test says otherwise."""

    def __init__(self, people: int, seed: int = 0) -> None:
        self.world = World(people, seed)
        self.nodes = list(self.world.nodes.values())
        self.files = [Files(node.streams, RESOURCE) for node in self.nodes]
        self.cutting = 0.0
        self.cuts = 0
        self.ticking = True

    async def __aenter__(self) -> "Room":
        self._moving = asyncio.create_task(self._move())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._moving.cancel()
        for node in self.nodes:
            node.streams.fail(Closed("the test is over"))
        reading = [files._reading for files in self.files]
        pumps = [pump for files in self.files for pump in files._pumps.values()]
        await asyncio.gather(self._moving, *reading, *pumps, return_exceptions=True)

    async def _move(self) -> None:
        world, random = self.world, self.world.random
        while True:
            for node in self.nodes:
                for _ in range(8):
                    node.step_up()
                    node.step_down()
                    node.step_direct(random, 0)
            if random.random() < self.cutting:
                self.cut(random)
            if self.ticking and random.random() < 0.1:
                world.tick()
            await asyncio.sleep(0)

    def cut(self, random: Random) -> None:
        self.cuts += 1
        node, other = random.sample(self.nodes, 2)
        match random.randrange(3):
            case 0:
                node.cut()
                node.link()
            case 1 if not self.world.is_direct(node.me.id, other.me.id):
                self.world.connect(node.me.id, other.me.id)
            case _:
                self.world.break_path(node.me.id, other.me.id)

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(2 * seconds)):
            self.world.tick()

    def part(self, index: int) -> None:
        """Somebody leaves for good."""
        node = self.nodes.pop(index)
        node.cut()
        del self.world.nodes[node.me.id]
        node.streams.fail(Closed("left"))
        self.world.meet()

    def arrive(self, number: int, person: str) -> Files:
        """Somebody comes, maybe as a person who was here before."""
        node = Node(self.world, number)
        node.me = Participant(node.me.id, PersonId(person), "N", Role.HOST, offers=["rtc"])
        self.world.nodes[node.me.id] = node
        self.nodes.append(node)
        node.link()
        self.world.meet()
        self.files.append(Files(node.streams, RESOURCE))
        return self.files[-1]


async def offered(files: Files, count: int = 1) -> list[FileOffer]:
    offers = aiter(files.offers())
    return [await asyncio.wait_for(anext(offers), 20) for _ in range(count)]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def failed(transfer: Transfer) -> CallmeshError:
    with pytest.raises(CallmeshError) as caught:
        await transfer.done(timeout=20)
    return caught.value


async def test_a_file_comes_whole_into_a_folder_under_a_name_that_is_free(tmp_path: Path) -> None:
    """[F1, F2, F5]"""
    (tmp_path / "notes.txt").write_text("mine")
    source = tmp_path / "from" / "notes.txt"
    source.parent.mkdir()
    source.write_bytes(os.urandom(3 * PART + 7))
    async with Room(2) as room:
        transfer = await room.files[0].send(source, to=[BOB])
        (offer,) = await offered(room.files[1])
        assert (offer.name, offer.size, offer.type) == ("notes.txt", 3 * PART + 7, "text/plain")
        assert offer.sender == ADA
        saved = await offer.save(tmp_path)
        await transfer.done(timeout=20)
    assert saved == tmp_path / "notes (1).txt"
    assert saved.read_bytes() == source.read_bytes()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert names_in(tmp_path) == ["from", "notes (1).txt", "notes.txt"]
    assert transfer.outcomes == {BOB: None}


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1])
async def test_bytes_come_as_bytes_and_progress_is_told(size: int) -> None:
    """[F1, F2]"""
    data = os.urandom(size)
    async with Room(3) as room:
        transfer = await room.files[0].send(data, name="x")
        for files in room.files[1:]:
            (offer,) = await offered(files)
            assert await offer.read(timeout=20) == data
            assert offer.received == size
        told = [progress async for progress in transfer]
    for id in (BOB, ParticipantId("p2")):
        own = [progress for progress in told if progress.receiver == id]
        assert own[-1].over
        assert (own[-1].sent, own[-1].size, own[-1].error) == (size, size, None)
        assert [p.sent for p in own] == sorted(p.sent for p in own)


@pytest.mark.parametrize("seed", SEEDS)
async def test_files_come_whole_through_cuts_and_other_paths(seed: int) -> None:
    """[F1, F3]"""
    print(f"seed {seed}")
    async with Room(3, seed) as room:
        random = Random(seed)
        room.cutting = 0.05
        sent: list[tuple[Transfer, bytes]] = []
        for index in (0, 0, 1):
            data = random.randbytes(random.randrange(20 * PART))
            sent.append((await room.files[index].send(data, to=[ParticipantId("p2")]), data))
        offers = await offered(room.files[2], 3)
        got = await asyncio.gather(*(offer.read(timeout=60) for offer in offers))
        assert sorted(got) == sorted(data for _, data in sent)
        for transfer, _ in sent:
            await transfer.done(timeout=20)


async def test_a_refusal_reaches_the_sender() -> None:
    """[F4] For each receiver by itself."""
    async with Room(3) as room:
        transfer = await room.files[0].send(b"abc", name="x")
        (offer,) = await offered(room.files[1])
        offer.refuse("wrong room")
        (other,) = await offered(room.files[2])
        assert await other.read() == b"abc"
        error = await failed(transfer)
        assert isinstance(error, Declined)
        assert str(error) == "wrong room"
        assert transfer.outcomes == {BOB: error, ParticipantId("p2"): None}
        with pytest.raises(Declined):
            await offer.read()


async def test_a_file_beyond_the_limit_is_refused_by_itself() -> None:
    """[F4]"""
    async with Room(2) as room:
        room.files[1].limit = 10
        transfer = await room.files[0].send(b"x" * 11)
        assert isinstance(await failed(transfer), TooLarge)


async def test_nobody_takes_it() -> None:
    """[F4]"""
    async with Room(2) as room:
        transfer = await room.files[0].send(b"abc", patience=30)
        (offer,) = await offered(room.files[1])
        room.pass_time(31)
        assert isinstance(await failed(transfer), TimedOut)
        while not offer.over:  # noqa: ASYNC110
            await asyncio.sleep(0)
        with pytest.raises(EndedByPeer):
            await offer.read()
        with pytest.raises(BadValue, match="not in the call"):
            await room.files[0].send(b"abc", to=[ParticipantId("p9")])


async def test_either_side_may_stop(tmp_path: Path) -> None:
    """[F3, F4] And what came is gone on with the next time, whoever sends it then."""
    data = os.urandom(LONG)
    async with Room(3) as room:
        transfer = await room.files[0].send(data, to=[BOB], name="a.bin")
        (offer,) = await offered(room.files[1])
        saving = asyncio.create_task(offer.save(tmp_path))
        while offer.received < 10 * PART:  # noqa: ASYNC110
            await asyncio.sleep(0)
        transfer.cancel()
        with pytest.raises(EndedByPeer):
            await saving
        assert isinstance(await failed(transfer), Closed)
        (left,) = names_in(tmp_path)
        assert left == f"a.bin.{hashlib.sha256(data).hexdigest()[:12]}.part"
        there = (tmp_path / left).stat().st_size
        assert there >= 10 * PART

        again = await room.files[2].send(data, to=[BOB], name="a.bin")
        (offer,) = await offered(room.files[1])
        saving = asyncio.create_task(offer.save(tmp_path))
        while offer.received == 0:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert offer.received >= there
        saving.cancel()
        await asyncio.gather(saving, return_exceptions=True)
        assert isinstance(await failed(again), Closed)

        last = await room.files[0].send(data, to=[BOB], name="a.bin")
        (offer,) = await offered(room.files[1])
        assert (await offer.save(tmp_path)).read_bytes() == data
        await last.done(timeout=20)
        assert names_in(tmp_path) == ["a.bin"]


async def test_a_receiver_that_comes_anew_goes_on(tmp_path: Path) -> None:
    """[F3] Another participant of the same person is offered the same."""
    data = os.urandom(LONG)
    async with Room(2) as room:
        transfer = await room.files[0].send(data, to=[BOB], name="a.bin")
        (offer,) = await offered(room.files[1])
        saving = asyncio.create_task(offer.save(tmp_path))
        while offer.received < 10 * PART:  # noqa: ASYNC110
            await asyncio.sleep(0)
        room.part(1)
        await asyncio.gather(saving, return_exceptions=True)
        room.pass_time(5)
        (offer,) = await offered(room.arrive(7, "u1"))
        saving = asyncio.create_task(offer.save(tmp_path))
        while offer.received == 0:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert offer.received >= 10 * PART
        assert (await saving).read_bytes() == data
        await transfer.done(timeout=20)
        assert transfer.outcomes == {BOB: None}


async def test_a_sender_that_comes_anew_goes_on() -> None:
    """[F3] The same content, offered by another participant of the same person."""
    data = os.urandom(LONG)
    async with Room(2) as room:
        await room.files[0].send(data, to=[BOB], name="a.bin")
        (offer,) = await offered(room.files[1])
        reading = asyncio.create_task(offer.read())
        while offer.received < 10 * PART:  # noqa: ASYNC110
            await asyncio.sleep(0)
        room.part(0)
        room.pass_time(5)
        there = offer.received
        again = await room.arrive(7, "u0").send(data, to=[BOB], name="a.bin")
        assert await asyncio.wait_for(reading, 20) == data
        await again.done(timeout=20)
        assert there >= 10 * PART
        assert offer.sender == ParticipantId("p7")


async def test_who_stays_away_is_given_up() -> None:
    """[F3]"""
    for gone in (0, 1):
        async with Room(2) as room:
            transfer = await room.files[0].send(os.urandom(LONG), to=[BOB])
            (offer,) = await offered(room.files[1])
            reading = asyncio.create_task(offer.read())
            while offer.received < PART:  # noqa: ASYNC110
                await asyncio.sleep(0)
            room.part(gone)
            room.pass_time(62)
            if gone == 0:
                with pytest.raises(EndedByPeer):
                    await reading
            else:
                assert isinstance(await failed(transfer), EndedByPeer)
                await asyncio.gather(reading, return_exceptions=True)


@pytest.mark.parametrize("sleeper", [0, 1], ids=["sender", "receiver"])
async def test_who_sleeps_goes_on_when_it_wakes(sleeper: int) -> None:
    """[F3] Though the stream was lost meanwhile, with parts that were on their way."""
    data = os.urandom(LONG)
    async with Room(2) as room:
        transfer = await room.files[0].send(data, to=[BOB])
        (offer,) = await offered(room.files[1])
        reading = asyncio.create_task(offer.read())
        while offer.received < 10 * PART:  # noqa: ASYNC110
            await asyncio.sleep(0)
        room.nodes[sleeper].stalled = True
        room.ticking = False
        for _ in range(90):
            room.world.tick()
            for _ in range(20):
                await asyncio.sleep(0)
        lanes = room.files[0]._stream.lanes
        assert (lanes[BOB].losses > 0) == (sleeper == 1)
        assert not offer.over
        room.nodes[sleeper].stalled = False
        room.ticking = True
        assert await asyncio.wait_for(reading, 20) == data
        await transfer.done(timeout=20)


class Lying(Memory):
    """A file that is another one when it is read the second time."""

    async def read(self, at: int, size: int) -> bytes:
        return b"y" * size


async def test_a_wrong_hash_is_broken_at_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[F2] And nothing of it stays."""
    monkeypatch.setattr("callmesh.transfers.Memory", Lying)
    async with Room(2) as room:
        transfer = await room.files[0].send(b"x" * 5 * PART, name="a.bin")
        (offer,) = await offered(room.files[1])
        with pytest.raises(Broken, match="hash"):
            await offer.save(tmp_path)
        assert isinstance(await failed(transfer), Broken)
    assert names_in(tmp_path) == []


def test_several_read_one_file_at_their_own_places(tmp_path: Path) -> None:
    """[F1]"""
    path = tmp_path / "a.bin"
    path.write_bytes(b"".join(n.to_bytes(4, "big") * 1_000 for n in range(500)))
    source = Disk(path)
    with ThreadPoolExecutor(8) as threads:
        places = [n * 4_000 for n in Random(1).choices(range(500), k=4_000)]
        read = list(threads.map(lambda at: source._read(at, 4_000), places))
    source.close()
    assert all(
        data == (at // 4_000).to_bytes(4, "big") * 1_000
        for at, data in zip(places, read, strict=True)
    )


async def test_a_file_that_shrinks_ends_at_both(tmp_path: Path) -> None:
    """[F2]"""
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(20 * PART))
    async with Room(2) as room:
        transfer = await room.files[0].send(path)
        path.write_bytes(b"short")
        (offer,) = await offered(room.files[1])
        with pytest.raises(EndedByPeer, match="shorter"):
            await offer.read()
        assert isinstance(await failed(transfer), StorageFailed)
        with pytest.raises(StorageFailed):
            await room.files[0].send(tmp_path / "none")


async def test_a_cancel_reaches_the_receiver_however_long_its_reason_is() -> None:
    """[F4] And where it was lost, whoever asks for more is told again."""
    async with Room(2) as room:
        transfer = await room.files[0].send(b"x" * LONG)
        (offer,) = await offered(room.files[1])
        transfer.cancel("because " * 100)
        with pytest.raises(EndedByPeer, match="because because"):
            await offer.read(timeout=20)

        transfer = await room.files[0].send(b"x" * LONG)
        (offer,) = await offered(room.files[1])
        reading = asyncio.create_task(offer.read())
        while offer.received == 0:  # noqa: ASYNC110
            await asyncio.sleep(0)
        room.files[0]._transfers.clear()  # as if all that it said of it had been lost
        with pytest.raises(EndedByPeer, match="not sent any more"):
            await asyncio.wait_for(reading, 20)


@pytest.mark.parametrize("side", ["sender", "receiver"])
async def test_what_nobody_thought_of_is_told_to_who_waits(
    side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[F4] And ends that transfer alone."""

    def fails(*_: object) -> bytes:
        raise ZeroDivisionError("it")

    async with Room(2) as room:
        with monkeypatch.context() as patch:
            if side == "sender":
                patch.setattr(Memory, "read", fails)
            else:
                patch.setattr(Buffer, "write", fails)
            transfer = await room.files[0].send(b"x" * LONG)
            (offer,) = await offered(room.files[1])
            with pytest.raises(EndedByPeer if side == "sender" else Broken) as there:
                await offer.read(timeout=20)
            here = await failed(transfer)
        told = here if side == "sender" else there.value
        assert isinstance(told, Broken)
        assert isinstance(told.__cause__, ZeroDivisionError)
        assert "ZeroDivisionError" in str(here)
        again = await room.files[0].send(b"abc")
        (offer,) = await offered(room.files[1])
        assert await offer.read(timeout=20) == b"abc"
        await again.done(timeout=20)


async def test_what_has_come_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[F2] All of it before it has its name, and the name before that is told."""
    synced: list[tuple[str, int, list[str]]] = []

    def fsync(fd: int) -> None:
        name = Path(f"/proc/self/fd/{fd}").readlink().name
        synced.append((name.rpartition(".")[2], os.fstat(fd).st_size, names_in(tmp_path)))

    monkeypatch.setattr(os, "fsync", fsync)
    async with Room(2) as room:
        transfer = await room.files[0].send(b"x" * 3 * PART, name="a.bin")
        (offer,) = await offered(room.files[1])
        await offer.save(tmp_path)
        await transfer.done(timeout=20)
    part = f"a.bin.{hashlib.sha256(b'x' * 3 * PART).hexdigest()[:12]}.part"
    assert (synced[0], synced[1][2]) == (("part", 3 * PART, [part]), ["a.bin"])
    assert len(synced) == 2


async def test_several_at_once_share_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """[F1] They take turns, part by part, however large they are; memory stays bounded."""
    left: list[str] = []
    largest = 0
    put = DataStream.put

    def counted(stream: DataStream, data: Any, **options: Any) -> Any:
        nonlocal largest
        if isinstance(data, bytes):
            left.append(data[:8].hex())
        full = put(stream, data, **options)
        largest = max(largest, *(lane.size for lane in stream.lanes.values()))
        return full

    monkeypatch.setattr(DataStream, "put", counted)
    async with Room(2) as room:
        sizes = (90, 30, 30)
        transfers = [await room.files[0].send(os.urandom(size * PART)) for size in sizes]
        offers = await offered(room.files[1], 3)
        await asyncio.gather(*(offer.read(timeout=60) for offer in offers))
        for transfer in transfers:
            await transfer.done(timeout=20)
    ids = [transfer.offer.id for transfer in transfers]
    begun = max(left.index(id) for id in ids)
    shared = left[begun : begun + 60]
    assert [shared.count(id) for id in ids] == [20, 20, 20]
    assert largest <= HIGH_WATER + 2 * PART


async def test_one_path_cannot_come_twice_at_once(tmp_path: Path) -> None:
    """[F5]"""
    digest = hashlib.sha256(b"abc").hexdigest()
    one, other = (PartFile(tmp_path, "a", digest) for _ in range(2))
    assert await one.begin(3) == 0
    with pytest.raises(WouldBlock):
        await other.begin(3)
    other.close()
    with pytest.raises(WouldBlock):
        await other.begin(3)
    await one.write(b"abc")
    await one.finish(digest)
    assert (tmp_path / "a").read_bytes() == b"abc"
    named = PartFile(tmp_path / "a", "b", digest)
    await named.begin(3)
    await named.write(b"abd")
    with pytest.raises(Broken):
        await named.finish(digest)
    assert (tmp_path / "a").read_bytes() == b"abc"
    with pytest.raises(StorageFailed):
        await PartFile(tmp_path / "no" / "a", "b", digest).begin(3)


# --- those who do not play by the rules


async def hostile(room: Room, said: list[Any]) -> None:
    """The first participant says something by itself."""
    for data in said:
        room.files[0]._stream.put(data)
    for _ in range(200):
        await asyncio.sleep(0)


async def test_lies_about_the_size_end_the_transfer() -> None:
    """[F6]"""
    async with Room(2) as room:
        offer = Offer("00112233445566ff", "a", 10, "0" * 64)
        await hostile(room, [encode_word(offer)])
        (found,) = await offered(room.files[1])
        reading = asyncio.create_task(found.read())
        while found.incoming.stage.value != "running":  # noqa: ASYNC110
            await asyncio.sleep(0)
        await hostile(room, [encode_part(offer.id, 4, b"x"), encode_part(offer.id, 0, b"x" * 11)])
        with pytest.raises(WireError):
            await reading


async def test_rubbish_and_thousands_of_offers_are_bounded() -> None:
    """[F6]"""
    async with Room(2) as room:
        rubbish: list[Any] = [*VECTORS["bad"], b"", b"x" * 40, encode_part("0" * 16, 5, b"x")]
        many = [encode_word(Offer(f"{n:016x}", "a", n, "0" * 64)) for n in range(3_000)]
        await hostile(room, [*rubbish, *many, {"word": "done", "id": "0" * 16}])
        receiving = room.files[1]._receiving
        while len(receiving.open) < MAX_OFFERS:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert len(receiving.open) == len(receiving.news) == MAX_OFFERS
        honest = await room.files[0].send(b"abc")
        assert isinstance(await failed(honest), TooFast)
        for found in await offered(room.files[1], MAX_OFFERS):
            found.refuse()
        honest = await room.files[0].send(b"abc")
        (found,) = await offered(room.files[1])
        assert await found.read() == b"abc"
        await honest.done(timeout=20)


def test_answers_are_remembered_within_bounds() -> None:
    """[F6] An offer that nobody answers ends."""
    receiving = Receiving()
    for n in range(2 * REMEMBERED):
        offer = Offer(f"{n:016x}", "a", n, "0" * 64)
        assert receiving.hear(ADA, PersonId("u0"), offer, 0) is None
        answer = receiving.close(receiving.news.pop(), None)
        assert receiving.hear(ADA, PersonId("u0"), offer, 0) == answer
    assert len(receiving._answers) == REMEMBERED
    assert not receiving.open
    receiving.hear(ADA, PersonId("u0"), Offer("f" * 16, "a", 1, "0" * 64), 0)
    receiving.tick([ADA], 700 * SECOND)
    assert not receiving.open
    assert not receiving.news


def test_what_one_sender_sent_is_lost_and_it_alone_goes_on_from_where_it_is() -> None:
    """[D11, F3]"""
    receiving = Receiving()
    offer = Offer("0" * 16, "a", 9, "0" * 64, "")
    for sender in (ADA, BOB):
        receiving.hear(sender, PersonId("u1"), offer, 0)
        receiving.news.popleft().accept(0, 0)
    said = receiving.lost(BOB, 1)
    assert [(incoming.peer, word) for incoming, word in said] == [(BOB, Accept(offer.id, 0))]
