"""Apps before one is let in, and when the call is over."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.people import DESKTOP, PHONE, person
from tests.browser.test_hosts import KEY, host_of
from tests.processes import HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

INTAKE = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>Intake</title>
<style>body { font: 18px system-ui; padding: 16px; } input { font: inherit; }</style>
<h1>Before you come in</h1>
<p id="where"></p>
<p><label>What brings you here? <input id="why"></label></p>
<p><label><input id="yes" type="checkbox"> I agree to be seen by video</label></p>
<ul id="all"></ul>
<script type="module">
import { connect } from "callmesh/app";
const resource = await connect();
const { state, me } = resource;
const own = name => `${name}/${me.person}`;
const { waiting, over } = resource;
where.textContent = waiting ? "Nobody sees this yet." : over ? "It is over." : "In the call.";
why.value = state.get(own("why")) ?? "";
yes.checked = state.get(own("yes")) ?? false;
why.oninput = () => state.set(own("why"), why.value);
yes.onchange = () => state.set(own("yes"), yes.checked);
window.tried = [];
for (const what of ["stream", "files", "participants"]) {
    try { what === "stream" ? resource.stream("x") : resource[what]; }
    catch (error) { window.tried.push(`${what} ${error.reason}`); }
}
window.denied = [];
state.listen(({ denied }) => denied && window.denied.push(denied.reason));
state.subscribe(() => all.replaceChildren(...state.entries().map(([key, value]) => {
    const item = document.createElement("li");
    item.textContent = `${key.split("/")[0]}: ${value}`;
    return item;
})));
</script>"""

