import contextlib
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from callmesh.audit import Event, faults
from callmesh.auth import read_secret
from callmesh.errors import StorageFailed
from callmesh.ids import CallId, StateId, Writer
from callmesh.ledger import Ledger
from callmesh.state import Entry
from callmesh.storage.memory import MemoryStorage
from callmesh.storage.sqlite import STEPS, SqliteStorage, migrate
from callmesh.testing import check_storage
from callmesh.values import decode, encode

CALL = CallId("demo")


def test_memory_keeps_the_contract() -> None:
    """[L5]"""
    storage = MemoryStorage()
    check_storage(lambda: storage)


def test_sqlite_keeps_the_contract(tmp_path: Path) -> None:
    """[L5]"""
    check_storage(lambda: SqliteStorage(tmp_path / "data" / "callmesh.sqlite"))


def test_sqlite_syncs_every_commit(tmp_path: Path) -> None:
    """[L5] FULL: with NORMAL, a power cut takes commits that were acknowledged."""
    storage = SqliteStorage(tmp_path / "callmesh.sqlite")
    assert storage._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert storage._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    storage.close()


def filled() -> Ledger:
    ledger = Ledger()
    ledger.flush()
    ledger.flushed()
    ledger._said = (0, 0, 0)  # that went to no disk
    ledger.accept(StateId("state/r1"), Entry("k", 1, Writer("p1"), encode(1)))
    return ledger


def test_a_full_disk_is_called_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[L6] Also where SQLite only says that it cannot write."""
    file = tmp_path / "callmesh.sqlite"

    def small(path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA max_page_count = 2")
        return db

    with pytest.raises(StorageFailed, match=r"the disk is full, and .*sqlite needs room: make"):
        SqliteStorage(file, connect=small)

    def fails(code: int) -> Callable[[Path], sqlite3.Connection]:
        def connect(path: Path) -> sqlite3.Connection:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = code
            raise error

        return connect

    with monkeypatch.context() as patch:
        for code, free, says in (
            (sqlite3.SQLITE_IOERR_SHMSIZE, 4096, "the disk is full"),
            (sqlite3.SQLITE_IOERR_SHMSIZE, 2**30, "cannot be opened as callmesh's database"),
            (sqlite3.SQLITE_CORRUPT, 4096, "cannot be opened as callmesh's database"),
        ):
            usage = SimpleNamespace(free=free)
            patch.setattr("shutil.disk_usage", lambda path, usage=usage: usage)
            with pytest.raises(StorageFailed, match=says):
                SqliteStorage(file, connect=fails(code))
    storage = SqliteStorage(file)
    storage._db.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StorageFailed, match="changes cannot be saved: the disk is full"):
        storage.commit({CallId(f"call{n}" * 9): filled().flush() for n in range(200)})
    storage.close()


def test_the_log_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[L8] It is given back before it has taken all there is, and where others have taken that."""
    log = tmp_path / "callmesh.sqlite-wal"
    storage = SqliteStorage(tmp_path / "callmesh.sqlite")
    ledger = filled()
    free: Callable[[], int] = lambda: 2**30  # noqa: E731
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free()))

    def write(times: range) -> list[int]:
        """How large the log was after each."""
        sizes = []
        for time in times:
            ledger.accept(StateId("state/r1"), Entry("k", time, Writer("p1"), encode(time)))
            delta = ledger.flush()
            try:
                storage.commit({CALL: delta})
            except StorageFailed:
                ledger.flush_failed()
                raise
            ledger.flushed()
            sizes.append(log.stat().st_size)
        return sizes

    assert max(write(range(2, 60))) > 128 * 1024, "as far as SQLite lets it"
    free = lambda: 128 * 1024 - log.stat().st_size  # noqa: E731
    assert max(write(range(60, 200))) < 80 * 1024
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, before[1]))
        with pytest.raises(StorageFailed, match="cannot be saved"):
            write(range(200, 300))
        free = lambda: 0  # noqa: E731
        assert len(write(range(300, 310))) == 10, "the next try is taken"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    kept = storage.load(CALL)
    storage.close()
    assert kept is not None
    assert [decode(record.entry.value) for record in kept.records] == [309]


