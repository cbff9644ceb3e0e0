"""State in real browsers: who may do what, changed live; a reload; a newer version of an app."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

import callmesh
from tests.browser.people import person
from tests.processes import HubProcess, hub_process
from tests.test_reliability import limited

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

COUNTER = """<!doctype html><title>Counter</title><button id="b">…</button><p id="says"></p>
<script type="module">
import { connect } from "callmesh/app";
const resource = await connect({
  migrate: {
    2: (state, writes) => { writes.set("total", state.get("count")); writes.delete("count"); },
  },
  setup: () => { says.textContent = "set up"; },
});
const { state } = resource;
window.resource = resource;
b.onclick = () => {
  try { state.set("KEY", (state.get("KEY") ?? 0) + 1); }
  catch (error) { says.textContent = error.reason; }
};
const show = () => {
  b.textContent = `KEY ${state.get("KEY") ?? "-"}`;
  b.disabled = !state.canWrite("KEY");
};
state.subscribe(show, { key: "KEY" });
resource.onAccess(show);
</script>"""


def counter(parent: Path, *, version: int = 1, key: str = "count", **manifest: Any) -> Path:
    folder = parent / "counter"
    folder.mkdir(exist_ok=True)
    described = {"id": "counter", "name": "Counter", "version": "1.0", **manifest}
    described["state"] = {"version": version, **manifest.get("state", {})}
    (folder / "manifest.json").write_text(json.dumps(described))
    page = COUNTER.replace("KEY", key)
    (folder / "index.html").write_text(page)
    return folder


async def test_a_host_locks_and_hides_and_everybody_notices_at_once(
    browser: Browser, tmp_path: Path
) -> None:
    """[J12, J13, J14, K6]"""
    with hub_process(tmp_path / "data") as hub:
        async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
            await ada.join(hub.call("locked"), role="host")
            await bob.join(hub.call("locked"))
            await ada.add("Poll")
            yes = bob.app("Poll").get_by_label("Yes")
            await yes.check()
            others = ada.page.get_by_label("What others may do with Poll")
            await others.select_option("view")
            await expect(yes).to_be_disabled()
            await expect(bob.app("Poll").get_by_text("you may look, and not vote")).to_be_visible()
            await expect(bob.page.get_by_text("You may look, and not change")).to_be_visible()
            await others.select_option("hidden")
            await expect(bob.tab("Poll")).to_have_count(0)
            await expect(bob.page.get_by_text("A host has hidden it from you")).to_be_visible()
            await ada.app("Poll").get_by_label("No").check()
            await others.select_option("edit")
            await expect(bob.app("Poll").get_by_text("2 votes", exact=True)).to_be_visible()
            await expect(bob.app("Poll").get_by_label("Yes")).to_be_checked()
            await bob.app("Poll").get_by_label("No").check()
            await expect(ada.app("Poll").get_by_text("2 votes · 100 %")).to_be_visible()
            assert ada.problems == bob.problems == []


async def test_a_disk_that_refuses_is_told_and_the_page_goes_on_once_it_takes(
    browser: Browser, tmp_path: Path
) -> None:
    """[L8, S16, K6] To everybody, also aloud; what was taken stays, and is saved later."""
    with hub_process(tmp_path / "data") as hub:
        refuse, relent = limited(hub, tmp_path)
        async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
            await ada.join(hub.call("full"), role="host")
            await bob.join(hub.call("full"))
            await ada.add("Poll")
            await ada.app("Poll").get_by_label("Yes").check()
            await ada.until_call("call.status === 'synced'")
            refuse()
            await ada.app("Poll").get_by_label("No").check()
            for somebody in (ada, bob):
                shown = somebody.page.locator(".status")
                await expect(shown).to_have_text("Read only")
                await expect(shown).to_have_attribute("title", re.compile("saved is safe"))
                told = somebody.page.get_by_role("status").filter(has_text="cannot save")
                await expect(told).to_be_attached()
                await expect(somebody.app("Poll").get_by_label("Yes")).to_be_disabled()
            await expect(ada.app("Poll").get_by_label("No")).to_be_checked()
            relent()
            for somebody in (ada, bob):
                await expect(somebody.page.locator(".status")).to_have_text("Saved", timeout=30_000)
                await expect(somebody.app("Poll").get_by_label("No")).to_be_enabled()
            await bob.app("Poll").get_by_label("No").check()
            await expect(ada.app("Poll").get_by_text("2 votes · 100 %")).to_be_visible()
            await bob.until_call("call.status === 'synced'")
            assert ada.problems == bob.problems == []


async def test_what_was_not_saved_survives_a_reload(browser: Browser, tmp_path: Path) -> None:
    """[S25, S16] Written in an app's frame while the hub was gone; then the page is left."""
    hub = HubProcess(tmp_path)
    try:
        call = hub.call("reloaded")
        async with person(browser, "Ada") as ada:
            await ada.join(call, role="host")
            await ada.add("Poll")
            await ada.app("Poll").get_by_label("Yes").check()
            await ada.until_call("call.status === 'synced'")
            hub.kill()
            await expect(ada.page.get_by_text("Reconnecting…").first).to_be_visible()
            await ada.app("Poll").get_by_label("No").check()
            me = await ada.in_call("call.me.person")
            (resource,) = await ada.in_call("call.resources.all().map(({ id }) => id)")
            vote = f"call.resources.get('{resource}')?.state.get('votes/{me}')"
            key = f"call.resources.get('{resource}').state.statusOf('votes/{me}')"
            await ada.until_call(f"{key} === 'pending'")
            await ada.page.goto("about:blank")
            hub = HubProcess(tmp_path, port=hub.port)
            async with callmesh.join(call, name="Pia") as pia:
                poll = await pia.resources.get(resource)
                assert poll.state[f"votes/{me}"] == "1"
                await ada.join(call, role="host")
                await ada.until_call(f"{vote} === '2' && {key} === 'saved'")
                await pia.until(lambda: poll.state[f"votes/{me}"] == "2")
            await expect(ada.app("Poll").get_by_label("No")).to_be_checked()
            await ada.page.reload()
            await ada.enter()
            assert await ada.in_call(vote) == "2"
            assert ada.problems == []
    finally:
        hub.end()


