"""`callmesh doctor`: what keeps a hub with these settings from working well, and what to do."""

import asyncio
import contextlib
import errno
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from callmesh.address import is_loopback
from callmesh.auth import SECRET_BYTES
from callmesh.catalog import Catalog
from callmesh.errors import BadInput
from callmesh.folder import APPS, DATABASE, LOCK, AlreadyRunning, CannotStart, alone_in
from callmesh.guard import ApiKey
from callmesh.icesettings import ice_servers
from callmesh.ids import ParticipantId
from callmesh.pages import PAGE
from callmesh.serving import is_plain, listen
from callmesh.settings import Settings
from callmesh.storage.sqlite import STEPS
from callmesh.tokens import Key, recipe

FINE, WARNING, WRONG = "✓", "!", "✗"
NETWORKED = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "sshfs"}
"""File systems on which SQLite's log is not safe: its memory is shared on one machine alone."""
LITTLE_SPACE = 1024**3
NO_SPACE = 64 * 1024**2
REMEDIES = {
    errno.ENOSPC: "make room there: a full disk keeps calls from being saved",
    errno.EDQUOT: "give the user that runs the hub a larger quota",
    errno.EROFS: "mount it for writing; the kernel's log says so where it made it read-only itself",
    errno.EACCES: "give it to the user that runs the hub",
    errno.EPERM: "give it to the user that runs the hub",
    errno.ENOTDIR: "move away the file that stands there",
}
"""What to do about a folder that cannot be written."""
ICE_REMEDY = (
    "see that it runs and is reached from here; coturn needs use-auth-secret, and in "
    "static-auth-secret what is in the file of turn_secret"
)
LONG_AGO = 1_767_225_600
"""2026-01-01: no clock that is right says less."""


