"""What everybody's cursors cost a page: programs move theirs, and an app in a frame draws them."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser

import callmesh
from benchmarks import tables
from benchmarks.progress import say
from benchmarks.storms import POINTER_HERTZ, monitored, point
from benchmarks.tables import spread
from benchmarks.threads import Costs, Thread

APP = Path(__file__).parent / "monitor"
CURSORS = 8


@dataclass(frozen=True, slots=True)
class Load:
    """One round: of the main threads of the page and of its frame."""

    page: Costs
    frame: Costs
    changes: float
    """Of presence, that the frame was told of in a second."""
    frames: float
    """That it drew in a second."""


@dataclass(frozen=True, slots=True)
class Cursors:
    still: list[Load]
    moving: list[Load]


async def measure(browser: Browser, url: str, rounds: int, seconds: float) -> Cursors:
    """In turns with cursors that stand still; the frame draws all the time."""
    found = Cursors([], [])
    async with contextlib.AsyncExitStack() as stack:
        ada, id, frame = await stack.enter_async_context(monitored(browser, url))
        calls = [
            await stack.enter_async_context(callmesh.join(url, name=f"P{n}", rtc=False))
            for n in range(CURSORS)
        ]
        threads = await Thread.of(ada.page.main_frame), await Thread.of(frame)
        await frame.evaluate("window.monitor.start()")
        for number in range(-1, rounds):  # the first one warms up
            for loads in (found.still, found.moving):
                say(f"{CURSORS} cursors, round {number + 1} of {rounds}")
                stop = asyncio.Event()
                moving = [
                    asyncio.create_task(point(call, id, stop))
                    for call in (calls if loads is found.moving else ())
                ]
                await asyncio.sleep(1)
                load = await _loaded(threads, seconds if number >= 0 else 1)
                stop.set()
                await asyncio.gather(*moving)
                if number >= 0:
                    loads.append(load)
        if ada.problems:
            raise RuntimeError(f"the page complained: {ada.problems}")
    return found


async def _loaded(threads: tuple[Thread, Thread], seconds: float) -> Load:
    page, frame = threads
    zero = "Object.assign(window.monitor.counts, { presence: 0, frames: 0 })"
    for thread in threads:
        await thread.begin()
    await frame.frame.evaluate(zero)
    await asyncio.sleep(seconds)
    counts = await frame.frame.evaluate("({ ...window.monitor.counts })")
    costs = await page.end(), await frame.end()
    passed = costs[1].seconds
    return Load(*costs, counts["presence"] / passed, counts["frames"] / passed)


def markdown(found: Cursors) -> str:
    def row(name: str, value: str, digits: int = 1) -> list[str]:
        return [name, *(spread([_of(load, value) for load in loads], digits) for loads in both)]

    both: Sequence[Sequence[Load]] = (found.still, found.moving)
    rows = [
        row("changes of presence/s in the frame", "changes", 0),
        row("frames/s", "frames"),
        *(
            row(f"{who}: {name}", f"{who} {value}", digits)
            for who in ("page", "frame")
            for name, value, digits in (
                ("main thread, % of the time", "busy", 1),
                ("of it script, %", "script", 1),
                ("tasks of more than 50 ms", "long", 0),
            )
        ),
    ]
    head = [f"{CURSORS} cursors, {POINTER_HERTZ} times a second each", "none moves", "all move"]
    return tables.table(head, rows)


def _of(load: Load, value: str) -> float:
    who, _, what = value.partition(" ")
    if not what:
        return float(getattr(load, who))
    costs: Costs = getattr(load, who)
    if what == "long":
        return costs.long
    return float(getattr(costs, what)) / costs.seconds * 100
