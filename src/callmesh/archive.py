"""A call as one file: what an operator takes out of a hub, keeps, and puts back in.

A zip with three members. What is read may have been made by anybody.

call.json       an `Outline`: which call it is, as it was when it was exported
entries.jsonl   a line for each key of each State that is saved: state, key, time, writer, value
audit.jsonl     the lines of the audit log that are about this call; they are not read again

Of the hub's own record there is what hosts and the operator decided about persons and the call. The
proofs by which somebody comes back are not: who comes into a call that was put back comes anew.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

import msgspec

from callmesh.audit import Line, to_json
from callmesh.callstate import CallState, check_call_key, check_call_value, resource_about
from callmesh.clock import AHEAD, FOLLOWING, MICROSECONDS
from callmesh.door import ABOUT, MAX_DAYS, MAX_KEPT_OUT, PERSON, About, Grant
from callmesh.errors import BadInput, BadValue, CallmeshError, TooLarge
from callmesh.ids import (
    CALL,
    HUB,
    RECORD,
    CallId,
    StateId,
    call_id,
    display_name,
    is_volatile,
    person_id,
    resource_of,
    state_id,
    writer_id,
)  # fmt: skip
from callmesh.ledger import Delta, Ledger, Record
from callmesh.limits import Limits
from callmesh.state import Entry
from callmesh.values import MAX_VALUE, check_key, decode, encode

FORMAT = 1
OUTLINE, ENTRIES, AUDIT = MEMBERS = ("call.json", "entries.jsonl", "audit.jsonl")
MAX_ARCHIVE = 64 * 1024 * 1024
"""Bytes of an archive that is read."""
MAX_UNPACKED = 512 * 1024 * 1024
"""Bytes of all that is in it."""
MAX_RATIO = 100
"""How often longer than the archive that may be, from `SMALL` bytes on."""
SMALL = 16 * 1024 * 1024
MAX_LINE = 8 * MAX_VALUE
"""Bytes of one entry: JSON may need six times what MessagePack does."""
MAX_PERSONS = 2 * MAX_KEPT_OUT
MAX_ENTRIES = 1_000_000
STAMPED = AHEAD + FOLLOWING
"""How far ahead of the hub's clock an entry may be, as when it was accepted."""
DECIDED = 60 * MICROSECONDS
"""How far ahead a decision may be: it counts for tokens that a clock ahead of ours has signed."""


Thing = TypeVar("Thing", About, Grant)


class Outline(msgspec.Struct, frozen=True):
    """What an archive says of itself. What a later hub adds is passed over."""

    format: int
    id: str
    exported: int
    """Microseconds since the epoch, as all times here."""
    entries: int
    """How many there are."""
    made: int = 0
    ended: int = 0
    days: int = 0
    waiting_area: bool | None = None


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    """One line of the entries."""

    state: str
    key: str
    time: int
    writer: str
    value: msgspec.Raw


def kept_of(ledger: Ledger) -> list[Record]:
    """What of a call goes into its archive, in the order in which it was accepted."""
    return [r for r in ledger.live() if not is_volatile(r.state) and not _is_visit(r)]


def _is_visit(record: Record) -> bool:
    return record.state == RECORD and not record.entry.key.startswith((PERSON, ABOUT))


# --- writing


def write(to: BinaryIO, outline: Outline, records: Iterable[Record], audit: Iterable[Line]) -> None:
    """Write an archive. One that would look like a bomb to `read` is not compressed."""
    records, audit = list(records), list(audit)
    size = _write(to, outline, records, audit, zipfile.ZIP_DEFLATED)
    if size > max(SMALL, MAX_RATIO * to.tell()):
        to.seek(0)
        to.truncate()
        _write(to, outline, records, audit, zipfile.ZIP_STORED)


