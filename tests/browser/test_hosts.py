"""The waiting area and what hosts do, in real browsers, at a hub with a key."""

import contextlib
import json
import re
import shutil
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.people import PHONE, Person, person
from tests.processes import ROOT, HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

CRASHER = ROOT / "tests/apps/crasher"
KEY = "0123456789abcdef0123456789abcdef"
FOCUSED = """(one => one?.getAttribute("aria-label") ?? one?.textContent)(document.activeElement)"""
SOON = "I will be with you in a few minutes."


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("hub")
    (folder / "callmesh.key").write_text(KEY)
    with hub_process(folder / "data", key=folder / "callmesh.key") as hub:
        yield hub


@contextlib.asynccontextmanager
async def host_of(browser: Browser, hub: HubProcess, call: str) -> AsyncIterator[Person]:
    async with person(browser, "Ada") as ada:
        await ada.page.goto(hub.invite(call, "--role", "host"))
        await ada.enter()
        yield ada


async def test_a_guest_waits_is_held_with_words_and_is_let_in(
    browser: Browser, hub: HubProcess
) -> None:
    """[J18, J19] The host sees a notice; the guest gets the app that is there already."""
    async with host_of(browser, hub, "held") as ada, person(browser, "Bob") as bob:
        await ada.add("Poll")
        await bob.knock(hub.invite("held"))
        await expect(
            bob.page.get_by_role("status").filter(has_text="see that you wait")
        ).to_be_visible()
        await expect(bob.page.get_by_role("button", name="Microphone")).to_be_enabled()
        assert await bob.page.evaluate("window.callmesh") is None
        notice = ada.page.get_by_role("status").filter(has_text="Bob waits to be let in")
        await expect(notice).to_be_visible()
        await expect(ada.page).to_have_title("(1) held · call")
        await ada.page.get_by_role("button", name="View").click()
        await expect(notice).to_have_count(0)
        await ada.panel.get_by_role("button", name="Hold Bob").click()
        await ada.panel.get_by_role("button", name=SOON).click()
        await expect(ada.panel.get_by_text("asked to wait")).to_be_visible()
        await expect(bob.page.get_by_role("status").filter(has_text=SOON)).to_be_visible()
        await ada.panel.get_by_role("button", name="Admit Bob").click()
        await expect(bob.app("Poll").get_by_text("Do you agree?")).to_be_visible()
        await expect(ada.panel.get_by_text("Nobody waits")).to_be_visible()
        await expect(ada.page).to_have_title("held · call")
        await bob.page.reload()
        await bob.enter()  # without asking again
        await bob.open_people()
        await expect(bob.panel.get_by_role("listitem").filter(has_text="Ada")).to_be_visible()
        await expect(bob.panel.get_by_role("button")).to_have_count(1)  # to close it
        assert ada.problems == bob.problems == []


async def test_who_is_declined_may_ask_again_and_all_are_let_in_at_once(
    browser: Browser, hub: HubProcess
) -> None:
    """[J19]"""
    async with (
        host_of(browser, hub, "again") as ada,
        person(browser, "Bob") as bob,
        person(browser, "Cleo") as cleo,
    ):
        await bob.knock(hub.invite("again"))
        await ada.open_people()
        await ada.panel.get_by_role("button", name="Decline Bob").click()
        await expect(bob.page.get_by_role("heading", name="You were not let in")).to_be_focused()
        await expect(ada.panel.get_by_text("Nobody waits")).to_be_visible()
        await bob.page.get_by_role("button", name="Ask again").click()
        await expect(bob.waiting).to_be_visible()
        await cleo.knock(hub.invite("again", "--role", "observer"))
        await expect(ada.panel.get_by_text("Waiting to be let in (2)")).to_be_visible()
        await expect(ada.panel.get_by_text("observer, since")).to_be_visible()
        await ada.panel.get_by_role("button", name="Admit all").click()
        for guest in (bob, cleo):
            await guest.until_call("call.status === 'synced'")
        await ada.until_call("call.participants.size === 3")
        assert ada.problems == bob.problems == cleo.problems == []


