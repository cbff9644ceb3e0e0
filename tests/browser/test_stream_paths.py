"""The contract of streams, between browsers, and between a browser and a program."""

from pathlib import Path

import pytest
from playwright.async_api import Browser as Chromium

import callmesh
from tests.browser.people import person
from tests.processes import hub_process
from tests.stream_contract import CHECKS, Browser, Program, Side

pytestmark = [pytest.mark.anyio, pytest.mark.rtc, pytest.mark.timeout(120)]


@pytest.mark.parametrize("path", ["direct", "relay"])
async def test_streams_keep_the_contract_between_browsers(
    browser: Chromium, tmp_path: Path, path: str
) -> None:
    """[D1, D2, D3, D4, D7, D8, D12, D13, D14] Where one has no WebRTC it is the relay."""
    without = "" if path == "direct" else "delete window.RTCPeerConnection"
    with hub_process(tmp_path) as hub:
        async with person(browser, "Ada", before=without) as ada, person(browser, "Bob") as bob:
            await ada.join(hub.call(), role="host")
            await bob.join(hub.call(), role="host")
            await ada.in_call("call.resources.add('vitals', 'Vitals').then(() => null)")
            await bob.until_call("call.resources.all().length === 1")
            await ada.until_path("Bob", path)
            await bob.until_path("Ada", path)
            for check in CHECKS:
                await check(Browser(ada), Browser(bob))


@pytest.mark.parametrize("first", ["browser", "program"])
async def test_streams_keep_the_contract_between_a_browser_and_a_program(
    browser: Chromium, tmp_path: Path, first: str
) -> None:
    """[D1, D2, D3, D4, D7, D8, D12, D13, D14]"""
    with hub_process(tmp_path) as hub:
        async with (
            person(browser, "Ada") as ada,
            callmesh.join(hub.call(), name="Pia") as pia,
        ):
            await ada.join(hub.call(), role="host")
            program = Program(pia, await pia.resources.add("vitals"))
            await ada.until_call("call.resources.all().length === 1")
            await ada.until_path("Pia", "direct")
            sides: list[Side] = [Browser(ada), program]
            one, other = sides if first == "browser" else reversed(sides)
            try:
                for check in CHECKS:
                    await check(one, other)
            finally:
                await program.end()
