"""A call through cuts: three browsers and two programs, all of them processes of their own."""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.async_api import Browser

import callmesh
from tests.browser.people import Person, person
from tests.browser.test_turn import by_turn
from tests.cut_program import RATE
from tests.processes import ROOT, HubProcess
from tests.turnserver import TURN_SECRET, turn_server

pytestmark = [pytest.mark.anyio, pytest.mark.rtc, pytest.mark.timeout(240)]

MEGABYTE = 1_000_000
SIZE = int(os.environ.get("FILE_MEGABYTES", "64")) * MEGABYTE
"""Of the file; `make soak` sends 200 MB."""
SAMPLES = 10
"""In one message of the ECG."""
STOPPED = 20
"""Seconds for which a program is stopped."""

QUIET = ("all is well", "all is well again", "to the end")
CUTS = 2
"""At each of them what was under way on the way that ends is lost, and seen by nobody."""
SOME = 0.5
"""The share of the ECG that may be lost while nothing is cut: `latest` drops on a busy machine."""

IN_PAGE = """(call => {
    const [notes] = call.resources.all();
    const names = new Map([...call.participants].map(([id, one]) => [id, one.name]));
    const ecg = notes.stream("ecg", { mode: "latest" });
    const marks = notes.stream("marks");
    const heard = [], marked = {};
    let said = 0, marking;
    ecg.subscribe(({ data }) => {
        const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
        heard.push([view.getUint32(0, true), view.getFloat64(4, true), Date.now()]);
    });
    marks.subscribe(({ data, sender }) => (marked[names.get(sender)] ??= []).push(data));
    const others = () => [...call.participants.values()].filter(one => one.id !== call.me.id);
    window.member = {
        start() { marking = setInterval(() => void marks.send(said++), 200); },
        stop() { clearInterval(marking); },
        look: () => ({
            id: call.me.id, status: call.status, reached: call.reached, said,
            paths: Object.fromEntries(others().map(one => [one.name, call.path(one.id)])),
            reads: marks.reaches.size, heard: heard.length,
            marked: Object.fromEntries(Object.entries(marked).map(([k, v]) => [k, v.length])),
            state: notes.state.toObject(),
        }),
        write(entries) {
            for (const [key, value] of Object.entries(entries)) notes.state.set(key, value);
        },
        saved: () => notes.state.saved({ timeout: 60_000 }),
        report: () => ({ heard, marked, stats: Object.fromEntries([...ecg.stats].map(
            ([id, { dropped, lost, late }]) => [names.get(id), { dropped, lost, late }])) }),
    };
})(window.callmesh.call)"""


class Member(Protocol):
    name: str

    async def do(self, word: str, *rest: Any) -> Any: ...


class InBrowser:
    def __init__(self, one: Person) -> None:
        self.name = one.name
        self._page = one.page

    async def do(self, word: str, *rest: Any) -> Any:
        script = "([word, ...rest]) => window.member[word](...rest)"
        return await self._page.evaluate(script, [word, *rest])


class InProgram:
    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process

    async def do(self, word: str, *rest: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([word, *rest]).encode() + b"\n")
        return json.loads(await self.process.stdout.readline())


@contextlib.asynccontextmanager
async def program(call: str, name: str) -> AsyncIterator[InProgram]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.cut_program", call, name, cwd=ROOT, limit=16 * MEGABYTE,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield InProgram(name, process)
    finally:
        process.kill()
        await process.wait()


