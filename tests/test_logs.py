"""The log: one line per event, ids and no content."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import callmesh
from callmesh.logs import JsonFormatter, Seldom, TextFormatter
from callmesh.testing import MemoryHub

pytestmark = pytest.mark.anyio


def record(event: str, **extra: Any) -> logging.LogRecord:
    return logging.getLogger("callmesh.hub").makeRecord(
        "callmesh.hub", logging.INFO, __file__, 1, event, (), extra.pop("exc_info", None),
        extra=extra,
    )  # fmt: skip


def failed() -> logging.LogRecord:
    try:
        raise KeyError("what Ada wrote")
    except KeyError:
        return record("it failed", exc_info=sys.exc_info(), call="demo")


def test_text_and_json_say_the_same() -> None:
    """[O12]"""
    joined = record("joined", call="demo", participant="p1", name_of_somebody="Ada")
    assert TextFormatter().format(joined) == "INFO callmesh.hub: joined call=demo participant=p1"
    said = json.loads(JsonFormatter().format(joined))
    assert said.pop("time").endswith("Z")
    assert said == {
        "level": "info", "logger": "callmesh.hub", "event": "joined", "call": "demo",
        "participant": "p1",
    }  # fmt: skip


def test_a_line_is_one_event() -> None:
    """[O12]"""
    forged = record("odd\nINFO callmesh.hub: joined", reason="a\r\nb\x1b[2J")
    for formatter in (TextFormatter(), JsonFormatter()):
        line = formatter.format(forged)
        assert line.isprintable()


def test_what_anybody_can_cause_is_said_once_a_minute() -> None:
    """[O12]"""
    seldom = Seldom()

    def passes(
        said: str, at: float, level: int = logging.WARNING, by: str = "uvicorn.error"
    ) -> bool:
        record = logging.LogRecord(by, level, __file__, 1, said, (), None)
        record.created = at
        return bool(seldom.filter(record))

    assert [passes("Invalid", at) for at in (0, 1, 59.9, 60, 61, 3, 4, 120)] == [
        True, False, False, True, False, True, False, True
    ]  # fmt: skip
    assert passes("Unsupported", 121)
    assert all(passes("Failed", 121, logging.ERROR) for _ in range(2))
    assert all(passes("Full", 121, by="callmesh.hub") for _ in range(2))


def test_an_error_is_told_without_its_words() -> None:
    """[O12] But for `--dev`, where they are one's own."""
    for formatter in (TextFormatter(), JsonFormatter()):
        line = formatter.format(failed())
        assert "KeyError" in line
        assert "failed (" in line
        assert "Ada" not in line
    for formatter in (TextFormatter(whole=True), JsonFormatter(whole=True)):
        assert "what Ada wrote" in formatter.format(failed())


async def test_who_comes_back_has_not_joined_anew(caplog: pytest.LogCaptureFixture) -> None:
    """[O12]"""
    caplog.set_level(logging.INFO, "callmesh.hub")
    async with MemoryHub() as hub, hub.join("Ada") as ada:
        await hub.links[0].cut()
        await ada.until(lambda: ada.status == "synced" and len(hub.links) == 2)
    events = [record.getMessage() for record in caplog.records]
    assert events[:3] == ["joined", "parted", "resumed"]


async def test_a_hub_logs_in_json(tmp_path: Path) -> None:
    """[O12]"""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 2)
    token = run("token", "round", "--role", "host", "--name", "Ada Lovelace", "--key", str(key))
    with logging_hub(tmp_path, key) as hub:
        lines = iter(hub.stderr or ())
        events = [json.loads(next(lines)), json.loads(next(lines))]
        url = f"{events[1]['address']}/call/round"
        async with callmesh.join(f"{url}#token={token}", name="-", rtc=False) as ada:
            poll = await ada.resources.add("poll", state={"question": "a secret question"})
            await poll.state.saved()
        with pytest.raises(callmesh.Refused):
            async with callmesh.join(url, name="Nobody", rtc=False):
                pass
        hub.terminate()
        events += map(json.loads, lines)
        assert hub.stdout is not None
        assert hub.stdout.read() == ""
    assert events[0]["event"].startswith("left out: ")
    assert [event["event"] for event in events[1:]] == [
        "running", "joined", "parted", "refused", "stopping", "stopped",
    ]  # fmt: skip
    assert events[5]["signal"] == "SIGTERM"
    assert events[2]["call"] == events[3]["call"] == events[4]["call"] == "round"
    assert events[2]["participant"] == events[3]["participant"] == ada.me.id
    assert (events[3]["code"], events[4]["code"]) == ("closed", "unauthorized")
    for secret in ("Lovelace", "secret question", "Nobody", token, ada.me.person, poll.id):
        assert secret not in json.dumps(events)


@contextmanager
def logging_hub(folder: Path, key: Path) -> Iterator[subprocess.Popen[str]]:
    hub = subprocess.Popen(
        [sys.executable, "-m", "callmesh", "serve", "--key", str(key), "--port", "0", "--data",
         str(folder / "data"), "--log", "json", "--log-level", "debug", "--apps", "nowhere"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield hub
    finally:
        hub.kill()
        hub.communicate()


def run(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "callmesh", *arguments],
        capture_output=True, text=True, timeout=30, check=True,
    ).stdout.strip()  # fmt: skip
