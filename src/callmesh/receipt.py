"""Own writes on their way to disk, and receipts for those who wait for them."""

from dataclasses import dataclass, field
from typing import TypeAlias

from callmesh.errors import Denied
from callmesh.ids import StateId
from callmesh.state import Entry

Place: TypeAlias = tuple[StateId, str]


@dataclass(slots=True)
class Pending:
    """An own write that is not saved yet."""

    entry: Entry
    settled: int | None = None
    """The cursor at which the hub was seen to have it."""
    earlier: "list[Pending]" = field(default_factory=list)
    """Older writes of the key, newest first, that were sent and are not saved: the newest that the
    hub has, and the newest that it has not answered. They stand if this one is denied."""


@dataclass(slots=True)
class Receipt:
    """Follows writes to disk. `done` when each was saved, or overtaken by what was; or denied."""

    waiting: dict[Place, tuple[tuple[int, str], int | None]]
    """Stamp, and the cursor at which it was settled."""
    denied: list[Denied] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Whether the hub has answered for each."""
        return all(settled is not None for _, settled in self.waiting.values())

    @property
    def done(self) -> bool:
        return not self.waiting


def newest_of_each(earlier: list[Pending]) -> list[Pending]:
    """Of those that are settled, and of those that are not, the first."""
    kept: list[Pending] = []
    for pending in earlier:
        if all((pending.settled is None) != (other.settled is None) for other in kept):
            kept.append(pending)
    return kept
