"""What one shows of oneself as fast as it changes, and others see at a bounded rate."""

import asyncio
from collections.abc import Callable
from typing import Any

from callmesh.errors import Ended
from callmesh.presence import SharedPresence

After = Callable[[float, Callable[[], None]], object]


def later(seconds: float, act: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, act)


class Conflated:
    """A key of one's presence: the newest of several values is shown, after `every` seconds."""

    def __init__(
        self, presence: SharedPresence, key: str, every: float, after: After = later
    ) -> None:
        self._presence = presence
        self._key = key
        self._every = every
        self._after = after
        self._rests = False
        self._next: list[Any] = []
        """What came meanwhile, the newest last; None for nothing to show."""

    def show(self, value: Any) -> None:
        """The first is shown at once."""
        if self._rests:
            self._next = [value]
            return
        self._write(value)
        self._rests = True
        self._after(self._every, self._rested)

    def _rested(self) -> None:
        self._rests = False
        for value in self._next:
            self._next = []
            try:
                self.show(value)
            except Ended:
                return  # it is all over: there is nobody to show it to

    def _write(self, value: Any) -> None:
        if value is None:
            self._presence.pop(self._key, None)
        else:
            self._presence[self._key] = value
