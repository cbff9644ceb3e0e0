"""Where participants point (A21)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from callmesh.changes import check_listener
from callmesh.conflated import Conflated
from callmesh.errors import BadValue
from callmesh.ids import ParticipantId
from callmesh.leading import ServiceParts
from callmesh.values import encode

EVERY = 0.04
"""Seconds between what others see of a pointer."""
KEY = "callmesh/point"
MAX_VIEW = 200
"""Characters of the name of a view."""


@dataclass(frozen=True, slots=True)
class Pointed:
    """Where somebody points."""

    id: ParticipantId
    name: str
    colour: str
    """A CSS colour, the same one on everybody's screen."""
    view: str
    """What it is relative to: a page, a picture, whatever the app calls so."""
    x: float
    y: float
    """In units of the view, whatever these are."""


class Pointer:
    """`resource.pointer`."""

    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts
        self._shown = Conflated(parts.presence, KEY, EVERY)

    def at(self, x: float, y: float, view: str = "") -> None:
        """Point there. Others see it 25 times a second at most, and the last place always.

        Raises `BadValue`.
        """
        if not (_is_number(x) and _is_number(y) and isinstance(view, str)) or len(view) > MAX_VIEW:
            raise BadValue(
                "a pointer is at(x, y, view): two numbers, and a name of at most "
                f"{MAX_VIEW} characters"
            )
        place = [view, x, y]
        encode(place)
        self._shown.show(place)

    def hide(self) -> None:
        """Point nowhere."""
        self._shown.show(None)

    @property
    def others(self) -> list[Pointed]:
        """Where the others point."""
        me, here = self._parts.me().id, self._parts.here()
        found = []
        for id, own in self._parts.presence.all().items():
            match own.get(KEY):
                case [str() as view, x, y, *_] if _is_number(x) and _is_number(y):
                    if id != me and id in here:
                        name, colour = here[id].name, self.colour(id)
                        found.append(Pointed(id, name, colour, view, x, y))
        return found

    def colour(self, id: ParticipantId | None = None) -> str:
        """The colour of a participant; one's own without one."""
        return f"hsl({_hue(id or self._parts.me().id):g} 75% 45%)"

    def subscribe(self, tell: Callable[[list[Pointed]], object]) -> Callable[[], None]:
        """Call `tell` with `others` now, and whenever they point elsewhere.

        Returns what ends it.
        """
        check_listener(tell)
        return self._parts.replica.moved.watch(lambda: self.others, lambda: tell(self.others))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _hue(id: str) -> float:
    """Ids are random: any mixture of their characters spreads them."""
    hue = 0
    for character in id:
        hue = (hue * 31 + ord(character)) % 3_600
    return hue / 10
