"""Everybody who is in the calls of one server, in one process.

They write, and count what comes and how late. `python -m benchmarks.crowd '{"server": …}'` prints
one line of JSON; it runs in an environment of its own, which has what every server's clients need
(`servers.py`). Each update carries a mark as text, `@@@` with its writer and the time: it is the
same for all servers, and found in whatever bytes they send. So an update that comes together with
others counts as one, and one that a newer replaced as none.
"""

import asyncio
import json
import random
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

MARK = re.compile(rb"@@@(\d{5})T(\d{16})")
SAMPLES = 7
"""One update in so many is looked at for how late it is."""


@dataclass(frozen=True)
class Plan:
    server: str
    """Which protocol: `callmesh`, `hocuspocus`, `yjs` or `relay`."""
    url: str
    """Of a room: `{room}` is its name."""
    calls: int = 1
    members: int = 16
    writers: int = 0
    """In each call; 0 is everybody, and -1 nobody: they do nothing."""
    rate: float = 10.0
    """Updates of each writer in a second; 0 is as many as go."""
    warm: float = 2.0
    seconds: float = 8.0
    size: int = 0
    """Characters besides the mark."""
    storm: int = 0
    """How many come into the first room at once, when there are so many updates in it."""


def micros() -> int:
    return time.monotonic_ns() // 1000


@dataclass
class Count:
    updates: int = 0
    bytes: int = 0
    frames: int = 0
    late: list[int] = field(default_factory=list)
    written: int = 0
    lag: float = 0.0


class Client(WSListener):
    """One participant. What bears the mark `own` is theirs: it does not count when it is back."""

    def __init__(self, number: int, speak: "Dialect", count: Count) -> None:
        self.number = number
        self.own = b"@@@%05dT" % number
        self.speak = speak
        self.count = count
        self.transport: WSTransport
        self.ready: asyncio.Event = asyncio.Event()
        self.may_write = True
        self.seen = number

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        for data in self.speak.hello():
            transport.send(WSMsgType.BINARY, data)
        if self.speak.is_in_at_once:
            self.ready.set()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            return
        if frame.msg_type == WSMsgType.CLOSE:
            raise SystemExit(
                f"the server closed: {frame.get_close_code()} {frame.get_close_reason()}"
            )
        data = frame.get_payload_as_bytes()
        if not self.ready.is_set() and self.speak.hears_welcome(data):
            self.ready.set()
        for answer in self.speak.answers(data):
            transport.send(WSMsgType.BINARY, answer)
        count = self.count
        count.frames += 1
        count.bytes += len(data)
        others = data.count(b"@@@") - data.count(self.own)
        if others:
            count.updates += others
            self.seen += others
            if self.seen >= SAMPLES:
                self.seen = 0
                found = MARK.search(data)
                if found and int(found[1]) != self.number:
                    count.late.append(micros() - int(found[2]))

    def pause_writing(self) -> None:
        self.may_write = False

    def resume_writing(self) -> None:
        self.may_write = True

    def write(self, filling: str) -> None:
        text = f"@@@{self.number:05}T{micros():016}{filling}"
        self.transport.send(WSMsgType.BINARY, self.speak.update(text))
        self.count.written += 1


class Dialect:
    """How one participant speaks to one kind of server."""

    is_in_at_once = True

    def __init__(self, room: str, number: int) -> None:
        self.room = room
        self.key = f"k{number}"

    def hello(self) -> Iterator[bytes]:
        return iter(())

    def hears_welcome(self, data: bytes) -> bool:
        return True

    def answers(self, data: bytes) -> Iterator[bytes]:
        return iter(())

    def update(self, text: str) -> bytes:
        return text.encode()

    def ping(self) -> bytes | None:
        return None


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def framed(data: bytes) -> bytes:
    return varint(len(data)) + data


