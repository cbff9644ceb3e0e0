import contextlib
from collections.abc import Iterator, MutableMapping
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callmesh.errors import BadName, BadValue
from callmesh.ids import Writer
from callmesh.lists import MAX_POSITION, OrderedList, between, is_position
from callmesh.state import DELETED, Entry, State
from callmesh.values import decode, encode
from tests import vectors

VECTORS = vectors.load("lists")


class Replica(MutableMapping[str, Any]):
    """A State of its own, which hears of the others' writes when they are merged into it."""

    def __init__(self, name: str = "pa", values: dict[str, Any] | None = None) -> None:
        self.state = State()
        self.name = Writer(name)
        self.time = 0
        self._open: dict[str, Any] | None = None
        self.transactions: list[dict[str, Any]] = []
        for key, value in (values or {}).items():
            self[key] = value
        self.transactions.clear()

    def __getitem__(self, key: str) -> Any:
        entry = self.state.entries.get(key)
        if entry is None or entry.deleted:
            raise KeyError(key)
        return decode(entry.value)

    def __setitem__(self, key: str, value: object) -> None:
        encode(value)
        with self.transaction():
            assert self._open is not None
            self._open[key] = {"value": value}

    def __delitem__(self, key: str) -> None:
        self[key]
        with self.transaction():
            assert self._open is not None
            self._open[key] = {"deleted": True}

    def __iter__(self) -> Iterator[str]:
        return (entry.key for entry in self.state.live())

    def __len__(self) -> int:
        return self.state.keys

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        if self._open is not None:
            yield
            return
        self._open = {}
        try:
            yield
            self.transactions.append(self._open)
            self.time += 1
            for key, value in self._open.items():
                self.state.merge(Entry(key, self.time, self.name, vectors.value(value)))
        finally:
            self._open = None

    def merge(self, other: "Replica") -> None:
        for entry in other.state.entries.values():
            self.state.merge(entry)
        self.time = max(self.time, other.time)


def list_on(replica: Replica) -> OrderedList:
    numbers = count()
    return OrderedList(replica, lambda: f"i{next(numbers)}-{replica.name}")


@pytest.mark.parametrize("case", VECTORS["positions"], ids=lambda case: repr(case["value"])[:40])
def test_what_can_be_a_position(case: dict[str, Any]) -> None:
    """[S21]"""
    assert is_position(case["value"]) == case["valid"]


@pytest.mark.parametrize(
    "case", VECTORS["between"], ids=lambda c: f"{c['count']} in {c['after']}–{c['before']}"
)
def test_positions_are_those_of_the_page(case: dict[str, Any]) -> None:
    """[S21]"""
    assert between(case["after"], case["before"], case["count"]) == case["keys"]


@pytest.mark.parametrize("case", VECTORS["lists"], ids=lambda case: case["name"])
def test_lists_do_as_the_vectors_say(case: dict[str, Any]) -> None:
    """[S21]"""
    replica = Replica(values=case["state"])
    fresh: list[str] = []
    items = OrderedList(replica, fresh.pop)
    for step in case["steps"]:
        told = carry_out(items, step, fresh)
        assert told == step.get("there", step.get("id"))
        written: dict[str, Any] = replica.transactions.pop() if replica.transactions else {}
        assert not replica.transactions
        assert written == step.get("writes", {})
        assert items.ids() == step["ids"]
        assert len(items) == len(step["ids"])
        assert items.items() == [(id, items.get(id)) for id in step["ids"]]
        assert [items.index_of(id) for id in step["ids"]] == list(range(len(items)))


def carry_out(items: OrderedList, step: dict[str, Any], fresh: list[str]) -> object:
    match step["do"]:
        case "insert":
            fresh.append(step["id"])
            return items.insert(step["index"], step["value"])
        case "append":
            fresh.append(step["id"])
            return items.append(step["value"])
        case "move":
            return items.move(step["id"], step["index"])
        case "set":
            return items.set(step["id"], step["value"])
        case "remove":
            return items.remove(step["id"])
    return None


