"""What `callmesh new` makes, in the hands of two people."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from callmesh.creating import KINDS, create
from tests.browser.people import person
from tests.processes import hub_process
from tests.test_creating import built

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


@pytest.mark.parametrize("kind", KINDS)
async def test_two_people_use_a_new_app(kind: str, browser: Browser, tmp_path: Path) -> None:
    """[A13] State, presence and cache; who may only look is shown no way to write."""
    create(tmp_path / "shopping", kind)
    app = built(tmp_path / "shopping", kind)
    async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
        with hub_process(tmp_path / "data", apps=(app,)) as hub:
            await ada.join(hub.call("new"), role="host")
            await bob.join(hub.call("new"))
            await ada.add("Shopping")
            hers, his = ada.app("Shopping"), bob.app("Shopping")
            await hers.get_by_label("What to add").fill("Milk")
            await expect(his.get_by_text("Ada is writing…")).to_be_visible()
            await hers.get_by_role("button", name="Add").click()
            await expect(his.get_by_role("listitem")).to_contain_text("Milk – Ada")
            await expect(his.get_by_text("is writing")).to_be_hidden()
            await his.get_by_label("What to add").fill("Bread")
            await bob.page.reload()
            await bob.enter()
            await expect(his.get_by_label("What to add")).to_have_value("Bread")
            await his.get_by_role("button", name="Remove Milk").click()
            await expect(hers.get_by_role("listitem")).to_have_count(0)
            await ada.page.get_by_label("What others may do").select_option("Others may look")
            await expect(his.get_by_label("What to add")).to_be_hidden()
            assert (ada.problems, bob.problems) == ([], [])
