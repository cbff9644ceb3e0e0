"""Archives: a call out of a hub and into one again, and what is refused on the way in."""

import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callmesh import archive
from callmesh.audit import Event, from_json
from callmesh.clock import AHEAD
from callmesh.door import DAY
from callmesh.errors import BadInput, NoSuchCall, Refused, Removed, StorageFailed
from callmesh.ids import CALL, RECORD, CallId, StateId, Writer
from callmesh.ledger import Kept, Ledger, Record
from callmesh.limits import Limits
from callmesh.operator import Operator
from callmesh.participant import Access
from callmesh.state import DELETED, Entry
from callmesh.storage.memory import MemoryStorage
from callmesh.testing import MemoryHub
from callmesh.values import encode
from tests.test_door import KEY, Guest, ends, link
from tests.test_saving import FailingStorage
from tests.test_visits import Clock

DEMO, OTHER = CallId("demo"), CallId("other")
NOW = 1_700_000_000_000_000
RESOURCE = {"app": "poll", "title": "Lunch?", "owner": "u1", "added": 1}
ABOUT = {"ended": 0, "final": False, "made": 5, "days": 7}
GRANT = {
    "name": "Bob", "admitted": True, "left": 0, "role": "guest", "role_since": 3, "removed": 0,
    "banned": False,
}  # fmt: skip


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def line(state: str, key: str, value: object, **other: object) -> dict[str, object]:
    return {"state": state, "key": key, "time": 1, "writer": "p1", "value": value} | other


def record(key: str, value: object, **other: object) -> dict[str, object]:
    return line(RECORD, key, value, writer="hub", **other)


FIRST = line(CALL, "resource/r1", RESOURCE)


def packed(
    *entries: object,
    members: dict[str, str | bytes] | None = None,
    how: int = zipfile.ZIP_DEFLATED,
    **outline: object,
) -> io.BytesIO:
    """An archive as somebody may make one by hand."""
    said = {"format": 1, "id": "demo", "exported": 1, "entries": len(entries)} | outline
    lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in entries]
    inside: dict[str, str | bytes] = {
        "call.json": json.dumps(said), "entries.jsonl": "".join(f"{text}\n" for text in lines),
        "audit.jsonl": "",
    }  # fmt: skip
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as zipped:
        for name, content in (inside if members is None else members).items():
            zipped.writestr(name, content)
    return file


def read(*entries: object, **options: Any) -> archive.Contents:
    return archive.read(packed(*entries, **options), NOW, Limits())


# --- what is refused


GOOD = [
    FIRST,
    line(CALL, "waiting_area", True, writer="hub"),
    line(CALL, "access/r1/guest", "view"),
    line(CALL, "access/r1/u1", "hidden"),
    line(CALL, "version/r1", 2),
    line(CALL, "active", "r1"),
    line(CALL, "note", {"free": [1, 2.5, None, "é\u2028"]}),
    line("state/r1", "k/1", [1], writer="p1.3", time=NOW + AHEAD),
    record("about/call", ABOUT),
    record("person/u1", GRANT),
]


def test_what_is_well_made_is_read() -> None:
    """[O20]"""
    found = read(*GOOD, made=5)
    assert (found.outline.id, found.outline.made) == ("demo", 5)
    assert len(found.delta.records) == len(GOOD)
    assert (found.delta.used, found.delta.keep) == (NOW, 7 * DAY)
    assert read(*GOOD, how=zipfile.ZIP_STORED).delta == found.delta


