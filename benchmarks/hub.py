"""A hub in a process of its own, a resource to write to, and what the hub takes of memory and disk.

What is measured is what `/proc/<pid>/smaps_rollup` says: Linux only.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import callmesh
from callmesh.ids import StateId, state_of
from tests.processes import HubProcess

APP = Path(__file__).parent / "bench"
DATABASE = "callmesh.sqlite"
UNLIMITED = {"writes_per_second": 1_000_000, "write_burst": 10_000_000}
"""What is measured is the hub, not how it holds back a flood."""


class Hub:
    """`callmesh serve --dev` with the app that benchmarks write to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = HubProcess(folder, apps=(APP,), limits=UNLIMITED)

    @property
    def pid(self) -> int:
        return self._process.process.pid

    def call(self, id: str) -> str:
        """The address of a call."""
        return self._process.call(id)

    def memory(self) -> "Memory":
        return read_memory(self.pid)

    def disk(self) -> "Disk":
        """How large the files of the database are."""
        database, log = (self._folder / f"{DATABASE}{end}" for end in ("", "-wal"))
        return Disk(database.stat().st_size, log.stat().st_size if log.exists() else 0)

    def end(self) -> str:
        """Stop it; what it complained of."""
        return self._process.end()


@contextlib.contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub over an empty folder. Raises `RuntimeError` if it complained of anything."""
    with TemporaryDirectory(prefix="callmesh-bench-") as folder:
        hub = Hub(Path(folder))
        try:
            yield hub
        finally:
            said = hub.end()
        if said:
            raise RuntimeError(f"the hub complained: {said}")


async def add_resource(call: str) -> StateId:
    """A resource in a call; where its state is."""
    async with callmesh.join(call, name="Adder", role="host", rtc=False) as adder:
        resource = await adder.resources.add("bench")
        await adder.state.saved()
        return state_of(resource.id)


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a process, in bytes."""

    rss: int
    pss: int
    uss: int
    """What is its own alone, and would be free without it."""


def read_memory(pid: int) -> Memory:
    fields: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size, *_ = line.split()
        fields[name.rstrip(":")] = int(size) * 1024
    own = fields["Private_Clean"] + fields["Private_Dirty"]
    return Memory(fields["Rss"], fields["Pss"], own)


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of the database, and of its write-ahead log."""

    database: int
    log: int


def unread(pid: int) -> int:
    """Bytes that the kernel holds for the peers of a process: sent by it, and not taken yet."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(link.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    total = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes:
            total += int(fields[4].split(":")[0], 16)
    return total
