"""Whose message leaves next by way of the hub, where several streams have something that waits.

What is small goes before what is large, so that a file that fills the window holds up no trace and
no pointer: until a large one that waits has let `MAX_PAYLOAD` bytes go first.
"""

from collections.abc import Iterable
from typing import TypeVar

from callmesh.messages import MAX_PAYLOAD
from callmesh.stream import HEAD

QUICK = 8 * 1024
"""Bytes of a message, or of a part of one, that goes before larger ones."""

T = TypeVar("T")


def allowed(size: int) -> int:
    """Bytes beyond the window that a message may make: what is small finds room in a full one."""
    return MAX_PAYLOAD if size <= QUICK else 0


class Turns:
    __slots__ = ("_got_in",)

    def __init__(self) -> None:
        self._got_in = 0
        """Bytes of small ones that have left before a large one that waits."""

    def choose(self, waiting: Iterable[tuple[T, int]], room: int) -> T | None:
        """One of those that wait, with their sizes; None while it has no room in the window."""
        small: tuple[T, int] | None = None
        large: tuple[T, int] | None = None
        for one in waiting:
            if one[1] > QUICK:
                large = large or one
            else:
                small = small or one
        if large is None:
            self._got_in = 0
        chosen = small if small is not None and self._got_in < MAX_PAYLOAD else large
        if chosen is None or chosen[1] > room + allowed(chosen[1]):
            return None
        if chosen is large:
            self._got_in = 0
        elif large is not None:
            self._got_in += chosen[1] + HEAD
        return chosen[0]