@dataclass(frozen=True, slots=True)
class Finding:
    mark: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.mark} {self.what}" + (f"\n    {self.remedy}" if self.remedy else "")


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything there is to say, the sound things too. Leaves nothing behind."""
    for check in CHECKS:
        yield from check(settings)


# --- what is installed


def python(settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(FINE, f"Python {version}, SQLite {sqlite3.sqlite_version}")


def libraries(settings: Settings) -> Iterator[Finding]:
    known = []
    for needed in importlib.metadata.requires("callmesh") or []:
        found = re.fullmatch(r"([\w.-]+)(?:\[\w+\])?>=([\d.]+)", needed)
        if found is None:
            continue  # of an extra
        name, least = found[1], found[2]
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = ""
        if _numbers(version) < _numbers(least):
            said = f"{name} {version} is too old" if version else f"{name} is missing"
            yield Finding(WRONG, said, f"pip install '{name}>={least}'")
        known.append(f"{name} {version}")
    yield Finding(FINE, f"callmesh {importlib.metadata.version('callmesh')}; {', '.join(known)}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def extras(settings: Settings) -> Iterator[Finding]:
    if importlib.util.find_spec("aiortc"):
        yield Finding(FINE, "callmesh[rtc] is installed: Python programs connect directly")
    else:
        yield Finding(
            WARNING, "callmesh[rtc] is not installed: streams of Python programs go by the hub",
            "pip install 'callmesh[rtc]', where such programs run",
        )  # fmt: skip


def page(settings: Settings) -> Iterator[Finding]:
    if (PAGE / "index.html").is_file() and (PAGE / "sdk" / "app.js").is_file():
        yield Finding(FINE, "the call page is built")
    else:
        yield Finding(WRONG, "the call page is not built", "make page, or install the wheel")


def apps(settings: Settings) -> Iterator[Finding]:
    catalog = Catalog(settings.apps, settings.data / APPS)
    for problem in catalog.problems:
        yield Finding(WRONG, f"an app is left out: {problem}", "mend it, or leave it out of apps")
    yield Finding(FINE, f"apps: {', '.join(sorted(catalog.apps))}")
    yield from _halves(settings, catalog)


def _halves(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    """Apps that run Python here."""
    apps = [app for _, app in sorted(catalog.apps.items()) if app.manifest.python]
    running = ", ".join(app.manifest.id for app in apps if app.runs and settings.python)
    idle = ", ".join(app.manifest.id for app in apps if not (app.runs and settings.python))
    if running and os.geteuid() == 0:
        yield Finding(
            WARNING, f"Python halves of apps run as root: {running}",
            "run the hub as a user of its own, or set python = false",
        )  # fmt: skip
    elif running:
        yield Finding(FINE, f"Python halves of apps run as this user: {running}")
    if idle:
        remedy = "add them with --allow-python" if settings.python else "set python = true"
        yield Finding(WARNING, f"these apps have Python that does not run: {idle}", remedy)


# --- where calls are kept


def folder(settings: Settings) -> Iterator[Finding]:
    existing = next(p for p in (settings.data, *settings.data.absolute().parents) if p.exists())
    trial = existing / f".callmesh-doctor-{os.getpid()}"
    try:
        with trial.open("xb") as file:
            file.write(b"x" * 4096)
            file.flush()
            began = time.monotonic()
            os.fsync(file.fileno())
            took, touched = time.monotonic() - began, os.stat(file.fileno()).st_mtime
        ahead = time.time() - touched
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0, "look at that disk")
        what = f"{existing} cannot be written and synced: {error.strerror}"
        yield Finding(WRONG, what, f"{remedy}, or choose another data folder")
        return
    finally:
        with contextlib.suppress(OSError):
            trial.unlink()
    yield from _sync(existing, took)
    yield from _clock(ahead)
    yield from _space(existing)


def _sync(existing: Path, took: float) -> Iterator[Finding]:
    kind = _file_system(existing)
    if kind in NETWORKED:
        yield Finding(
            WRONG, f"{existing} is on {kind}, where SQLite can lose or damage calls",
            "keep the data on a disk of this machine",
        )  # fmt: skip
    elif kind in ("tmpfs", "ramfs"):
        yield Finding(
            WARNING, f"{existing} is on {kind}: calls end with the machine", "choose a disk"
        )
    elif took > 0.1:
        yield Finding(
            WARNING, f"a sync of {existing} took {took:.2f} s, and every commit waits for it",
            "look at what else uses this disk, or choose a faster one",
        )  # fmt: skip
    else:
        yield Finding(FINE, f"{existing} can be written; a sync took {took * 1000:.1f} ms ({kind})")


def _file_system(path: Path) -> str:
    """What kind of file system holds `path`, as /proc/mounts has it; `?` where there is none."""
    mounts, best = Path("/proc/mounts"), ("", "?")
    if mounts.exists():
        for line in mounts.read_text(errors="replace").splitlines():
            _, point, kind, *_ = line.split(" ")
            if path.resolve().is_relative_to(point) and len(point) >= len(best[0]):
                best = (point, kind)
    return best[1].removeprefix("fuse.")


def _clock(ahead: float) -> Iterator[Finding]:
    remedy = "set the clock, and keep it right with NTP"
    said = time.strftime("the clock says %Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if time.time() < LONG_AGO:
        yield Finding(WRONG, said, remedy)
    elif abs(ahead) > 2:
        what = f"the clock and that of the file system differ by {abs(ahead):.0f} s"
        yield Finding(WARNING, what, remedy)
    else:
        yield Finding(
            FINE, f"the clock says {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime())}"
        )


def _space(existing: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(existing).free
    said = f"{free / 1024**3:.1f} GiB are free for calls"
    if free < LITTLE_SPACE:
        mark = WRONG if free < NO_SPACE else WARNING
        yield Finding(mark, said, "make room: a full disk keeps calls from being saved")
    else:
        yield Finding(FINE, said)


def database(settings: Settings) -> Iterator[Finding]:
    file = settings.data / DATABASE
    if not file.exists():
        yield Finding(FINE, f"no calls are kept in {settings.data} yet")
        return
    try:
        with contextlib.closing(_opened(file)) as db:
            found = [row[0] for row in db.execute("PRAGMA quick_check(3)")]
            version: int = db.execute("PRAGMA user_version").fetchone()[0]
            calls = db.execute("SELECT count(*) FROM call").fetchone()[0] if version else 0
    except sqlite3.Error as error:
        yield Finding(WRONG, f"{file} cannot be read: {error}", "put back a backup of it")
        return
    if found != ["ok"]:
        yield Finding(WRONG, f"{file} is damaged: {found[0]}", "put back a backup of it")
    elif version > len(STEPS):
        yield Finding(WRONG, f"{file} was written by a later callmesh", "upgrade callmesh")
    else:
        kept = "1 call" if calls == 1 else f"{calls} calls"
        yield Finding(FINE, f"{file} is sound: {kept}")


def _opened(file: Path) -> sqlite3.Connection:
    """To read. Makes no files beside it, which might belong to another user than the hub's."""
    how = "mode=ro" if Path(f"{file}-wal").exists() else "immutable=1"
    return sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True, timeout=5)


# --- who comes in


def record(settings: Settings) -> Iterator[Finding]:
    file = settings.data / DATABASE
    if file.exists():
        yield from _private(file, "it holds what is in every call, and the audit log")


def secret(settings: Settings) -> Iterator[Finding]:
    file = settings.data / "secret"
    if not file.exists():
        yield Finding(FINE, "the hub's secret is made at the first start")
        return
    try:
        size = len(file.read_bytes())
    except OSError as error:
        remedy = "give it to the user that runs the hub"
        yield Finding(WRONG, f"{file} cannot be read: {error.strerror}", remedy)
        return
    if size != SECRET_BYTES:
        yield Finding(
            WRONG, f"{file} is no hub's secret", "put it back, or delete it for a new one"
        )
    else:
        yield from _private(file, "whoever reads it can be anybody who was here")


def _private(file: Path, why: str) -> Iterator[Finding]:
    if file.stat().st_mode & 0o077:
        yield Finding(WRONG, f"others on this machine may read {file}: {why}", f"chmod 600 {file}")
    else:
        yield Finding(FINE, f"{file} is for its owner alone")


