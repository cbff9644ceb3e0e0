"""Choosing and testing camera, microphone and speaker, with Chromium's pretended ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.people import DEVICES, PHONE, Person, person
from tests.processes import hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

REFUSING = """
    navigator.mediaDevices.getUserMedia = ({ video }) =>
        Promise.reject(new DOMException("", video ? "NotAllowedError" : "NotReadableError"));
"""
KEEP_SINKS = """
    window.sinks = [];
    const setSinkId = HTMLMediaElement.prototype.setSinkId;
    HTMLMediaElement.prototype.setSinkId = function (id) {
        window.sinks.push([this.tagName, id]);
        return setSinkId.call(this, id);
    };
"""


def choice(page: Page, what: str) -> Locator:
    return page.get_by_role("combobox", name=what)


async def chosen(page: Page, what: str) -> str:
    label: Any = await choice(page, what).evaluate("one => one.selectedOptions[0].label")
    return str(label)


async def lobby(one: Person, call: str) -> None:
    await one.page.goto(f"{call}#role=host")
    await expect(one.page.locator(".picture video")).to_be_visible()


async def test_a_device_is_chosen_tried_and_remembered(browser: Browser, tmp_path: Path) -> None:
    """[G20, G21, G31] In the lobby, in the call, and in the next visit."""
    with hub_process(tmp_path) as hub:
        async with (
            person(browser, "Ada", permissions=DEVICES, before=KEEP_SINKS) as ada,
            person(browser, "Bob", permissions=DEVICES) as bob,
        ):
            await lobby(ada, hub.call())
            await expect(ada.page.get_by_text("Your microphone hears you.")).to_be_visible()
            await choice(ada.page, "Microphone").select_option(label="Fake Audio Input 2")
            await choice(ada.page, "Speaker").select_option(label="Fake Audio Output 2")
            await ada.page.get_by_role("button", name="Play a sound").click()
            await expect(ada.page.get_by_text("Did you hear it?")).to_be_visible()
            speaker = await choice(ada.page, "Speaker").input_value()
            assert await ada.page.evaluate("window.sinks") == [["AUDIO", speaker]]

            await ada.page.reload()
            await expect(choice(ada.page, "Microphone")).to_contain_text("Fake Audio Input 2")
            assert await chosen(ada.page, "Microphone") == "Fake Audio Input 2"
            await ada.enter()
            await bob.join(hub.call())
            await ada.page.wait_for_function(
                "id => window.sinks.some(([tag, sink]) => tag === 'VIDEO' && sink === id)",
                arg=speaker,
            )

            await ada.page.get_by_role("button", name="Settings").click()
            dialog = ada.page.get_by_role("dialog", name="Settings")
            await expect(dialog.get_by_text("Your microphone hears you.")).to_be_visible()
            assert await chosen(ada.page, "Microphone") == "Fake Audio Input 2"
            own = await ada.page.evaluate_handle("document.querySelector('.tile video').srcObject")
            width = "stream => stream.getVideoTracks()[0].getSettings().width"
            for on, wide in ((True, 320), (False, 640)):
                await dialog.get_by_role("switch", name="Save power").set_checked(on)
                await ada.page.wait_for_function(f"([one]) => ({width})(one) === {wide}", arg=[own])
            track = "stream => stream.getAudioTracks().map(one => [one.label, one.readyState])"
            assert await own.evaluate(track) == [["Fake Audio Input 2", "live"]]
            await choice(ada.page, "Microphone").select_option(label="Fake Audio Input 1")
            await ada.page.wait_for_function(
                f"stream => ({track})(stream)[0]?.[0] === 'Fake Audio Input 1'", arg=own
            )
            await ada.page.keyboard.press("Escape")
            await expect(ada.page.get_by_role("button", name="Settings")).to_be_focused()
            assert ada.problems == bob.problems == []


async def test_a_device_that_is_gone_is_the_system_s(browser: Browser, tmp_path: Path) -> None:
    """[G20]"""
    with hub_process(tmp_path) as hub:
        gone = json.dumps({"id": "0" * 64, "label": "Jabra"})
        remember = f"localStorage.setItem(`callmesh ${{location.origin}} microphone`, '{gone}')"
        async with person(browser, "Ada", permissions=DEVICES, before=remember) as ada:
            await lobby(ada, hub.call())
            words = "“Jabra” is not there. The system’s microphone is used instead."
            await expect(ada.page.get_by_role("alert").get_by_text(words)).to_be_visible()
            await expect(ada.page.locator(".device-choice").get_by_text(words)).to_be_visible()
            assert await chosen(ada.page, "Microphone") == "System default"
            await expect(ada.page.get_by_text("Your microphone hears you.")).to_be_visible()
            await ada.enter()
            assert ada.problems == []


async def test_without_devices_one_joins_all_the_same(browser: Browser, tmp_path: Path) -> None:
    """[G21] And is told why, for each. On a phone the choice is folded up, above the form."""
    with hub_process(tmp_path) as hub:
        async with person(browser, "Ada", before=REFUSING, viewport=PHONE) as ada:
            await ada.page.goto(f"{hub.call()}#role=host")
            await expect(ada.page.get_by_text("This page may not use your camera.")).to_be_visible()
            await expect(
                ada.page.get_by_text("Another program uses your microphone.")
            ).to_be_visible()
            await expect(choice(ada.page, "Microphone")).to_have_count(0)
            await ada.page.get_by_text("Choose and test your devices").click()
            words = ada.page.get_by_text("Turn your microphone on to test it.")
            await expect(words).to_be_visible()
            await ada.enter()
            assert ada.problems == []