class Course:
    """What happened when, and what all of them say of themselves."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self.phases: list[tuple[str, float]] = []

    def phase(self, name: str) -> None:
        self.phases.append((name, time.time() * 1000))
        print(f"{time.strftime('%X')} {name}", flush=True)

    async def until(
        self, true: Callable[[dict[str, Any]], bool], what: str, *, of: list[Member] | None = None
    ) -> None:
        """Wait until it is true of each of them at once."""
        try:
            async with asyncio.timeout(90):
                while True:
                    seen = [await one.do("look") for one in of or self.members]
                    if all(map(true, seen)):
                        return
                    await asyncio.sleep(0.2)
        except TimeoutError:
            pytest.fail(f"{what} did not come about: {seen}")

    async def sent(self, by: Member) -> None:
        """Wait until the file is over, for as long as more of it comes."""
        at = -1

        def moves(seen: dict[str, Any]) -> bool:
            return bool(seen["over"]) or seen["sent"] > at

        while not (seen := await by.do("look"))["over"]:
            at = seen["sent"]
            await self.until(moves, f"more of the file than {at} bytes", of=[by])

    async def heard(self, seconds: float, of: list[Member]) -> None:
        """Wait until so much of the ECG has come at each of them."""
        goals = [(one, (await one.do("look"))["heard"] + seconds * RATE) for one in of]
        for one, goal in goals:
            await self.until(lambda seen, goal=goal: seen["heard"] >= goal, "ECG", of=[one])  # type: ignore[misc]


def direct(seen: dict[str, Any]) -> bool:
    return list(seen["paths"].values()) == ["direct"] * 4


async def test_a_call_goes_on_through_cuts(browser: Browser, tmp_path: Path) -> None:
    """[D2, D3, D10, D15, D22, E1, E8, F1, F2, F3] ECG, marks, a file, and State."""
    source = tmp_path / "large.bin"
    source.write_bytes(os.urandom(SIZE))
    (tmp_path / "to").mkdir()
    app = tmp_path / "notes"
    app.mkdir()
    described = {"id": "notes", "name": "Notes", "version": "1.0.0"}
    asked = ["streams", "files", "participants"]
    (app / "manifest.json").write_text(json.dumps({**described, "capabilities": asked}))
    (app / "index.html").write_text("<!doctype html><title>Notes</title>")
    with turn_server(tmp_path) as turn:
        more = by_turn(turn.url(), tmp_path / "secret", TURN_SECRET)
        hub = HubProcess(tmp_path / "data", more=more, apps=(app,))
        url = hub.call()
        try:
            async with contextlib.AsyncExitStack() as stack:
                people = [
                    await stack.enter_async_context(person(browser, name))
                    for name in ("Ada", "Bob", "Cleo")
                ]
                pia = await stack.enter_async_context(program(url, "Pia"))
                rob = await stack.enter_async_context(program(url, "Rob"))
                for guest in people:
                    await guest.join(url, role="host")
                await people[0].in_call("void call.resources.add('notes')")
                for guest in people:
                    await guest.until_call(
                        "call.resources.all().length === 1 && call.participants.size === 5"
                    )
                    await guest.page.evaluate(IN_PAGE)
                members: list[Member] = [*map(InBrowser, people), pia, rob]
                browsers, readers = members[:3], [*members[:3], rob]
                course = Course(members)
                await course.until(lambda seen: seen["reads"] == 4 and direct(seen), "direct paths")

                course.phase("all is well")
                await pia.do("start", "ecg", "marks")
                for one in (*browsers, rob):
                    await one.do("start", "marks")
                await course.heard(5, readers)
                await rob.do("take_file", str(tmp_path / "to"))
                await pia.do("send_file", str(source), "Rob")
                await course.until(lambda seen: seen["sent"] > SIZE // 20, "a file", of=[pia])

                course.phase("the hub is killed")
                hub.kill()
                await course.until(
                    lambda seen: seen["status"] == "offline" and seen["reached"] == 4, "the mesh"
                )
                for number, one in enumerate(members):
                    await one.do("write", {f"of/{one.name}": number, "shared": one.name})
                own = {f"of/{one.name}": number for number, one in enumerate(members)}
                await same_everywhere(course, own)
                before = await pia.do("look")
                assert SIZE // 20 < before["sent"] < SIZE, "the cuts fall into the file"

                course.phase("UDP is blocked as well")
                turn.stop()
                await course.until(lambda seen: not direct(seen), "a cut", of=browsers)
                assert not (await pia.do("look"))["over"]

                course.phase("the hub is back, and relays")
                hub = HubProcess(tmp_path / "data", port=hub.port, more=more, apps=(app,))
                await asyncio.gather(*(one.do("saved") for one in members))
                await course.until(lambda seen: seen["status"] == "synced", "synced")
                state = await same_everywhere(course, own)
                await course.heard(5, readers)

                course.phase("UDP is back")
                turn.go_on()
                await course.until(direct, "direct paths again")

                course.phase("all is well again")
                await course.heard(5, readers)

                course.phase(f"Rob is stopped for {STOPPED} s")
                rob.process.send_signal(signal.SIGSTOP)
                await course.heard(STOPPED, browsers)
                rob.process.send_signal(signal.SIGCONT)

                course.phase("Rob goes on")
                await course.heard(3, readers)
                await course.until(direct, "direct paths after sleep")
                course.phase("to the end")
                await course.sent(pia)
                await course.until(lambda seen: seen["taken"] != "", "the file", of=[rob])
                await course.heard(3, readers)
                for one in members:
                    await one.do("stop")
                said = {one.name: (await one.do("look"))["said"] for one in members}
                await course.until(
                    lambda seen: sum(seen["marked"].values()) >= sum(said.values()) - seen["said"],
                    "every mark",
                )
                reports = {one.name: await one.do("report") for one in members}
                file = await pia.do("look")
                taken = Path((await rob.do("look"))["taken"])
                problems = [guest.problems for guest in people]
            async with callmesh.join(url, name="Late") as late:
                (notes,) = late.resources.values()
                assert dict(notes.state) == state, "it is saved"
        finally:
            hub.end()
    print(table(course.phases, reports))
    check(course.phases, reports, said)
    assert (file["error"], hashed(taken)) == ("", hashed(source))
    assert problems == [[], [], []]


async def same_everywhere(course: Course, own: dict[str, int]) -> dict[str, Any]:
    """Wait until all see what all have written, and the same of what they all wrote to."""
    found: list[dict[str, Any]] = []

    def same(seen: dict[str, Any]) -> bool:
        if len(found) == len(course.members):
            found.clear()
        found.append(seen["state"])
        return bool(own.items() <= seen["state"].items() and seen["state"] == found[0])

    await course.until(same, "the same State everywhere")
    return found[0]


def hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def spans(phases: list[tuple[str, float]]) -> list[tuple[str, float, float]]:
    """Each phase with its begin and end."""
    ends = [begin for _, begin in phases[1:]] + [float("inf")]
    return [(name, begin, end) for (name, begin), end in zip(phases, ends, strict=True)]


def missing(sent: list[float], heard: list[list[float]], begin: float, end: float) -> list[int]:
    """The messages that were sent in that time and never came."""
    came = {int(number) for number, _, _ in heard}
    return [n for n, when in enumerate(sent) if begin <= when < end and n not in came]


def silence(heard: list[list[float]], begin: float, end: float) -> float:
    """The longest time, in seconds, from one message to the next, of those that began then."""
    times = [came for _, _, came in heard]
    pauses = (then - one for one, then in pairwise(times) if begin <= one < end)
    return max(pauses, default=0) / 1000


def table(phases: list[tuple[str, float]], reports: dict[str, Any]) -> str:
    """For each phase and reader: samples sent, and of these missed; the longest silence."""
    sent, readers = reports["Pia"]["sent"], [name for name in reports if name != "Pia"]
    lines = [
        f"| phase | s | samples sent | {' | '.join(readers)} |",
        "| --- | --- | --- |" + " --- |" * len(readers),
    ]
    for name, begin, end in spans(phases):
        number = sum(begin <= when < end for when in sent) * SAMPLES
        cells = [
            f"{len(missing(sent, reports[reader]['heard'], begin, end)) * SAMPLES}, "
            f"{silence(reports[reader]['heard'], begin, end):.1f} s"
            for reader in readers
        ]
        last = (min(end, sent[-1]) - begin) / 1000
        lines.append(f"| {name} | {last:.0f} | {number} | {' | '.join(cells)} |")
    for reader in readers:
        holes = reports["Pia"]["stats"][reader] | {"counts": reports[reader]["stats"]["Pia"]}
        lines.append(f"{reader}: {holes}")
    return "\n".join(lines)


def holes(sent: list[float], heard: list[list[float]]) -> int:
    """How many times in a row of messages some did not come."""
    gone = missing(sent, heard, 0, float("inf"))
    return sum(n - 1 not in set(gone) for n in gone)


def check(phases: list[tuple[str, float]], reports: dict[str, Any], said: dict[str, int]) -> None:
    for name, report in reports.items():
        for other in said.keys() - {name}:
            assert report["marked"][other] == list(range(said[other])), f"{other} to {name}"
    source = reports["Pia"]
    for name in reports.keys() - {"Pia"}:
        heard, stats = reports[name]["heard"], reports[name]["stats"]["Pia"]
        numbers = [int(number) for number, _, _ in heard]
        assert numbers == sorted(set(numbers)), f"{name}: never an older one after a newer one"
        counted = stats["lost"] + source["stats"][name]["dropped"]
        unseen = holes(source["sent"], heard) - counted
        assert unseen <= CUTS, f"{name}: what did not come is counted"
        for phase, begin, end in spans(phases):
            if phase in QUIET:
                lost = len(missing(source["sent"], heard, begin, end))
                assert lost <= SOME * sum(begin <= when < end for when in source["sent"]), (
                    f"{name}: {lost} messages lost while {phase}"
                )