indexes = st.integers(-3, 12)
junk = st.sampled_from([None, 0, "", "a", "a0", "a0", "A" + 26 * "0", "z" * 27, "a1" + 126 * "z"])
steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["insert", "insert", "append", "move", "set", "remove", "junk", "merge"]),
        indexes,
        indexes,
        junk,
    ),
    max_size=40,
)


@given(steps)
def test_two_end_in_the_same_order_and_each_has_what_a_plain_list_has(
    given_steps: list[tuple[int, str, int, int, Any]],
) -> None:
    """[S21]"""
    replicas = [Replica("pa"), Replica("pb")]
    lists = [list_on(replica) for replica in replicas]
    for who, action, index, place, value in given_steps:
        replica, items = replicas[who], lists[who]
        plain = items.ids()
        id = plain[place % len(plain)] if plain else "none"
        act(replica, items, plain, action, index, id, value)
        if action == "merge":
            replica.merge(replicas[1 - who])
        elif action != "junk":
            assert items.ids() == plain
    replicas[0].merge(replicas[1])
    replicas[1].merge(replicas[0])
    assert lists[0].items() == lists[1].items()


def act(
    replica: Replica,
    items: OrderedList,
    plain: list[str],
    action: str,
    index: int,
    id: str,
    value: object,
) -> None:
    """Do the same to a list and to a plain one."""
    match action:
        case "insert":
            plain.insert(index, items.insert(index, value))
        case "append":
            plain.append(items.append(value))
        case "move":
            if items.move(id, index):
                plain.remove(id)
                plain.insert(index if index >= 0 else max(0, index + len(plain) + 1), id)
        case "set":
            assert items.set(id, value) == (id in plain)
        case "remove" if items.remove(id):
            plain.remove(id)
        case "junk":
            replica[f"{id}/at"] = value


def test_an_item_is_moved_and_edited_at_the_same_time() -> None:
    """[S21]"""
    ada, ben = Replica("pa"), Replica("pb")
    items = list_on(ada)
    first, second = items.append("one"), items.append("two")
    ben.merge(ada)
    items.move(first, 1)
    list_on(ben).set(first, "edited")
    ada.merge(ben)
    assert items.items() == [(second, "two"), (first, "edited")]


def test_it_is_read_as_a_list_of_its_values() -> None:
    """[S21]"""
    items = list_on(Replica())
    first, last = items.append("Milk"), items.append("Bread")
    items.insert(1, {"x": 1})
    assert list(items) == items.values() == ["Milk", {"x": 1}, "Bread"]
    assert (items[0], items[-1], items[1:]) == ("Milk", "Bread", [{"x": 1}, "Bread"])
    assert "Milk" in items
    assert first not in items
    assert (items.has(first), items.has("none"), items.has("a/b")) == (True, False, False)
    assert (items.index_of(last), items.index_of("none")) == (2, None)
    with pytest.raises(IndexError):
        items[3]


def test_a_gap_takes_any_number_of_items() -> None:
    """[S21] Positions stay short: neighbours move up."""
    replica = Replica()
    items = list_on(replica)
    plain = [items.append(0), items.append(1)]
    for n in range(1_000):
        plain.insert(1 + n % 2, items.insert(1 + n % 2, n))
    assert items.ids() == plain
    assert all(is_position(replica[f"{id}/at"]) for id in plain)
    assert sum(len(written) > 2 for written in replica.transactions) <= 5


def test_hostile_positions_cost_a_bounded_time() -> None:
    """[S21] Thousands without a position, behind the largest of all."""
    values = {f"i{n:04}/value": n for n in range(4_000)}
    replica = Replica(values={**values, "i0000/at": "z" * MAX_POSITION, "i0001/at": "z" * 27})
    items = list_on(replica)
    before = items.ids()
    new = items.append("last")
    assert items.ids() == [*before, new]


def test_what_is_no_value_or_no_id_changes_nothing() -> None:
    """[S21]"""
    replica = Replica(values={"a/at": "a0", "b/at": "a0", "a/value": 1, "b/value": 2})
    with pytest.raises(BadValue):
        list_on(replica).insert(1, {1, 2})
    with pytest.raises(BadName):
        OrderedList(replica, lambda: "a/b").append(1)
    assert not replica.transactions
    assert replica.state.entries["a/at"].value != DELETED
