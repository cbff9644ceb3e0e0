"""How large apps are, and how soon one is there: `python -m benchmarks.apps`.

From the moment at which the call page puts an app's frame into its document until the app has its
connection, and has drawn what is in its state; against a frame with an empty document, of the same
hub and in the same run. In headless Chromium.
"""

import argparse
import asyncio
import contextlib
import gzip
import json
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
from playwright.async_api import Browser, Frame

import callmesh
from benchmarks import facts, tables
from benchmarks.browser import chromium
from benchmarks.progress import done, say
from benchmarks.tables import spread
from callmesh.creating import create
from tests.browser.people import Person, person
from tests.processes import HubProcess, hub_process

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
SCRIPT = (Path(__file__).parent / "apps.js").read_text()
EMPTY, GROUND = "empty", "ground"
"""A frame with nothing in it; and another, which is in view when somebody comes."""
TEMPLATE = "my-app"
SQUARE = {"t": "rect", "v": 1, "z": 1, "x": 40, "y": 40, "c": "blue", "w": 200, "h": 120, "size": 3}
STATES: Mapping[str, dict[str, object]] = {
    EMPTY: {},
    TEMPLATE: {},
    "poll": {"question": "Where to?", "options/1": "Up", "options/2": "Down"},
    "vitals": {"source": {"name": "Bed 1", "rate": 250, "unit": "µV", "lead": "II", "scale": 1}},
    "whiteboard": {"page/1/el/1": SQUARE},
}
"""The apps, each with what it draws first; the template has a list, which is filled later."""
COLD, WARM = "cold", "warm"
"""A browser that has nothing of it, and one in which it was open a moment ago."""


@dataclass(frozen=True, slots=True)
class Start:
    """Milliseconds from when the frame was put into the page."""

    connected: float
    drawn: float


@dataclass(slots=True)
class Size:
    """Bytes of what a frame loads."""

    sdk: int = 0
    sdk_zipped: int = 0
    own: int = 0
    own_zipped: int = 0


@dataclass(slots=True)
class Found:
    size: Size = field(default_factory=Size)
    starts: dict[str, list[Start]] = field(default_factory=lambda: {COLD: [], WARM: []})


Results = dict[str, Found]
"""By app."""


def folders(root: Path) -> list[Path]:
    """The apps that are not built in."""
    for name in (EMPTY, GROUND):
        (root / name).mkdir()
        manifest = {"id": name, "name": name.capitalize(), "version": "1"}
        (root / name / "manifest.json").write_text(json.dumps(manifest))
        (root / name / "index.html").write_text("<!doctype html><title>Empty</title>")
    create(root / TEMPLATE)
    return [root / name for name in (EMPTY, GROUND, TEMPLATE)]


@contextlib.asynccontextmanager
async def prepared(url: str) -> AsyncIterator[None]:
    """A call with each app in it twice, and something else in view."""
    async with callmesh.join(url, name="Pia", rtc=False) as pia:
        pia.resources.show(await pia.resources.add(GROUND, title="Ground"))
        for app, state in STATES.items():
            for when in (COLD, WARM):
                resource = await pia.resources.add(app, title=f"{app} {when}", state=state)
                if app == TEMPLATE:
                    resource.state.list("items").append({"text": "Milk", "by": "Pia"})
                await resource.state.saved()
        yield


async def start(ada: Person, title: str) -> tuple[Start, Frame]:
    """Look at a resource for the first time."""
    await ada.tab(title).click()
    handle = await ada.page.wait_for_selector(f'iframe[title="{title}"]', state="attached")
    frame = handle and await handle.content_frame()
    assert frame
    await frame.wait_for_function("() => window.watch?.drawn > 0")
    begun: float = await ada.page.evaluate("title => window.watch.inserted[title]", title)
    seen = await frame.evaluate("({ ...window.watch, paths: undefined })")
    return Start(seen["connected"] - begun, seen["drawn"] - begun), frame


