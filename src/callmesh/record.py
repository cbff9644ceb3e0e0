"""What the hub writes itself: entries of its own, and its record of a call, shown to nobody."""

from typing import Generic, TypeVar

import msgspec

from callmesh.clock import HybridClock
from callmesh.ids import HUB, RECORD, StateId
from callmesh.ledger import Ledger
from callmesh.state import DELETED, Entry
from callmesh.values import decode, encode

Id = TypeVar("Id", bound=str)
Thing = TypeVar("Thing", bound=msgspec.Struct)


class HubPen:
    """Writes entries in the hub's name. `now` is microseconds since the epoch."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._clock = HybridClock()

    def write(self, state: StateId, key: str, value: object, now: int) -> None:
        self._put(state, key, encode(value), now)

    def delete(self, state: StateId, key: str, now: int) -> None:
        self._put(state, key, DELETED, now)

    def _put(self, state: StateId, key: str, value: msgspec.Raw, now: int) -> None:
        self._clock.saw(self._ledger.seen)
        self._ledger.accept(state, Entry(key, self._clock.stamp(now), HUB, value))


class Record(Generic[Id, Thing]):
    """One kind of thing in the hub's record, by id: saved by the ledger, as any State is."""

    def __init__(self, ledger: Ledger, pen: HubPen, prefix: str, kind: type[Thing]) -> None:
        self._pen = pen
        self._prefix = prefix
        self.all: dict[Id, Thing] = {}
        for entry in ledger.state(RECORD).live():
            if entry.key.startswith(prefix):
                try:
                    thing = msgspec.convert(decode(entry.value), kind)
                except msgspec.ValidationError:
                    continue  # of another version
                self.all[entry.key.removeprefix(prefix)] = thing  # type: ignore[index]

    def keep(self, id: Id, thing: Thing, now: int) -> None:
        """Keep a thing, or what it has become."""
        self.all[id] = thing
        self._pen.write(RECORD, self._prefix + id, msgspec.to_builtins(thing), now)

    def forget(self, id: Id, now: int) -> None:
        if self.all.pop(id, None) is not None:
            self._pen.delete(RECORD, self._prefix + id, now)
