"""The contract that every adapter of a port has to keep, for the tests of adapters."""

import asyncio
import contextlib
from collections.abc import Callable

from callmesh.audit import Event, faults
from callmesh.errors import CallmeshError, Replaced
from callmesh.ids import ABOUT, HUB, RECORD, CallId, StateId, Writer
from callmesh.ledger import Delta, Kept, Ledger, Record
from callmesh.ports import Link, Storage
from callmesh.state import DELETED, Entry
from callmesh.values import encode


def check_storage(open_storage: Callable[[], Storage]) -> None:
    """The contract of `Storage`. `open_storage` opens the same place every time."""
    one, two, state = CallId("one"), CallId("two"), StateId("state/r1")

    def write(ledger: Ledger, key: str, value: object, time: int) -> None:
        data = DELETED if value is ... else encode(value)
        ledger.accept(state, Entry(key, time, Writer("p1"), data))

    storage = open_storage()
    assert storage.load(one) is None, "a call that was never saved is None, not empty"
    assert list(storage.calls()) == []
    first, second = Ledger(), Ledger()
    storage.commit({})
    storage.commit({one: first.flush(), two: second.flush()})
    first.flushed()
    second.flushed()
    for time, key in enumerate(("a", "b", "é/€"), 1):
        write(first, key, {"n": time}, time)
    write(second, "a", None, 1)
    storage.commit({one: first.flush(), two: second.flush()})
    first.flushed()
    second.flushed()
    storage.close()

    storage = open_storage()
    assert list(storage.calls()) == [one, two]
    assert _records(storage, one) == first.since(0), "what was committed is there"
    assert _records(storage, two) == second.since(0), "calls are kept apart"
    write(first, "a", "new", 5)
    write(first, "b", ..., 6)
    storage.commit({one: first.flush()})
    first.flushed()
    assert _records(storage, one) == first.since(0), "a commit replaces what it names, no more"
    kept = storage.load(one)
    assert kept is not None
    assert kept.reserved > first.number, "numbers are set aside"
    first.drop(state)
    storage.commit({one: first.flush()})
    assert _records(storage, one) == [], "what is forgotten is gone"
    storage.commit({one: Delta([], [], 0, kept.reserved)})
    _check_audit(storage)
    _check_use(storage, one, two)
    storage.commit({}, [Event(9, "call.deleted", one)], [one])
    assert [line.event.what for line in storage.audit(-1, 10)] == ["call.deleted"]
    assert storage.load(one) is None
    assert list(storage.calls()) == [two]
    storage.close()
    storage.close()


def _check_audit(storage: Storage) -> None:
    events = [Event(time, "participant.joined", "one", name="Ådá") for time in range(5)]
    assert storage.audit(0, 10) == storage.audit(-1, 10) == []
    storage.commit({}, events[:2])
    storage.commit({}, events[2:])
    lines = storage.audit(0, 10)
    assert [line.event for line in lines] == events, "in the order in which they were committed"
    assert list(faults(lines)) == []
    assert storage.audit(3, 1) == lines[3:4]
    assert storage.audit(-2, 10) == lines[-2:]
    assert storage.audit(-2, 1) == lines[-2:-1]
    assert storage.audit(5, 10) == []


def _check_use(storage: Storage, one: CallId, two: CallId) -> None:
    storage.commit(
        {one: Delta([], [], 0, 5, used=100, keep=10), two: Delta([], [], 0, 5, used=100)}
    )
    kept = storage.load(one)
    assert kept is not None
    assert (kept.reserved, kept.used, kept.keep) == (5, 100, 10)
    assert storage.unused(109, 0) == []
    assert storage.unused(110, 0) == [one], "its own time has run out"
    assert storage.unused(110, 9) == [one, two], "and so has the hub's"
    assert storage.unused(110, 11) == [one]
    pages = [list(storage.calls(*page)) for page in ((one,), ("", 1), (two,))]
    assert pages == [[two], [one], []]
    assert storage.calls()[one] == Kept([], 5, 100, 10), "without what is in them"
    about = Record(5, RECORD, Entry(ABOUT, 1, HUB, encode({"ended": 7})))
    other = Record(4, RECORD, Entry("person/u1", 1, HUB, encode({"name": "Ada"})))
    storage.commit({one: Delta([about, other], [], 5, 5, 100, 10)})
    assert storage.calls()[one] == Kept([about], 5, 100, 10)


def _records(storage: Storage, call: CallId) -> list[Record]:
    kept = storage.load(call)
    assert kept is not None
    return sorted(kept.records, key=lambda record: record.number)


async def check_link(near: Link, far: Link) -> None:
    """The contract of `Link`, for two ends that are joined."""
    bundles = [b"", b"\x90", bytes(range(256)) * 1000]
    for bundle in bundles:
        await near.send(bundle)
        assert await far.receive() == bundle, "bundles arrive whole and in order"
        await far.send(bundle)
        assert await near.receive() == bundle
    flood = asyncio.create_task(_flood(near))
    await asyncio.sleep(0)
    assert not flood.done(), "a sender waits for a reader"
    for _ in range(FLOOD):
        assert len(await far.receive()) == 60_000
    await flood
    await near.close(4409, "replaced")
    with contextlib.suppress(Replaced):
        await far.receive()
        raise AssertionError("a closed link gives nothing, and the close code says why")
    await near.close()
    await far.close()
    for end in (near, far):
        try:
            await end.send(b"\x90")
        except CallmeshError:
            continue
        raise AssertionError("a closed link takes nothing")


FLOOD = 300


async def _flood(link: Link) -> None:
    for _ in range(FLOOD):
        await link.send(b"x" * 60_000)
