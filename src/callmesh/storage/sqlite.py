"""Storage in one SQLite file. WAL, `synchronous=FULL`: what is committed survives a power cut."""

import contextlib
import errno
import itertools
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Raw

from callmesh.audit import START, Event, Line, follow, text_of
from callmesh.errors import StorageFailed
from callmesh.ids import ABOUT, RECORD, CallId, StateId, Writer
from callmesh.ledger import Delta, Kept, Record
from callmesh.ports import MANY
from callmesh.state import Entry

CALLS = """
CREATE TABLE call (id TEXT PRIMARY KEY, reserved INTEGER NOT NULL) STRICT;
CREATE TABLE entry (
    call TEXT NOT NULL, state TEXT NOT NULL, key TEXT NOT NULL,
    number INTEGER NOT NULL, time INTEGER NOT NULL, writer TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (call, state, key)
) STRICT, WITHOUT ROWID;
"""

AUDIT = """
CREATE TABLE audit (number INTEGER PRIMARY KEY, event TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
"""

USE = """
ALTER TABLE call ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN keep INTEGER NOT NULL DEFAULT 0;
UPDATE call SET used = CAST(strftime('%s', 'now') AS INTEGER) * 1000000;
"""
"""Of what was there before nobody knows when it was used: its time begins now."""

STEPS = (CALLS, AUDIT, USE)
"""What brings a database from each version to the next, the first from an empty file to version 1.

A step that was released is never changed: another one is put behind it.
"""


ROW, LINE = "(?, ?, ?, ?, ?, ?, ?)", "(?, ?, ?)"
"""Of an entry, and of the audit log."""
AT_ONCE = (256, 64, 16, 4, 1)
"""How many rows one statement takes.

For each statement the thread of the disk lets go of the interpreter and waits for it again, which
costs more than what SQLite does with a row.
"""
ROOM = 64 * 1024
"""Bytes that SQLite needs beside the database, at least."""
CACHE = 256
"""KiB of pages that SQLite keeps: a call is read once, when it is loaded."""


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)


def migrate(db: sqlite3.Connection, path: Path, steps: Sequence[str] = STEPS) -> None:
    """Bring a database to the latest version. A step is taken whole, or not at all (L11)."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(steps):
        raise StorageFailed(f"{path} was written by a later callmesh; upgrade to open it")
    for number, step in enumerate(steps[version:], version + 1):
        try:
            db.executescript(f"BEGIN IMMEDIATE; {step}\n; PRAGMA user_version = {number}; COMMIT;")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _is_full(error: Exception, path: Path) -> bool:
    """Whether that is why. SQLite says of its log and index only that they cannot be written."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOSPC
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code != sqlite3.SQLITE_IOERR:
        return code == sqlite3.SQLITE_FULL
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.parent).free < ROOM
    return False