def key(settings: Settings) -> Iterator[Finding]:
    if settings.key is None:
        if settings.dev:
            yield Finding(WARNING, "with dev whoever asks comes in", "give a hub for others a key")
        else:
            yield Finding(
                WRONG, "there is no key, so the hub does not start",
                f"{recipe('callmesh.key')}, and set key to it",
            )  # fmt: skip
        return
    try:
        found = Key.read(settings.key)
    except BadInput as error:
        yield Finding(WRONG, str(error), "make another, and set key to its file")
        return
    if found.can_sign:
        yield from _private(settings.key, "whoever reads it can invite anybody as anybody")
    else:
        yield Finding(FINE, f"{settings.key} is a public key: tokens are signed elsewhere")


def api(settings: Settings) -> Iterator[Finding]:
    if settings.api_key is None and not settings.webhook_url:
        return
    if not (importlib.util.find_spec("fastapi") and importlib.util.find_spec("httpx")):
        said = "the API and webhooks need more packages, so the hub does not start"
        yield Finding(WRONG, said, "pip install 'callmesh[api]'")
        return
    from callmesh.webhooks import Secret

    def api_key(file: Path) -> ApiKey:
        return ApiKey.read(file, settings.key)

    for file, read, why in (
        (settings.api_key, api_key, "whoever reads it may do everything"),
        (settings.webhook_secret, Secret.read, "whoever reads it can tell your software anything"),
    ):
        if file is not None:
            try:
                read(file)
                yield from _private(file, why)
            except BadInput as error:
                yield Finding(WRONG, str(error), "make another, and set it to that file")
    if settings.webhook_url and settings.webhook_secret is None:
        said = "webhooks have no secret, so the hub does not start"
        yield Finding(WRONG, said, "set webhook_secret to a file with one")
    for address in settings.webhook_url:
        to = urlsplit(address)
        if to.scheme == "http" and not is_loopback(to.hostname or ""):
            said = f"what goes to {to.hostname} can be read on its way"
            yield Finding(WARNING, said, "use an address with https://")


def ice(settings: Settings) -> Iterator[Finding]:
    """Each STUN and TURN server is asked for what a participant would ask it for."""
    try:
        servers = ice_servers(settings)
    except BadInput as error:
        yield Finding(WRONG, str(error), "the hub does not start so")
        return
    if servers is None:
        if not settings.dev:
            yield Finding(
                WARNING, "there are no ice_server: across networks, data and video go by the hub, "
                "or not at all", "run coturn, and set ice_server and turn_secret",
            )  # fmt: skip
        return
    if settings.turn_secret is not None:
        yield from _private(settings.turn_secret, "whoever reads it can use the TURN servers")
    if importlib.util.find_spec("aioice") is None:
        said = "the STUN and TURN servers were not tried: callmesh[rtc] is not installed"
        yield Finding(WARNING, said, "pip install 'callmesh[rtc]', and look again")
        return
    from callmesh.transport.turn import ask

    told = servers.given(ParticipantId("doctor"), time.time_ns() // 1000)
    for server in told.servers:
        for address in server.urls:
            problem = asyncio.run(ask(address, server.username, server.credential))
            if problem:
                yield Finding(WRONG, f"{address} {problem}", ICE_REMEDY)
            else:
                yield Finding(FINE, f"{address} answers as participants need it")


def url(settings: Settings) -> Iterator[Finding]:
    if settings.dev:
        return
    if settings.url is None:
        yield Finding(
            WARNING, "url is not set: invitations lead to this machine", "set where people reach it"
        )
    elif urlsplit(settings.url).scheme == "https" or is_loopback(
        urlsplit(settings.url).hostname or ""
    ):
        yield Finding(FINE, f"people reach it at {settings.url}")
    else:
        yield Finding(
            WRONG, f"{settings.url} is not https: browsers give no camera, and anybody listens in",
            "put a TLS proxy before the hub, and set url to its address",
        )  # fmt: skip


def plain(settings: Settings) -> Iterator[Finding]:
    if is_plain(settings):
        yield Finding(
            WARNING, f"the hub listens on {settings.host} by plain HTTP: anybody listens in",
            "put a TLS proxy before it, and set url to its https:// address; or leave out host",
        )  # fmt: skip


def port(settings: Settings) -> Iterator[Finding]:
    try:
        if (settings.data / LOCK).exists():
            with alone_in(settings.data):
                pass  # nobody is there
    except AlreadyRunning:
        yield Finding(FINE, f"a hub runs on {settings.data} now; its port is not looked at")
        return
    except CannotStart as error:
        yield Finding(WRONG, str(error), "run this as the user that runs the hub")
        return
    try:
        listen(settings.host, settings.port).close()
    except CannotStart as error:
        yield Finding(WRONG, str(error))
    else:
        yield Finding(FINE, f"port {settings.port} of {settings.host} is free")


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    python, libraries, extras, page, apps, folder, database, record, secret, key, api, url, ice,
    plain, port,
)  # fmt: skip
