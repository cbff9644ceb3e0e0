"""One contract for everything that opens direct paths, alone and with each of the others."""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from callmesh.ids import ParticipantId
from callmesh.messages import MAX_PAYLOAD, Mode
from callmesh.ports import Peers
from callmesh.signaling import ASKS, CONTROL_LABEL
from callmesh.stream import delivery
from tests.memory_peers import MemoryPeers

pytestmark = [pytest.mark.anyio, pytest.mark.rtc, pytest.mark.timeout(60)]
A, B = ParticipantId("pa"), ParticipantId("pb")


def aiortc(**tells: Any) -> Peers:
    from callmesh.transport.webrtc import RtcPeers

    return RtcPeers(**tells)


def memory(**tells: Any) -> Peers:
    return MemoryPeers(**tells)


KINDS = [(aiortc, aiortc), (memory, memory)]


class End:
    """One of two who look for each other."""

    def __init__(self, me: ParticipantId, kind: Callable[..., Peers]) -> None:
        self.me = me
        self.other: End
        self.paths: list[str | None] = []
        self.heard: dict[tuple[str, Mode], list[bytes]] = defaultdict(list)
        self.words: list[bytes] = []
        self.moved = asyncio.Event()
        self.peers = kind(
            on_signal=self.signal, on_path=self.path, on_message=self.hear,
            on_room=lambda peer: self.moved.set(), on_word=self.word,
        )  # fmt: skip

    def signal(self, peer: ParticipantId, text: str) -> None:
        assert peer == self.other.me
        asyncio.get_running_loop().call_soon(self.other.peers.signal, self.me, text)

    def path(self, peer: ParticipantId, why: str | None) -> None:
        assert peer == self.other.me
        self.paths.append(why)
        self.moved.set()

    def hear(self, peer: ParticipantId, label: str, mode: Mode, data: bytes) -> None:
        assert peer == self.other.me
        self.heard[label, mode].append(data)
        self.moved.set()

    def word(self, peer: ParticipantId, data: bytes) -> None:
        assert peer == self.other.me
        self.words.append(data)
        self.moved.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():
                self.moved.clear()
                await self.moved.wait()

    async def send(self, label: str, mode: Mode, data: bytes, **options: Any) -> None:
        how = delivery(mode, **options)
        await self.until(lambda: self.peers.room(self.other.me, label, how))
        self.peers.send(self.other.me, label, mode, data)


Pair = tuple[End, End]


@pytest.fixture(
    params=KINDS,
    ids=lambda pair: f"{pair[0].__name__}-{pair[1].__name__}",
)
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    async with connected(*request.param) as ends:
        yield ends


@contextlib.asynccontextmanager
async def connected(one: Callable[..., Peers], two: Callable[..., Peers]) -> AsyncIterator[Pair]:
    a, b = End(A, one), End(B, two)
    a.other, b.other = b, a
    b.peers.connect(A, offers=False)
    a.peers.connect(B, offers=True)
    try:
        await a.until(lambda: a.paths == [None])
        await b.until(lambda: b.paths == [None])
        yield a, b
    finally:
        await a.peers.close()
        await b.peers.close()


async def test_reliable_is_whole_and_in_order_both_ways(pair: Pair) -> None:
    """[D2, D5] Also the largest message, and more than any buffer holds."""
    sent = [bytes([n % 256]) * (1 + n * 97) for n in range(400)] + [b"x" * MAX_PAYLOAD]

    async def across(one: End, two: End) -> None:
        for data in sent:
            await one.send("r1/ecg", "reliable", data)
        await two.until(lambda: len(two.heard["r1/ecg", "reliable"]) == len(sent))
        assert two.heard["r1/ecg", "reliable"] == sent

    await asyncio.gather(across(*pair), across(pair[1], pair[0]))


async def test_a_mode_is_that_of_its_channel_and_labels_do_not_mix(pair: Pair) -> None:
    """[D1, D8]"""
    a, b = pair
    for label, mode in (("r1/a", "reliable"), ("r1/b", "latest"), ("r2/a", "latest")):
        await a.send(label, mode, label.encode())  # type: ignore[arg-type]
    await b.until(lambda: len(b.heard) == 3)
    assert b.heard == {
        ("r1/a", "reliable"): [b"r1/a"], ("r1/b", "latest"): [b"r1/b"],
        ("r2/a", "latest"): [b"r2/a"],
    }  # fmt: skip


