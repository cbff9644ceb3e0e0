"""What a Python participant keeps on its machine: resource caches, and who it is to which hub."""

import sqlite3
from pathlib import Path
from typing import Any

from callmesh.errors import StorageFailed

_SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    place TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (place, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS proof (hub TEXT PRIMARY KEY, proof TEXT NOT NULL) STRICT;
"""


class CacheFile:
    """One SQLite file, which several programs of one person may share."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(folder / "cache.sqlite", isolation_level=None, timeout=10)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise StorageFailed(f"{folder} cannot keep a cache: {error}") from error

    def load(self, place: str) -> dict[str, bytes]:
        return dict(self._run("SELECT key, value FROM item WHERE place = ?", place))

    def keep(self, place: str, key: str, value: bytes | None) -> None:
        if value is None:
            self._run("DELETE FROM item WHERE place = ? AND key = ?", place, key)
        else:
            self._run("INSERT OR REPLACE INTO item VALUES (?, ?, ?)", place, key, value)

    def person(self, hub: str) -> str | None:
        """The proof of who this machine's user is to a hub, if it has given one."""
        found = self._run("SELECT proof FROM proof WHERE hub = ?", hub)
        return found[0][0] if found else None

    def keep_person(self, hub: str, proof: str) -> None:
        self._run("INSERT OR REPLACE INTO proof VALUES (?, ?)", hub, proof)

    def _run(self, sql: str, *values: str | bytes) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise StorageFailed(f"the cache cannot be kept: {error}") from error

    def close(self) -> None:
        self._db.close()
