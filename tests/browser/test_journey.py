"""A whole visit: three people, from the door to the end, and all that happens meanwhile."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, FrameLocator, expect

from tests.browser.people import DEVICES, PHONE, Person, person
from tests.browser.played import pitch_of, until_played
from tests.browser.screens import keyed
from tests.browser.test_turn import by_turn
from tests.processes import HubProcess, hub_process
from tests.turnserver import TURN_SECRET, TurnServer, turn_server

pytestmark = [pytest.mark.anyio, pytest.mark.rtc, pytest.mark.timeout(300)]

LOST = 20
"""Seconds without a network, and of sleep."""


class Network:
    """What lies between somebody and the hub. While it is down, nothing goes through."""

    def __init__(self, hub: HubProcess) -> None:
        self._hub = hub
        self._ends: set[asyncio.StreamWriter] = set()
        self._down = False
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Network"]:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self.lose()
            server.close()

    def lead(self, link: str) -> str:
        """The same link, by way of this."""
        return link.replace(self._hub.address, f"http://127.0.0.1:{self.port}")

    def lose(self) -> None:
        self._down = True
        for end in list(self._ends):
            end.transport.abort()

    def find(self) -> None:
        self._down = False

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        if self._down:
            back.transport.abort()
            return
        far, on = await asyncio.open_connection("127.0.0.1", self._hub.port)
        self._ends |= {back, on}
        with contextlib.suppress(OSError):
            await asyncio.gather(_pump(near, on), _pump(far, back))
        self._ends -= {back, on}


async def _pump(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            to.write(data)
            await to.drain()
    finally:
        to.close()


async def processes_of(one: Person) -> list[int]:
    """All those of the browser that somebody sits at."""
    browser = one.page.context.browser
    assert browser is not None
    session = await browser.new_browser_cdp_session()
    found = await session.send("SystemInfo.getProcessInfo")
    await session.detach()
    return [one["id"] for one in found["processInfo"]]


async def all_meet(*people: Person) -> None:
    """Each sees the pictures of all others move, and hears them."""
    for one in people:
        for other in people:
            if other is not one:
                await until_played(one, other.name)
                assert await pitch_of(one, other.name) > 0


def poll_of(one: Person) -> FrameLocator:
    return one.app("Poll")


async def votes(one: Person, count: int) -> None:
    words = f"{count} vote" if count == 1 else f"{count} votes"
    await expect(poll_of(one).locator("#total")).to_contain_text(words, timeout=30_000)


async def test_a_visit_from_the_door_to_the_end(
    browser: Browser, laptop: Browser, tmp_path: Path
) -> None:
    """[G41] Arrive, meet, share, lock, hand over, reload, sleep, lose the network, remove, end."""
    with turn_server(tmp_path) as turn:
        more = by_turn(turn.url(), tmp_path / "secret", TURN_SECRET)
        with hub_process(**keyed(tmp_path), more=more) as hub:
            async with contextlib.AsyncExitStack() as stack:
                network = await stack.enter_async_context(Network(hub).running())
                ada, bob = [
                    await stack.enter_async_context(person(browser, name, permissions=DEVICES))
                    for name in ("Ada", "Bob")
                ]
                await _arrive(hub, ada, network.lead(hub.invite("visit")), bob)
                cleo = await stack.enter_async_context(
                    person(laptop, "Cleo", permissions=DEVICES, viewport=PHONE, has_touch=True)
                )
                await cleo.knock(hub.invite("visit"))
                await ada.page.get_by_role("button", name="Admit Cleo").click()
                await cleo.until_call("call.status === 'synced'")
                await all_meet(ada, bob, cleo)
                await _share_and_lock(ada, bob, cleo)
                await _hand_over(ada, bob)
                await cleo.page.reload()
                await cleo.enter()
                await all_meet(bob, cleo)
                await _sleep(cleo, ada, bob)
                await _lose_the_network(network, turn, bob, ada)
                await all_meet(ada, bob, cleo)
                await _remove(bob, cleo)
                await _end_and_open_again(bob, ada)
                assert ada.problems == bob.problems == cleo.problems == []


async def _arrive(hub: HubProcess, ada: Person, link: str, bob: Person) -> None:
    await ada.page.goto(hub.invite("visit", "--role", "host"))
    await expect(ada.page.locator(".picture video")).to_be_visible()
    await ada.enter()
    await bob.knock(link)
    await ada.page.get_by_role("button", name="Admit Bob").click()
    await bob.until_call("call.status === 'synced'")


async def _share_and_lock(ada: Person, bob: Person, cleo: Person) -> None:
    await ada.add("Poll")
    await poll_of(cleo).get_by_label("Yes").check()
    await votes(bob, 1)
    access = ada.page.get_by_label("What others may do with Poll")
    await access.select_option(label="Others may look")
    await expect(bob.page.get_by_text("You may look, and not change anything.")).to_be_visible()
    await expect(poll_of(bob).get_by_label("No")).to_be_disabled()
    await access.select_option(label="Others may edit")
    await poll_of(bob).get_by_label("No").check()
    await votes(ada, 2)


async def _hand_over(ada: Person, bob: Person) -> None:
    await ada.open_people()
    await ada.panel.get_by_role("button", name="Manage Bob").click()
    await ada.panel.get_by_role("button", name="Hand over…").click()
    await ada.page.get_by_role("button", name="Hand over", exact=True).click()
    await bob.until_call("call.me.role === 'host'")
    await ada.until_call("call.me.role === 'guest'")
    await ada.page.keyboard.press("Escape")


async def _sleep(cleo: Person, *others: Person) -> None:
    """Cleo's machine sleeps, so that all that runs there stands still; and wakes."""
    before = await cleo.in_call("call.me.id")
    processes = await processes_of(cleo)
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        await asyncio.sleep(LOST)
        await all_meet(*others)
    finally:
        for process in reversed(processes):
            os.kill(process, signal.SIGCONT)
    await cleo.until_call("call.status === 'synced' && call.link === 'joined'", timeout=30_000)
    assert await cleo.in_call("call.me.id") == before, "she is who she was"
    for one in others:
        await until_played(one, "Cleo")


