"""Two ends with all ways between them, for `benchmarks.channels`."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser

import callmesh
from benchmarks.ends import MODES, SCRIPT, End, PageEnd, PythonEnd
from benchmarks.servers import MANY
from callmesh.ids import ParticipantId, ResourceId
from tests.browser.people import Person, person
from tests.processes import HubProcess

RELAY = Path(__file__).parent / "peers" / "relay.py"
ENDS = ("Chromium", "Python")


@dataclass(frozen=True, slots=True)
class Pair:
    one: str
    other: str
    relayed: bool = False

    def __str__(self) -> str:
        return f"{self.one} → {self.other}{' by the hub' if self.relayed else ''}"

    @property
    def ways(self) -> dict[str, str]:
        """The ways of callmesh, and the bare one beside which each stands."""
        return {f"callmesh {mode}": "bare" if self.relayed else f"bare {mode}" for mode in MODES}


PAIRS = tuple(
    Pair(one, other, relayed) for relayed in (False, True) for one in ENDS for other in ENDS
)


class Inside(contextlib.AsyncExitStack):
    """Somebody of a kind in a call."""

    end: PageEnd | PythonEnd
    id: ParticipantId
    person: Person | None = None
    call: callmesh.Call | None = None

    async def join(self, kind: str, browser: Browser, url: str, name: str, *, rtc: bool) -> None:
        if kind == "Python":
            call = self.call = await self.enter_async_context(
                callmesh.join(url, name=name, rtc=rtc)
            )
            self.end = PythonEnd(call)
            self.push_async_callback(self.end.close)
            self.id = call.me.id
            return
        # The bare relay is another host than the page's own, where its policy ends.
        one = person(browser, name, before=SCRIPT, bypass_csp=True)
        self.person = await self.enter_async_context(one)
        await self.person.join(url, role="host")
        self.end = PageEnd(self.person)
        self.id = ParticipantId(await self.person.in_call("call.me.id"))

    async def add(self) -> ResourceId:
        if self.call is not None:
            return (await self.call.resources.add("vitals")).id
        assert self.person is not None
        return ResourceId(
            await self.person.in_call("call.resources.add('vitals').then(({ id }) => id)")
        )

    async def until_here(self, resource: ResourceId) -> None:
        if self.person is not None:
            await self.person.until_call(f"call.resources.get('{resource}')")
        elif self.call is not None:
            await self.call.resources.get(resource)

    async def until_direct(self, other: ParticipantId) -> None:
        if self.person is not None:
            await self.person.until_call(f"call.path('{other}') === 'direct'")
            return
        assert self.call is not None
        async with asyncio.timeout(15):
            while self.call.path(other) != "direct":  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def ends(
    pair: Pair, browser: Browser, hub: HubProcess, relay: str
) -> AsyncIterator[tuple[End, End]]:
    """Both of a pair, in a call of their own."""
    url = hub.call(f"{pair.one}-{pair.other}".lower())
    rtc = not pair.relayed
    async with Inside() as one, Inside() as other:
        await one.join(pair.one, browser, url, "Ada", rtc=rtc)
        await other.join(pair.other, browser, url, "Bob", rtc=rtc)
        resource = await one.add()
        for own, far in ((one, other), (other, one)):
            await own.until_here(resource)
            if rtc:
                await own.until_direct(far.id)
            await own.end.open(resource, far.id)
        if pair.relayed:
            await asyncio.gather(one.end.dial(relay), other.end.dial(relay))
        else:
            await one.end.finish(await other.end.answer(await one.end.offer()))
            await one.end.opened()
            await other.end.opened()
        yield one.end, other.end


@contextlib.contextmanager
def bare_relay() -> Iterator[str]:
    """A relay that hands on whatever comes, in a process of its own; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(RELAY), str(port)], stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"ws://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


LIMITS = {**MANY, "direct_participants": 1}
"""Of the hub by way of which relayed pairs go: no path of theirs is direct, and nobody waits."""
