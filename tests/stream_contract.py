"""One contract for streams, whatever the path: what one side sends, and the other one reads."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import callmesh
from callmesh.errors import EndedByPeer
from callmesh.ids import ParticipantId
from callmesh.messages import Mode
from tests.browser.people import Person


class Side(Protocol):
    """A participant with streams of one resource. What is read is JSON, or the size of bytes."""

    async def id(self) -> str: ...
    async def open(self, name: str, mode: Mode) -> None: ...
    async def reaches(self, name: str, other: str) -> None: ...
    async def send(self, name: str, data: Any, to: list[str] | None = None) -> None: ...
    async def got(self, name: str) -> list[Any]: ...
    async def read_apart(self, name: str, sender: str) -> None: ...
    async def close(self, name: str) -> None: ...
    async def abort(self, name: str) -> None: ...


class Program:
    def __init__(self, call: callmesh.Call, resource: callmesh.Resource) -> None:
        self.call = call
        self._resource = resource
        self._streams: dict[str, callmesh.DataStream] = {}
        self._got: dict[str, list[Any]] = {}
        self._reading: list[asyncio.Task[None]] = []

    async def id(self) -> str:
        return self.call.me.id

    async def open(self, name: str, mode: Mode) -> None:
        self._streams[name] = self._resource.stream(name, mode=mode)
        self._got[name] = []
        self._reading.append(asyncio.create_task(self._read(name)))

    async def _read(self, name: str) -> None:
        async for message in self._streams[name]:
            data = message.data
            self._got[name].append(len(data) if isinstance(data, bytes) else data)

    async def reaches(self, name: str, other: str) -> None:
        await self._streams[name].ready(to=[ParticipantId(other)])

    async def send(self, name: str, data: Any, to: list[str] | None = None) -> None:
        named = None if to is None else [ParticipantId(one) for one in to]
        await self._streams[name].send(data, to=named, timeout=20)

    async def got(self, name: str) -> list[Any]:
        return list(self._got[name])

    async def read_apart(self, name: str, sender: str) -> None:
        async def read() -> None:
            try:
                async for message in self._streams[name].of(ParticipantId(sender)):
                    self._got[name].append(message.data)
                self._got[name].append("end")
            except EndedByPeer:
                self._got[name].append("cut short")

        self._reading.append(asyncio.create_task(read()))
        await asyncio.sleep(0)

    async def close(self, name: str) -> None:
        await self._streams[name].close()

    async def abort(self, name: str) -> None:
        self._streams[name].abort()

    async def end(self) -> None:
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)


OPEN = """([name, mode]) => {
  const stream = window.callmesh.call.resources.all()[0].stream(name, { mode });
  const got = [];
  window.opened = { ...window.opened, [name]: { stream, got } };
  stream.subscribe(({ data }) => got.push(data instanceof Uint8Array ? data.length : data));
}"""
APART = """([name, sender]) => {
  const { stream, got } = window.opened[name];
  void (async () => {
    try {
      for await (const { data } of stream.of(sender)) got.push(data);
      got.push("end");
    } catch (error) {
      got.push(error.code === "ended_by_peer" ? "cut short" : String(error));
    }
  })();
}"""
SEND = """([name, data, size, to]) => {
  const { stream } = window.opened[name];
  return stream.send(size < 0 ? data : new Uint8Array(size), to === null ? {} : { to });
}"""


class Browser:
    def __init__(self, someone: Person) -> None:
        self._page = someone.page

    async def id(self) -> str:
        return str(await self._page.evaluate("window.callmesh.call.me.id"))

    async def open(self, name: str, mode: Mode) -> None:
        await self._page.evaluate(OPEN, [name, mode])

    async def reaches(self, name: str, other: str) -> None:
        script = "([name, id]) => window.opened[name].stream.ready({ to: [id] }).then(() => null)"
        await self._page.evaluate(script, [name, other])

    async def send(self, name: str, data: Any, to: list[str] | None = None) -> None:
        size = len(data) if isinstance(data, bytes) else -1
        await self._page.evaluate(SEND, [name, None if size >= 0 else data, size, to])

    async def got(self, name: str) -> list[Any]:
        return list(await self._page.evaluate("name => window.opened[name].got", name))

    async def read_apart(self, name: str, sender: str) -> None:
        await self._page.evaluate(APART, [name, sender])

    async def close(self, name: str) -> None:
        await self._page.evaluate("name => window.opened[name].stream.close()", name)

    async def abort(self, name: str) -> None:
        await self._page.evaluate("name => window.opened[name].stream.abort()", name)


async def until(
    side: Side, name: str, true: Callable[[list[Any]], bool], *, patience: float = 20
) -> list[Any]:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not true(await side.got(name)):  # noqa: ASYNC110 - also of another process
                await asyncio.sleep(0.02)
    return await side.got(name)


async def _both_open(one: Side, other: Side, name: str, mode: Mode) -> None:
    await one.open(name, mode)
    await other.open(name, mode)
    await one.reaches(name, await other.id())
    await other.reaches(name, await one.id())


async def reliable_is_whole_and_in_order(one: Side, other: Side) -> None:
    """[D2, D4, D13] Both ways, JSON and bytes, in parts where it is large."""
    sent: list[Any] = [{"n": n, "x": "é"} for n in range(200)]
    large = [b"", bytes(1), bytes(60 * 1024), bytes(60 * 1024 + 1), bytes(1_000_000)]
    await _both_open(one, other, "whole", "reliable")
    expected = [*sent, *map(len, large), None]
    for here, there in ((one, other), (other, one)):
        for data in [*sent, *large, None]:
            await here.send("whole", data)
        got = await until(there, "whole", lambda seen: len(seen) >= len(expected))
        assert got == expected


async def latest_brings_the_newest(one: Side, other: Side) -> None:
    """[D3, D13] Whatever is left out, nothing comes late or twice; also where it is in parts."""
    await _both_open(one, other, "newest", "latest")
    for n in range(300):
        await one.send("newest", n)
    await until(other, "newest", lambda seen: seen != [])
    got: list[Any] = []
    while got[-1:] != [150_000]:  # a channel of `latest` may lose any
        await one.send("newest", bytes(150_000))
        got = await until(other, "newest", lambda seen: seen[-1] == 150_000, patience=2)
    numbers = [n for n in got if n < 300]
    assert numbers == sorted(set(numbers))


async def who_is_not_named_gets_nothing(one: Side, other: Side) -> None:
    """[D7]"""
    await _both_open(one, other, "some", "reliable")
    await one.send("some", 1, to=["nobody"])
    await one.send("some", 2, to=[await other.id()])
    await one.send("some", 3)
    assert await until(other, "some", lambda seen: len(seen) == 2) == [2, 3]


async def what_was_sent_before_is_not_missed(one: Side, other: Side) -> None:
    """[D14]"""
    await other.open("early", "reliable")
    await one.open("early", "reliable")
    for n in range(10):
        await one.send("early", n)
    assert await until(other, "early", lambda seen: len(seen) == 10) == list(range(10))


async def streams_do_not_mix(one: Side, other: Side) -> None:
    """[D1, D8] Other names, and the same one in another mode."""
    await _both_open(one, other, "a", "reliable")
    await _both_open(one, other, "b", "reliable")
    await one.open("odd", "latest")
    await other.open("odd", "reliable")
    for name in ("a", "b", "odd"):
        await one.send(name, name)
    for name in ("a", "b"):
        assert await until(other, name, lambda seen: seen != []) == [name]
    assert await other.got("odd") == []


async def the_end_is_seen(one: Side, other: Side) -> None:
    """[D12] And whether it was all."""
    for name, expected in (("closed", "end"), ("aborted", "cut short")):
        await _both_open(one, other, name, "reliable")
        await other.read_apart(name, await one.id())
        await one.send(name, 1)
        await until(other, name, lambda seen: seen == [1])
        await (one.close(name) if expected == "end" else one.abort(name))
        assert await until(other, name, lambda seen: len(seen) == 2) == [1, expected]


CHECKS: list[Callable[[Side, Side], Awaitable[None]]] = [
    reliable_is_whole_and_in_order,
    latest_brings_the_newest,
    who_is_not_named_gets_nothing,
    what_was_sent_before_is_not_missed,
    streams_do_not_mix,
    the_end_is_seen,
]
