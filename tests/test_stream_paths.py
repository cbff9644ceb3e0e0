"""The contract of streams, between programs: by the hub's relay, in memory, and by aiortc."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

import callmesh
from callmesh.testing import ADDRESS, MemoryHub
from tests.memory_peers import MemoryPeers
from tests.stream_contract import CHECKS, Program

pytestmark = [pytest.mark.anyio, pytest.mark.rtc, pytest.mark.timeout(60)]


@contextlib.asynccontextmanager
async def two(path: str) -> AsyncIterator[tuple[Program, Program]]:
    rtc = path != "relay"
    async with (
        MemoryHub() as hub,
        callmesh.join(ADDRESS, name="Ada", rtc=rtc, open_link=hub.open_link) as ada,
        callmesh.join(ADDRESS, name="Bob", rtc=rtc, open_link=hub.open_link) as bob,
    ):
        vitals = await ada.resources.add("vitals")
        sides = Program(ada, vitals), Program(bob, await bob.resources.get(vitals.id))
        expected = {"direct"} if rtc else {"relay"}
        async with asyncio.timeout(15):
            while {ada.path(bob.me.id), bob.path(ada.me.id)} != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        try:
            yield sides
        finally:
            for side in sides:
                await side.end()


@pytest.mark.parametrize("path", ["relay", "memory", "aiortc"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_streams_keep_the_contract(
    monkeypatch: pytest.MonkeyPatch, path: str, check: object
) -> None:
    """[D1, D2, D3, D4, D7, D8, D12, D13, D14]"""
    if path == "memory":
        monkeypatch.setattr("callmesh.transport.webrtc.RtcPeers", MemoryPeers)
    async with two(path) as (ada, bob):
        await check(ada, bob)  # type: ignore[operator]
