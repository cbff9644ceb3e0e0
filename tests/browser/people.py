"""People at browsers, as the tests move them."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, FrameLocator, Locator, Page, expect

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


DEVICES = ["camera", "microphone"]
"""What a page may use where somebody has said so."""


@dataclass
class Person:
    """Somebody at a browser of their own. `problems` is what the console said was wrong."""

    page: Page
    name: str
    problems: list[str] = field(default_factory=list)

    async def join(self, call: str, *, role: str = "guest") -> None:
        await self.page.goto(f"{call}#role={role}")
        await self.enter()

    async def enter(self) -> None:
        await self._ask()
        await expect(self.page.locator(".tiles")).to_be_visible()
        await self.page.wait_for_function("() => window.callmesh?.call.status === 'synced'")

    async def _ask(self) -> None:
        """Fill in the lobby, in whatever language."""
        await self.page.locator("input[name=name]").fill(self.name)
        await self.page.locator("form button.primary").click()

    async def knock(self, link: str) -> None:
        """Ask to be let in, and wait."""
        await self.page.goto(link)
        await self._ask()
        await expect(self.waiting).to_be_visible()

    @property
    def waiting(self) -> Locator:
        return self.page.get_by_role("heading", name="Waiting to be let in")

    @property
    def panel(self) -> Locator:
        return self.page.get_by_role("dialog", name="People")

    async def open_people(self) -> Locator:
        """The panel of people."""
        await self.page.get_by_role("button", name="People").click()
        await expect(self.panel).to_be_visible()
        return self.panel

    async def add(self, app: str) -> None:
        """Add an app by way of the drawer; it is then in view."""
        await self.page.get_by_role("button", name="Apps", exact=True).click()
        await self.page.get_by_role("button", name=f"Add {app}").click()
        await expect(self.page.get_by_role("dialog")).to_be_hidden()

    def tab(self, title: str) -> Any:
        return self.page.get_by_role("tab", name=title)

    def app(self, title: str) -> FrameLocator:
        """The frame of a resource."""
        return self.page.frame_locator(f'iframe[title="{title}"]')

    async def in_app(self, title: str, script: str) -> Any:
        """Run `script` inside a resource's frame."""
        handle = await self.page.wait_for_selector(f'iframe[title="{title}"]', state="attached")
        assert handle is not None
        frame = await handle.content_frame()
        assert frame is not None
        return await frame.evaluate(script)

    async def until_connected(self, title: str) -> None:
        """Wait until *vitals* in a frame has its connection: a later one takes its place."""
        words = self.app(title).locator("body")
        await expect(words).to_contain_text("--resource r", timeout=20_000)

    async def in_call(self, script: str) -> Any:
        """The value of an expression about `call`."""
        return await self.page.evaluate(f"(call => {script})(window.callmesh.call)")

    async def until_path(self, name: str, path: str, *, timeout: float = 15_000) -> None:
        """Wait until this browser reaches everybody of that name in that way."""
        await self.until_call(
            f"(named => named.length > 0 && named.every(p => call.path(p.id) === '{path}'))"
            f"([...call.participants.values()].filter(p => p.name === '{name}'))",
            timeout=timeout,
        )

    def tile(self, name: str) -> Locator:
        """The tile of somebody in the call."""
        tiles = self.page.get_by_role("list", name="Participants")
        return tiles.get_by_role("listitem").filter(has_text=name)

    async def until_call(self, script: str, *, timeout: float = 15_000) -> None:
        """Wait until an expression about `call` is true."""
        await self.page.wait_for_function(
            f"() => (call => call && {script})(window.callmesh?.call)",
            timeout=timeout,
        )


@contextlib.asynccontextmanager
async def person(
    browser: Browser, name: str, *, before: str = "", **options: Any
) -> AsyncIterator[Person]:
    """Somebody with a browser profile of their own; `before` runs in every document first."""
    context = await browser.new_context(**{"viewport": DESKTOP, **options})
    page = await context.new_page()
    someone = Person(page, name)
    page.on("pageerror", lambda error: someone.problems.append(str(error)))
    if before:
        await page.add_init_script(before)
    try:
        yield someone
    finally:
        await context.close()


@contextlib.asynccontextmanager
async def two_with_devices(
    browser: Browser, call: str, *, ada: str = "", bob: str = ""
) -> AsyncIterator[tuple[Person, Person]]:
    """Ada, a host, and Bob, a guest, have joined; `ada` and `bob` are what runs `before`."""
    async with (
        person(browser, "Ada", permissions=DEVICES, before=ada) as one,
        person(browser, "Bob", permissions=DEVICES, before=bob) as other,
    ):
        await one.join(call, role="host")
        await other.join(call, role="guest")
        yield one, other
