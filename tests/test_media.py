"""Audio and video between Python participants, over real WebRTC on this machine."""

import array
import ast
import asyncio
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiortc import AudioStreamTrack, VideoStreamTrack
from av import VideoFrame

import callmesh
from callmesh.ids import ParticipantId
from callmesh.transport.webrtc import RtcPeers
from tests.media import (
    BLUE,
    GREEN,
    RED,
    Plain,
    Tone,
    colour_of,
    is_close,
    until_heard,
    until_over,
    until_shown,
)
from tests.processes import ROOT, HubProcess, hub_process
from tests.test_docs import blocks

pytestmark = [pytest.mark.anyio, pytest.mark.rtc]


def peers_of(call: callmesh.Call) -> RtcPeers:
    peers = call._streams.peers
    assert isinstance(peers, RtcPeers)
    return peers


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until_shows(call: callmesh.Call, participant: ParticipantId, kinds: set[str]) -> None:
    await until(lambda: call.media.shows(participant) == kinds)


async def test_a_tone_and_a_colour_arrive(tmp_path: Path) -> None:
    """[V1, V2, V3] Both ways at once, and what takes the place of another."""
    with hub_process(tmp_path) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada", media=True) as ada,
            callmesh.join(hub.call(), name="Bob", media=True) as bob,
        ):
            seen, heard = bob.media.frames(ada.me.id), bob.media.frames(ada.me.id, "audio")
            back = ada.media.frames(bob.me.id)
            ada.media.send(Plain(RED))
            ada.media.send(Tone(440))
            bob.media.send(Plain(GREEN))
            frame = await until_shown(seen, RED)
            assert (frame.width, frame.height, frame.format.name) == (320, 240, "yuv420p")
            sound = await until_heard(heard, 440)
            assert (sound.samples, sound.sample_rate) == (960, 48_000)
            assert (sound.format.name, sound.layout.name) == ("s16", "stereo")
            await until_shown(back, GREEN)
            assert bob.media.shows(ada.me.id) == {"audio", "video"}
            assert ada.media.shows(bob.me.id) == {"video"}
            ada.media.send(Plain(BLUE, (640, 360)))
            ada.media.send(Tone(880, rate=16_000, layout="stereo"))
            assert (await until_shown(seen, BLUE)).width == 640
            await until_heard(heard, 880)


async def test_who_is_muted_sends_no_sound_until_they_send_it_again(tmp_path: Path) -> None:
    """[V10] Pictures go on; who listens for it is told by whom, and one who fails hurts nobody."""
    with hub_process(tmp_path) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada", media=True) as ada,
            callmesh.join(hub.call(), name="Bob", media=True) as bob,
        ):
            told: list[str] = []
            bob.media.on_muted(lambda by: 1 / 0)
            bob.media.on_muted(told.append)
            tone = Tone(440)
            bob.media.send(tone)
            bob.media.send(Plain(RED))
            await until_shows(ada, bob.me.id, {"audio", "video"})
            await ada.hosting.mute(bob.me.person)
            await until_shows(ada, bob.me.id, {"video"})
            assert told == [ada.me.person]
            bob.media.send(tone)
            await until_shows(ada, bob.me.id, {"audio", "video"})


async def test_starting_stopping_and_starting_again(tmp_path: Path) -> None:
    """[V2, V3, V4, V5] Whoever makes the offers, and both at once."""
    with hub_process(tmp_path) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada", media=True) as ada,
            callmesh.join(hub.call(), name="Bob", media=True) as bob,
        ):
            for one, other in ((ada, bob), (bob, ada)):
                coming = other.media.incoming("video")
                red = Plain(RED)
                one.media.send(red)
                assert one.media.sending == {"video": red}
                seen = await asyncio.wait_for(anext(coming), 20)
                assert seen.participant == one.me.id
                await until_shown(seen, RED)
                one.media.stop("video")
                await until_over(seen)
                assert other.media.shows(one.me.id) == set()
                one.media.send(red)  # it was not ended by stopping
                again = await asyncio.wait_for(anext(coming), 20)
                await until_shown(again, RED)
                assert [frame async for frame in seen] == []  # it was over, and stays so
                red.stop()
                await until_over(again)
                assert one.media.sending == {}
            for _ in range(5):  # at once, so that offers would cross
                for one in (ada, bob):
                    one.media.send(Plain(GREEN))
                    one.media.send(Tone(440))
                await asyncio.sleep(0)
                for one in (ada, bob):
                    one.media.stop("video")
                    one.media.stop("audio")
            for one in (ada, bob):
                one.media.send(Plain(BLUE))
            for one, other in ((ada, bob), (bob, ada)):
                await until_shown(other.media.frames(one.me.id), BLUE)
                await until_shows(other, one.me.id, {"video"})
                (connection,) = peers_of(one)._connections.values()
                assert len(connection.pc.getTransceivers()) == 2


