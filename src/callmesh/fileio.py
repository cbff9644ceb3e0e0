"""Where the bytes of a file come from, and where they go: memory, or the disk beside the loop."""

import asyncio
import hashlib
import os
import threading
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol

from callmesh.errors import Broken, CallmeshError, StorageFailed, WouldBlock
from callmesh.files import Incoming

BLOCK = 1024 * 1024
"""Bytes that are hashed at once."""
MAX_SAME = 1_000
"""Files of one name in a folder."""


class Source(Protocol):
    size: int

    async def read(self, at: int, size: int) -> bytes:
        """Exactly so many bytes. Raises `StorageFailed`."""
        ...

    async def sha256(self) -> str: ...
    def close(self) -> None: ...


class Memory:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    async def read(self, at: int, size: int) -> bytes:
        return self._data[at : at + size]

    async def sha256(self) -> str:
        return (await asyncio.to_thread(hashlib.sha256, self._data)).hexdigest()

    def close(self) -> None: ...


class Disk:
    """A file that is read as it is needed. Raises `StorageFailed`."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise StorageFailed(f"{path} cannot be read: {error}") from error
        self.size = os.fstat(self._file.fileno()).st_size
        self._one_reads = threading.Lock()
        """There is one place in the file, and receivers read at places of their own."""

    async def read(self, at: int, size: int) -> bytes:
        return await asyncio.to_thread(self._read, at, size)

    def _read(self, at: int, size: int) -> bytes:
        try:
            with self._one_reads:
                self._file.seek(at)
                data = self._file.read(size)
        except (OSError, ValueError) as error:
            raise StorageFailed(f"the file cannot be read: {error}") from error
        if len(data) != size:
            raise StorageFailed("the file is shorter than it was")
        return data

    async def sha256(self) -> str:
        def digest() -> str:
            found = hashlib.sha256()
            for at in range(0, self.size, BLOCK):
                found.update(self._read(at, min(BLOCK, self.size - at)))
            return found.hexdigest()

        return await asyncio.to_thread(digest)

    def close(self) -> None:
        self._file.close()


class Sink(Protocol):
    async def begin(self, size: int) -> int:
        """How many bytes of so many are there already."""
        ...

    async def write(self, data: bytes) -> None:
        """The next bytes. Raises `StorageFailed`."""
        ...

    async def finish(self, sha256: str) -> None:
        """All is there. Raises `Broken` where it is not what it should be."""
        ...

    def close(self) -> None:
        """Nothing more comes; what is there may be gone on with. Twice is fine."""
        ...


class Taker(Protocol):
    """Brings what was offered: from its sender, or from the hub."""

    async def take(self, incoming: Incoming, sink: Sink, timeout: float | None) -> None:
        """Let it come into `sink`, to its end. Raises why it did not."""
        ...

    def close(self, incoming: Incoming, why: CallmeshError | None) -> None:
        """It is over: its sender is told."""
        ...


class Buffer:
    """Memory that is filled."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._hash = hashlib.sha256()
        self.data = b""

    async def begin(self, size: int) -> int:
        return 0

    async def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._parts.append(data)

    async def finish(self, sha256: str) -> None:
        data, self._parts = b"".join(self._parts), []
        check(self._hash.hexdigest(), sha256)
        self.data = data

    def close(self) -> None:
        self._parts.clear()


class PartFile:
    """A file on disk, which has another name until it is whole.

    `where` is a folder, or the file itself, which is replaced. What was not whole stays beside it
    as `<name>.<start of the hash>.part`, and is gone on with the next time.
    """

    busy: ClassVar[set[Path]] = set()
    """Those that are being written in this process."""

    def __init__(self, where: Path, name: str, sha256: str) -> None:
        self._replace = not where.is_dir()
        self._folder = where.parent if self._replace else where
        self._name = where.name if self._replace else name
        self._part = (self._folder / f"{self._name}.{sha256[:12]}.part").absolute()
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._mine = False
        """Whether it is this one that makes it busy."""
        self.path = where

    async def begin(self, size: int) -> int:
        if self._part in self.busy:
            raise WouldBlock(f"{self._name} is coming to this folder already")
        self.busy.add(self._part)
        self._mine = True
        try:
            return await asyncio.to_thread(self._begin, size)
        except OSError as error:
            self.close()
            raise StorageFailed(f"{self._part} cannot be written: {error}") from error

    def _begin(self, size: int) -> int:
        self._file = self._part.open("a+b")
        there = self._file.seek(0, os.SEEK_END)
        if there > size:
            self._file.truncate(0)
            return 0
        self._file.seek(0)
        while block := self._file.read(BLOCK):
            self._hash.update(block)
        return there

    async def write(self, data: bytes) -> None:
        try:
            await asyncio.to_thread(self._write, data)
        except (OSError, ValueError) as error:
            raise StorageFailed(f"{self._part} cannot be written: {error}") from error

    def _write(self, data: bytes) -> None:
        if self._file is None:
            raise ValueError("it was closed")
        self._hash.update(data)
        self._file.write(data)

    async def finish(self, sha256: str) -> None:
        try:
            await asyncio.to_thread(self._finish, sha256)
        except OSError as error:
            raise StorageFailed(f"{self._name} cannot be written: {error}") from error

    def _finish(self, sha256: str) -> None:
        """It has its name once all of it is on disk, and keeps it when the power goes."""
        try:
            check(self._hash.hexdigest(), sha256)
            if self._file is not None:
                self._file.flush()
                os.fsync(self._file.fileno())
        except Broken:
            self.close()
            self._part.unlink()
            raise
        self.close()
        self.path = self._place()
        _sync_names(self._folder)

    def _place(self) -> Path:
        """Give it its name: that of no other file, where a folder was named."""
        if self._replace:
            return self._part.replace(self._folder / self._name)
        stem, dot, ending = self._name.rpartition(".")
        if not dot:
            stem, ending = self._name, ""
        for number in range(MAX_SAME):
            there = self._folder / (f"{stem} ({number}){dot}{ending}" if number else self._name)
            try:
                there.touch(exist_ok=False)
            except FileExistsError:
                continue
            return self._part.replace(there)
        raise StorageFailed(f"there are too many files named {self._name}")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._mine:
            self.busy.discard(self._part)
            self._mine = False


def _sync_names(folder: Path) -> None:
    """Also what the files in it are called is on disk now, where a system can say so."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def as_told(error: Exception, what: str) -> CallmeshError:
    """An error that nobody thought of, as it is raised where somebody waits."""
    if isinstance(error, CallmeshError):
        return error
    told = Broken(f"{what}: {error!r}")
    told.__cause__ = error
    return told


def check(found: str, wanted: str) -> None:
    if found != wanted:
        raise Broken("what came is not what was offered: its hash is another")
