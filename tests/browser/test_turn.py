"""Paths by a TURN server: Debian's coturn, headless Chromium, and a Python program."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage

import callmesh
from tests.browser.people import person
from tests.processes import hub_process
from tests.turnserver import TURN_SECRET, TurnServer, turn_server

pytestmark = [pytest.mark.anyio, pytest.mark.rtc, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnServer]:
    with turn_server(tmp_path_factory.mktemp("turn")) as server:
        yield server


def by_turn(url: str, secret: Path, text: str) -> tuple[str, ...]:
    secret.write_text(text)
    return ("--ice-server", url, "--turn-secret", str(secret), "--ice-policy", "relay")


KINDS = """Promise.all(window.connections.map(async connection => {
  const found = [...(await connection.getStats()).values()];
  return found.filter(s => s.type === "local-candidate").map(s => s.candidateType);
}))"""
NOTE = """
const Real = RTCPeerConnection;
window.connections = [];
window.RTCPeerConnection = function (...given) {
  const made = new Real(...given);
  window.connections.push(made);
  return made;
};
window.RTCPeerConnection.prototype = Real.prototype;
"""


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_browsers_and_programs_meet_at_a_turn_server(
    browser: Browser, tmp_path: Path, turn: TurnServer, transport: str
) -> None:
    """[D18, D19] Nobody tells another one their address; with the hub gone the path is there."""
    more = by_turn(turn.url(transport), tmp_path / "secret", TURN_SECRET)
    with hub_process(tmp_path / "data", more=more) as hub:
        url = hub.call()
        async with (
            person(browser, "Ada", before=NOTE) as ada,
            person(browser, "Bob") as bob,
            callmesh.join(url, name="Pia") as pia,
        ):
            await ada.join(url, role="host")
            await bob.join(url, role="host")
            await ada.until_path("Bob", "direct")
            await ada.until_path("Pia", "direct")
            for kinds in await ada.in_call(KINDS):
                assert set(kinds) == {"relay"}
            vitals = await pia.resources.add("vitals")
            await ada.until_call("call.resources.all().length === 1")
            await ada.in_call(
                "void (window.heard = [], call.resources.all()[0].stream('ecg')"
                ".subscribe(({ data }) => window.heard.push(data)))"
            )
            stream = vitals.stream("ecg")
            hub.kill()
            for number in range(50):
                await stream.send(number, timeout=10)
            await ada.page.wait_for_function("() => window.heard.length === 50", timeout=15_000)
            assert await ada.page.evaluate("window.heard") == list(range(50))


async def test_a_refused_login_is_told_in_the_console_and_the_hub_relays(
    browser: Browser, tmp_path: Path, turn: TurnServer
) -> None:
    """[D20]"""
    more = by_turn(turn.url(), tmp_path / "secret", "what coturn has never heard of")
    with hub_process(tmp_path / "data", more=more) as hub:
        url = hub.call()
        async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
            told: list[ConsoleMessage] = []
            ada.page.on("console", lambda message: told.append(message))
            await ada.join(url, role="host")
            await bob.join(url, role="host")
            await ada.until_path("Bob", "relay")
            async with asyncio.timeout(15):
                while not any("refuses" in message.text for message in told):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            words = [message.text for message in told if "refuses" in message.text]
            assert len(words) == 1
            assert turn.url() in words[0]


PATHS = """(() => {
  window.paths = [];
  const look = () => {
    const [bob] = [...call.participants.values()].filter(p => p.name === "Bob");
    const path = bob && call.path(bob.id);
    if (path !== window.paths.at(-1)) window.paths.push(path);
  };
  look();
  call.on("participants", look);
})()"""


async def test_a_path_that_is_cut_comes_back_and_meanwhile_the_hub_relays(
    browser: Browser, tmp_path: Path, turn: TurnServer
) -> None:
    """[D2, D10, D22] With the connection it had, between browsers; with a program by a new one."""
    more = by_turn(turn.url(), tmp_path / "secret", TURN_SECRET)
    with hub_process(tmp_path / "data", more=more) as hub:
        url = hub.call()
        async with (
            person(browser, "Ada", before=NOTE) as ada,
            person(browser, "Bob", before=NOTE) as bob,
            callmesh.join(url, name="Pia") as pia,
        ):
            await ada.join(url, role="host")
            await bob.join(url, role="host")
            vitals = await pia.resources.add("vitals")
            heard = vitals.stream("ecg")
            for one in (ada, bob):
                await one.until_call("call.resources.all().length === 1")
                await one.until_path("Pia", "direct")
            await ada.until_path("Bob", "direct")
            names = {other.name: id for id, other in pia.participants.items()}
            await bob.in_call(
                "void (window.heard = [], call.resources.all()[0].stream('ecg')"
                ".subscribe(({ data }) => window.heard.push(data)))"
            )
            await ada.in_call(PATHS)
            await ada.in_call(
                "void (window.n = 0, setInterval(() => "
                "call.resources.all()[0].stream('ecg').send(window.n++), 20))"
            )
            turn.stop()
            await ada.until_path("Bob", "relay")
            await bob.until_path("Ada", "relay")
            await pia.until(lambda: pia.path(names["Ada"]) == "relay", timeout=30)
            count = await ada.page.evaluate("window.n") + 50
            await bob.page.wait_for_function(f"() => window.heard.length > {count}")
            turn.go_on()
            for one, other in ((ada, "Bob"), (bob, "Ada"), (ada, "Pia"), (bob, "Pia")):
                await one.until_path(other, "direct", timeout=60_000)
            count = await ada.page.evaluate("window.n") + 50
            await bob.page.wait_for_function(f"() => window.heard.length > {count}")
            got = await bob.page.evaluate("window.heard")
            assert got == list(range(len(got)))
            messages = aiter(heard)
            read = [await asyncio.wait_for(anext(messages), 20) for _ in range(len(got) - 5)]
            assert [message.data for message in read] == list(range(len(got) - 5))
            paths = await ada.page.evaluate("window.paths")
            assert (paths[0], set(paths), paths[-1]) == ("direct", {"direct", "relay"}, "direct")
            states = await ada.page.evaluate("window.connections.map(one => one.connectionState)")
            assert states[:2] == ["closed", "connected"], "to Pia, and to Bob"
