"""How smooth a full whiteboard is: `python -m benchmarks.boards`.

The built-in whiteboard with 5,000 things on one page, in headless Chromium: late frames and long
tasks while somebody moves the board, zooms, draws, moves things, and while somebody else draws.
"""

import argparse
import asyncio
import contextlib
import json
import math
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Frame

import callmesh
from benchmarks import facts, tables
from benchmarks.browser import chromium
from benchmarks.progress import done, say
from callmesh.instance import Resource
from tests.browser.people import Person, person
from tests.processes import hub_process

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BOARD = (Path(__file__).parent / "boards.js").read_text()
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
COLOURS = ("ink", "grey", "red", "orange", "green", "blue", "violet")
WIDE, HIGH = 6000, 4000
"""Of the part of the board that is full, in its units."""
LATE = 25.0
"""Milliseconds after the frame before."""
ACTS = ("nothing", "show everything", "pan", "zoom", "draw", "move", "somebody else draws")
TITLE = "Whiteboard"
TASKS = "disabled-by-default-devtools.timeline"
"""What Chromium traces: each task, and how long the processor worked for it."""
LONG = 50.0
"""Milliseconds of a long task."""
HERTZ = 30
"""Messages a second of somebody who draws."""


# --- the board


def points(places: Sequence[tuple[float, float]]) -> str:
    """As the whiteboard writes them (web/whiteboard/src/strokes.ts), four steps to a unit."""
    text, last = "", (0, 0)
    for x, y in places:
        now = round(4 * x), round(4 * y)
        for value in (now[0] - last[0], now[1] - last[1]):
            rest = -2 * value - 1 if value < 0 else 2 * value
            while rest >= 32:
                text += DIGITS[rest % 32 + 32]
                rest //= 32
            text += DIGITS[rest]
        last = now
    return text


def wave(count: int, width: float, height: float) -> list[tuple[float, float]]:
    return [(width * n / count, height * math.sin(n / 5)) for n in range(count)]


def thing(number: int, chance: random.Random) -> dict[str, object]:
    """Of ten, four are strokes of 40 points, four shapes, one a text, one a note."""
    place = {"x": chance.randrange(WIDE), "y": chance.randrange(HIGH)}
    common = {"v": 1, "z": number, "c": COLOURS[number % 7], **place}
    w, h = chance.randrange(40, 160), chance.randrange(30, 120)
    kind = number % 10
    if kind < 4:
        return {"t": "pen", "size": 3, "p": points(wave(40, w, h / 2)), "u": 4, "f": False} | common
    if kind < 8:
        shape = ("rect", "ellipse", "line", "arrow")[kind - 4]
        return {"t": shape, "w": w, "h": h, "size": 3} | common
    if kind == 8:
        return {"t": "text", "text": "Milk and bread", "size": 20, "w": 130, "h": 26} | common
    return {"t": "note", "text": f"Note {number}: what was said", "w": 180, "h": 180} | common


async def fill(board: Resource, count: int) -> None:
    chance = random.Random(7)
    for first in range(0, count, 250):
        with board.state.transaction():
            for number in range(first, min(first + 250, count)):
                board.state[f"page/1/el/s{number}"] = thing(number, chance)
        await board.state.saved()


async def draw(board: Resource, stop: asyncio.Event) -> None:
    """Somebody else: strokes of a second each, in the middle of what is seen."""
    pen = board.stream("pen")
    loop = asyncio.get_running_loop()
    begun, number = loop.time(), 0
    while not stop.is_set():
        stroke, step = divmod(number, HERTZ)
        text = points(wave(3 * HERTZ, 600, 80))
        before, now = (len(points(wave(3 * HERTZ, 600, 80)[: 3 * n])) for n in (step, step + 1))
        id, z = f"theirs{stroke}", 10_000 + stroke
        element = {
            "t": "pen", "v": 1, "z": z, "x": 2200, "y": 1600 + stroke * 17 % 400, "c": "red",
            "size": 3, "p": text[before:now], "u": 4, "f": False,
        }  # fmt: skip
        await pen.send({"do": "stroke", "page": "1", "id": id, "from": before, "el": element})
        if step == HERTZ - 1:
            board.state[f"page/1/el/{id}"] = element | {"p": text}
        number += 1
        await asyncio.sleep(max(0.0, begun + number / HERTZ - loop.time()))


# --- measuring


@dataclass(slots=True)
class Ran:
    """One thing that was done for some seconds."""

    gaps: list[float]
    """Milliseconds between frames."""
    tasks: list[float]
    """Milliseconds that the processor worked for each task of the frame's main thread."""

    @property
    def late(self) -> int:
        return sum(gap > LATE for gap in self.gaps)


Results = dict[str, list[Ran]]
"""By what was done, over the rounds."""


