"""Direct paths between Python participants, over real WebRTC on this machine."""

import asyncio
import gc
from pathlib import Path
from time import monotonic_ns
from types import SimpleNamespace

import pytest
from aiortc import RTCPeerConnection

import callmesh
from callmesh.ids import ParticipantId
from callmesh.messages import MAX_PAYLOAD
from callmesh.signaling import BEGAN_ANEW, CONTROL_LABEL, MOST_CHANNELS, MOST_EARLY, MOST_SIGNALS
from callmesh.testing import MemoryHub
from callmesh.transport import webrtc
from callmesh.transport.webrtc import RtcPeers
from tests.processes import HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.rtc]


async def read(stream: callmesh.DataStream, count: int) -> list[callmesh.StreamMessage]:
    messages = aiter(stream)
    return [await asyncio.wait_for(anext(messages), 10) for _ in range(count)]


def direct(one: callmesh.Call, other: callmesh.Call) -> bool:
    return one.path(other.me.id) == other.path(one.me.id) == "direct"


async def until_direct(one: callmesh.Call, other: callmesh.Call, *, patience: float = 15) -> None:
    async with asyncio.timeout(patience):
        while not direct(one, other):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_both_modes_go_direct_and_whole(tmp_path: Path) -> None:
    """[D1, D2, D3, D4, D5]"""
    with hub_process(tmp_path) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob") as bob,
        ):
            vitals = await ada.resources.add("vitals")
            heard = (await bob.resources.get(vitals.id)).stream("ecg")
            seen = bob.resources[vitals.id].stream("pen", mode="latest")
            await until_direct(ada, bob)
            ecg, pen = vitals.stream("ecg"), vitals.stream("pen", mode="latest")
            sent = [bytes([n % 256]) * 20_000 for n in range(200)]
            reading = asyncio.create_task(read(heard, len(sent)))
            for data in sent:
                await ecg.send(data, timeout=10)
            got = await reading
            assert [message.data for message in got] == sent
            assert {message.sender for message in got} == {ada.me.id}
            await pen.send({"x": 1})
            (first,) = await read(seen, 1)
            assert first.data == {"x": 1}
            await ecg.send(b"x" * MAX_PAYLOAD, timeout=10)
            assert [len(m.data) for m in await read(heard, 1)] == [MAX_PAYLOAD]


async def test_leaving_while_connecting_is_nobodys_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """[D5] aiortc raises in a task of its own when it is closed there."""

    async def cut_short(connection: object) -> None:
        raise ConnectionError("Cannot send data, not connected")

    monkeypatch.setattr(RTCPeerConnection, "_RTCPeerConnection__connect", cut_short)
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: raised.append(context))
    described = asyncio.Event()
    peers = RtcPeers(
        on_signal=lambda peer, text: described.set(),
        on_path=lambda peer, why: None,
        on_message=lambda peer, label, mode, data: None,
        on_room=lambda peer: None,
        on_word=lambda peer, data: None,
    )
    peers.connect(ParticipantId("pb"), offers=True)
    await asyncio.wait_for(described.wait(), 10)
    sctp = peers._connections[ParticipantId("pb")].pc.sctp
    assert sctp is not None
    await sctp.transport._send_data(b"too early, or too late")  # as its timers do
    await peers.close()
    gc.collect()
    assert raised == []


async def test_what_a_peer_should_not_have_sent_is_dropped(tmp_path: Path) -> None:
    """[D8] Channels with odd labels, rubbish in them, and rubbish for signals."""
    with hub_process(tmp_path) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob") as bob,
        ):
            vitals = await ada.resources.add("vitals")
            heard = (await bob.resources.get(vitals.id)).stream("ecg")
            await until_direct(ada, bob)
            pc = ada._streams.peers._connections[bob.me.id].pc  # type: ignore[union-attr]
            for label in ("", "x", f"{vitals.id}/", "r/../x", "é" * 40, CONTROL_LABEL):
                channel = pc.createDataChannel(label)
                channel.on("open", lambda channel=channel: channel.send(b"\x93\x01\xc2\xc4\x00"))
            rubbish = pc.createDataChannel(f"{vitals.id}/ecg")
            opened = asyncio.Event()
            rubbish.on("open", lambda: opened.set())
            await asyncio.wait_for(opened.wait(), 10)
            for data in (b"", b"\xff", b"\x93\x05\xc3\xc4\x01\xc1", "text", b"\x91" * 60_000):
                rubbish.send(data)
            for text in ("", "{}", '{"description": 5}', '{"candidate": {"candidate": "x"}}',
                         '{"description": {"type": "answer", "sdp": "v=0"}}'):  # fmt: skip
                ada._signal(bob.me.id, text)
            await vitals.stream("ecg").send(b"still here")
            (message,) = await read(heard, 1)
            assert message.data == b"still here"
            assert direct(ada, bob)


