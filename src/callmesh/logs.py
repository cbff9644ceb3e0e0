"""What the hub logs, as text or as JSON: events, with ids. No names, no content, no tokens.

An event is a constant text, and what it is about goes into `extra` under one of `FIELDS`:

    log.info("joined", extra={"call": call, "participant": participant})

Libraries log the same way, from warnings on: below, some of them log what goes over the wire.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from callmesh.settings import Settings

FIELDS = ("call", "resource", "app", "participant", "role", "state", "code", "reason", "address",
          "signal", "error", "where", "said")  # fmt: skip
SELDOM = 60.0


def configure(settings: Settings) -> None:
    """From now on everything in this process logs to standard error as `settings` say."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonFormatter if settings.log == "json" else TextFormatter
    handler.setFormatter(formatter(whole=settings.dev))
    handler.addFilter(Seldom())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("callmesh").setLevel(settings.log_level.upper())
    logging.captureWarnings(True)


class Seldom(logging.Filter):
    """Of what the server says of requests that are none, each sentence once in `SELDOM` seconds:

    anybody can send as many of them as they like.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name != "uvicorn.error" or record.levelno != logging.WARNING:
            return True
        if 0 <= record.created - self._said.get(record.msg, -SELDOM) < SELDOM:
            return False
        self._said[record.msg] = record.created
        return True


class TextFormatter(logging.Formatter):
    """`whole` errors have their message and source lines, which may quote what somebody wrote."""

    def __init__(self, *, whole: bool = False) -> None:
        super().__init__()
        self._whole = whole

    def format(self, record: logging.LogRecord) -> str:
        said = [f"{record.levelname} {record.name}: {_one_line(record.getMessage())}"]
        fields = _fields(record, whole=self._whole)
        said += (f"{name}={_one_line(str(value))}" for name, value in fields.items())
        line = " ".join(said)
        if self._whole and record.exc_info:
            line += f"\n{self.formatException(record.exc_info)}"
        return line


class JsonFormatter(logging.Formatter):
    def __init__(self, *, whole: bool = False) -> None:
        super().__init__()
        self._whole = whole

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC)
        said: dict[str, object] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record, whole=False),
        }
        if self._whole and record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


def _fields(record: logging.LogRecord, *, whole: bool) -> dict[str, object]:
    found = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
    if record.exc_info and record.exc_info[0] and not whole:
        kind, _, frames = record.exc_info
        found["error"] = kind.__name__
        found["where"] = " < ".join(
            f"{frame.name} ({frame.filename}:{frame.lineno})"
            for frame in reversed(traceback.extract_tb(frames))
        )
    return found


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
