from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from callmesh import messages
from callmesh.history import MAX_HISTORY, Edit, History
from callmesh.ids import StateId, Writer
from callmesh.letters import open_letter
from callmesh.messages import Batch, Denial, Group, Letter, Write
from callmesh.replica import Replica
from callmesh.shared import Root, SharedState
from callmesh.state import DELETED, Entry
from callmesh.values import encode
from tests import vectors

VECTORS = vectors.load("history")


def edit(described: dict[str, Any]) -> Edit:
    old, new = described["old"], described["new"]
    return Edit(old and vectors.value(old), new and vectors.value(new))


class Run:
    """Carries out the steps of one vector."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.history = History(limit=case.get("limit", 100), merge=case.get("merge", 0))

    def wrote(self, step: dict[str, Any]) -> None:
        self.history.wrote({key: edit(e) for key, e in step["keys"].items()}, step["now"])

    def lost(self, step: dict[str, Any]) -> None:
        self.history.lost(iter(step["keys"]))

    def undo(self, step: dict[str, Any]) -> None:
        assert self.history.undo() == {k: vectors.value(v) for k, v in step["writes"].items()}

    def redo(self, step: dict[str, Any]) -> None:
        assert self.history.redo() == {k: vectors.value(v) for k, v in step["writes"].items()}

    def clear(self, _: dict[str, Any]) -> None:
        self.history.clear()

    def expect(self, step: dict[str, Any]) -> None:
        assert (self.history.can_undo, self.history.can_redo) == (step["undo"], step["redo"])


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_undo_does_as_the_vectors_say(case: dict[str, Any]) -> None:
    """[S20]"""
    run = Run(case)
    for step in case["steps"]:
        getattr(run, step["do"])(step)


class Shared:
    """A map that two write: the naive model, which remembers everything."""

    def __init__(self, merge: int = 0) -> None:
        self.history = History(limit=1_000, merge=merge)
        self.values: dict[str, Raw] = {"a": encode(0), "b": encode(0)}
        self.writers: dict[str, str] = {}
        self.number = 0
        self.theirs: dict[str, int] = {}
        """Key → number of the other's last write."""
        self.done: list[tuple[int, dict[str, Edit]]] = []
        self.undone: list[tuple[int, dict[str, Edit]]] = []

    def put(self, writer: str, values: Mapping[str, Raw]) -> None:
        for key, value in values.items():
            self.writers[key] = writer
            if value == DELETED:
                self.values.pop(key, None)
            else:
                self.values[key] = value

    def mine(self, values: Mapping[str, Raw]) -> None:
        self.number += 1
        news = {key: None if value == DELETED else value for key, value in values.items()}
        edits = {key: Edit(self.values.get(key), new) for key, new in news.items()}
        self.put("me", values)
        self.history.wrote(edits, self.number)
        if any(e.old != e.new for e in edits.values()):
            self.done.append((self.number, edits))
            self.undone.clear()

    def other(self, values: Mapping[str, Raw]) -> None:
        self.number += 1
        self.put("other", values)
        self.history.lost(values)
        self.theirs.update(dict.fromkeys(values, self.number))

    def undo(self) -> bool:
        return self.move(self.history.undo(), self.expected(self.done, self.undone, "old"))

    def redo(self) -> bool:
        return self.move(self.history.redo(), self.expected(self.undone, self.done, "new"))

    def move(self, writes: dict[str, Raw], expected: dict[str, Raw]) -> bool:
        assert writes == expected
        assert all(self.writers[key] == "me" for key in writes)
        self.put("me", writes)
        return bool(writes)

    def expected(self, source: list[Any], target: list[Any], which: str) -> dict[str, Raw]:
        while source:
            number, edits = source.pop()
            target.append((number, edits))
            writes = {
                key: getattr(e, which) or DELETED
                for key, e in edits.items()
                if e.old != e.new and self.theirs.get(key, 0) < number
            }
            if writes:
                return writes
        return {}


values = st.sampled_from([DELETED, encode(0), encode(1), encode("x"), encode(None)])
transactions = st.dictionaries(st.sampled_from("abcd"), values, min_size=1)
others = st.tuples(st.just("other"), transactions)
own = st.tuples(st.just("mine"), transactions)
moves = st.tuples(st.sampled_from(["undo", "redo"]))


@given(st.lists(own | others | moves | moves, max_size=40))
def test_undo_is_never_of_what_somebody_else_wrote_last(steps: list[tuple[Any, ...]]) -> None:
    """[S20] And of all that is still one's own."""
    shared = Shared()
    for name, *given_values in steps:
        getattr(shared, name)(*given_values)


