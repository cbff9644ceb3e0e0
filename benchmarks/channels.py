"""Data channels: streams of callmesh against the bare channel: `python -m benchmarks.channels`.

Between two call pages in Chromium, and between a page and a Python program. The bare channel is one
of a peer connection of its own between the same two, and both have the same water marks. All ways
take turns in every round, and each ratio is of one round.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from aiortc import RTCPeerConnection, RTCSessionDescription

import callmesh
from benchmarks import facts, page, tables
from benchmarks.all import SCENARIOS
from benchmarks.browser import chromium
from benchmarks.progress import done, say
from benchmarks.suite import FIGURES as KEPT
from benchmarks.suite import Figures, Part
from callmesh.ids import ParticipantId, ResourceId
from callmesh.lane import HIGH_WATER
from callmesh.messages import MAX_PAYLOAD, Mode
from callmesh.stream import LOW_WATER
from tests.browser.people import Person, person
from tests.processes import hub_process

MODES: tuple[Mode, ...] = ("reliable", "latest")
WAYS = tuple(f"{kind} {mode}" for mode in MODES for kind in ("bare", "callmesh"))
BULK = MAX_PAYLOAD
SMALL = 64
COUNT, ECHO, BACK = 1, 2, 3
"""The first byte of a message says what it is for."""
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
SCRIPT = (Path(__file__).parent / "channels.js").read_text()


@dataclass(frozen=True, slots=True)
class Came:
    messages: int
    bytes: int
    seconds: float
    """From the first to the last."""


class End(Protocol):
    """One end of all the ways between two."""

    name: str

    async def flood(self, way: str, size: int, seconds: float) -> int: ...
    async def count(self, way: str) -> int: ...
    async def came(self, way: str) -> Came: ...
    async def pings(self, way: str, times: int) -> list[float]: ...


class PageEnd:
    """A call page in Chromium (`channels.js`)."""

    name = "Chromium"

    def __init__(self, someone: Person) -> None:
        self._page = someone.page
        self.someone = someone

    async def _said(self, what: str, *given: Any) -> Any:
        return await self._page.evaluate(f"given => window.bench.{what}(...given)", list(given))

    async def open(self, resource: ResourceId, to: str) -> None:
        await self._page.evaluate(
            "([resource, to]) => window.bench.open(window.callmesh.call, resource, to)",
            [resource, to],
        )

    async def offer(self) -> Any:
        return await self._said("offer")

    async def answer(self, offer: Any) -> Any:
        return await self._said("answer", offer)

    async def finish(self, answer: Any) -> None:
        await self._said("finish", answer)

    async def opened(self) -> None:
        await self._said("opened")

    async def flood(self, way: str, size: int, seconds: float) -> int:
        return int(await self._said("flood", way, size, seconds))

    async def count(self, way: str) -> int:
        return int(await self._said("count", way))

    async def came(self, way: str) -> Came:
        return Came(*await self._said("came", way))

    async def pings(self, way: str, times: int) -> list[float]:
        return [float(ms) for ms in await self._said("pings", way, times, SMALL)]


class _Way:
    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self.send = send
        self.messages = self.bytes = 0
        self.first = self.last = 0.0
        self.pinged = asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()

    def take(self, data: bytes) -> None:
        if data[0] == COUNT:
            self.last = time.perf_counter()
            self.first = self.first or self.last
            self.messages += 1
            self.bytes += len(data)
        elif data[0] == ECHO:
            answer = asyncio.create_task(self._answer(bytes([BACK]) + data[1:]))
            self._answering.add(answer)
            answer.add_done_callback(self._answering.discard)
        else:
            self.pinged.set()

    async def _answer(self, data: bytes) -> None:
        await self.send(data)


class PythonEnd:
    """A Python program, by aiortc."""

    name = "Python"

    def __init__(self) -> None:
        self._ways: dict[str, _Way] = {}
        self._pc = RTCPeerConnection()
        self._opened = [self._bare(mode, id) for mode, id in zip(MODES, (10, 11), strict=True)]
        self._reading: list[asyncio.Task[None]] = []

    def _bare(self, mode: Mode, id: int) -> asyncio.Event:
        latest = mode == "latest"
        channel = self._pc.createDataChannel(
            mode, negotiated=True, id=id, ordered=not latest, maxRetransmits=0 if latest else None
        )
        channel.bufferedAmountLowThreshold = LOW_WATER
        room, opened = asyncio.Event(), asyncio.Event()
        channel.on("bufferedamountlow", room.set)
        channel.on("open", opened.set)

        async def send(data: bytes) -> None:
            if latest and channel.bufferedAmount > LOW_WATER:
                return
            channel.send(data)
            if not latest and channel.bufferedAmount > HIGH_WATER:
                room.clear()
                await room.wait()

        way = self._ways[f"bare {mode}"] = _Way(send)
        channel.on("message", way.take)
        return opened

    async def answer(self, offer: Any) -> Any:
        await self._pc.setRemoteDescription(RTCSessionDescription(**offer))
        await self._pc.setLocalDescription(await self._pc.createAnswer())
        return {"type": self._pc.localDescription.type, "sdp": self._pc.localDescription.sdp}

    async def opened(self) -> None:
        for event in self._opened:
            await event.wait()

    def open(self, resource: callmesh.Resource, to: ParticipantId) -> None:
        for mode in MODES:
            stream = resource.stream(f"bench-{mode}", mode=mode)

            async def send(data: bytes, stream: callmesh.DataStream = stream) -> None:
                await stream.send(data, to=[to])

            way = self._ways[f"callmesh {mode}"] = _Way(send)
            self._reading.append(asyncio.create_task(self._read(stream, way)))

    async def _read(self, stream: callmesh.DataStream, way: _Way) -> None:
        with contextlib.suppress(callmesh.errors.Closed):
            async for message in stream:
                way.take(message.data)

    async def flood(self, way: str, size: int, seconds: float) -> int:
        send = self._ways[way].send
        data = bytes([COUNT]) + bytes(size - 1)
        end = time.perf_counter() + seconds
        sent = 0
        while time.perf_counter() < end:
            for _ in range(1 if size > 1000 else 64):
                await send(data)
                sent += 1
            await asyncio.sleep(0)
        return sent

    async def count(self, way: str) -> int:
        return self._ways[way].messages

    async def came(self, way: str) -> Came:
        own = self._ways[way]
        found = Came(own.messages, own.bytes, own.last - own.first)
        own.messages = own.bytes = 0
        own.first = own.last = 0.0
        return found

    async def pings(self, way: str, times: int) -> list[float]:
        own = self._ways[way]
        found = []
        for _ in range(times):
            own.pinged.clear()
            began = time.perf_counter()
            await own.send(bytes([ECHO]) + bytes(SMALL - 1))
            await asyncio.wait_for(own.pinged.wait(), 10)
            found.append((time.perf_counter() - began) * 1000)
        return found

    async def close(self) -> None:
        for task in self._reading:
            task.cancel()
        await self._pc.close()


# --- measuring


@dataclass(frozen=True, slots=True)
class Run:
    """One way in one round."""

    bulk: float
    """Bytes that came in a second, in messages of `BULK` bytes."""
    small: float
    """Messages of `SMALL` bytes that came in a second."""
    p50: float
    p99: float
    """Milliseconds there and back, of a message of `SMALL` bytes."""


async def flooded(one: End, other: End, way: str, size: int, seconds: float) -> Came:
    sent = await one.flood(way, size, seconds)
    whole = way.endswith("reliable")
    came, quiet = -1, 0
    # In mode latest some never come; in mode reliable all do, however long a lost packet takes.
    while came != sent and quiet < (200 if whole else 3):
        await asyncio.sleep(0.1)
        now = await other.count(way)
        quiet = quiet + 1 if now == came else 0
        came = now
    if whole and came != sent:
        raise RuntimeError(f"{way}: {sent} were sent, {came} came")
    return await other.came(way)


async def measured(one: End, other: End, way: str, plan: "Plan") -> Run:
    bulk = await flooded(one, other, way, BULK, plan.seconds)
    small = await flooded(one, other, way, SMALL, plan.seconds)
    late = sorted(await one.pings(way, plan.pings))
    return Run(
        bulk.bytes / bulk.seconds,
        small.messages / small.seconds,
        late[len(late) // 2],
        late[int(len(late) * 0.99)],
    )


@dataclass(frozen=True, slots=True)
class Plan:
    rounds: int
    seconds: float
    pings: int
    pairs: tuple[str, ...]


Results = dict[str, dict[str, list[Run]]]
"""By pair and by way, one for each round."""


async def measure(one: End, other: End, plan: Plan, pair: str) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {way: [] for way in WAYS}
    for round_ in range(-1, plan.rounds):  # the first one warms up
        for way in WAYS if round_ % 2 else reversed(WAYS):
            say(f"{pair}, round {round_ + 1} of {plan.rounds}: {way}")
            short = Plan(1, 0.3, 20, ())
            run = await measured(one, other, way, plan if round_ >= 0 else short)
            if round_ >= 0:
                found[way].append(run)
    return found


@contextlib.asynccontextmanager
async def pages(url: str) -> AsyncIterator[tuple[PageEnd, PageEnd]]:
    """Two pages with all ways between them."""
    async with (
        chromium() as browser,
        person(browser, "Ada", before=SCRIPT) as ada,
        person(browser, "Bob", before=SCRIPT) as bob,
    ):
        await ada.join(url, role="host")
        await bob.join(url)
        id = await ada.in_call("call.resources.add('vitals').then(({ id }) => id)")
        await bob.until_call(f"call.resources.get('{id}')")
        await ada.until_path("Bob", "direct")
        await bob.until_path("Ada", "direct")
        one, other = PageEnd(ada), PageEnd(bob)
        await one.open(id, await bob.in_call("call.me.id"))
        await other.open(id, await ada.in_call("call.me.id"))
        await one.finish(await other.answer(await one.offer()))
        await one.opened()
        await other.opened()
        yield one, other


@contextlib.asynccontextmanager
async def page_and_program(url: str) -> AsyncIterator[tuple[PageEnd, PythonEnd]]:
    async with (
        chromium() as browser,
        person(browser, "Ada", before=SCRIPT) as ada,
        callmesh.join(url, name="Pia") as pia,
    ):
        await ada.join(url, role="host")
        vitals = await pia.resources.add("vitals")
        await ada.until_call(f"call.resources.get('{vitals.id}')")
        await ada.until_path("Pia", "direct")
        adas = ParticipantId(await ada.in_call("call.me.id"))
        async with asyncio.timeout(15):
            while pia.path(adas) != "direct":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        one, other = PageEnd(ada), PythonEnd()
        await one.open(vitals.id, pia.me.id)
        other.open(vitals, adas)
        await one.finish(await other.answer(await one.offer()))
        await one.opened()
        await other.opened()
        try:
            yield one, other
        finally:
            await other.close()


PAIRS = ("Chromium → Chromium", "Chromium → Python", "Python → Chromium")


async def run(plan: Plan) -> Results:
    found: Results = {}
    with (
        tempfile.TemporaryDirectory(prefix="callmesh-bench-") as data,
        hub_process(Path(data)) as hub,
    ):
        if PAIRS[0] in plan.pairs:
            async with pages(hub.call("pages")) as (one, other):
                found[PAIRS[0]] = await measure(one, other, plan, PAIRS[0])
        if set(PAIRS[1:]) & set(plan.pairs):
            async with page_and_program(hub.call("program")) as (page, program):
                if PAIRS[1] in plan.pairs:
                    found[PAIRS[1]] = await measure(page, program, plan, PAIRS[1])
                if PAIRS[2] in plan.pairs:
                    found[PAIRS[2]] = await measure(program, page, plan, PAIRS[2])
    return found


# --- telling

FIGURES = (
    ("bulk", f"MB/s in messages of {BULK // 1024} KiB", 1e6, 1),
    ("small", f"messages/s of {SMALL} bytes", 1, 0),
    ("p50", "there and back, p50 ms", 1, 2),
    ("p99", "there and back, p99 ms", 1, 2),
)


def markdown(results: Results) -> str:
    parts = []
    for pair, ways in results.items():
        rows = []
        for mode in MODES:
            bare, ours = ways[f"bare {mode}"], ways[f"callmesh {mode}"]
            for figure, name, unit, digits in FIGURES:
                rows.append([mode, name, *_compared(bare, ours, figure, unit, digits)])
        head = ["mode", pair, "bare channel", "callmesh", "ratio (least–most)"]
        parts.append(tables.table(head, rows))
    return "\n\n".join(parts)


def ratios(ways: dict[str, list[Run]]) -> list[dict[str, float]]:
    """How callmesh stands to the bare channel in each round, in bytes and in messages a second."""
    return [
        {
            f"{mode} {figure}": getattr(ours, figure) / getattr(bare, figure)
            for mode in MODES
            for bare, ours in [(ways[f"bare {mode}"][round_], ways[f"callmesh {mode}"][round_])]
            for figure in ("bulk", "small")
        }
        for round_ in range(len(ways[f"bare {MODES[0]}"]))
    ]


def _compared(
    bare: Sequence[Run], ours: Sequence[Run], figure: str, unit: float, digits: int
) -> list[str]:
    one = [getattr(run, figure) for run in bare]
    other = [getattr(run, figure) for run in ours]
    ratios = sorted(mine / theirs for mine, theirs in zip(other, one, strict=True))
    cells = [f"{statistics.median(values) / unit:,.{digits}f}" for values in (one, other)]
    middle = statistics.median(ratios)
    return [*cells, f"{middle:.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"]


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.channels", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each flood")
    parser.add_argument("--pings", type=int, default=300)
    parser.add_argument("--pair", choices=PAIRS, action="append", help="only this one")
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--page", action="store_true", help="put the tables into docs")
    chosen = parser.parse_args(given)
    about = facts.gather()
    plan = Plan(chosen.rounds, chosen.seconds, chosen.pings, tuple(chosen.pair or PAIRS))
    results = asyncio.run(run(plan))
    done()
    text = f"{markdown(results)}\n\n{tables.described(about)}\n"
    sys.stdout.write(text)
    if chosen.json:
        every = {
            pair: {way: [asdict(run) for run in runs] for way, runs in ways.items()}
            for pair, ways in results.items()
        }
        chosen.json.write_text(json.dumps({"facts": asdict(about), "runs": every}, indent=1))
    if chosen.page:  # the goals are beside all others
        figures = Figures.read(KEPT)
        figures["channels"] = Part(about, {pair: ratios(ways) for pair, ways in results.items()})
        figures.write(KEPT)
        page.render(figures, SCENARIOS)
    if chosen.page and not tables.put_into(PAGE, text, "benchmarks/channels"):
        raise SystemExit(f"the markers of benchmarks/channels are not in {PAGE}")


if __name__ == "__main__":
    main()
