"""The call page in the languages that it speaks."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.people import PHONE, person
from tests.processes import hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
LOCALE = """import("callmesh/app").then(({ connect }) => connect()).then(({ locale }) => locale)"""
SAID = "[document.documentElement.lang, document.documentElement.dir]"
LEFT_OF = """([one, other]) => {
    const [a, b] = [one, other].map(name => document.querySelector(name).getBoundingClientRect());
    return a.right <= b.left + 1;
}"""


async def test_a_browser_that_is_german_and_one_that_reads_arabic(
    browser: Browser, tmp_path: Path
) -> None:
    """[G1, G2, G3, A26, A27] What is typed stays; a choice counts at once, for apps too."""
    with hub_process(tmp_path) as hub:
        async with (
            person(browser, "Ada", locale="de-CH") as ada,
            person(browser, "Amal", viewport=PHONE) as amal,
        ):
            await ada.page.goto(f"{hub.call()}#role=host")
            await expect(ada.page.get_by_role("button", name="Beitreten")).to_be_enabled()
            await ada.page.get_by_label("Ihr Name").fill("Ada")
            await ada.page.get_by_role("button", name="Beitreten").click()
            await ada.until_call("call.status === 'synced'")
            await expect(ada.page.locator("html[lang=de]")).to_have_attribute("dir", "ltr")

            await amal.page.goto(f"{hub.call()}#role=guest")
            await amal.page.get_by_label("Your name").fill("أمل")
            await amal.page.get_by_label("Language").select_option("ar")
            name = amal.page.locator("input[name=name]")
            await expect(name).to_have_value("أمل")
            await amal.page.reload()
            page = amal.page.locator("html")
            await expect(page).to_have_attribute("lang", "ar")
            await expect(page).to_have_attribute("dir", "rtl")
            await name.fill("أمل")
            await amal.page.locator("form button.primary").click()
            await amal.until_call("call.status === 'synced'")

            await ada.page.get_by_role("button", name="Apps").click()
            await ada.page.get_by_role("button", name="Umfrage hinzufügen").click()
            polls = (
                (ada, "Umfrage", "Stimmen Sie zu?", ["de", "ltr"]),
                (amal, "استطلاع", "هل توافق؟", ["ar", "rtl"]),
            )
            for one, poll, question, said in polls:
                await expect(one.app(poll).get_by_text(question)).to_be_visible()
                assert await one.in_app(poll, SAID) == said
            await ada.in_app("Umfrage", "window.same = true")
            await ada.page.get_by_role("button", name="Einstellungen").click()
            await ada.page.get_by_role("dialog").get_by_label("Sprache").select_option("es")
            await expect(ada.app("Encuesta").get_by_text("¿Está de acuerdo?")).to_be_visible()
            assert await ada.in_app("Encuesta", "window.same")
            assert await ada.in_app("Encuesta", LOCALE) == "es"
            assert await ada.in_call("call.resources.all()[0].title") == "Poll"
            await ada.page.get_by_role("dialog").get_by_role("button", name="Cerrar").click()
            await ada.page.set_viewport_size({"width": 1280, "height": 800})
            await amal.page.set_viewport_size({"width": 1280, "height": 800})
            assert await ada.page.evaluate(LEFT_OF, [".stage", ".tiles"])
            assert not await amal.page.evaluate(LEFT_OF, [".stage", ".tiles"])
            assert ada.problems == amal.problems == []


async def test_a_link_says_in_which_language(browser: Browser, tmp_path: Path) -> None:
    """[G2] It goes before the browser's; a tag that the page does not speak counts for nothing."""
    with hub_process(tmp_path) as hub:
        async with person(browser, "Eva", locale="de-DE") as eva:
            await eva.page.goto(f"{hub.call()}#lang=es")
            await expect(eva.page.get_by_label("Idioma")).to_have_value("es")
            await eva.page.goto("about:blank")
            await eva.page.goto(f"{hub.call()}#lang=xx")
            await expect(eva.page.get_by_label("Sprache")).to_have_value("de")
