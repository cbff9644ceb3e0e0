"""Every screen of the call page in one journey, in whatever language."""

import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, expect

from tests.browser.people import Person, person
from tests.processes import HubProcess

APPS = ("poll", "vitals", "whiteboard")
HANGS = "hangs"
HANG = """() => {
    const end = Date.now() + 15_000;
    setTimeout(() => { while (Date.now() < end); });
}"""
LOCK = "call.hosting.lock().then(() => true)"
UNLOCK = "call.hosting.lock(false).then(() => true)"

Visit = Callable[[str, Page], Awaitable[None]]
"""What is done on each screen: its name, and the page that shows it."""


def keyed(folder: Path) -> dict[str, Any]:
    """The options of a hub with a key: at others nobody waits."""
    key = folder / "callmesh.key"
    key.write_text("0123456789abcdef0123456789abcdef")
    return {"data": folder / "data", "key": key}


@dataclasses.dataclass
class Journey:
    """A host and a guest, from the lobby to the end. What they press is found by its icon."""

    hub: HubProcess
    visit: Visit
    host: Person
    guest: Person
    language: str

    async def arrive(self, call: str) -> None:
        host, guest = self.host.page, self.guest.page
        await guest.goto(f"{self.hub.call(call)}#token=wrong&lang={self.language}")
        await self._enter(self.guest)
        await expect(guest.locator(".problem")).to_be_visible()
        await self.visit("lobby-problem", guest)
        await guest.goto("about:blank")
        await host.goto(f"{self.hub.invite(call, '--role', 'host')}&lang={self.language}")
        await expect(host.locator(".picture video")).to_be_visible()
        await self.visit("lobby", host)
        await self._enter(self.host)
        await self.host.until_call("call.status === 'synced'")
        await self.visit("call-empty", host)
        await self.host.in_call(LOCK)
        await expect(host.locator(".locked-mark .icon-lock")).to_be_visible()
        await self.visit("locked", host)
        await guest.goto(f"{self.hub.invite(call)}&lang={self.language}")
        await self._enter(self.guest)
        await expect(guest.locator(".waiting-mark .icon-lock")).to_be_attached()
        await self.visit("waiting-locked", guest)
        await self.host.in_call(UNLOCK)
        await expect(guest.locator(".waiting-mark .icon-clock")).to_be_attached()
        await self.visit("waiting", guest)
        await expect(host.locator(".knocking.shown")).to_be_visible()
        await self.visit("knocking", host)

    async def meet(self) -> None:
        host = self.host.page
        await self.press("people")
        await host.locator(".knock [aria-expanded]").click()
        await expect(host.locator(".hold")).to_be_visible()
        await self.visit("people-waiting", host)
        await host.locator(".knock .primary").click()
        await self.guest.until_call("call.status === 'synced'")
        await host.locator("li.person [aria-expanded]").last.click()
        await self.visit("people", host)
        await host.keyboard.press("Escape")

    async def add_apps(self) -> None:
        host = self.host.page
        for app in APPS:
            await self.press("apps")
            if app == APPS[0]:
                await expect(host.locator(".apps li").nth(len(APPS) - 1)).to_be_visible()
                await self.visit("drawer", host)
            await host.locator(f".apps li:has({of(app)})").get_by_role("button").click()
            await expect(host.locator("dialog[open]")).to_have_count(0)
            await self._until_it_speaks(self.host, app)
        for app in APPS:
            await host.locator(f".tab:has({of(app)})").click()
            await self.visit(f"call-{app}", host)
        await self.press("expand", within=".bar")
        await expect(host.locator(".full-screen-end")).to_be_focused()
        await self.visit("whole", host)
        await self.press("shrink")
        await expect(host.locator(".full-screen-end")).to_have_count(0)
        await self.press("people", within=".bar")
        await host.locator("dialog[open] select").select_option("view")
        await self.visit("access", host)
        await host.keyboard.press("Escape")
        await self.visit("call-guest", self.guest.page)

    async def hang(self) -> None:
        """It takes a while until that is noticed."""
        page = self.guest.page
        await self._until_it_speaks(self.guest, APPS[-1])
        title = await page.locator(f"iframe{of(APPS[-1])}").get_attribute("title")
        await self.guest.in_app(title or "", HANG)
        again = page.locator(".outdated .button")
        await expect(again).to_be_visible(timeout=20_000)
        await self.visit(HANGS, page)
        await again.click()
        await expect(again).to_have_count(0)

    async def stray(self) -> None:
        """An app that leads its frame elsewhere is stopped."""
        page = self.guest.page
        await self._until_it_speaks(self.guest, APPS[-1])
        frame = page.frame_locator(f"iframe{of(APPS[-1])}").locator("html")
        await frame.evaluate("() => void setTimeout(() => { location.href = 'about:blank'; })")
        again = page.locator(".panel:not([hidden]) .panel-words .button")
        await expect(again).to_be_visible()
        await self.visit("stopped", page)
        await again.click()
        await expect(again).to_have_count(0)

    async def talk(self) -> None:
        host = self.host.page
        await self.press("chat")
        await host.locator(".compose textarea").fill("Good morning")
        await host.keyboard.press("Enter")
        await expect(host.locator(".said")).to_be_visible()
        await self.visit("chat", host)
        await host.keyboard.press("Escape")
        await host.locator(".reactions > .button").click()
        await self.visit("react", host)
        await host.keyboard.press("Escape")

    async def share(self) -> None:
        host, guest = self.host.page, self.guest.page
        await self.press("settings")
        await expect(host.locator("dialog[open] .level")).to_be_visible()
        await self.visit("devices", host)
        await host.keyboard.press("Escape")
        await self.press("screen")
        await expect(guest.locator(".screen video")).to_be_visible()
        await self.visit("screen", guest)
        await self.visit("sharing", host)
        await self.press("screen")
        await expect(guest.locator(".screen")).to_have_count(0)

    async def part(self) -> None:
        host = self.host.page
        await self.press("inspect", within=".bar")
        await expect(host.locator(".inspector")).to_be_visible()
        await self.visit("inspector", host)
        await self.press("close", within=".inspector")
        await self.press("remove", within=".bar")
        await expect(host.locator(".knocking .button:has(.icon-undo)")).to_be_focused()
        await expect(host.locator(f"iframe{of(APPS[-1])}")).to_have_count(0)
        await self.visit("removed", host)
        await host.keyboard.press("Enter")
        await expect(host.locator(".icon-undo")).to_have_count(0)
        await self.press("leave", within=".actions")
        await expect(host.locator("dialog[open] .heir")).to_be_visible()
        await self.visit("leave", host)
        await host.locator("dialog[open] .danger").click()
        for name, page in (("over-host", host), ("over", self.guest.page)):
            await expect(page.locator(".goodbye")).to_be_visible()
            await self.visit(name, page)

    async def press(self, icon: str, *, within: str = ".controls") -> None:
        await self.host.page.locator(f"{within} .button:has(.icon-{icon})").click()

    async def _until_it_speaks(self, who: Person, app: str) -> None:
        frame = who.page.frame_locator(f"iframe{of(app)}")
        await expect(frame.locator(f"html[lang={self.language}][dir]")).to_be_attached()

    @staticmethod
    async def _enter(who: Person) -> None:
        await who.page.locator("input[name=name]").fill(who.name)
        await who.page.locator(".lobby-form .primary").click()


def of(app: str) -> str:
    """Its icon or its frame, in whatever language it has its name."""
    return f"[src*='/{app}/']"


async def see_all(
    browser: Browser,
    hub: HubProcess,
    call: str,
    visit: Visit,
    *,
    language: str = "en",
    patient: bool = False,
    **look: Any,
) -> None:
    """
    Do `visit` on every screen, also those that take long to come if one is `patient`.

    `look` is of the browser's context, as its viewport.
    """
    options = {"reduced_motion": "reduce", **look}
    async with (
        person(browser, "Ada Lovelace", **options) as host,
        person(browser, "Bob", **options) as guest,
    ):
        journey = Journey(hub, visit, host, guest, language)
        await journey.arrive(call)
        await journey.meet()
        await journey.add_apps()
        await journey.stray()
        if patient:
            await journey.hang()
        await journey.talk()
        await journey.share()
        await journey.part()
        assert host.problems == guest.problems == []