async def test_of_those_who_are_not_there_yet_the_newest_are_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[D8]"""
    async with MemoryHub() as hub, hub.join("Ada") as ada:
        heard: list[ParticipantId] = []
        peers = SimpleNamespace(signal=lambda peer, text: heard.append(peer))
        ids = [ParticipantId(f"p1{number}") for number in range(1_000)]
        with monkeypatch.context() as patch:
            patch.setattr(ada._streams, "peers", peers)
            for id in (*ids, *ids[-1:] * 1_000):
                ada._hear_signal(id, "{}")
        assert list(ada._early) == ids[-MOST_EARLY:]
        assert len(ada._early[ids[-1]]) == MOST_SIGNALS
        assert heard == []


async def test_what_a_peer_signals_and_opens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """[D8, D22] Candidates before their description, channels, and one connection after another."""
    paths: list[str | None] = []
    peers = RtcPeers(
        on_signal=lambda peer, text: None,
        on_path=lambda peer, why: paths.append(why),
        on_message=lambda peer, label, mode, data: None,
        on_room=lambda peer: None,
        on_word=lambda peer, data: None,
    )
    bob = ParticipantId("pb")
    for _ in range(3):
        for _ in range(1_000):
            peers.signal(bob, '{"candidate": {"candidate": "x"}}')
        assert len(peers._tasks) <= MOST_SIGNALS
        await asyncio.wait(peers._tasks)
    connection = peers._connections[bob]
    assert len(connection.early) == MOST_SIGNALS

    class Channel:
        label, ordered, maxRetransmits = "r1/ecg", True, None
        closed = 0

        def on(self, event: str, act: object) -> None: ...

        def close(self) -> None:
            Channel.closed += 1

    for _ in range(MOST_CHANNELS + 3):
        peers._listen(bob, connection, Channel())  # type: ignore[arg-type]
    assert Channel.closed == 3
    monkeypatch.setattr(webrtc, "_is_another", lambda pc, signal: True)
    now = monotonic_ns()
    for seconds in (1, 1, 1, 2, 3, 5):
        monkeypatch.setattr(webrtc, "monotonic_ns", lambda at=seconds: now + at * 10**9)
        peers.signal(bob, '{"candidate": {}}')
    assert paths == [BEGAN_ANEW] * 2
    await peers.close()


async def test_a_direct_path_survives_the_hub(tmp_path: Path) -> None:
    """[D5, W7] Or is found anew once it is back."""
    hub = HubProcess(tmp_path)
    try:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob") as bob,
        ):
            vitals = await ada.resources.add("vitals")
            heard = (await bob.resources.get(vitals.id)).stream("ecg")
            await vitals.state.saved()
            await until_direct(ada, bob)
            hub.kill()
            await ada.until(lambda: ada.status == "offline")
            await vitals.stream("ecg").send(b"without a hub")
            assert [m.data for m in await read(heard, 1)] == [b"without a hub"]
            hub = HubProcess(tmp_path, port=hub.port)
            everybody = {ada.me.id, bob.me.id}
            await ada.until(lambda: set(ada.participants) == everybody, timeout=20)
            await bob.until(lambda: set(bob.participants) == everybody, timeout=20)
            await until_direct(ada, bob)
            await vitals.stream("ecg").send(b"with a hub")
            assert [m.data for m in await read(heard, 1)] == [b"with a hub"]
    finally:
        hub.end()


async def test_a_participant_who_leaves_is_parted_from(tmp_path: Path) -> None:
    """[D5]"""
    with hub_process(tmp_path) as hub:
        async with callmesh.join(hub.call(), name="Ada") as ada:
            vitals = await ada.resources.add("vitals")
            async with callmesh.join(hub.call(), name="Bob") as bob:
                await until_direct(ada, bob)
                gone = bob.me.id
            async with asyncio.timeout(10):
                while ada.path(gone) != "none":  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            await vitals.stream("ecg").send(b"to nobody", timeout=1)


async def test_who_has_slept_is_reached_directly_again_and_misses_nothing(
    tmp_path: Path,
) -> None:
    """[D2, D22, D23] By a path of its own making, or that the other one is asked to make."""
    with hub_process(tmp_path) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob") as bob,
        ):
            vitals = await ada.resources.add("vitals")
            heard = (await bob.resources.get(vitals.id)).stream("ecg")
            await until_direct(ada, bob)
            for number, sleeper in enumerate((ada, bob)):
                other = bob if sleeper is ada else ada
                sleeper._wake.tick(0, 0)  # as long ago as can be
                await sleeper.until(lambda me=sleeper, o=other: me.path(o.me.id) == "relay")  # type: ignore[misc]
                await vitals.stream("ecg").send(2 * number, timeout=10)
                await until_direct(ada, bob)
                await vitals.stream("ecg").send(2 * number + 1, timeout=10)
            assert [message.data for message in await read(heard, 4)] == [0, 1, 2, 3]


async def test_a_stream_goes_on_through_paths_that_break_and_come_back(tmp_path: Path) -> None:
    """[D2, D10] Direct, cut; by the hub, killed and back; direct again: all, once, in order."""
    hub = HubProcess(tmp_path)
    count = 3_000
    try:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob") as bob,
        ):
            vitals = await ada.resources.add("vitals")
            heard = (await bob.resources.get(vitals.id)).stream("ecg")
            await vitals.state.saved()
            await until_direct(ada, bob)
            ecg, got, ways = vitals.stream("ecg"), list[int](), set[str]()

            async def follow() -> None:
                async for message in heard:
                    got.append(int.from_bytes(message.data[:4], "big"))
                    ways.add(heard.stats[ada.me.id].path)
                    if len(got) == count:
                        return

            following = asyncio.create_task(follow())
            for number in range(count):
                await ecg.send(number.to_bytes(4, "big") + b"x" * 4_000, timeout=60)
                if number in (500, 2_000):
                    peers = ada._streams.peers
                    assert isinstance(peers, RtcPeers)
                    await peers._connections[bob.me.id].pc.close()
                elif number == 1_000:
                    hub.kill()
                    hub = HubProcess(tmp_path, port=hub.port)
                    await until_direct(ada, bob)
            await asyncio.wait_for(following, 60)
            assert got == list(range(count))
            assert ways >= {"direct", "relay"}
            assert ecg.stats[bob.me.id].lost == 0
    finally:
        hub.end()
