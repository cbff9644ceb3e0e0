"""A reader who reads nothing for a while, and the same load on a server without one."""

import asyncio
import time
from typing import Any

from benchmarks.crowd import Plan
from benchmarks.crowd.client import Reader, cpu, enter, found, mark, micros, pings, say

RATE = 2_000_000
"""Bytes of values per second."""
TURN = 0.016
"""Seconds between two messages, as an app's frame has them."""
RECEIVE_BUFFER = 32 * 1024
SAMPLE_EVERY = 0.5
PATIENCE = 60.0
"""Seconds that the reader may take to be current after waking."""


class Writer(Reader):
    """Writes all the time, and knows what it wrote last to each key."""

    async def run(self, plan: Plan, stop: asyncio.Event) -> None:
        began, sent = time.monotonic(), 0
        self.last: dict[int, int] = {}
        filling = "." * (plan.size - 25)
        while not stop.is_set():
            due = int((time.monotonic() - began) * RATE / plan.size)
            texts = []
            for number in range(sent, due):
                key = number % plan.keys
                self.last[key] = micros()
                texts.append((f"k{key}", mark(key, self.last[key]) + filling))
            if texts:
                self.send(self.speak.updates(texts))
                self.count.written += len(texts)
            sent = max(sent, due)
            await asyncio.sleep(TURN)


async def stall(plan: Plan) -> dict[str, Any]:
    writer = await found(Writer, plan, plan.room, 90_000)
    same = await found(Writer, plan, plan.room, 90_003, url=plan.beside)
    watcher = await enter(Reader, plan, plan.room, 90_001)
    reader = await enter(Reader, plan, plan.room, 90_002, receive_buffer=RECEIVE_BUFFER)
    reader.leaving = True  # if it is put out, that is what we came to see
    stop, stop_pings = asyncio.Event(), asyncio.Event()
    pinging = asyncio.create_task(pings([writer, same, watcher, reader], stop_pings))
    writing = [asyncio.create_task(one.run(plan, stop)) for one in (writer, same)]
    await asyncio.sleep(plan.warm)
    reader.transport.underlying_transport.pause_reading()
    began, used, written = micros(), cpu(), writer.count.written
    samples = round(plan.seconds / SAMPLE_EVERY)
    for sample in range(samples + 1):
        await asyncio.sleep(max(0.0, sample * SAMPLE_EVERY - (micros() - began) / 1e6))
        say("sample")
    seconds = (micros() - began) / 1e6
    result: dict[str, Any] = {
        "seconds": seconds, "updates": writer.count.written,
        "written": (writer.count.written - written) * plan.size / seconds,
        "own_cpu": (cpu() - used) / seconds,
    }  # fmt: skip
    result |= await _wake(plan, reader)
    stop.set()
    await asyncio.gather(*writing)
    result["right"] = await _is_right(reader, writer)
    result["kicked"] = reader.gone
    stop_pings.set()
    await pinging
    return result


async def _wake(plan: Plan, reader: Reader) -> dict[str, float]:
    """Read again, until something is there that was written after that."""
    received, began = reader.count.bytes, micros()
    reader.transport.underlying_transport.resume_reading()
    try:
        await reader.until(lambda: max(reader.marks.values(), default=0) > began, PATIENCE)
    except TimeoutError:
        return {"current": PATIENCE, "received": reader.count.bytes - received}
    return {"current": (micros() - began) / 1e6, "received": reader.count.bytes - received}


async def _is_right(reader: Reader, writer: Writer) -> bool:
    """Whether in the end the reader has just what was written last."""
    try:
        return await reader.until(lambda: reader.marks == writer.last, PATIENCE)
    except TimeoutError:
        return False
