"""What changed in a State: as listeners are told it, and as readers get it."""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import Raw

from callmesh.errors import BadValue, Denied
from callmesh.ids import ParticipantId, StateId
from callmesh.mesh import Change, Changed
from callmesh.values import decode

log = logging.getLogger("callmesh")


class StateChange(Mapping[str, tuple[Any, Any]]):
    """What changed: key → (old value, new value).

    A key that is not there reads as None; `deleted` tells it from a value that is None.
    """

    def __init__(self, keys: Mapping[str, Changed], denied: Denied | None = None) -> None:
        self._keys = keys
        self._denied = denied
        self.heard = denied is None
        """Whether somebody has looked at what was denied, if something was."""

    @property
    def denied(self) -> Denied | None:
        """Why, where own writes were refused and are undone by this."""
        self.heard = True
        return self._denied

    def __getitem__(self, key: str) -> tuple[Any, Any]:
        changed = self._keys[key]
        return _read(changed.old), _read(changed.new)

    def __repr__(self) -> str:
        denied = f" denied: {self._denied}" if self._denied else ""
        return f"<StateChange {dict(self)!r}{denied}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def deleted(self, key: str) -> bool:
        return self._keys[key].new is None

    def writer(self, key: str) -> ParticipantId:
        """Who wrote the new value."""
        return ParticipantId(self._keys[key].writer.partition(".")[0])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a State is asked for, as seen from `path`: one key, or what begins with a prefix."""

    state: StateId
    path: str
    key: str | None
    prefix: str

    def of(self, change: Change) -> dict[str, Changed]:
        """What is asked for, of a change."""
        if change.state != self.state:
            return {}
        own, wanted = len(self.path), self.path + (self.prefix if self.key is None else self.key)
        return {
            name[own:]: changed
            for name, changed in change.keys.items()
            if (name.startswith(wanted) if self.key is None else name == wanted)
        }


def wanted(state: StateId, path: str, key: str | None, prefix: str) -> Wanted:
    """Raises `BadValue` for what cannot be asked for."""
    if key is not None and prefix:
        raise BadValue("ask for one key= or for a prefix=, not for both")
    return Wanted(state, path, key, prefix)


def check_listener(listener: object, instead: str = "") -> None:
    """Raises `BadValue` unless `listener` is a plain function. `instead` is for a coroutine."""
    if not callable(listener):
        raise BadValue(f"a listener is a function; this is {listener!r}")
    called = type(listener).__call__  # of an object that can be called
    if inspect.iscoroutinefunction(listener) or inspect.iscoroutinefunction(called):
        raise BadValue(f"a listener is a plain function, and nobody would await this one{instead}")


class Gathered:
    """What a reader has not taken yet, as one change; what cancels itself out is none."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._keys: dict[str, Changed] = {}
        self._denied: Denied | None = None

    def add(self, change: Change) -> bool:
        """Whether any of it is asked for."""
        found = self._wanted.of(change)
        for name, changed in found.items():
            before = self._keys.pop(name, changed)
            if before.old != changed.new:
                self._keys[name] = Changed(before.old, changed.new, changed.writer)
        if found:
            self._denied = change.denied or self._denied
        return bool(found)

    def take(self) -> StateChange | None:
        if not self._keys and self._denied is None:
            return None
        change = StateChange(self._keys, self._denied)
        self._keys, self._denied = {}, None
        return change


def teller(wanted: Wanted, listener: Callable[[StateChange], object]) -> Callable[[Change], bool]:
    """What passes on to `listener` what it asked for; whether it has heard of what was denied."""

    def tell(change: Change) -> bool:
        found = wanted.of(change)
        if not found:
            return False
        told = StateChange(found, change.denied)
        try:
            listener(told)
        except Exception:
            log.exception("a listener of %s failed", wanted.state)
        return told.heard

    return tell


def _read(data: Raw | None) -> Any:
    return None if data is None else decode(data)
