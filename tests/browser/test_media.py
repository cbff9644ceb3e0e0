"""Audio and video between a browser and a Python program, over WebRTC."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

import callmesh
from callmesh.media import Frames
from tests.browser.people import DEVICES, Person, person, two_with_devices
from tests.browser.played import pitch_of, until_played
from tests.media import BLUE, RED, Plain, Tone, left, until_over
from tests.processes import HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.rtc, pytest.mark.timeout(240)]

KEEP_CONNECTIONS = """
    window.connections = [];
    const Original = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Original {
        constructor(...all) { super(...all); window.connections.push(this); }
    };
"""

SHARED = """most => window.connections.some((connection) => {
    const sent = (kind) => connection.getSenders()
        .find(({ track }) => track?.kind === kind)?.getParameters().encodings[0];
    return sent("video")?.maxBitrate === most && sent("video").networkPriority === "low"
        && sent("audio").networkPriority === "high";
})"""


SEE = """[...call.participants.keys()].filter((id) => id !== call.me.id)
    .forEach((id) => call.media.see(id, {wanted}))"""
MADE = """async () => {
    const [sender] = window.connections.at(-1).getSenders()
        .filter(({ track }) => track?.kind === "video");
    const all = [...(await sender.getStats()).values()];
    return all.find(({ type }) => type === "outbound-rtp")?.framesEncoded ?? 0;
}"""


async def until_nothing_is_made(someone: Person) -> None:
    """Wait until a page makes no pictures for others any more."""
    async with asyncio.timeout(20):
        before = -1
        while before != (before := await someone.page.evaluate(MADE)):
            await someone.page.wait_for_timeout(400)


@contextlib.asynccontextmanager
async def program(ada: Person, call: str, *, offers: bool) -> AsyncIterator[callmesh.Call]:
    """Pia, who makes the offers to Ada or does not: ids say who does."""
    for _ in range(300):
        async with callmesh.join(call, name="Pia", media=True) as pia:
            if (pia.me.id < await ada.in_call("call.me.id")) == offers:
                yield pia
                return
    raise AssertionError("ids are all on one side")


async def sections(ada: Person) -> int:
    """How many kinds of things the last connection has had to be agreed on."""
    count = "window.connections.at(-1).localDescription.sdp.match(/^m=/gm).length"
    return int(await ada.page.evaluate(count))


async def counted(frames: Frames[Any], count: int = 10) -> None:
    async with asyncio.timeout(20):
        for _ in range(count):
            await anext(frames)


@pytest.mark.parametrize("offers", [True, False], ids=["who offers", "who asks"])
async def test_a_program_and_a_browser_see_and_hear_each_other(
    browser: Browser, tmp_path: Path, offers: bool
) -> None:
    """[V1, V2, V3, V4, V5] And what is turned off and on again, by either side and by both."""
    with hub_process(tmp_path) as hub:
        async with person(browser, "Ada", permissions=DEVICES, before=KEEP_CONNECTIONS) as ada:
            await ada.join(hub.call(), role="host")
            async with program(ada, hub.call(), offers=offers) as pia:
                await expect(ada.tile("Pia").get_by_text("camera off")).to_be_attached()
                connections = await ada.page.evaluate("window.connections.length")
                adas = pia.media.incoming("video")
                seen = await asyncio.wait_for(anext(adas), 20)
                await counted(seen)
                sound = pia.media.frames(seen.participant, "audio")
                async with asyncio.timeout(20):
                    while max(left(await anext(sound))) < 500:
                        pass

                red = Plain(RED)
                pia.media.send(red)
                pia.media.send(Tone(440))
                await until_played(ada, "Pia", "r")
                assert abs(await pitch_of(ada, "Pia") - 440) < 12
                pia.media.send(Plain(BLUE, (640, 360)))
                await until_played(ada, "Pia", "b")
                await counted(seen)

                camera = ada.page.get_by_role("button", name="Camera")
                await camera.click()
                await until_over(seen)
                await pia.until(lambda: pia.media.shows(seen.participant) == {"audio"})
                await until_played(ada, "Pia", "b")
                await camera.click()
                await counted(await asyncio.wait_for(anext(adas), 20))

                pia.media.stop("video")
                await expect(ada.tile("Pia").get_by_text("camera off")).to_be_attached()
                await expect(ada.tile("Pia").get_by_text("microphone off")).to_have_count(0)
                pia.media.send(red)
                await until_played(ada, "Pia", "r")

                for _ in range(3):  # at once, so that offers cross
                    pia.media.stop("video")
                    await camera.click()
                    await camera.click()
                    pia.media.send(red)
                await until_played(ada, "Pia", "r")
                await counted(pia.media.frames(seen.participant))
                assert await sections(ada) == 3
                assert await ada.page.evaluate("window.connections.length") == connections
                assert ada.problems == []


async def test_pictures_share_the_line(browser: Browser, tmp_path: Path) -> None:
    """[V9] Whoever comes has a share of it; sound goes before picture."""
    with hub_process(tmp_path) as hub:
        async with (
            person(browser, "Ada", permissions=DEVICES, before=KEEP_CONNECTIONS) as ada,
            person(browser, "Bob", permissions=DEVICES) as bob,
            contextlib.AsyncExitStack() as more,
        ):
            await ada.join(hub.call(), role="host")
            await bob.join(hub.call())
            await until_played(bob, "Ada")
            await ada.page.wait_for_function(SHARED, arg=1_500_000)
            for number in range(3):
                await more.enter_async_context(callmesh.join(hub.call(), name=f"P{number}"))
            await ada.page.wait_for_function(SHARED, arg=1_000_000)


async def test_a_day_of_turning_a_camera_off_and_on(browser: Browser, tmp_path: Path) -> None:
    """[V4, V6] Between pages: what is agreed on stays as long as it was, also where one does not
    want the other's pictures."""
    with hub_process(tmp_path) as hub:
        async with two_with_devices(
            browser, hub.call(), ada=KEEP_CONNECTIONS, bob=KEEP_CONNECTIONS
        ) as (ada, bob):
            pairs = ((ada, bob), (bob, ada))
            for one, other in pairs:
                await until_played(one, other.name)
            for _ in range(4):
                for one, _other in pairs:
                    await one.page.get_by_role("button", name="Camera").click()
                for one, other in pairs:
                    await expect(one.tile(other.name).get_by_text("camera off")).to_be_attached()
                for one, _other in pairs:
                    await one.page.get_by_role("button", name="Camera").click()
                for one, other in pairs:
                    await until_played(one, other.name)
            for one, other in pairs:
                await one.in_call(SEE.format(wanted="false"))
                await until_nothing_is_made(other)
                await one.in_call(SEE.format(wanted="true"))
                await until_played(one, other.name)
            assert [await sections(one) for one, _ in pairs] == [3, 3]
            assert ada.problems == bob.problems == []


