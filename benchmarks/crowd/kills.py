"""A burst of writes, after which the server is killed; and what is there when it is back."""

import asyncio
import contextlib
import os
import random
import signal
from typing import Any

from benchmarks.crowd import Plan
from benchmarks.crowd.client import Reader, enter, found, mark, say

UNSURE = 0.2
"""Seconds after the burst within which the server is killed."""


class Writer(Reader):
    def hear(self, data: bytes) -> None:
        self.speak.acknowledges(data)


async def burst(plan: Plan) -> dict[str, Any]:
    """Write each key once, one after the other; then kill the server at some moment."""
    writer = await found(Writer, plan, plan.room, 90_000)
    watcher = await enter(Reader, plan, plan.room, 90_001)
    writer.leaving = watcher.leaving = True
    say("begin")
    for number in range(plan.keys):
        writer.send(writer.speak.updates([(f"k{number}", mark(number, 1))]))
        if number % 50 == 0:
            await asyncio.sleep(0.001)
    await asyncio.sleep(random.uniform(0, UNSURE))
    os.kill(plan.pid, signal.SIGKILL)
    await watcher.until(lambda: False, 20)  # what had come before
    await asyncio.sleep(0.05)
    say("end")
    return {
        "updates": plan.keys, "acknowledged": writer.speak.acknowledged, "seen": len(watcher.marks)
    }  # fmt: skip


async def look(plan: Plan) -> dict[str, Any]:
    """Count what is there."""
    say("begin")
    reader = await enter(Reader, plan, plan.room, 90_002)
    with contextlib.suppress(TimeoutError):
        await reader.until(lambda: len(reader.marks) >= plan.keys, plan.warm)
    say("end")
    return {"updates": plan.keys, "there": len(reader.marks)}