class Yjs(Dialect):
    """y-protocols: one document a room, a map in it, a key for each writer."""

    def __init__(self, room: str, number: int) -> None:
        super().__init__(room, number)
        from pycrdt import Doc, Map

        self.doc: Any = Doc()
        self.map: Any = self.doc.get("state", type=Map)
        self.updates: list[bytes] = []
        self.subscription = self.doc.observe(lambda event: self.updates.append(event.update))

    def hello(self) -> Iterator[bytes]:
        yield self.head() + b"\x00\x00" + framed(b"\x00")

    def head(self) -> bytes:
        return b""

    def answers(self, data: bytes) -> Iterator[bytes]:
        head = self.head()
        if data.startswith(head + b"\x00\x00"):
            yield head + b"\x00\x01" + framed(b"\x00\x00")

    def update(self, text: str) -> bytes:
        self.map[self.key] = text
        update = self.updates.pop()
        self.updates.clear()
        return self.head() + b"\x00\x02" + framed(update)


class Hocuspocus(Yjs):
    is_in_at_once = False

    def head(self) -> bytes:
        return framed(self.room.encode())

    def hello(self) -> Iterator[bytes]:
        yield self.head() + b"\x02\x00" + framed(b"token")
        yield from super().hello()

    def hears_welcome(self, data: bytes) -> bool:
        return data.startswith(self.head() + b"\x00")