async def test_a_reload_and_a_hub_that_restarts(browser: Browser, tmp_path: Path) -> None:
    """[V2, V7] Programs go on; what a page or a program turns off meanwhile is off afterwards."""
    hub = HubProcess(tmp_path)
    try:
        async with (
            person(browser, "Ada", permissions=DEVICES) as ada,
            callmesh.join(hub.call(), name="Pia", media=True) as pia,
        ):
            red = Plain(RED)
            pia.media.send(red)
            await ada.join(hub.call(), role="host")
            adas = pia.media.incoming("video")
            first = await asyncio.wait_for(anext(adas), 20)
            await counted(first)
            await until_played(ada, "Pia", "r")
            await ada.page.reload()
            await ada.enter()
            await until_over(first)
            seen = await asyncio.wait_for(anext(adas), 20)
            await counted(seen)
            await until_played(ada, "Pia", "r")

            hub.kill()
            await pia.until(lambda: pia.status == "offline")
            await ada.until_call("call.link === 'reconnecting'")
            await counted(seen, 40)
            await ada.page.get_by_role("button", name="Camera").click()
            pia.media.stop("video")
            hub = HubProcess(tmp_path, port=hub.port)
            await until_over(seen)
            await expect(ada.tile("Pia").get_by_text("camera off")).to_be_attached(timeout=20_000)
            pia.media.send(red)
            await until_played(ada, "Pia", "r")
            await ada.page.get_by_role("button", name="Camera").click()
            await counted(await asyncio.wait_for(anext(adas), 20))
    finally:
        hub.end()