async def test_a_migration_that_fails_is_told_and_can_be_tried_again(
    browser: Browser, tmp_path: Path
) -> None:
    """[R9]"""
    app = counter(tmp_path, state={"defaults": {"count": 41}})
    with hub_process(tmp_path / "data", apps=(app,)) as hub:
        async with person(browser, "Ada") as ada:
            console: list[str] = []
            ada.page.on("console", lambda message: console.append(message.text))
            await ada.join(hub.call("broken"), role="host")
            await ada.add("Counter")
            await expect(ada.app("Counter").get_by_text("count 41")).to_be_visible()
            await ada.until_call("call.status === 'synced'")
            counter(tmp_path, version=3, key="total")  # which has no step to 3
            await ada.page.reload()
            await ada.enter()
            said = ada.page.get_by_text("“Counter” could not be brought to its new version")
            await expect(said).to_be_visible()
            assert any("no step to version 3" in line for line in console)
            (version,) = await ada.in_call("call.resources.all().map(({ version }) => version)")
            assert version == 1
            counter(tmp_path, version=2, key="total")
            await ada.page.reload()
            await ada.enter()
            await expect(ada.app("Counter").get_by_text("total 41")).to_be_visible()


async def test_a_newer_app_migrates_once_and_the_older_one_is_told_to_reload(
    browser: Browser, tmp_path: Path
) -> None:
    """[R9, R10, S23, R8]"""
    app = counter(tmp_path, state={"defaults": {"count": 41}})
    with hub_process(tmp_path / "data", apps=(app,)) as hub:
        call = hub.call("migrated")
        async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
            await ada.join(call, role="host")
            await ada.add("Counter")
            await ada.app("Counter").get_by_role("button", name="count 41").click()
            await expect(ada.app("Counter").get_by_text("count 42")).to_be_visible()
            await ada.until_call("call.status === 'synced'")
            counter(tmp_path, version=2, key="total")
            await bob.join(call)  # loads the list of apps anew
            await expect(bob.app("Counter").get_by_text("total 42")).to_be_visible()
            await expect(ada.page.get_by_text("There is a newer version")).to_be_visible()
            await expect(ada.app("Counter").get_by_role("button")).to_be_disabled()
            await ada.in_app("Counter", "document.getElementById('b').disabled = false")
            await ada.app("Counter").get_by_role("button").click()
            await expect(ada.app("Counter").get_by_text("outdated")).to_be_visible()
            await ada.page.get_by_role("button", name="Load it").click()
            await ada.app("Counter").get_by_role("button", name="total 42").click()
            await expect(bob.app("Counter").get_by_text("total 43")).to_be_visible()
            await expect(ada.page.get_by_text("There is a newer version")).to_have_count(0)
            assert ada.problems == bob.problems == []
