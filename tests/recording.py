"""A disk that remembers what SQLite did to it, and can be had as a power cut leaves it.

SQLite is the one that the hub runs on, under `sqlite3` as it stands: a VFS beside its own, whose
files write down each write, truncation and sync before they do it. A cut is made afterwards, out of
what was written down: what a file had when it was synced last is there; of what came later each
piece is, or is not, or is there in part.
"""

import _sqlite3
import contextlib
import ctypes as c
import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512

_METHODS = """
    xClose xRead xWrite xTruncate xSync xFileSize xLock xUnlock xCheckReservedLock xFileControl
    xSectorSize xDeviceCharacteristics xShmMap xShmLock xShmBarrier xShmUnmap xFetch xUnfetch
""".split()
_VFS = """
    pNext zName pAppData xOpen xDelete xAccess xFullPathname xDlOpen xDlError xDlSym xDlClose
    xRandomness xSleep xCurrentTime xGetLastError xCurrentTimeInt64 xSetSystemCall xGetSystemCall
    xNextSystemCall
""".split()


class _Methods(c.Structure):
    _fields_ = [("iVersion", c.c_int), *((name, c.c_void_p) for name in _METHODS)]


class _File(c.Structure):
    _fields_ = [("pMethods", c.POINTER(_Methods))]


class _Vfs(c.Structure):
    _fields_ = [
        ("iVersion", c.c_int), ("szOsFile", c.c_int), ("mxPathname", c.c_int),
        *((name, c.c_void_p) for name in _VFS),
    ]  # fmt: skip


_FileP = c.POINTER(_File)
_OPEN = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, _FileP, c.c_int, c.c_void_p)
_DELETE = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_char_p, c.c_int)
_WRITE = c.CFUNCTYPE(c.c_int, _FileP, c.c_void_p, c.c_int, c.c_longlong)
_TRUNCATE = c.CFUNCTYPE(c.c_int, _FileP, c.c_longlong)
_SYNC = c.CFUNCTYPE(c.c_int, _FileP, c.c_int)


@dataclass(frozen=True, slots=True)
class Write:
    file: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    file: str


@dataclass(frozen=True, slots=True)
class Delete:
    file: str
    synced: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """A commit has returned: what was in it was promised."""


Step = Write | Truncate | Sync | Delete | Saved


