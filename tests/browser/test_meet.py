"""What people do in a call beside apps: chat, hands, reactions, faces, finding an app."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.browser.people import DEVICES, PHONE, Person, person
from tests.browser.screens import keyed
from tests.processes import hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

FORGE = """(async () => {
    const talk = call.resources.all().find(({ app }) => app === "talk");
    talk.state.set(`chat/PERSON/x`, { name: "Ada", text: "I owe Bob 100" });
    return talk.state.canWrite(`chat/PERSON/x`);
})()"""


COUNT_CHIMES = """
    const { createOscillator } = AudioContext.prototype;
    window.chimes = 0;
    AudioContext.prototype.createOscillator = function () {
        window.chimes += 1;
        return createOscillator.call(this);
    };
"""


async def write(one: Person, text: str) -> None:
    await one.page.get_by_label("Write to everybody").fill(text)
    await one.page.get_by_label("Write to everybody").press("Enter")


def log(one: Person) -> Locator:
    return one.page.get_by_role("log")


async def test_who_writes_is_read_by_who_is_there_and_who_comes_later(
    browser: Browser, tmp_path: Path
) -> None:
    """[G7]"""
    with hub_process(tmp_path) as hub:
        async with (
            person(browser, "Ada") as ada,
            person(browser, "Bob", viewport=PHONE) as bob,
            person(browser, "Lee") as lee,
        ):
            await ada.join(hub.call(), role="host")
            await bob.join(hub.call(), role="guest")
            for one in (ada, bob):
                await one.page.get_by_role("button", name="Chat").click()
                await one.page.get_by_label("Write to everybody").fill(f"first of {one.name}")
            await asyncio.gather(
                *(one.page.get_by_label("Write to everybody").press("Enter") for one in (ada, bob))
            )
            for one in (ada, bob):
                for name in ("Ada", "Bob"):
                    await expect(log(one)).to_contain_text(f"first of {name}")
            await expect(ada.page.get_by_role("tab")).to_have_count(0)

            await ada.page.get_by_role("button", name="Chat").click()
            await write(bob, "Hello <b>you</b>")
            await expect(ada.page.get_by_text("Bob: Hello <b>you</b>")).to_be_visible()
            await expect(ada.page.get_by_role("button", name="Chat")).to_contain_text("1 unread")
            await ada.page.get_by_role("button", name="Chat").click()
            await expect(ada.page.get_by_role("button", name="Chat")).not_to_contain_text("unread")
            await expect(log(ada)).to_contain_text("Hello <b>you</b>")

            person_of_ada = await ada.in_call("call.me.person")
            assert await bob.in_call(FORGE.replace("PERSON", person_of_ada)) is False
            await ada.page.get_by_label("Write to everybody").fill("the last")
            await ada.page.keyboard.press("Escape")
            await ada.page.get_by_role("button", name="Chat").click()
            await expect(ada.page.get_by_label("Write to everybody")).to_have_value("the last")
            await write(ada, "the last one")
            await expect(log(bob)).to_contain_text("the last one")

            await lee.join(hub.call(), role="observer")
            await lee.page.get_by_role("button", name="Chat").click()
            await expect(log(lee)).to_contain_text("the last one")
            await expect(log(lee)).not_to_contain_text("I owe")
            await expect(lee.page.get_by_text("You may read, and not write.")).to_be_visible()
            assert ada.problems == bob.problems == lee.problems == []


async def test_a_hand_stays_up_and_a_reaction_passes(browser: Browser, tmp_path: Path) -> None:
    """[G7] A hand goes with who raised it; Escape closes the menu, and gives the focus back."""
    with hub_process(tmp_path) as hub:
        async with person(browser, "Ada") as ada:
            async with person(browser, "Bob") as bob:
                await ada.join(hub.call(), role="host")
                await bob.join(hub.call(), role="guest")
                react = bob.page.get_by_role("button", name="React", exact=True)
                await react.click()
                await bob.page.keyboard.press("Escape")
                await expect(react).to_be_focused()
                await react.click()
                await bob.page.get_by_role("button", name="Raise your hand").click()
                await expect(ada.tile("Bob")).to_contain_text("Bob has raised a hand")
                await react.click()
                await bob.page.get_by_role("button", name="React with 🎉").click()
                await expect(ada.tile("Bob")).to_contain_text("🎉")
                await expect(ada.tile("Bob")).not_to_contain_text("🎉", timeout=10_000)
                await react.click()
                await bob.page.get_by_role("button", name="Lower your hand").click()
                await expect(ada.tile("Bob")).not_to_contain_text("raised a hand")
                await react.click()
                await bob.page.get_by_role("button", name="Raise your hand").click()
                await expect(ada.tile("Bob")).to_contain_text("Bob has raised a hand")
            await expect(ada.page.get_by_text("raised a hand")).to_have_count(0)
            assert ada.problems == []


async def test_without_an_app_the_faces_have_the_floor(browser: Browser, tmp_path: Path) -> None:
    """[G8] Until there is one; on a phone too."""
    share = """() => {
        const { width, height } = document.querySelector(".tiles").getBoundingClientRect();
        return width * height / (innerWidth * innerHeight);
    }"""
    with hub_process(tmp_path) as hub:
        async with (
            person(browser, "Ada") as ada,
            person(browser, "Bob", viewport=PHONE) as bob,
        ):
            await ada.join(hub.call(), role="host")
            await bob.join(hub.call(), role="guest")
            for one in (ada, bob):
                await expect(one.tile("Ada")).to_be_visible()
                assert await one.page.evaluate(share) > 0.5
            await ada.add("Poll")
            for one in (ada, bob):
                await expect(one.app("Poll").get_by_text("Do you agree?")).to_be_visible()
                assert await one.page.evaluate(share) < 0.25
            await expect(ada.page.get_by_role("tab")).to_have_count(1)


async def test_an_app_is_found_and_has_the_whole_screen(browser: Browser, tmp_path: Path) -> None:
    """[G9]"""
    with hub_process(tmp_path) as hub:
        async with person(browser, "Ada") as ada:
            await ada.join(hub.call(), role="host")
            await ada.page.get_by_role("button", name="Apps", exact=True).click()
            search = ada.page.get_by_label("Search apps")
            board = ada.page.get_by_role("listitem").filter(has_text="Whiteboard")
            asks = board.get_by_text("Sends live data · Sees who is here", exact=True)
            await expect(asks).to_be_visible()
            await search.fill("nothing at all")
            await expect(ada.page.get_by_text("No app has “nothing at all”")).to_be_visible()
            await search.fill("VOTE question")
            drawer = ada.page.get_by_role("dialog")
            await expect(drawer.get_by_role("button", name="Add ")).to_have_count(1)
            await ada.page.get_by_role("button", name="Add Poll").click()
            await ada.page.get_by_role("button", name="Show the stage on the whole screen").click()
            leave = ada.page.get_by_role("button", name="Leave the whole screen")
            await expect(leave).to_be_visible()
            await expect(leave).to_be_focused()
            await leave.click()
            await ada.page.wait_for_function("() => document.fullscreenElement === null")
            assert ada.problems == []


async def test_a_dialog_closes_by_a_press_that_begins_and_ends_outside(
    browser: Browser, tmp_path: Path
) -> None:
    """[G17]"""
    with hub_process(tmp_path) as hub:
        async with person(browser, "Ada") as ada:
            await ada.join(hub.call(), role="host")
            await ada.page.get_by_role("button", name="Apps", exact=True).click()
            drawer = ada.page.get_by_role("dialog")
            search = await drawer.get_by_label("Search apps").bounding_box()
            assert search is not None
            inside = search["x"] + 30, search["y"] + search["height"] / 2
            outside = 5, inside[1]
            mouse = ada.page.mouse
            for begin, end in ((inside, outside), (outside, inside), (outside, outside)):
                await expect(drawer).to_be_visible()
                await mouse.move(*begin)
                await mouse.down()
                await mouse.move(*end)
                await mouse.up()
            await expect(drawer).to_be_hidden()


async def test_on_the_whole_screen_notices_and_dialogs_are_there(
    browser: Browser, tmp_path: Path
) -> None:
    """[G16] And what turns off microphone and camera; who asks to be let in is heard too."""
    with hub_process(**keyed(tmp_path)) as hub:
        async with (
            person(browser, "Ada", permissions=DEVICES, before=COUNT_CHIMES) as ada,
            person(browser, "Bob") as bob,
        ):
            await ada.page.goto(hub.invite("round", "--role", "host"))
            await ada.enter()
            await ada.add("Poll")
            await ada.page.get_by_role("button", name="Show the stage on the whole screen").click()
            leave = ada.page.get_by_role("button", name="Leave the whole screen")
            await expect(leave).to_be_focused()
            for gone in (".tiles", ".header h1", ".actions"):
                await expect(ada.page.locator(gone)).to_be_hidden()
            for device in ("Microphone", "Camera"):
                button = ada.page.get_by_role("button", name=device)
                await button.click()
                await expect(button).to_have_attribute("aria-pressed", "false")
            await expect(ada.page.locator(".controls .button:visible")).to_have_count(3)

            await bob.knock(hub.invite("round"))
            await expect(ada.page.get_by_text("Bob waits to be let in")).to_be_visible()
            await ada.page.wait_for_function("() => chimes > 0")
            await ada.page.get_by_role("button", name="View").click()
            await expect(ada.panel).to_be_visible()
            await ada.panel.get_by_role("button", name="Admit Bob").click()
            await bob.until_call("call.status === 'synced'")
            await ada.panel.get_by_role("button", name="Close").click()
            await bob.page.get_by_role("button", name="Chat").click()
            await write(bob, "Hello")
            await expect(ada.page.get_by_text("Bob: Hello")).to_be_visible()

            await leave.click()
            await expect(ada.page.locator(".tiles")).to_be_visible()
            await ada.page.get_by_role("button", name="Show the stage on the whole screen").click()
            await expect(leave).to_be_focused()
            await ada.in_call("call.leave()")
            await ada.page.wait_for_function("() => document.fullscreenElement === null")
            assert ada.problems == bob.problems == []


async def test_what_words_of_state_mean_is_told_by_keyboard_and_touch(
    browser: Browser, tmp_path: Path
) -> None:
    """[G14]"""
    with hub_process(tmp_path) as hub:
        async with (
            person(browser, "Ada") as ada,
            person(browser, "Bob", viewport=PHONE, has_touch=True) as bob,
        ):
            await ada.join(hub.call(), role="host")
            await bob.join(hub.call(), role="guest")
            await ada.in_call("call.hosting.lock().then(() => true)")
            told = ada.page.get_by_role("note")
            for word, means in (("Saved", "on the hub's disk"), ("Locked", "nobody new comes in")):
                button = ada.page.get_by_role("button", name=word)
                await button.focus()
                await ada.page.keyboard.press("Enter")
                await expect(button).to_have_attribute("aria-expanded", "true")
                await expect(told).to_contain_text(means)
                await expect(told).to_be_in_viewport(ratio=1)
                await ada.page.keyboard.press("Escape")
                await expect(told).to_have_count(0)
            await bob.until_path("Ada", "direct")
            await bob.tile("Ada").get_by_role("button", name="direct").tap()
            told = bob.page.get_by_role("note")
            await expect(told).to_have_text("Ada is connected directly")
            await expect(told).to_be_in_viewport(ratio=1)
            await bob.page.get_by_role("button", name="Saved").tap()
            await expect(told).to_contain_text("on the hub's disk")
            await bob.tile("Ada").get_by_role("button", name="direct").tap()
            assert ada.problems == bob.problems == []