async def size_of(frame: Frame) -> Size:
    size = Size()
    async with httpx.AsyncClient() as client:
        for path in sorted(set(await frame.evaluate("window.watch.paths()"))):
            data = (await client.get(path)).raise_for_status().content
            if "/sdk/" in path:
                size.sdk += len(data)
                size.sdk_zipped += len(gzip.compress(data))
            else:
                size.own += len(data)
                size.own_zipped += len(gzip.compress(data))
    return size


async def measured(browser: Browser, hub: HubProcess, rounds: int) -> Results:
    """Each with a profile of its own. The apps take turns; each round begins with another."""
    results: Results = {app: Found() for app in STATES}
    apps = list(STATES)
    for number in range(-1, rounds):  # the first one warms up the hub
        say(f"apps, round {number + 1} of {rounds}")
        url = hub.call(f"apps{number + 1}")
        turn = number % len(apps)
        async with prepared(url):
            for app in [*apps[turn:], *apps[:turn]]:
                async with person(browser, "Ada", before=SCRIPT) as ada:
                    await ada.join(url, role="host")
                    await start(ada, "Ground")
                    cold, frame = await start(ada, f"{app} {COLD}")
                    size = await size_of(frame)
                    warm, _ = await start(ada, f"{app} {WARM}")
                    if ada.problems:
                        raise RuntimeError(f"the page complained: {ada.problems}")
                if number < 0:
                    results[app].size = size
                    continue
                results[app].starts[COLD].append(cold)
                results[app].starts[WARM].append(warm)
    return results


def markdown(results: Results) -> str:
    sizes = [
        [_name(app), *map(_kilo, (size.sdk, size.sdk_zipped, size.own, size.own_zipped))]
        for app, size in ((app, found.size) for app, found in results.items())
    ]
    rows = [
        [_name(app), when, *_times(app, found.starts[when], results[EMPTY].starts[when])]
        for when in (COLD, WARM)
        for app, found in results.items()
    ]
    head = ["kB", "SDK", "gzipped", "the app's own files", "gzipped"]
    return "\n\n".join(
        [
            tables.table(head, sizes),
            tables.table(["frame", "browser", "connected, ms", "drawn, ms", "× empty"], rows),
        ]
    )


def _name(app: str) -> str:
    return {EMPTY: "empty frame", TEMPLATE: "the plain template"}.get(app, f"*{app}*")


def _kilo(size: int) -> str:
    return f"{size / 1000:.1f}" if size else "–"


def _times(app: str, starts: Sequence[Start], empty: Sequence[Start]) -> list[str]:
    drawn = spread([start.drawn for start in starts])
    if app == EMPTY:
        return ["–", drawn, "1"]
    connected = spread([start.connected for start in starts])
    ratio = statistics.median(
        one.drawn / other.drawn for one, other in zip(starts, empty, strict=True)
    )
    return [connected, drawn, f"{ratio:.1f}"]


async def run(rounds: int) -> tuple[Results, str]:
    """And which browser it was."""
    with tempfile.TemporaryDirectory(prefix="callmesh-bench-") as root:
        apps = tuple(folders(Path(root)))
        async with chromium() as browser:
            with hub_process(Path(root) / "data", apps=apps) as hub:
                results = await measured(browser, hub, rounds)
            return results, f"Chromium {browser.version}"


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.apps", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--page", action="store_true", help="put the tables into docs")
    chosen = parser.parse_args(given)
    about = facts.gather()
    results, about.browser = asyncio.run(run(chosen.rounds))
    done()
    text = f"{markdown(results)}\n\n{tables.described(about)}\n"
    sys.stdout.write(text)
    if chosen.json:
        apps = {app: asdict(found) for app, found in results.items()}
        chosen.json.write_text(json.dumps({"facts": asdict(about), "apps": apps}, indent=1))
    if chosen.page and not tables.put_into(PAGE, text, "benchmarks/apps"):
        raise SystemExit(f"the markers of benchmarks/apps are not in {PAGE}")


if __name__ == "__main__":
    main()
