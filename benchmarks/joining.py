"""Joining after N writes over 20 keys: what a newcomer receives, and how long it takes.

All sizes are calls of one hub, and take turns: what slows the machine down slows all of them.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import callmesh
from benchmarks.browser import CallPage
from benchmarks.hub import Hub, add_resource
from benchmarks.load import Peer, peer, pour, value_of
from benchmarks.progress import say
from callmesh import messages
from callmesh.ids import StateId, resource_of
from callmesh.ports import Link
from callmesh.transport.websocket import WebSocketLink

KEYS = [f"key/{number:02d}" for number in range(20)]


class CountedLink:
    """The SDK's link, which remembers the first bundle."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.first = b""

    async def receive(self) -> bytes:
        data = await self._link.receive()
        self.first = self.first or data
        return data

    async def send(self, bundle: bytes) -> None:
        await self._link.send(bundle)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._link.close(code, reason)


@dataclass
class Size:
    """A call after so many writes, with the one who wrote still in it."""

    writes: int
    call: str
    state: StateId
    writer: Peer
    values: dict[str, object]
    """What is there now."""
    bundle: list[int] = field(default_factory=list)
    """Bytes that each newcomer received first, of which …"""
    batch: list[int] = field(default_factory=list)
    """… so many were the call's state."""
    python: list[float] = field(default_factory=list)
    """Seconds until a Python newcomer was in step."""
    browser: list[float] = field(default_factory=list)
    """The same of a page in Chromium."""
    page: list[float] = field(default_factory=list)
    """Of that, seconds in which the page read and applied the first bundle."""


@contextlib.asynccontextmanager
async def prepared(hub: Hub, sizes: Sequence[int]) -> AsyncIterator[list[Size]]:
    """One call per number of writes."""
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for writes in sizes:
            say(f"join: writing {writes:,} times over {len(KEYS)} keys")
            call = hub.call(f"writes-{writes}")
            state = await add_resource(call)
            writer = await stack.enter_async_context(peer(call, "Writer"))
            await pour(writer, state, KEYS, writes)
            values = last_values(writes)
            assert writer.values(state) == values
            made.append(Size(writes, call, state, writer, values))
        yield made


def last_values(writes: int) -> dict[str, object]:
    """What a State holds after so many writes over `KEYS` in turn."""
    recent = range(max(0, writes - len(KEYS)), writes)
    return {KEYS[number % len(KEYS)]: value_of(number) for number in recent}


async def join_in_turn(sizes: Sequence[Size], rounds: int) -> None:
    """Python newcomers; the first round warms up and does not count."""
    for round in range(-1, rounds):
        say(f"join: Python newcomers, {round + 1} of {rounds}")
        for size in turned(sizes, round):
            seconds, first = await join(size)
            if round >= 0:
                size.python.append(seconds)
                size.bundle.append(len(first))
                size.batch.append(batch_size(first))


async def browse_in_turn(sizes: Sequence[Size], page: CallPage, rounds: int) -> None:
    """The same with a page."""
    for round in range(-1, rounds):
        say(f"join: Chromium newcomers, {round + 1} of {rounds}")
        for size in turned(sizes, round):
            seen = await page.join(size.call, size.state, size.values)
            if round >= 0:
                size.browser.append(seen.in_step)
                size.page.append(seen.applying)


def turned(sizes: Sequence[Size], round: int) -> list[Size]:
    """Each round begins with another one."""
    first = round % len(sizes)
    return [*sizes[first:], *sizes[:first]]


async def join(size: Size) -> tuple[float, bytes]:
    """Seconds from before the socket is opened until everything is there; the first bundle."""
    links: list[CountedLink] = []
    began = 0.0

    async def open_link(url: str) -> Link:
        nonlocal began
        began = time.perf_counter()
        links.append(CountedLink(await WebSocketLink.open(url)))
        return links[0]

    async with callmesh.join(size.call, name="New", rtc=False, open_link=open_link) as call:
        seconds = time.perf_counter() - began
        resource = resource_of(size.state)
        assert resource is not None
        assert dict(call.resources[resource].state) == size.values
        return seconds, links[0].first


def batch_size(bundle: bytes) -> int:
    """Bytes of the batch in a bundle; the rest is the welcome, with the hub's proofs."""
    found = messages.unbundle(bundle, limit=None)
    return sum(len(messages.encode(m)) for m in found if isinstance(m, messages.Batch))