async def _lose_the_network(network: Network, turn: TurnServer, bob: Person, ada: Person) -> None:
    """Neither the hub nor another is reached; what Bob does meanwhile is kept, and sent."""
    network.lose()
    turn.stop()
    await expect(bob.page.get_by_text("Reconnecting…").first).to_be_visible()
    await poll_of(bob).get_by_label("Yes").check()
    await asyncio.sleep(LOST)
    await poll_of(ada).get_by_label("No").check()
    await votes(ada, 3)
    turn.go_on()
    network.find()
    await bob.until_call("call.status === 'synced' && call.link === 'joined'", timeout=60_000)
    await votes(bob, 3)
    for one in (ada, bob):
        await expect(poll_of(one).locator("#options label").first).to_contain_text("2")


async def _remove(bob: Person, cleo: Person) -> None:
    await bob.open_people()
    await bob.panel.get_by_role("button", name="Manage Cleo").click()
    await bob.panel.get_by_role("button", name="Remove…").click()
    await bob.page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    gone = cleo.page.get_by_role("heading", name="You are not in this call any more")
    await expect(gone).to_be_visible()


async def _end_and_open_again(bob: Person, ada: Person) -> None:
    await bob.panel.get_by_role("button", name="End the call for everybody").click()
    await bob.page.get_by_role("button", name="End the call", exact=True).click()
    for one in (ada, bob):
        await expect(one.page.get_by_role("heading", name="The call is over")).to_be_visible()
    await bob.page.get_by_role("button", name="Join again").click()
    await bob.enter()
    await expect(bob.page.locator(".tile")).to_have_count(1)
    await votes(bob, 3)
