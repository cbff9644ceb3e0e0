"""What an app's streams and presence make the call page do: counted, never timed."""

import struct
from pathlib import Path

import pytest
from playwright.async_api import Browser

import callmesh
from tests.browser.people import person
from tests.processes import hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

# What the page posts to frames, and how often something in it is drawn anew.
COUNT = """
if (window === top) {
  window.posted = 0;
  const { postMessage } = MessagePort.prototype;
  MessagePort.prototype.postMessage = function (...given) {
    window.posted++;
    return postMessage.apply(this, given);
  };
  window.drawn = 0;
  new MutationObserver((records) => (window.drawn += records.length)).observe(document, {
    subtree: true, childList: true, characterData: true, attributes: true,
  });
}
"""
MESSAGES = 2_000


async def test_streams_and_presence_draw_nothing_in_the_page_and_come_to_the_frame_together(
    browser: Browser, tmp_path: Path
) -> None:
    """[A6, D2] The page is a courier: no layout, no render, and few messages to the frame."""
    with hub_process(tmp_path / "data") as hub:
        url = hub.call("quiet")
        async with (
            person(browser, "Ada", before=COUNT) as ada,
            callmesh.join(url, name="Pia") as pia,
        ):
            await ada.join(url, role="host")
            await ada.add("Vitals")
            await ada.until_path("Pia", "direct")
            await pia.until(lambda: len(pia.resources) == 1)
            (vitals,) = pia.resources.values()
            await vitals.state.saved()
            handle = await ada.page.wait_for_selector('iframe[title="Vitals"]', state="attached")
            assert handle is not None
            frame = await handle.content_frame()
            assert frame is not None
            await frame.wait_for_function("() => document.querySelector('#command')?.textContent")
            ecg = vitals.stream("ecg", mode="reliable")
            await ecg.send(struct.pack("<Ih", 0, 0))  # its channel opens
            await frame.wait_for_function("() => window.vitals.count === 1")
            session = await ada.page.context.new_cdp_session(ada.page)
            await session.send("Performance.enable")

            async def counted() -> tuple[int, int, int]:
                metrics = (await session.send("Performance.getMetrics"))["metrics"]
                layouts = {metric["name"]: metric["value"] for metric in metrics}["LayoutCount"]
                return int(layouts), *await ada.page.evaluate("[window.drawn, window.posted]")

            before = await counted()
            for number in range(1, MESSAGES):
                await ecg.send(struct.pack("<Ih", number, number % 100), timeout=10)
                vitals.presence["at"] = [number, number]
            await frame.wait_for_function(f"() => window.vitals.count === {MESSAGES}")
            layouts, drawn, posted = (
                now - then for now, then in zip(await counted(), before, strict=True)
            )
            assert (layouts, drawn) == (0, 0)
            assert posted < MESSAGES / 4
            assert ada.problems == []