def test_the_secret_cannot_be_kept(tmp_path: Path) -> None:
    """[L6] As on a full disk, in a sentence."""
    (tmp_path / "secret.new").mkdir()
    with pytest.raises(StorageFailed, match="the hub's secret: Is a directory"):
        read_secret(tmp_path)


def test_a_commit_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    """[L7]"""
    storage = SqliteStorage(tmp_path / "callmesh.sqlite")
    storage.commit({CALL: filled().flush()})
    storage._db.execute(
        "CREATE TRIGGER no BEFORE INSERT ON entry WHEN new.call = 'other' "
        "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    later = filled()
    later.accept(StateId("state/r1"), Entry("k", 2, Writer("p1"), encode(2)))
    with pytest.raises(StorageFailed, match="disk full"):
        storage.commit({CALL: later.flush(), CallId("other"): filled().flush()})
    kept = storage.load(CALL)
    assert kept is not None
    assert [record.entry.time for record in kept.records] == [1]
    storage._db.execute("DROP TRIGGER no")
    storage.commit({CallId("other"): filled().flush()})
    assert list(storage.calls()) == ["demo", "other"]
    storage.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """[L6]"""
    file = tmp_path / "callmesh.sqlite"
    file.write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(StorageFailed, match=r"callmesh\.sqlite"):
        SqliteStorage(file)


VERSION_1 = """
CREATE TABLE call (id TEXT PRIMARY KEY, reserved INTEGER NOT NULL) STRICT;
CREATE TABLE entry (
    call TEXT NOT NULL, state TEXT NOT NULL, key TEXT NOT NULL,
    number INTEGER NOT NULL, time INTEGER NOT NULL, writer TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (call, state, key)
) STRICT, WITHOUT ROWID;
INSERT INTO call VALUES ('demo', 20);
INSERT INTO entry VALUES ('demo', 'state/r1', 'k', 7, 5, 'p1', x'01');
PRAGMA user_version = 1;
"""
"""A file as the first callmesh wrote it."""


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A database of version 1."""
    file = tmp_path / "callmesh.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.executescript(VERSION_1)
    return file


def test_a_database_of_the_first_version_is_read(first: Path) -> None:
    """[L11] Whatever steps have come since."""
    storage = SqliteStorage(first)
    kept = storage.load(CALL)
    assert kept is not None
    found = [(r.number, r.state, r.entry.key, decode(r.entry.value)) for r in kept.records]
    assert (found, kept.reserved) == ([(7, "state/r1", "k", 1)], 20)
    assert storage._db.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    storage.close()


def test_a_new_database_is_like_one_that_was_migrated(first: Path, tmp_path: Path) -> None:
    """[L11]"""
    schemas = []
    for file in (first, tmp_path / "new.sqlite"):
        SqliteStorage(file).close()
        with contextlib.closing(sqlite3.connect(file)) as db:
            rows = db.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
            schemas.append(rows)
    assert schemas[0] == schemas[1]


def test_a_step_that_breaks_off_leaves_the_version_before_it(first: Path) -> None:
    """[L11] And the next start goes on from there."""
    second = "ALTER TABLE call ADD COLUMN title TEXT; UPDATE call SET title = 'Demo'"
    half = "CREATE TABLE other (a); INSERT INTO other VALUES (1); INSERT INTO nowhere VALUES (1)"
    with contextlib.closing(sqlite3.connect(first, isolation_level=None)) as db:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(db, first, [VERSION_1, second, half])
        assert version_and_tables(db) == (2, ["call", "entry"])
        assert db.execute("SELECT title FROM call").fetchall() == [("Demo",)]
        migrate(db, first, [VERSION_1, second, "CREATE TABLE other (a);"])
        migrate(db, first, [VERSION_1, second, "CREATE TABLE other (a);"])
        assert version_and_tables(db) == (3, ["call", "entry", "other"])


def version_and_tables(db: sqlite3.Connection) -> tuple[int, list[str]]:
    tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version, [name for (name,) in tables]


def test_a_process_that_dies_within_a_step_needs_no_repair(first: Path) -> None:
    """[L11]"""
    dies = f"""
import os, sqlite3
from pathlib import Path
from callmesh.storage.sqlite import STEPS, migrate
db = sqlite3.connect({str(first)!r}, isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.create_function("die", 0, lambda: os._exit(9))
migrate(db, Path(), [STEPS[0], "CREATE TABLE other (a); INSERT INTO other VALUES (die())"])
"""
    assert subprocess.run([sys.executable, "-c", dies], check=False).returncode == 9
    with contextlib.closing(sqlite3.connect(first)) as db:
        assert version_and_tables(db) == (1, ["call", "entry"])
    storage = SqliteStorage(first)
    assert list(storage.calls()) == ["demo"]
    storage.close()


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """[L11]"""
    file = tmp_path / "callmesh.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 99")
    before = file.read_bytes()
    with pytest.raises(StorageFailed, match="upgrade"):
        SqliteStorage(file)
    assert file.read_bytes() == before


def test_a_call_that_is_damaged_on_disk_is_not_opened_and_others_are(tmp_path: Path) -> None:
    """[L6] The load fails half-way through, and what is there stays there."""
    file = tmp_path / "callmesh.sqlite"
    storage = SqliteStorage(file)
    ledger = filled()
    for number in range(2_000):
        key = f"k{number:04}"
        ledger.accept(StateId("state/r1"), Entry(key, 2, Writer("p1"), encode("x" * 100)))
    storage.commit({CALL: ledger.flush(), CallId("zz-other"): filled().flush()})
    storage.close()
    with file.open("r+b") as damaged:
        place = file.read_bytes().index(b"k1000")
        damaged.seek(place // 4096 * 4096)
        damaged.write(b"\xff" * 64)
    before = file.read_bytes()
    storage = SqliteStorage(file)
    with pytest.raises(StorageFailed, match="cannot be read"):
        storage.load(CALL)
    other = storage.load(CallId("zz-other"))
    assert other is not None
    assert len(other.records) == 1
    storage.close()
    assert file.read_bytes() == before


def test_a_database_that_somebody_else_holds_refuses_and_is_taken_up_again(tmp_path: Path) -> None:
    """[L7, L9]"""
    storage = SqliteStorage(tmp_path / "callmesh.sqlite")
    storage.commit({CALL: filled().flush()})
    holder = sqlite3.connect(tmp_path / "callmesh.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StorageFailed, match="locked"):
        storage.commit({CALL: filled().flush()})
    with pytest.raises(StorageFailed, match="locked"):
        storage.commit({})
    assert storage.load(CALL) is not None, "reading goes on"
    holder.execute("ROLLBACK")
    holder.close()
    storage.commit({})
    storage.close()


def test_a_commit_takes_few_statements(tmp_path: Path) -> None:
    """[L5] Each costs a turn of the interpreter, and everybody's `saved()` waits for it."""
    said: list[str] = []

    def connect(path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db.set_trace_callback(said.append)
        return db

    storage = SqliteStorage(tmp_path / "db", connect=connect)
    said.clear()
    events = [Event(number, "participant.joined", "demo") for number in range(1_000)]
    storage.commit({}, events)
    assert len(said) < 20
    lines = storage.audit(0, 2_000)
    assert [line.event for line in lines] == events
    assert not list(faults(lines))
    storage.close()


def test_a_commit_of_nothing_asks_the_disk(tmp_path: Path) -> None:
    """[L8]"""
    storage = SqliteStorage(tmp_path / "callmesh.sqlite")
    log = tmp_path / "callmesh.sqlite-wal"
    storage.commit({})
    first = log.stat().st_size
    storage.commit({})
    assert log.stat().st_size > first
    storage._db.execute("PRAGMA query_only = 1")
    with pytest.raises(StorageFailed, match="readonly"):
        storage.commit({})
    storage.close()


def test_the_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    """[O27] Whatever the umask lets others read."""
    data = tmp_path / "data"
    storage = SqliteStorage(data / "callmesh.sqlite")
    storage.commit({CALL: filled().flush()})
    assert oct(data.stat().st_mode & 0o777) == "0o700"
    assert {oct(file.stat().st_mode & 0o777) for file in data.iterdir()} == {"0o600"}
    storage.close()