BAD = {
    "no object": "[]",
    "no JSON": "{",
    "a missing field": {"state": "call", "key": "k", "time": 1, "writer": "p1"},
    "a field more": line(CALL, "k", 1, more=1),
    "a State that is never saved": line("presence/r1", "p1/x", 1),
    "another one": line("roster", "p1", 1),
    "a third": line("door", "person/u1", 1),
    "no State": line("state/../r1", "k", 1),
    "a key without segments": line(CALL, "a//b", 1),
    "a long key": line(CALL, "k" * 257, 1),
    "a time that is none": line(CALL, "k", 1, time=-1),
    "a time in the future": line(CALL, "k", 1, time=NOW + 2 * AHEAD),
    "a time of no number": line(CALL, "k", 1, time="1"),
    "no writer": line(CALL, "k", 1, writer=""),
    "a writer of another kind": line(CALL, "k", 1, writer="u1"),
    "a deep value": line(CALL, "k", json.loads("[" * 40 + "]" * 40)),
    "a large integer": line(CALL, "k", 2**53),
    "a forbidden member": line(CALL, "k", {"__proto__": 1}),
    "a value that is too long": line(CALL, "k", "x" * 70_000),
    "half a character": '{"state":"call","key":"k","time":1,"writer":"p1","value":"\\ud800"}',
    "no finite number": '{"state":"call","key":"k","time":1,"writer":"p1","value":NaN}',
    "a resource of another form": line(CALL, "resource/r2", {"app": "poll"}),
    "a resource of no id": line(CALL, "resource/x", RESOURCE),
    "no access": line(CALL, "access/r1/guest", "all"),
    "access for nobody": line(CALL, "access/r1/bob", "view"),
    "a waiting area that is a text": line(CALL, "waiting_area", "yes"),
    "a version that is none": line(CALL, "version/r1", 0),
    "access to nothing": line(CALL, "access/r2/guest", "view"),
    "a state of nothing": line("state/r2", "k", 1),
    "twice the same": FIRST,
    "a record that a participant wrote": line(RECORD, "about/call", ABOUT),
    "proofs": record("visit/p1", {}),
    "another record": record("x", {}),
    "another about": record("about/other", ABOUT),
    "an about of another form": record("about/call", ABOUT | {"ended": "now"}),
    "an about with more in it": record("about/call", ABOUT | {"more": 1}),
    "a call that ended in the future": record("about/call", ABOUT | {"ended": NOW * 2}),
    "a call that is kept too long": record("about/call", ABOUT | {"days": 36_501}),
    "a person of no id": record("person/bob", GRANT),
    "a person without a name": record("person/u1", GRANT | {"name": " "}),
    "a person with a role that is none": record("person/u1", GRANT | {"role": "king"}),
    "a person who was removed in the future": record("person/u1", GRANT | {"removed": NOW * 2}),
    "a person who is a list": record("person/u1", []),
}


@pytest.mark.parametrize("what", BAD)
def test_an_entry_that_could_not_be_is_refused(what: str) -> None:
    """[O20]"""
    with pytest.raises(BadInput):
        read(FIRST, BAD[what])


def test_an_archive_of_another_form_is_refused() -> None:
    """[O20]"""
    inside = {"call.json": json.dumps({"format": 1, "id": "demo", "exported": 1, "entries": 0}),
              "entries.jsonl": "", "audit.jsonl": ""}  # fmt: skip
    assert read(members=inside).delta.records == []
    bad: list[dict[str, Any]] = [
        {"format": 2}, {"id": "../x"}, {"id": 5}, {"entries": 3}, {"made": "x"},
        {"members": {}}, {"members": inside | {"more": ""}},
        {"members": {**inside, "call.json": "{}"}}, {"members": {**inside, "call.json": b"\xff"}},
        {"members": {name: inside[name] for name in list(inside)[:2]}},
        {"members": {f"x/{name}": text for name, text in inside.items()}},
        {"how": zipfile.ZIP_BZIP2}, {"how": zipfile.ZIP_LZMA},
    ]  # fmt: skip
    for options in bad:
        with pytest.raises(BadInput):
            read(**options)
    for rubbish in (b"", b"PK", b"x" * 1000, packed(FIRST).getvalue() + b"x"):
        with pytest.raises(BadInput):
            archive.read(io.BytesIO(rubbish), NOW, Limits())


def test_an_archive_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """[O20] Bombs too, before they are unpacked."""
    bomb = packed(FIRST, line(CALL, "k", "x" * 60_000))
    archive.read(bomb, NOW, Limits())
    with monkeypatch.context() as patch:
        patch.setattr(archive, "SMALL", 1_000)
        patch.setattr(archive, "MAX_RATIO", 20)
        with pytest.raises(BadInput, match="20 times"):
            archive.read(bomb, NOW, Limits())
    for name, most in (
        ("MAX_ARCHIVE", 100), ("MAX_UNPACKED", 1_000), ("MAX_LINE", 1_000), ("MAX_ENTRIES", 1),
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(archive, name, most)
            with pytest.raises(BadInput):
                archive.read(bomb, NOW, Limits())
    for limits in (
        Limits(state_bytes=1_000), Limits(keys=1), Limits(resources=0), Limits(value_bytes=1_000),
    ):  # fmt: skip
        with pytest.raises(BadInput):
            archive.read(bomb, NOW, limits)
    with monkeypatch.context() as patch:
        patch.setattr(archive, "MAX_PERSONS", 1)
        with pytest.raises(BadInput):
            read(record("person/u1", GRANT), record("person/u2", GRANT))
    many = packed(members={f"member{number}": "" for number in range(2_000)})
    with pytest.raises(BadInput):
        archive.read(many, NOW, Limits())


@given(st.data())
def test_whatever_the_bytes_are_they_end_in_a_call_or_in_one_error(data: st.DataObject) -> None:
    """[O20]"""
    content = bytearray(packed(*GOOD, how=data.draw(st.sampled_from([0, 8]))).getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["change", "cut", "put", "double"])):
            case "change":
                content[at] = data.draw(st.integers(0, 255))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 40))]
            case "put":
                content[at:at] = data.draw(st.binary(min_size=1, max_size=8))
            case "double":
                content[at:at] = content[at : at + 60]
    try:
        found = archive.read(io.BytesIO(bytes(content)), NOW, Limits())
    except BadInput:
        return
    assert len(found.delta.records) == len(GOOD)


