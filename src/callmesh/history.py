"""History: undo and redo of one's own transactions, which never overwrite others' later work.

What somebody else writes is no longer one's own, and leaves every step: of a step the rest is
undone. Without I/O, and it knows nothing of the mesh: whoever owns it feeds it, and writes what
`undo` and `redo` say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Protocol, TypeAlias

from msgspec import Raw

from callmesh.state import DELETED

MAX_HISTORY = 4 * 1024 * 1024
"""Bytes of keys and values that a history keeps."""


class Edited(Protocol):
    """What one transaction did to one key; None where there is no value. A `Changed` is one."""

    @property
    def old(self) -> Raw | None: ...
    @property
    def new(self) -> Raw | None: ...


@dataclass(frozen=True, slots=True)
class Edit:
    old: Raw | None
    new: Raw | None


Edits: TypeAlias = dict[str, Edit]


class Step:
    """What one undo takes back: a transaction, or several that became one."""

    def __init__(self, edits: Edits, time: int) -> None:
        self.edits = edits
        self.time = time
        """Of its last transaction."""
        self.size = sum(_size(key, edit) for key, edit in edits.items())

    @property
    def changes(self) -> bool:
        """Whether it leaves anything otherwise than it was."""
        return any(edit.old != edit.new for edit in self.edits.values())

    def lose(self, keys: set[str]) -> None:
        for key in keys & self.edits.keys():
            self.size -= _size(key, self.edits.pop(key))

    def back(self) -> dict[str, Raw]:
        """What to write to undo it; what it did not change is left alone."""
        return {key: _write(e.old) for key, e in self.edits.items() if e.old != e.new}

    def forth(self) -> dict[str, Raw]:
        """What to write to redo it."""
        return {key: _write(e.new) for key, e in self.edits.items() if e.old != e.new}


class History:
    def __init__(self, *, limit: int = 100, merge: int = 500_000) -> None:
        self._limit = limit
        self._merge = merge
        self._done: list[Step] = []
        self._undone: list[Step] = []
        """Both oldest first, and in both every step changes something."""
        self._last: Step | None = None
        """The latest transaction's step, while the next may become one with it."""

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def wrote(self, keys: Mapping[str, Edited], now: int) -> None:
        """An own transaction; what was undone before can no longer be redone.

        `now` is in microseconds. Transactions on exactly the same keys, each within `merge` of the
        one before it, are one step: a drag is one undo.
        """
        step = Step({key: Edit(_kept(e.old), _kept(e.new)) for key, e in keys.items()}, now)
        if self._last is not None and self._is_one(self._last, step):
            step = _joined(self._last, step)
            if self._done and self._done[-1] is self._last:
                self._done.pop()  # else it was not kept, as it changed nothing
        elif not step.changes:
            return
        self._last = step
        self._undone.clear()
        if step.changes:
            self._done.append(step)
            self._trim()

    def lost(self, keys: Iterable[str]) -> None:
        """Somebody else wrote these keys, or one's own write of them was denied."""
        keys = set(keys)
        if self._last is not None and not keys.isdisjoint(self._last.edits):
            self._last = None
        for step in chain(self._done, self._undone):
            step.lose(keys)
        self._done = [step for step in self._done if step.changes]
        self._undone = [step for step in self._undone if step.changes]

    def undo(self) -> dict[str, Raw]:
        """Values to write as one transaction, `DELETED` for none; empty if there is no step left.

        That transaction is not for `wrote`.
        """
        step = self._move(self._done, self._undone)
        return step.back() if step else {}

    def redo(self) -> dict[str, Raw]:
        """As `undo`, for what was undone last."""
        step = self._move(self._undone, self._done)
        return step.forth() if step else {}

    def clear(self) -> None:
        self._done.clear()
        self._undone.clear()
        self._last = None

    def _is_one(self, last: Step, step: Step) -> bool:
        soon = self._merge > 0 and step.time - last.time <= self._merge
        return soon and step.edits.keys() == last.edits.keys()

    def _trim(self) -> None:
        size = sum(step.size for step in self._done)
        while self._done and (len(self._done) > self._limit or size > MAX_HISTORY):
            size -= self._done.pop(0).size

    def _move(self, stack: list[Step], other: list[Step]) -> Step | None:
        self._last = None  # nothing becomes one with what was undone or redone
        if not stack:
            return None
        other.append(stack.pop())
        return other[-1]


def _joined(first: Step, second: Step) -> Step:
    edits = {key: Edit(first.edits[key].old, edit.new) for key, edit in second.edits.items()}
    return Step(edits, second.time)


def _kept(value: Raw | None) -> Raw | None:
    """A copy: a value may be a view of the whole message that it came in."""
    return None if value is None else value.copy()


def _write(value: Raw | None) -> Raw:
    return DELETED if value is None else value


def _size(key: str, edit: Edit) -> int:
    return len(key.encode()) + sum(len(bytes(v)) for v in (edit.old, edit.new) if v is not None)