class SqliteStorage:
    """Called from one thread at a time, not always the same one."""

    def __init__(
        self, path: Path, *, connect: Callable[[Path], sqlite3.Connection] = _connect
    ) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():  # SQLite gives its other files the mode of this one
                path.touch(mode=0o600)
            self._db = connect(path)
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(f"PRAGMA cache_size = -{CACHE}")
            migrate(self._db, path)
            self._db.execute("PRAGMA journal_mode=WAL")
        except (sqlite3.Error, OSError) as error:
            if _is_full(error, path):
                why = f"the disk is full, and {path} needs room: make some, and start again"
                raise StorageFailed(why) from error
            raise StorageFailed(
                f"{path} cannot be opened as callmesh's database: {error}"
            ) from error
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")

    def load(self, call: CallId) -> Kept | None:
        try:
            found = self._db.execute(
                "SELECT reserved, used, keep FROM call WHERE id = ?", (call,)
            ).fetchone()
            rows = self._db.execute(
                "SELECT number, state, key, time, writer, value FROM entry WHERE call = ?", (call,)
            ).fetchall()
        except sqlite3.Error as error:
            raise StorageFailed(f"call {call} cannot be read: {error}") from error
        if found is None:
            return None
        records = [
            Record(number, StateId(state), Entry(key, time, Writer(writer), Raw(value)))
            for number, state, key, time, writer, value in rows
        ]
        return Kept(records, *found)

    def commit(
        self,
        deltas: Mapping[CallId, Delta],
        events: Sequence[Event] = (),
        gone: Collection[CallId] = (),
    ) -> None:
        try:
            self._shorten_log()
            with self._transaction():
                self._take(deltas)
                self._write_down(events)
                for call in gone:
                    self._db.execute("DELETE FROM entry WHERE call = ?", (call,))
                    self._db.execute("DELETE FROM call WHERE id = ?", (call,))
                if not (deltas or events or gone):  # without a write the disk is not asked
                    self._db.execute(f"PRAGMA user_version = {len(STEPS)}")
        except sqlite3.Error as error:
            why = "the disk is full" if _is_full(error, self._path) else error
            raise StorageFailed(f"changes cannot be saved: {why}") from error

    def _shorten_log(self) -> None:
        """Give the disk back what SQLite's log takes of it, where that is more than what is left.

        SQLite takes it back at some 4 MB, and then needs room for the database to grow.
        """
        with contextlib.suppress(sqlite3.Error, OSError):  # then the commit fails, or need not
            if self._log.stat().st_size > shutil.disk_usage(self._log.parent).free:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of what is done inside, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _take(self, deltas: Mapping[CallId, Delta]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO call (id, reserved, used, keep) VALUES (?, ?, ?, ?)",
            [
                (call, delta.reserved, delta.used, delta.keep)
                for call, delta in deltas.items()
                if delta.renews
            ],
        )
        self._db.executemany(
            "DELETE FROM entry WHERE call = ? AND state = ? AND key = ?",
            [(call, *place) for call, delta in deltas.items() for place in delta.forgotten],
        )
        rows = [
            (call, r.state, r.entry.key, r.number, r.entry.time, r.entry.writer,
             bytes(r.entry.value))
            for call, delta in deltas.items()
            for r in delta.records
        ]  # fmt: skip
        self._in_few("INSERT OR REPLACE INTO entry", ROW, rows)

    def _write_down(self, events: Sequence[Event]) -> None:
        if not events:
            return
        line = next(iter(self._lines("ORDER BY number DESC LIMIT 1")), START)
        rows = []
        for event in events:
            line = follow(line, event)
            rows.append((line.number, text_of(event).decode(), line.hash))
        self._in_few("INSERT INTO audit", LINE, rows)

    def _in_few(self, put: str, row: str, rows: Sequence[tuple[object, ...]]) -> None:
        """One statement for many rows at a time."""
        for size in AT_ONCE:
            statement = f"{put} VALUES {', '.join([row] * size)}"
            while len(rows) >= size:
                some, rows = rows[:size], rows[size:]
                self._db.execute(statement, tuple(itertools.chain.from_iterable(some)))

    def _lines(self, which: str, *values: int) -> list[Line]:
        return [
            Line(number, msgspec.json.decode(event, type=Event), hash)
            for number, event, hash in self._audit_rows(which, *values)
        ]

    def _audit_rows(self, which: str, *values: int) -> list[tuple[int, str, str]]:
        return self._db.execute(f"SELECT number, event, hash FROM audit {which}", values).fetchall()

    def calls(self, after: str = "", most: int = MANY) -> dict[CallId, Kept]:
        rows = self._listed(
            "SELECT id, reserved, used, keep, number, time, writer, value FROM call "
            "LEFT JOIN entry ON call = id AND state = ? AND key = ? "
            "WHERE id > ? ORDER BY id LIMIT ?", RECORD, ABOUT, after, most,
        )  # fmt: skip
        found = {}
        for id, reserved, used, keep, number, time, writer, value in rows:
            records = []
            if number is not None:
                records.append(Record(number, RECORD, Entry(ABOUT, time, writer, Raw(value))))
            found[CallId(id)] = Kept(records, reserved, used, keep)
        return found

    def unused(self, now: int, keep: int) -> list[CallId]:
        lasts = "CASE keep WHEN 0 THEN ?1 ELSE keep END"
        which = f"{lasts} > 0 AND used + {lasts} <= ?2 ORDER BY id"
        return [
            CallId(id) for (id,) in self._listed(f"SELECT id FROM call WHERE {which}", keep, now)
        ]

    def _listed(self, which: str, *values: int | str) -> list[Any]:
        try:
            return self._db.execute(which, values).fetchall()
        except sqlite3.Error as error:
            raise StorageFailed(f"calls cannot be listed: {error}") from error

    def audit(self, after: int, most: int) -> list[Line]:
        try:
            if after < 0:
                found = self._lines("ORDER BY number DESC LIMIT ?", -after)
                return found[::-1][:most]
            return self._lines("WHERE number > ? ORDER BY number LIMIT ?", after, most)
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise StorageFailed(f"the audit log cannot be read: {error}") from error

    def audit_texts(self, after: int, most: int) -> list[tuple[int, str, str]]:
        """Number, event and hash of the lines behind number `after`, as they stand there."""
        try:
            return self._audit_rows("WHERE number > ? ORDER BY number LIMIT ?", after, most)
        except sqlite3.Error as error:
            raise StorageFailed(f"the audit log cannot be read: {error}") from error

    def close(self) -> None:
        self._db.close()