async def test_switched_off_nobody_waits_any_more(browser: Browser, hub: HubProcess) -> None:
    """[J18]"""
    async with (
        host_of(browser, hub, "open") as ada,
        person(browser, "Bob") as bob,
        person(browser, "Cleo") as cleo,
    ):
        await bob.knock(hub.invite("open"))
        await ada.open_people()
        area = ada.panel.get_by_role("switch", name="Guests wait to be let in")
        await expect(area).to_be_checked()
        await area.uncheck()
        await bob.until_call("call.status === 'synced'")
        await cleo.page.goto(hub.invite("open"))
        await cleo.enter()
        await expect(ada.panel.get_by_text("Whoever has the link comes in at once")).to_be_visible()


async def test_a_host_mutes_one_person_and_lets_them_look_only(
    browser: Browser, hub: HubProcess
) -> None:
    """[G27, V10, G12] It is said, their sound is off, and they turn it on again themselves."""
    async with host_of(browser, hub, "mute") as ada, person(browser, "Bob") as bob:
        await bob.page.goto(hub.invite("mute", "--no-wait"))
        await bob.enter()
        own = bob.page.get_by_role("button", name="Microphone", exact=True)
        await expect(own).to_have_attribute("aria-pressed", "true")
        await ada.open_people()
        await ada.panel.get_by_role("button", name="Mute Bob").click()
        words = "Ada muted your microphone. You can turn it on again."
        told = bob.page.get_by_role("status").filter(has_text=words)
        await told.get_by_role("button").click()
        await expect(told).to_have_count(0)
        await expect(own).to_have_attribute("aria-pressed", "false")
        sounds = (
            "[...call.participants.keys()].flatMap(id => call.media.remote(id)?.getTracks() ?? [])"
        )
        await ada.until_call(f"{sounds}.every(track => track.kind === 'video')")
        off = ada.panel.get_by_role("button", name="The microphone of Bob is off")
        await expect(off).to_be_focused()
        await expect(off).to_have_attribute("aria-disabled", "true")
        await own.click()
        await ada.until_call(f"{sounds}.some(track => track.kind === 'audio')")
        await expect(ada.panel.get_by_role("button", name="Mute Bob")).to_be_focused()
        await bob.page.get_by_role("button", name="People").click()
        await ada.panel.get_by_role("button", name="Mute everybody else").click()
        told = bob.page.get_by_role("dialog").get_by_role("status").filter(has_text=words)
        await told.get_by_role("button").click()  # nothing lies over it
        await expect(told).to_have_count(0)
        await bob.page.keyboard.press("Escape")
        await expect(own).to_have_attribute("aria-pressed", "false")
        await ada.page.keyboard.press("Escape")
        await bob.page.reload()
        await expect(own).to_have_attribute("aria-pressed", "false")
        await bob.enter()
        await expect(own).to_have_attribute("aria-pressed", "false")

        await ada.add("Poll")
        await ada.page.get_by_role("button", name="Who may do what with “Poll”").click()
        await ada.page.get_by_label("What Bob may do with “Poll”").select_option("May look")
        await expect(bob.page.get_by_text("You may look, and not change anything.")).to_be_visible()
        await ada.page.keyboard.press("Escape")
        await expect(ada.page.get_by_text("one person may do something else")).to_be_attached()
        assert ada.problems == bob.problems == []


async def test_a_locked_call_says_so_to_who_comes_and_opens_again(
    browser: Browser, hub: HubProcess
) -> None:
    """[J29] Who is there stays, over a reload too, and sees it; who waits hears of its opening."""
    async with (
        host_of(browser, hub, "locked") as ada,
        person(browser, "Bob") as bob,
        person(browser, "Cleo") as cleo,
        person(browser, "Dee") as dee,
    ):
        await bob.page.goto(hub.invite("locked", "--no-wait"))
        await bob.enter()
        await ada.open_people()
        lock = ada.panel.get_by_role("switch", name="Lock the call")
        await lock.check()
        await ada.page.keyboard.press("Escape")
        for one in (ada, bob):
            mark = one.page.get_by_role("status").filter(has_text="Locked")
            await expect(mark).to_be_visible()
        for guest, wait in ((cleo, ("--no-wait",)), (dee, ())):
            await guest.page.goto(hub.invite("locked", *wait))
            await guest._ask()
            heading = guest.page.get_by_role("heading", name="This call is locked")
            await expect(heading).to_be_focused()
        await expect(ada.page.locator(".knocking.shown")).to_have_count(0)
        await bob.page.reload()
        await bob.enter()
        await ada.open_people()
        await expect(ada.panel.get_by_text("Waiting to be let in (2)")).to_be_visible()
        await lock.uncheck()
        await cleo.until_call("call.status === 'synced'")
        opened = cleo.page.get_by_role("status").filter(has_text="The call is open again")
        await expect(opened).to_be_visible()
        await expect(dee.waiting).to_be_visible()
        await expect(ada.page.get_by_role("status").filter(has_text="Locked")).to_have_count(0)
        assert ada.problems == bob.problems == cleo.problems == dee.problems == []