KEPT = """async () => {
    const opened = indexedDB.open("callmesh-unsaved");
    const db = await new Promise(done => { opened.onsuccess = () => done(opened.result); });
    const counted = db.transaction("rows").objectStore("rows").count();
    const count = await new Promise(done => { counted.onsuccess = () => done(counted.result); });
    db.close();
    return count > 0;
}"""
"""Whether the page has what was written in a frame."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("meanwhile")
    (folder / "callmesh.key").write_text(KEY)
    (folder / "intake").mkdir()
    manifest = {
        "id": "intake",
        "name": "Intake",
        "version": "1",
        "access": {"waiting": "edit"},
        "afterwards": True,
        "capabilities": ["streams", "files", "participants"],
        "keys": [{"key": "why/{person}"}, {"key": "yes/{person}"}],
    }
    (folder / "intake/manifest.json").write_text(json.dumps(manifest))
    (folder / "intake/index.html").write_text(INTAKE)
    with hub_process(
        folder / "data", key=folder / "callmesh.key", apps=(folder / "intake",)
    ) as hub:
        yield hub


@pytest.mark.parametrize("size", [None, PHONE], ids=["desktop", "phone"])
async def test_what_somebody_fills_in_while_they_wait_comes_with_them(
    browser: Browser, hub: HubProcess, size: dict[str, int] | None, tmp_path: Path
) -> None:
    """[J27] Also what was filled in before a reload; nobody sees it before."""
    call = f"intake{'-phone' if size else ''}"
    at = person(browser, "Pat", viewport=size or DESKTOP)
    async with host_of(browser, hub, call) as ada, at as pat:
        await ada.add("Poll")
        await ada.add("Intake")
        await pat.knock(hub.invite(call))
        intake = pat.app("Intake")
        await expect(intake.get_by_text("Nobody sees this yet.")).to_be_visible()
        await expect(pat.page.locator("iframe")).to_have_count(1)
        tried = await pat.in_app("Intake", "tried")
        assert tried == [f"{what} no_capability" for what in ("stream", "files", "participants")]
        await intake.get_by_label("What brings you here?").fill("My knee")
        await pat.page.screenshot(path=tmp_path / f"{call}.png")
        await pat.page.reload()
        await pat.page.get_by_role("button", name="Join").click()
        await expect(intake.get_by_label("What brings you here?")).to_have_value("My knee")
        await intake.get_by_label("I agree").check()
        await expect(ada.app("Intake").get_by_text("In the call.")).to_be_visible()
        await expect(ada.app("Intake").get_by_role("listitem")).to_have_count(0)
        await ada.open_people()
        await ada.panel.get_by_role("button", name="Admit Pat").click()
        await ada.page.keyboard.press("Escape")
        for frame in (ada.app("Intake"), pat.app("Intake")):
            await expect(frame.get_by_text("why: My knee")).to_be_visible()
            await expect(frame.get_by_text("yes: true")).to_be_visible()
            await expect(frame.get_by_text("In the call.")).to_be_visible()
        assert ada.problems == pat.problems == []


async def test_a_host_chooses_what_stands_in_the_waiting_area(
    browser: Browser, hub: HubProcess
) -> None:
    """[J27] And who is turned away leaves nothing behind."""
    async with host_of(browser, hub, "choice") as ada, person(browser, "Pat") as pat:
        await ada.add("Intake")
        shown = ada.page.get_by_role("button", name="In the waiting area")
        await expect(shown).to_have_attribute("aria-pressed", "true")
        await pat.knock(hub.invite("choice"))
        await pat.app("Intake").get_by_label("What brings you here?").fill("A secret")
        await pat.page.wait_for_function(KEPT)
        await shown.click()
        await expect(pat.page.locator("iframe")).to_have_count(0)
        await shown.click()
        await expect(pat.app("Intake").get_by_label("What brings you here?")).to_have_value(
            "A secret"
        )
        await ada.open_people()
        await ada.panel.get_by_role("button", name="Decline Pat").click()
        await pat.page.get_by_role("button", name="Ask again").click()
        await expect(pat.waiting).to_be_visible()
        await expect(pat.app("Intake").get_by_label("What brings you here?")).to_have_value("")
        assert ada.problems == pat.problems == []


async def test_what_an_app_shows_when_the_call_is_over(
    browser: Browser, hub: HubProcess, tmp_path: Path
) -> None:
    """[J28] To who has left, and to everybody when a host has ended it; not to who was removed."""
    async with (
        host_of(browser, hub, "over") as ada,
        person(browser, "Pat") as pat,
        person(browser, "Rex") as rex,
        person(browser, "Lee") as lee,
    ):
        await ada.add("Poll")
        await ada.add("Intake")
        await ada.open_people()
        for guest in (pat, rex, lee):
            await guest.knock(hub.invite("over"))
            await ada.panel.get_by_role("button", name=f"Admit {guest.name}").click()
        await pat.app("Intake").get_by_label("What brings you here?").fill("My knee")
        await expect(rex.app("Intake").get_by_text("why: My knee")).to_be_visible()
        await lee.page.get_by_role("button", name="Leave").click()
        await expect(lee.page.get_by_role("heading", name="You left the call")).to_be_visible()
        await expect(lee.app("Intake").get_by_text("why: My knee")).to_be_visible()
        await ada.panel.get_by_role("button", name="Manage Rex").click()
        await ada.panel.get_by_role("button", name="Remove…").click()
        question = ada.page.get_by_role("dialog", name="Remove Rex from the call?")
        await question.get_by_role("button", name="Remove").click()
        await expect(rex.page.get_by_text("not in this call any more")).to_be_visible()
        await expect(rex.page.locator("iframe")).to_have_count(0)
        await ada.panel.get_by_role("button", name="End the call for everybody").click()
        await ada.page.get_by_role("button", name="End the call", exact=True).click()
        for one in (ada, pat):
            await expect(one.page.get_by_role("heading", name="The call is over")).to_be_visible()
            await expect(one.page.locator("iframe")).to_have_count(1)
            await expect(one.app("Intake").get_by_text("It is over.")).to_be_visible()
            await expect(one.app("Intake").get_by_text("why: My knee")).to_be_visible()
        await pat.app("Intake").get_by_label("What brings you here?").fill("Too late")
        await expect(pat.app("Intake").get_by_text("why: My knee")).to_be_visible()
        assert set(await pat.in_app("Intake", "denied")) == {"read_only"}
        await pat.page.screenshot(path=tmp_path / "over.png")
        await pat.page.set_viewport_size({"width": 390, "height": 844})
        await pat.page.screenshot(path=tmp_path / "over-phone.png")
        assert ada.problems == []
