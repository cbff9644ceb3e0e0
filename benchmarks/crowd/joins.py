"""Who come: after many writes, many at once, many who do nothing, and back after a restart."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any

from benchmarks.crowd import Plan
from benchmarks.crowd.client import Client, Reader, cpu, enter, found, mark, micros, pings, say

BUNDLE = 1_000
"""Writes that leave together, where there are many."""
NEWCOMERS = 5
SETTLE = 2.0
"""Seconds before one looks, for what is on its way to be let go of."""
REHEARSAL = 20 * BUNDLE


# --- after many writes


async def pour(plan: Plan, writer: Reader, watcher: Reader, first: int, upto: int) -> None:
    """Write over the keys in turn, each bundle when somebody else has got the one before."""
    for begin in range(first, upto, BUNDLE):
        numbers = range(begin, min(begin + BUNDLE, upto))
        writer.send(writer.speak.updates((f"k{n % plan.keys}", text(plan, n)) for n in numbers))
        await watcher.get(partial(caught, plan, watcher, numbers[-1]))


def text(plan: Plan, number: int) -> str:
    return mark(number % plan.keys, number) + "x" * plan.size


def caught(plan: Plan, reader: Reader, number: int) -> bool:
    """Whether the write of that number has come, or one after it over the same key."""
    return reader.marks.get(number % plan.keys, -1) >= number


def whole(plan: Plan, reader: Reader, writes: int) -> bool:
    """Whether what is there after so many writes is there, with all keys."""
    return all(caught(plan, reader, n) for n in range(max(0, writes - plan.keys), writes))


async def newcomers(plan: Plan) -> dict[str, Any]:
    """Newcomers, one after the other, after each number of writes to one room."""
    used, began = cpu(), micros()
    rehearsing = await found(Reader, plan, "rehearsal", 90_000)
    beside = await enter(Reader, plan, "rehearsal", 90_001)
    await pour(plan, rehearsing, beside, 0, REHEARSAL)  # what a server keeps of its first bundles
    for client in (rehearsing, beside):
        client.leave()
    writer = await found(Reader, plan, plan.room, 90_000)
    watcher = await enter(Reader, plan, plan.room, 90_001)
    stop = asyncio.Event()
    pinging = asyncio.create_task(pings([writer, watcher], stop))
    looks = []
    written = 0
    for writes in plan.writes:
        await pour(plan, writer, watcher, written, writes)
        if not written:
            await come_and_go(plan, writes)  # some servers remember who has been there
        written = writes
        await asyncio.sleep(SETTLE)
        say("written")
        looks.append(await come_and_go(plan, writes))
        say("joined")
    stop.set()
    await pinging
    passed = (micros() - began) / 1e6
    return {"updates": written, "looks": looks, "own_cpu": (cpu() - used) / passed}


async def come_and_go(plan: Plan, writes: int) -> dict[str, float]:
    times, sizes = [], []
    for number in range(NEWCOMERS):
        began = micros()
        new = await enter(Reader, plan, plan.room, 90_002 + number)
        await new.get(partial(whole, plan, new, writes))
        times.append((micros() - began) / 1000)
        await asyncio.sleep(0.3)  # what more comes, and what the server does because of it
        sizes.append(new.count.bytes)
        new.leave()
        await asyncio.sleep(0.1)
    return {"bytes": statistics.median(sizes), "ms": statistics.median(times), "of": NEWCOMERS}


# --- many at once


async def storm(plan: Plan) -> dict[str, Any]:
    """A room with so many keys of `size` characters; then all come at once, and get all of it."""
    first = await found(Client, plan, f"{plan.room}0", 0)
    for number in range(plan.keys if plan.server != "relay" else 0):
        first.speak.key = f"k{number}"
        first.write("x" * plan.size)
        await asyncio.sleep(0.02)
    await asyncio.sleep(plan.warm)
    say("begin")
    before, used = micros(), cpu()
    clients = await asyncio.gather(
        *(enter(Client, plan, f"{plan.room}0", number + 1) for number in range(plan.members))
    )
    while any(client.count.updates < plan.keys for client in clients):
        await asyncio.sleep(0.005)
        if micros() - before > 60e6:
            raise SystemExit("some did not get all of it")
    passed, used = (micros() - before) / 1e6, cpu() - used
    await asyncio.sleep(0.5)  # what it still does because of them
    say("end")
    received = sum(client.count.bytes for client in clients)
    return {
        "seconds": passed, "bytes": received / plan.members, "updates": plan.members,
        "own_cpu": used / passed,
    }  # fmt: skip


# --- who do nothing


async def by_many(
    plan: Plan, do: Callable[[Iterator[int]], Awaitable[None]], rooms: Iterable[int]
) -> None:
    """So many at a time, as long as there are rooms."""
    left = iter(rooms)
    await asyncio.gather(*(do(left) for _ in range(plan.at_once)))


async def idle(plan: Plan) -> dict[str, Any]:
    """So many connections that do nothing."""
    say("begin")
    clients: list[Client] = []
    began = micros()

    async def come(rooms: Iterator[int]) -> None:
        for room in rooms:
            for member in range(plan.members):
                number = room * plan.members + member
                clients.append(await enter(Client, plan, f"{plan.room}{room}", number))

    await by_many(plan, come, range(plan.calls))
    came = (micros() - began) / 1e6
    stop = asyncio.Event()
    pinging = asyncio.create_task(pings(clients, stop))
    await asyncio.sleep(plan.warm)
    say("end")
    used = cpu()
    await asyncio.sleep(plan.seconds)
    say("rested")
    used = cpu() - used
    stop.set()
    await pinging
    return {
        "seconds": plan.seconds, "updates": len(clients), "came": came,
        "own_cpu": used / plan.seconds,
    }  # fmt: skip


# --- a restart


async def fill(plan: Plan) -> dict[str, Any]:
    """Somebody in each call writes each key once; they leave when all of it has been saved."""
    clients: list[Reader] = []

    async def one(rooms: Iterator[int]) -> None:
        for room in rooms:
            name = f"{plan.room}{room}"
            writer = await found(Reader, plan, name, 90_000)
            watcher = await enter(Reader, plan, name, 90_001)
            await pour(plan, writer, watcher, 0, plan.keys)
            clients.extend((writer, watcher))

    say("begin")
    await by_many(plan, one, range(plan.calls))
    await asyncio.sleep(plan.warm)
    for client in clients:
        client.leave()
    await asyncio.sleep(1)
    say("end")
    return {"updates": plan.calls}


async def come_back(plan: Plan) -> dict[str, Any]:
    """One comes into the first call, then one into each other; all of them get what was there."""
    clients: list[Reader] = []

    async def come(rooms: Iterator[int]) -> None:
        for room in rooms:
            new = await enter(Reader, plan, f"{plan.room}{room}", room)
            await new.get(partial(whole, plan, new, plan.keys))
            clients.append(new)

    used, began = cpu(), micros()
    await come(iter([0]))
    first = (micros() - began) / 1e6
    say("first")
    await by_many(plan, come, range(1, plan.calls))
    seconds = (micros() - began) / 1e6
    used = cpu() - used
    say("all")
    received = statistics.mean(client.count.bytes for client in clients)
    return {
        "first": first, "seconds": seconds, "updates": len(clients), "bytes": received,
        "own_cpu": used / seconds,
    }  # fmt: skip
