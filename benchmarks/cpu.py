"""CPU time per write in the classes without I/O: of who writes, of the hub, of who reads.

Many calls take turns, so that a stage is long enough to be timed and nobody runs ahead of what the
hub answers: everybody writes a frame, every hub takes it, everybody reads it. `state.ts` does the
same in TypeScript, where there is no hub.
"""

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from benchmarks.joining import KEYS
from benchmarks.load import clock, value_of
from benchmarks.progress import say
from callmesh import messages
from callmesh.app import Manifest
from callmesh.hosted import HostedCall
from callmesh.ids import CALL, CallId, ParticipantId, PersonId, ResourceId, Writer, state_of
from callmesh.ledger import Ledger
from callmesh.mesh import Mesh
from callmesh.participant import Participant, Role
from callmesh.resource import ResourceRecord, key_of
from callmesh.session import Session, Side
from callmesh.values import encode

ROOT = Path(__file__).parent.parent
CALLS = 50
FRAMES = (1, len(KEYS))
"""Writes that leave together: one alone, and one for every key."""
RESOURCE = ResourceId("rbench")
STATE = state_of(RESOURCE)
APP = Manifest(id="bench", name="Bench", version="1")

Costs: TypeAlias = dict[str, float]
"""Microseconds of CPU per write, by stage: `write`, `hub`, `read`, `answer`."""


class End:
    """One participant: the client's half, and the hub's."""

    def __init__(self, call: HostedCall, id: str) -> None:
        now = clock()
        self._call = call
        self._session, self._hub = Session(Side.CLIENT, now), Session(Side.HUB, now)
        person = PersonId(id.replace("p", "u", 1))
        participant = Participant(ParticipantId(id), person, id, Role.HOST)
        self.mesh = Mesh()
        self.mesh.writer = Writer(id)
        self._member = call.people.join(participant, self._hub, 0, now)
        self._hub.welcome(
            messages.encode(
                messages.Welcome(messages.VERSION, call.id, id, id, person, id, "host", now)
            )
        )
        call.people.introduce(self._member, now)

    def write(self, values: dict[str, object]) -> bytes:
        """As the SDK does: one call of `write` for each key, one bundle for all."""
        now = clock()
        for key, value in values.items():
            self.mesh.write({STATE: {key: encode(value)}}, now)
        return messages.bundle([messages.encode(write) for write in self.mesh.outgoing()])

    def arrive(self, bundle: bytes) -> None:
        """At the hub."""
        now = clock()
        for message in self._hub.receive(bundle, now):
            self._call.receive(self._member, message, now)

    def take(self) -> bytes:
        """From the hub."""
        return b"".join(self._call.take(self._member) or [messages.bundle([])])

    def read(self, bundle: bytes) -> None:
        now = clock()
        for message in self._session.receive(bundle, now):
            match message:
                case messages.Batch():
                    self.mesh.batch(message, now)
                case messages.Saved(cursor):
                    self.mesh.disk(cursor)
                case messages.Denial():
                    raise RuntimeError(message.why)
                case _:
                    pass


class Trio:
    """A call without I/O: its hub, one who writes, one who reads."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self.save()
        self._call = HostedCall(CallId("bench"), self._ledger, {APP.id: APP}.get)
        self.writer, self.reader = End(self._call, "p1"), End(self._call, "p2")
        self.bundle, self.to_reader, self.to_writer = b"", b"", b""
        self._sync()
        record = ResourceRecord(APP.id, APP.name, "u1")
        group = {
            key_of(RESOURCE): encode({"app": record.app, "title": record.title, "owner": "u1"})
        }
        self.writer.mesh.write({CALL: group}, clock())
        self.bundle = messages.bundle([messages.encode(w) for w in self.writer.mesh.outgoing()])
        self.hub()
        self._sync()

    def _sync(self) -> None:
        for end in (self.writer, self.reader):
            end.read(end.take())

    def save(self) -> None:
        """What the disk does, which is not measured."""
        self._ledger.flush()
        self._ledger.flushed()

    def hub(self) -> None:
        self.writer.arrive(self.bundle)
        self.to_reader, self.to_writer = self.reader.take(), self.writer.take()

    def same(self) -> bool:
        one, other = (end.mesh.confirmed(STATE) for end in (self.writer, self.reader))
        return one == other and len(one) == len(KEYS)


def python_costs(frame: int, repetitions: int) -> Costs:
    """Medians over the repetitions; in each, every call writes every key once."""
    trios = [Trio() for _ in range(CALLS)]
    found: dict[str, list[float]] = {}
    for repetition in range(-1, repetitions):  # the first one warms up
        spent = _repetition(trios, frame, repetition)
        for stage, seconds in spent.items():
            if repetition >= 0:
                found.setdefault(stage, []).append(seconds / CALLS / len(KEYS) * 1e6)
    if not all(trio.same() for trio in trios):
        raise RuntimeError("writer and reader differ")
    return {stage: statistics.median(all) for stage, all in found.items()}


def _repetition(trios: Sequence[Trio], frame: int, number: int) -> dict[str, float]:
    spent = dict.fromkeys(("write", "hub", "read", "answer"), 0.0)

    def timed(stage: str, work: Callable[[Trio], None]) -> None:
        began = time.process_time()
        for trio in trios:
            work(trio)
        spent[stage] += time.process_time() - began

    for first in range(0, len(KEYS), frame):
        values: dict[str, object] = {
            key: value_of(number + 1) for key in KEYS[first : first + frame]
        }

        def write(trio: Trio, values: dict[str, object] = values) -> None:
            trio.bundle = trio.writer.write(values)

        timed("write", write)
        timed("hub", Trio.hub)
        timed("read", lambda trio: trio.reader.read(trio.to_reader))
        timed("answer", lambda trio: trio.writer.read(trio.to_writer))
        for trio in trios:
            trio.save()
            trio.writer.read(trio.writer.take())  # saved
    return spent


def typescript_costs(frame: int, repetitions: int) -> Costs:
    """The same of `state.ts`, bundled and run in a Node of its own."""
    with TemporaryDirectory(prefix="callmesh-bench-") as folder:
        program = Path(folder) / "state.mjs"
        esbuild = ROOT / "node_modules" / ".bin" / "esbuild"
        source = Path(__file__).parent / "state.ts"
        _run(str(esbuild), str(source), "--bundle", "--platform=node", "--format=esm",
             "--log-level=warning", f"--outfile={program}")  # fmt: skip
        said = _run("node", str(program), str(frame), str(repetitions))
    return {str(stage): float(cost) for stage, cost in json.loads(said).items()}


def _run(*command: str) -> str:
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{command[0]} failed: {ended.stderr}")
    return ended.stdout


def costs(repetitions: int) -> dict[str, dict[int, Costs]]:
    """By language and by how many writes leave together."""
    measured: dict[str, dict[int, Costs]] = {"Python": {}, "TypeScript": {}}
    for frame in FRAMES:
        say(f"cpu: {frame} a frame, Python and TypeScript")
        measured["Python"][frame] = python_costs(frame, repetitions)
        measured["TypeScript"][frame] = typescript_costs(frame, repetitions)
    return measured