async def test_a_slow_reader_gets_the_newest_and_a_count(tmp_path: Path) -> None:
    """[V2]"""
    with hub_process(tmp_path) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada", media=True) as ada,
            callmesh.join(hub.call(), name="Bob", media=True) as bob,
        ):
            changing = Plain(RED)
            ada.media.send(changing)
            slow, quick = bob.media.frames(ada.me.id, buffer=1), bob.media.frames(ada.me.id)
            await until_shown(quick, RED)
            changing.colour = BLUE
            await until_shown(quick, BLUE)
            for _ in range(3):
                await anext(quick)
            assert is_close(colour_of(await anext(slow)), BLUE)
            assert slow.dropped > 3
            slow.close()
            await until_over(slow)
            with pytest.raises(callmesh.BadInput, match="one frame at least"):
                bob.media.frames(ada.me.id, buffer=0)


async def test_who_asks_for_nothing_costs_nothing(tmp_path: Path) -> None:
    """[V1, V6] Without media there is none; and only the kinds that are received are sent."""
    with hub_process(tmp_path) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada", media=True, receives=()) as ada,
            callmesh.join(hub.call(), name="Bob", media=True, receives=["audio"]) as bob,
            callmesh.join(hub.call(), name="Cleo") as cleo,
        ):
            assert ada.me.offers == ["rtc", "media"]
            assert cleo.me.offers == ["rtc"]
            for one in (ada, bob):
                one.media.send(Plain(RED))
                one.media.send(Tone(440))
            await until_heard(bob.media.frames(ada.me.id, "audio"), 440)
            assert bob.media.shows(ada.me.id) == {"audio"}
            for one, other, sent in ((ada, bob, [True, False]), (bob, ada, [False, False])):
                tracks = peers_of(one)._connections[other.me.id].tracks
                assert tracks is not None
                found = tracks._transceivers.values()
                assert ["send" in str(t.currentDirection) for t in found] == sent
            for kind, one in (("video", bob), ("audio", ada)):
                with pytest.raises(callmesh.BadInput, match=f"no {kind} is received here"):
                    one.media.frames(ada.me.id, kind)  # type: ignore[call-overload]
            await until(lambda: cleo.path(ada.me.id) == "direct")
            assert peers_of(cleo)._connections[ada.me.id].tracks is None
            assert peers_of(ada)._connections[cleo.me.id].tracks is None
            with pytest.raises(callmesh.BadInput, match="media=True"):
                cleo.media.send(Tone(440))
            with pytest.raises(callmesh.BadInput, match="media=True"):
                cleo.media.frames(ada.me.id)


