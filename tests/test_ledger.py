import pytest

from callmesh.errors import StorageFailed
from callmesh.ids import StateId, Writer
from callmesh.ledger import Kept, Ledger
from callmesh.state import DELETED, Entry
from callmesh.storage.memory import MemoryStorage
from callmesh.values import decode, encode
from tests.simulated import CALL_ID

STATE = StateId("state/r1")


def entry(key: str, time: int, value: object = None) -> Entry:
    return Entry(key, time, Writer("pa"), DELETED if value is ... else encode(value))


def opened(kept: Kept | None = None) -> Ledger:
    """A ledger as a hub opens it: with numbers set aside."""
    ledger = Ledger(kept)
    ledger.flush()
    ledger.flushed()
    return ledger


def keys_since(ledger: Ledger, cursor: int) -> list[str]:
    return [record.entry.key for record in ledger.since(cursor)]


def test_a_write_moves_its_key_to_the_end() -> None:
    """[L1]"""
    ledger = opened()
    for time, key in enumerate("abcab", 1):
        assert ledger.accept(STATE, entry(key, time))
    assert keys_since(ledger, 0) == ["c", "a", "b"]
    assert keys_since(ledger, 4) == ["b"]
    assert keys_since(ledger, 5) == []
    assert len(ledger) == 3


def test_an_older_write_is_not_taken() -> None:
    """[S1]"""
    ledger = opened()
    ledger.accept(STATE, entry("a", 5, "new"))
    assert not ledger.accept(STATE, entry("a", 4, "old"))
    assert not ledger.accept(STATE, entry("a", 5, "new"))
    assert decode(ledger.state(STATE).entries["a"].value) == "new"
    assert ledger.number == 1


def test_no_number_is_used_twice() -> None:
    """[L3] What was accepted and not saved leaves a gap, and nobody follows from inside it."""
    storage, ledger = MemoryStorage(), opened()
    ledger.accept(STATE, entry("a", 1))
    storage.commit({CALL_ID: ledger.flush()})
    ledger.flushed()
    ledger.accept(STATE, entry("b", 2))
    lost = ledger.number
    again = opened(storage.load(CALL_ID))
    again.accept(STATE, entry("c", 3))
    assert again.number > lost
    assert [cursor for cursor in (1, lost, again.number) if again.follows(cursor)] == [again.number]


def test_no_number_is_given_out_before_some_are_set_aside() -> None:
    """[L3] Two crashes without a commit between them must not meet."""
    with pytest.raises(StorageFailed):
        Ledger().accept(STATE, entry("a", 1))


def test_a_cursor_from_before_a_collected_tombstone_does_not_follow() -> None:
    """[L3]"""
    ledger = opened()
    ledger.accept(STATE, entry("a", 1))
    ledger.accept(STATE, entry("a", 2, ...))
    ledger.accept(STATE, entry("b", 3))
    assert ledger.follows(1)
    ledger.collect(before=3)
    assert not ledger.follows(1)
    assert ledger.follows(2), "it has seen the tombstone"
    assert keys_since(ledger, 0) == ["b"]


def test_a_cursor_from_the_future_does_not_follow() -> None:
    """[L3]"""
    ledger = opened()
    ledger.accept(STATE, entry("a", 1))
    assert not ledger.follows(0)
    assert not ledger.follows(2)


def test_what_the_disk_refused_is_flushed_again() -> None:
    """[L7]"""
    ledger = opened()
    ledger.accept(STATE, entry("a", 1))
    ledger.flush()
    ledger.flush_failed()
    assert ledger.saved == 0
    ledger.accept(STATE, entry("b", 2))
    assert [record.entry.key for record in ledger.flush().records] == ["a", "b"]
    ledger.flushed()
    assert ledger.saved == 2
    assert not ledger.dirty


def test_forgotten_registers_are_forgotten_on_disk_though_a_commit_failed() -> None:
    """[L7, R5]"""
    ledger = opened()
    ledger.accept(STATE, entry("a", 1))
    ledger.flush()
    ledger.flushed()
    ledger.drop(STATE)
    assert ledger.flush().forgotten == [(STATE, "a")]
    ledger.flush_failed()
    assert ledger.flush().forgotten == [(STATE, "a")]
    ledger.flush_failed()
    ledger.accept(STATE, entry("a", 9))
    assert ledger.flush().forgotten == []


def test_presence_and_the_roster_are_never_saved() -> None:
    """[P1]"""
    ledger = opened()
    ledger.accept(StateId("presence/r1"), entry("p1/x", 1))
    ledger.accept(StateId("roster"), entry("p1", 2))
    ledger.accept(STATE, entry("a", 3))
    assert [record.state for record in ledger.flush().records] == [STATE]


def test_numbers_of_lives_that_could_set_none_aside_are_far_apart() -> None:
    """[L9, L3] Nobody follows from one into the other, nor into a life that could."""
    kept = Kept([], reserved=1000)
    first, second, sound = Ledger(kept), Ledger(kept), opened(kept)
    first.set_apart(2**32)
    second.set_apart(2**33)
    for ledger in (first, second, sound):
        ledger.accept(STATE, entry("a", 1))
    cursors = [first.number, second.number, sound.number]
    assert [[ledger.follows(c) for c in cursors] for ledger in (first, second, sound)] == [
        [True, False, False], [False, True, False], [False, False, True],
    ]  # fmt: skip
    assert first.flush().reserved > first.number, "and the disk knows of them when it can"
    with pytest.raises(StorageFailed, match="no more numbers"):
        Ledger(Kept([], reserved=2**53 - 2**33)).set_apart(2**33)
