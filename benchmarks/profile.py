"""Where a hub's time goes: `python -m benchmarks.profile --scenario 250x4`.

Three tools, each with a run of its own, as they slow down what they look at: perf samples what code
runs, py-spy in which of our modules that is, and callgrind counts the instructions of a write. What
is not installed is said, and left out.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import facts, suite
from benchmarks.fanout import PLANS
from benchmarks.progress import say
from benchmarks.servers import ROOT, Server, install, running
from benchmarks.suite import Mark
from benchmarks.tables import described, table

TOOLS = {
    "perf": "apt-get install linux-perf", "py-spy": "pip install py-spy",
    "callgrind": "apt-get install valgrind",
}  # fmt: skip
"""And how one gets each."""
PARTS = {
    "the kernel": r"\[",
    "msgspec, SQLite": r"_core\.cpython|_sqlite3|libsqlite3",
    "uvloop, picows, libc": r"loop\.cpython|picows|libc\.|libc-|libm\.|libpthread|ld-linux",
    "the Python interpreter": r"python|libpython|_\w+\.cpython|\w+\.cpython",
    "else": r"",
}
"""By the name of the file that the code is in; the first that fits."""
MODULE = re.compile(r"callmesh/([\w/]+)\.py")
MOST = 12
"""Modules that are shown."""
WRITES = (200, 1_200)
"""What the second has more than the first is what so many writes take."""
WRITE = """
import asyncio, sys
import pytest
from tests.busy import BusyHub

async def main(writes):
    with pytest.MonkeyPatch.context() as patch:
        async with BusyHub(patch) as hub:
            seats = await hub.busy(5)
            for _ in range(writes):
                hub.hear(seats[0], hub.write(seats[0]))

asyncio.run(main(int(sys.argv[1])))
"""


def sampled(
    scenario: str, at: Path | None, seconds: float, command: Callable[[Server], list[str]]
) -> None:
    """Run a tool beside a hub, while its crowd is counted."""
    plan = replace(PLANS[scenario], seconds=seconds)
    with running("callmesh", at) as server:
        tools: list[subprocess.Popen[bytes]] = []

        def look() -> Mark:
            if tools:
                tools[0].send_signal(signal.SIGINT)
                tools[0].wait(60)
            else:
                tools.append(subprocess.Popen(command(server), stdout=sys.stderr))
            return Mark(server.cpu(), server.memory())

        suite.crowded(server, plan, look)


def perf(scenario: str, at: Path | None, seconds: float) -> str:
    with TemporaryDirectory() as folder:
        file = f"{folder}/perf"
        sampled(scenario, at, seconds, lambda server: [
            "perf", "record", "-q", "-e", "cpu-clock", "-F", "499", "-o", file,
            "-p", str(server.process.pid),
        ])  # fmt: skip
        said = subprocess.run(
            ["perf", "report", "-q", "-i", file, "--stdio", "--sort", "dso"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    shares: defaultdict[str, float] = defaultdict(float)
    for share, name in re.findall(r"^\s*([\d.]+)%\s+(\S+)", said, re.MULTILINE):
        shares[next(part for part, of in PARTS.items() if re.match(of, name))] += float(share)
    return _shares("perf: what code", shares)


def py_spy(scenario: str, at: Path | None, seconds: float) -> str:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "stacks"
        sampled(scenario, at, seconds, lambda server: [
            "py-spy", "record", "--format", "raw", "--rate", "200", "--output", str(file),
            "--duration", "600", "--pid", str(server.process.pid),
        ])  # fmt: skip
        stacks = file.read_text().splitlines()
    shares: Counter[str] = Counter()
    for stack in stacks:
        frames, _, count = stack.rpartition(" ")
        shares[(MODULE.findall(frames) or ["none of ours"])[-1]] += int(count)
    return _shares("py-spy: in or below", dict(shares.most_common(MOST)), shares.total())


def callgrind(scenario: str, at: Path | None, seconds: float) -> str:
    """Of a write that four others get, in a hub with neither sockets nor a disk."""
    few, many = (_instructions(writes, at) for writes in WRITES)
    each = (many - few) / (WRITES[1] - WRITES[0])
    return table(["callgrind", "instructions"], [["a write with four who get it", f"{each:,.0f}"]])


def _instructions(writes: int, at: Path | None) -> int:
    environment = {"PYTHONPATH": f"{(at or ROOT) / 'src'}:{ROOT}", "PYTHONHASHSEED": "0"}
    python = [sys.executable, "-c", WRITE, str(writes)]
    subprocess.run(python, cwd=ROOT, env=environment, check=True)  # Python compiles what is new
    with TemporaryDirectory() as folder:
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        said = subprocess.run(
            [*tool, *python], cwd=ROOT, capture_output=True, text=True, check=True,
            env={**os.environ, **environment},
        ).stderr  # fmt: skip
    found = re.search(r"Collected : (\d+)", said)
    if found is None:
        raise SystemExit(f"valgrind counted nothing: {said[-500:]}")
    return int(found[1])


def _shares(title: str, shares: Mapping[str, float], of: float = 0.0) -> str:
    whole = of or sum(shares.values())
    rows = sorted(shares.items(), key=lambda row: -row[1])
    return table([title, "of the samples"], [[name, f"{part / whole:.0%}"] for name, part in rows])


RUNS = {"perf": perf, "py-spy": py_spy, "callgrind": callgrind}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--scenario", choices=PLANS, default="250x4", help="of benchmarks.fanout")
    parser.add_argument("--with", dest="tools", action="append", choices=TOOLS, help="only this")
    parser.add_argument("--at", type=Path, metavar="FOLDER", help="another source tree")
    parser.add_argument("--seconds", type=float, default=10.0, help="that are sampled")
    options = parser.parse_args(arguments)
    found = [tool for tool in options.tools or TOOLS if _is_there(tool)]
    if not found:
        raise SystemExit(1)
    if found != ["callgrind"]:
        install()
    before = facts.gather()
    for tool in found:
        say(f"{options.scenario} under {tool}")
        print(RUNS[tool](options.scenario, options.at, options.seconds), end="\n\n", flush=True)
    print(f"`python -m benchmarks.profile --scenario {options.scenario!r}`: {described(before)}")


def _is_there(tool: str) -> bool:
    there = shutil.which("valgrind" if tool == "callgrind" else tool) is not None
    if not there:
        print(f"{tool} is missing: {TOOLS[tool]}", file=sys.stderr)
    return there


if __name__ == "__main__":
    main()