async def test_a_host_downloads_what_is_in_the_call(
    browser: Browser, hub: HubProcess, tmp_path: Path
) -> None:
    """[G50] Any program reads the file."""
    async with host_of(browser, hub, "export") as ada:
        await ada.add("Poll")
        await ada.in_call("call.resources.all()[0].state.set('question', 'Où – wohin?')")
        await ada.page.get_by_role("button", name="Chat").click()
        await ada.page.get_by_role("textbox", name="Write to everybody").fill("Good morning\nAll")
        await ada.page.keyboard.press("Enter")
        await expect(ada.page.locator(".said")).to_be_visible()
        await ada.open_people()
        async with ada.page.expect_download() as coming:
            await ada.panel.get_by_role("button", name="Download what is in the call").click()
        download = await coming.value
        assert re.fullmatch(r"export-[\d-]{16}\.zip", download.suggested_filename)
        await download.save_as(tmp_path / "call.zip")
        assert ada.problems == []
    with zipfile.ZipFile(tmp_path / "call.zip") as file:
        assert file.testzip() is None
        assert set(file.namelist()) == {"call.json", "1-Poll.json", "2-Talk.json", "chat.txt"}
        poll = json.loads(file.read("1-Poll.json"))
        assert (poll["app"], poll["state"]["question"]) == ("poll", "Où – wohin?")
        assert json.loads(file.read("call.json"))["people"] == [{"name": "Ada", "role": "host"}]
        assert "Ada:\n    Good morning\n    All\n" in file.read("chat.txt").decode()


async def test_who_is_removed_is_told_and_does_not_get_back_by_a_reload(
    browser: Browser, hub: HubProcess
) -> None:
    """[J20, J26] Nor by trying again, until the host, who sees who is out, lets them back in."""
    async with host_of(browser, hub, "removed") as ada, person(browser, "Eve") as eve:
        await eve.page.goto(hub.invite("removed", "--no-wait"))
        await eve.enter()
        await ada.open_people()
        await ada.panel.get_by_role("button", name="Manage Eve").click()
        await ada.panel.get_by_role("button", name="Remove…").click()
        question = ada.page.get_by_role("dialog", name="Remove Eve from the call?")
        await expect(question).to_contain_text("invitation counts no more")
        await question.get_by_role("button", name="Remove").click()
        gone = eve.page.get_by_role("heading", name="You are not in this call any more")
        await expect(gone).to_be_visible()
        kept_out = eve.page.get_by_text("No host has let you back in yet")
        await expect(kept_out).to_have_count(0)
        again = eve.page.get_by_role("button", name="Try again")
        await again.click()
        await expect(kept_out).to_be_visible()
        await eve.page.reload()
        await eve.page.get_by_role("button", name="Join").click()
        await expect(gone).to_be_visible()
        await expect(eve.page.get_by_text("You were taken out of this call")).to_be_visible()
        assert await ada.in_call("[...call.participants.values()].map(p => p.name)") == ["Ada"]
        await ada.panel.get_by_role("button", name="Let Eve back in").click()
        await expect(ada.panel.get_by_text("Kept out")).to_have_count(0)
        await expect(ada.panel.get_by_role("button", name="Ban Eve")).to_be_visible()
        await again.click()
        await eve.until_call("call.status === 'synced'")


