"""Paths by a TURN server: Debian's coturn, and Python participants."""

import asyncio
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest

import callmesh
from callmesh.clock import MICROSECONDS
from callmesh.doctor import FINE, WRONG, ice
from callmesh.errors import BadInput
from callmesh.ice import LASTS, IceServers, credential, is_turn
from callmesh.icesettings import ice_servers
from callmesh.ids import ParticipantId
from callmesh.messages import Ice
from callmesh.settings import Settings
from callmesh.testing import MemoryHub
from tests.memory_peers import MemoryPeers
from tests.processes import hub_process
from tests.test_mounted import served
from tests.test_rtc import read, until_direct
from tests.turnserver import TURN_SECRET, TurnServer, turn_server

pytestmark = [pytest.mark.anyio, pytest.mark.rtc, pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnServer]:
    with turn_server(tmp_path_factory.mktemp("turn")) as server:
        yield server


def with_turn(url: str, secret: Path, policy: str = "relay") -> tuple[str, ...]:
    return ("--ice-server", url, "--turn-secret", str(secret), "--ice-policy", policy)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_everything_goes_by_turn_where_the_policy_says_so(
    tmp_path: Path, turn: TurnServer, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[D18, D19] Nothing else is tried: with the hub killed, streams go on by TURN alone."""
    monkeypatch.setenv("SSL_CERT_FILE", str(turn.certificate))
    secret = tmp_path / "turn.secret"
    secret.write_text(TURN_SECRET + "\n")
    before = turn.allocations
    with hub_process(tmp_path / "data", more=with_turn(turn.url(transport), secret)) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob") as bob,
        ):
            vitals = await ada.resources.add("vitals")
            heard = (await bob.resources.get(vitals.id)).stream("ecg")
            await until_direct(ada, bob)
            hub.kill()
            sent = [bytes([n]) * 20_000 for n in range(50)]
            reading = asyncio.create_task(read(heard, len(sent)))
            for data in sent:
                await vitals.stream("ecg").send(data, timeout=10)
            assert [message.data for message in await reading] == sent
    assert turn.allocations >= before + 2, "both of them have an address there"


@pytest.mark.timeout(120)
async def test_a_path_that_is_cut_comes_back_and_meanwhile_the_hub_relays(
    tmp_path: Path, turn: TurnServer
) -> None:
    """[D2, D10, D22] Between programs, of which each sees for itself that nobody answers."""
    secret = tmp_path / "turn.secret"
    secret.write_text(TURN_SECRET)
    with hub_process(tmp_path / "data", more=with_turn(turn.url(), secret)) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob") as bob,
        ):
            vitals = await ada.resources.add("vitals")
            heard = (await bob.resources.get(vitals.id)).stream("ecg")
            await until_direct(ada, bob)
            got: list[int] = []
            sent = 0

            async def send() -> None:
                nonlocal sent
                while True:
                    await vitals.stream("ecg").send(sent)
                    sent += 1
                    await asyncio.sleep(0.02)

            async def follow() -> None:
                async for message in heard:
                    got.append(message.data)

            async def until_more() -> None:
                last = sent
                async with asyncio.timeout(20):
                    while len(got) <= last:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)

            running = [asyncio.create_task(send()), asyncio.create_task(follow())]
            await until_more()
            turn.stop()
            try:
                async with asyncio.timeout(30):
                    while "direct" in (ada.path(bob.me.id), bob.path(ada.me.id)):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                await until_more()
            finally:
                turn.go_on()
            await until_direct(ada, bob, patience=60)
            await until_more()
            for task in running:
                task.cancel()
            assert got == list(range(len(got)))


async def test_a_server_of_an_unknown_authority_is_not_trusted(
    tmp_path: Path, turn: TurnServer
) -> None:
    """[D20] Over TLS."""
    secret = tmp_path / "secret"
    secret.write_text(TURN_SECRET)
    secret.chmod(0o600)
    settings = Settings(ice_server=(turn.url("tls"),), turn_secret=secret)
    found = await asyncio.to_thread(list, ice(settings))
    assert [finding.mark for finding in found] == [FINE, WRONG]


async def test_a_hub_in_another_application_tells_its_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[O14, D18]"""
    told: list[Ice] = []
    monkeypatch.setattr("callmesh.transport.webrtc.RtcPeers", MemoryPeers)
    monkeypatch.setattr(MemoryPeers, "configure", lambda peers, ice: told.append(ice))
    (tmp_path / "secret").write_text(TURN_SECRET)
    (tmp_path / "relayed.py").write_text(
        "import callmesh, pathlib\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "app = callmesh.asgi(data=folder / 'data', dev=True, ice_server=['turn:t.example.org'],\n"
        "    turn_secret=folder / 'secret', ice_policy='relay')\n"
    )
    with served(tmp_path / "data", app="relayed:app", folder=tmp_path) as address:
        async with callmesh.join(f"{address}/call/demo", name="Ada") as ada:
            await ada.until(lambda: bool(told))
            (server,) = told[0].servers
            assert (told[0].policy, server.urls) == ("relay", ["turn:t.example.org"])
            assert server.credential == credential(TURN_SECRET.encode(), server.username)


async def test_a_wrong_login_is_told_and_the_hub_relays(
    tmp_path: Path, turn: TurnServer, caplog: pytest.LogCaptureFixture
) -> None:
    """[D20] Not after patience, but as soon as it is known, and once in the log."""
    secret = tmp_path / "turn.secret"
    secret.write_text("what coturn has never heard of")
    caplog.set_level(logging.WARNING, "callmesh.rtc")
    with hub_process(tmp_path / "data", more=with_turn(turn.url(), secret)) as hub:
        async with (
            callmesh.join(hub.call(), name="Ada") as ada,
            callmesh.join(hub.call(), name="Bob") as bob,
            callmesh.join(hub.call(), name="Cid"),
        ):
            vitals = await ada.resources.add("vitals")
            heard = (await bob.resources.get(vitals.id)).stream("ecg")
            await ada.until(lambda: ada.path(bob.me.id) == "relay")
            await vitals.stream("ecg").send(b"by the hub", to=[bob.me.id])
            assert [message.data for message in await read(heard, 1)] == [b"by the hub"]
            async with asyncio.timeout(10):
                while len(caplog.records) < 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3, "each of the three says it once"
    assert all("refuses the login" in line for line in told)


async def test_logins_are_those_of_coturn_and_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """[D18] Each participant's own; half of the time before they run out there are others."""
    servers = IceServers(["stun:s.example.org", "turn:t.example.org"], b"north")
    told: list[Ice] = []
    stun, turn = servers.given(ParticipantId("p1"), 5 * MICROSECONDS).servers
    assert (stun.username, stun.credential) == ("", "")
    assert turn.username == "3605:p1"
    assert turn.credential == credential(b"north", "3605:p1") != credential(b"south", "3605:p1")
    later = [0]
    for module in ("live", "links"):
        monkeypatch.setattr(f"callmesh.{module}.clock", lambda: time.time_ns() // 1000 + later[0])
    async with MemoryHub(ice=servers) as hub, hub.join("Ada") as ada:
        monkeypatch.setattr(
            ada._streams, "peers", SimpleNamespace(configure=told.append, close=AsyncMock())
        )
        hub.live._tidy()
        later[0] = LASTS // 2 - MICROSECONDS
        hub.live._tidy()
        assert not told
        later[0] = LASTS // 2 + MICROSECONDS
        hub.live._tidy()
        await ada.until(lambda: bool(told))
        assert told[0].servers[1].username.endswith(f":{ada.me.id}")
        assert told[0].expires > time.time_ns() // 1000 + LASTS


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_doctor_asks_the_servers(
    tmp_path: Path, turn: TurnServer, transport: str
) -> None:
    """[O13, D20]"""
    good, bad = tmp_path / "good", tmp_path / "bad"
    for file, secret in ((good, TURN_SECRET), (bad, "x" * 32)):
        file.write_text(secret)
        file.chmod(0o600)
    closed = "turn:127.0.0.1:9?transport=tcp"
    for file, urls, expected in (
        (good, (turn.url(transport), f"stun:127.0.0.1:{turn.port}"), [FINE, FINE, FINE]),
        (bad, (turn.url(transport),), [FINE, WRONG]),
        (good, (closed,), [FINE, WRONG]),
    ):
        settings = Settings(ice_server=urls, turn_secret=file)
        found = await asyncio.to_thread(list, ice(settings))
        assert [finding.mark for finding in found] == expected, found
    assert is_turn(closed)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(ice_server=("turn:t.example.org",)), "set turn_secret"),
        (Settings(ice_policy="relay"), "add one to ice_server"),
        (Settings(ice_server=("turn:t.example.org",), turn_secret=Path("/nowhere")), "/nowhere"),
    ],
)
async def test_settings_that_would_let_nobody_through_are_refused(
    settings: Settings, said: str
) -> None:
    """[D18]"""
    with pytest.raises(BadInput, match=said):
        ice_servers(settings)
    assert [finding.mark for finding in ice(settings)] == [WRONG]
