"""The page of `callmesh dev`, and the inspector in a call."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, FrameLocator, Locator, Page, expect

from callmesh.catalog import read_app
from callmesh.creating import create
from tests.browser.people import PHONE, person
from tests.processes import hub_process
from tests.test_developing import DevProcess

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

KEYS = [{"key": "items/**", "write": ["host"]}]
TAPS = """
const taps = resource.stream("taps", { mode: "latest" });
taps.subscribe(({ data }) => (document.title = `tapped ${data}`));
find("form").addEventListener("submit", () => void taps.send(1));
"""


class Bench:
    """The dev page, as an author has it."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.inspector = page.get_by_role("complementary", name="Inspector")

    def app(self, name: str) -> FrameLocator:
        return self.page.frame_locator(f'iframe[title="{name}"]').frame_locator("iframe")

    def item(self, name: str, text: str) -> Locator:
        return self.app(name).get_by_role("listitem").filter(has_text=text)

    async def add(self, name: str, text: str) -> None:
        await self.app(name).get_by_label("What to add").fill(text)
        await self.app(name).get_by_role("button", name="Add").click()

    async def turn(self, what: str, name: str, value: str) -> None:
        await self.page.get_by_label(f"{what} of {name}").select_option(value)

    async def until_loaded(self) -> None:
        """Wait until everybody has the app as its files are now."""
        await self.page.wait_for_function(
            "hash => [...document.querySelectorAll('.seat iframe')].every(seat => "
            "seat.contentDocument.querySelector('iframe')?.src.includes(hash))",
            arg=read_app(self.folder).hash,
        )

    def part(self, name: str) -> Locator:
        return self.inspector.get_by_role("region", name=name)

    def change(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[DevProcess]:
    create(tmp_path / "tea")
    script = tmp_path / "tea/app.js"
    script.write_text(script.read_text() + TAPS)
    manifest = json.loads((tmp_path / "tea/manifest.json").read_text())
    told = {**manifest, "capabilities": ["streams"], "languages": {"de": {"name": "Teerunde"}}}
    (tmp_path / "tea/manifest.json").write_text(json.dumps(told))
    dev = DevProcess(tmp_path / "tea", tmp_path / "scratch")
    try:
        yield dev
    finally:
        dev.process.kill()
        dev.process.communicate()


@pytest.fixture
async def bench(browser: Browser, dev: DevProcess, tmp_path: Path) -> Any:
    context = await browser.new_context(viewport={"width": 1500, "height": 900})
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    bench = Bench(page, tmp_path / "tea")
    await page.goto(dev.link)
    for name in ("Ada", "Bob"):
        await expect(bench.app(name).get_by_label("What to add")).to_be_visible()
    yield bench
    await context.close()
    assert problems == []


async def test_two_have_the_app_and_a_change_of_a_file_keeps_the_state(bench: Bench) -> None:
    """[A14, A15]"""
    await bench.add("Ada", "Milk")
    await expect(bench.item("Bob", "Milk")).to_be_visible()
    await bench.app("Bob").get_by_label("What to add").fill("Bre")
    bench.change("index.html", "<h1>Tea</h1>", "<h1>Tea round</h1>")
    for name in ("Ada", "Bob"):
        await expect(bench.app(name).get_by_role("heading", name="Tea round")).to_be_visible()
        await expect(bench.item(name, "Milk")).to_be_visible()
    await expect(bench.app("Bob").get_by_label("What to add")).to_have_value("Bre")
    manifest = (bench.folder / "manifest.json").read_text()
    (bench.folder / "manifest.json").write_text("{")
    await expect(bench.page.get_by_role("alert").filter(has_text="1:2:")).to_be_visible()
    await expect(bench.item("Bob", "Milk")).to_be_visible()
    (bench.folder / "manifest.json").write_text(manifest)
    await expect(bench.page.get_by_text("Loaded anew")).to_be_visible()


async def test_the_inspector_shows_what_is_in_the_call(bench: Bench) -> None:
    """[A17] Keys with writers, presence, streams, denied writes, and what each costs."""
    await bench.add("Bob", "Milk")
    state = bench.part("State")
    await expect(state.get_by_text('{"text":"Milk","by":"Bob"}')).to_be_visible()
    await expect(state.get_by_text("Bob ·").first).to_be_visible()
    costs = bench.inspector.get_by_role("row", name="Tea")
    await expect(costs).to_contain_text("Tea2")
    await state.get_by_label("Find keys").fill("/at")
    await expect(state.get_by_text('{"text"')).to_be_hidden()
    await bench.app("Bob").get_by_label("What to add").fill("Bread")
    await expect(bench.part("Presence")).to_contain_text('writing"Bob"Bob')
    await expect(bench.part("Streams")).to_contain_text("taps latest")
    taps = bench.part("Streams").get_by_role("row", name="Bob")
    await expect(taps).to_contain_text("direct")
    await expect(taps.get_by_title("1 B in all")).to_have_count(1)  # a tap of Bob's has come
    manifest = json.loads((bench.folder / "manifest.json").read_text())
    (bench.folder / "manifest.json").write_text(json.dumps({**manifest, "keys": KEYS}))
    await expect(bench.page.get_by_text("Loaded anew")).to_be_visible()
    await bench.page.get_by_label("Inspect as Bob").click()
    await bench.add("Bob", "Bread")
    await expect(bench.part("Denied writes")).to_contain_text("no_right only host may write")
    await expect(bench.part("Denied writes")).to_contain_text("of Tea")
    await expect(bench.item("Bob", "Bread")).to_have_count(0)
    await bench.inspector.get_by_role("button", name="The call itself").click()
    await expect(state.get_by_text("active")).to_be_visible()


async def test_links_are_cut_and_slow_and_come_back(bench: Bench) -> None:
    """[A16]"""
    await bench.turn("Link", "Bob", "offline")
    bob = bench.page.get_by_role("region", name="Bob")
    await expect(bob.get_by_text("away from the hub")).to_be_visible()
    await bench.add("Ada", "Milk")
    await bench.add("Bob", "Bread")
    await expect(bench.item("Bob", "Bread")).to_be_visible()
    await expect(bench.item("Ada", "Milk")).to_be_visible()
    await expect(bench.page.get_by_role("region", name="Ada").get_by_text("saved")).to_be_visible()
    assert await bench.item("Bob", "Milk").count() == await bench.item("Ada", "Bread").count() == 0
    await bench.turn("Link", "Bob", "lossy")
    await expect(bench.item("Bob", "Milk")).to_be_visible(timeout=20_000)
    await expect(bench.item("Ada", "Bread")).to_be_visible(timeout=20_000)
    await bench.turn("Link", "Bob", "good")
    await expect(bob.get_by_text("saved")).to_be_visible()


async def test_who_comes_late_and_who_they_are(bench: Bench) -> None:
    """[A14, A16] One more person; another role; one who goes."""
    await bench.add("Ada", "Milk")
    await bench.page.get_by_role("button", name="Late joiner").click()
    await expect(bench.item("Cem", "Milk")).to_be_visible()
    await bench.turn("Role", "Cem", "observer")
    await expect(bench.item("Cem", "Milk")).to_be_visible()
    await expect(bench.app("Cem").get_by_label("What to add")).to_be_hidden()
    await bench.app("Bob").get_by_label("What to add").fill("Bre")
    await expect(bench.app("Cem").get_by_text("Bob is writing…")).to_be_visible()
    await bench.page.get_by_label("Let Bob leave").click()
    await expect(bench.app("Cem").get_by_text("Bob is writing…")).to_be_hidden()


async def test_theme_language_and_size_are_those_that_are_chosen(bench: Bench) -> None:
    """[A16] For the app's styles, its scripts, and the name on its tab."""
    body = bench.app("Bob").locator("body")
    back = "body => getComputedStyle(body).backgroundColor"
    for theme, colour in (("dark", "rgb(24, 33, 42)"), ("light", "rgb(255, 255, 255)")):
        await bench.turn("Theme", "Bob", theme)
        await expect(body).to_have_css("background-color", colour)
        dark = "matchMedia('(prefers-color-scheme: dark)').matches"
        assert await body.evaluate(f"() => {dark}") == (theme == "dark")
    await bench.turn("Language", "Bob", "de")
    await expect(bench.app("Bob").get_by_label("What to add")).to_be_visible()
    assert await body.evaluate("() => navigator.languages") == ["de"]
    assert await body.evaluate(back) == "rgb(255, 255, 255)"
    assert await bench.app("Ada").locator("body").evaluate("() => navigator.language") != "de"
    await bench.page.get_by_role("region", name="Bob").get_by_role("button", name="Phone").click()
    frame = await bench.page.locator('iframe[title="Bob"]').bounding_box()
    assert frame is not None
    assert frame["width"] == 390


async def test_hosts_inspect_a_running_call(browser: Browser, tmp_path: Path) -> None:
    """[A17] A guest has no such button, and loses it with the role."""
    with hub_process(tmp_path) as hub:
        async with person(browser, "Ada") as ada, person(browser, "Bob", viewport=PHONE) as bob:
            await ada.join(hub.call("look"), role="host")
            await bob.join(hub.call("look"), role="host")
            await ada.add("Poll")
            await ada.app("Poll").get_by_label("Yes").check()
            await bob.page.get_by_role("button", name="Inspect").click()
            inspector = bob.page.get_by_role("complementary", name="Inspector")
            votes = inspector.locator(".key").filter(has_text="votes/")
            await expect(votes).to_contain_text("Ada")
            box = await inspector.bounding_box()
            assert box is not None
            assert box["width"] == PHONE["width"]
            bobs = await bob.in_call("call.me.person")
            await ada.in_call(f"call.hosting.setRole({json.dumps(bobs)}, 'guest')")
            await expect(inspector).to_be_hidden()
            await expect(bob.page.get_by_role("button", name="Inspect")).to_have_count(0)
            assert (ada.problems, bob.problems) == ([], [])