def _write(
    to: BinaryIO, outline: Outline, records: list[Record], audit: list[Line], how: int
) -> int:
    """Returns the bytes before compression."""
    with zipfile.ZipFile(to, "w", how) as archive:
        with archive.open(OUTLINE, "w") as whole:  # (`writestr` would write the time of day too)
            whole.write(msgspec.json.format(msgspec.json.encode(outline)) + b"\n")
        with archive.open(ENTRIES, "w") as lines:
            for record in records:
                lines.write(_line(record) + b"\n")
        with archive.open(AUDIT, "w") as lines:
            for line in audit:
                lines.write(to_json(line) + b"\n")
        return sum(member.file_size for member in archive.infolist())


def _line(record: Record) -> bytes:
    entry = record.entry
    value = msgspec.Raw(msgspec.json.encode(decode(entry.value)))
    return msgspec.json.encode(_Written(record.state, entry.key, entry.time, entry.writer, value))


# --- reading


@dataclass(frozen=True, slots=True)
class Contents:
    """A call as it is to be."""

    outline: Outline
    delta: Delta


def read(source: BinaryIO, now: int, limits: Limits) -> Contents:
    """What an archive holds, all of it checked. Raises `BadInput` and nothing else."""
    try:
        _check_size(source)
        with zipfile.ZipFile(source) as archive:
            _check_members(archive, source.seek(0, 2))
            outline = _outline(archive)
            return Contents(outline, _Reader(now, limits).read(_entries(archive, outline)))
    except CallmeshError:
        raise
    except _BROKEN as error:
        raise BadInput(f"this is no archive of a call: {error}") from error


_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError,
    KeyError, OverflowError, msgspec.MsgspecError,
)  # fmt: skip
"""What zipfile raises for files that are damaged, or made to be."""

_END = struct.Struct("<4s4H2LH")


def _check_size(source: BinaryIO) -> None:
    """Look at the end first: opening a zip reads its whole table, whatever that holds."""
    size = source.seek(0, 2)
    if size > MAX_ARCHIVE:
        raise TooLarge(f"an archive has at most {MAX_ARCHIVE} bytes")
    source.seek(max(0, size - _END.size - 20))
    end = source.read()
    if len(end) < _END.size + 20 or end[:4] == b"PK\x06\x07":
        raise BadInput("this is no archive of a call")
    magic, disk, start, here, members, _, _, comment = _END.unpack(end[20:])
    if magic != b"PK\x05\x06" or (disk, start, here, members, comment) != (0, 0, 3, 3, 0):
        raise BadInput(f"an archive of a call is a zip of {', '.join(MEMBERS)}, and nothing else")


def _check_members(archive: zipfile.ZipFile, size: int) -> None:
    members = archive.infolist()
    if sorted(member.filename for member in members) != sorted(MEMBERS):
        raise BadInput(f"an archive of a call is a zip of {', '.join(MEMBERS)}, and nothing else")
    if any(m.compress_type not in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED) for m in members):
        raise BadInput("an archive of a call is compressed by deflate, or not at all")
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED:
        raise TooLarge(f"an archive holds at most {MAX_UNPACKED} bytes, unpacked")
    if unpacked > max(SMALL, MAX_RATIO * size):
        raise TooLarge(f"an archive unpacks to at most {MAX_RATIO} times its size")


def _outline(archive: zipfile.ZipFile) -> Outline:
    with archive.open(OUTLINE) as file:
        outline = msgspec.json.decode(file.read(MAX_LINE), type=Outline)
    if outline.format != FORMAT:
        raise BadInput(f"this archive has the format {outline.format}, and here {FORMAT} is read")
    call_id(outline.id)
    return outline


def _entries(archive: zipfile.ZipFile, outline: Outline) -> Iterator[_Written]:
    count = 0
    with archive.open(ENTRIES) as file:
        while line := file.readline(MAX_LINE + 1):
            count += 1
            if len(line) > MAX_LINE or count > MAX_ENTRIES:
                raise TooLarge("this archive has more, or longer, entries than a call can have")
            yield _decode(line)
    if count != outline.entries:
        raise BadInput(f"this archive says that it has {outline.entries} entries; it has {count}")