@given(st.lists(own, max_size=20), st.integers(0, 3))
def test_undoing_all_leads_to_the_start_and_redoing_all_to_the_end(
    steps: list[tuple[str, dict[str, Raw]]], merge: int
) -> None:
    """[S20]"""
    shared = Shared(merge)
    start = dict(shared.values)
    for _, written in steps:
        shared.mine(written)
    end = dict(shared.values)
    for _ in range(2):
        while writes := shared.history.undo():
            shared.put("me", writes)
        assert shared.values == start
        while writes := shared.history.redo():
            shared.put("me", writes)
        assert shared.values == end


def test_a_history_has_a_largest_size() -> None:
    """[S20] The oldest steps go first."""
    history = History(merge=0)
    big = encode("x" * 60_000)
    for n in range(99):
        history.wrote({f"k{n}": Edit(None, big)}, n)
    undone = 0
    while history.undo():
        undone += 1
    assert MAX_HISTORY - 61_000 < undone * 60_000 <= MAX_HISTORY


STATE = StateId("state/r1")


class Linked:
    """A replica that a test plays the hub for."""

    def __init__(self) -> None:
        self.time = 1_700_000_000_000_000
        self.cursor = 0
        self.replica = Replica(self.now, lambda: None, lambda changes: None)
        self.replica.mesh.writer = Writer("pa")
        self.state = SharedState(Root(self.replica, STATE))
        self.batch(whole=True)

    def now(self) -> int:
        self.time += 1
        return self.time

    def batch(self, *entries: Entry, whole: bool = False) -> None:
        self.cursor += 1
        groups = [Group(STATE, list(entries))]
        self.replica.batch(Batch(self.cursor, self.cursor, whole, groups))

    def sent(self) -> list[Entry]:
        writes = self.replica.mesh.outgoing()
        return [entry for write in writes for group in write.groups for entry in group.entries]


def test_what_a_whole_batch_leaves_out_is_not_ones_own_any_more() -> None:
    """[S20, S12] Somebody deleted it while this participant was away."""
    linked = Linked()
    history = linked.state.history(merge=0)
    linked.state["k"] = 1
    linked.state["k"] = 2
    linked.state["mine"] = 3
    linked.batch(*linked.sent())
    mine = linked.replica.mesh.entry(STATE, "mine")
    assert mine is not None
    linked.batch(mine, whole=True)
    assert dict(linked.state) == {"mine": 3}
    assert history.undo()
    assert dict(linked.state) == {}
    assert not history.undo()


def test_what_is_not_settled_stays_ones_own_through_a_whole_batch() -> None:
    """[S20, S11] It is sent again, and so is a delete."""
    linked = Linked()
    linked.state["old"] = 1
    linked.batch(*linked.sent())
    history = linked.state.history(merge=0)
    linked.state["k"] = 1
    del linked.state["old"]
    linked.sent()
    linked.batch(whole=True)
    assert dict(linked.state) == {"k": 1}
    assert history.undo()
    assert history.undo()
    assert dict(linked.state) == {"old": 1}


def test_a_value_that_was_denied_is_not_written_again_by_undoing_the_next() -> None:
    """[S20, S10]"""
    linked = Linked()
    history = linked.state.history(merge=0)
    linked.state["k"] = "denied"
    (denied,) = linked.sent()
    linked.state["k"] = "later"
    linked.replica.deny(Denial("no_right", "no", denied.time, "pa", [(STATE, "k")], linked.time))
    assert dict(linked.state) == {"k": "later"}
    assert not history.undo()
    assert dict(linked.state) == {"k": "later"}


def test_what_a_letter_comes_to_stand_over_is_not_ones_own_any_more() -> None:
    """[S20, S17] The letter was ahead of the hub's clock, like the write over it."""
    linked = Linked()
    ahead = Entry("k", linked.time + 3_600_000_000, Writer("pb"), encode("theirs"))
    letter = Letter("pb", 1, True, messages.encode(Write([Group(STATE, [ahead])])), b"")
    linked.replica.peers(linked.replica.mesh.take_in(open_letter(letter)))
    history = linked.state.history(merge=0)
    linked.state["k"] = "mine"
    assert history.can_undo
    (own,) = linked.sent()
    denial = Denial("clock_ahead", "no", own.time, "pa", [(STATE, "k")], linked.time)
    linked.replica.deny(denial)
    assert dict(linked.state) == {"k": "theirs"}
    assert not history.undo()
    assert dict(linked.state) == {"k": "theirs"}