class Recorder:
    """Connections made by `connect` write down in `steps` what they do to their files."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._names: dict[int, str] = {}
        self._kept: list[object] = []
        """What SQLite has pointers to."""
        self._library = c.CDLL(_sqlite3.__file__)
        self._library.sqlite3_vfs_find.restype = c.POINTER(_Vfs)
        own = self._library.sqlite3_vfs_find(None)
        self._vfs = _Vfs.from_buffer_copy(own.contents)
        name = c.create_string_buffer(b"recorder")
        self._vfs.zName = c.addressof(name)
        self._vfs.xOpen = self._pointer(_OPEN(self._open(own)))
        self._vfs.xDelete = self._pointer(_DELETE(self._delete(own)))
        self._kept.append(name)

    def _pointer(self, function: object) -> int | None:
        self._kept.append(function)
        return c.cast(function, c.c_void_p).value  # type: ignore[arg-type]

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        self._library.sqlite3_vfs_register(c.byref(self._vfs), 0)
        try:
            yield
        finally:
            self._library.sqlite3_vfs_unregister(c.byref(self._vfs))

    def connect(
        self, path: Path, factory: type[sqlite3.Connection] = sqlite3.Connection
    ) -> sqlite3.Connection:
        """As the storage connects. The write-ahead log is written back often."""
        db = sqlite3.connect(
            f"file:{path}?vfs=recorder", uri=True, isolation_level=None, factory=factory
        )
        db.execute("PRAGMA wal_autocheckpoint = 20")
        return db

    # --- what SQLite calls

    def _open(self, own: "c._Pointer[_Vfs]") -> Callable[..., int]:
        really = _OPEN(own.contents.xOpen)

        def x_open(
            _: object, name: int | None, file: "c._Pointer[_File]", flags: int, out: int
        ) -> int:
            code = int(really(c.addressof(own.contents), name, file, flags, out))
            if code == 0 and name:
                path = Path((c.string_at(name)).decode())
                self._names[c.addressof(file.contents)] = path.name
                self._watch(file)
            return code

        return x_open

    def _watch(self, file: "c._Pointer[_File]") -> None:
        """Put three methods before those of the file."""
        own = file.contents.pMethods.contents
        methods = _Methods.from_buffer_copy(own)
        write, truncate, sync = _WRITE(own.xWrite), _TRUNCATE(own.xTruncate), _SYNC(own.xSync)

        def x_write(file: "c._Pointer[_File]", data: int, size: int, offset: int) -> int:
            self.steps.append(Write(self._name(file), offset, c.string_at(data, size)))
            return int(write(file, data, size, offset))

        def x_truncate(file: "c._Pointer[_File]", size: int) -> int:
            self.steps.append(Truncate(self._name(file), size))
            return int(truncate(file, size))

        def x_sync(file: "c._Pointer[_File]", flags: int) -> int:
            code = int(sync(file, flags))
            self.steps.append(Sync(self._name(file)))
            return code

        methods.xWrite = self._pointer(_WRITE(x_write))
        methods.xTruncate = self._pointer(_TRUNCATE(x_truncate))
        methods.xSync = self._pointer(_SYNC(x_sync))
        self._kept += [methods, write, truncate, sync]
        file.contents.pMethods = c.pointer(methods)

    def _name(self, file: "c._Pointer[_File]") -> str:
        return self._names[c.addressof(file.contents)]

    def _delete(self, own: "c._Pointer[_Vfs]") -> Callable[..., int]:
        really = _DELETE(own.contents.xDelete)

        def x_delete(_: object, name: bytes, synced: int) -> int:
            code = int(really(c.addressof(own.contents), name, synced))
            if code == 0:
                self.steps.append(Delete(Path(name.decode()).name, bool(synced)))
            return code

        return x_delete


# --- cuts


@dataclass(slots=True)
class _Image:
    """A file: what of it is sure, and what came since."""

    sure: bytearray = field(default_factory=bytearray)
    later: list[Write | Truncate] = field(default_factory=list)
    synced: bool = False

    def sync(self) -> None:
        for step in self.later:
            _apply(self.sure, step)
        self.later.clear()
        self.synced = True


class _Folder:
    """What a disk has been told."""

    def __init__(self, before: dict[str, bytes]) -> None:
        self.files = {file: _Image(bytearray(data), [], True) for file, data in before.items()}
        self.deleted: dict[str, _Image] = {}
        """Of which that is not sure."""

    def take(self, step: Step) -> None:
        match step:
            case Sync(file):
                image = self._image(file)
                if not image.synced and file.endswith(("-journal", "-wal")):
                    self.deleted.clear()  # SQLite syncs the folder with the first sync of these
                image.sync()
            case Delete(file, synced):
                image = self.files.pop(file, _Image())  # it may be there and empty
                if not synced:
                    self.deleted[file] = image
            case Write(file) | Truncate(file):
                self._image(file).later.append(step)

    def _image(self, file: str) -> _Image:
        self.deleted.pop(file, None)
        return self.files.setdefault(file, _Image())


def cut(
    steps: list[Step], dice: random.Random, before: dict[str, bytes] | None = None
) -> tuple[dict[str, bytes], int]:
    """The files as a cut after `steps` leaves them, and how many commits had been promised."""
    folder = _Folder(before or {})
    for step in steps:
        folder.take(step)
    fates = dice.choice(
        [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (4, 1, 1), (1, 4, 1), (1, 1, 4)]
    )
    there = folder.files | {
        file: image for file, image in folder.deleted.items() if dice.random() < 0.5
    }
    left = {file: _fallen(image, fates, dice) for file, image in there.items()}
    return left, sum(isinstance(step, Saved) for step in steps)


def _fallen(image: _Image, fates: tuple[int, int, int], dice: random.Random) -> bytes:
    """What is left of a file: of each later piece all, nothing, or some of its sectors."""
    content = bytearray(image.sure)
    for step in image.later:
        (fate,) = dice.choices(["all", "nothing", "some"], fates)
        if fate == "all":
            _apply(content, step)
        elif fate == "some" and isinstance(step, Write):
            for at in range(0, len(step.data), SECTOR):
                if dice.random() < 0.5:
                    piece = step.data[at : at + SECTOR]
                    _apply(content, Write(step.file, step.offset + at, piece))
    return bytes(content)


def _apply(content: bytearray, step: Write | Truncate) -> None:
    if isinstance(step, Truncate):
        del content[step.size :]
        return
    content.extend(bytes(max(0, step.offset - len(content))))
    content[step.offset : step.offset + len(step.data)] = step.data
