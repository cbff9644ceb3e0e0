"""The apps this hub has: folders with a manifest, each served under the hash of its content."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from callmesh.app import Manifest, read_manifest
from callmesh.errors import BadManifest

BUILT_IN = Path(__file__).parent / "apps"
MAX_FILES = 2_000
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class InstalledApp:
    manifest: Manifest
    folder: Path
    files: frozenset[str]
    hash: str
    """Of all names and contents: a change gives the app a new address."""


class Catalog:
    """The built-in apps, and those in `folders`.

    An app that cannot be read is left out, and `problems` says why.
    """

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._folders = list(folders)
        self.apps: dict[str, InstalledApp] = {}
        self.problems: list[BadManifest] = []
        self.refresh()

    def refresh(self) -> None:
        """Read everything once more: an author has changed an app."""
        self.apps, self.problems = {}, []
        for folder in [*_app_folders(BUILT_IN), *self._folders]:
            try:
                app = read_app(folder)
                if app.manifest.id in self.apps:
                    raise BadManifest(f"{folder}: there is an app called {app.manifest.id} already")
                self.apps[app.manifest.id] = app
            except BadManifest as problem:
                self.problems.append(problem)

    def manifest(self, app: str) -> Manifest | None:
        found = self.apps.get(app)
        return found.manifest if found else None


def _app_folders(parent: Path) -> Iterator[Path]:
    return (path for path in sorted(parent.iterdir()) if (path / "manifest.json").is_file())


def read_app(folder: Path) -> InstalledApp:
    """The app in `folder`. Raises `BadManifest`."""
    folder = folder.resolve()
    if not folder.is_dir():
        raise BadManifest(f"{folder} is no folder; an app is a folder with a manifest.json")
    try:
        files = dict(_files(folder))
        if "manifest.json" not in files:
            inside = ", ".join(found.name for found in _app_folders(folder))
            hint = f"; did you mean one in it: {inside}?" if inside else ""
            raise BadManifest(f"{folder} has no manifest.json; an app is a folder with one{hint}")
        manifest = read_manifest(
            files["manifest.json"].read_bytes(), folder=folder.name, files=list(files)
        )
        return InstalledApp(manifest, folder, frozenset(files), _hash(files))
    except OSError as error:
        raise BadManifest(f"{folder} cannot be read: {error}") from error


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
