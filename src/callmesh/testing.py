"""For tests: a call in memory, links that a test cuts and holds up, the contracts of ports."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from callmesh import messages
from callmesh.auth import Authority
from callmesh.catalog import Catalog
from callmesh.client import Call, join
from callmesh.contracts import check_link, check_storage
from callmesh.errors import Broken, TimedOut
from callmesh.half import App
from callmesh.ice import IceServers
from callmesh.ids import CallId
from callmesh.instance import Resource
from callmesh.limits import Limits
from callmesh.links import Links
from callmesh.live import LiveHub
from callmesh.ports import Link, Storage
from callmesh.storage.memory import MemoryStorage
from callmesh.tokens import Key
from callmesh.transport.memory import MemoryLink

__all__ = ["ADDRESS", "MemoryHub", "Wire", "check_link", "check_storage"]

DEMO = CallId("demo")
ADDRESS = f"http://memory/call/{DEMO}"


class _Chance:
    """How many turns a bundle takes on one link: by what is in it, not by when it comes.

    What goes by the clock, such as that something is saved, moves nothing else.
    """

    def __init__(self, seed: int, link: int) -> None:
        self._name = f"{seed} {link}"
        self._others = random.Random(self._name)

    def turns(self, bundle: bytes) -> int:
        found = messages.unbundle(bundle, limit=None)
        numbers = [message.cursor for message in found if isinstance(message, messages.Batch)]
        chance = random.Random(f"{self._name} {numbers[-1]}") if numbers else self._others
        return chance.randrange(4)


class Wire:
    """What lies between one participant and the hub, link after link."""

    def __init__(self, hub: "MemoryHub", chance: _Chance | None) -> None:
        self._hub = hub
        self._chance = chance
        self._flows = asyncio.Event()
        self._flows.set()
        self._near: MemoryLink | None = None
        self.is_cut = False

    async def open(self, url: str) -> Link:
        if self.is_cut:
            raise Broken("the hub is out of reach")
        self._near = _PacedLink(self._flows, self._chance)
        return self._hub.attach(url, self._near)

    async def cut(self) -> None:
        """There is no way to the hub until it is mended."""
        self.is_cut = True
        if self._near is not None:
            await self._near.cut()

    def mend(self) -> None:
        self.is_cut = False

    def hold(self) -> None:
        """What the hub says does not arrive until it flows again."""
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    @property
    def is_busy(self) -> bool:
        """Whether something is under way."""
        near = self._near
        return near is not None and (near.waiting + near.other.waiting > 0)


class _PacedLink(MemoryLink):
    """A participant's end, where each bundle takes some turns of the loop, by chance."""

    def __init__(self, flows: asyncio.Event, chance: _Chance | None) -> None:
        super().__init__()
        self._flows = flows
        self._chance = chance
        self._in_hand = 0

    @property
    def waiting(self) -> int:
        return super().waiting + self._in_hand

    async def receive(self) -> bytes:
        data = await super().receive()
        self._in_hand = 1
        for _ in range(self._chance.turns(data) if self._chance else 0):
            await asyncio.sleep(0)
        await self._flows.wait()
        self._in_hand = 0
        return data