# --- what goes out comes in again


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner,
                      max_size=3),
    max_leaves=8,
)  # fmt: skip
KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9).filter(
    lambda key: "" not in key.split("/")
)
STATES = st.sampled_from(["state/r1", "state/r2", "call"])


def placed(state: str, key: str) -> str:
    """Where it may stand: in the call's own State, free keys alone."""
    return f"free/{key}" if state == "call" else key


@given(
    st.dictionaries(
        st.tuples(STATES, KEYS).map(lambda place: (place[0], placed(*place))),
        st.tuples(
            JSON.filter(lambda value: "__proto__" not in str(value)) | st.just(...),
            st.integers(0, NOW),
            st.sampled_from(["hub", "p1", "p0z.17"]),
        ),
        max_size=12,
    )
)
def test_what_was_exported_is_imported_exactly(
    content: dict[tuple[str, str], tuple[Any, int, str]],
) -> None:
    """[O20] Values with their kind and order, times, writers, in order; no tombstones."""
    ledger = Ledger()
    ledger.flush()
    ledger.flushed()
    for resource in ("r1", "r2"):
        ledger.accept(CALL, Entry(f"resource/{resource}", 1, Writer("p1"), encode(RESOURCE)))
    for (state, key), (value, time, writer) in content.items():
        data = DELETED if value is ... else encode(value)
        ledger.accept(StateId(state), Entry(key, time, Writer(writer), data))
    ledger.accept(StateId("presence/r1"), Entry("p1/x", 1, Writer("p1"), encode(1)))
    ledger.accept(RECORD, Entry("visit/p1", 1, Writer("hub"), encode({})))
    file, again = io.BytesIO(), io.BytesIO()
    kept = archive.kept_of(ledger)
    outline = archive.Outline(1, "demo", NOW, len(kept))
    archive.write(file, outline, kept, [])
    found = archive.read(file, NOW, Limits())

    def content_of(records: list[Record]) -> list[tuple[StateId, Entry]]:
        return [(record.state, record.entry) for record in records]

    assert content_of(found.delta.records) == content_of(kept)
    assert all(not r.entry.deleted and r.state != "presence/r1" for r in kept)
    archive.write(again, outline, found.delta.records, [])
    assert again.getvalue() == file.getvalue()
    with zipfile.ZipFile(file) as zipped:
        assert {one.date_time[0] for one in zipped.infolist()} == {1980}, "the same at any time"
    live = Ledger(Kept(found.delta.records, found.delta.reserved))
    assert live.number > found.delta.records[-1].number, "no number is used twice"


def test_what_would_look_like_a_bomb_is_not_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """[O20] What a hub has written it reads."""
    monkeypatch.setattr(archive, "SMALL", 1_000)
    ledger = Ledger()
    ledger.flush()
    ledger.flushed()
    for number in range(20):
        entry = Entry(f"k/{number}", 1, Writer("p1"), encode("x" * 60_000))
        ledger.accept(CALL, entry)
    file, kept = io.BytesIO(), archive.kept_of(ledger)
    archive.write(file, archive.Outline(1, "demo", NOW, len(kept)), kept, [])
    assert len(file.getvalue()) > 20 * 60_000
    assert len(archive.read(file, NOW, Limits()).delta.records) == 20


# --- on a hub


@pytest.fixture
async def hub(clock: Clock) -> AsyncIterator[MemoryHub]:
    async with MemoryHub(storage=FailingStorage(), key=KEY) as hub:
        yield hub


async def filled(hub: MemoryHub, clock: Clock) -> tuple[Operator, io.BytesIO]:
    """A call in which this and that has happened, and its archive."""
    operator = Operator(hub.live, hub.live._authority)
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        guest = Guest(hub, link(clock, "guest", "eve", wait=False))
        eve = await guest.inside()
        poll = await ada.resources.add("poll", title="Lunch?", state={"question": "Where?"})
        poll.set_access("guest", "view")
        ada.state["left"] = {"a": [1, 1.0, "é"]}
        del ada.state["left"]
        ada.state["right"] = {"a": [1, 1.0, "é"]}
        await ada.state.saved()
        await operator.set_retention(DEMO, 12)
        await ada.hosting.remove(eve.me.person)
        await ends(eve)
        await guest.go()
        file = io.BytesIO()
        name = await operator.export(DEMO, file)
        assert name == f"demo-{clock.now // 1_000_000}.callmesh.zip"
    return operator, file


