"""Storage that lives as long as the process: the default in tests and in the tutorial."""

from collections.abc import Collection, Mapping, Sequence

from callmesh.audit import START, Event, Line, follow
from callmesh.ids import CallId, StateId
from callmesh.ledger import Delta, Kept, Record


class MemoryStorage:
    def __init__(self) -> None:
        self._records: dict[CallId, dict[tuple[StateId, str], Record]] = {}
        self._reserved: dict[CallId, int] = {}
        self._audit: list[Line] = []

    def load(self, call: CallId) -> Kept | None:
        if call not in self._reserved:
            return None
        return Kept(list(self._records[call].values()), self._reserved[call])

    def commit(
        self,
        deltas: Mapping[CallId, Delta],
        events: Sequence[Event] = (),
        gone: Collection[CallId] = (),
    ) -> None:
        for call, delta in deltas.items():
            kept = self._records.setdefault(call, {})
            for place in delta.forgotten:
                kept.pop(place, None)
            for record in delta.records:
                kept[record.state, record.entry.key] = record
            self._reserved[call] = delta.reserved
        for event in events:
            self._audit.append(follow(self._audit[-1] if self._audit else START, event))
        for call in gone:
            self._records.pop(call, None)
            self._reserved.pop(call, None)

    def calls(self) -> list[CallId]:
        return sorted(self._reserved)

    def audit(self, after: int, most: int) -> list[Line]:
        return self._audit[after:][:most]

    def close(self) -> None:
        pass
