"""A call with the keyboard alone: nobody here has a mouse."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.people import person
from tests.browser.screens import keyed
from tests.processes import HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

STEPS = 60
"""As often as Tab is pressed at most before one is where one wants to be."""
FOCUSED = """() => {
    const one = document.activeElement;
    if (one === document.body) return "";
    if (one.tagName === "IFRAME") return "an app";
    const words = one?.getAttribute("aria-label") ?? one?.labels?.[0]?.textContent
        ?? one?.textContent ?? "";
    return words.trim();
}"""
IS_SEEN = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const { top, bottom, left, right, width } = one.getBoundingClientRect();
    const within = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
    const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    return one.tagName === "IFRAME" || (within && width > 0 && ring);
}"""

RAISED = """call.resources.all().some(({ presence }) =>
    [...presence.all()].some(([, { hand }]) => hand !== undefined))"""
HOLD_UP = """void (window.asked = 0, call.resources.add = () => new Promise((_, refuse) => {
    window.asked += 1;
    window.refuse = () => refuse(new Error("full"));
}))"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with hub_process(**keyed(tmp_path_factory.mktemp("hub"))) as hub:
        yield hub


class Keys:
    """Somebody's hands. Wherever they come by, the focus is to be seen."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def to(self, words: str, *, back: bool = False) -> None:
        """Go on, or back, to what has these words first."""
        seen = []
        for _ in range(STEPS):
            found = await self.page.evaluate(FOCUSED)
            if found.startswith(words):
                assert await self.page.evaluate(IS_SEEN), f"the focus is not seen on {found}"
                return
            await self.page.keyboard.press("Shift+Tab" if back else "Tab")
            seen.append(found)
        raise AssertionError(f"{words} is not reached; there are {seen}")

    async def press(self, words: str, *, key: str = "Enter", back: bool = False) -> None:
        await self.to(words, back=back)
        await self.page.keyboard.press(key)

    async def around(self) -> None:
        """On and on, to where the page ends: nothing keeps the focus."""
        for _ in range(STEPS):
            await self.page.keyboard.press("Tab")
            if await self.page.evaluate(FOCUSED) == "":
                return
            assert await self.page.evaluate(IS_SEEN), await self.page.evaluate(FOCUSED)
        raise AssertionError("the focus does not leave the page")

    async def write(self, words: str, text: str) -> None:
        await self.to(words)
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.type(text)


async def test_a_whole_call_with_the_keyboard_alone(browser: Browser, hub: HubProcess) -> None:
    """[G51] Arrive, add apps, look elsewhere and back, write, raise a hand, admit, leave."""
    async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
        keys, page = Keys(ada.page), ada.page
        await page.goto(hub.invite("keys", "--role", "host"))
        await keys.write("Your name", "Ada")
        await keys.press("Join")
        await ada.until_call("call.status === 'synced'")
        for app in ("Poll", "Vitals"):
            await keys.press("Apps")
            await keys.write("Search apps", app)
            await keys.press(f"Add {app}")
            await expect(page.get_by_role("dialog")).to_be_hidden()
            await expect(ada.tab(app)).to_have_attribute("aria-selected", "true")
        await keys.to("Vitals")
        await page.keyboard.press("ArrowLeft")
        await keys.press("Poll")
        await expect(ada.tab("Poll")).to_have_attribute("aria-selected", "true")
        await keys.press("Back")
        await expect(ada.tab("Vitals")).to_have_attribute("aria-selected", "true")
        await keys.press("Chat")
        await keys.write("Write to everybody", "Good morning")
        await page.keyboard.press("Enter")
        await expect(page.locator(".said")).to_contain_text("Good morning")
        await keys.around()
        await keys.to("Write to everybody")
        await page.keyboard.press("Escape")
        await expect(page.locator(".compose")).to_have_count(0)
        await keys.press("React")
        await keys.press("Raise your hand", key="Space")
        await ada.until_call(RAISED)
        microphone = page.locator(".controls").get_by_role("button", name="Microphone")
        before = await microphone.get_attribute("aria-pressed")
        await keys.press("Microphone", key="Space")
        await expect(microphone).not_to_have_attribute("aria-pressed", str(before))
        await bob.knock(hub.invite("keys"))
        await keys.press("People")
        await keys.press("Admit Bob")
        await bob.until_call("call.status === 'synced'")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await keys.press("Remove Vitals")
        await keys.press("Undo")
        await expect(ada.tab("Vitals")).to_be_visible()
        await keys.press("Leave", back=True)
        await expect(page.get_by_role("dialog", name="Leave the call?")).to_be_visible()
        await keys.press("Leave")
        await expect(page.get_by_role("heading", name="You left the call")).to_be_focused()
        await keys.to("Join again")
        assert ada.problems == bob.problems == []


async def test_what_works_keeps_the_focus(browser: Browser, hub: HubProcess) -> None:
    """[G51] Also where nothing comes of it; pressed again meanwhile it does nothing."""
    async with person(browser, "Ada") as ada:
        keys, page = Keys(ada.page), ada.page
        await page.goto(f"{hub.call('focus')}#token=wrong")
        await keys.write("Your name", "Ada")
        await keys.press("Join")
        await expect(page.locator("form .problem")).to_be_visible()
        await expect(page.get_by_role("button", name="Join")).to_be_focused()
        await page.goto(hub.invite("focus", "--role", "host"))
        await ada.enter()
        await ada.in_call(HOLD_UP)
        await keys.press("Apps")
        await keys.press("Add Poll")
        add = page.get_by_role("button", name="Add Poll")
        await expect(add).to_have_attribute("aria-disabled", "true")
        await expect(add).to_be_focused()
        await page.keyboard.press("Enter")
        await page.evaluate("window.refuse()")
        await expect(add).to_have_attribute("aria-disabled", "false")
        await expect(add).to_be_focused()
        assert await page.evaluate("window.asked") == 1
