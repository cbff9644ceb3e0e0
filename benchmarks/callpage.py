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
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Frame

from benchmarks import facts, tables
from benchmarks.browser import chromium
from benchmarks.load import Peer, peer
from benchmarks.progress import done, say
from benchmarks.storms import Storm, storm, storms_table
from benchmarks.tables import spread
from benchmarks.threads import SCRIPT, Costs, Thread, frame_of
from callmesh.ids import ResourceId, state_of
from tests.browser.people import Person, person
from tests.processes import hub_process

APPS = Path(__file__).parent
PAGE = APPS.parent / "docs" / "performance.md"
WRITERS, RATE = 64, 10
"""Keys that change, and how often a second."""


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
        parts.append(storms_table(results.storms))
    return "\n\n".join(parts)


def _trips(trips: Trips) -> str:
    rows = []
    for name, late in trips.items():
        late = sorted(late)
        p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
        rows.append([name, f"{p50:.2f}", f"{p99:.2f}", str(len(late))])
    return tables.table(["there and back", "p50 ms", "p99 ms", "trips"], rows)


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
