"""A reader that stops reading for a while under 2 MB/s, and the same load without one beside it."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed

from benchmarks.hub import Hub, add_resource, running_hub, unread
from benchmarks.load import Peer, peer
from benchmarks.progress import say
from callmesh.ids import StateId

KEYS = [f"key/{number:03d}" for number in range(100)]
VALUE = 8192
RATE = 2_000_000
"""Bytes of values per second."""
TURN = 0.016
"""Seconds between two bundles of writes, as an app's frame has them."""
RECEIVE_BUFFER = 32 * 1024
WARM_UP = 5.0
SAMPLE_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """Bytes, so many seconds after the reader has stopped reading."""

    seconds: float
    stalled: int
    """Resident memory of the hub with the reader."""
    alone: int
    """Of the one without."""
    unread: int
    """What the kernel holds for the first hub's links."""


@dataclass
class Stall:
    seconds: float
    """How long nothing was read."""
    written: float = 0.0
    """Bytes of values per second that the hub accepted meanwhile."""
    live: int = 0
    """Bytes of values in the call."""
    samples: list[Sample] = field(default_factory=list)
    kicked: str = ""
    """Why the link was over when the reader read again; empty if it was not."""
    received: int = 0
    """Bytes that came after waking until the reader was current."""
    current: float = 0.0
    """Seconds that took."""


@dataclass(frozen=True, slots=True)
class Side:
    """A hub under load."""

    hub: Hub
    writer: Peer
    state: StateId


async def stall(seconds: float) -> Stall:
    """Two hubs side by side under the same load; a reader of the first stalls."""
    with running_hub() as one, running_hub() as other:
        calls = one.call("stall"), other.call("stall")
        states = [await add_resource(call) for call in calls]
        async with (
            peer(calls[0], "Writer") as writer,
            peer(calls[1], "Writer") as same,
            peer(calls[0], "Reader", receive_buffer=RECEIVE_BUFFER) as reader,
        ):
            sides = Side(one, writer, states[0]), Side(other, same, states[1])
            return await _under_load(Stall(seconds), reader, *sides)


async def _under_load(result: Stall, reader: Peer, stalled: Side, alone: Side) -> Stall:
    stop = asyncio.Event()
    loads = [asyncio.create_task(_write(side, stop)) for side in (stalled, alone)]
    try:
        say(f"stall: warming up for {WARM_UP:.0f} s")
        await asyncio.sleep(WARM_UP)
        reader.stop_reading()
        await _sample(result, stalled, alone)
        await _wake(result, reader, stalled.writer)
    finally:
        stop.set()
        await asyncio.gather(*loads)
    values = stalled.writer.values(stalled.state)
    result.live = sum(len(str(value)) for value in values.values())
    if not result.kicked:
        await reader.until(lambda: reader.mesh.cursor >= stalled.writer.mesh.cursor)
        if reader.values(stalled.state) != values:
            raise RuntimeError("the reader does not have what the writer wrote")
    return result


async def _write(side: Side, stop: asyncio.Event) -> None:
    """Write `RATE` bytes per second over `KEYS` in turn, until `stop`; all of it is accepted."""
    began, start, sent = time.monotonic(), side.writer.mesh.cursor, 0
    while not stop.is_set():
        due = int((time.monotonic() - began) * RATE / VALUE)
        writes = [
            side.writer.stamped(side.state, KEYS[number % len(KEYS)], _value(number))
            for number in range(sent, due)
        ]
        if writes:
            await side.writer.send(*writes)
        sent = max(sent, due)
        await asyncio.sleep(TURN)
    await side.writer.until(lambda: side.writer.mesh.cursor >= start + sent)


def _value(number: int) -> str:
    """Encoded it has `VALUE` bytes."""
    return f"{number:08d}".ljust(VALUE - 3, ".")


async def _sample(result: Stall, stalled: Side, alone: Side) -> None:
    """Look every now and then, until the time is over."""
    began, numbers = time.monotonic(), stalled.writer.mesh.cursor
    passed = 0.0
    while passed < result.seconds:
        result.samples.append(
            Sample(
                passed, stalled.hub.memory().rss, alone.hub.memory().rss, unread(stalled.hub.pid)
            )
        )
        say(f"stall: {passed:.0f} of {result.seconds:.0f} s")
        await asyncio.sleep(min(SAMPLE_EVERY, result.seconds - passed))
        passed = time.monotonic() - began
    result.written = (stalled.writer.mesh.cursor - numbers) * VALUE / passed


async def _wake(result: Stall, reader: Peer, writer: Peer) -> None:
    """Read again, until everything is there that the writer knows of now."""
    target, received = writer.mesh.cursor, reader.received
    began = time.monotonic()
    reader.read_again()
    try:
        await reader.until(lambda: reader.mesh.cursor >= target)
    except ConnectionClosed as closed:
        result.kicked = str(closed)
    result.received = reader.received - received
    result.current = time.monotonic() - began


def held(samples: Sequence[Sample]) -> list[int]:
    """By how much more the hub with the stalled reader has grown than the one without, each time.

    The first sample is the moment at which the reader stops reading.
    """
    first = samples[0]
    return [s.stalled - first.stalled - (s.alone - first.alone) for s in samples[1:]]


def typical(samples: Sequence[Sample]) -> int:
    """What was held, in the middle of all samples."""
    return int(statistics.median(held(samples)))
