"""What a call costs in the browser: `python -m benchmarks.callpage`.

The way from an app's frame to the page and on, against a bare `MessagePort`; what an update costs
the main threads of page and frame; and whether streams and presence make storms of layouts, of
garbage or of long tasks. By Chromium's own account, in headless Chromium.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from playwright.async_api import Browser, CDPSession, Frame

import callmesh
from benchmarks import facts, tables
from benchmarks.browser import chromium
from benchmarks.load import Peer, peer
from benchmarks.progress import done, say
from callmesh.ids import ResourceId, state_of
from tests.browser.people import Person, person
from tests.processes import hub_process

APPS = Path(__file__).parent
PAGE = APPS.parent / "docs" / "performance.md"
SCRIPT = (APPS / "callpage.js").read_text()
WRITERS, RATE = 64, 10
"""Keys that change, and how often a second."""
HERTZ = 250
"""Messages a second of the stream of three traces."""
POINTERS = 4
POINTER_HERTZ = 60


# --- what Chromium counts


@dataclass(slots=True)
class Costs:
    """What one main thread did; seconds and counts."""

    seconds: float
    busy: float
    script: float
    layouts: float
    layout: float
    styles: float
    style: float
    long: float
    """Tasks of more than 50 ms."""
    heap: float
    """Bytes by which the heap grew."""


class Thread:
    """The main thread of a page, or of a frame, which has a process of its own."""

    def __init__(self, session: CDPSession, frame: Frame) -> None:
        self._session = session
        self.frame = frame
        self._before: dict[str, float] = {}
        self._long = 0

    @classmethod
    async def of(cls, frame: Frame) -> "Thread":
        top = frame.parent_frame is None
        session = await frame.page.context.new_cdp_session(frame.page if top else frame)
        await session.send("Performance.enable")
        await session.send("HeapProfiler.enable")
        return cls(session, frame)

    async def _now(self) -> dict[str, float]:
        said = await self._session.send("Performance.getMetrics")
        return {metric["name"]: metric["value"] for metric in said["metrics"]}

    async def collect(self) -> None:
        await self._session.send("HeapProfiler.collectGarbage")

    async def begin(self) -> None:
        await self.collect()
        self._long = await self.frame.evaluate("window.watch.long")
        self._before = await self._now()

    async def end(self) -> Costs:
        after = await self._now()
        await self.collect()
        heap = (await self._now())["JSHeapUsedSize"] - self._before["JSHeapUsedSize"]
        found = {name: value - self._before[name] for name, value in after.items()}
        long = await self.frame.evaluate("window.watch.long") - self._long
        return Costs(
            found["Timestamp"], found["TaskDuration"], found["ScriptDuration"],
            found["LayoutCount"], found["LayoutDuration"],
            found["RecalcStyleCount"], found["RecalcStyleDuration"], long, heap,
        )  # fmt: skip


async def frame_of(someone: Person, title: str) -> Frame:
    handle = await someone.page.wait_for_selector(f'iframe[title="{title}"]', state="attached")
    assert handle is not None
    frame = await handle.content_frame()
    assert frame is not None
    await frame.wait_for_function("() => window.monitor")
    return frame


# --- the call


@dataclass(slots=True)
class Stage:
    """A call with the monitor in it, which Ada looks at; Bob has no frame."""

    url: str
    resource: ResourceId
    ada: Person
    page: Thread
    frame: Thread
    bob: Person
    bobs: Thread


@contextlib.asynccontextmanager
async def stage(browser: Browser, url: str, *, both: bool = False) -> AsyncIterator[Stage]:
    """With `both`, Bob looks at it too."""
    async with (
        person(browser, "Ada", before=SCRIPT) as ada,
        person(browser, "Bob", before=SCRIPT) as bob,
    ):
        await ada.join(url, role="host")
        await bob.join(url)
        add = "call.resources.add('monitor', { title: 'Monitor' }).then(({ id }) => id)"
        id = ResourceId(await ada.in_call(add))
        for someone in (ada, bob) if both else (ada,):
            await someone.tab("Monitor").click()
        frame = await frame_of(ada, "Monitor")
        await bob.until_call(f"call.resources.get('{id}')")
        await ada.until_path("Bob", "direct")
        yield Stage(
            url, id, ada, await Thread.of(ada.page.main_frame), await Thread.of(frame),
            bob, await Thread.of(bob.page.main_frame),
        )  # fmt: skip
        if ada.problems or bob.problems:
            raise RuntimeError(f"a page complained: {ada.problems} {bob.problems}")


# --- the bridge


Trips = dict[str, list[float]]
"""Milliseconds there and back, by what."""

BARE, OWN, PRESENCE, STREAM = "bare port", "state accepted", "presence", "stream"


async def trips(browser: Browser, url: str, rounds: int, times: int) -> Trips:
    found: Trips = {}
    async with stage(browser, url, both=True) as on:
        frames = (on.frame.frame, await frame_of(on.bob, "Monitor"))
        pages = (on.ada.page.main_frame, on.bob.page.main_frame)
        ids = [await someone.in_call("call.me.id") for someone in (on.ada, on.bob)]
        of_frame = "window.monitor.resource"
        of_page = f"window.callmesh.call.resources.get('{on.resource}')"
        for number in range(-1, rounds):
            say(f"bridge, round {number + 1} of {rounds}")
            many = times if number >= 0 else 10
            ran = {BARE: await frames[0].evaluate(f"window.trips.bare({many})")}
            for where, (one, other), resource in (
                ("frame", frames, of_frame), ("page", pages, of_page),
            ):  # fmt: skip
                ran[f"{OWN}, {where}"] = await one.evaluate(
                    f"window.trips.state({resource}, 'trip', {many})"
                )
                await other.evaluate(
                    f"void (window.answers = window.trips.answer({resource}, '{ids[0]}'))"
                )
                ran[f"{PRESENCE}, {where}"] = await one.evaluate(
                    f"window.trips.presence({resource}, '{where} {number}', '{ids[1]}', {many})"
                )
                ran[f"{STREAM}, {where}"] = await one.evaluate(
                    f"window.trips.stream({resource}, '{ids[1]}', {many})"
                )
                await other.evaluate("window.answers()")
            if number >= 0:
                for name, late in ran.items():
                    found.setdefault(name, []).extend(late)
    return found


# --- the cost of an update


@dataclass(slots=True)
class Load:
    """One scenario on one thread, over the rounds."""

    updates: int = 0
    costs: list[Costs] = field(default_factory=list)
    more: list[dict[str, float]] = field(default_factory=list)


Loads = dict[str, dict[str, Load]]
"""By scenario, and by thread."""

THREADS = ("page without the app", "page with the app", "its frame")


async def write_steadily(writer: Peer, resource: ResourceId, seconds: float) -> int:
    """As `WRITERS` would together, each `RATE` times a second. How many."""
    state = state_of(resource)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    count = 0
    while loop.time() - begun < seconds:
        await writer.send(
            writer.stamped(state, f"shape/{count % WRITERS}", [count, count // 7, "blue"])
        )
        count += 1
        await asyncio.sleep(max(0.0, begun + count / (WRITERS * RATE) - loop.time()))
    return count


async def drag(frame: Frame, seconds: float) -> int:
    """An app's own writes, one per frame, as when somebody moves a shape."""
    return int(
        await frame.evaluate(
            f"""() => new Promise(done => {{
                const state = window.monitor.resource.state;
                const end = performance.now() + {seconds * 1000};
                let count = 0;
                const move = now => {{
                    if (now > end) return done(count);
                    state.set("shape/mine", [count++, Math.round(now)]);
                    requestAnimationFrame(move);
                }};
                requestAnimationFrame(move);
            }})"""
        )
    )


