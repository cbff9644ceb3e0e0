"""Streams and presence that never rest: do layouts, garbage or long tasks make storms of them?"""

import asyncio
import contextlib
import json
import struct
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from playwright.async_api import Browser, Frame

import callmesh
from benchmarks import tables
from benchmarks.tables import spread
from benchmarks.threads import SCRIPT, Costs, Thread, frame_of
from callmesh.ids import ResourceId
from tests.browser.people import Person, person

HERTZ = 250
"""Messages a second of the stream of three traces."""
POINTERS = 4
POINTER_HERTZ = 60


async def ecg(call: callmesh.Call, resource: ResourceId, stop: asyncio.Event) -> None:
    stream = (await call.resources.get(resource)).stream("ecg", mode="reliable")
    loop = asyncio.get_running_loop()
    begun, number = loop.time(), 0
    while not stop.is_set():
        number += 1
        wave = 1000 if number % 200 < 5 else 0
        await stream.send(struct.pack("<Ihhh", number, wave, number % 500, -wave))
        await asyncio.sleep(max(0.0, begun + number / HERTZ - loop.time()))


async def point(call: callmesh.Call, resource: ResourceId, stop: asyncio.Event) -> None:
    presence = (await call.resources.get(resource)).presence
    loop = asyncio.get_running_loop()
    begun, number = loop.time(), 0
    while not stop.is_set():
        number += 1
        presence["at"] = [number * 7 % 900, number * 3 % 300]
        await asyncio.sleep(max(0.0, begun + number / POINTER_HERTZ - loop.time()))


@dataclass(slots=True)
class Storm:
    seconds: float
    page: Costs
    frame: Costs
    samples: int
    gaps: int
    presence: int
    """Changes that the frame was told of."""
    frames: int
    late: int
    """Frames that came more than 25 ms after the one before."""
    garbage: float
    """Seconds of collecting garbage, on all main threads of the browser."""
    collections: int


GARBAGE = ("MinorGC", "MajorGC")


@contextlib.asynccontextmanager
async def monitored(browser: Browser, url: str) -> AsyncIterator[tuple[Person, ResourceId, Frame]]:
    """Ada, who looks at a new monitor."""
    async with person(browser, "Ada", before=SCRIPT) as ada:
        await ada.join(url, role="host")
        add = "call.resources.add('monitor', { title: 'Monitor' }).then(({ id }) => id)"
        id = ResourceId(await ada.in_call(add))
        await ada.tab("Monitor").click()
        yield ada, id, await frame_of(ada, "Monitor")


async def storm(browser: Browser, url: str, seconds: float) -> Storm:
    async with contextlib.AsyncExitStack() as stack:
        ada, id, frame = await stack.enter_async_context(monitored(browser, url))
        programs = [
            await stack.enter_async_context(callmesh.join(url, name=f"P{n}"))
            for n in range(POINTERS)
        ]
        for program in programs:
            await ada.until_path(program.me.name, "direct")
        threads = await Thread.of(ada.page.main_frame), await Thread.of(frame)
        stop = asyncio.Event()
        sending = [asyncio.create_task(point(program, id, stop)) for program in programs]
        sending.append(asyncio.create_task(ecg(programs[0], id, stop)))
        await frame.evaluate("window.monitor.start()")
        await asyncio.sleep(2)
        zero = (
            "Object.assign(window.monitor.counts,"
            " { samples: 0, gaps: 0, presence: 0, frames: 0, late: 0 })"
        )
        for thread in threads:
            await thread.begin()
        categories = ["v8", "devtools.timeline"]
        await browser.start_tracing(categories=categories)
        await frame.evaluate(zero)
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        counts = await frame.evaluate("({ ...window.monitor.counts })")
        passed = time.perf_counter() - began
        events = json.loads(await browser.stop_tracing())["traceEvents"]
        page, framed = [await thread.end() for thread in threads]
        stop.set()
        await asyncio.gather(*sending)
        collected = [event for event in events if event["name"] in GARBAGE and "dur" in event]
        return Storm(
            passed, page, framed, counts["samples"], counts["gaps"], counts["presence"],
            counts["frames"], counts["late"],
            sum(event["dur"] for event in collected) / 1e6, len(collected),
        )  # fmt: skip


def storms_table(storms: Sequence[Storm]) -> str:
    def row(name: str, values: Sequence[float], digits: int = 0) -> list[str]:
        return [name, spread(values, digits)]

    rows = [
        row("stream messages/s in the frame", [s.samples / s.seconds for s in storms]),
        row("gaps", [s.gaps for s in storms]),
        row("changes of presence/s in the frame", [s.presence / s.seconds for s in storms]),
        row("frames/s", [s.frames / s.seconds for s in storms], 1),
        row("frames after more than 25 ms", [s.late for s in storms]),
        row("collecting garbage, ms/s", [s.garbage / s.seconds * 1e3 for s in storms], 1),
        row("collections/s", [s.collections / s.seconds for s in storms], 1),
    ]
    for who in ("page", "frame"):
        costs = [getattr(s, who) for s in storms]
        rows += [
            row(f"{who}: main thread, % of the time", [c.busy / c.seconds * 100 for c in costs], 1),
            row(f"{who}: of it script, %", [c.script / c.seconds * 100 for c in costs], 1),
            row(f"{who}: layouts/s", [c.layouts / c.seconds for c in costs], 1),
            row(f"{who}: style recalculations/s", [c.styles / c.seconds for c in costs], 1),
            row(f"{who}: long tasks", [c.long for c in costs]),
            row(f"{who}: heap grown, kB", [c.heap / 1e3 for c in costs]),
        ]
    return tables.table([f"{HERTZ} Hz × 3, {POINTERS} pointers at {POINTER_HERTZ} Hz", ""], rows)
