"""Ordered lists in a State: everybody may insert, move, edit and remove at the same time.

An item is two registers, `<id>/at` and `<id>/value`, so that moving it and editing it do not
conflict. `at` is its position: a text between those of its neighbours (fractional indexing by
David Greenspan, in the public domain; the page has it from the package fractional-indexing, and
`vectors/lists.json` holds both to the same keys). All are ASCII: both languages order them alike.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeGuard, overload

from callmesh.errors import BadName

MAX_POSITION = 128
"""Characters of a position. Some 700 items go one after the other into one gap; then their
neighbours move up."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HEADS = _DIGITS[10:]
"""What a position starts with. It tells how long the integer is: Z9 < a0 < a9 < b00, as Y < Z."""
_SMALLEST = "A" + 26 * "0"
"""The one integer that is no position: nothing would fit in before it."""
_POSITION = re.compile(r"[A-Za-z][0-9A-Za-z]+", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Registers(Protocol):
    """Where a list lives: a State, or a part of one, with the keys relative to the list."""

    def __contains__(self, key: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __getitem__(self, key: str, /) -> Any: ...
    def __setitem__(self, key: str, value: object, /) -> None: ...
    def __delitem__(self, key: str, /) -> None: ...
    def get(self, key: str, /) -> Any: ...
    def transaction(self) -> AbstractContextManager[None]: ...


class Slot(NamedTuple):
    at: str | None
    """None where there is no position, or what is none."""
    id: str


class OrderedList:
    """Items in order of position, ties by id; those without a position stand last.

    `new_id` gives an id that nobody has: 1–64 letters, digits, - or _. An index is that of a plain
    list: negative ones count from the end, and none is out of range but in `list[index]`. What asks
    for an item by its id tells whether it is there: somebody else may have removed it a moment ago.
    Iterated, indexed and asked with `in` it is a list of its values.
    """

    def __init__(self, state: Registers, new_id: Callable[[], str]) -> None:
        self._state = state
        self._new_id = new_id

    def __repr__(self) -> str:
        return f"<OrderedList {self.values()!r}>"

    def __len__(self) -> int:
        return sum(1 for _ in self._unordered())

    def __iter__(self) -> Iterator[Any]:
        """The values, in order, as they are now."""
        return iter(self.values())

    def __contains__(self, value: object) -> bool:
        return value in self.values()

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """The value there. Raises `IndexError` where there is none."""
        return self.values()[index]

    def has(self, id: str) -> bool:
        """Whether there is an item of this id."""
        return bool(_ID.fullmatch(id)) and f"{id}/value" in self._state

    def values(self) -> list[Any]:
        return [value for _, value in self.items()]

    def index_of(self, id: str) -> int | None:
        """Where an item stands; None where it is not there."""
        return next((n for n, slot in enumerate(self._slots()) if slot.id == id), None)

    def ids(self) -> list[str]:
        return [slot.id for slot in self._slots()]

    def items(self) -> list[tuple[str, Any]]:
        """Ids and values."""
        return [(id, self._state[f"{id}/value"]) for id in self.ids()]

    def get(self, id: str, default: Any = None) -> Any:
        return self._state[f"{id}/value"] if self.has(id) else default

    def insert(self, index: int, value: object) -> str:
        """Put a new item before the one at `index`; returns its id."""
        id = self._new_id()
        if not _ID.fullmatch(id):
            raise BadName("the id of an item is 1–64 letters, digits, - or _")
        slots = self._slots()
        with self._state.transaction():
            self._place(slots, _clamped(index, len(slots)), id)
            self._state[f"{id}/value"] = value
        return id

    def append(self, value: object) -> str:
        return self.insert(len(self), value)

    def move(self, id: str, index: int) -> bool:
        """Put an item where it then has this index; tells whether it is there."""
        slots = self._slots()
        now = next((n for n, slot in enumerate(slots) if slot.id == id), None)
        if now is None:
            return False
        index = min(_clamped(index, len(slots)), len(slots) - 1)
        del slots[now]
        if index != now:
            with self._state.transaction():
                self._place(slots, index, id)
        return True

    def set(self, id: str, value: object) -> bool:
        """Give an item another value; tells whether it is there."""
        if not self.has(id):
            return False
        self._state[f"{id}/value"] = value
        return True

    def remove(self, id: str) -> bool:
        """Tells whether it was there."""
        if not self.has(id):
            return False
        with self._state.transaction():
            del self._state[f"{id}/value"]
            if f"{id}/at" in self._state:
                del self._state[f"{id}/at"]
        return True

    def _unordered(self) -> Iterator[str]:
        for key in self._state:
            id, _, name = key.partition("/")
            if name == "value" and _ID.fullmatch(id):
                yield id

    def _slots(self) -> list[Slot]:
        slots = [Slot(self._position(id), id) for id in self._unordered()]
        return sorted(slots, key=lambda slot: (slot.at is None, slot.at or "", slot.id))

    def _position(self, id: str) -> str | None:
        at = self._state.get(f"{id}/at")
        return at if is_position(at) else None

    def _place(self, slots: list[Slot], index: int, id: str) -> None:
        """Position an item that is not among `slots`, and its neighbours where they leave no room.

        Those who insert in the same place at the same time get the same position.
        """
        start, positions = _room([slot.at for slot in slots], index)
        slots.insert(index, Slot(None, id))
        for slot, at in zip(slots[start:], positions, strict=False):
            if slot.at != at:
                self._state[f"{slot.id}/at"] = at


def _clamped(index: int, length: int) -> int:
    return min(index, length) if index >= 0 else max(0, index + length)


# --- room for one more


def _room(ats: Sequence[str | None], index: int) -> tuple[int, list[str]]:
    """Positions for a new item at `index` and for as few around it as needed; where they begin."""
    low, high = _crowd(ats, index)
    while True:
        count = high - low + 1
        after = ats[low - 1] if low else None
        before = ats[high] if high < len(ats) else None
        positions = between(after, before, count)
        if all(map(is_position, positions)):
            return low, positions
        # Too long, or at the end of what there is. The whole list always fits.
        low, high = max(0, low - count), min(len(ats), high + count)


def _crowd(ats: Sequence[str | None], index: int) -> tuple[int, int]:
    """The fewest items on one side of a gap that have to give way: those that stand on one spot."""
    low = high = index
    before = ats[index] if index < len(ats) else None
    while low > 0 and not _stands_before(ats[low - 1], before):
        low -= 1
    if low == index or ats[index - 1] is None:
        return low, index
    while high < len(ats) and not _stands_before(ats[index - 1], ats[high]):
        high += 1
    return (low, index) if index - low <= high - index else (index, high)


def _stands_before(at: str | None, other: str | None) -> bool:
    return at is not None and (other is None or at < other)


# --- positions


def is_position(value: object) -> TypeGuard[str]:
    """Whether it can be a position: an integer, and a fraction that does not end in 0."""
    if not isinstance(value, str) or len(value) > MAX_POSITION or not _POSITION.fullmatch(value):
        return False
    integer, fraction = _split(value)
    whole = len(integer) == 1 + _length(value[0])
    return whole and value != _SMALLEST and not fraction.endswith("0")


def between(after: str | None, before: str | None, count: int) -> list[str]:
    """Positions in order; None for no bound. What is no position says that there is no room."""
    if count == 0:
        return []
    if before is None:
        return _chain(after, count, lambda last: _between(last, None))
    if after is None:
        return _chain(before, count, lambda last: _between(None, last))[::-1]
    middle = _between(after, before)
    half = count // 2
    return [
        *between(after, middle, half),
        middle,
        *between(middle, before, count - half - 1),
    ]


def _chain(start: str | None, count: int, following: Callable[[str | None], str]) -> list[str]:
    chain = [following(start)]
    while len(chain) < count:
        chain.append(following(chain[-1]))
    return chain


def _between(after: str | None, before: str | None) -> str:
    if after is None:
        return "a0" if before is None else _below(before)
    integer, fraction = _split(after)
    if before is not None and integer == _split(before)[0]:
        return integer + _midpoint(fraction, _split(before)[1])
    following = _step(integer, 1)
    if following is None or (before is not None and following >= before):
        return integer + _above(fraction)
    return following


def _below(before: str) -> str:
    integer, fraction = _split(before)
    if integer == _SMALLEST and fraction:
        return integer + _midpoint("", fraction)
    if fraction:
        return integer
    return _step(integer, -1) or _SMALLEST


def _split(position: str) -> tuple[str, str]:
    """Integer and fraction."""
    end = 1 + _length(position[0])
    return position[:end], position[end:]


def _length(head: str) -> int:
    """How many digits follow the head of an integer."""
    at = _HEADS.index(head)
    return at - 25 if at >= 26 else 26 - at


def _step(integer: str, step: int) -> str | None:
    """The next integer, or with -1 the one before; None where they end."""
    full, empty = ("z", "0") if step > 0 else ("0", "z")
    kept = integer[1:].rstrip(full)
    if kept:
        digit = _DIGITS[_DIGITS.index(kept[-1]) + step]
        return (integer[0] + kept[:-1] + digit).ljust(len(integer), empty)
    at = _HEADS.index(integer[0]) + step
    return _HEADS[at] + empty * _length(_HEADS[at]) if 0 <= at < len(_HEADS) else None


def _midpoint(low: str, high: str) -> str:
    """A fraction between two; `high` is not empty, and neither ends in 0."""
    shared = next(n for n, digit in enumerate(high) if (low[n : n + 1] or "0") != digit)
    first, last = _digit(low, shared), _digit(high, shared)
    if last - first > 1:
        return high[:shared] + _DIGITS[(first + last + 1) // 2]
    if len(high) > shared + 1:
        return high[: shared + 1]
    return high[:shared] + _DIGITS[first] + _above(low[shared + 1 :])


def _above(low: str) -> str:
    """A fraction between `low` and 1."""
    full = len(low) - len(low.lstrip("z"))
    return low[:full] + _DIGITS[(_digit(low, full) + len(_DIGITS) + 1) // 2]


def _digit(fraction: str, place: int) -> int:
    return _DIGITS.index(fraction[place]) if place < len(fraction) else 0