@pytest.mark.anyio
async def test_a_call_is_put_back_as_it_was(hub: MemoryHub, clock: Clock) -> None:
    """[O20] Under its own id after it was deleted, or under another one; people come anew."""
    eve = link(clock, "guest", "eve", wait=False)
    operator, file = await filled(hub, clock)
    await operator.delete(DEMO)
    clock.now += 1_000_000
    info = await operator.take_in(file)
    assert (info.id, info.retention, info.resources, info.used) == ("demo", 12, 1, clock.now)
    with pytest.raises(Refused):
        await operator.take_in(file)
    assert (await operator.take_in(file, OTHER)).id == "other"
    with pytest.raises(Removed):
        await Guest(hub, eve).inside()
    async with hub.join("Ada", url=link(clock, "host", "ada")) as ada:
        (poll,) = ada.resources.values()
        assert (poll.title, dict(poll.state)) == ("Lunch?", {"question": "Where?"})
        assert poll.settings == {"guest": Access.VIEW}
        assert ada.state["right"] == {"a": [1, 1.0, "é"]}
        assert "left" not in ada.state
        assert [p.name for p in ada.participants.values()] == ["Ada"]
        poll.state["question"] = "later"
        await poll.state.saved()
    event = (await operator.lines(-30, 30))[-1].event
    imported = [one.event async for one in operator.audit() if one.event.what == "call.imported"]
    assert [(e.call, e.by, e.detail["of"]) for e in imported] == [
        ("demo", "operator", "demo"), ("other", "operator", "demo"),
    ]  # fmt: skip
    assert imported[0].detail["sha256"] == imported[1].detail["sha256"]
    assert event.call == "demo"


@pytest.mark.anyio
async def test_an_archive_has_what_the_audit_log_says_of_the_call(
    hub: MemoryHub, clock: Clock
) -> None:
    """[O20, O1] And no proof by which anybody could come back."""
    operator = Operator(hub.live, hub.live._authority)
    await operator.create("another")
    _, file = await filled(hub, clock)
    with zipfile.ZipFile(file) as zipped:
        lines = [from_json(text) for text in zipped.read("audit.jsonl").splitlines()]
        entries = zipped.read("entries.jsonl").decode()
        outline = json.loads(zipped.read("call.json"))
    whats = [line.event.what for line in lines]
    assert {line.event.call for line in lines} == {"demo"}
    assert (whats[0], whats[-1]) == ("call.created", "call.exported")
    assert "person.removed" in whats
    assert "visit/" not in entries
    assert "presence" not in entries
    assert (outline["days"], outline["id"]) == (12, "demo")


@pytest.mark.anyio
async def test_an_import_is_all_or_nothing(hub: MemoryHub, clock: Clock) -> None:
    """[O20]"""
    operator, file = await filled(hub, clock)
    storage = hub.live._storage
    assert isinstance(storage, FailingStorage)
    before = storage.audit(0, 1_000)
    with pytest.raises(BadInput):
        await operator.take_in(packed(FIRST, BAD["a time in the future"]), OTHER)
    with pytest.raises(Refused):
        await operator.take_in(file)
    with pytest.raises(NoSuchCall):
        await operator.info(OTHER)
    assert storage.audit(0, 1_000) == before
    storage.refuse = {"commit"}
    with pytest.raises(StorageFailed):
        await operator.take_in(file, OTHER)
    storage.refuse = set()
    await hub.live._saving.commit()
    assert list(storage.calls()) == ["demo"]
    assert all(line.event.what != "call.imported" for line in storage.audit(0, 1_000))


@pytest.mark.anyio
async def test_nothing_is_exported_that_cannot_be_written_down(
    hub: MemoryHub, clock: Clock
) -> None:
    """[O17, O20]"""
    operator, _ = await filled(hub, clock)
    storage = hub.live._storage
    assert isinstance(storage, FailingStorage)
    storage.refuse = {"commit"}
    file = io.BytesIO()
    with pytest.raises(StorageFailed):
        await operator.export(DEMO, file)
    assert file.getvalue() == b""
    storage.refuse = set()


@pytest.mark.anyio
async def test_many_audit_lines_are_read_in_parts(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[O20]"""
    monkeypatch.setattr("callmesh.operator.LINES", 3)
    storage = MemoryStorage()
    storage.commit({}, [Event(n, "participant.joined", f"c{n % 2}") for n in range(10)])
    async with MemoryHub(storage=storage) as hub:
        operator = Operator(hub.live, hub.live._authority)
        numbers = [line.number async for line in operator.audit(CallId("c1"))]
    assert numbers == [2, 4, 6, 8, 10]
