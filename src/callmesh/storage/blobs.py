"""The bytes of kept files on disk: a folder per call, in it each content once, named by its hash.

What is not whole has the name of who brings it, and is renamed once it is on disk and its hash is
right; so nothing that is half there is ever taken for a file. All of it blocks.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from callmesh.errors import Broken, StorageFailed
from callmesh.ids import CallId, is_call_id

PART = ".part"
BLOCK = 1024 * 1024
"""Bytes that are hashed at once."""
RESUMED = 3600.0
"""Seconds after which nobody goes on any more with what is not whole."""


class Blobs:
    """Raises `StorageFailed` where the disk refuses."""

    def __init__(self, folder: Path | None = None) -> None:
        """Without a folder they lie in a temporary one, as long as this lives."""
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._folder = folder
        self._folders = threading.Lock()
        """Held while a folder is made and gets its first file, and while an empty one goes."""
        self._counting = threading.Lock()
        self._used: int | None = None
        """Bytes of all that lies here; None before they were counted."""

    @property
    def folder(self) -> Path:
        if self._folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="callmesh-")
            self._folder = Path(self._temporary.name)
        return self._folder

    def close(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary, self._folder = None, None

    def _of(self, call: CallId) -> Path:
        """Its folder. Where a file system knows no capitals, two calls have two all the same."""
        return self.folder / "".join(f"+{c.lower()}" if c.isupper() else c for c in call)

    def calls(self) -> list[CallId]:
        """Those of which there is something."""
        with _asking():
            if self._folder is None or not self._folder.is_dir():
                return []
            names = [file.name for file in self._folder.iterdir() if file.is_dir()]
        calls = ["".join(c.upper() if n and m[n - 1] == "+" else c for n, c in enumerate(m))
                 .replace("+", "") for m in names]  # fmt: skip
        return [CallId(call) for call in calls if is_call_id(call)]

    @property
    def used(self) -> int:
        """Bytes of all that lies here, as far as they were counted."""
        return self._used or 0

    def count(self, *, anew: bool = False) -> None:
        """Count what lies here, unless it was counted already."""
        if self._used is not None and not anew:
            return
        with _asking():
            folder = self._folder
            found: Iterable[Path] = ()
            if folder is not None and folder.is_dir():
                found = folder.glob("*/*")
            self._used = sum(_size(file) for file in found)

    def _more(self, bytes: int) -> None:
        with self._counting:
            if self._used is not None:
                self._used = max(0, self._used + bytes)

    # --- bringing

    def begun(self, call: CallId, part: str) -> int:
        """How much of something is there."""
        with contextlib.suppress(FileNotFoundError), _asking():
            return (self._of(call) / f"{part}{PART}").stat().st_size
        return 0

    def append(self, call: CallId, part: str, at: int, data: bytes) -> None:
        """Put bytes where they belong, and cut off what there was behind it."""
        with _writing():
            folder = self._of(call)
            with self._folders:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                file = os.open(folder / f"{part}{PART}", os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(file, "wb") as open_file:
                self._more(at - os.fstat(file).st_size)
                open_file.truncate(at)
                open_file.seek(at)
                open_file.write(data)
                self._more(len(data))

    def finish(self, call: CallId, part: str, size: int, sha256: str) -> None:
        """All is there. Raises `Broken`, and lets go of it, where it is something else."""
        with _writing():
            folder = self._of(call)
            path = folder / f"{part}{PART}"
            with path.open("r+b") as file:
                found = hashlib.sha256()
                while block := file.read(BLOCK):
                    found.update(block)
                if found.hexdigest() != sha256 or file.tell() != size:
                    self._more(-_size(path))
                    path.unlink()
                    raise Broken("what came is not what was announced: its hash is another")
                os.fsync(file.fileno())
            self._more(-_size(folder / sha256))  # the same content, which was there already
            path.replace(folder / sha256)
            _sync(folder)
            _sync(folder.parent)

    # --- fetching

    def open(self, call: CallId, sha256: str) -> BinaryIO | None:
        """Its bytes; None where they are gone."""
        with contextlib.suppress(FileNotFoundError), _asking():
            return (self._of(call) / sha256).open("rb")
        return None

    # --- letting go

    def drop_part(self, call: CallId, part: str) -> None:
        with contextlib.suppress(OSError):
            path = self._of(call) / f"{part}{PART}"
            size = _size(path)
            path.unlink()
            self._more(-size)

    def sweep(
        self, call: CallId, hashes: Collection[str], parts: Collection[str], spare: int
    ) -> int:
        """Let go of all but these, and of what somebody may go on with; how many went.

        Of that, what came last stays, and not more than `spare` bytes.
        """
        gone = 0
        folder, now = self._of(call), time.time()
        with contextlib.suppress(FileNotFoundError), _asking():
            left: list[tuple[float, int, Path]] = []
            for file in list(folder.iterdir()):
                name = file.name.removesuffix(PART)
                if name in (parts if file.suffix == PART else hashes):
                    continue
                with contextlib.suppress(FileNotFoundError):  # it went by itself
                    there = file.stat()
                    resumed = file.suffix == PART and abs(now - there.st_mtime) < RESUMED
                    left.append((there.st_mtime if resumed else -1, there.st_size, file))
            for moved, size, file in sorted(left, reverse=True):
                spare -= size
                if moved < 0 or spare < 0:
                    file.unlink(missing_ok=True)
                    self._more(-size)
                    gone += 1
            with self._folders:
                if not any(folder.iterdir()):
                    folder.rmdir()
        return gone

    def forget(self, call: CallId) -> None:
        """All of a call, which was deleted."""
        if self._folder is None:
            return
        with contextlib.suppress(FileNotFoundError), _asking():
            size = sum(_size(file) for file in self._of(call).iterdir())
            shutil.rmtree(self._of(call))
            self._more(-size)


def _size(file: Path) -> int:
    """0 where it is not there."""
    with contextlib.suppress(FileNotFoundError):
        return file.stat().st_size
    return 0


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageFailed(f"kept files cannot be reached: {error.strerror}") from error


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the hub's disk is full" if full else f"the hub's disk refuses: {error.strerror}"
        what = f"the file cannot be kept: {why}; send it while they are here"
        raise StorageFailed(what) from error
