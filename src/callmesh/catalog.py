"""The apps this hub has: folders with a manifest, each served under the hash of its content."""

import contextlib
import hashlib
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias

import msgspec

from callmesh.app import Manifest
from callmesh.errors import BadManifest
from callmesh.manifest import doubts, read_manifest

BUILT_IN = Path(__file__).parent / "apps"
INSTALLED = "installed.json"
"""In the folder of the apps that were added: which there are (`Added`), by id."""
MAX_VERSIONS = 4
"""Of one app that frames may still have open."""
MAX_FILES = 2_000
MAX_BYTES = 64 * 1024 * 1024

log = logging.getLogger("callmesh.hub")

Stamp: TypeAlias = tuple[int, int]
"""Of a file: when it was changed, and its size."""


class Added(msgspec.Struct, frozen=True):
    """An app that was added to a hub."""

    hash: str
    source: str
    """Where it was."""
    time: int
    """When, in seconds since the epoch."""
    before: str = ""
    """The hash of the version that was there before, for who has it open."""
    python: bool = False
    """Whether the operator has allowed this version to run its Python half."""


def added_in(apps: Path) -> dict[str, Added]:
    """What was added to the hub whose apps are in `apps`, by id. Raises `BadManifest`."""
    file = apps / INSTALLED
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Added])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadManifest(f"{file} cannot be read: {error}; add the apps again") from error


def version_folder(apps: Path, id: str, hash: str) -> Path:
    """Where one version of an app that was added lies."""
    return apps / f"{id}-{hash}" / id


@dataclass(frozen=True, slots=True)
class InstalledApp:
    manifest: Manifest
    folder: Path
    files: frozenset[str]
    hash: str
    """Of all names and contents: a change gives the app a new address."""
    runs: bool = True
    """Whether its Python half may run: that of an app that was added, where that was allowed."""
    problem: str = ""
    """Why the folder cannot be read as it is now, in which case this is how it was."""
    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    """Of its files."""

    def file(self, name: str) -> Path | None:
        """Where a file of it is; None where there is none, or it is another by now (A10)."""
        path = self.folder / name
        return path if name in self.files and _stamp(path) == self.stamps[name] else None


class Catalog:
    """The built-in apps, those in `folders`, and those that were added to `installed`.

    An app that cannot be read is left out, and `problems` says why. One that could be read before
    stays as it was: an author's slip changes nobody's rights.
    """

    def __init__(self, folders: Iterable[Path] = (), installed: Path | None = None) -> None:
        self._folders = list(folders)
        self._installed = installed
        self._versions: dict[tuple[str, str], InstalledApp] = {}
        """What frames may have open, the newest last."""
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
            added, before, allowed = self._added(problems)
            for folder, hash in before.items():
                with contextlib.suppress(BadManifest):
                    self._serve(_as_added(read_app(folder), hash))
            for folder, hash in [*self._all_folders(), *added.items()]:
                app, problem = self._read(folder, hash)
                if app and hash and folder not in allowed:
                    app = replace(app, runs=False)
                if app and app.manifest.id in apps:
                    id, app = app.manifest.id, None
                    problem = BadManifest(f"{folder}: there is an app called {id} already")
                if app:
                    apps[app.manifest.id] = app
                    self._serve(app)
                if problem:
                    problems.append(problem)
            if (apps, [*map(str, problems)]) != (self.apps, [*map(str, self.problems)]):
                self.apps, self.problems = apps, problems  # at once: others read them meanwhile
                self.changes += 1
                self._report()

    def _added(
        self, problems: list[BadManifest]
    ) -> tuple[dict[Path, str], dict[Path, str], set[Path]]:
        """The folders of the apps that were added, and of the versions before, with their hashes;

        and the folders of those whose Python may run.
        """
        apps = self._installed
        if apps is None:
            return {}, {}, set()
        try:
            known = added_in(apps)
        except BadManifest as problem:
            problems.append(problem)
            return {}, {}, set()
        now = {version_folder(apps, id, one.hash): one.hash for id, one in known.items()}
        earlier = [(id, one.before) for id, one in known.items() if one.before]
        allowed = {version_folder(apps, id, one.hash) for id, one in known.items() if one.python}
        return now, {version_folder(apps, id, hash): hash for id, hash in earlier}, allowed

    def _serve(self, app: InstalledApp) -> None:
        """Hand out the files of this version, and for a while of those before it."""
        id, key = app.manifest.id, (app.manifest.id, app.hash)
        self._versions.pop(key, None)
        self._versions[key] = app
        for old in [key for key in self._versions if key[0] == id][:-MAX_VERSIONS]:
            del self._versions[old]

    def version(self, id: str, hash: str) -> InstalledApp | None:
        """An app as it is, or was when a page was given this address of it."""
        return self._versions.get((id, hash))

    def _read(self, folder: Path, hash: str) -> tuple[InstalledApp | None, BadManifest | None]:
        """The app in a folder as it is, or was; and what is wrong with it, if something is."""
        try:
            app = self._good[folder] = _as_added(read_app(folder, self._good.get(folder)), hash)
        except BadManifest as problem:
            last = self._good.get(folder)
            return last and replace(last, problem=str(problem)), problem
        return app, None

    @property
    def stale(self) -> bool:
        """Whether an author's manifest is another than when it was read: a look at each date."""
        return self._stamps() != self._seen

    def _all_folders(self) -> list[tuple[Path, str]]:
        return [(folder, "") for folder in (*_app_folders(BUILT_IN), *self._folders)]

    def _stamps(self) -> dict[Path, Stamp | None]:
        stamps = {folder: _stamp(folder / "manifest.json") for folder in self._folders}
        if self._installed is not None:
            stamps[self._installed] = _stamp(self._installed / INSTALLED)
        return stamps

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


def _as_added(app: InstalledApp, hash: str) -> InstalledApp:
    """Raises `BadManifest` where an app that was added is not what it was then."""
    if hash and app.hash != hash:
        raise BadManifest(f"{app.folder} was changed after the app was added; add it again")
    return app


def read_app(folder: Path, last: InstalledApp | None = None) -> InstalledApp:
    """The app in `folder`; `last`, as it was read before, while none of its files has changed.

    Raises `BadManifest`.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise BadManifest(f"{folder} is no folder; an app is a folder with a manifest.json")
    try:
        files = dict(app_files(folder))
        if "manifest.json" not in files:
            inside = ", ".join(found.name for found in _app_folders(folder))
            hint = f"; did you mean one in it: {inside}?" if inside else ""
            raise BadManifest(f"{folder} has no manifest.json; an app is a folder with one{hint}")
        stamps = {name: _stamp_of(path) for name, path in files.items()}
        if last and last.stamps == stamps:
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


def app_files(folder: Path) -> Iterator[tuple[str, Path]]:
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