class Callmesh(Dialect):
    is_in_at_once = False

    def __init__(self, room: str, number: int) -> None:
        super().__init__(room, number)
        from callmesh import messages
        from callmesh.ids import CALL, ResourceId, Writer, state_of
        from callmesh.state import Entry
        from callmesh.values import encode

        self.messages, self.encode, self.entry, self.named = messages, encode, Entry, Writer
        self.call_state, self.state = CALL, state_of(ResourceId("rbench"))
        self.writer = ""
        self.owner = ""
        self.offset = 0
        self.last = 0

    def bundle(self, *given: Any) -> bytes:
        return self.messages.bundle([self.messages.encode(message) for message in given])

    def hello(self) -> Iterator[bytes]:
        yield self.bundle(self.messages.Hello(1, self.room, f"P{self.key}", "host"))

    def hears_welcome(self, data: bytes) -> bool:
        for message in self.messages.unbundle(data, limit=None):
            if isinstance(message, self.messages.Welcome):
                self.writer, self.owner = message.writer, message.person
                self.offset = message.time - time.time_ns() // 1000
                return True
        return False

    def stamp(self) -> int:
        self.last = max(self.last + 1, time.time_ns() // 1000 + self.offset)
        return self.last

    def write(self, state: str, key: str, value: Any) -> bytes:
        entry = self.entry(key, self.stamp(), self.named(self.writer), self.encode(value))
        return self.bundle(self.messages.Write([self.messages.Group(state, [entry])]))

    def begin(self) -> bytes:
        """The resource that all of them write to."""
        record = {"app": "bench", "title": "Bench", "owner": self.owner}
        return self.write(self.call_state, "resource/rbench", record)

    def update(self, text: str) -> bytes:
        return self.write(self.state, self.key, text)

    def ping(self) -> bytes | None:
        return self.bundle(self.messages.Ping(1))


DIALECTS: dict[str, Callable[[str, int], Dialect]] = {
    "callmesh": Callmesh, "hocuspocus": Hocuspocus, "yjs": Yjs, "relay": Dialect,
}  # fmt: skip


async def storm(plan: Plan) -> dict[str, Any]:
    """A room with `storm` updates of `size`; then `members` come at once, and get all of it."""

    async def come(number: int) -> Client:
        client = Client(number, DIALECTS[plan.server]("room0", number), Count())
        await ws_connect(lambda *_: client, plan.url.format(room="room0"))
        await asyncio.wait_for(client.ready.wait(), 60)
        return client

    first = await come(0)
    if isinstance(first.speak, Callmesh):
        first.transport.send(WSMsgType.BINARY, first.speak.begin())
        await asyncio.sleep(0.1)
    for number in range(plan.storm):
        first.speak.key = f"k{number}"
        first.write("x" * plan.size)
        await asyncio.sleep(0.02)
    await asyncio.sleep(plan.warm)
    print("begin", flush=True)
    before = micros()
    clients = await asyncio.gather(*(come(number + 1) for number in range(plan.members)))
    while any(client.count.updates < plan.storm for client in clients):
        await asyncio.sleep(0.005)
        if micros() - before > 60e6:
            raise SystemExit("some did not get all of it")
    passed = (micros() - before) / 1e6
    await asyncio.sleep(0.5)  # what it still does because of them
    print("end", flush=True)
    received = sum(client.count.bytes for client in clients)
    return {"seconds": passed, "bytes": received / plan.members, "updates": plan.members}


async def idle(plan: Plan) -> dict[str, Any]:
    """So many connections that do nothing."""
    print("begin", flush=True)
    clients = []
    for number in range(plan.calls * plan.members):
        room = f"room{number // plan.members}"
        client = Client(number, DIALECTS[plan.server](room, number), Count())
        await ws_connect(lambda *_, c=client: c, plan.url.format(room=room))
        await asyncio.wait_for(client.ready.wait(), 60)
        clients.append(client)
    stop = asyncio.Event()
    pinging = asyncio.create_task(pings(clients, stop))
    await asyncio.sleep(plan.warm)
    print("end", flush=True)
    await asyncio.sleep(plan.seconds)
    print("rested", flush=True)
    stop.set()
    await pinging
    return {"seconds": plan.seconds, "updates": len(clients)}


async def main(plan: Plan) -> dict[str, Any]:
    if plan.storm:
        return await storm(plan)
    if plan.writers < 0:
        return await idle(plan)
    count = Count()
    rooms: list[list[Client]] = []
    for room in range(plan.calls):
        name = f"room{room}"
        members = []
        for member in range(plan.members):
            number = room * plan.members + member
            client = Client(number, DIALECTS[plan.server](name, number), count)
            await ws_connect(lambda *_, c=client: c, plan.url.format(room=name))
            await asyncio.wait_for(client.ready.wait(), 20)
            if member == 0 and isinstance(client.speak, Callmesh):
                client.transport.send(WSMsgType.BINARY, client.speak.begin())
                await asyncio.sleep(0.02)
            members.append(client)
        rooms.append(members)
    writers = [c for members in rooms for c in members[: plan.writers or plan.members]]
    stop = asyncio.Event()
    tasks = [asyncio.create_task(pings([c for m in rooms for c in m], stop))]
    filling = "x" * plan.size
    if plan.rate:
        tasks.append(asyncio.create_task(steady(writers, plan, filling, count, stop)))
    else:
        tasks.append(asyncio.create_task(flood(writers, filling, stop)))
    await asyncio.sleep(plan.warm)
    print("begin", flush=True)
    count.__init__()  # type: ignore[misc]
    before, used = micros(), cpu()
    await asyncio.sleep(plan.seconds)
    print("end", flush=True)
    passed, used = (micros() - before) / 1e6, cpu() - used
    found = {
        "seconds": passed, "written": count.written, "updates": count.updates,
        "frames": count.frames, "bytes": count.bytes, "own_cpu": used / passed, "lag": count.lag,
        "late": percentiles(count.late),
        "expected": count.written * (plan.members - 1),
    }  # fmt: skip
    stop.set()
    await asyncio.gather(*tasks)
    return found


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def percentiles(late: list[int]) -> dict[str, float]:
    late.sort()
    if not late:
        return {}
    return {
        name: late[min(len(late) - 1, int(len(late) * part))] / 1000
        for name, part in (("p50", 0.5), ("p99", 0.99), ("most", 1.0))
    }


async def steady(
    writers: list[Client], plan: Plan, filling: str, count: Count, stop: asyncio.Event
) -> None:
    """Each writes at its own moment, `rate` times a second."""
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
            writer.write(filling)
        round_ += 1


async def flood(writers: list[Client], filling: str, stop: asyncio.Event) -> None:
    """Each writes whenever its connection takes more."""
    while not stop.is_set():
        for writer in writers:
            if writer.may_write:
                writer.write(filling)
        await asyncio.sleep(0)


async def pings(clients: list[Client], stop: asyncio.Event) -> None:
    while not stop.is_set():
        for _ in range(50):
            await asyncio.sleep(0.2)
            if stop.is_set():
                return
        for client in clients:
            if data := client.speak.ping():
                client.transport.send(WSMsgType.BINARY, data)


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main(Plan(**json.loads(sys.argv[1]))))), flush=True)
