"""The folder in which a hub keeps everything."""

import os
from pathlib import Path

import pytest

from callmesh.auth import read_secret
from callmesh.webhooks import Cursors


def test_small_files_are_on_disk_before_they_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[O27] What is in it first, then its name in the folder; for its owner alone."""
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(to: int) -> None:
        found = os.fstat(to)
        name = [path.name for path in (tmp_path, *tmp_path.iterdir()) if path.stat() == found]
        done.append(f"sync {name[0]}")
        sync(to)

    def replaced(self: Path, target: Path) -> Path:
        done.append(f"{self.name} is {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replaced)
    secret = read_secret(tmp_path)
    Cursors(tmp_path / "webhooks.json").keep("https://hooks.example.org", 7)
    assert read_secret(tmp_path) == secret
    assert done == [
        line
        for file in ("secret", "webhooks.json")
        for line in (f"sync {file}.new", f"{file}.new is {file}", f"sync {tmp_path.name}")
    ]
    assert [file.stat().st_mode & 0o777 for file in tmp_path.iterdir()] == [0o600, 0o600]