async def updates(browser: Browser, url: str, rounds: int, seconds: float) -> Loads:
    found: Loads = {}
    async with stage(browser, url) as on, peer(f"{url}#role=host", "Writer") as writer:
        threads = dict(zip(THREADS, (on.bobs, on.page, on.frame), strict=True))
        for number in range(-1, rounds):
            for name in ("nothing", "others write", "own writes"):
                say(f"updates, round {number + 1} of {rounds}: {name}")
                for thread in threads.values():
                    await thread.begin()
                count = 0
                if name == "nothing":
                    await asyncio.sleep(seconds)
                elif name == "others write":
                    count = await write_steadily(writer, on.resource, seconds)
                else:
                    count = await drag(on.frame.frame, seconds)
                await asyncio.sleep(0.3)
                for who, thread in threads.items():
                    costs = await thread.end()
                    if number >= 0:
                        load = found.setdefault(name, {}).setdefault(who, Load())
                        load.updates = count
                        load.costs.append(costs)
    return found


# --- the storm


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


async def storm(browser: Browser, url: str, seconds: float) -> Storm:
    async with contextlib.AsyncExitStack() as stack:
        ada = await stack.enter_async_context(person(browser, "Ada", before=SCRIPT))
        await ada.join(url, role="host")
        add = "call.resources.add('monitor', { title: 'Monitor' }).then(({ id }) => id)"
        id = ResourceId(await ada.in_call(add))
        await ada.tab("Monitor").click()
        frame = await frame_of(ada, "Monitor")
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


