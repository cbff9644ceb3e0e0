"""`callmesh doctor`: what it finds where something is wrong, and that it leaves nothing behind."""

import errno
import os
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from callmesh import doctor, serving
from callmesh.auth import read_secret
from callmesh.cli import main
from callmesh.doctor import FINE, WARNING, WRONG, Finding
from callmesh.settings import Settings
from callmesh.storage.sqlite import SqliteStorage
from tests.processes import ROOT, hub_process

STRONG = "3q8vX0eYpLw7Zc1TnR5uHs9KdGfJ2bMa"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder as a hub leaves it."""
    data = tmp_path / "data"
    SqliteStorage(data / "callmesh.sqlite").close()
    read_secret(data)
    return data


def found(check: str, **settings: Any) -> list[tuple[str, str]]:
    """The marks and words of one check."""
    findings = list(getattr(doctor, check)(Settings(**settings)))
    for finding in findings:
        assert finding.mark == FINE or finding.remedy or check == "port", finding
    return [(finding.mark, finding.what) for finding in findings]


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "key"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_sound_hub_has_nothing_wrong(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """[O13]"""
    before = sorted(data.iterdir())
    key = key_file(tmp_path, STRONG)
    arguments = ["--data", str(data), "--key", str(key), "--url", "https://calls.example.org"]
    assert main(["doctor", *arguments, "--port", "0"]) == 0
    printed = capsys.readouterr().out
    assert WRONG not in printed
    assert "0 calls" in printed
    assert STRONG not in printed
    assert sorted(data.iterdir()) == before, "it leaves nothing behind"


def test_what_is_wrong_makes_it_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """[O13]"""
    assert main(["doctor", "--data", str(tmp_path / "none"), "--port", "0"]) == 1
    printed = capsys.readouterr().out
    assert "✗ there is no key, so the hub does not start\n    (umask 077; head -c 48" in printed
    assert not (tmp_path / "none").exists()


def test_the_api_and_webhooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O13, O22, O24]"""
    assert found("api") == []
    strong, url = key_file(tmp_path, STRONG), ("https://x.example",)
    sound = found("api", api_key=strong, webhook_url=url, webhook_secret=strong)
    assert [mark for mark, _ in sound] == [FINE, FINE]
    for settings, mark, says in (
        ({"api_key": tmp_path / "none"}, WRONG, "cannot be read"),
        ({"webhook_url": url}, WRONG, "no secret"),
        ({"webhook_url": url, "webhook_secret": tmp_path}, WRONG, "webhook secret"),
        ({"webhook_url": ("http://x.example",), "webhook_secret": strong}, WARNING, "on its way"),
    ):
        last = found("api", **settings)[-1]
        assert (last[0], says in last[1]) == (mark, True), last
    assert "others" in found("api", api_key=key_file(tmp_path, STRONG, 0o644))[0][1]
    assert "key for tokens too" in found("api", api_key=strong, key=strong)[0][1]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "callmesh[api]" not in found("api", api_key=strong)[0][1]
    assert found("api", api_key=strong)[0][0] == WRONG


def test_keys(tmp_path: Path) -> None:
    """[O13]"""
    assert found("key", key=key_file(tmp_path, STRONG))[0][0] == FINE
    for text, mode, says in (
        (STRONG, 0o644, "others on this machine may read"),
        ("short", 0o600, "at least 32 bytes"),
        ("secret" * 10, 0o600, "can be guessed"),
        ("-----BEGIN PRIVATE KEY-----", 0o600, "PEM cannot be read"),
    ):
        (finding,) = found("key", key=key_file(tmp_path, text, mode))
        assert finding[0] == WRONG
        assert says in finding[1]
    assert "cannot be read" in found("key", key=tmp_path / "none")[0][1]
    assert found("key", dev=True)[0][0] == WARNING


def test_the_database_and_the_secret(data: Path) -> None:
    """[O13]"""
    assert found("database", data=data) == [(FINE, f"{data}/callmesh.sqlite is sound: 0 calls")]
    assert found("secret", data=data)[0][0] == FINE
    with sqlite3.connect(data / "callmesh.sqlite") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    assert "later callmesh" in found("database", data=data)[0][1]
    (data / "callmesh.sqlite").write_bytes(b"not a database at all" * 100)
    assert found("database", data=data)[0][0] == WRONG
    (data / "secret").chmod(0o640)
    assert "others on this machine may read" in found("secret", data=data)[0][1]
    (data / "secret").write_bytes(b"short")
    assert "is no hub's secret" in found("secret", data=data)[0][1]


def test_a_damaged_database_is_found(data: Path) -> None:
    """[O13]"""
    file = data / "callmesh.sqlite"
    with sqlite3.connect(file) as db:
        row = ("c", "state/r", "k", 1, 1, "p", b"x" * 100)
        for number in range(200):
            db.execute(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)", (*row[:2], f"k{number}", *row[3:])
            )
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = bytearray(file.read_bytes())
    content[12_300:12_900] = os.urandom(600)
    file.write_bytes(content)
    assert found("database", data=data)[0][0] == WRONG


