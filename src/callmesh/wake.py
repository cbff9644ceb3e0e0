"""Whether a machine has slept: timers stand still then, and some clocks do."""

from callmesh.clock import MICROSECONDS

SLEPT = 20 * MICROSECONDS
"""A longer time between two ticks is sleep; it may have taken the network with it."""


class Wake:
    """Told the time twice a second, by a clock that only runs forward and by that on the wall."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[int, int] | None = None

    def tick(self, steady: int, wall: int) -> bool:
        """Whether it has slept since the last tick."""
        last, self._last = self._last, (steady, wall)
        return last is not None and max(steady - last[0], wall - last[1]) >= SLEPT
