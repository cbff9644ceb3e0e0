"""Apps that were added to a hub, from folders and zips: `callmesh apps`.

apps/installed.json       which there are, by id
apps/<id>-<hash>/<id>/…   the files of one version; the one before it stays for who has it open
"""

import contextlib
import fcntl
import io
import os
import secrets
import shutil
import stat
import struct
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from callmesh.app import Manifest
from callmesh.catalog import (
    BUILT_IN,
    INSTALLED,
    MAX_BYTES,
    MAX_FILES,
    Added,
    Catalog,
    added_in,
    app_files,
    read_app,
    version_folder,
)  # fmt: skip
from callmesh.errors import BadInput, BadManifest
from callmesh.folder import APPS, write_whole
from callmesh.manifest import read_manifest

MAX_RATIO = 100
"""How much larger than a zip that which is in it may be, from a mebibyte on."""
MAX_NAME = 200
"""Bytes of the path of a file."""

_DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{name}{n}" for name in ("com", "lpt") for n in range(10)),
}
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError,
            NotImplementedError, UnicodeError)  # fmt: skip


class Package:
    """The files of an app by name, out of a folder or a zip, and its manifest: all of it checked.

    Raises `BadManifest`.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        if source.is_dir():
            folder = source.resolve()
            read_app(folder)  # so that it is told of as a hub tells of it
            found = {name: path.read_bytes() for name, path in app_files(folder)}
            _check_names(source, list(found))
        else:
            found = _unpacked(source)
        self.files: Mapping[str, bytes] = found
        if "manifest.json" not in found:
            raise BadManifest(f"{source} has no manifest.json; an app is a folder with one")
        path = source / "manifest.json"
        self.manifest = read_manifest(
            found["manifest.json"], path=path, files=list(found), named=source.is_dir()
        )


def add(source: Path, data: Path, *, allow_python: bool = False) -> tuple[Manifest, str]:
    """Add the app in `source` to the hub that keeps everything in `data`, or a newer one over it.

    `allow_python`: whether Python that it brings may run here. Returns its manifest and its hash.
    Raises `BadManifest` or `BadInput`, and then nothing has changed.
    """
    package = Package(source)
    id = package.manifest.id
    if (BUILT_IN / id).is_dir():
        raise BadManifest(f"{source}: an app called {id} is built in; give this one another id")
    python = package.manifest.python
    if python and not allow_python:
        raise BadInput(
            f"{source} brings Python, {python}, which would run on this machine as the user of the "
            "hub and may do all that this user may. Nothing was added. Look at it, and where you "
            "trust it, say --allow-python"
        )
    apps = data / APPS
    with _changing(apps) as known:
        staged = apps / f".{secrets.token_hex(8)}"
        try:
            _write(staged / id, package.files)
            hash = read_app(staged / id).hash
            folder = version_folder(apps, id, hash)
            if folder.is_dir():
                shutil.rmtree(folder.parent)  # it may have been damaged
            staged.replace(folder.parent)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        last = known.get(id)
        before = last.before if last and last.hash == hash else last.hash if last else ""
        found = Added(hash, str(source.resolve()), int(time.time()), before, python != "")
        _keep(apps, {**known, id: found})
        _clear(apps, id, {hash, before})
    return package.manifest, hash


def remove(id: str, data: Path) -> None:
    """Take an app out. What is in calls stays there. Raises `BadInput` where there is none."""
    apps = data / APPS
    with _changing(apps) as known:
        if id not in known:
            there = f"there are {', '.join(sorted(known))}" if known else "none was added"
            raise BadInput(f"no app called {id} was added to {data}; {there}")
        _keep(apps, {name: found for name, found in known.items() if name != id})
        _clear(apps, id, set())


def listed(catalog: Catalog, data: Path) -> Iterator[tuple[str, ...]]:
    """Id, name, version, hash and where from of each app of a hub."""
    known = added_in(data / APPS)
    for id, app in sorted(catalog.apps.items()):
        manifest, added = app.manifest, known.get(id)
        source = str(app.folder)
        if app.folder.parent == BUILT_IN:
            source = "built in"
        elif added is not None and added.hash == app.hash:
            source = added.source
        yield id, manifest.name, manifest.version, app.hash, source


# --- the folder of apps


@contextlib.contextmanager
def _changing(apps: Path) -> Iterator[dict[str, Added]]:
    """What was added, for as long as nobody else changes it. Raises `BadInput`."""
    try:
        apps.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (apps / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield added_in(apps)
    except OSError as error:
        raise BadInput(f"{apps} cannot be changed: {error.strerror}") from error


def _keep(apps: Path, known: Mapping[str, Added]) -> None:
    write_whole(apps / INSTALLED, msgspec.json.format(msgspec.json.encode(known)) + b"\n")


def _clear(apps: Path, id: str, keep: set[str]) -> None:
    """Delete the versions of an app that nobody has open any more."""
    kept = {version_folder(apps, id, hash).parent for hash in keep if hash}
    for folder in apps.glob(f"{id}-*"):
        if (folder / id).is_dir() and folder not in kept:
            shutil.rmtree(folder)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


# --- zips


def _unpacked(source: Path) -> dict[str, bytes]:
    """The files in a zip. Raises `BadManifest`."""
    try:
        packed = source.read_bytes() if source.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise BadManifest(f"{source} cannot be read: {error.strerror}") from error
    if packed is None:
        raise BadManifest(f"{source} is too large for an app: at most {MAX_BYTES} bytes")
    if packed.count(b"PK\x01\x02") > 2 * MAX_FILES:  # before all of its table is read
        raise BadManifest(f"{source} has too many files for an app: at most {MAX_FILES}")
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            _check_members(source, members, len(packed))
            found = {
                info.filename: archive.read(info)
                for info in members
                if not _is_passed_over(info.filename)
            }
    except _DAMAGED as error:
        raise BadManifest(f"{source} is no zip that can be read: {error}") from error
    return _without_top(found)


def _check_members(source: Path, members: list[zipfile.ZipInfo], packed: int) -> None:
    """Before anything is unpacked. Raises `BadManifest`."""
    if len(members) > MAX_FILES:
        raise BadManifest(f"{source} has too many files for an app: at most {MAX_FILES}")
    size = sum(info.file_size for info in members)
    if size > MAX_BYTES:
        raise BadManifest(f"{source} unpacks to too much for an app: at most {MAX_BYTES} bytes")
    if size > max(MAX_RATIO * packed, 1024 * 1024):
        raise BadManifest(
            f"{source} unpacks to {size // packed} times its size, and may to {MAX_RATIO} times: "
            "pack it anew, of the app's own files"
        )
    for info in members:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise BadManifest(
                f"{source}: {_shown(info.filename)} is no plain file; put what a link points to in "
                "its place"
            )
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadManifest(f"{source} is packed in a rare way; pack it by deflate")
        if info.flag_bits & 1:
            raise BadManifest(f"{source} is encrypted; pack it without a password")
    _check_names(source, [info.orig_filename for info in members])


def _is_passed_over(name: str) -> bool:
    """Hidden files, and what a Mac adds."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _without_top(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without the one folder that everything is in, where there is one."""
    tops = {name.split("/")[0] for name in files}
    if "manifest.json" in files or len(tops) != 1:
        return files
    return {name.split("/", 1)[1]: content for name, content in files.items() if "/" in name}