async def frame_of(someone: Person, count: int) -> Frame:
    handle = await someone.page.wait_for_selector(f'iframe[title="{TITLE}"]', state="attached")
    frame = handle and await handle.content_frame()
    assert frame
    await frame.wait_for_function(f"() => window.whiteboard?.desk.scene.size >= {count}")
    return frame


async def ran(act: str, frame: Frame, board: Resource, seconds: float) -> Ran:
    browser = frame.page.context.browser
    assert browser
    stop = asyncio.Event()
    await frame.evaluate("what => window.board.prepare(what)", act)
    await asyncio.sleep(1)
    async with asyncio.TaskGroup() as tasks:
        if act == "somebody else draws":
            tasks.create_task(draw(board, stop))
        await browser.start_tracing(categories=[TASKS])
        gaps = await frame.evaluate(
            "([what, seconds]) => window.board.measure(what, seconds)", [act, seconds]
        )
        events = json.loads(await browser.stop_tracing())["traceEvents"]
        stop.set()
    return Ran(gaps, busiest(events))


def busiest(events: Sequence[dict[str, Any]]) -> list[float]:
    """The tasks of the main thread that worked most: the frame's, as nobody else does anything."""
    threads: dict[tuple[int, int], list[float]] = {}
    for event in events:
        if event["name"] == "RunTask" and "tdur" in event:
            threads.setdefault((event["pid"], event["tid"]), []).append(event["tdur"] / 1000)
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    return max((threads.get(main, []) for main in mains), key=sum)


async def measured(
    browser: Browser, url: str, acts: Sequence[str], *, count: int, rounds: int, seconds: float
) -> Results:
    results: Results = {}
    async with contextlib.AsyncExitStack() as stack:
        pia = await stack.enter_async_context(callmesh.join(f"{url}#role=host", name="Pia"))
        board = await pia.resources.add("whiteboard", title=TITLE)
        await fill(board, count)
        ada = await stack.enter_async_context(person(browser, "Ada", before=BOARD))
        await ada.join(url, role="host")
        await ada.tab(TITLE).click()
        frame = await frame_of(ada, count)
        for number in range(-1, rounds):
            for act in acts:
                say(f"board, round {number + 1} of {rounds}: {act}")
                one = await ran(act, frame, board, seconds if number >= 0 else 2)
                if number >= 0:
                    results.setdefault(act, []).append(one)
        if ada.problems:
            raise RuntimeError(f"the page complained: {ada.problems}")
    return results


# --- telling


def markdown(results: Results, count: int) -> str:
    rows = []
    for act, runs in results.items():
        gaps = sorted(gap for run in runs for gap in run.gaps)
        tasks = sorted(task for run in runs for task in run.tasks)
        late = sum(run.late for run in runs)
        row = [f"{sum(tasks) / len(gaps):.1f}", f"{tasks[-1]:.0f}"]
        row += [str(sum(task > most for task in tasks)) for most in (LATE, LONG)]
        row += [f"{1000 / statistics.mean(gaps):.1f}", f"{late} of {len(gaps):,}"]
        rows.append([act, *row])
    head = [
        f"{count:,} things", "work ms per frame", "longest task, ms", "tasks > 25 ms",
        "tasks > 50 ms", "frames/s", "frames after more than 25 ms",
    ]  # fmt: skip
    return tables.table(head, rows)


async def run(chosen: argparse.Namespace) -> tuple[Results, str]:
    """And which browser it was."""
    limits = {"writes_per_second": 100_000, "write_burst": 100_000}
    with tempfile.TemporaryDirectory(prefix="callmesh-bench-") as data:
        async with chromium() as browser:
            with hub_process(Path(data), limits=limits) as hub:
                results = await measured(
                    browser, hub.call("board"), chosen.only or ACTS,
                    count=chosen.things, rounds=chosen.rounds, seconds=chosen.seconds,
                )  # fmt: skip
            return results, f"Chromium {browser.version}"


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boards", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each thing that is done")
    parser.add_argument("--things", type=int, default=5_000, help="on the board")
    parser.add_argument("--only", choices=ACTS, action="append")
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--page", action="store_true", help="put the table into docs")
    chosen = parser.parse_args(given)
    about = facts.gather()
    results, about.browser = asyncio.run(run(chosen))
    done()
    text = f"{markdown(results, chosen.things)}\n\n{tables.described(about)}\n"
    sys.stdout.write(text)
    if chosen.json:
        acts = {act: [asdict(one) for one in runs] for act, runs in results.items()}
        chosen.json.write_text(json.dumps({"facts": asdict(about), "acts": acts}, indent=1))
    if chosen.page and not tables.put_into(PAGE, text, "benchmarks/boards"):
        raise SystemExit(f"the markers of benchmarks/boards are not in {PAGE}")


if __name__ == "__main__":
    main()
