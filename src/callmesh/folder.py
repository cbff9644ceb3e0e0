"""The folder in which a hub keeps everything, and that one hub at a time has it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

DATABASE = "callmesh.sqlite"
FILES = "files"
"""The folder of files that are kept for those who are away."""
LOCK = "lock"
APPS = "apps"
"""The folder of the apps that were added."""
CURSORS = "webhooks.json"


class CannotStart(Exception):
    """Why the hub does not start, and what to do."""


class AlreadyRunning(CannotStart):
    """A hub keeps its calls in the same folder."""


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file: after a power cut it is whole, or as it was. Raises `OSError`."""
    half_made = file.with_name(f"{file.name}.new")
    half_made.touch(mode=0o600)
    with half_made.open("wb") as new:
        new.write(content)
        new.flush()
        os.fsync(new.fileno())
    half_made.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other hubs out of `folder`, for as long as this process lives. Raises `CannotStart`."""
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = stack.enter_context((folder / LOCK).open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(
                f"another hub keeps its calls in {folder}; stop it, or choose another --data"
            ) from error
        except OSError as error:
            raise CannotStart(f"{folder} cannot hold the hub's data: {error.strerror}") from error
        yield


def is_running(folder: Path) -> bool:
    """Whether a hub keeps its calls in `folder` now."""
    try:
        with alone_in(folder):
            return False
    except AlreadyRunning:
        return True
