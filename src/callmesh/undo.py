"""Undo and redo in a running call: a `History`, fed by the mesh."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Raw

from callmesh.errors import BadInput, CallmeshError
from callmesh.history import History
from callmesh.ids import CALL, StateId
from callmesh.mesh import Change, Changed
from callmesh.replica import Replica
from callmesh.resource import RECORDS


class Undoable(Protocol):
    """The State whose writes are undone."""

    replica: Replica
    id: StateId
    open: dict[str, Raw] | None
    """What the transaction under way has written."""

    def write(self, keys: dict[str, Raw]) -> None: ...


class UndoHistory:
    """Made by `state.history()`. What somebody else has written since is never overwritten."""

    def __init__(self, state: Undoable, path: str, *, limit: int, merge: float) -> None:
        self._state = state
        self._path = path
        self._history = History(limit=limit, merge=int(merge * 1e6))
        self._moving = False
        replica = state.replica
        self._stops = [replica.listen(self._changed), replica.on_foreign(self._foreign)]

    @property
    def can_undo(self) -> bool:
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        return self._history.can_redo

    def undo(self) -> bool:
        """Take back the last step that is still one's own; whether there was one.

        Raises what writing raises; then nothing is undone. Not inside a transaction: `BadInput`.
        """
        self._check()
        return self._write(self._history.undo(), self._history.redo)

    def redo(self) -> bool:
        """Do again what was undone last; whether there was something. Raises as `undo`."""
        self._check()
        return self._write(self._history.redo(), self._history.undo)

    def clear(self) -> None:
        """Forget every step."""
        self._history.clear()

    def close(self) -> None:
        """Follow no longer. Twice is fine."""
        while self._stops:
            self._stops.pop()()
        self._history.clear()

    def _check(self) -> None:
        """Inside a transaction it would be a part of what is written, and a step once more."""
        if self._state.open is not None:
            raise BadInput("undo and redo are transactions of their own: call them outside of one")

    def _write(self, keys: dict[str, Raw], back: Callable[[], object]) -> bool:
        self._moving = True
        try:
            self._state.write(keys)
        except CallmeshError:
            back()
            raise
        finally:
            self._moving = False
        return bool(keys)

    def _changed(self, change: Change) -> None:
        if change.state != self._state.id:
            return
        if change.cause == "hub":  # a whole batch tells of no delete, and names no writer of one
            self._history.lost([key for key, c in change.keys.items() if c.new is None])
        own = {
            key: changed
            for key, changed in change.keys.items()
            if key.startswith(self._path) and not _begins_or_ends(change.state, key, changed)
        }
        if change.cause == "own" and own and not self._moving:
            self._history.wrote(own, self._state.replica.now())

    def _foreign(self, state: StateId, keys: list[str]) -> None:
        if state == self._state.id:
            self._history.lost(keys)


def _begins_or_ends(state: StateId, key: str, changed: Changed) -> bool:
    """Whether it adds or removes a resource: what was removed does not come back (R11)."""
    return state == CALL and key.startswith(RECORDS) and None in (changed.old, changed.new)
