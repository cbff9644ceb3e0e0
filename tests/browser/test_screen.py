"""Showing one's screen: Chromium, headless, has a pretended one of 1280 × 720."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.browser.people import DEVICES, Person, person, two_with_devices
from tests.processes import hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

# Ten more decoded frames, of such a width.
PLAYED = """([video, wide]) => {
    const count = video.getVideoPlaybackQuality().totalVideoFrames;
    video.counted ??= count;
    return count >= video.counted + 10 && (video.videoWidth > 700) === wide;
}"""
# A way is looked for only over a server, and there is none.
NO_WAY = """
    const Given = RTCPeerConnection;
    const cut = (wanted) => ({ ...wanted, iceTransportPolicy: "relay" });
    window.RTCPeerConnection = class extends Given {
        constructor(wanted) { super(cut(wanted)); }
        setConfiguration(wanted) { super.setConfiguration(cut(wanted)); }
    };
"""
LOOK = "video => [getComputedStyle(video).objectFit, getComputedStyle(video).transform]"
BY_THE_BROWSER = """video => {
    const [track] = video.srcObject.getVideoTracks();
    track.stop();
    track.dispatchEvent(new Event("ended"));
}"""


def screen(one: Person, name: str) -> Locator:
    return one.page.get_by_role("main", name=f"{name} shows a screen")


async def until_played(one: Person, video: Locator, *, wide: bool) -> None:
    await expect(video).to_be_visible(timeout=20_000)
    handle: Any = await video.element_handle()
    await one.page.wait_for_function(PLAYED, arg=[handle, wide], timeout=20_000)
    await video.evaluate("video => { delete video.counted; }")


async def test_a_screen_is_seen_large_and_the_camera_comes_back(
    browser: Browser, tmp_path: Path
) -> None:
    """[G22] By whatever it ends; frames of apps stay where they are."""
    with hub_process(tmp_path) as hub:
        async with (
            person(browser, "Ada", permissions=DEVICES) as ada,
            person(browser, "Bob", permissions=DEVICES) as bob,
            person(browser, "Lee") as lee,
        ):
            await ada.join(hub.call(), role="host")
            await bob.join(hub.call(), role="guest")
            await until_played(bob, bob.tile("Ada").locator("video"), wide=False)
            await bob.add("Poll")
            await expect(ada.app("Poll").get_by_text("Do you agree?")).to_be_visible()
            await bob.in_app("Poll", "window.stays = true")

            button = ada.page.get_by_role("button", name="Screen", exact=True)
            await button.click()
            await expect(ada.page.get_by_text("Everybody sees your screen.")).to_be_visible()
            await until_played(bob, screen(bob, "Ada").locator("video"), wide=True)
            for video in (screen(bob, "Ada").locator("video"), ada.tile("Ada").locator("video")):
                assert await video.evaluate(LOOK) == ["contain", "none"]
            await expect(bob.page.get_by_role("main")).to_have_count(1)
            await expect(screen(ada, "Ada")).to_have_count(0)
            await lee.join(hub.call(), role="observer")
            await expect(screen(lee, "Ada")).to_be_visible()
            await expect(lee.page.get_by_role("button", name="Screen", exact=True)).to_have_count(0)

            await bob.page.get_by_role("button", name="Make it small").click()
            await expect(bob.app("Poll").get_by_text("Do you agree?")).to_be_visible()
            assert await bob.in_app("Poll", "window.stays") is True
            await bob.page.get_by_role("button", name="Look at the screen").click()
            await until_played(bob, screen(bob, "Ada").locator("video"), wide=True)
            await bob.page.get_by_role("button", name="Show it on the whole screen").click()
            leave = bob.page.get_by_role("button", name="Leave the whole screen")
            await expect(leave).to_be_focused()
            await expect(screen(bob, "Ada").locator("video")).to_be_visible()
            await leave.click()

            await ada.page.get_by_role("button", name="Stop showing it").click()
            await expect(screen(bob, "Ada")).to_have_count(0)
            await until_played(bob, bob.tile("Ada").locator("video"), wide=False)
            assert (await ada.tile("Ada").locator("video").evaluate(LOOK))[0] == "cover"

            await ada.page.get_by_role("button", name="Camera").click()
            await expect(bob.tile("Ada")).to_contain_text("camera off")
            await button.click()
            await until_played(bob, screen(bob, "Ada").locator("video"), wide=True)
            await bob.page.get_by_role("button", name="Make it small").click()
            await ada.add("Poll")  # a newer thing that everybody sees
            await button.click()
            await expect(bob.tile("Ada")).to_contain_text("camera off")

            await ada.page.get_by_role("button", name="Camera").click()
            await button.click()
            await until_played(bob, screen(bob, "Ada").locator("video"), wide=True)
            await ada.tile("Ada").locator("video").evaluate(BY_THE_BROWSER)
            await expect(screen(bob, "Ada")).to_have_count(0)
            await until_played(bob, bob.tile("Ada").locator("video"), wide=False)
            assert ada.problems == bob.problems == lee.problems == []


async def test_who_may_not_edit_any_more_shows_no_screen(browser: Browser, tmp_path: Path) -> None:
    """[G22] The camera is back, for them and for those who looked."""
    with hub_process(tmp_path) as hub:
        async with two_with_devices(browser, hub.call()) as (ada, bob):
            await bob.page.get_by_role("button", name="Screen", exact=True).click()
            await until_played(ada, screen(ada, "Bob").locator("video"), wide=True)
            panel = await ada.open_people()
            await panel.get_by_role("button", name="Manage Bob").click()
            await panel.get_by_role("button", name="Make observer").click()
            await ada.page.keyboard.press("Escape")
            await expect(bob.page.get_by_text("Everybody sees your screen.")).to_have_count(0)
            await expect(screen(ada, "Bob")).to_have_count(0)
            await until_played(ada, ada.tile("Bob").locator("video"), wide=False)
            look = await ada.tile("Bob").locator("video").evaluate(LOOK)
            assert look[0] == "cover"
            assert ada.problems == bob.problems == []


async def test_a_screen_leaves_the_dialog_of_access_open(browser: Browser, tmp_path: Path) -> None:
    """[G12] It takes the place of the stage, behind the dialog."""
    with hub_process(tmp_path) as hub:
        async with two_with_devices(browser, hub.call()) as (ada, bob):
            await ada.add("Poll")
            await ada.page.get_by_role("button", name="Who may do what with “Poll”").click()
            choice = ada.page.get_by_role("dialog").get_by_label("What Bob may do with “Poll”")
            await expect(choice).to_be_visible()
            await bob.page.get_by_role("button", name="Screen", exact=True).click()
            await expect(ada.page.locator(".screen")).to_be_visible()
            await choice.select_option("view")
            await expect(bob.page.get_by_text("Everybody sees your screen.")).to_be_visible()
            await bob.until_call("call.resources.all().some(({ access }) => access === 'view')")
            await ada.page.keyboard.press("Escape")
            await expect(ada.page.get_by_role("dialog")).to_have_count(0)
            assert ada.problems == bob.problems == []


async def test_where_no_way_is_found_tiles_and_screens_say_so(
    browser: Browser, tmp_path: Path
) -> None:
    """[G22, G25] Instead of a black picture, and of silence without a word."""
    with hub_process(tmp_path) as hub:
        async with two_with_devices(browser, hub.call(), ada=NO_WAY, bob=NO_WAY) as (ada, bob):
            for one, other in ((ada, "Bob"), (bob, "Ada")):
                await one.until_path(other, "relay", timeout=40_000)
                await expect(one.tile(other)).to_contain_text("No sound or picture gets through")
                await expect(one.tile(other).locator(".avatar")).to_be_visible()
                await expect(one.tile(other).locator("video")).to_have_count(0)
                await expect(one.tile(one.name)).not_to_contain_text("gets through")
            await ada.page.get_by_role("button", name="Screen", exact=True).click()
            await expect(screen(bob, "Ada")).to_contain_text("No picture of Ada gets through")
            await expect(screen(bob, "Ada").locator("video")).to_have_count(0)
            assert ada.problems == bob.problems == []
