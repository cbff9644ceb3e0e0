"""State: a map of JSON values under string keys, last writer wins per key.

A State is a set of registers. Merging is commutative, associative and idempotent: order,
repetition and delay never matter.
"""

from collections.abc import Collection, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from callmesh.ids import Writer

DELETED = msgspec.Raw(b"\xc4\x00")
"""What stands for a value that was deleted: an empty byte string, which no JSON value is."""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One register: on the wire `[key, time, writer, value]`."""

    key: Annotated[str, Meta(max_length=1024)]
    """A path (S4)."""
    time: Annotated[int, Meta(ge=0, lt=2**53)]
    """Hybrid clock, microseconds since the epoch."""
    writer: Annotated[Writer, Meta(max_length=64)]
    """Who signed it: a participant, one of its frames, or `hub`."""
    value: msgspec.Raw
    """JSON, encoded in MessagePack; or `DELETED`, an empty byte string."""

    @property
    def deleted(self) -> bool:
        return self.value == DELETED

    @property
    def stamp(self) -> tuple[int, str]:
        return (self.time, self.writer)

    @property
    def size(self) -> int:
        """Bytes this entry answers for when a State is measured."""
        return len(self.key.encode()) + len(self.value) + 32


def newer(entry: Entry, than: Entry | None) -> bool:
    """Whether `entry` wins: the larger time, and on a tie the larger writer."""
    if than is None or entry.time != than.time:
        return than is None or entry.time > than.time
    return entry.writer > than.writer


class State:
    """The registers themselves, tombstones included."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.size = 0
        """Bytes of the live entries."""
        self.keys = 0
        """Live keys."""

    def merge(self, entry: Entry) -> bool:
        """Take `entry` if it wins over what is there; tell whether it did."""
        if not newer(entry, self.entries.get(entry.key)):
            return False
        self.put(entry)
        return True

    def put(self, entry: Entry) -> None:
        """Take `entry` as it comes, without comparing stamps: the hub has decided."""
        old = self.entries.pop(entry.key, None)
        self.entries[entry.key] = entry
        was = old is not None and old.value != DELETED
        live = entry.value != DELETED
        if was and live:
            assert old is not None
            self.size += len(entry.value) - len(old.value)
        elif live:
            self.size += entry.size
            self.keys += 1
        elif was:
            assert old is not None
            self.size -= old.size
            self.keys -= 1

    def forget(self, key: str) -> None:
        """Drop a register altogether, as if it had never been."""
        old = self.entries.pop(key, None)
        if old is not None and not old.deleted:
            self.size -= old.size
            self.keys -= 1

    @property
    def tombstones(self) -> int:
        """Deletes that are remembered."""
        return len(self.entries) - self.keys

    def live(self) -> Iterator[Entry]:
        return (entry for entry in self.entries.values() if not entry.deleted)


class HeadedState(State):
    """A State that also knows the live keys under each first segment: what a participant shows."""

    def __init__(self) -> None:
        super().__init__()
        self._heads: dict[str, dict[str, None]] = {}

    def under(self, head: str) -> Collection[str]:
        """Live keys that are `head`, or start with it as their first segment."""
        return self._heads.get(head, {}).keys()

    def put(self, entry: Entry) -> None:
        super().put(entry)
        if entry.deleted:
            self._unhead(entry.key)
        else:
            self._heads.setdefault(_head(entry.key), {})[entry.key] = None

    def forget(self, key: str) -> None:
        super().forget(key)
        self._unhead(key)

    def _unhead(self, key: str) -> None:
        head = _head(key)
        keys = self._heads.get(head, {})
        if key in keys:
            del keys[key]
            if not keys:
                del self._heads[head]


def _head(key: str) -> str:
    return key.partition("/")[0]
