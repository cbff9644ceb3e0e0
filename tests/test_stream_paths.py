"""The contract of streams, between programs: in memory, by aiortc, and by the hub's relay, which is
reached in memory or over WebSockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

import callmesh
from callmesh.testing import ADDRESS, MemoryHub
from tests.memory_peers import MemoryPeers
from tests.processes import SERVED, HubProcess, hub_process
from tests.stream_contract import CHECKS, Program

pytestmark = [pytest.mark.anyio, pytest.mark.rtc, pytest.mark.timeout(60)]


@contextlib.asynccontextmanager
async def calls(path: str) -> AsyncIterator[tuple[callmesh.Call, callmesh.Call]]:
    """Two in one call of a hub in memory."""
    rtc = path != "relay"
    async with (
        MemoryHub() as hub,
        callmesh.join(ADDRESS, name="Ada", rtc=rtc, open_link=hub.open_link) as ada,
        callmesh.join(ADDRESS, name="Bob", rtc=rtc, open_link=hub.open_link) as bob,
    ):
        yield ada, bob


@contextlib.asynccontextmanager
async def sides(
    ada: callmesh.Call, bob: callmesh.Call, path: str
) -> AsyncIterator[tuple[Program, Program]]:
    vitals = await ada.resources.add("vitals")
    found = Program(ada, vitals), Program(bob, await bob.resources.get(vitals.id))
    async with asyncio.timeout(15):
        while {ada.path(bob.me.id), bob.path(ada.me.id)} != {path}:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    try:
        yield found
    finally:
        for side in found:
            await side.end()


@pytest.mark.parametrize("path", ["relay", "memory", "aiortc"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_streams_keep_the_contract(
    monkeypatch: pytest.MonkeyPatch, path: str, check: object
) -> None:
    """[D1, D2, D3, D4, D7, D8, D12, D13, D14]"""
    if path == "memory":
        monkeypatch.setattr("callmesh.transport.webrtc.RtcPeers", MemoryPeers)
    expected = "relay" if path == "relay" else "direct"
    async with calls(path) as (ada, bob), sides(ada, bob, expected) as (one, other):
        await check(one, other)  # type: ignore[operator]


@pytest.fixture(scope="module", params=SERVED)
def hub(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HubProcess]:
    with hub_process(tmp_path_factory.mktemp("hub"), python=SERVED[request.param]) as served:
        yield served


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_streams_keep_the_contract_over_websockets(hub: HubProcess, check: object) -> None:
    """[D1, D2, D3, D4, D7, D8, D12, D13, D14] By a hub in a process of its own."""
    call = hub.call(check.__name__)  # type: ignore[attr-defined]
    async with (
        callmesh.join(call, name="Ada", rtc=False) as ada,
        callmesh.join(call, name="Bob", rtc=False) as bob,
        sides(ada, bob, "relay") as (one, other),
    ):
        await check(one, other)  # type: ignore[operator]