async def test_what_cannot_be_sent_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[V3, V8]"""
    with hub_process(tmp_path) as hub:
        async with callmesh.join(hub.call(), name="Ada", media=True) as ada:
            ended = Plain(RED)
            ended.stop()
            for track, why in ((ended, "has ended"), ("video", "not a track"), (3, "not a track")):
                with pytest.raises(callmesh.BadInput, match=why):
                    ada.media.send(track)  # type: ignore[arg-type]
            with pytest.raises(callmesh.BadInput, match="no kind of track"):
                ada.media.stop("screen")  # type: ignore[arg-type]
            assert [frame async for frame in ada.media.frames(ParticipantId("p1"))] == []
            waiting = anext(ada.media.incoming("audio"))
        with pytest.raises(callmesh.Closed):
            await waiting
        with pytest.raises(callmesh.BadInput, match="no kind of track"):
            async with callmesh.join(hub.call(), name="Ada", media=True, receives=["x"]):  # type: ignore[list-item]
                pass
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(callmesh.BadInput, match=r"pip install callmesh\[rtc\]"):
            async with callmesh.join(hub.call(), name="Ada", media=True):
                pass


async def test_a_track_that_fails_is_sent_no_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """[V3] And is told of in the log; the other one goes on."""

    class Wrong(Plain):
        async def recv(self) -> VideoFrame:
            await super().recv()
            return "a picture"  # type: ignore[return-value]

    with hub_process(tmp_path) as hub:
        async with callmesh.join(hub.call(), name="Ada", media=True) as ada:
            ada.media.send(Tone(440))
            ada.media.send(Wrong(RED))
            await until(lambda: list(ada.media.sending) == ["audio"])
            assert "the video track failed" in caplog.text


async def test_it_goes_on_without_the_hub_and_over_another_connection(tmp_path: Path) -> None:
    """[V2, V7] And ends when they leave."""
    hub = HubProcess(tmp_path)
    try:
        async with callmesh.join(hub.call(), name="Ada", media=True) as ada:
            async with callmesh.join(hub.call(), name="Bob", media=True) as bob:
                changing = Plain(RED)
                bob.media.send(changing)
                seen = ada.media.frames(bob.me.id)
                await until_shown(seen, RED)
                hub.kill()
                await ada.until(lambda: ada.status == "offline")
                await bob.until(lambda: bob.status == "offline")
                changing.colour = GREEN
                await until_shown(seen, GREEN)
                for one in (ada, bob):
                    one.media.send(Tone(440))  # agreed on when the hub is back
                hub = HubProcess(tmp_path, port=hub.port)
                for one, other in ((ada, bob), (bob, ada)):
                    await until_heard(one.media.frames(other.me.id, "audio"), 440)
                await until_shown(seen, GREEN)
                peers_of(ada).disconnect(bob.me.id)  # the path breaks
                ada._path_changed(bob.me.id, "lost")
                changing.colour = BLUE
                await until_shown(seen, BLUE)
            await until_over(seen)
            assert ada.media.shows(bob.me.id) == set()
    finally:
        hub.end()


async def test_the_python_of_the_page_about_media_runs(tmp_path: Path) -> None:
    """[V2, V3]"""
    code = "\n".join(blocks("media.md", "python"))
    with hub_process(tmp_path) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada", media=True) as ada,
            callmesh.join(hub.call(), name="Pia", media=True) as call,
        ):
            ada.media.send(Plain(RED))
            ada.media.send(Tone(440))
            names = {"call": call, "ada": ada, "array": array, "asyncio": asyncio}
            names |= {"VideoFrame": VideoFrame, "print": lambda *said: None}
            names |= {"VideoStreamTrack": VideoStreamTrack, "AudioStreamTrack": AudioStreamTrack}
            compiled = compile(code, "media.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            async with asyncio.timeout(20):
                await eval(compiled, names)
            assert names["left"] == names["right"]
            await until_shown(ada.media.frames(call.me.id), (128, 128, 128))
            await until_shows(ada, call.me.id, {"video"})


async def test_the_example_is_bright_when_it_is_loud(tmp_path: Path) -> None:
    """[V2, V3, V6]"""
    script = ROOT / "examples/loudness.py"
    assert sum(not line.isspace() for line in script.read_text().splitlines(True)) <= 30
    with hub_process(tmp_path) as hub:
        async with callmesh.join(hub.call(), name="Ada", media=True) as ada:
            meter = await asyncio.create_subprocess_exec(
                sys.executable, script, hub.call(), stderr=subprocess.PIPE
            )
            try:
                seen = await asyncio.wait_for(anext(ada.media.incoming("video")), 20)
                await until_shown(seen, (16, 128, 128))  # black, as video has it
                ada.media.send(Tone(440, layout="stereo"))
                await until_shown(seen, (255 * 12_000 // 32_768, 128, 128))
            finally:
                meter.terminate()
                assert (await meter.communicate())[1] == b""
