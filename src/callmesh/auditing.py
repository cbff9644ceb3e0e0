"""`callmesh audit`: read the audit log of a hub, which may be running, and check its chain."""

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from callmesh.audit import START, Event, Line, as_written, faults, from_json, to_json
from callmesh.errors import BadInput
from callmesh.folder import DATABASE
from callmesh.storage.sqlite import SqliteStorage

AT_ONCE = 1_000
PROVED = """{count}, {chained} of them right after the line before, which they follow.
Of the others, and of those left out, a part of a log proves nothing. That it is of a hub's log is
shown by the whole one: callmesh audit verify --data DIR --noted {last}"""


def lines_of(data: Path) -> Iterator[Line]:
    """Every line that the hub of a folder has written. Raises `BadInput` or `StorageFailed`."""
    with _opened(data) as storage:
        after = 0
        while lines := storage.audit(after, AT_ONCE):
            yield from lines
            after = lines[-1].number


def written_in(data: Path) -> Iterator[Line]:
    """The same, where each stands there as it was written. Raises `BadInput` where one does not."""
    with _opened(data) as storage:
        after = 0
        while texts := storage.audit_texts(after, AT_ONCE):
            for number, text, hash in texts:
                yield as_written(number, text, hash)
                after = number


@contextlib.contextmanager
def _opened(data: Path) -> Iterator[SqliteStorage]:
    file = data / DATABASE
    if not file.is_file():
        raise BadInput(f"{data} holds no hub's data; say where it is with --data DIR")
    with contextlib.closing(SqliteStorage(file)) as storage:
        yield storage


def lines_in(file: Path) -> Iterator[Line]:
    """The lines of an export. Raises `BadInput`."""
    try:
        with file.open("rb") as lines:
            for number, text in enumerate(lines, 1):
                try:
                    yield from_json(text)
                except BadInput as error:
                    raise BadInput(f"{file}, line {number}: {error}") from error
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}") from error


def export(lines: Iterable[Line], call: str | None) -> int:
    """Print lines as JSON, one object each; of one call alone, if one is named."""
    for line in lines:
        if call is None or line.event.call == call:
            sys.stdout.buffer.write(to_json(line) + b"\n")
    return 0


def fetches(lines: Iterable[Line], call: str | None, runs: Callable[[], bool]) -> int:
    """Print what apps fetched as JSON, one object each, in the order in which it was over.

    Of some no line says what came of them: the hub stopped before, or the call was deleted. Where
    it `runs`, those that it began since its start are under way.
    """
    begun: dict[str, Event] = {}
    for event in (line.event for line in lines):
        kind, _, what = event.what.partition(".")
        if kind == "hub":
            for one in begun.values():
                _print_fetch(one, "unknown, the hub stopped")
            begun.clear()
        elif event.what == "call.deleted":
            for id in [id for id, one in begun.items() if one.call == event.call]:
                _print_fetch(begun.pop(id), "unknown, the call was deleted")
        elif kind != "fetch" or call not in (None, event.call):
            continue
        elif what == "begun":
            begun[event.detail["fetch"]] = event
        else:
            more = event.detail.get("status") or event.detail.get("why", "")
            one = begun.pop(event.detail.get("fetch", ""), event)
            _print_fetch(one, f"{what}: {more}")
    left = "under way" if begun and runs() else "unknown, the hub stopped"
    for one in begun.values():
        _print_fetch(one, left)
    return 0


def _print_fetch(begun: Event, outcome: str) -> None:
    about = {name: begun.detail[name] for name in ("app", "resource", "method", "url")}
    said = {"time": begun.time, "call": begun.call, "by": begun.by, "name": begun.name, **about}
    print(json.dumps({**said, "outcome": outcome}, ensure_ascii=False))


def verify(lines: Iterable[Line], expected: str | None, *, part: bool = False) -> int:
    """Check the chain, and that the line somebody has noted, `NUMBER:HASH`, is still in it.

    Of a `part` of a log, lines may be left out.
    """
    noted = _noted(expected)
    last = START
    found = noted is None
    count = chained = 0

    def passing() -> Iterator[Line]:
        nonlocal last, found, count, chained
        for line in lines:
            count, chained = count + 1, chained + (line.number == last.number + 1)
            last = line
            found = found or (line.number, line.hash) == noted
            yield line

    wrong = list(faults(passing(), part=part))
    if not found and expected is not None:
        wrong.append(f"the line that was noted, {expected}, is not in it")
    for fault in wrong:
        print(f"callmesh: {fault}", file=sys.stderr)
    if wrong:
        return 1
    if part:
        print(
            PROVED.format(count=_lines(count), chained=chained, last=f"{last.number}:{last.hash}")
        )
    else:
        print(f"{_lines(count)}, and the chain holds. Note the last one: {last.number}:{last.hash}")
    return 0


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _noted(expected: str | None) -> tuple[int, str] | None:
    if expected is None:
        return None
    found = re.fullmatch(r"([0-9]{1,15}):([0-9a-f]{64})", expected)
    if found is None:
        raise BadInput("a noted line looks as `callmesh audit verify` prints it: NUMBER:HASH")
    return int(found[1]), found[2]
