"""A hub with a key, in real browsers: links that let in, and links that do not."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.people import PHONE, person
from tests.processes import hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


async def test_people_come_in_by_their_links_and_by_nothing_else(
    browser: Browser, tmp_path: Path
) -> None:
    """[J15, J16, J17]"""
    key = tmp_path / "callmesh.key"
    key.write_text("0123456789abcdef0123456789abcdef")

    with hub_process(tmp_path / "data", key=key) as hub:
        async with (
            person(browser, "Dr Ådá") as ada,
            person(browser, "Bob", viewport=PHONE) as bob,
            person(browser, "Eve") as eve,
        ):
            await ada.page.goto(hub.invite("round", "--role", "host", "--name", ada.name))
            field = ada.page.get_by_label("Your name")
            await expect(field).to_have_value(ada.name)
            await expect(field).not_to_be_editable()
            await ada.page.get_by_role("button", name="Join").click()
            await ada.until_call("call.status === 'synced'")
            assert await ada.in_call("[call.me.name, call.me.role]") == [ada.name, "host"]
            await expect(ada.page.get_by_role("button", name="Invite")).to_have_count(0)
            await bob.page.goto(hub.invite("round", "--no-wait"))
            await bob.enter()
            assert await bob.in_call("[call.me.name, call.me.role]") == ["Bob", "guest"]
            await ada.add("Poll")
            await expect(bob.tab("Poll")).to_be_visible()

            wrong = {
                hub.call("round"): "ask its host for a link",
                f"{hub.call('round')}#role=host": "ask its host for a link",
                f"{hub.call('round')}#token=rubbish": "not whole",
                hub.invite("round").replace("/round#", "/other#"): "for another call",
            }
            for link, words in wrong.items():
                await eve.page.goto("about:blank")
                await eve.page.goto(link)
                await eve.page.get_by_label("Your name").fill("Eve")
                await eve.page.get_by_role("button", name="Join").click()
                await expect(eve.page.locator(".problem")).to_contain_text(words)
            assert await ada.in_call("call.participants.size") == 2
            assert ada.problems == bob.problems == []
