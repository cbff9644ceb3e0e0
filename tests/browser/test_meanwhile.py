"""Apps in the waiting area: filled in by who waits, and in the call when they are let in."""

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
where.textContent = resource.waiting ? "Nobody sees this yet." : "In the call.";
why.value = state.get(own("why")) ?? "";
yes.checked = state.get(own("yes")) ?? false;
why.oninput = () => state.set(own("why"), why.value);
yes.onchange = () => state.set(own("yes"), yes.checked);
window.tried = [];
for (const what of ["stream", "files", "participants"]) {
    try { what === "stream" ? resource.stream("x") : resource[what]; }
    catch (error) { window.tried.push(`${what} ${error.reason}`); }
}
state.subscribe(() => all.replaceChildren(...state.entries().map(([key, value]) => {
    const item = document.createElement("li");
    item.textContent = `${key.split("/")[0]}: ${value}`;
    return item;
})));
</script>"""


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