class MemoryHub:
    """A hub without sockets: `async with MemoryHub() as hub, hub.join("Ada") as call:`.

    Each link keeps its order, as every link does. `seed` decides whose message comes first; without
    one all come as soon as they can.
    """

    def __init__(
        self,
        *,
        apps: Sequence[Path] = (),
        storage: Storage | None = None,
        secret: bytes = b"s" * 32,
        key: Key | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        waiting_area: bool | None = None,
        ice: IceServers | None = None,
        seed: int | None = None,
    ) -> None:
        self.catalog = Catalog(apps)
        kept = storage or MemoryStorage()
        authority = Authority(secret, key)
        self._make = partial(
            LiveHub, kept, self.catalog, authority, limits=limits, waiting_area=waiting_area,
            ice=ice,
        )  # fmt: skip
        self._authority = authority
        self._begin()
        self.links: list[MemoryLink] = []
        """The participants' ends, in the order in which they were opened: `cut()` breaks one."""
        self._seed = seed
        self._joined = 0
        self._wires: dict[Call, Wire] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._stack = contextlib.AsyncExitStack()

    def _begin(self) -> None:
        self.live = self._make()
        self._served = Links(self.live, self._authority)

    async def __aenter__(self) -> "MemoryHub":
        await self._stack.enter_async_context(self.live.running())
        return self

    async def __aexit__(self, *error: Any) -> None:
        for link in self.links:
            await link.cut()
        await asyncio.gather(*self._serving)
        await self._stack.aclose()

    async def restart(self) -> None:
        """Stop it, and start it anew over what it has saved; links are cut and come back."""
        await self.__aexit__()
        self._begin()
        await self.__aenter__()

    def refresh_apps(self) -> None:
        """An author has changed an app: read all of them anew."""
        self.catalog.refresh()
        self.live.apps_changed()

    async def open_link(self, url: str) -> Link:
        return self.attach(url, MemoryLink())

    def attach(self, url: str, near: MemoryLink) -> Link:
        """Serve a participant's end."""
        far = MemoryLink()
        near.other, far.other = far, near
        self.links.append(near)
        call = url.removesuffix("/socket").rpartition("/")[2]
        task = asyncio.create_task(self._served.serve(call, far))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return near

    @contextlib.asynccontextmanager
    async def join(self, name: str, *, url: str = ADDRESS, **options: Any) -> AsyncIterator[Call]:
        """A participant; streams go by the relay."""
        self._joined += 1
        wire = Wire(self, None if self._seed is None else _Chance(self._seed, self._joined))
        async with join(url, name=name, rtc=False, open_link=wire.open, **options) as call:
            self._wires[call] = wire
            try:
                yield call
            finally:
                wire.mend()
                wire.flow()
                del self._wires[call]

    @contextlib.asynccontextmanager
    async def half(self, app: App, resource: Resource) -> AsyncIterator[Call]:
        """The Python half of a resource: its handlers run here, and may what a half may."""
        manifest = self.catalog.apps[resource.app].manifest
        token = self._authority.invite_half(DEMO, resource.id, manifest.name, self.live.now())
        url = f"{ADDRESS}#token={token}"
        async with self.join(manifest.name, url=url, apps=[app]) as call:
            await call.resources.get(resource.id)
            yield call

    @contextlib.asynccontextmanager
    async def partition(self, *calls: Call) -> AsyncIterator[None]:
        """Those have no way to the hub, within; when it ends, they come back by themselves."""
        for call in calls:
            await self._wires[call].cut()
            await call.until(lambda call=call: call.status == "offline")  # type: ignore[misc]
        try:
            yield
        finally:
            for call in calls:
                self._wires[call].mend()

    @contextlib.asynccontextmanager
    async def slow(self, *calls: Call) -> AsyncIterator[None]:
        """Nothing that the hub says reaches those, within; what they say does reach it."""
        for call in calls:
            self._wires[call].hold()
        try:
            yield
        finally:
            for call in calls:
                self._wires[call].flow()

    async def settled(self, *, timeout: float = 10) -> None:
        """Wait until all who have a way to the hub are in step with it, and all is saved.

        Raises `TimedOut` with the names of who is not.
        """
        late = self._late
        try:
            async with asyncio.timeout(timeout):
                while late := self._late:  # noqa: ASYNC110 - there is nobody who would tell
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise TimedOut(f"not in step after {timeout} s: {', '.join(late)}") from None

    @property
    def _late(self) -> list[str]:
        lines = {line.id: (call, line) for call in self.live.calls for line in call.lines.values()}
        late = []
        for call, wire in self._wires.items():
            if wire.is_cut:
                continue
            found = lines.get(call.me.id)
            told = found is not None and not found[0].hosted.has_output(
                found[0].hosted.people.members[call.me.id]
            )
            if not told or wire.is_busy or call.status != "synced":
                late.append(call.me.name)
        return late