async def test_channels_of_latest_may_be_in_order_or_try_again(pair: Pair) -> None:
    """[D21]"""
    a, b = pair
    options: list[dict[str, Any]] = [{"ordered": True}, {"retransmits": 3}]
    for number, said in enumerate([*options, {"ordered": True, "retransmits": 0}]):
        await a.send(f"r1/s{number}", "latest", b"x", **said)
        await b.until(lambda at=number: b.heard[f"r1/s{at}", "latest"] == [b"x"])  # type: ignore[misc]


async def test_words_have_a_channel_of_their_own_that_every_path_has(pair: Pair) -> None:
    """[D2, E3] And a stream's channel of the same label is none."""
    a, b = pair
    assert a.peers.ready(B)
    a.peers.tell(B, b"word")
    await b.until(lambda: b.words == [b"word"])
    b.peers.tell(A, b"answer")
    await a.until(lambda: a.words == [b"answer"])
    await a.send(CONTROL_LABEL, "reliable", b"no word")
    await b.until(lambda: b.heard[CONTROL_LABEL, "reliable"] == [b"no word"])
    assert b.words == [b"word"]
    a.peers.disconnect(B)
    assert not a.peers.ready(B)
    a.peers.tell(B, b"to nobody")


async def test_rubbish_in_signals_is_passed_over(pair: Pair) -> None:
    """[D8] And so is what is well-formed, and makes no sense."""
    a, b = pair
    for text in (
        "", "[]", "{", json.dumps({"candidate": {}}), json.dumps({"candidate": {"candidate": "x"}}),
        json.dumps({"description": {"type": "answer", "sdp": "rubbish"}}),
        json.dumps({"candidate": {"candidate": "candidate:1 1 UDP 1 x.invalid 9 typ host"}}),
    ):  # fmt: skip
        a.peers.signal(B, text)
    await b.send("r1/still", "reliable", b"here")
    await a.until(lambda: a.heard["r1/still", "reliable"] == [b"here"])
    assert a.paths == [None]


async def test_who_cannot_make_a_path_asks_for_one(pair: Pair) -> None:
    """[D22] What to do about it is for who runs the streams."""
    a, b = pair
    b.peers.ask(A)
    await a.until(lambda: a.paths == [None, ASKS])
    await b.send("r1/still", "reliable", b"here")
    await a.until(lambda: a.heard["r1/still", "reliable"] == [b"here"])


async def test_who_goes_is_missed_and_may_begin_anew(pair: Pair) -> None:
    """[D5]"""
    a, b = pair
    a.peers.disconnect(B)
    await b.until(lambda: len(b.paths) == 2)
    assert isinstance(b.paths[1], str)
    assert not b.peers.room(A, "r1/ecg", delivery("reliable"))
    b.peers.connect(A, offers=False)
    a.peers.connect(B, offers=True)
    await a.until(lambda: a.paths[-1] is None and len(a.paths) == 2)
    await b.until(lambda: b.paths[-1] is None)
    await a.send("r1/ecg", "reliable", b"again")
    await b.until(lambda: b.heard["r1/ecg", "reliable"] == [b"again"])


async def test_another_connection_takes_the_place_of_the_one_before(pair: Pair) -> None:
    """[D5] A peer that was reloaded offers anew, before the old path is known to be lost."""
    a, b = pair
    a.peers.disconnect(B)
    a.peers.connect(B, offers=True)
    await b.until(lambda: len(b.paths) >= 3 and b.paths[-1] is None)
    await a.until(lambda: len(a.paths) == 2)
    await b.send("r1/ecg", "reliable", b"found")
    await a.until(lambda: a.heard["r1/ecg", "reliable"] == [b"found"])


async def test_nothing_is_told_after_the_end(pair: Pair) -> None:
    """[D5] Closing while much is under way."""
    a, b = pair
    for _ in range(50):
        await a.send("r1/ecg", "reliable", b"x" * 60_000)
    await asyncio.gather(a.peers.close(), b.peers.close())
    paths, heard = len(b.paths), len(b.heard["r1/ecg", "reliable"])
    await asyncio.sleep(0.2)
    assert (len(b.paths), len(b.heard["r1/ecg", "reliable"])) == (paths, heard)