def _check_names(source: Path, names: list[str]) -> None:
    """That the files can lie in a folder, on whatever system. Raises `BadManifest`."""
    seen: dict[str, str] = {}
    files: set[str] = set()
    for name in names:
        if wrong := _wrong_with(name):
            raise BadManifest(f"{source}: {_shown(name)} {wrong}; give it another name")
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            path, is_file = "/".join(parts[:depth]), depth == len(parts)
            folded = unicodedata.normalize("NFC", path).casefold()
            other = seen.get(folded)
            if other is not None and (other != path or is_file or folded in files):
                raise BadManifest(
                    f"{source}: {_shown(path)} and {_shown(other)} are one file on some systems; "
                    "give one another name"
                )
            seen[folded] = path
            if is_file:
                files.add(folded)


def _wrong_with(name: str) -> str:
    """Why no file should be called so; empty if it may."""
    if name.startswith("/") or "\\" in name or ":" in name:
        return "is no path within the folder"
    if not name.isprintable() or len(name.encode(errors="replace")) > MAX_NAME:
        return "has characters that are not shown, or too many"
    for part in name.split("/"):
        if part in ("", ".", ".."):
            return "is no path within the folder"
        if part.endswith((".", " ")) or part.split(".")[0].strip().lower() in _DEVICES:
            return "is a name that a system keeps for itself"
    return ""


def _shown(name: str) -> str:
    text = ascii(name)
    return text if len(text) <= 80 else f"{text[:80]}…"