async def test_without_tokens_too_who_is_removed_does_not_become_somebody_new(
    browser: Browser, tmp_path: Path
) -> None:
    """[J20] On a `--dev` hub nobody waits until a host says so; the proof of who one is decides."""
    with hub_process(tmp_path) as hub:
        async with person(browser, "Ada") as ada, person(browser, "Eve") as eve:
            await ada.join(hub.call("dev"), role="host")
            await ada.open_people()
            area = ada.panel.get_by_role("switch", name="Guests wait to be let in")
            await expect(area).not_to_be_checked()
            await area.check()
            await eve.knock(f"{hub.call('dev')}#role=guest")
            await eve.page.reload()
            await eve.page.get_by_role("button", name="Join").click()
            await expect(eve.waiting).to_be_visible()
            await expect(ada.panel.get_by_text("Waiting to be let in (1)")).to_be_visible()
            await ada.panel.get_by_role("button", name="Admit Eve").click()
            await eve.until_call("call.status === 'synced'")
            await ada.in_call("call.hosting.remove([...call.participants.values()][1].person)")
            gone = eve.page.get_by_role("heading", name="You are not in this call any more")
            await expect(gone).to_be_visible()
            await eve.page.reload()
            await eve.page.get_by_role("button", name="Join").click()
            await expect(gone).to_be_visible()
            assert await ada.in_call("call.hosting.waiting.length") == 0


async def test_a_host_gives_roles_hands_over_and_is_asked_before_going(
    browser: Browser, hub: HubProcess
) -> None:
    """[J13, J22, G7] Whose role changes is told; the only host hands over and leaves at once."""
    async with host_of(browser, hub, "over") as ada, person(browser, "Bob") as bob:
        await bob.page.goto(hub.invite("over", "--no-wait"))
        await bob.enter()
        await bob.page.get_by_role("button", name="Chat").click()
        await ada.open_people()
        await ada.panel.get_by_role("button", name="Manage Bob").click()
        await ada.panel.get_by_role("button", name="Make observer").click()
        await expect(bob.page.get_by_text("You may read, and not write.")).to_be_visible()
        await expect(bob.page.get_by_text("You are an observer now")).to_be_visible()
        await expect(bob.page.get_by_role("button", name="Apps")).to_have_count(0)
        await ada.panel.get_by_role("button", name="Hand over…").click()
        await ada.page.get_by_role("button", name="Hand over", exact=True).click()
        await expect(ada.panel.get_by_text("you · guest")).to_be_visible()
        await expect(ada.panel.get_by_role("button", name="Manage Bob")).to_have_count(0)
        await bob.until_call("call.me.role === 'host'")
        await bob.page.get_by_role("button", name="Leave").click()
        leaving = bob.page.get_by_role("dialog", name="Leave the call?")
        await expect(leaving).to_contain_text("You are the only host")
        await leaving.get_by_role("button", name="Hand over and leave").click()
        await expect(bob.page.get_by_role("heading", name="You left the call")).to_be_visible()
        await ada.until_call("call.me.role === 'host' && call.participants.size === 1")


async def test_a_call_that_is_ended_is_over_for_all_until_a_host_comes(
    browser: Browser, hub: HubProcess
) -> None:
    """[J23]"""
    async with (
        host_of(browser, hub, "ended") as ada,
        person(browser, "Bob") as bob,
        person(browser, "Cleo") as cleo,
    ):
        await bob.page.goto(hub.invite("ended", "--no-wait"))
        await bob.enter()
        await cleo.knock(hub.invite("ended"))
        await ada.open_people()
        await ada.panel.get_by_role("button", name="End the call for everybody").click()
        await ada.page.get_by_role("button", name="End the call", exact=True).click()
        for one, words in (
            (ada, "You ended it"),
            (bob, "This call was ended"),
            (cleo, "This call was ended"),
        ):
            await expect(one.page.get_by_role("heading", name="The call is over")).to_be_visible()
            await expect(one.page.get_by_text(words)).to_be_visible()
        await bob.page.get_by_role("button", name="Join again").click()
        await bob.page.get_by_role("button", name="Join").click()
        await expect(bob.page.get_by_text("it opens again when a host comes in")).to_be_visible()
        await ada.page.get_by_role("button", name="Join again").click()
        await ada.enter()
        await bob.page.get_by_role("button", name="Join again").click()
        await bob.enter()
        assert ada.problems == bob.problems == cleo.problems == []


