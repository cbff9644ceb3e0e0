"""What is still known of streams that were closed here."""

from collections.abc import Iterator
from typing import NamedTuple

from callmesh.ids import ResourceId
from callmesh.lane import STALLED
from callmesh.messages import Taken
from callmesh.stream import label

MOST_CLOSED = 1_000
"""Streams of which it is known how far they had come; of older ones, how far the furthest had."""
MOST_OFFS = 100
"""Ends of one resource's streams that are said again over another link."""


class Count(NamedTuple):
    """How far a stream has counted, and how often it was opened."""

    number: int = 0
    opened: int = 0


class Past:
    """A stream that is opened again counts on from where it was, or from further on.

    So nothing that was said of it before is taken for what is said of it now.
    """

    def __init__(self) -> None:
        self._closed: dict[str, Count] = {}
        """By label, the latest last."""
        self._forgotten = Count()
        """The largest of those that are not in there any more."""
        self._offs: dict[str, tuple[Taken, int]] = {}
        """That streams were closed, and when: said again over another link, if that is soon."""

    def count(self, place: str) -> Count:
        """How far the stream with this label had come, at most."""
        return self._closed.get(place, self._forgotten)

    def opened(self, place: str) -> None:
        """It is open again: that it was closed counts no more."""
        self._offs.pop(place, None)

    def closed(self, off: Taken, number: int, now: int) -> None:
        """It was closed, of which `off` tells the others."""
        place = label(ResourceId(off.resource), off.name)
        self._closed.pop(place, None)
        self._closed[place] = Count(number, off.opened)
        if len(self._closed) > MOST_CLOSED:
            oldest = self._closed.pop(next(iter(self._closed)))
            self._forgotten = Count(*map(max, self._forgotten, oldest))
        self._offs[place] = off, now
        own = [place for place, (said, _) in self._offs.items() if said.resource == off.resource]
        if len(own) > MOST_OFFS:
            del self._offs[own[0]]

    @property
    def offs(self) -> Iterator[Taken]:
        """What is said again over another link."""
        return (off for off, _ in self._offs.values())

    def tick(self, now: int) -> None:
        """Let time pass while there is a link: what was said over it long ago was heard."""
        if self._offs:
            self._offs = {
                place: said for place, said in self._offs.items() if now - said[1] < STALLED
            }
