"""People at real browsers and a program who go on with each other while the hub is dead."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

import callmesh
from tests.browser.people import Person, person
from tests.processes import HubProcess

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]


async def test_kill_9_and_two_browsers_and_a_program_are_in_step(
    browser: Browser, tmp_path: Path
) -> None:
    """[E1, E2, E3, E8, E10, A3] All vote while it is down; then it is saved, the same for all."""
    hub = HubProcess(tmp_path)
    try:
        call_url = hub.call("without")
        async with (
            person(browser, "Ada") as ada,
            person(browser, "Bob") as bob,
            callmesh.join(call_url, name="Pia") as pia,
        ):
            await ada.join(call_url, role="host")
            await bob.join(call_url)
            await ada.add("Poll")
            await expect(bob.app("Poll").get_by_label("Yes")).to_be_visible()
            await pia.until(lambda: len(pia.resources) == 1)
            (poll,) = pia.resources.values()
            for one in (ada, bob):
                await one.until_path("Pia", "direct")
                await one.until_call("call.reached === 2")
                await one.until_call("call.status === 'synced'")
            await ada.until_path("Bob", "direct")
            await pia.until(lambda: pia.reached == 2)
            hub.kill()
            for one in (ada, bob):
                await expect(
                    one.page.get_by_text("Reconnecting… with 2 others").first
                ).to_be_visible()
            await pia.until(lambda: pia.status == "offline")

            await bob.app("Poll").get_by_label("Yes").check()
            await expect(ada.app("Poll").get_by_text("1 vote", exact=True)).to_be_visible()
            await ada.app("Poll").get_by_label("No").check()
            poll.state[f"votes/{pia.me.person}"] = "2"
            for one in (ada, bob):
                await expect(one.app("Poll").get_by_text("3 votes", exact=True)).to_be_visible()
            people = {
                name: await one.in_call("call.me.person")
                for name, one in (("ada", ada), ("bob", bob))
            }
            votes = {
                f"votes/{people['ada']}": "2",
                f"votes/{people['bob']}": "1",
                f"votes/{pia.me.person}": "2",
            }
            await pia.until(lambda: votes.items() <= dict(poll.state).items())
            assert await stands(bob) == ["offline", "pending"]
            poll.presence["at"] = "here"
            await ada.until_call(
                f"call.resources.all()[0].presence.of('{pia.me.id}').at === 'here'"
            )
            whole = dict(poll.state)

            hub = HubProcess(tmp_path, port=hub.port)
            for one in (ada, bob):
                await expect(one.page.get_by_text("Saved").first).to_be_visible(timeout=30_000)
                await expect(one.app("Poll").get_by_text("3 votes", exact=True)).to_be_visible()
                await one.until_call("call.mesh.letters.empty", timeout=30_000)
                state = await one.in_call("call.resources.all()[0].state.toObject()")
                assert state == whole
            await poll.state.saved(timeout=30)
            assert dict(poll.state) == whole
            assert await stands(bob) == ["synced", "saved"]
            assert ada.problems == bob.problems == []
        async with callmesh.join(call_url, name="Late") as late:
            assert dict(late.resources[poll.id].state) == whole
    finally:
        hub.end()


async def stands(one: Person) -> list[str]:
    """How the State of the poll stands in the frame, and what has become of one's own vote."""
    status = await one.in_app(
        "Poll",
        """async () => {
            const { connect } = await import("callmesh/app");
            return (await (window.kept ??= connect())).state.status;
        }""",
    )
    fate = await one.in_call("call.resources.all()[0].state.statusOf(`votes/${call.me.person}`)")
    return [status, fate]
