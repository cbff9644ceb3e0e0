"""Calls in which some write, and all others get it: by the server's state, or by streams."""

import asyncio
import random
from typing import Any

from benchmarks.crowd import Plan
from benchmarks.crowd.client import Client, Count, cpu, enter, found, micros, pings, say


async def fan_out(plan: Plan) -> dict[str, Any]:
    count = Count()
    rooms: list[list[Client]] = []
    for room in range(plan.calls):
        members: list[Client] = []
        for member in range(plan.members):
            come = enter if member else found
            number = room * plan.members + member
            members.append(await come(Client, plan, f"{plan.room}{room}", number, count))
        rooms.append(members)
    writers = [c for members in rooms for c in members[: plan.writers or plan.members]]
    stop = asyncio.Event()
    tasks = [asyncio.create_task(pings([c for m in rooms for c in m], stop))]
    run = steady if plan.rate else flood
    tasks.append(asyncio.create_task(run(writers, plan, count, stop)))
    await asyncio.sleep(plan.warm)
    say("begin")
    count.__init__()  # type: ignore[misc]
    before, used = micros(), cpu()
    await asyncio.sleep(plan.seconds)
    say("end")
    passed, used = (micros() - before) / 1e6, cpu() - used
    result = {
        "seconds": passed, "written": count.written, "updates": count.updates,
        "frames": count.frames, "bytes": count.bytes, "own_cpu": used / passed, "lag": count.lag,
        "late": percentiles(count.late),
        "expected": count.written * (plan.members - 1),
    }  # fmt: skip
    stop.set()
    await asyncio.gather(*tasks)
    return result


def percentiles(late: list[int]) -> dict[str, float]:
    late.sort()
    if not late:
        return {}
    return {
        name: late[min(len(late) - 1, int(len(late) * part))] / 1000
        for name, part in (("p50", 0.5), ("p99", 0.99), ("most", 1.0))
    }


def put(writer: Client, plan: Plan, filling: str) -> None:
    if plan.carry:
        writer.stream(filling, plan.carry)
    else:
        writer.write(filling)


async def steady(writers: list[Client], plan: Plan, count: Count, stop: asyncio.Event) -> None:
    """Each writes at its own moment, `rate` times a second."""
    filling = "x" * plan.size
    rng = random.Random(1)
    every = 1 / plan.rate
    loop = asyncio.get_running_loop()
    begun = loop.time()
    due = sorted((begun + rng.random() * every, writer.number, writer) for writer in writers)
    round_ = 0
    while not stop.is_set():
        for at, _, writer in due:
            when = at + round_ * every
            wait = when - loop.time()
            if wait > 0.0005:
                await asyncio.sleep(wait)
            count.lag = max(count.lag, loop.time() - when)
            if stop.is_set():
                return
            put(writer, plan, filling)
        round_ += 1


async def flood(writers: list[Client], plan: Plan, count: Count, stop: asyncio.Event) -> None:
    """Each writes whenever its connection takes more."""
    filling = "x" * plan.size
    while not stop.is_set():
        able = [w for w in writers if w.may_write and w.speak.may_stream]
        for writer in able:
            put(writer, plan, filling)
        await asyncio.sleep(0 if able else 0.001)  # less is none to uvloop
