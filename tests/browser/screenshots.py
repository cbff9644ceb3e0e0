"""`make screenshots`: every screen of the call page as a picture, to be looked at.

`python -m tests.browser.screenshots FOLDER [LANGUAGE …]` writes `<screen>-<width>-<theme>.png`, and
`<screen>-<width>-<theme>-<language>.png` of other languages than English.
"""

import asyncio
import base64
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.browser.screens import HANGS, keyed, see_all
from tests.conftest import FAKE_DEVICES
from tests.processes import HubProcess, hub_process

SIZES = ((1280, 800), (820, 1180), (390, 844))
THEMES = ("light", "dark")
STILL = "*, ::before, ::after { transition: none !important; animation: none !important }"


async def shoot(
    browser: Browser, hub: HubProcess, folder: Path, size: tuple[int, int], theme: str, tag: str
) -> None:
    """All screens in one look."""
    name = f"{size[0]}-{theme}" + ("" if tag == "en" else f"-{tag}")

    async def take(screen: str, page: Page) -> None:
        path = folder / f"{screen}-{name}.png"
        if screen != HANGS:
            await page.screenshot(path=path, style=STILL)
            return
        session = await page.context.new_cdp_session(page)  # it asks nothing of frames
        picture = await session.send("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(picture["data"]))

    look: dict[str, Any] = {
        "viewport": {"width": size[0], "height": size[1]},
        "color_scheme": theme,
        "has_touch": size[0] < 1000,
    }
    await see_all(browser, hub, f"round-{name}", take, language=tag, patient=True, **look)
    print(name)


async def main(folder: Path, tags: list[str]) -> None:
    with tempfile.TemporaryDirectory() as kept, hub_process(**keyed(Path(kept))) as hub:
        async with async_playwright() as playwright:
            path = shutil.which(os.environ.get("CHROMIUM", "chromium"))
            browser = await playwright.chromium.launch(executable_path=path, args=FAKE_DEVICES)
            for tag in tags:
                for size in SIZES:
                    for theme in THEMES:
                        await shoot(browser, hub, folder, size, theme, tag)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:] or ["en"]))