# --- telling


@dataclass(slots=True)
class Results:
    trips: Trips = field(default_factory=dict)
    loads: Loads = field(default_factory=dict)
    storms: list[Storm] = field(default_factory=list)


def markdown(results: Results) -> str:
    parts = []
    if results.trips:
        parts.append(_trips(results.trips))
    if results.loads:
        parts.append(_loads(results.loads))
    if results.storms:
        parts.append(_storms(results.storms))
    return "\n\n".join(parts)


def _trips(trips: Trips) -> str:
    rows = []
    for name, late in trips.items():
        late = sorted(late)
        p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
        rows.append([name, f"{p50:.2f}", f"{p99:.2f}", str(len(late))])
    return tables.table(["there and back", "p50 ms", "p99 ms", "trips"], rows)


def spread(values: Sequence[float], digits: int = 0) -> str:
    least, most = min(values), max(values)
    return f"{statistics.median(values):,.{digits}f} ({least:,.{digits}f}–{most:,.{digits}f})"


def _loads(loads: Loads) -> str:
    idle = loads["nothing"]
    rows = []
    for name, threads in loads.items():
        for who, load in threads.items():
            rest = idle[who].costs
            rates = [
                f"{statistics.median(getattr(c, count) / c.seconds for c in load.costs):.1f}"
                for count in ("layouts", "styles")
            ]
            busy = [
                (one.busy / one.seconds - quiet.busy / quiet.seconds) * one.seconds * 1e6
                for one, quiet in zip(load.costs, rest, strict=True)
            ]
            script = [one.script * 1e6 for one in load.costs]
            each = [spread([v / load.updates for v in values]) if load.updates else "–"
                    for values in (busy, script)]  # fmt: skip
            long = sum(c.long for c in load.costs)
            rows.append([name, who, *each, *rates, f"{long:.0f}"])
    head = [
        "", "main thread of", "µs per update", "of it script", "layouts/s", "style/s", "long tasks",
    ]  # fmt: skip
    return tables.table(head, rows)


def _storms(storms: Sequence[Storm]) -> str:
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


async def run(chosen: argparse.Namespace) -> Results:
    found = Results()
    with tempfile.TemporaryDirectory(prefix="callmesh-bench-") as data:
        limits = {"writes_per_second": 100_000, "write_burst": 100_000}
        async with chromium() as browser:
            with hub_process(Path(data), apps=(APPS / "monitor",), limits=limits) as hub:
                if "bridge" in chosen.only:
                    found.trips = await trips(
                        browser, hub.call("bridge"), chosen.rounds, chosen.trips
                    )
                if "updates" in chosen.only:
                    url = hub.call("updates")
                    found.loads = await updates(browser, url, chosen.rounds, chosen.seconds)
                if "storm" in chosen.only:
                    for number in range(chosen.storms):
                        say(f"storm {number + 1} of {chosen.storms}")
                        url = hub.call(f"storm{number}")
                        found.storms.append(await storm(browser, url, chosen.storm))
    return found


PARTS = ("bridge", "updates", "storm")


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.callpage", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trips", type=int, default=60, help="of each kind in a round")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each load")
    parser.add_argument("--storm", type=float, default=20.0, help="seconds of a storm")
    parser.add_argument("--storms", type=int, default=3)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--page", action="store_true", help="put the tables into docs")
    chosen = parser.parse_args(given)
    chosen.only = chosen.only or PARTS
    about = facts.gather()
    results = asyncio.run(run(chosen))
    done()
    text = f"{markdown(results)}\n\n{tables.described(about)}\n"
    sys.stdout.write(text)
    if chosen.json:
        chosen.json.write_text(json.dumps({"facts": asdict(about), **asdict(results)}, indent=1))
    if chosen.page and not tables.put_into(PAGE, text, "benchmarks/callpage"):
        raise SystemExit(f"the markers of benchmarks/callpage are not in {PAGE}")


if __name__ == "__main__":
    main()
