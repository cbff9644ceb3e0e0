"""What the tiles say of people: who speaks, and how one is connected to them."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.people import Person, two_with_devices
from tests.processes import hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

# A microphone that hears a tone as loud as `volume.gain` says.
TONE = """
    const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        const stream = await given(wanted);
        const audio = new AudioContext();
        const out = audio.createMediaStreamDestination();
        const tone = audio.createOscillator();
        window.volume = audio.createGain();
        window.volume.gain.value = 0;
        tone.connect(window.volume).connect(out);
        tone.start();
        for (const track of stream.getAudioTracks()) {
            stream.removeTrack(track);
            track.stop();
            stream.addTrack(out.stream.getAudioTracks()[0]);
        }
        return stream;
    };
"""
# Statistics of a way that takes `window.seconds` there and back.
SLOW = """
    window.seconds = 0.05;
    RTCPeerConnection.prototype.getStats = async () => new Map([["1", {
        id: "1", type: "candidate-pair", nominated: true, state: "succeeded",
        currentRoundTripTime: window.seconds,
    }]]);
"""


async def test_who_speaks_is_marked_in_words_too(browser: Browser, tmp_path: Path) -> None:
    """[G23] For others and for oneself; on nobody else."""
    with hub_process(tmp_path) as hub:
        async with two_with_devices(browser, hub.call(), ada=TONE, bob=TONE) as (ada, bob):
            await ada.until_path("Bob", "direct")
            await bob.page.evaluate("volume.gain.value = 0.5")
            for one in (ada, bob):
                await expect(one.tile("Bob")).to_contain_text("speaking", timeout=20_000)
                await expect(one.page.locator(".tile.speaks")).to_have_count(1)
            await bob.page.evaluate("volume.gain.value = 0")
            for one in (ada, bob):
                await expect(one.tile("Bob")).not_to_contain_text("speaking")
            await bob.page.evaluate("volume.gain.value = 0.5")
            await expect(ada.tile("Bob")).to_contain_text("speaking")
            await bob.page.get_by_role("button", name="Microphone").click()
            await expect(ada.tile("Bob")).not_to_contain_text("speaking")
            assert ada.problems == bob.problems == []


async def test_nobody_hears_themselves_in_another_tab(browser: Browser, tmp_path: Path) -> None:
    """[G23]"""
    with hub_process(tmp_path) as hub:
        async with two_with_devices(browser, hub.call()) as (ada, _):
            second = Person(await ada.page.context.new_page(), "Ada")
            await second.join(hub.call(), role="host")
            await expect(second.page.locator(".tile video")).to_have_count(3)
            muted = "videos => videos.map(video => video.muted)"
            for one in (ada, second):
                await expect(one.tile("Ada").locator("video")).to_have_count(2)
                assert await one.tile("Ada").locator("video").evaluate_all(muted) == [True, True]
                await expect(one.tile("Bob").locator("video")).to_have_count(1)
                assert await one.tile("Bob").locator("video").evaluate_all(muted) == [False]


async def test_a_poor_connection_is_said(browser: Browser, tmp_path: Path) -> None:
    """[G25]"""
    with hub_process(tmp_path) as hub:
        async with two_with_devices(browser, hub.call(), ada=SLOW) as (ada, _):
            await expect(ada.tile("Bob").get_by_text("direct")).to_be_visible(timeout=20_000)
            await ada.page.evaluate("window.seconds = 0.9")
            poor = ada.tile("Bob").get_by_text("poor connection")
            await expect(poor).to_be_visible(timeout=20_000)
            await ada.page.evaluate("window.seconds = 0.05")
            await expect(poor).to_have_count(0, timeout=20_000)
            await expect(ada.tile("Bob").get_by_text("direct")).to_be_visible()


async def test_a_picture_has_a_window_of_its_own(browser: Browser, tmp_path: Path) -> None:
    """[G26]"""
    with hub_process(tmp_path) as hub:
        async with two_with_devices(browser, hub.call()) as (ada, bob):
            floating = ada.page.get_by_role("button", name="Keep the picture of Bob")
            await expect(ada.tile("Bob").locator("video")).to_be_visible(timeout=20_000)
            await ada.page.wait_for_function(
                "() => [...document.querySelectorAll('.tile video')].every(v => v.readyState > 1)"
            )
            await floating.focus()
            await ada.page.keyboard.press("Enter")
            await expect(floating).to_have_attribute("aria-pressed", "true")
            own = "document.pictureInPictureElement?.closest('.tile').textContent.includes('Bob')"
            assert await ada.page.evaluate(own) is True
            await floating.click()
            await expect(floating).to_have_attribute("aria-pressed", "false")
            assert await ada.page.evaluate("document.pictureInPictureElement") is None
            assert ada.problems == bob.problems == []