async def test_a_phone_waits_through_a_lost_link_and_may_give_up(
    browser: Browser, tmp_path: Path
) -> None:
    """[J18, J3] At 390 pixels nothing sticks out; the hub dies and comes back: the same person."""
    key = tmp_path / "callmesh.key"
    key.write_text(KEY)
    hub = HubProcess(tmp_path / "data", key=key)
    try:
        async with (
            host_of(browser, hub, "phone") as ada,
            person(browser, "Bob", viewport=PHONE, has_touch=True) as bob,
        ):
            await bob.knock(hub.invite("phone"))
            assert await bob.page.evaluate("document.documentElement.scrollWidth") <= 390
            for name in ("Camera", "Microphone", "Stop waiting"):
                button = bob.page.get_by_role("button", name=name)
                await expect(button).to_be_in_viewport(ratio=1)
            await ada.until_call("call.hosting.waiting.length === 1")
            who = await ada.in_call("call.hosting.waiting[0].person")
            hub.kill()
            await expect(bob.page.get_by_text("Reconnecting…")).to_be_visible()
            hub = HubProcess(tmp_path / "data", port=hub.port, key=key)
            await expect(bob.page.get_by_text("see that you wait")).to_be_visible(timeout=20_000)
            await ada.until_call(f"call.hosting.waiting[0]?.person === '{who}'")
            await bob.page.get_by_role("button", name="Stop waiting").click()
            await expect(bob.page.get_by_label("Your name")).to_have_value("Bob")
            await ada.until_call("call.hosting.waiting.length === 0")
            assert ada.problems == bob.problems == []
    finally:
        hub.end()


async def test_a_host_admits_by_keyboard_alone(browser: Browser, hub: HubProcess) -> None:
    """[J19] From the notice to the panel, and the focus stays in it when who had it is gone."""
    async with (
        host_of(browser, hub, "keys") as ada,
        person(browser, "Bob") as bob,
        person(browser, "Cleo") as cleo,
    ):
        press = ada.page.keyboard.press

        async def tab_to(name: str) -> None:
            for _ in range(30):
                await press("Tab")
                if await ada.page.evaluate(FOCUSED) == name:
                    return
            raise AssertionError(f"{name} is not reached by Tab")

        await bob.knock(hub.invite("keys"))
        await cleo.knock(hub.invite("keys"))
        await expect(ada.page.get_by_text("Bob and Cleo wait to be let in")).to_be_visible()
        await tab_to("View")
        await press("Enter")
        await expect(ada.panel).to_be_visible()
        await tab_to("Admit Bob")
        await press("Enter")
        await bob.until_call("call.status === 'synced'")
        await expect(
            ada.panel.get_by_role("heading", name="Waiting to be let in (1)")
        ).to_be_focused()
        await tab_to("Admit Cleo")
        await press("Space")
        await cleo.until_call("call.status === 'synced'")
        await press("Escape")
        await expect(ada.panel).to_be_hidden()
        await expect(ada.page.get_by_role("main", name="Stage")).to_be_focused()


async def test_hosts_see_that_a_half_fails_and_that_it_runs_again(
    browser: Browser, tmp_path: Path
) -> None:
    """[Y5, Y6]"""
    app = tmp_path / "crasher"
    shutil.copytree(CRASHER, app)
    whole = (app / "half.py").read_text()
    (app / "half.py").write_text("raise ValueError('no such pump')\n")
    with hub_process(tmp_path / "data", apps=(app,)) as hub:
        async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
            await bob.join(hub.call("halves"))
            await ada.join(hub.call("halves"), role="host")
            await ada.add("Crasher")
            failed = [
                someone.page.get_by_role("status").filter(has_text="The program of crasher")
                for someone in (ada, bob)
            ]
            await expect(failed[0]).to_contain_text("no such pump", timeout=20_000)
            await expect(failed[1]).to_have_count(0)
            (app / "half.py").write_text(whole)
            manifest = app / "manifest.json"
            manifest.write_text(manifest.read_text().replace("1.0.0", "1.0.1"))
            await ada.page.get_by_role(
                "button", name="Apps", exact=True
            ).click()  # asks what there is
            await expect(failed[0]).to_have_count(0, timeout=20_000)
            await ada.until_call("call.resources.all()[0].state.get('half/starts') === 1")