_decode = msgspec.json.Decoder(_Written).decode


class _Reader:
    """Puts a ledger together from entries that anybody may have made up."""

    def __init__(self, now: int, limits: Limits) -> None:
        self._now = now
        self._limits = limits
        self._ledger = Ledger()
        self._ledger.flush()
        self._ledger.flushed()
        self._call = CallState()
        self._about: set[str] = set()
        """The resources that something is said about."""

    def read(self, entries: Iterable[_Written]) -> Delta:
        for number, written in enumerate(entries, 1):
            try:
                self._take(written)
            except (BadInput, msgspec.MsgspecError) as error:
                raise BadInput(f"entry {number}: {error}") from error
        if len(self._call.resources) > self._limits.resources:
            raise TooLarge(f"a call has at most {self._limits.resources} resources")
        if missing := self._about - set(self._call.resources):
            raise BadInput(f"there are entries about {min(missing)}, which is not in the call")
        self._ledger.used = self._now
        return self._ledger.flush()

    def _take(self, written: _Written) -> None:
        state = RECORD if written.state == RECORD else state_id(written.state)
        if is_volatile(state):
            raise BadValue(f"the State {state} is never saved")
        check_key(written.key)
        if not 0 <= written.time <= self._now + STAMPED:
            raise BadValue(f"{written.time} is no time that was")
        value = msgspec.json.decode(written.value)
        entry = Entry(written.key, written.time, writer_id(written.writer), self._encoded(value))
        self._check(state, entry, value)
        if not self._ledger.accept(state, entry):
            raise BadValue(f"{written.key} stands twice in {state}")
        self._check_room(state)

    def _encoded(self, value: object) -> msgspec.Raw:
        return encode(value, limit=self._limits.value_bytes)

    def _check(self, state: StateId, entry: Entry, value: object) -> None:
        if state == RECORD:
            self._check_record(entry, value)
        elif state == CALL:
            check_call_key(entry.key)
            check_call_value(entry.key, value)
            self._call.note(entry.key, value)
            if about := resource_about(entry.key):
                self._about.add(about)
        elif about := resource_of(state):
            self._about.add(about)

    def _check_room(self, state: StateId) -> None:
        kept, limits = self._ledger.state(state), self._limits
        keys = MAX_PERSONS if state == RECORD else limits.keys
        if kept.keys > keys or kept.size > limits.state_bytes:
            raise TooLarge(f"{state} has more in it than a State can have")

    # --- the hub's record

    def _check_record(self, entry: Entry, value: object) -> None:
        if entry.writer != HUB:
            raise BadValue("the record of the hub is written by the hub")
        if entry.key == f"{ABOUT}call":
            about = _as(About, value)
            self._check_times(about.ended, about.made)
            if not 0 <= about.days <= MAX_DAYS:
                raise BadValue(f"a call is kept for at most {MAX_DAYS} days")
            self._ledger.keep = about.keep
        elif entry.key.startswith(PERSON):
            person_id(entry.key.removeprefix(PERSON))
            grant = _as(Grant, value)
            display_name(grant.name)
            self._check_times(grant.left, grant.issued, grant.role_since, grant.removed)
        else:
            raise BadValue(f"an archive holds no {entry.key}")

    def _check_times(self, *times: int) -> None:
        if not all(0 <= time <= self._now + DECIDED for time in times):
            raise BadValue("something was decided in the future")


def _as(kind: type[Thing], value: object) -> Thing:
    """A thing of the record, and nothing that its kind does not know."""
    thing = msgspec.convert(value, kind)
    fields = {field.name for field in msgspec.structs.fields(kind)}
    if not isinstance(value, dict) or not fields >= value.keys():
        raise BadValue(f"a {kind.__name__} has {', '.join(sorted(fields))}")
    return thing


def name_of(call: CallId, exported: int) -> str:
    """What the file of an archive is called."""
    return f"{call}-{exported // MICROSECONDS}.callmesh.zip"
