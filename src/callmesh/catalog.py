"""The apps this hub has: folders with a manifest, each served under the hash of its content."""

import hashlib
import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from callmesh.app import Manifest
from callmesh.errors import BadManifest
from callmesh.manifest import doubts, read_manifest

BUILT_IN = Path(__file__).parent / "apps"
MAX_FILES = 2_000
MAX_BYTES = 64 * 1024 * 1024

log = logging.getLogger("callmesh.hub")

Stamp: TypeAlias = tuple[int, int]
"""Of a file: when it was changed, and its size."""


@dataclass(frozen=True, slots=True)
class InstalledApp:
    manifest: Manifest
    folder: Path
    files: frozenset[str]
    hash: str
    """Of all names and contents: a change gives the app a new address."""
    problem: str = ""
    """Why the folder cannot be read as it is now, in which case this is how it was."""
    stamps: tuple[Stamp, ...] = ()
    """Of its files, in the order of their names."""


class Catalog:
    """The built-in apps, and those in `folders`.

    An app that cannot be read is left out, and `problems` says why. One that could be read before
    stays as it was: an author's slip changes nobody's rights.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._folders = list(folders)
        self.apps: dict[str, InstalledApp] = {}
        self.problems: list[BadManifest] = []
        self._good: dict[Path, InstalledApp] = {}
        self.changes = 0
        """How often the apps have become others."""
        self._seen: dict[Path, Stamp | None] = {}
        """The authors' manifests as they were read last, by folder."""
        self._told: set[str] = set()
        self._reading = threading.Lock()
        self.refresh()

    def refresh(self) -> None:
        """Read once more what an author has changed since. Logs what is wrong, once."""
        with self._reading:
            self._seen = self._stamps()
            apps: dict[str, InstalledApp] = {}
            problems: list[BadManifest] = []
            for folder in self._all_folders():
                app, problem = self._read(folder)
                if app and app.manifest.id in apps:
                    id, app = app.manifest.id, None
                    problem = BadManifest(f"{folder}: there is an app called {id} already")
                if app:
                    apps[app.manifest.id] = app
                if problem:
                    problems.append(problem)
            if (apps, [*map(str, problems)]) != (self.apps, [*map(str, self.problems)]):
                self.apps, self.problems = apps, problems  # at once: others read them meanwhile
                self.changes += 1
                self._report()

    def _read(self, folder: Path) -> tuple[InstalledApp | None, BadManifest | None]:
        """The app in a folder as it is, or was; and what is wrong with it, if something is."""
        try:
            app = self._good[folder] = read_app(folder, self._good.get(folder))
        except BadManifest as problem:
            last = self._good.get(folder)
            return last and replace(last, problem=str(problem)), problem
        return app, None

    @property
    def stale(self) -> bool:
        """Whether an author's manifest is another than when it was read: a look at each date."""
        return self._stamps() != self._seen

    def _all_folders(self) -> list[Path]:
        return [*_app_folders(BUILT_IN), *self._folders]

    def _stamps(self) -> dict[Path, Stamp | None]:
        return {folder: _stamp(folder / "manifest.json") for folder in self._folders}

    def _report(self) -> None:
        kept = {app.problem for app in self.apps.values()}
        wrong = {
            line: "not read, and kept as it was" if str(problem) in kept else "left out"
            for problem in self.problems
            for line in str(problem).splitlines()
        }
        for app in self.apps.values():
            for doubt in doubts(app.manifest):
                wrong[f"{app.folder / 'manifest.json'}: {doubt}"] = "perhaps not meant"
        for sentence, what in wrong.items():
            if sentence not in self._told:
                log.warning("%s: %s", what, sentence)
        self._told = set(wrong)

    def manifest(self, app: str) -> Manifest | None:
        found = self.apps.get(app)
        return found.manifest if found else None


def _app_folders(parent: Path) -> Iterator[Path]:
    return (path for path in sorted(parent.iterdir()) if (path / "manifest.json").is_file())


def read_app(folder: Path, last: InstalledApp | None = None) -> InstalledApp:
    """The app in `folder`; `last`, as it was read before, while none of its files has changed.

    Raises `BadManifest`.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise BadManifest(f"{folder} is no folder; an app is a folder with a manifest.json")
    try:
        files = dict(_files(folder))
        if "manifest.json" not in files:
            inside = ", ".join(found.name for found in _app_folders(folder))
            hint = f"; did you mean one in it: {inside}?" if inside else ""
            raise BadManifest(f"{folder} has no manifest.json; an app is a folder with one{hint}")
        stamps = tuple(map(_stamp_of, files.values()))
        if last and last.files == files.keys() and last.stamps == stamps:
            return last
        path = folder / "manifest.json"
        manifest = read_manifest(path.read_bytes(), path=path, files=list(files))
        found = frozenset(files)
        return InstalledApp(manifest, folder, found, _hash(files), stamps=stamps)
    except OSError as error:
        raise BadManifest(f"{folder} cannot be read: {error}") from error


def _stamp(file: Path) -> Stamp | None:
    try:
        return _stamp_of(file)
    except OSError:
        return None


def _stamp_of(file: Path) -> Stamp:
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of an app by path, without hidden ones and what a link leads out to."""
    size = count = 0
    for path in sorted(folder.rglob("*")):
        name = PurePosixPath(path.relative_to(folder)).as_posix()
        hidden = any(part.startswith(".") for part in name.split("/"))
        if hidden or not path.is_file() or not path.resolve().is_relative_to(folder):
            continue
        count, size = count + 1, size + path.stat().st_size
        if count > MAX_FILES or size > MAX_BYTES:
            raise BadManifest(
                f"{folder} is too large for an app: at most {MAX_FILES} files, {MAX_BYTES} bytes"
            )
        yield name, path


def _hash(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(len(name).to_bytes(4, "big") + name.encode() + content)
    return digest.hexdigest()[:16]
