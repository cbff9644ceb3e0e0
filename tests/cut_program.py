"""A program in a call that is cut: `python -m tests.cut_program CALL NAME`.

It does what lines of JSON on its standard input say, `[word, …]`, answers each with one on its
standard output, and leaves at their end.
"""

import asyncio
import json
import struct
import sys
import time
from pathlib import Path
from typing import Any

import callmesh
from callmesh.transfers import Transfer

RATE = 50
"""ECG messages a second, of 10 samples of 3 channels: 500 Hz."""
ECG = struct.Struct("<Id30h")
"""Number, when it was sent (milliseconds of the clock of the machine), samples."""
MARK = 0.2
"""Seconds between marks."""


def now() -> float:
    return time.time() * 1000


class Program:
    def __init__(self, call: callmesh.Call, notes: callmesh.Resource) -> None:
        self.call = call
        self.notes = notes
        self.ecg = notes.stream("ecg", mode="latest")
        self.marks = notes.stream("marks")
        self.sent: list[float] = []
        self.heard: list[tuple[int, float, float]] = []
        self.marked: dict[str, list[int]] = {}
        self.said = 0
        self.running: dict[str, asyncio.Task[None]] = {}
        self.transfer: Transfer | None = None
        self.taken = ""
        self.keep("hear", self._hear())
        self.keep("read", self._read_marks())

    def keep(self, name: str, work: Any) -> None:
        self.running[name] = asyncio.create_task(work)

    async def end(self) -> None:
        for task in self.running.values():
            task.cancel()
        await asyncio.gather(*self.running.values(), return_exceptions=True)

    async def _hear(self) -> None:
        async for message in self.ecg:
            number, sent, *_ = ECG.unpack(message.data)
            self.heard.append((number, sent, now()))

    async def _read_marks(self) -> None:
        async for message in self.marks:
            sender = self.call.participants[message.sender].name
            self.marked.setdefault(sender, []).append(message.data)

    async def _record(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            number = len(self.sent)
            self.sent.append(now())
            samples = [(number * 10 + n) % 1000 for n in range(10) for _ in range(3)]
            await self.ecg.send(ECG.pack(number, self.sent[-1], *samples))
            await asyncio.sleep(max(0, began + (number + 1) / RATE - loop.time()))

    async def _mark(self) -> None:
        while True:
            await self.marks.send(self.said)
            self.said += 1
            await asyncio.sleep(MARK)

    async def _take(self, folder: str) -> None:
        offer = await anext(aiter(self.notes.files.offers()))
        self.taken = str(await offer.save(folder))

    # --- what is said on standard input

    async def start(self, *streams: str) -> None:
        for stream in streams:
            self.keep(stream, self._record() if stream == "ecg" else self._mark())

    async def stop(self) -> None:
        for stream in ("ecg", "marks"):
            if task := self.running.pop(stream, None):
                task.cancel()

    async def look(self) -> dict[str, Any]:
        """How things stand, in short."""
        others = [one for one in self.call.participants.values() if one.id != self.call.me.id]
        way = next(iter(self.transfer.progress.values())) if self.transfer else None
        return {
            "id": self.call.me.id,
            "status": self.call.status,
            "reached": self.call.reached,
            "paths": {one.name: self.call.path(one.id) for one in others},
            "reads": len(self.marks.reaches),
            "heard": len(self.heard),
            "said": self.said,
            "marked": {name: len(numbers) for name, numbers in self.marked.items()},
            "state": dict(self.notes.state),
            "sent": way.sent if way else 0,
            "over": way.over if way else False,
            "error": str(way.error) if way and way.error else "",
            "taken": self.taken,
        }

    async def write(self, entries: dict[str, Any]) -> None:
        for key, value in entries.items():
            self.notes.state[key] = value

    async def saved(self) -> None:
        await self.notes.state.saved(timeout=60)

    async def send_file(self, path: str, to: str) -> None:
        ids = [id for id, one in self.call.participants.items() if one.name == to]
        self.transfer = await self.notes.files.send(Path(path), to=ids)

    async def take_file(self, folder: str) -> None:
        self.keep("take", self._take(folder))

    async def report(self) -> dict[str, Any]:
        """All that came, and how the ECG stands to each of the others."""
        names = {id: one.name for id, one in self.call.participants.items()}
        stats = {
            names[id]: {"dropped": one.dropped, "lost": one.lost, "late": one.late}
            for id, one in self.ecg.stats.items()
        }
        return {"sent": self.sent, "heard": self.heard, "marked": self.marked, "stats": stats}


async def main(url: str, name: str) -> None:
    async with callmesh.join(url, name=name) as call:
        await call.until(lambda: len(call.resources) == 1, timeout=60)
        program = Program(call, next(iter(call.resources.values())))
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            word, *rest = json.loads(line)
            print(json.dumps(await getattr(program, word)(*rest)), flush=True)
        await program.end()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
