"""The memory and the disk of a hub while the same 20 keys are written over and over."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.hub import Disk, Hub, Memory, add_resource, running_hub
from benchmarks.joining import KEYS
from benchmarks.load import peer, pour
from benchmarks.progress import say

REHEARSAL = 10_000
SETTLE = 2.0
"""Seconds before a look, for what is on its way to be let go of."""


@dataclass(frozen=True, slots=True)
class Look:
    """A hub after so many writes in all."""

    writes: int
    memory: Memory
    disk: Disk


@dataclass(frozen=True, slots=True)
class Growth:
    new: Look
    """After 20 writes, in a process that has met nothing else."""
    looks: list[Look]
    """The same hub later, with another call: after a rehearsal of `REHEARSAL` writes."""


async def grow(steps: Sequence[int]) -> Growth:
    """A hub of its own, looked at after each of `steps` writes to one call.

    Python keeps what it needed once for reading a bundle of 1,024 messages. So that this is not
    taken for what writes leave behind, there is a rehearsal in another call.
    """
    with running_hub() as hub:
        [new, _] = await _looks(hub, "rehearsal", [len(KEYS), REHEARSAL])
        await asyncio.sleep(SETTLE)  # that call is let go of
        return Growth(new, await _looks(hub, "memory", steps))


async def _looks(hub: Hub, id: str, steps: Sequence[int]) -> list[Look]:
    call = hub.call(id)
    state = await add_resource(call)
    looks = []
    async with peer(call, "Writer") as writer:
        written = 0
        for step in steps:
            say(f"memory: writing up to {step:,} times over {len(KEYS)} keys")
            await pour(writer, state, KEYS, step - written, first=written)
            written = step
            await asyncio.sleep(SETTLE)
            looks.append(Look(written, hub.memory(), hub.disk()))
    return looks