def test_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O13]"""
    marks = [mark for mark, _ in found("folder", data=tmp_path / "a" / "b")]
    assert len(marks) == 3
    assert WRONG not in marks
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    for nowhere in (tmp_path / "file", tmp_path / "file" / "x", Path("/proc/callmesh")):
        assert "cannot be written" in found("folder", data=nowhere)[0][1]
    monkeypatch.setattr(doctor, "_file_system", lambda path: "nfs4")
    assert "is on nfs4" in found("folder", data=tmp_path)[0][1]
    monkeypatch.setattr(doctor, "LITTLE_SPACE", 2**70)
    assert found("folder", data=tmp_path)[2][0] == WARNING
    monkeypatch.setattr(doctor, "NO_SPACE", 2**70)
    assert found("folder", data=tmp_path)[2][0] == WRONG


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "make room"), (errno.EROFS, "mount it"), (errno.EDQUOT, "quota"),
        (errno.EACCES, "give it to the user"), (errno.EIO, "look at that disk, or choose another"),
    ],
)  # fmt: skip
def test_the_advice_is_about_what_is_wrong(
    number: int, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[O13]"""

    def fails(file: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    (finding,) = doctor.folder(Settings(data=tmp_path))
    assert finding.mark == WRONG
    assert os.strerror(number) in finding.what
    assert remedy in finding.remedy


def test_the_clock() -> None:
    """[O13]"""
    assert [f.mark for f in doctor._clock(0.1)] == [FINE]
    assert [f.mark for f in doctor._clock(-30)] == [WARNING]


def test_the_address() -> None:
    """[O13]"""
    assert found("url", url="https://calls.example.org")[0][0] == FINE
    assert found("url", url="http://127.0.0.1:8484")[0][0] == FINE
    assert found("url", url="http://calls.example.org")[0][0] == WRONG
    assert found("url")[0][0] == WARNING
    assert found("url", dev=True) == []


def test_plain_http_beyond_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """[O13, O15]"""
    assert found("plain") == []
    assert found("plain", host="::1") == []
    assert found("plain", host="0.0.0.0", url="https://calls.example.org") == []
    for url in (None, "http://127.0.0.1:8484", "http://calls.example.org"):
        ((mark, said),) = found("plain", host="0.0.0.0", url=url)
        assert (mark, "0.0.0.0 by plain HTTP" in said) == (WARNING, True)
    key = key_file(tmp_path, STRONG)
    monkeypatch.setattr(serving, "configure", lambda settings: None)
    monkeypatch.setattr(serving.Server, "run", lambda self, sockets: sockets[0].close())
    for host, times in (("127.0.0.1", 0), ("0.0.0.0", 1)):
        assert serving.serve(Settings(data=tmp_path / "data", key=key, host=host, port=0)) == 0
        assert len(caplog.records) == times
    assert "by plain HTTP" in caplog.text


def test_the_port(tmp_path: Path) -> None:
    """[O13]"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert f"port {number} is taken" in found("port", data=tmp_path, port=number)[0][1]
    with hub_process(tmp_path) as hub:
        assert found("port", data=tmp_path, port=hub.port)[0][0] == FINE
        assert found("database", data=tmp_path)[0][0] == FINE


def test_apps_libraries_and_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O13]"""
    assert [mark for mark, _ in found("apps", apps=(tmp_path,))] == [WRONG, FINE]
    assert found("apps") == [(FINE, "apps: poll, talk, vitals, whiteboard")]
    assert [mark for mark, _ in found("libraries")] == [FINE]
    needed = lambda name: ["msgspec>=999", "no-such-thing>=1", "aiortc>=1; extra == 'rtc'"]  # noqa: E731
    monkeypatch.setattr("importlib.metadata.requires", needed)
    words = [what for mark, what in found("libraries") if mark == WRONG]
    assert [word.split()[0] for word in words] == ["msgspec", "no-such-thing"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert found("extras")[0][0] == WARNING
    monkeypatch.setattr(doctor, "PAGE", tmp_path)
    assert found("page") == [(WRONG, "the call page is not built")]


def test_a_finding_has_its_remedy_below() -> None:
    """[O13]"""
    assert str(Finding(WRONG, "it is broken", "mend it")) == "✗ it is broken\n    mend it"
    assert str(Finding(FINE, "it works")) == "✓ it works"


def test_it_says_which_apps_run_python_here(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[O13, Y2]"""
    apps = (ROOT / "tests/apps/crasher",)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert (FINE, "Python halves of apps run as this user: crasher") in found(
        "apps", data=data, apps=apps
    )
    assert (WARNING, "these apps have Python that does not run: crasher") in found(
        "apps", data=data, apps=apps, python=False
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert (WARNING, "Python halves of apps run as root: crasher") in found(
        "apps", data=data, apps=apps
    )
    assert not any("Python" in what for _, what in found("apps", data=data))
