"""What holds on every screen of the call page, for everybody."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, Frame, Page

from tests.browser.people import DESKTOP, PHONE
from tests.browser.screens import keyed, see_all
from tests.processes import ROOT, HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RUN = """() => axe.run(document, { iframes: false, resultTypes: ["violations"] })
    .then(({ violations }) => violations)"""
ZOOMED = {"width": 640, "height": 400}
"""What is left of 1280 × 800 at 200 %."""
WIDTHS = """() => [document.documentElement.scrollWidth, innerWidth]"""
MOVING = """() =>
    document.getAnimations().filter(({ playState }) => playState === "running").length"""
GRAVE = ("serious", "critical")
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESKTOP, "color_scheme": "light"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "has_touch": True},
    "arabic": {"viewport": PHONE, "color_scheme": "dark", "language": "ar"},
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with hub_process(**keyed(tmp_path_factory.mktemp("hub"))) as hub:
        yield hub


async def frames_in(page: Page) -> list[Frame]:
    """Those that stand in the page now: what Playwright lists may have gone with the call."""
    stand = [await one.content_frame() for one in await page.query_selector_all("iframe")]
    return [page.main_frame, *(frame for frame in stand if frame is not None)]


async def found_by_axe(frame: Frame) -> list[str]:
    """What is grave, a line for each place."""
    await frame.evaluate(AXE.read_text())
    return [
        f"{found['impact']} {found['id']}: {found['help']}\n    {node['html'][:160]}\n"
        + "\n".join(f"    {check['message']}" for check in node["any"] + node["all"])
        for found in await frame.evaluate(RUN)
        if found["impact"] in GRAVE
        for node in found["nodes"]
    ]


async def cut_off(page: Page) -> list[str]:
    wide, room = await page.evaluate(WIDTHS)
    return [f"{wide} px wide, where there is room for {room}"] if wide > room else []


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing_grave_on_any_screen(
    browser: Browser, hub: HubProcess, look: str
) -> None:
    """[G10, G11] In the frames of the built-in apps neither."""
    problems: dict[str, None] = {}

    async def visit(name: str, page: Page) -> None:
        for frame in await frames_in(page):
            where = "the page" if frame == page.main_frame else "an app"
            for found in await found_by_axe(frame):
                problems.setdefault(f"{name}, {where}: {found}")
        for found in await cut_off(page):
            problems.setdefault(f"{name}: {found}")

    await see_all(browser, hub, f"axe-{look}", visit, **LOOKS[look])
    assert not problems, "\n".join(problems)


async def test_at_200_percent_nothing_is_cut_off(browser: Browser, hub: HubProcess) -> None:
    """[G11] Nor does anything move, where somebody has asked for that."""
    problems: list[str] = []

    async def visit(name: str, page: Page) -> None:
        problems.extend(f"{name}: {found}" for found in await cut_off(page))
        moving = await page.evaluate(MOVING)
        if moving:
            problems.append(f"{name}: {moving} things move")

    await see_all(browser, hub, "zoomed", visit, viewport=ZOOMED)
    assert not problems, "\n".join(problems)
