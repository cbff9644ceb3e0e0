"""Storage that lives as long as the process: the default in tests and in the tutorial."""

from callmesh.ids import CallId, StateId
from callmesh.ledger import Delta, Kept, Record


class MemoryStorage:
    def __init__(self) -> None:
        self._records: dict[CallId, dict[tuple[StateId, str], Record]] = {}
        self._reserved: dict[CallId, int] = {}

    def load(self, call: CallId) -> Kept | None:
        if call not in self._reserved:
            return None
        return Kept(list(self._records[call].values()), self._reserved[call])

    def commit(self, deltas: dict[CallId, Delta]) -> None:
        for call, delta in deltas.items():
            kept = self._records.setdefault(call, {})
            for place in delta.forgotten:
                kept.pop(place, None)
            for record in delta.records:
                kept[record.state, record.entry.key] = record
            self._reserved[call] = delta.reserved

    def calls(self) -> list[CallId]:
        return sorted(self._reserved)

    def delete(self, call: CallId) -> None:
        self._records.pop(call, None)
        self._reserved.pop(call, None)

    def close(self) -> None:
        pass
